"""The ledger against a plain reference that keeps every fact and adds up from scratch."""

import pickle

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from plan_samples import plan, simulation_of

from bot.core.decisions import Reservation, Verdict, Window
from bot.core.records import IntentRecord, LedgerEntry, OpenIntent
from bot.risk.holds import KEPT_BLOCKS, KEPT_NONCES
from bot.risk.ledger import DAY, Ledger, is_failure

WALLETS = ("main", "alt")
COSTS = st.integers(0, 2**80)
wallets = st.sampled_from(WALLETS)


def entry(wallet="main", verdict=Verdict.LANDED, gas_cost=0, profit=0, at=0, intent="intent"):
    return LedgerEntry(intent, wallet, "arbitrage", verdict, gas_cost, profit, at)


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.ledger = Ledger()
        self.payloads = []  # (intent, reservation, window), every one ever reserved
        self.entries = []  # every one ever told, corrections included
        self.next_nonce = dict.fromkeys(WALLETS, 0)
        self.head = self.highest = 100
        self.now = 5 * DAY

    @rule(wallet=wallets, ahead=st.integers(0, 2), worst=COSTS, expired=COSTS, width=st.integers(1, 8))
    def reserve(self, wallet, ahead, worst, expired, width):
        reservation = Reservation(
            wallet, self.next_nonce[wallet] + ahead, max(worst, expired), min(worst, expired)
        )
        window = Window(self.head + 1, self.head + width)
        name = f"intent {len(self.payloads)}"
        self.ledger.reserve(name, reservation, window)
        self.payloads.append((name, reservation, window))

    @precondition(lambda self: self.unsettled_payloads())
    @rule(data=st.data(), worst=COSTS)
    def bump(self, data, worst):
        name, old, window = data.draw(st.sampled_from(self.unsettled_payloads()))
        dearer = Reservation(old.wallet, old.nonce, worst, worst // 3)
        self.ledger.reserve(name, dearer, window)
        self.payloads.append((name, dearer, window))

    @rule(step=st.integers(-10, 12) | st.just(2 * KEPT_BLOCKS))
    def block(self, step):
        """No reorg is deeper than 64 blocks."""
        self.head = max(self.head + step, self.highest - 64)
        self.highest = max(self.highest, self.head)

    @rule(wallet=wallets, step=st.integers(-3, 3))
    def nonce_moves(self, wallet, step):
        self.next_nonce[wallet] = max(0, self.next_nonce[wallet] + step)
        self.ledger.note_next_nonce(wallet, self.next_nonce[wallet])

    @rule(
        data=st.data(),
        wallet=wallets,
        verdict=st.sampled_from(list(Verdict)),
        gas_cost=COSTS,
        profit=st.none() | st.integers(-(2**80), 2**80),
        later=st.sampled_from([0, 1, DAY // 3, DAY]),
    )
    def outcome(self, data, wallet, verdict, gas_cost, profit, later):
        """Of an intent that holds budget or of another; a first one, or a correction."""
        self.now += later
        mine = {name for name, reservation, _ in self.payloads if reservation.wallet == wallet}
        name = data.draw(st.sampled_from([*sorted(mine), f"{wallet} a", f"{wallet} b"]))
        if verdict not in (Verdict.LANDED, Verdict.MINED_REVERTED):
            gas_cost, profit = 0, None
        self.entries.append(entry(wallet, verdict, gas_cost, profit, self.now, name))
        self.ledger.settle(self.entries[-1])

    @rule()
    def restart(self):
        """A ledger rebuilt from what the journal gives answers as the one that lived through it."""
        self.ledger = Ledger.rebuilt(
            self.last_entries(), [open_intent(*payload) for payload in self.payloads]
        )
        for wallet in WALLETS:
            self.ledger.note_next_nonce(wallet, self.next_nonce[wallet])

    @invariant()
    def sums_are_those_of_the_reference(self):
        for wallet in WALLETS:
            assert self.ledger.in_flight(wallet, self.head) == self.expected_in_flight(wallet)
            today = [
                e
                for e in self.last_entries()
                if e.wallet == wallet and e.recorded_at // DAY == self.now // DAY
            ]
            assert self.ledger.gas_spend(wallet, self.now) == sum(e.gas_cost for e in today)
            nets = [(e.realized_profit or 0) - e.gas_cost for e in today]
            assert self.ledger.loss(wallet, self.now) == -sum(net for net in nets if net < 0)
            assert self.ledger.failures_in_a_row(wallet) == self.expected_failures(wallet)

    @invariant()
    def nothing_unused_is_ever_free(self):
        for _, reservation, window in self.payloads:
            if reservation.nonce >= self.next_nonce[reservation.wallet]:
                cost = reservation.worst_cost if self.head < window.last_block else reservation.expired_cost
                assert self.ledger.in_flight(reservation.wallet, self.head) >= cost

    @invariant()
    def nothing_used_is_free_before_it_is_settled(self):
        for _, reservation, _ in self.unsettled_payloads():
            assert self.ledger.in_flight(reservation.wallet, self.head) >= (
                reservation.worst_cost if reservation.nonce < self.next_nonce[reservation.wallet] else 0
            )

    def last_entries(self):
        """What the journal gives at a start: of each intent the last, in order."""
        last = {e.intent: index for index, e in enumerate(self.entries)}
        return [e for index, e in enumerate(self.entries) if last[e.intent] == index]

    def unsettled_payloads(self):
        settled = {e.intent for e in self.last_entries() if e.verdict is not Verdict.UNKNOWN}
        return [payload for payload in self.payloads if payload[0] not in settled]

    def expected_in_flight(self, wallet):
        total = 0
        for nonce in {r.nonce for _, r, _ in self.payloads if r.wallet == wallet}:
            if nonce < self.next_nonce[wallet]:
                unsettled = [
                    r for _, r, _ in self.unsettled_payloads() if (r.wallet, r.nonce) == (wallet, nonce)
                ]
                total += max((r.worst_cost for r in unsettled), default=0)
                continue
            total += max(
                r.worst_cost if self.head < w.last_block else r.expired_cost
                for _, r, w in self.payloads
                if r.wallet == wallet and r.nonce == nonce
            )
        return total

    def expected_failures(self, wallet):
        count = 0
        for e in self.last_entries():
            if e.wallet == wallet and e.verdict in (Verdict.MINED_REVERTED, Verdict.UNKNOWN):
                count += 1
            elif e.wallet == wallet and e.verdict is Verdict.LANDED:
                count = 0
        return count


def open_intent(name, reservation, window):
    sample = plan(id=name, wallet=reservation.wallet, window=window)
    return OpenIntent(IntentRecord("run", sample, simulation_of(sample), reservation, (), 0), ())


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_only_money_lost_or_unknown_is_a_failure():
    assert {verdict for verdict in Verdict if is_failure(verdict)} == {
        Verdict.MINED_REVERTED,
        Verdict.UNKNOWN,
    }


@pytest.mark.parametrize("verdict", [Verdict.OUTBID, Verdict.LATE, Verdict.EXPIRED, Verdict.BASE_FEE_MOVED])
def test_not_landing_neither_counts_nor_resets(verdict):
    ledger = Ledger()
    ledger.settle(entry(verdict=Verdict.MINED_REVERTED))
    ledger.settle(entry(verdict=verdict, intent="another"))
    assert ledger.failures_in_a_row("main") == 1


def test_an_intent_cannot_hold_two_nonces():
    ledger = Ledger()
    ledger.reserve("intent", Reservation("main", 3, 5, 1), Window(1, 2))
    with pytest.raises(ValueError, match="holds nonce 3 and cannot also hold 4"):
        ledger.reserve("intent", Reservation("main", 4, 5, 1), Window(1, 2))
    assert ledger.in_flight("main", 0) == 5


def test_a_refused_signature_gives_its_budget_back():
    ledger = Ledger()
    ledger.reserve("intent", Reservation("main", 3, 5, 1), Window(1, 2))
    ledger.release_unsigned("main", "intent")
    assert ledger.in_flight("main", 0) == 0


def test_a_planned_payload_counts_at_its_own_nonce_once():
    ledger = Ledger()
    ledger.reserve("intent", Reservation("main", 3, 5, 1), Window(1, 2))
    assert ledger.in_flight("main", 0, Reservation("main", 3, 4, 1)) == 5
    assert ledger.in_flight("main", 0, Reservation("main", 3, 6, 1)) == 6
    assert ledger.in_flight("main", 0, Reservation("main", 4, 6, 1)) == 11
    assert ledger.in_flight("main", 2, Reservation("main", 3, 0, 0)) == 1


def test_reservations_deeper_than_any_reorg_are_forgotten_once_settled():
    ledger = Ledger()
    ledger.reserve("old", Reservation("main", 0, 5, 1), Window(1, 2))
    ledger.note_next_nonce("main", KEPT_NONCES)
    ledger.note_next_nonce("main", 0)
    assert ledger.in_flight("main", 0) == 5, "a reorg gives it back"
    ledger.note_next_nonce("main", KEPT_NONCES + 1)
    assert ledger.in_flight("main", 0) == 5, "what it cost is still not booked"
    ledger.settle(entry(intent="old"))
    ledger.note_next_nonce("main", KEPT_NONCES + 1)
    ledger.note_next_nonce("main", 0)
    assert ledger.in_flight("main", 0) == 0


def test_a_used_nonce_holds_its_worst_cost_until_its_gas_is_booked():
    """Also after its window: it was used, so the bounded revert is not what it cost."""
    ledger = Ledger()
    ledger.reserve("intent", Reservation("main", 3, 5, 1), Window(101, 101))
    for head in (101, 102, 200):
        ledger.note_next_nonce("main", 4)
        assert ledger.in_flight("main", head) == 5
    ledger.settle(entry(verdict=Verdict.UNKNOWN))
    assert ledger.in_flight("main", 200) == 5
    ledger.settle(entry(gas_cost=4, profit=None))
    assert (ledger.in_flight("main", 200), ledger.gas_spend("main", 0)) == (0, 4)


def test_a_stop_with_intents_open_is_no_lasting_failure():
    """Each wrote `unknown`; the next run found that they had only not landed."""
    ledger = Ledger()
    ledger.settle(entry(verdict=Verdict.MINED_REVERTED, intent="reverted"))
    for stop in range(5):
        ledger.settle(entry(verdict=Verdict.UNKNOWN, intent=f"open {stop}"))
    assert ledger.failures_in_a_row("main") == 6
    for stop in range(5):
        ledger.settle(entry(verdict=Verdict.OUTBID, intent=f"open {stop}"))
    assert ledger.failures_in_a_row("main") == 1


def test_a_corrected_end_is_booked_once():
    ledger = Ledger()
    ledger.settle(entry(gas_cost=10, profit=3))
    ledger.settle(entry(gas_cost=8, profit=3, at=DAY))
    assert (ledger.gas_spend("main", 0), ledger.gas_spend("main", DAY)) == (0, 8)
    assert (ledger.loss("main", 0), ledger.loss("main", DAY)) == (0, 5)
    ledger.settle(entry(verdict=Verdict.UNCLED, profit=None, at=DAY))
    assert (ledger.gas_spend("main", DAY), ledger.loss("main", DAY)) == (0, 0)


def test_a_losing_streak_does_not_grow_what_is_kept():
    ledger = Ledger()
    sizes = []
    for number in range(100, 2_100):
        name = f"loss {number}"
        ledger.reserve(name, Reservation("main", 7, 50 + number % 7, number % 13), Window(number, number))
        ledger.settle(entry(verdict=Verdict.OUTBID, profit=None, intent=name))
        sizes.append(len(pickle.dumps(ledger)))
    assert max(sizes[500:]) < 1.1 * max(sizes[:500])
    assert ledger.in_flight("main", 2_100) == 12, "the dearest of all of them, expired"

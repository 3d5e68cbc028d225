"""Any history of sends, blocks, faults of the node, reorgs and restarts: once the node is well, the last word is true."""

import asyncio
import itertools
import os

from execution_stage import CONFIG, MAIN, OPERATOR, opportunity, plan_on, tx_hash
from fake_chain_reader import FakeChainReader, Mined
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from in_flight_stage import ACCEPTED, landing, stored

from bot.core.decisions import Reservation, Verdict, Window
from bot.core.records import LedgerEntry
from bot.core.result import Ok, Unknown
from bot.core.units import Wei
from bot.execution.maintenance import InFlight
from bot.risk.ledger import Ledger

EXAMPLES = int(os.environ.get("HISTORIES", "60"))
MOST_DOUBLINGS = 5
METHODS = ("receipt", "transactions", "logs", "head_by_number")
MINED = (Verdict.LANDED, Verdict.MINED_REVERTED)
COST = 10**30
"""Of each payload at its worst: above any gas that is paid here."""
seen = {"landed": 0, "mined_reverted": 0, "restarts with intents open": 0, "reorgs of ours": 0}


class AnyHistory(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.chain = FakeChainReader()
        self.chain.mine(100)
        self.head = 100
        self.forks = 0
        self.in_flight = InFlight(self.chain, CONFIG)
        self.ledger = Ledger()
        self.journal = {}  # by intent: [plan, payload's name, every outcome told]

    @rule(width=st.integers(1, 3))
    def send(self, width):
        head, name = self.chain.blocks[self.head][0], f"payload {len(self.journal)}"
        window = Window(self.head + 1, self.head + width)
        nonce = self.chain.count(OPERATOR).value
        plan = plan_on(head, opportunity(head, name), nonce=nonce, window=window)
        self.journal[plan.id] = [plan, name, []]
        self.ledger.reserve(plan.id, Reservation(MAIN, nonce, Wei(COST), Wei(COST // 10)), window)
        self.in_flight.recorded(plan)
        self.in_flight.signed(plan.id, tx_hash(name))
        self.in_flight.answered(plan.id, [ACCEPTED], plan.target_block)

    @rule(
        data=st.data(),
        what=st.sampled_from(["nothing", "ours", "ours", "foreign"]),
        failing=st.sets(st.sampled_from(METHODS), max_size=2),
        is_counted=st.booleans(),
        lags=st.booleans(),
    )
    def block(self, data, what, failing, is_counted, lags):
        nonce = self.chain.count(OPERATOR).value
        candidates = [entry for entry in self.journal.values() if entry[0].transaction.nonce == nonce]
        mined = []
        if what == "ours" and candidates:
            plan, name, _ = data.draw(st.sampled_from(candidates))
            mined = [self.transaction(plan, name)]
            self.chain.without_receipt |= {name} if lags else set()
        elif what == "foreign":
            mined = [Mined(f"foreign {self.head} {self.forks}", OPERATOR, nonce)]
        self.chain.failing = failing
        self.grow(*mined, is_counted=is_counted)
        self.chain.failing = set()

    @precondition(lambda self: self.head > 100)
    @rule(depth=st.integers(1, 4))
    def reorg(self, depth):
        to = max(100, self.head - depth)
        ours = sum(
            tx.sender == OPERATOR for n in range(to + 1, self.head + 1) for tx in self.chain.blocks[n][1]
        )
        seen["reorgs of ours"] += ours
        self.head, self.forks = to, self.forks + 1
        self.in_flight.roll_back(self.chain.reorg(to))
        self.ledger.note_next_nonce(MAIN, self.chain.count(OPERATOR).value)

    @rule(is_orderly=st.booleans())
    def restart(self, is_orderly):
        seen["restarts with intents open"] += bool(self.in_flight.open_intents())
        if is_orderly:
            self.take(self.in_flight.close())
        self.in_flight = InFlight(self.chain, CONFIG)
        held = [
            stored(plan, name, outcome=told[-1] if told else None)
            for plan, name, told in self.journal.values()
        ]
        for intent in held:
            self.in_flight.restore(intent)

    @rule()
    def lose_continuity(self):
        self.in_flight.forget_chain()

    @invariant()
    def what_is_not_booked_is_held(self):
        held = self.ledger.in_flight(MAIN, self.head)
        booked = self.ledger.gas_spend(MAIN, 0)
        unknown = {
            plan.transaction.nonce
            for plan, _, told in self.journal.values()
            if not told or told[-1].verdict is Verdict.UNKNOWN
        }
        assert held >= len(unknown) * COST // 10
        assert booked == sum(told[-1].gas_cost or 0 for _, _, told in self.journal.values() if told)

    def teardown(self):
        """The node is well again, and all windows pass."""
        self.chain.without_receipt.clear()
        last = max((plan.window.last_block for plan, _, _ in self.journal.values()), default=0)
        while self.head <= last:
            self.grow(is_counted=True)
        self.grow(is_counted=True)
        assert self.in_flight.open_intents() == ()
        on_chain = {tx.name: head.ref for head, txs in self.chain.blocks.values() for tx in txs}
        for plan, name, told in self.journal.values():
            last = told[-1]
            assert (last.verdict in MINED) == (name in on_chain), (name, told)
            if name in on_chain:
                assert last.block == on_chain[name]
                assert last.verdict is self.expected(plan, on_chain[name].number)
                seen[last.verdict.value] += 1
            for earlier, later in itertools.pairwise(told):
                assert (earlier.verdict, earlier.block) != (later.verdict, later.block) or (
                    later.verdict is Verdict.UNKNOWN
                ), told
        nonces = {plan.transaction.nonce for plan, _, _ in self.journal.values()}
        count_open = sum(nonce >= self.chain.count(OPERATOR).value for nonce in nonces)
        assert self.ledger.in_flight(MAIN, self.head) == count_open * COST // 10

    def transaction(self, plan, name):
        if self.expected(plan, self.head + 1) is Verdict.LANDED:
            return landing(plan, name, plan.transaction.nonce)
        return Mined(name, OPERATOR, plan.transaction.nonce, succeeded=False)

    def expected(self, plan, number):
        in_window = plan.window.first_block <= number <= plan.window.last_block
        return Verdict.LANDED if in_window else Verdict.MINED_REVERTED

    def grow(self, *mined, is_counted):
        self.head += 1
        head = self.chain.mine(self.head, *mined, fork=f"{self.forks}")
        count = self.chain.count(OPERATOR) if is_counted else Unknown("silence")
        if isinstance(count, Ok):
            self.ledger.note_next_nonce(MAIN, count.value)
        self.take(asyncio.run(self.in_flight.settle(head, 100, {MAIN: count})))

    def take(self, news):
        for settled in news:
            outcome = settled.outcome
            self.journal[settled.plan.id][2].append(outcome)
            gas, profit = outcome.gas_cost or Wei(0), outcome.realized_profit
            self.ledger.settle(
                LedgerEntry(settled.plan.id, MAIN, "arbitrage", outcome.verdict, gas, profit, 0)
            )


def test_any_history():
    """Twice as many histories again, until each kind of end was met: some 60 often hold no leaked payload that is mined."""
    for doublings in range(MOST_DOUBLINGS):
        run_state_machine_as_test(
            AnyHistory,
            settings=settings(max_examples=EXAMPLES << doublings, stateful_step_count=30, deadline=None),
        )
        if all(seen.values()):
            break
    assert all(seen.values()), seen

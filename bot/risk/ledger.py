"""Budgets of each wallet: what is reserved, what was spent and lost today, how often it failed in a row.

Pure bookkeeping: facts go in, sums come out. Which reservations count, and at what size, is worked out at each
question from the wallet's next nonce and the head's number, so a reorg that takes both back also takes the sums back.
"""

from collections.abc import Iterable
from itertools import chain

import msgspec

from bot.core.decisions import Reservation, Verdict, Window
from bot.core.identity import IntentId, WalletName
from bot.core.records import LedgerEntry, OpenIntent
from bot.core.units import Nanoseconds, Wei

DAY: int = 86_400 * 10**9
"""Nanoseconds of a UTC day."""
KEPT_NONCES: int = 128
"""Reservations this far under the next nonce are forgotten: twice as deep as any reorg the bot follows."""

_FAILURES = frozenset({Verdict.MINED_REVERTED, Verdict.UNKNOWN})


class _Hold(msgspec.Struct, frozen=True):
    reservation: Reservation
    last_block: int

    def cost_at(self, head: int) -> Wei:
        """A payload can be mined in block head + 1 at the earliest; after its window it costs a bounded revert."""
        return self.reservation.worst_cost if head < self.last_block else self.reservation.expired_cost


class _DayTotals(msgspec.Struct):
    gas_spend: int = 0
    loss: int = 0


class Ledger:
    """Rebuilt at start from the journal; from then on told of every intent, every outcome, every nonce used."""

    def __init__(self) -> None:
        self._holds: dict[WalletName, dict[IntentId, list[_Hold]]] = {}
        self._next_nonce: dict[WalletName, int] = {}
        self._days: dict[tuple[WalletName, int], _DayTotals] = {}
        self._failures: dict[WalletName, int] = {}

    @classmethod
    def rebuilt(cls, entries: Iterable[LedgerEntry], holding: Iterable[OpenIntent]) -> "Ledger":
        """From the journal: finished intents, oldest first, and the intents whose nonce is not known to be used.

        `entries` must reach back over today and to the last landed intent, else failures in a row are forgotten.
        """
        ledger = cls()
        for entry in entries:
            ledger.settle(entry)
        for intent in holding:
            ledger.reserve(intent.record.plan.id, intent.record.reservation, intent.record.plan.window)
        return ledger

    def reserve(self, intent: IntentId, reservation: Reservation, window: Window) -> None:
        """Hold budget for a payload of an intent until its nonce is used; again for each further payload.

        Raises ValueError when the intent already holds budget at another nonce: both could land.
        """
        holds = self._holds.setdefault(reservation.wallet, {}).setdefault(intent, [])
        if holds and holds[0].reservation.nonce != reservation.nonce:
            raise ValueError(
                f"intent {intent} holds nonce {holds[0].reservation.nonce} and cannot also hold {reservation.nonce}"
            )
        holds.append(_Hold(reservation, window.last_block))

    def release_unsigned(self, wallet: WalletName, intent: IntentId) -> None:
        """The signer refused, so no payload of the intent exists. Never for a time-out: a signature may exist."""
        self._holds.get(wallet, {}).pop(intent, None)

    def note_next_nonce(self, wallet: WalletName, next_nonce: int) -> None:
        """The chain's transaction count at the head: all below is used and holds nothing. It may go back in a reorg."""
        self._next_nonce[wallet] = next_nonce
        holds = self._holds.get(wallet, {})
        for intent in [
            i for i, held in holds.items() if held[0].reservation.nonce < next_nonce - KEPT_NONCES
        ]:
            del holds[intent]

    def settle(self, entry: LedgerEntry) -> None:
        """Book the end of an intent: gas and loss on the day it was recorded, and the run of failures."""
        totals = self._days.setdefault((entry.wallet, entry.recorded_at // DAY), _DayTotals())
        totals.gas_spend += entry.gas_cost
        totals.loss += max(0, entry.gas_cost - (entry.realized_profit or 0))
        if is_failure(entry.verdict):
            self._failures[entry.wallet] = self.failures_in_a_row(entry.wallet) + 1
        elif entry.verdict is Verdict.LANDED:
            self._failures[entry.wallet] = 0

    def in_flight(self, wallet: WalletName, head: int, planned: Reservation | None = None) -> Wei:
        """Sum over the unused nonces of the dearest payload of each, at block `head`; with `planned` as one more."""
        dearest: dict[int, int] = {}
        next_nonce = self._next_nonce.get(wallet, 0)
        for hold in chain.from_iterable(self._holds.get(wallet, {}).values()):
            nonce = hold.reservation.nonce
            if nonce >= next_nonce:
                dearest[nonce] = max(dearest.get(nonce, 0), hold.cost_at(head))
        if planned is not None:
            dearest[planned.nonce] = max(dearest.get(planned.nonce, 0), planned.worst_cost)
        return Wei(sum(dearest.values()))

    def gas_spend(self, wallet: WalletName, now: Nanoseconds) -> Wei:
        """Gas paid in the UTC day of `now`."""
        return Wei(self._day(wallet, now).gas_spend)

    def loss(self, wallet: WalletName, now: Nanoseconds) -> Wei:
        """Sum of the losing intents of the UTC day of `now`, gas included; gains are not set against it."""
        return Wei(self._day(wallet, now).loss)

    def failures_in_a_row(self, wallet: WalletName) -> int:
        return self._failures.get(wallet, 0)

    def wallets(self) -> frozenset[WalletName]:
        """Every wallet that holds, spent or failed."""
        return frozenset(self._holds) | {wallet for wallet, _ in self._days}

    def _day(self, wallet: WalletName, now: Nanoseconds) -> _DayTotals:
        return self._days.get((wallet, now // DAY), _DayTotals())


def is_failure(verdict: Verdict) -> bool:
    """What counts for FAILURES_IN_A_ROW: money was lost, or it is not known. Not to land (outbid, late) is no failure."""
    return verdict in _FAILURES

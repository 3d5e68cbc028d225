"""Budgets of each wallet: what is reserved, what was spent and lost today, how often it failed in a row.

Pure bookkeeping: facts go in, sums come out. Which reservations count, and at what size, is worked out at each
question from the wallet's next nonce and the head's number, so a reorg that takes both back also takes the sums back.
"""

from collections.abc import Iterable

from bot.core.decisions import Reservation, Verdict, Window
from bot.core.identity import IntentId, WalletName
from bot.core.records import LedgerEntry, OpenIntent
from bot.core.units import Nanoseconds, Wei
from bot.risk.holds import WalletHolds

DAY: int = 86_400 * 10**9
"""Nanoseconds of a UTC day."""

_FAILURES = frozenset({Verdict.MINED_REVERTED, Verdict.UNKNOWN})


class Ledger:
    """Rebuilt at start from the journal; from then on told of every intent, every outcome, every nonce used."""

    def __init__(self) -> None:
        self._holds: dict[WalletName, WalletHolds] = {}
        self._booked: dict[WalletName, dict[IntentId, LedgerEntry]] = {}
        """The last entry of each intent that cost, failed or landed, oldest first. What did not land cost nothing."""
        self._gas_spend: dict[tuple[WalletName, int], int] = {}
        """By wallet and UTC day."""
        self._loss: dict[tuple[WalletName, int], int] = {}

    @classmethod
    def rebuilt(cls, entries: Iterable[LedgerEntry], holding: Iterable[OpenIntent]) -> "Ledger":
        """From the journal: finished intents, oldest first, and the intents whose nonce is not known to be used.

        `entries` must reach back over today and to the last landed intent, else failures in a row are forgotten.
        """
        ledger = cls()
        for intent in holding:
            ledger.reserve(intent.record.plan.id, intent.record.reservation, intent.record.plan.window)
        for entry in entries:
            ledger.settle(entry)
        return ledger

    def reserve(self, intent: IntentId, reservation: Reservation, window: Window) -> None:
        """Hold budget for a payload of an intent until its nonce is used; again for each further payload.

        Raises ValueError when the intent already holds budget at another nonce: both could land.
        """
        self._holds.setdefault(reservation.wallet, WalletHolds()).reserve(intent, reservation, window)

    def release_unsigned(self, wallet: WalletName, intent: IntentId) -> None:
        """The signer refused, so no payload of the intent exists. Never for a time-out: a signature may exist."""
        if wallet in self._holds:
            self._holds[wallet].release(intent)

    def note_next_nonce(self, wallet: WalletName, next_nonce: int) -> None:
        """The chain's transaction count at the head: what is below is used. It may go back in a reorg.

        A used nonce holds on, at its worst, until the intents at it are settled: what it cost is not booked before.
        """
        self._holds.setdefault(wallet, WalletHolds()).note_next_nonce(next_nonce)

    def settle(self, entry: LedgerEntry) -> None:
        """Book the end of an intent: gas and loss on the day it was recorded, and the run of failures.

        One booking an intent: a later entry takes the earlier one back. `unknown` books a failure and frees nothing.
        """
        booked = self._booked.setdefault(entry.wallet, {})
        before = booked.pop(entry.intent, None)
        if before is not None:
            self._add(before, -1)
        if (
            entry.gas_cost
            or entry.realized_profit
            or entry.verdict is Verdict.LANDED
            or is_failure(entry.verdict)
        ):
            booked[entry.intent] = entry
            self._add(entry, 1)
        if entry.wallet in self._holds:
            self._holds[entry.wallet].mark(entry.intent, is_settled=entry.verdict is not Verdict.UNKNOWN)

    def in_flight(self, wallet: WalletName, head: int, planned: Reservation | None = None) -> Wei:
        """Sum over the nonces that may still cost of the dearest payload of each, at block `head`; with `planned`
        as one more.
        """
        holds = self._holds.get(wallet)
        dearest = holds.dearest(head) if holds is not None else {}
        if planned is not None:
            dearest[planned.nonce] = max(dearest.get(planned.nonce, 0), planned.worst_cost)
        return Wei(sum(dearest.values()))

    def gas_spend(self, wallet: WalletName, now: Nanoseconds) -> Wei:
        """Gas paid in the UTC day of `now`."""
        return Wei(self._gas_spend.get((wallet, now // DAY), 0))

    def loss(self, wallet: WalletName, now: Nanoseconds) -> Wei:
        """Sum of the losing intents of the UTC day of `now`, gas included; gains are not set against it."""
        return Wei(self._loss.get((wallet, now // DAY), 0))

    def failures_in_a_row(self, wallet: WalletName) -> int:
        """Intents that failed, by the last word on each, since the last one landed."""
        count = 0
        for entry in reversed(self._booked.get(wallet, {}).values()):
            if entry.verdict is Verdict.LANDED:
                break
            count += is_failure(entry.verdict)
        return count

    def wallets(self) -> frozenset[WalletName]:
        """Every wallet that holds, spent or failed."""
        return frozenset(self._holds) | frozenset(self._booked)

    def _add(self, entry: LedgerEntry, sign: int) -> None:
        day = (entry.wallet, entry.recorded_at // DAY)
        loss = max(0, entry.gas_cost - (entry.realized_profit or 0))
        self._gas_spend[day] = self._gas_spend.get(day, 0) + sign * entry.gas_cost
        self._loss[day] = self._loss.get(day, 0) + sign * loss


def is_failure(verdict: Verdict) -> bool:
    """What counts for FAILURES_IN_A_ROW: money was lost, or it is not known. Not to land (outbid, late) is no failure."""
    return verdict in _FAILURES

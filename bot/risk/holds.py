"""The reservations of one wallet, nonce by nonce: what may still have to be paid, and at what size."""

import msgspec

from bot.core.decisions import Reservation, Window
from bot.core.identity import IntentId
from bot.core.units import Wei

KEPT_NONCES: int = 128
"""Settled reservations this far under the next nonce are forgotten: twice as deep as any reorg the bot follows."""
KEPT_BLOCKS: int = 128
"""A settled reservation whose window ended this far below the newest one is expired, whatever reorg may come."""


class _Payload(msgspec.Struct, frozen=True):
    reservation: Reservation
    last_block: int

    def cost_at(self, head: int) -> Wei:
        """A payload can be mined in block head + 1 at the earliest; after its window it costs a bounded revert."""
        return self.reservation.worst_cost if head < self.last_block else self.reservation.expired_cost


class _Nonce(msgspec.Struct):
    intents: dict[IntentId, list[_Payload]] = {}
    unsettled: set[IntentId] = set()
    """Those whose end is not known, or whose cost is not booked."""
    expired: int = 0
    """The dearest of those that were settled and whose windows are long gone: of a losing streak one number is kept."""

    def open_cost(self, head: int) -> int:
        """One of the payloads can still be mined."""
        costs = (payload.cost_at(head) for payloads in self.intents.values() for payload in payloads)
        return max(self.expired, max(costs, default=0))

    def used_cost(self) -> int:
        """One was mined, and of these it is not known yet whether it was theirs, nor what it cost."""
        payloads = (payload for intent in self.unsettled for payload in self.intents[intent])
        return max((payload.reservation.worst_cost for payload in payloads), default=0)

    def forget(self, intent: IntentId) -> None:
        self.intents.pop(intent, None)
        self.unsettled.discard(intent)

    def fold(self, newest_window: int) -> None:
        """Keep one number of what can change no more."""
        for intent in [i for i in self.intents if i not in self.unsettled]:
            payloads = self.intents[intent]
            if all(payload.last_block < newest_window - KEPT_BLOCKS for payload in payloads):
                self.expired = max(self.expired, *(p.reservation.expired_cost for p in payloads))
                self.forget(intent)


class WalletHolds:
    """Memory and the time of a question are bounded by blocks and nonces of a reorg's depth, not by a losing streak."""

    def __init__(self) -> None:
        self._nonces: dict[int, _Nonce] = {}
        self._next_nonce = 0
        self._newest_window = 0

    def reserve(self, intent: IntentId, reservation: Reservation, window: Window) -> None:
        """Raises ValueError when the intent already holds budget at another nonce."""
        for nonce, other in self._nonces.items():
            if nonce != reservation.nonce and intent in other.intents:
                raise ValueError(
                    f"intent {intent} holds nonce {nonce} and cannot also hold {reservation.nonce}"
                )
        at_nonce = self._nonces.setdefault(reservation.nonce, _Nonce())
        if intent not in at_nonce.intents:
            at_nonce.unsettled.add(intent)
        at_nonce.intents.setdefault(intent, []).append(_Payload(reservation, window.last_block))
        self._newest_window = max(self._newest_window, window.last_block)
        at_nonce.fold(self._newest_window)

    def release(self, intent: IntentId) -> None:
        for at_nonce in self._nonces.values():
            at_nonce.forget(intent)

    def mark(self, intent: IntentId, *, is_settled: bool) -> None:
        for at_nonce in self._nonces.values():
            if intent in at_nonce.intents:
                (at_nonce.unsettled.discard if is_settled else at_nonce.unsettled.add)(intent)

    def note_next_nonce(self, next_nonce: int) -> None:
        self._next_nonce = next_nonce
        old = [nonce for nonce in self._nonces if nonce < next_nonce - KEPT_NONCES]
        for nonce in old:
            if not self._nonces[nonce].unsettled:
                del self._nonces[nonce]

    def dearest(self, head: int) -> dict[int, int]:
        """By nonce, what it may still cost at block `head`, in wei."""
        return {
            nonce: held.open_cost(head) if nonce >= self._next_nonce else held.used_cost()
            for nonce, held in self._nonces.items()
            if nonce >= self._next_nonce or held.unsettled
        }

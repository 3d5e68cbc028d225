"""One wallet, one nonce at a time (law 6): every unlanded payload carries the open nonce, so at most one can land."""

import msgspec

from bot.core.errors import BrokenInvariant
from bot.core.identity import BlockRef, IntentId, TxHash, WalletName

REMEMBERED_BLOCKS = 128
"""Twice as deep as any reorg the bot follows."""


class LivePayload(msgspec.Struct, frozen=True):
    """A signed transaction that can still land."""

    intent: IntentId
    nonce: int
    tx_hash: TxHash


class NonceLine:
    """Knows only what the chain said: the wallet's transaction count at canonical blocks."""

    def __init__(self, wallet: WalletName) -> None:
        self.wallet = wallet
        self._counts: list[tuple[BlockRef, int]] = []
        """At consecutive notes, oldest first."""
        self._payloads: dict[TxHash, LivePayload] = {}

    @property
    def open_nonce(self) -> int | None:
        """The one nonce that may be signed; None while the chain has not been asked, or after a deep reorg."""
        return self._counts[-1][1] if self._counts else None

    @property
    def at(self) -> BlockRef | None:
        """The block at which `open_nonce` was read."""
        return self._counts[-1][0] if self._counts else None

    def may_sign(self, nonce: int) -> bool:
        return nonce == self.open_nonce

    def note_count(self, count: int, at: BlockRef) -> None:
        """The chain's transaction count of the wallet at a canonical block; the only thing that moves the line on.

        Raises BrokenInvariant, and notes nothing, when the block does not follow the last one noted or the count
        went back without a reorg having been said: the node contradicts itself.
        """
        if self._counts:
            last, before = self._counts[-1]
            if at == last and count == before:
                return
            if at.number <= last.number or count < before:
                raise BrokenInvariant(
                    f"wallet {self.wallet}: count {before} at block {last.number} (0x{last.hash.hex()[:8]}), then"
                    f" {count} at block {at.number} (0x{at.hash.hex()[:8]}) without a reorg between; check the node"
                )
        self._counts.append((at, count))
        del self._counts[:-REMEMBERED_BLOCKS]
        self._forget_buried()

    def note_payload(self, payload: LivePayload) -> None:
        """A signature exists. Raises BrokenInvariant for any nonce but the open one: two payloads could both land."""
        if not self.may_sign(payload.nonce):
            raise BrokenInvariant(
                f"wallet {self.wallet}: intent {payload.intent} was signed at nonce {payload.nonce}, open is"
                f" {self.open_nonce}; halt, and reconcile with `bot doctor`"
            )
        self._payloads[payload.tx_hash] = payload

    def roll_back(self, to: BlockRef) -> None:
        """Everything above `to` never happened. Where the count at `to` was not noted it is unknown until asked again."""
        while self._counts and self._counts[-1][0].number > to.number:
            self._counts.pop()
        if self._counts and self._counts[-1][0] != to:
            self.forget_chain()

    def forget_chain(self) -> None:
        """Continuity was lost: nothing may be signed until the count is read again. Payloads stay."""
        self._counts.clear()

    def live_payloads(self) -> tuple[LivePayload, ...]:
        """All that can still land, oldest signature first; everything ever noted while the open nonce is unknown.

        After a reorg that gave a nonce back, payloads of the nonces above it are among them.
        """
        open_nonce = self.open_nonce
        return tuple(p for p in self._payloads.values() if open_nonce is None or p.nonce >= open_nonce)

    def _forget_buried(self) -> None:
        """A nonce used before the oldest of a full memory of blocks stays used."""
        if len(self._counts) == REMEMBERED_BLOCKS:
            oldest = self._counts[0][1]
            self._payloads = {h: p for h, p in self._payloads.items() if p.nonce >= oldest}

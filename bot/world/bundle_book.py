"""What searchers have asked the relay for and what is still open: bundles, and private transactions as bundles."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bot.core.identity import Address, TxHash, keccak
from bot.world.raw_transaction import RawTransaction


class Submission(msgspec.Struct, frozen=True):
    """A bundle as accepted; whether it can be mined is the builder's business."""

    signer: Address
    transactions: tuple[RawTransaction, ...]
    first_block: int
    last_block: int
    """A bundle has one target; a private transaction is tried from `first_block` to here."""
    min_timestamp: int = 0
    max_timestamp: int = 0
    """0: no limit."""
    may_revert: frozenset[TxHash] = frozenset()
    replacement_uuid: str | None = None
    is_private_transaction: bool = False

    @property
    def hash(self) -> bytes:
        return bundle_hash(self.transactions)


def bundle_hash(transactions: Sequence[RawTransaction]) -> bytes:
    """Keccak of the concatenated transaction hashes."""
    return keccak(b"".join(tx.hash for tx in transactions))


class BundleBook:
    """Open submissions. A replacement uuid belongs to the signer who used it: nobody else's touches it."""

    def __init__(self) -> None:
        self._open: dict[tuple[object, ...], Submission] = {}

    def __len__(self) -> int:
        return len(self._open)

    def add(self, submission: Submission) -> None:
        """Take it in; the same signer's earlier one under the same uuid is gone, and an exact repeat counts once."""
        self._open[_key(submission)] = submission

    def cancel(self, signer: Address, replacement_uuid: str) -> bool:
        """Whether `signer` had something open under it."""
        return self._open.pop((signer, replacement_uuid), None) is not None

    def cancel_transaction(self, signer: Address, tx_hash: TxHash) -> bool:
        """Whether `signer` had this private transaction open."""
        for key, submission in list(self._open.items()):
            if (
                submission.is_private_transaction
                and submission.signer == signer
                and submission.transactions[0].hash == tx_hash
            ):
                del self._open[key]
                return True
        return False

    def due(self, number: int) -> list[Submission]:
        """What asks for block `number`, in an order that follows from the content."""
        due = [one for one in self._open.values() if one.first_block <= number <= one.last_block]
        return sorted(due, key=lambda one: (one.hash, one.signer, one.replacement_uuid or ""))

    def take_late(self, number: int) -> list[Submission]:
        """Remove and return what asked for blocks that are already there when `number` is built."""
        late = {key: one for key, one in self._open.items() if one.last_block < number}
        for key in late:
            del self._open[key]
        return sorted(late.values(), key=lambda one: (one.hash, one.signer))

    def settle(self, number: int, mined: frozenset[TxHash]) -> None:
        """Forget what block `number` ended: bundles for it, and private transactions it holds."""
        for key, one in list(self._open.items()):
            if one.last_block <= number or (one.is_private_transaction and one.transactions[0].hash in mined):
                del self._open[key]


def _key(submission: Submission) -> tuple[object, ...]:
    if submission.replacement_uuid is not None:
        return (submission.signer, submission.replacement_uuid)
    return (submission.signer, submission.hash, submission.first_block, submission.last_block)

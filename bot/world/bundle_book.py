"""What searchers have asked the relays for and what is still open: bundles, and private transactions as bundles."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bot.core.identity import Address, TxHash, keccak
from bot.world.raw_transaction import RawTransaction
from bot.world.relay_kinds import Endpoint


class Arrival(msgspec.Struct, frozen=True):
    """When something came: during the slot of `block`, the one being built then, at `fraction` of it."""

    block: int = 0
    fraction: float = 0.0
    """0 where time does not pass."""

    def is_after(self, number: int, closes_at: float | None) -> bool:
        """Whether a builder who closes block `number` at that fraction of its slot no longer sees it."""
        return closes_at is not None and self.block == number and self.fraction > closes_at


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
    endpoints: tuple[Endpoint, ...] = ("market",)
    """Where it came in; more than one once a builder has put equal ones together."""
    is_never_built: bool = False
    """A fault of the relay: it said yes, and no builder considers it."""
    arrival: Arrival = Arrival()

    @property
    def hash(self) -> bytes:
        return bundle_hash(self.transactions)


def bundle_hash(transactions: Sequence[RawTransaction]) -> bytes:
    """Keccak of the concatenated transaction hashes."""
    return keccak(b"".join(tx.hash for tx in transactions))


class _Version(msgspec.Struct, frozen=True):
    submission: Submission | None
    """None: cancelled."""
    arrival: Arrival


class BundleBook:
    """Open submissions of all endpoints. A replacement uuid belongs to the endpoint and signer it was used with.

    What a replacement or cancellation leaves behind is kept until its block is sealed: a builder that closed before
    it came still has the former.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[object, ...], list[_Version]] = {}

    def __len__(self) -> int:
        return sum(versions[-1].submission is not None for versions in self._open.values())

    def add(self, submission: Submission) -> None:
        """Take it in; the same signer's earlier one under the same uuid is gone, and an exact repeat counts once."""
        self._open.setdefault(_key(submission), []).append(_Version(submission, submission.arrival))

    def cancel(
        self,
        signer: Address,
        replacement_uuid: str,
        endpoint: Endpoint = "market",
        arrival: Arrival | None = None,
    ) -> bool:
        """Whether `signer` had something open under it."""
        return self._end((endpoint, signer, replacement_uuid), arrival or Arrival())

    def cancel_transaction(
        self,
        signer: Address,
        tx_hash: TxHash,
        endpoint: Endpoint = "market",
        arrival: Arrival | None = None,
    ) -> bool:
        """Whether `signer` had this private transaction open."""
        for key, versions in self._open.items():
            one = versions[-1].submission
            if (
                one is not None
                and one.is_private_transaction
                and (one.endpoints[0], one.signer) == (endpoint, signer)
                and one.transactions[0].hash == tx_hash
            ):
                return self._end(key, arrival or Arrival())
        return False

    def _end(self, key: tuple[object, ...], arrival: Arrival) -> bool:
        versions = self._open.get(key)
        if versions is None or versions[-1].submission is None:
            return False
        versions.append(_Version(None, arrival))
        return True

    def due(
        self, number: int, feeds: frozenset[Endpoint] | None = None, closes_at: float | None = None
    ) -> list[Submission]:
        """What asks for block `number`, in an order that follows from the content; equal ones of two endpoints as one.

        `feeds`: from these endpoints, None from all. `closes_at`: as known at that fraction of the block's slot.
        """
        standing = (_standing(versions, number, closes_at) for versions in self._open.values())
        due = [
            one
            for one in standing
            if one is not None
            and one.first_block <= number <= one.last_block
            and (feeds is None or one.endpoints[0] in feeds)
        ]
        return _put_together(sorted(due, key=_order))

    def missed(self, number: int, feeds: frozenset[Endpoint] | None, closes_at: float) -> list[Submission]:
        """What came for block `number` when its builder had closed."""
        late = [
            version.submission
            for versions in self._open.values()
            for version in versions
            if version.submission is not None
            and version.arrival.is_after(number, closes_at)
            and version.submission.first_block <= number <= version.submission.last_block
            and (feeds is None or version.submission.endpoints[0] in feeds)
            and not _repeats(version.submission, _standing(versions, number, closes_at))
        ]
        return sorted(late, key=_order)

    def take_late(self, number: int) -> list[Submission]:
        """Remove and return what asked for blocks that are already there when `number` is built."""
        late: list[Submission] = []
        for key, versions in list(self._open.items()):
            one = versions[-1].submission
            if one is not None and one.last_block < number:
                del self._open[key]
                late.append(one)
        return sorted(late, key=_order)

    def settle(self, number: int, mined: frozenset[TxHash]) -> None:
        """Forget what block `number` ended: bundles for it, and private transactions it holds."""
        for key, versions in list(self._open.items()):
            one = versions[-1].submission
            if (
                one is None
                or one.last_block <= number
                or (one.is_private_transaction and one.transactions[0].hash in mined)
            ):
                del self._open[key]
            else:
                del versions[:-1]


def _standing(versions: Sequence[_Version], number: int, closes_at: float | None) -> Submission | None:
    for version in reversed(versions):
        if not version.arrival.is_after(number, closes_at):
            return version.submission
    return None


def _repeats(one: Submission, standing: Submission | None) -> bool:
    return standing is not None and one.hash == standing.hash


def _put_together(sorted_submissions: Sequence[Submission]) -> list[Submission]:
    """A bundle sent to two relays reaches a builder twice, and is one bundle to him."""
    together: list[Submission] = []
    for one in sorted_submissions:
        for place, other in enumerate(together):
            if _is_same_elsewhere(one, other):
                together[place] = msgspec.structs.replace(other, endpoints=other.endpoints + one.endpoints)
                break
        else:
            together.append(one)
    return together


def _is_same_elsewhere(one: Submission, other: Submission) -> bool:
    same = one.hash == other.hash and one.may_revert == other.may_revert
    times = (one.min_timestamp, one.max_timestamp) == (other.min_timestamp, other.max_timestamp)
    return (
        same
        and times
        and one.is_never_built == other.is_never_built
        and not set(one.endpoints) & set(other.endpoints)
    )


def _order(one: Submission) -> tuple[object, ...]:
    return (one.hash, one.signer, one.replacement_uuid or "", one.endpoints)


def _key(submission: Submission) -> tuple[object, ...]:
    [endpoint] = submission.endpoints
    if submission.replacement_uuid is not None:
        return (endpoint, submission.signer, submission.replacement_uuid)
    return (
        endpoint,
        submission.signer,
        submission.hash,
        submission.first_block,
        submission.last_block,
    )

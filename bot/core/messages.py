"""What feeds deliver. Raw and stamped: nothing here has been judged yet."""

import msgspec

from bot.core.identity import Address, BlockHash, BlockRef, TxHash
from bot.core.units import Gas, Nanoseconds, WeiPerGas


class Head(msgspec.Struct, frozen=True, gc=False):
    """The fields of a block header that decide something."""

    number: int
    hash: BlockHash
    parent_hash: BlockHash
    timestamp: int
    """Seconds, UTC."""
    base_fee: WeiPerGas
    gas_used: Gas
    gas_limit: Gas
    coinbase: Address
    extra_data: bytes = b""
    """At most 32 bytes, in which builders write their names. Empty also where a node does not say."""

    @property
    def ref(self) -> BlockRef:
        return BlockRef(self.number, self.hash)


class Log(msgspec.Struct, frozen=True, gc=False):
    """One event log of one block."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    log_index: int
    tx_hash: TxHash


class BlockArrived(msgspec.Struct, frozen=True):
    """A whole block: its header and every log we asked for, of that very hash. Its parent was the last one delivered."""

    head: Head
    logs: tuple[Log, ...]
    seen_at: Nanoseconds
    """Monotonic clock when the head was first heard of; the age of a datum is measured from here."""
    is_catch_up: bool
    """True when a newer block is already known: apply it, do not act on it."""


class RolledBack(msgspec.Struct, frozen=True):
    """The chain left blocks we had delivered. Everything above `to` never happened."""

    to: BlockRef
    left: tuple[BlockRef, ...]
    """The abandoned blocks, newest first."""


class ContinuityLost(msgspec.Struct, frozen=True):
    """The common ancestor is deeper than what we remember: state must be bootstrapped afresh."""

    reason: str


class FeedSilent(msgspec.Struct, frozen=True):
    """Nothing arrived for longer than allowed; delivered once per silence, ended by the next block."""

    silent_for: Nanoseconds
    allowed: Nanoseconds


ChainEvent = BlockArrived | RolledBack | ContinuityLost | FeedSilent

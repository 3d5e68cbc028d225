"""Transactions that are not in a block yet: as much of each as its source reveals. One shape for every source."""

from typing import Final

import msgspec

from bot.core.identity import Address, TxHash
from bot.core.transaction import AccessList
from bot.core.units import Gas, Nanoseconds, Wei, WeiPerGas

ANOTHER_COMES_FIRST: Final = "another of its sender comes first"
"""How the cause begins where a pending transaction could not be run for its nonce."""


class Authorization(msgspec.Struct, frozen=True):
    """One entry of a type-4 transaction's list (EIP-7702)."""

    chain_id: int
    address: Address
    nonce: int
    y_parity: int
    r: int
    s: int


class PendingTransaction(msgspec.Struct, frozen=True):
    """Somebody else's whole signed transaction, of type 0 to 4. `raw` hashes to `hash`: that was checked."""

    raw: bytes
    """As in a block: type byte and RLP, or RLP alone for type 0. A blob transaction without its blobs."""
    hash: TxHash
    type: int
    sender: Address
    """As its source says; never recovered here."""
    nonce: int
    to: Address | None
    """None: a contract creation."""
    value: Wei
    data: bytes
    gas_limit: Gas
    max_fee_per_gas: WeiPerGas
    """Types 0 and 1: the gas price, as `max_priority_fee_per_gas`."""
    max_priority_fee_per_gas: WeiPerGas
    access_list: AccessList = ()
    authorizations: tuple[Authorization, ...] = ()


class HintLog(msgspec.Struct, frozen=True):
    """A log that a hidden transaction will leave, as far as its sender lets it be known."""

    address: Address
    topics: tuple[bytes, ...]
    """32 bytes each; what is hidden is zero."""
    data: bytes
    """Empty, or zero, where it is hidden."""


class PendingSeen(msgspec.Struct, frozen=True):
    """One announcement, from the node's own pool or from an order-flow auction."""

    source: str
    """`node`, or the name of the stream."""
    hash: bytes
    """32 bytes, by which its source knows it: the transaction's hash, or, of MEV-Share, the keccak of that."""
    seen_at: Nanoseconds
    """Monotonic."""
    transaction: PendingTransaction | None = None
    """None where the source hides it."""
    logs: tuple[HintLog, ...] = ()
    to: Address | None = None
    selector: bytes = b""
    data: bytes = b""


class StorageOverride(msgspec.Struct, frozen=True):
    """One word of one account's storage as it will be."""

    account: Address
    slot: bytes
    """32 bytes."""
    value: bytes
    """32 bytes."""


class Behind(msgspec.Struct, frozen=True):
    """What a plan lands right behind, in the same bundle. Nothing of ours ever stands before it (law: no front-running)."""

    source: str
    hash: bytes
    """As in PendingSeen: by this a hinted transaction is named in `mev_sendBundle`."""
    transaction: PendingTransaction | None
    """None: known by its hint alone."""
    stand_in: tuple[StorageOverride, ...] = ()
    """For a hinted one: the storage it will leave, on which our transaction is simulated in its stead."""

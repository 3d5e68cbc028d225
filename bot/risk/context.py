"""What the gate is told about the world: plain values, read by others, each stamped or `Unknown`."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import msgspec

from bot.core.identity import Address, BlockRef, IntentId, WalletName
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Gas, Nanoseconds, Wei
from bot.risk.ledger import Ledger
from bot.risk.limits import Limits


class GateContext(msgspec.Struct, frozen=True):
    limits: Limits
    ledger: Ledger
    chain_id: int
    wrapped_native: Address
    """Profit in any other token cannot be set against gas without a price, and is denied."""
    senders: Mapping[WalletName, Address]
    """The wallets the signer holds keys for."""
    open_nonces: Mapping[WalletName, int]
    """The chain's transaction count of each wallet at `head`."""
    balances: Mapping[WalletName, Ok[Wei] | Reverted | Unknown]
    """Native balance of each wallet at `head`."""
    recorded_intents: AbstractSet[IntentId]
    """Every intent the journal already holds."""
    head: BlockRef
    """The block the tick acts on."""
    head_age: Nanoseconds
    """Monotonic time since `head` was first heard of."""
    head_age_allowed: Nanoseconds
    now: Nanoseconds
    """UTC; it chooses the day."""
    expired_gas: Gas
    """The most a payload uses after its window: the Executor's first check reverts it."""
    window_blocks_allowed: int = 8

"""What the chain and the routes said about one open intent: everything its verdict is decided from."""

import msgspec

from bot.core.decisions import Plan
from bot.core.identity import Address, BlockRef, IntentId, TxHash
from bot.core.messages import Head
from bot.core.ports import Receipt
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Gas, Nanoseconds, WeiPerGas


class Attempt(msgspec.Struct, frozen=True):
    """What one route said, and when."""

    route: str
    answer: Ok[str] | Reverted | Unknown
    answered_at: Nanoseconds | None
    """Monotonic. None: not known any more, the bot was restarted since."""
    target_block: int = 0
    """For which it was handed over: the plan's own, or a later one of its window."""


class OwnPayload(msgspec.Struct, frozen=True):
    """A signed transaction of this wallet at the intent's nonce, and its receipt in a canonical block, if any."""

    tx_hash: TxHash
    intent: IntentId | None
    """None: a cancellation, a transfer of nothing to ourselves."""
    receipt: Ok[Receipt | None] | Reverted | Unknown
    mined_in: Head | None = None
    """The header of the receipt's block."""


class Touch(msgspec.Struct, frozen=True):
    """Somebody else's transaction that moved pools of ours in the target block."""

    tx_hash: TxHash
    sender: Address
    index: int
    """In the block."""
    pools: frozenset[Address]
    """Ours among those it moved."""
    pools_moved: int
    """All it moved, ours or not."""
    tip: WeiPerGas | None
    """Effective, above the base fee; what it paid the builder otherwise does not show. None: the read failed."""
    gas_used: Gas | None = None
    """None: the read failed."""


class TargetBlock(msgspec.Struct, frozen=True):
    """A canonical block the intent was meant for."""

    head: Head
    touches: tuple[Touch, ...]
    """In block order; none of a wallet of ours."""
    is_taken_by_us: bool = False
    """By another transaction of this wallet, or of another one: it moved pools of the plan's."""


class Aim(msgspec.Struct, frozen=True):
    """A block of the window that a payload was handed over for, or could have been."""

    number: int
    block: Ok[TargetBlock | None] | Reverted | Unknown
    """None while the chain is below it."""
    seen_at: Nanoseconds | None
    """Monotonic; when it was first heard of. None: not known any more."""


class BlockFacts(msgspec.Struct, frozen=True):
    """All of it read at canonical block `head`."""

    plan: Plan
    head: Head
    next_nonce: Ok[int] | Reverted | Unknown
    """The wallet's transaction count at `head`."""
    payloads: tuple[OwnPayload, ...]
    """The intent's own; once the nonce is used, the wallet's one that used it, or that keeps the question open."""
    nonce_taken_by: Ok[TxHash | None] | Reverted | Unknown
    """Once the nonce is used: the wallet's transaction at it, in a block of the intents' windows or at `head`."""
    aims: tuple[Aim, ...]
    """In block order: the plan's target block, and the later ones of its window that an attempt names. The whole window
    where attempts are not known any more. Empty where the nonce's use says it all."""
    attempts: tuple[Attempt, ...] | None
    """None: not known any more, the bot was restarted since."""
    left_block: BlockRef | None
    """The block in which the intent had landed before a reorg took it back."""
    is_cancelled: bool
    """Its bundles were cancelled on our own order."""
    is_withdrawn: bool = False
    """We ceased to hand it over, for it no longer paid."""

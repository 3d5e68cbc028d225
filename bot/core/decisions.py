"""What the bot decides, in order: Opportunity → Plan → Simulation → Approved or Denied → Outcome.

An *intent* is a Plan that was allowed and recorded; a *payload* is one signed transaction for it; an *attempt* is
a payload handed to one route for one block; a *reservation* is the budget an intent holds.
"""

from enum import StrEnum

import msgspec

from bot.core.cost_terms import CostTerms
from bot.core.identity import Address, BlockRef, IntentId, TxHash, WalletName
from bot.core.pending import Behind
from bot.core.profile import ProtocolName
from bot.core.transaction import TransactionFields
from bot.core.units import Bps, Gas, TokenUnits, Wei, WeiPerGas, gas_cost


class Leg(msgspec.Struct, frozen=True):
    """One swap, exact: `amount_in` in, `amount_out` out at the state the opportunity was found on."""

    venue: str
    pool: Address
    token_in: Address
    token_out: Address
    zero_for_one: bool
    """token0 of the pool goes in."""
    amount_in: TokenUnits
    amount_out: TokenUnits
    protocol: ProtocolName = "uniswap_v2"
    ticks_crossed: int = 0
    """Initialised ticks the swap passes: what its gas depends on."""
    words_passed: int = 0
    """Words of the tick bitmap whose end it passes: likewise."""


class Opportunity(msgspec.Struct, frozen=True):
    """A cycle in `base_token` that pays before costs, sized in exact integers on the state of block `state`."""

    strategy: str
    state: BlockRef
    base_token: Address
    legs: tuple[Leg, ...]
    gas_estimate: Gas
    """By shape, for ranking; the simulation of the very bytes decides."""

    @property
    def amount_in(self) -> TokenUnits:
        return self.legs[0].amount_in

    @property
    def amount_out(self) -> TokenUnits:
        return self.legs[-1].amount_out

    @property
    def gross_profit(self) -> TokenUnits:
        """In base token units, after repaying the flash swap, before gas and bid."""
        return TokenUnits(self.amount_out - self.amount_in)

    @property
    def pools(self) -> frozenset[Address]:
        return frozenset(leg.pool for leg in self.legs)


class Window(msgspec.Struct, frozen=True):
    """The Executor reverts outside first_block..last_block, both included."""

    first_block: int
    last_block: int


class Plan(msgspec.Struct, frozen=True):
    """One transaction, complete but for its signature, and what it is expected to earn."""

    id: IntentId
    strategy: str
    wallet: WalletName
    sender: Address
    opportunities: tuple[Opportunity, ...]
    """Disjoint in pools; all or none."""
    state: BlockRef
    target_block: int
    window: Window
    transaction: TransactionFields
    profit_token: Address
    predicted_profit: TokenUnits
    """After flash repayment and builder payment, before gas."""
    min_profit: TokenUnits
    """The Executor reverts below this."""
    payment: Wei
    """To the block's coinbase, out of the profit."""
    notional: TokenUnits
    """Sum of the cycles' inputs, in `profit_token`."""
    behind: Behind | None = None
    """Somebody else's transaction that this one follows in one bundle; None for a plan on the block's own state."""
    bid_share: Bps | None = None
    """The part of the net profit that was bid, and why, in `bid_reason`. None in plans of older journals."""
    bid_reason: str = ""
    l1_fee: Wei = Wei(0)
    """What a rollup is expected to charge beside gas; 0 on layer 1."""
    l1_worst: Wei = Wei(0)
    """The most it can be, until the transaction is included."""

    @property
    def worst_gas_cost(self) -> Wei:
        """The most this transaction can ever cost the wallet in gas, and in what a rollup charges beside it."""
        return Wei(gas_cost(self.transaction.gas_limit, self.transaction.max_fee_per_gas) + self.l1_worst)


class BlockEnvironment(msgspec.Struct, frozen=True):
    """The block a simulation pretends to be in; every field overrides what the node would choose."""

    number: int
    timestamp: int
    base_fee: WeiPerGas
    gas_limit: Gas
    coinbase: Address


class Simulation(msgspec.Struct, frozen=True):
    """The node's word on the very fields of a plan, on top of block `on`."""

    digest: bytes
    """`TransactionFields.digest()` of what was simulated."""
    on: BlockRef
    environment: BlockEnvironment
    gas_used: Gas
    profit: TokenUnits
    """What reached the profit recipient, read from the simulated Transfer logs."""


class Check(msgspec.Struct, frozen=True):
    """The receipt of one risk check that was run: rule, what was allowed, what was seen."""

    rule: str
    limit: str
    actual: str


class Reservation(msgspec.Struct, frozen=True):
    """Budget held by an intent from before its signature until its nonce is used on chain."""

    wallet: WalletName
    nonce: int
    worst_cost: Wei
    """While the window is open: the whole gas limit at the highest fee."""
    expired_cost: Wei
    """After the window: the bounded revert of the Executor's first check."""


class Approved(msgspec.Struct, frozen=True):
    """The one thing a signer accepts. Constructed in risk/gate.py and nowhere else (a test holds this)."""

    plan: Plan
    simulation: Simulation
    reservation: Reservation
    checks: tuple[Check, ...]


class Denied(msgspec.Struct, frozen=True):
    """No signature, by which rule, and the two numbers that were compared."""

    plan: Plan
    rule: str
    limit: str
    actual: str


class Verdict(StrEnum):
    """How an intent ended; exactly one, and the chain says which."""

    LANDED = "landed"
    MINED_REVERTED = "mined_reverted"
    OUTBID = "outbid"
    REVERTED_IN_SIMULATION = "reverted_in_simulation"
    BASE_FEE_MOVED = "base_fee_moved"
    LATE = "late"
    EXPIRED = "expired"
    UNCLED = "uncled"
    REPLACED = "replaced"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Rival(msgspec.Struct, frozen=True):
    """Who took the same pools in the block we were meant for, and what it cost him as far as the block shows."""

    tx_hash: TxHash
    sender: Address
    index: int
    """In the block."""
    pools: int
    """Of ours that he moved."""
    tip_paid: Wei | None
    """Gas used times effective tip. None: not read."""
    paid_at_most: Wei | None
    """To the builder, tip included: what the block's builder gained that no other tip explains. None: not read."""
    payers: int = 0
    """Transactions that may share `paid_at_most` with him, himself included; 1: it is exact."""
    gas_used: Gas | None = None
    """None: not read."""


class Outcome(msgspec.Struct, frozen=True):
    """The end of one intent, with what the chain says it did."""

    intent: IntentId
    verdict: Verdict
    reason: str
    """One sentence with the numbers, for `bot explain`."""
    block: BlockRef | None = None
    tx_hash: TxHash | None = None
    gas_used: Gas | None = None
    gas_cost: Wei | None = None
    """All that the wallet paid for it: execution, and what a rollup charges beside it."""
    realized_profit: TokenUnits | None = None
    predicted_state_held: bool | None = None
    """Landed only: nobody moved the plan's pools before it in its block, and its parent was the block planned on."""
    costs: CostTerms | None = None
    """Mined only: what it cost, term by term, to be set against `predicted_terms` of the same plan."""
    rival: Rival | None = None
    """Outbid only."""
    late_by: int | None = None
    """Late only: nanoseconds from the arrival of the target block until the first route confirmed; None if none did."""
    builder: Address | None = None
    """Coinbase of the block that decided it."""
    builder_name: str = ""
    """What that block's extra data says, printable ASCII."""
    contested: bool | None = None
    """Not landed only: a route accepted it for a block where there was something to be had, so that others' bids, the
    builder's own choice or the time of sending decided. None: not known any more, and in older journals."""


class Bundle(msgspec.Struct, frozen=True):
    """What a relay is handed: raw transactions, in order, all or none, for one block."""

    transactions: tuple[bytes, ...]
    target_block: int
    replacement_uuid: str
    """RFC 4122 text; the same one replaces, an empty bundle under it cancels."""
    may_revert: bool
    """True for everything with a minimum profit on chain: goes only where reverts are dropped."""
    behind_hash: bytes | None = None
    """A hinted transaction that ours follows: `mev_sendBundle` names it so, and only routes that know it take this.
    One that is known whole stands in `transactions` itself, before ours."""

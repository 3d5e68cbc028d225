"""Opportunities to one transaction: merged, bid for, priced, and complete but for its signature."""

from collections.abc import Sequence
from typing import Final

import msgspec

from bot.core.decisions import Opportunity, Plan, Window
from bot.core.errors import BrokenInvariant
from bot.core.identity import Address, IntentId, WalletName, intent_id, to_checksum
from bot.core.messages import Head
from bot.core.pending import Behind
from bot.core.transaction import AccessList, TransactionFields
from bot.core.units import UINT128_MAX, Bps, Gas, TokenUnits, Wei, WeiPerGas, gas_cost
from bot.costs.base_fee import base_fee_bound_up, next_base_fee
from bot.costs.gas_table import estimate_gas, gas_limit_for, shape_of
from bot.execution.bid_policy import BidChoice
from bot.execution.bidding import builder_payment, priority_fee_bid
from bot.execution.config import ExecutionConfig
from bot.protocols.executor import MAX_CYCLES, Cycle, Hop, calldata_bytes, encode_execute

BACKRUN: Final = "backrun"
"""Strategy of every plan that stands behind somebody else's transaction, and of its opportunities."""


_MOST_AROUND_DATA = 200
"""Bytes of a signed transaction of type 2 beside its calldata, at most."""


class NotWorthIt(msgspec.Struct, frozen=True):
    """No plan: a short stable reason for counting, and the two numbers that were compared."""

    reason: str
    limit: str
    actual: str


class Room(msgspec.Struct, frozen=True):
    """The most that one transaction of a wallet may take by its limits: a bid by tip is cut to it."""

    gas: Gas
    notional: Wei
    worst_cost: Wei
    """The whole gas limit at the highest fee."""
    fee_per_gas: WeiPerGas | None = None
    """The highest fee. None: the limits name none."""


class _Costs(msgspec.Struct, frozen=True):
    gas: Gas
    """By estimate."""
    gas_limit: Gas
    max_fee: WeiPerGas
    expected: Wei
    """The estimate at the exact next base fee."""
    worst: Wei
    """The whole gas limit at the highest fee."""
    l1_fee: Wei
    """Of `expected`, what a rollup charges beside gas."""


class _Bid(msgspec.Struct, frozen=True):
    share: Bps
    reason: str
    payment: Wei
    tip: WeiPerGas
    """On top of the configured one."""


def build_plan(
    opportunities: Sequence[Opportunity],
    wallet: WalletName,
    sender: Address,
    nonce: int,
    head: Head,
    chain_id: int,
    config: ExecutionConfig,
    room: Room | None = None,
    behind: Behind | None = None,
    bid: BidChoice | None = None,
) -> Plan | NotWorthIt:
    """One `execute` of all the opportunities, for the block after `head`.

    They come best first; beyond the Executor's eight cycles, and beyond `room`, the rest is left out, and
    `Plan.opportunities` says which went in. The best is planned even where there is no room for it: the gate says so
    with the numbers. What the Executor demands as minimum profit is all that is predicted, which is exact as the
    outputs are: it covers the worst gas cost and the configured net profit, so a transaction that lands has not lost.
    Profit in another token than WETH has no price here: NotWorthIt. So is an amount that a hop of the Executor cannot
    hold. `behind`: they hold right behind this transaction, and the window is its block alone. `bid`: instead of the
    configured share.

    Raises BrokenInvariant when two share a pool, or were found on another state than `head`, or differ in base token
    or strategy, or a back-run has nothing to stand behind or the other way round: the search promised otherwise.
    """
    if behind is not None:
        config = msgspec.structs.replace(config, window_blocks=1)
    merged = _fitting(opportunities, head, config, room)
    _expect_mergeable(merged, head, behind)
    largest = max(amount for one in merged for leg in one.legs for amount in (leg.amount_in, leg.amount_out))
    if largest > UINT128_MAX:
        return NotWorthIt("amount over uint128", f"<= {UINT128_MAX}", str(largest))
    base_token = merged[0].base_token
    if base_token != config.weth:
        return NotWorthIt("profit without price", to_checksum(config.weth), to_checksum(base_token))
    gross = TokenUnits(sum(opportunity.gross_profit for opportunity in merged))
    costs = _costs(merged, head, config)
    choice = bid or BidChoice(config.bid_share, "the configured share", None)
    chosen = _bid(gross, costs, config, choice, room)
    if chosen is None:
        needed = costs.worst + config.min_net_profit
        return NotWorthIt("profit below worst gas cost and minimum", f">= {needed} wei", f"{gross} wei")
    min_profit = TokenUnits(gross - chosen.payment)
    window = Window(head.number + 1, head.number + config.window_blocks)
    transaction = _transaction(merged, chain_id, nonce, min_profit, chosen, window, costs, config)
    return Plan(
        id=_id(sender, transaction, behind),
        strategy=merged[0].strategy,
        wallet=wallet,
        sender=sender,
        opportunities=merged,
        state=head.ref,
        target_block=window.first_block,
        window=window,
        transaction=transaction,
        profit_token=base_token,
        predicted_profit=min_profit,
        min_profit=min_profit,
        payment=chosen.payment,
        notional=TokenUnits(sum(opportunity.amount_in for opportunity in merged)),
        behind=behind,
        bid_share=chosen.share,
        bid_reason=chosen.reason,
        l1_fee=costs.l1_fee,
        l1_worst=Wei(costs.worst - gas_cost(costs.gas_limit, costs.max_fee)),
    )


def with_access_list(plan: Plan, entries: AccessList) -> Plan:
    """The same with these entries: another transaction under another id, to be simulated as it is (law 4)."""
    if entries == plan.transaction.access_list:
        return plan
    transaction = msgspec.structs.replace(plan.transaction, access_list=entries)
    return msgspec.structs.replace(
        plan, id=_id(plan.sender, transaction, plan.behind), transaction=transaction
    )


def _id(sender: Address, transaction: TransactionFields, behind: Behind | None) -> IntentId:
    follows = (behind.hash,) if behind is not None else ()
    return intent_id(sender, transaction.unsigned_payload(), *follows)


def _bid(
    gross: TokenUnits,
    costs: _Costs,
    config: ExecutionConfig,
    choice: BidChoice,
    room: Room | None,
) -> _Bid | None:
    """None where even without a bid the worst gas cost and the minimum are not earned.

    By tip the Executor demands all the gross profit: the tip comes from the wallet, and no more than there is
    room for.
    """
    of_profit = gross, costs.expected, costs.worst
    if config.bid_by == "payment":
        payment = builder_payment(*of_profit, config.min_net_profit, choice.share)
        return _Bid(choice.share, choice.reason, payment, WeiPerGas(0)) if payment is not None else None
    tip = priority_fee_bid(
        *of_profit,
        config.min_net_profit,
        choice.share,
        expected_gas=costs.gas,
        gas_limit=costs.gas_limit,
        most=None if room is None else _most_tip(costs, room),
    )
    return _Bid(choice.share, choice.reason, Wei(0), tip) if tip is not None else None


def _most_tip(costs: _Costs, room: Room) -> WeiPerGas:
    """On top of the highest fee without it."""
    most = max(0, room.worst_cost - costs.worst) // costs.gas_limit
    if room.fee_per_gas is not None:
        most = min(most, max(0, room.fee_per_gas - costs.max_fee))
    return WeiPerGas(most)


def _transaction(
    merged: tuple[Opportunity, ...],
    chain_id: int,
    nonce: int,
    min_profit: TokenUnits,
    bid: _Bid,
    window: Window,
    costs: _Costs,
    config: ExecutionConfig,
) -> TransactionFields:
    data = encode_execute(
        tuple(_cycle(opportunity) for opportunity in merged),
        merged[0].base_token,
        min_profit,
        bid.payment,
        window.first_block,
        window.last_block,
    )
    return TransactionFields(
        chain_id=chain_id,
        nonce=nonce,
        max_priority_fee_per_gas=WeiPerGas(config.priority_fee + bid.tip),
        max_fee_per_gas=WeiPerGas(costs.max_fee + bid.tip),
        gas_limit=costs.gas_limit,
        to=config.executor,
        value=Wei(0),
        data=data,
    )


def _fitting(
    opportunities: Sequence[Opportunity], head: Head, config: ExecutionConfig, room: Room | None
) -> tuple[Opportunity, ...]:
    """Best first, each that still fits; one that does not makes place for smaller ones after it."""
    merged = tuple(opportunities[:MAX_CYCLES])
    if room is None or _fits(merged, head, config, room):
        return merged
    merged = merged[:1]
    for opportunity in opportunities[1:]:
        if len(merged) < MAX_CYCLES and _fits((*merged, opportunity), head, config, room):
            merged = (*merged, opportunity)
    return merged


def _fits(merged: tuple[Opportunity, ...], head: Head, config: ExecutionConfig, room: Room) -> bool:
    costs = _costs(merged, head, config)
    notional = sum(opportunity.amount_in for opportunity in merged)
    return costs.gas_limit <= room.gas and costs.worst <= room.worst_cost and notional <= room.notional


def _costs(merged: tuple[Opportunity, ...], head: Head, config: ExecutionConfig) -> _Costs:
    shapes = [shape_of(opportunity.legs) for opportunity in merged]
    estimate = estimate_gas(shapes)
    next_fee = next_base_fee(head)
    gas_limit = gas_limit_for(shapes, config.gas_margin)
    max_fee = WeiPerGas(base_fee_bound_up(next_fee, config.window_blocks - 1) + config.priority_fee)
    raw_bytes = _MOST_AROUND_DATA + calldata_bytes(sum(len(opportunity.legs) for opportunity in merged))
    terms = config.costs.predicted(estimate, next_fee, config.priority_fee, Wei(0), raw_bytes)
    return _Costs(
        gas=estimate,
        gas_limit=gas_limit,
        max_fee=max_fee,
        expected=terms.total,
        worst=config.costs.worst(gas_limit, max_fee, raw_bytes),
        l1_fee=terms.l1_fee,
    )


def _expect_mergeable(merged: tuple[Opportunity, ...], head: Head, behind: Behind | None) -> None:
    if not merged:
        raise BrokenInvariant("a plan was asked for without any opportunity")
    if (behind is not None) != (merged[0].strategy == BACKRUN):
        stands = "behind a transaction" if behind is not None else "behind nothing"
        raise BrokenInvariant(f"a plan {stands} was given an opportunity of {merged[0].strategy}")
    pools: set[Address] = set()
    for opportunity in merged:
        if opportunity.state != head.ref:
            raise BrokenInvariant(
                f"an opportunity of block {opportunity.state.number} (0x{opportunity.state.hash.hex()}) in a plan on"
                f" block {head.number} (0x{head.hash.hex()})"
            )
        if (opportunity.base_token, opportunity.strategy) != (merged[0].base_token, merged[0].strategy):
            raise BrokenInvariant(
                f"a plan of {merged[0].strategy} in {to_checksum(merged[0].base_token)} was given one of"
                f" {opportunity.strategy} in {to_checksum(opportunity.base_token)}"
            )
        for leg in opportunity.legs:
            if leg.pool in pools:
                raise BrokenInvariant(
                    f"pool {to_checksum(leg.pool)} is used twice in one plan: amounts would not hold"
                )
            pools.add(leg.pool)


def _cycle(opportunity: Opportunity) -> Cycle:
    hops = tuple(Hop(leg.pool, leg.zero_for_one, leg.amount_out, leg.protocol) for leg in opportunity.legs)
    return Cycle(opportunity.amount_in, hops)

"""Which opportunities first, and which together. The order is a function of their content, never of how they came."""

from collections.abc import Iterable
from typing import Final

from bot.core.decisions import Opportunity
from bot.core.identity import Address
from bot.core.units import Bps, WeiPerGas
from bot.costs.net import net_profit_down

NO_BID: Final = Bps(0)


def net_of_costs(opportunity: Opportunity, gas_price: WeiPerGas, bid_share: Bps) -> int:
    """Wei left after gas by the estimate and the builder's share; the base token is the wrapped native coin."""
    return net_profit_down(opportunity.gross_profit, opportunity.gas_estimate, gas_price, bid_share).net


def rank(
    opportunities: Iterable[Opportunity], gas_price: WeiPerGas, bid_share: Bps = NO_BID
) -> list[Opportunity]:
    """Best net first. Equal nets: the smaller input first, then by the pools' addresses in trading order."""
    return sorted(
        opportunities,
        key=lambda one: (
            -net_of_costs(one, gas_price, bid_share),
            one.amount_in,
            [leg.pool for leg in one.legs],
            one.base_token,
        ),
    )


def choose_disjoint(
    opportunities: Iterable[Opportunity], gas_price: WeiPerGas, bid_share: Bps = NO_BID
) -> tuple[Opportunity, ...]:
    """The best, then the best of those that share no pool with it, and so on; any input order gives the same choice.

    Greedy: where two smaller ones that exclude the best would earn more together, the best still goes.
    """
    used: set[Address] = set()
    chosen: list[Opportunity] = []
    for one in rank(opportunities, gas_price, bid_share):
        if used.isdisjoint(one.pools):
            chosen.append(one)
            used |= one.pools
    return tuple(chosen)

"""Which opportunities first, and which together. The order is a function of their content, never of how they came.

**What one adds.** Opportunities of one transaction pay its base gas once. So in company one costs its cycle's own gas,
`estimate - estimate of no cycle`, and it is worth adding where it earns more than that. The builder's share is one of
what is left in all: it changes no choice. A flash swap costs nothing beyond its pool's own fee, which the amounts hold.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import Final

from bot.core.decisions import Opportunity
from bot.core.identity import Address
from bot.core.units import Bps, Gas, WeiPerGas, gas_cost
from bot.costs.gas_table import GAS_TABLE
from bot.costs.net import net_profit_down

NO_BID: Final = Bps(0)
_EXACT_GROUP: Final = 16
"""Opportunities in a group that conflicts in itself, up to which the best choice of it is found by trying all."""

_ROUNDS: Final = 4


def net_of_costs(opportunity: Opportunity, gas_price: WeiPerGas, bid_share: Bps) -> int:
    """Wei left alone in a transaction, after gas by the estimate and the builder's share.

    The base token is the wrapped native coin.
    """
    return net_profit_down(opportunity.gross_profit, opportunity.gas_estimate, gas_price, bid_share).net


def added_by(opportunity: Opportunity, gas_price: WeiPerGas) -> int:
    """Wei it brings to a transaction that goes out anyway, after its own gas, before the bid."""
    return opportunity.gross_profit - gas_cost(own_gas(opportunity), gas_price)


def own_gas(opportunity: Opportunity) -> Gas:
    """The estimate less what a transaction costs once, whatever is in it."""
    return Gas(opportunity.gas_estimate - GAS_TABLE.transaction)


def rank(
    opportunities: Iterable[Opportunity], gas_price: WeiPerGas, bid_share: Bps = NO_BID
) -> list[Opportunity]:
    """Best net first. Equal nets: the smaller input first, then by the pools' addresses in trading order."""
    keyed = [(-net_of_costs(one, gas_price, bid_share), one.amount_in, one) for one in opportunities]
    keyed.sort(key=itemgetter(0, 1))
    if any(one[:2] == other[:2] for one, other in pairwise(keyed)):
        keyed.sort(key=lambda each: (*each[:2], *_content(each[2])))
    return [one for _, _, one in keyed]


def _content(one: Opportunity) -> tuple[object, ...]:
    legs = [(leg.pool, leg.zero_for_one, leg.amount_out) for leg in one.legs]
    return legs, one.base_token, one.gas_estimate


def choose_disjoint(
    opportunities: Iterable[Opportunity], gas_price: WeiPerGas, bid_share: Bps = NO_BID
) -> tuple[Opportunity, ...]:
    """The set that shares no pool and adds most, best first; any input order gives the same choice.

    Opportunities that are tied to each other by pools, directly or through others, make a group. In a group of up to
    16 the best choice is found by trying all, so that a best one gives way to two that earn more without it; in a
    larger one the best goes, then the best that is disjoint from it, and so on, and then each chosen one gives way
    where those it alone keeps out earn more together. Nothing is chosen where all of it does not pay for the
    transaction.
    """
    ranked = [one for one in rank(opportunities, gas_price, bid_share) if added_by(one, gas_price) > 0]
    adds = [added_by(one, gas_price) for one in ranked]
    rivals = _rivals(ranked)
    chosen = [at for at, of_one in enumerate(rivals) if not of_one]
    for group in _groups(rivals):
        if len(group) == 1:
            continue
        if len(group) <= _EXACT_GROUP:
            chosen += _best_of(group, adds, rivals)[1]
        else:
            chosen += _improved(_greedy(group, rivals), adds, rivals)
    if sum(adds[one] for one in chosen) <= gas_cost(GAS_TABLE.transaction, gas_price):
        return ()
    return tuple(ranked[one] for one in sorted(chosen))


def _rivals(ranked: Sequence[Opportunity]) -> list[set[int]]:
    """By place: the places of all others that share a pool with it."""
    using: dict[Address, list[int]] = {}
    for at, one in enumerate(ranked):
        for leg in one.legs:
            using.setdefault(leg.pool, []).append(at)
    rivals: list[set[int]] = [set() for _ in ranked]
    for sharing in using.values():
        if len(sharing) > 1:
            for at in sharing:
                rivals[at].update(sharing)
    for at, of_one in enumerate(rivals):
        of_one.discard(at)
    return rivals


def _groups(rivals: Sequence[set[int]]) -> Iterable[list[int]]:
    """The connected parts of the graph of rivals, each ascending."""
    seen: set[int] = set()
    for start in range(len(rivals)):
        if start in seen:
            continue
        group, front = {start}, [start]
        while front:
            fresh = rivals[front.pop()] - group
            group |= fresh
            front += fresh
        seen |= group
        yield sorted(group)


def _best_of(group: Sequence[int], adds: Sequence[int], rivals: Sequence[set[int]]) -> tuple[int, list[int]]:
    """(sum, members) of the best choice of an ascending group; of equal ones, that with the better ranked first."""
    best: tuple[int, list[int]] = (0, [])

    def descend(rest: Sequence[int], gain: int, members: list[int]) -> None:
        nonlocal best
        if gain > best[0]:
            best = gain, members
        left = sum(adds[one] for one in rest)
        for at, one in enumerate(rest):
            if gain + left <= best[0]:
                return
            apart = [other for other in rest[at + 1 :] if other not in rivals[one]]
            descend(apart, gain + adds[one], [*members, one])
            left -= adds[one]

    descend(group, 0, [])
    return best


def _greedy(group: Iterable[int], rivals: Sequence[set[int]]) -> list[int]:
    chosen: set[int] = set()
    for one in group:
        if rivals[one].isdisjoint(chosen):
            chosen.add(one)
    return sorted(chosen)


def _improved(chosen: list[int], adds: Sequence[int], rivals: Sequence[set[int]]) -> list[int]:
    """Each chosen one is given up for the best of those whose only rival it is, where that adds more; to the end of
    improvement or of _ROUNDS.
    """
    standing = set(chosen)
    for _ in range(_ROUNDS):
        before = len(standing), sum(adds[one] for one in standing)
        for one in sorted(standing):
            free = sorted(other for other in rivals[one] if len(rivals[other] & standing) == 1)
            gain, members = _best_of(free[:_EXACT_GROUP], adds, rivals)
            if gain > adds[one]:
                standing.remove(one)
                standing.update(members)
        if before == (len(standing), sum(adds[one] for one in standing)):
            break
    return sorted(standing)

"""One block, from events to journal: the whole program on one page.

Upkeep runs beside it (loop.py): before anything is judged, what was in flight has its verdict and budgets are settled.
Everything the tick needs comes in as a pure object or a Port; it makes no adapter and reads no clock but its own.
"""

from collections.abc import Sequence

from bot.carry_out import (
    DONE,
    TickDeps,
    Upkeep,
    WalletAtHead,
    carry_again,
    carry_out,
    is_worth_a_signature,
    plan_for,
)
from bot.core.decisions import Opportunity, Plan
from bot.core.funnel import Funnel
from bot.core.messages import BlockArrived
from bot.costs.base_fee import next_base_fee
from bot.execution.plan import NotWorthIt
from bot.opportunities.ranking import choose_disjoint
from bot.opportunities.search import ArbitrageSearch, SearchResult
from bot.opportunities.sizing import STRATEGY

ONE_MAY_SPOIL_ALL = frozenset({"reverted", "notional_per_trade", "gas_per_tx"})
"""Rules to which a merged plan may fall because of one of its cycles, or because of their sum."""

MOST_CHOICES = 3
"""A block: each costs a simulation of something that reverts."""


async def tick(
    block: BlockArrived,
    touched: Sequence[int],
    wallets: Sequence[WalletAtHead],
    deps: TickDeps,
    search: ArbitrageSearch,
    funnel: Funnel,
    upkeep: Upkeep = DONE,
) -> None:
    """Search, plan, simulate, judge and send for one block.

    Finding and simulating need nothing of the upkeep and do not wait for it; every judgement, reservation and
    signature does.
    """
    chosen = _find(touched, block, deps, search, funnel)
    for choice in range(MOST_CHOICES):
        if choice:
            chosen = _find_again(block, deps, search, funnel)
        if not await _offer(chosen, wallets, block, deps, search, funnel, upkeep):
            break
    for wallet in wallets:
        await carry_again(wallet, block, deps, funnel, upkeep)


def _find(
    touched: Sequence[int],
    block: BlockArrived,
    deps: TickDeps,
    search: ArbitrageSearch,
    funnel: Funnel,
) -> Sequence[Opportunity]:
    found, chosen = _search(touched, block, deps, search, funnel)
    funnel.cycles_screened, funnel.opportunities = found.screened, found.profitable_at_screen
    funnel.sized, funnel.profitable = found.sized, len(found.opportunities)
    funnel.drop("shares a pool with a better one", len(found.opportunities) - len(chosen))
    return chosen


def _find_again(
    block: BlockArrived, deps: TickDeps, search: ArbitrageSearch, funnel: Funnel
) -> Sequence[Opportunity]:
    """Without what was set aside meanwhile; the counts stay those of the first time."""
    return _search((), block, deps, search, funnel)[1]


def _search(
    touched: Sequence[int], block: BlockArrived, deps: TickDeps, search: ArbitrageSearch, funnel: Funnel
) -> tuple[SearchResult, Sequence[Opportunity]]:
    """What there is, and the disjoint set of it that adds most."""
    started = deps.clock.monotonic()
    gas_price = next_base_fee(block.head)
    found = search.search(touched, block.head.ref, gas_price)
    chosen = choose_disjoint(found.opportunities, gas_price, deps.bids.choice(STRATEGY).share)
    funnel.took("search", deps.clock.monotonic() - started)
    return found, chosen


async def _offer(
    remaining: Sequence[Opportunity],
    wallets: Sequence[WalletAtHead],
    block: BlockArrived,
    deps: TickDeps,
    search: ArbitrageSearch,
    funnel: Funnel,
    upkeep: Upkeep,
) -> bool:
    """One transaction a wallet. True when all came to nothing because cycles revert, which are set aside now."""
    turned_down, all_reverted = False, bool(remaining)
    for wallet in wallets:
        if not remaining:
            break
        started = deps.clock.monotonic()
        plan = plan_for(remaining, wallet, block, deps, deps.execution)
        funnel.took("plan", deps.clock.monotonic() - started)
        if isinstance(plan, NotWorthIt):
            funnel.drop(plan.reason)
            turned_down, all_reverted = True, False
            continue
        remaining = [opportunity for opportunity in remaining if opportunity not in plan.opportunities]
        if not is_worth_a_signature(plan, wallet, block, deps):
            funnel.drop("earns no more than what is in flight")
            all_reverted = False
            continue
        stopped_by = await carry_out(plan, wallet, wallets, block, deps, funnel, upkeep)
        if len(plan.opportunities) == 1:
            all_reverted &= _set_aside_if_reverted(plan, stopped_by, search)
        elif stopped_by in ONE_MAY_SPOIL_ALL:
            all_reverted &= await _one_by_one(plan, wallet, wallets, block, deps, search, funnel, upkeep)
        else:
            all_reverted = False
    if not turned_down:
        funnel.drop("no room in the wallets' transactions", len(remaining))
    return all_reverted


async def _one_by_one(
    merged: Plan,
    wallet: WalletAtHead,
    wallets: Sequence[WalletAtHead],
    block: BlockArrived,
    deps: TickDeps,
    search: ArbitrageSearch,
    funnel: Funnel,
    upkeep: Upkeep,
) -> bool:
    """The merged plan fell to one cycle that reverts, or to its size: the best that goes through alone is sent.

    True when every one reverts.
    """
    all_reverted = True
    for opportunity in merged.opportunities:
        plan = plan_for([opportunity], wallet, block, deps, deps.execution)
        if isinstance(plan, NotWorthIt):
            funnel.drop(plan.reason)
            all_reverted = False
            continue
        stopped_by = await carry_out(plan, wallet, wallets, block, deps, funnel, upkeep)
        if stopped_by not in ONE_MAY_SPOIL_ALL:
            return False
        all_reverted &= _set_aside_if_reverted(plan, stopped_by, search)
    return all_reverted


def _set_aside_if_reverted(alone: Plan, stopped_by: str | None, search: ArbitrageSearch) -> bool:
    """Found again at every block, it would keep out every honest cycle that it shares a pool with."""
    if stopped_by != "reverted":
        return False
    search.set_aside(alone.opportunities[0])
    return True

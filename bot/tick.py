"""One block, from events to journal: the whole program on one page.

Upkeep runs beside it (loop.py): before anything is judged, what was in flight has its verdict and budgets are settled.
Everything the tick needs comes in as a pure object or a Port; it makes no adapter and reads no clock but its own.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from bot.core.decisions import Approved, Check, Denied, Opportunity, Plan, Simulation
from bot.core.funnel import Funnel
from bot.core.identity import Address, IntentId, WalletName
from bot.core.messages import BlockArrived
from bot.core.ports import Clock, Journal, Simulator
from bot.core.profile import ChainProfile
from bot.core.records import DropRecord
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import BPS_WHOLE, Bps, Gas, Nanoseconds, Wei
from bot.costs.base_fee import next_base_fee
from bot.costs.gas_schedule import GasSchedule
from bot.execution.config import ExecutionConfig
from bot.execution.dispatch import Dispatcher, MaybeSigned, NotSigned
from bot.execution.nonce_line import NonceLine
from bot.execution.plan import NotWorthIt, Room, build_plan
from bot.execution.preflight import PreflightFailed, preflight
from bot.execution.simulate import simulate_plan
from bot.opportunities.ranking import choose_disjoint
from bot.opportunities.search import ArbitrageSearch, SearchResult
from bot.risk.context import GateContext
from bot.risk.gate import judge
from bot.risk.ledger import Ledger
from bot.risk.limits import Limits

ONE_MAY_SPOIL_ALL = frozenset({"reverted", "notional_per_trade", "gas_per_tx"})
"""Rules to which a merged plan may fall because of one of its cycles, or because of their sum."""

SAID_OF_GAS = frozenset(
    {"UniswapV2: TRANSFER_FAILED", "Pancake: TRANSFER_FAILED", "TF", "executor: builder refused"}
)
"""What pools and the Executor say of a call that got too little gas, and of others that failed."""


MOST_CHOICES = 3
"""A block: each costs a simulation of something that reverts."""


class WalletAtHead(msgspec.Struct, frozen=True):
    """A wallet as the chain has it at the head of this tick."""

    name: WalletName
    address: Address
    line: NonceLine
    count: Ok[int] | Reverted | Unknown
    balance: Ok[Wei] | Reverted | Unknown


async def settled_already() -> None:
    """For who calls the tick after the upkeep."""


class Upkeep(msgspec.Struct, frozen=True):
    """The upkeep of the same block, which runs beside the tick."""

    settled: Callable[[], Awaitable[None]] = settled_already
    """Returns when every verdict there is has been found and counted."""
    records: Callable[[], Sequence[Awaitable[None]]] = tuple
    """Those verdicts to be written, each once: beside the next intent, and before its signature."""


DONE = Upkeep()


class TickDeps(msgspec.Struct, frozen=True):
    run_id: str
    chain: ChainProfile
    schedule: GasSchedule
    clock: Clock
    execution: ExecutionConfig
    limits: Limits
    ledger: Ledger
    journal: Journal
    simulator: Simulator | None
    """None in observe: plans are explained and go no further."""
    dispatcher: Dispatcher | None
    """None in observe and simulate: nothing is signed."""
    recorded_intents: set[IntentId]
    """Every intent the journal holds; the gate denies a second one."""
    simulation_limit: Nanoseconds
    state_age: Nanoseconds
    expired_gas: Gas


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
    for _ in range(MOST_CHOICES - 1):
        if not await _offer(chosen, wallets, block, deps, search, funnel, upkeep):
            return
        chosen = _find_again(block, deps, search, funnel)
    await _offer(chosen, wallets, block, deps, search, funnel, upkeep)


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
    chosen = choose_disjoint(found.opportunities, gas_price, deps.execution.bid_share)
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
        plan = _plan(remaining, wallet, block, deps, deps.execution)
        funnel.took("plan", deps.clock.monotonic() - started)
        if isinstance(plan, NotWorthIt):
            funnel.drop(plan.reason)
            turned_down, all_reverted = True, False
            continue
        remaining = [opportunity for opportunity in remaining if opportunity not in plan.opportunities]
        stopped_by = await _carry_out(plan, wallet, wallets, block, deps, funnel, upkeep)
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
        plan = _plan([opportunity], wallet, block, deps, deps.execution)
        if isinstance(plan, NotWorthIt):
            funnel.drop(plan.reason)
            all_reverted = False
            continue
        stopped_by = await _carry_out(plan, wallet, wallets, block, deps, funnel, upkeep)
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


def _plan(
    opportunities: Sequence[Opportunity],
    wallet: WalletAtHead,
    block: BlockArrived,
    deps: TickDeps,
    config: ExecutionConfig,
) -> Plan | NotWorthIt:
    if not isinstance(wallet.count, Ok):
        return NotWorthIt("the wallet's nonce is unknown", "its transaction count", str(wallet.count))
    nonce, chain_id = wallet.count.value, deps.chain.chain_id
    limits = deps.limits.of(wallet.name, opportunities[0].strategy)
    room = (
        Room(limits.gas_per_tx, limits.notional_per_trade, limits.value_in_flight)
        if limits is not None
        else None
    )
    return build_plan(opportunities, wallet.name, wallet.address, nonce, block.head, chain_id, config, room)


def _with_more_gas(plan: Plan, wallet: WalletAtHead, block: BlockArrived, deps: TickDeps) -> Plan | None:
    """The same cycles under a gas limit of twice the estimate: a new plan, simulated anew (law 4).

    A revert without data is most often gas that ran out: a pair whose price accumulators were never written takes
    up to 85,000 more than the table says. None where no such plan would pass the checks before a simulation.
    """
    config = msgspec.structs.replace(deps.execution, gas_margin=Bps(BPS_WHOLE))
    roomier = _plan(plan.opportunities, wallet, block, deps, config)
    if isinstance(roomier, NotWorthIt):
        return None
    checked = preflight(roomier, block.head, wallet.count, wallet.balance, deps.schedule)
    return None if isinstance(checked, PreflightFailed) else roomier


async def _carry_out(
    plan: Plan,
    wallet: WalletAtHead,
    wallets: Sequence[WalletAtHead],
    block: BlockArrived,
    deps: TickDeps,
    funnel: Funnel,
    upkeep: Upkeep,
) -> str | None:
    """Everything between a plan and the wire. Where it stops, the reason is counted, recorded, and its rule returned."""
    funnel.planned += 1
    if deps.simulator is None:
        return await _drop(
            plan, "mode", Check("observe", "finding and explaining", "a plan to simulate"), deps, funnel
        )
    checked = preflight(plan, block.head, wallet.count, wallet.balance, deps.schedule)
    if isinstance(checked, PreflightFailed):
        return await _drop(plan, "preflight", checked.check, deps, funnel)
    started = deps.clock.monotonic()
    simulated = await _simulate(plan, deps.simulator, block, deps)
    if isinstance(simulated, Reverted) and (not simulated.data or simulated.reason in SAID_OF_GAS):
        roomier = _with_more_gas(plan, wallet, block, deps)
        if roomier is not None:
            plan, simulated = roomier, await _simulate(roomier, deps.simulator, block, deps)
    funnel.took("simulate", deps.clock.monotonic() - started)
    if not isinstance(simulated, Ok):
        return await _drop(plan, "simulation", _failure(simulated), deps, funnel)
    funnel.simulated += 1
    started = deps.clock.monotonic()
    await upkeep.settled()
    waited_until = deps.clock.monotonic()
    funnel.took("wait for upkeep", waited_until - started)
    decision = judge(plan, simulated.value, _context(wallets, block, deps))
    funnel.took("gate", deps.clock.monotonic() - waited_until)
    if isinstance(decision, Denied):
        denial = Check(decision.rule, decision.limit, decision.actual)
        return await _drop(plan, "risk", denial, deps, funnel)
    funnel.allowed += 1
    return await _send(decision, wallet.line, block, deps, funnel, upkeep)


async def _simulate(
    plan: Plan, simulator: Simulator, block: BlockArrived, deps: TickDeps
) -> Ok[Simulation] | Reverted | Unknown:
    answer = await deps.clock.within(
        deps.simulation_limit, simulate_plan(simulator, plan, block.head, deps.execution)
    )
    return answer.value if isinstance(answer, Ok) else answer


async def _send(
    approved: Approved,
    line: NonceLine,
    block: BlockArrived,
    deps: TickDeps,
    funnel: Funnel,
    upkeep: Upkeep,
) -> str | None:
    """Reserve, then dispatch. A refusal by the signer frees the budget; its silence does not (law 1)."""
    plan = approved.plan
    if deps.dispatcher is None:
        return await _drop(
            plan, "mode", Check("simulate", "simulating and judging", "a plan to sign"), deps, funnel
        )
    no_route = deps.dispatcher.why_no_route(plan)
    if no_route is not None:
        check = Check("no_private_route", "a usable one that drops reverts", no_route)
        return await _drop(plan, "route", check, deps, funnel)
    deps.ledger.reserve(plan.id, approved.reservation, plan.window)
    deps.recorded_intents.add(plan.id)
    started = deps.clock.monotonic()
    sent = await deps.dispatcher.dispatch(approved, line, funnel.took, upkeep.records())
    ended = deps.clock.monotonic()
    funnel.took("sign and send", ended - started)
    if isinstance(sent, NotSigned):
        deps.ledger.release_unsigned(plan.wallet, plan.id)
        return await _drop(plan, "signer", Check("signer", "its policy", sent.reason), deps, funnel)
    if isinstance(sent, MaybeSigned):
        return await _drop(plan, "signer", Check("signer_silent", "an answer", sent.cause), deps, funnel)
    if sent.routes and not funnel.sent:
        funnel.took("seen to sent", ended - block.seen_at)
    funnel.sent += int(sent.routes > 0)
    return None


async def _drop(plan: Plan, stage: str, why: Check, deps: TickDeps, funnel: Funnel) -> str:
    funnel.drop(f"{stage}: {why.rule}")
    await deps.journal.record_drop(
        DropRecord(deps.run_id, plan, stage, why.rule, why.limit, why.actual, deps.clock.utc())
    )
    return why.rule


def _failure(result: Reverted | Unknown) -> Check:
    if isinstance(result, Reverted):
        return Check("reverted", "runs through", result.reason)
    return Check("unknown", "an answer", result.cause)


def _context(wallets: Sequence[WalletAtHead], block: BlockArrived, deps: TickDeps) -> GateContext:
    return GateContext(
        limits=deps.limits,
        ledger=deps.ledger,
        chain_id=deps.chain.chain_id,
        wrapped_native=deps.chain.weth.address,
        senders={wallet.name: wallet.address for wallet in wallets},
        open_nonces={w.name: w.count.value for w in wallets if isinstance(w.count, Ok)},
        balances={wallet.name: wallet.balance for wallet in wallets},
        recorded_intents=deps.recorded_intents,
        head=block.head.ref,
        head_age=Nanoseconds(deps.clock.monotonic() - block.seen_at),
        head_age_allowed=deps.state_age,
        now=deps.clock.utc(),
        expired_gas=deps.expired_gas,
    )

"""From a plan to the wire: everything that may stop it on the way, each time with its reason on record.

Shared by the tick of a block and by what follows a pending transaction. It makes no adapter and reads no clock but
its own; everything comes in as a pure object or a Port.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from bot.core.decisions import Approved, Check, Denied, Opportunity, Plan, Simulation
from bot.core.funnel import Funnel
from bot.core.identity import Address, IntentId, WalletName
from bot.core.messages import BlockArrived, Head
from bot.core.pending import Behind
from bot.core.ports import Clock, Journal, Simulator
from bot.core.profile import ChainProfile
from bot.core.records import DropRecord
from bot.core.result import Ok, Reverted, Unknown
from bot.core.transaction import AccessList
from bot.core.units import BPS_WHOLE, Bps, Gas, Nanoseconds, Wei
from bot.costs.gas_schedule import GasSchedule, schedule_at
from bot.execution.bid_book import BidBook
from bot.execution.bid_policy import BidChoice
from bot.execution.config import ExecutionConfig
from bot.execution.dispatch import Dispatcher, MaybeSigned, NotSigned
from bot.execution.nonce_line import NonceLine
from bot.execution.plan import NotWorthIt, Room, build_plan, with_access_list
from bot.execution.preflight import PreflightFailed, preflight
from bot.execution.resubmission import is_better, why_withdrawn
from bot.execution.send_timing import AimAtNext, SendDecision, TooLate, when_to_send
from bot.execution.simulate import simulate_plan
from bot.execution.slot_clock import NEVER, SlotClock
from bot.risk.context import GateContext
from bot.risk.gate import judge
from bot.risk.ledger import Ledger
from bot.risk.limits import Limits

SAID_OF_GAS = frozenset(
    {"UniswapV2: TRANSFER_FAILED", "Pancake: TRANSFER_FAILED", "TF", "executor: builder refused"}
)
"""What pools and the Executor say of a call that got too little gas, and of others that failed."""


Listing = Callable[[Plan, Head, GasSchedule], Awaitable[AccessList]]
"""The entries that save more gas than they cost; empty where none does, or the node did not say."""


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
"""For who calls after it."""


class TickDeps(msgspec.Struct, frozen=True):
    run_id: str
    chain: ChainProfile
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
    bids: BidBook
    slots: SlotClock
    halted: Callable[[], str | None] = lambda: None
    """Why nothing may be sent; asked before what needs no signature, which the signer would refuse."""
    listing: Listing | None = None
    """Asked for the access list that pays, one round trip before each simulation; None: none is given."""


def plan_for(
    opportunities: Sequence[Opportunity],
    wallet: WalletAtHead,
    block: BlockArrived,
    deps: TickDeps,
    config: ExecutionConfig,
    behind: Behind | None = None,
    bid: BidChoice | None = None,
) -> Plan | NotWorthIt:
    """One transaction of this wallet within its limits. `bid` None: what the strategy bids by now."""
    if not isinstance(wallet.count, Ok):
        return NotWorthIt("the wallet's nonce is unknown", "its transaction count", str(wallet.count))
    nonce, chain_id = wallet.count.value, deps.chain.chain_id
    limits = deps.limits.of(wallet.name, opportunities[0].strategy)
    room = (
        Room(limits.gas_per_tx, limits.notional_per_trade, limits.value_in_flight, limits.fee_per_gas)
        if limits is not None
        else None
    )
    bid = bid or deps.bids.choice(opportunities[0].strategy)
    return build_plan(
        opportunities, wallet.name, wallet.address, nonce, block.head, chain_id, config, room, behind, bid
    )


def _with_more_gas(plan: Plan, wallet: WalletAtHead, block: BlockArrived, deps: TickDeps) -> Plan | None:
    """The same cycles under a gas limit of twice the estimate: a new plan, simulated anew (law 4).

    A revert without data is most often gas that ran out: a pair whose price accumulators were never written takes
    up to 85,000 more than the table says. None where no such plan would pass the checks before a simulation.
    """
    config = msgspec.structs.replace(deps.execution, gas_margin=Bps(BPS_WHOLE))
    bid = BidChoice(plan.bid_share, plan.bid_reason, None) if plan.bid_share is not None else None
    roomier = plan_for(plan.opportunities, wallet, block, deps, config, plan.behind, bid)
    if isinstance(roomier, NotWorthIt):
        return None
    checked = preflight(roomier, block.head, wallet.count, wallet.balance, expected_schedule(deps))
    return None if isinstance(checked, PreflightFailed) else roomier


async def carry_out(
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
    checked = preflight(plan, block.head, wallet.count, wallet.balance, expected_schedule(deps))
    if isinstance(checked, PreflightFailed):
        return await _drop(plan, "preflight", checked.check, deps, funnel)
    started = deps.clock.monotonic()
    if deps.listing is not None:
        asked = deps.listing(plan, block.head, expected_schedule(deps))
        entries = await deps.clock.within(deps.simulation_limit, asked)
        plan = with_access_list(plan, entries.value if isinstance(entries, Ok) else ())
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
    decision = judge(plan, simulated.value, _context(plan, wallets, block, deps))
    funnel.took("gate", deps.clock.monotonic() - waited_until)
    if isinstance(decision, Denied):
        denial = Check(decision.rule, decision.limit, decision.actual)
        return await _drop(plan, "risk", denial, deps, funnel)
    funnel.allowed += 1
    return await _send(decision, wallet.line, block, deps, funnel, upkeep)


def is_worth_a_signature(plan: Plan, wallet: WalletAtHead, block: BlockArrived, deps: TickDeps) -> bool:
    """False where a payload of this wallet, whose window is open, earns as much: that one is handed over again."""
    if deps.dispatcher is None or not isinstance(wallet.count, Ok):
        return True
    standing = deps.dispatcher.due(wallet.name, wallet.count.value, block.head)
    return standing is None or is_better(plan, standing)


async def carry_again(
    wallet: WalletAtHead, block: BlockArrived, deps: TickDeps, funnel: Funnel, upkeep: Upkeep
) -> None:
    """The wallet's best payload whose window is open, handed over for the next block too, or withdrawn.

    Nothing is done where something fresh was handed over for that block.
    """
    dispatcher, head = deps.dispatcher, block.head
    if dispatcher is None or deps.simulator is None or not isinstance(wallet.count, Ok):
        return
    target = head.number + 1
    has_fresh = dispatcher.handed.has_aimed_at(wallet.name, target)
    if has_fresh or dispatcher.due(wallet.name, wallet.count.value, head) is None:
        return
    await upkeep.settled()
    standing = dispatcher.due(wallet.name, wallet.count.value, head)
    if standing is None:
        return
    started = deps.clock.monotonic()
    answer = await deps.clock.within(
        deps.simulation_limit,
        why_withdrawn(
            standing,
            head,
            wallet.count,
            wallet.balance,
            deps.simulator,
            expected_schedule(deps),
            deps.execution,
            expected_timestamp(deps),
        ),
    )
    funnel.took("simulate again", deps.clock.monotonic() - started)
    why = answer.value if isinstance(answer, Ok) else Check("unknown", "an answer", answer.cause)
    if why is not None:
        dispatcher.withdraw(standing.plan.id)
        funnel.drop(f"withdrawn: {why.rule}")
        return
    is_halted = deps.halted() is not None
    if is_halted or dispatcher.why_no_route(standing.plan) is not None:
        funnel.drop("halted" if is_halted else "route: no_private_route")
        return
    sent = await dispatcher.resubmit(standing, target, funnel.took)
    funnel.resubmitted += int(sent.routes > 0)


def expected_timestamp(deps: TickDeps) -> int:
    """Of the block after the newest head: a slot that was missed moves it."""
    return deps.slots.next_block(deps.clock.utc(), deps.clock.monotonic()).timestamp


def expected_schedule(deps: TickDeps) -> GasSchedule:
    """Of that block: a fork may begin with it."""
    return schedule_at(deps.chain.gas_schedules, expected_timestamp(deps))


async def _simulate(
    plan: Plan, simulator: Simulator, block: BlockArrived, deps: TickDeps
) -> Ok[Simulation] | Reverted | Unknown:
    simulated = simulate_plan(simulator, plan, block.head, deps.execution, expected_timestamp(deps))
    answer = await deps.clock.within(deps.simulation_limit, simulated)
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
    timing = _timing(plan, deps.dispatcher, deps)
    if isinstance(timing, TooLate):
        deps.dispatcher.doubt_times()
        over = f"{(timing.arrives_at - timing.closes_at) / 1e6:.1f} ms after it"
        check = Check("too_late", f"at the builder before block {plan.target_block} closes", over)
        return await _drop(plan, "timing", check, deps, funnel)
    deps.ledger.reserve(plan.id, approved.reservation, plan.window)
    deps.recorded_intents.add(plan.id)
    started = deps.clock.monotonic()
    target = timing.target_block if isinstance(timing, AimAtNext) else plan.target_block
    offset = Nanoseconds(0 if timing.closes_at == NEVER else started - block.seen_at)
    deps.bids.sent(plan, approved.simulation, offset)
    sent = await deps.dispatcher.dispatch(approved, line, funnel.took, upkeep.records(), target, offset)
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


def _timing(plan: Plan, dispatcher: Dispatcher, deps: TickDeps) -> SendDecision:
    """Whether signed and handed over now it is of use for its block, or for a later one of its window."""
    now = deps.clock.monotonic()
    expected = deps.slots.next_block(deps.clock.utc(), now)
    return when_to_send(
        expected, now, dispatcher.one_way_up(), dispatcher.preparation.usual, plan.window.last_block
    )


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


def _age_allowed(plan: Plan, block: BlockArrived, deps: TickDeps) -> Nanoseconds:
    """A back-run is made when its swap comes, on the newest head there is: up to the close of the block it is for."""
    if plan.behind is None:
        return deps.state_age
    closes_at = deps.slots.next_block(deps.clock.utc(), deps.clock.monotonic()).closes_at
    return Nanoseconds(max(deps.state_age, 0 if closes_at == NEVER else closes_at - block.seen_at))


def _context(plan: Plan, wallets: Sequence[WalletAtHead], block: BlockArrived, deps: TickDeps) -> GateContext:
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
        head_age_allowed=_age_allowed(plan, block, deps),
        now=deps.clock.utc(),
        expired_gas=deps.expired_gas,
    )

"""The only place that builds adapters and wires them: settings in, a Composition out. No decision is made here."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import structlog

from bot.carry_out import Listing, TickDeps
from bot.chain.access_lists import listing_that_pays
from bot.chain.call_simulation import CallSimulator, simulator_for
from bot.chain.lens_code import load_lens_code
from bot.chain.pool_reads import audit_pools, bootstrap_pools
from bot.chain.reader import RpcChainReader
from bot.chain.reader_ahead import ReaderAhead
from bot.chain.relay_identity import RelayIdentity, load_or_create_identity
from bot.chain.relays import RelayRoute, prepare_all
from bot.chain.rpc import open_session
from bot.chain.rpc_lasting import LastingRpc
from bot.chain.signer_client import SignerClient
from bot.chain.simulation import NodeSimulator
from bot.chain.token_guard import Progress, TokenGuard, why_of_another_chain
from bot.chain.token_probe import TokenProber, own_parties
from bot.clock import LockstepClock, SystemClock
from bot.compose_routes import bid_book, bid_by, check_hints, open_routes
from bot.core.decisions import Plan
from bot.core.errors import BadConfiguration, RetryLater, Unreachable
from bot.core.funnel import Funnel
from bot.core.identity import ZERO_ADDRESS, Address, BlockRef, WalletName, hex_bytes, hex_quantity
from bot.core.messages import Head
from bot.core.ports import Journal, RpcSession
from bot.core.result import Ok, in_words
from bot.core.route_standing import BidBy
from bot.core.transaction import AccessList
from bot.core.units import Bps, Gas, Nanoseconds, Wei, WeiPerGas
from bot.costs.gas_schedule import GasSchedule
from bot.execution.config import ExecutionConfig
from bot.execution.dispatch import Dispatcher
from bot.execution.maintenance import InFlight
from bot.execution.nonce_line import NonceLine
from bot.execution.slot_clock import SlotClock
from bot.feeds.config import HeadFeedConfig
from bot.feeds.heads import HeadFeed
from bot.feeds.recorded_session import recorded_connect
from bot.feeds.recorder import Recorder
from bot.journal.store import JournalStore
from bot.journal.token_cache import CACHE_FILE, load_verdicts, save_verdicts
from bot.loop import LoopDeps, World
from bot.opportunities.search import ArbitrageSearch, SearchConfig
from bot.protocols.pool_events import FOLLOWED_TOPICS
from bot.risk.ledger import Ledger
from bot.settings import Settings, limits_of
from bot.state.market_state import MarketState
from bot.state.token_safety import TokenBook, TokenPolicy
from bot.state.token_verdicts import Checked

log = structlog.get_logger()

HALT_FILE = "HALT"
EXPIRED_GAS = Gas(100_000)
"""Most that a payload uses after its window: intrinsic gas of eight cycles' calldata and the Executor's first check."""

FIRST_READS = 3
RETRY_AFTER = Nanoseconds(500_000_000)
"""After which a state that could not be read is read anew."""
TOKEN_RETRY = Nanoseconds(10 * 10**9)
"""After which a token that could not be tested is tried again."""


class Adapters(msgspec.Struct, frozen=True):
    """What reaches out of the process, made before anything is read from the chain."""

    clock: SystemClock
    rpc: LastingRpc
    reader: RpcChainReader
    simulator: NodeSimulator | CallSimulator
    how_simulated: str
    """For the operator, at the start."""
    signer: SignerClient | None
    routes: tuple[RelayRoute, ...]
    identity: RelayIdentity | None


@asynccontextmanager
async def open_adapters(settings: Settings) -> AsyncIterator[Adapters]:
    """Sockets are opened at their first use; all are closed at the end."""
    variables = settings.variables
    clock = LockstepClock() if variables.lockstep else SystemClock()
    rpc = LastingRpc(node_connection(settings, clock, settings.variables.rpc_timeout))
    identity = load_or_create_identity(settings.data_dir) if settings.sends else None
    signer = SignerClient(settings.signer_socket, clock, Nanoseconds(variables.signer_timeout))
    simulator, how_simulated = await simulator_for(rpc)
    adapters = Adapters(
        clock=clock,
        rpc=rpc,
        reader=RpcChainReader(rpc),
        simulator=simulator,
        how_simulated=how_simulated,
        signer=signer if settings.sends else None,
        routes=open_routes(settings, identity, clock) if identity is not None else (),
        identity=identity,
    )
    try:
        yield adapters
    finally:
        await rpc.close()
        await signer.close()
        for route in adapters.routes:
            await route.close()


async def compose(
    settings: Settings,
    adapters: Adapters,
    store: JournalStore,
    journal: Journal,
    run_id: str,
    wallets: dict[WalletName, Address],
    tokens_tested: Progress,
    recorder: Recorder | None,
) -> tuple[LoopDeps, World]:
    """Everything the loop takes, with the ledger and what was in flight restored from the journal (law 13).

    `journal` is what the loop writes to, `store` the same journal to read from; `tokens_tested` is called while
    tokens are tested before the first block. Raises Unreachable when the chain cannot be read at the start.
    """
    if settings.chain.fees != "layer-1":
        raise BadConfiguration(
            f"BOT_CHAIN={settings.variables.chain}: its profile says fees {settings.chain.fees}, and no bot runs on a "
            "rollup yet: what L1 charges would not be read"
        )
    check_hints(settings, adapters.routes)
    execution = execution_config(settings, bid_by(adapters.routes))
    tokens = await _token_guard(settings, adapters, wallets)
    bootstrap = _bootstrap(settings, adapters, tokens, tokens_tested)
    world = await _first_world(bootstrap, adapters.clock)
    ahead = ReaderAhead(adapters.rpc, tuple(wallets.values()))
    in_flight, ledger = InFlight(ahead, execution), Ledger()
    ahead.awaited = in_flight.awaited_payloads
    # What signs nothing must not speak for what was signed: its verdicts would go to the journal.
    if settings.sends:
        holding = await store.holding_intents(world.state.ref.number)
        for intent in holding:
            in_flight.restore(intent)
        # From the very first entry: failures in a row reach back to the last landed intent, however long ago.
        ledger = Ledger.rebuilt(await store.ledger_entries(Nanoseconds(0)), holding)
    deps = LoopDeps(
        tick=TickDeps(
            run_id=run_id,
            chain=settings.chain,
            clock=adapters.clock,
            execution=execution,
            limits=limits_of(settings),
            ledger=ledger,
            journal=journal,
            simulator=adapters.simulator if settings.mode != "observe" else None,
            dispatcher=_dispatcher(settings, adapters, journal, run_id, in_flight),
            recorded_intents=set(await store.intent_ids()),
            simulation_limit=Nanoseconds(settings.variables.simulation_timeout),
            state_age=_patient(settings, settings.variables.state_age),
            expired_gas=EXPIRED_GAS,
            halted=lambda: halt_reason(settings.data_dir),
            bids=await bid_book(settings, store),
            listing=_listing(adapters) if settings.variables.access_lists else None,
            slots=SlotClock(settings.slot_rule, waits=settings.variables.lockstep),
        ),
        feed=_feed(settings, adapters.clock, ahead.expect, recorder),
        reader=ahead,
        signer=adapters.signer,
        in_flight=in_flight,
        lines={name: (address, NonceLine(name)) for name, address in wallets.items()},
        bootstrap=bootstrap,
        audit=_audit(settings, adapters),
        tokens=tokens,
        tick_done=_tick_done(settings, adapters),
        new_head=_new_head(adapters.clock),
        after_block=lambda: None,
        halted=lambda: halt_reason(settings.data_dir),
        awaits_routes=settings.variables.lockstep,
        retry_after=RETRY_AFTER,
    )
    return deps, world


async def _first_world(bootstrap: Callable[[], Awaitable[World]], clock: SystemClock) -> World:
    """A reorg at this very moment leaves the block that was being read without answers: tried again, a few times."""
    for attempt in range(1, FIRST_READS + 1):
        try:
            return await bootstrap()
        except RetryLater as error:
            if attempt == FIRST_READS:
                raise Unreachable(f"the pools cannot be read at the start: {error}") from error
            log.warning("bootstrap.failed", reason=str(error))
            await clock.sleep(RETRY_AFTER)
    raise AssertionError("the last attempt returns or raises")


def halt_reason(data_dir: Path) -> str | None:
    """Why nothing may be sent; None when there is no halt. What cannot be read is a halt (law 12)."""
    path = data_dir / HALT_FILE
    try:
        path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{path} cannot be read ({error.strerror}), which counts as a halt"
    return f"{path} is there: find out why it was set, then remove it"


def execution_config(settings: Settings, by: BidBy = "payment") -> ExecutionConfig:
    """In observe, which has no Executor, the zero address stands in: its plans are explained and never simulated."""
    variables = settings.variables
    return ExecutionConfig(
        executor=variables.executor or ZERO_ADDRESS,
        profit_recipient=variables.profit_recipient or ZERO_ADDRESS,
        weth=settings.chain.weth.address,
        min_net_profit=Wei(variables.min_net_profit),
        bid_share=Bps(variables.bid_share),
        bid_by=by,
        priority_fee=WeiPerGas(variables.priority_fee),
        gas_margin=Bps(variables.gas_margin),
        window_blocks=variables.window_blocks,
        slot_seconds=settings.chain.slot.seconds,
    )


def _patient(settings: Settings, duration: int) -> Nanoseconds:
    """In lockstep the market waits for the bot, so that the bot's own slowness makes nothing stale."""
    return Nanoseconds(duration * LockstepClock.PATIENCE if settings.variables.lockstep else duration)


def node_connection(
    settings: Settings, clock: SystemClock, limit: int
) -> Callable[[], Awaitable[RpcSession]]:
    return lambda: open_session(settings.variables.rpc_url, clock, Nanoseconds(limit))


def _dispatcher(
    settings: Settings, adapters: Adapters, journal: Journal, run_id: str, in_flight: InFlight
) -> Dispatcher | None:
    if adapters.signer is None or adapters.identity is None:
        return None
    return Dispatcher(
        run_id=run_id,
        journal=journal,
        signer=adapters.signer,
        routes=adapters.routes,
        in_flight=in_flight,
        clock=adapters.clock,
        limit=Nanoseconds(settings.variables.relay_timeout),
        salt=adapters.identity.replacement_salt(),
        prepare=lambda bundle: prepare_all(bundle, adapters.routes),
    )


def _feed(
    settings: Settings, clock: SystemClock, coming: Callable[[Head], None], recorder: Recorder | None
) -> HeadFeed:
    variables = settings.variables
    config = HeadFeedConfig(
        heartbeat=Nanoseconds(variables.feed_heartbeat), allowed_silence=Nanoseconds(variables.feed_silence)
    )
    jitter = random.Random(0).random if variables.lockstep else random.SystemRandom().random  # noqa: S311  # spreads reconnects
    # The feed judges a half-open socket by its own patience, which must be shorter than the session's.
    connect = node_connection(settings, clock, max(variables.rpc_timeout, 2 * config.patience))
    if recorder is not None and settings.records_chain:
        connect = recorded_connect(
            connect, variables.rpc_url, recorder.source("chain", config), SystemClock()
        )
    return HeadFeed(connect, clock, config, FOLLOWED_TOPICS, jitter, coming)


def _bootstrap(
    settings: Settings, adapters: Adapters, tokens: TokenGuard, tokens_tested: Progress
) -> Callable[[], Awaitable[World]]:
    lens = load_lens_code()

    async def bootstrap() -> World:
        head = await adapters.reader.head()
        if not isinstance(head, Ok):
            raise RetryLater(f"the newest block cannot be read: {in_words(head)}")
        result = await bootstrap_pools(adapters.reader, settings.chain, head.value.ref, lens)
        for left_out in result.left_out:
            log.warning(
                "bootstrap.left_out", venue=left_out.venue, pool=left_out.pool, reason=left_out.reason
            )
        await tokens.admit(result.state.table, head.value, tokens_tested)
        bases = [token.address for token in settings.chain.base_tokens]
        config = SearchConfig(weth=settings.chain.weth.address, bid_share=Bps(settings.variables.bid_share))
        return World(result.state, ArbitrageSearch(result.state.table, bases, config))

    return bootstrap


async def _token_guard(
    settings: Settings, adapters: Adapters, wallets: dict[WalletName, Address]
) -> TokenGuard:
    variables, chain = settings.variables, settings.chain
    prober = TokenProber(
        adapters.rpc, own_parties(variables.executor, next(iter(wallets.values()), None)), chain.slot.seconds
    )
    path = settings.data_dir / CACHE_FILE
    known, problem = load_verdicts(path, chain.chain_id, prober.fingerprint)
    problem = problem or await why_of_another_chain(adapters.reader, known)
    if problem is not None:
        log.warning("token.cache_not_used", path=str(path), reason=problem)
        known = ()

    async def save(checked: Sequence[Checked]) -> None:
        try:
            await asyncio.to_thread(save_verdicts, path, chain.chain_id, prober.fingerprint, checked)
        except OSError as error:
            log.warning("token.cache_not_written", path=str(path), reason=str(error))

    policy = TokenPolicy(
        trusted=frozenset(token.address for token in chain.base_tokens),
        allowed=variables.tokens_allowed,
        denied=variables.tokens_denied,
        expiry=Nanoseconds(variables.token_check_expiry),
        retry=TOKEN_RETRY,
    )
    return TokenGuard(TokenBook(policy, known), prober, chain.weth.address, save)


def _audit(
    settings: Settings, adapters: Adapters
) -> Callable[[MarketState, Funnel], Awaitable[Sequence[int]]]:
    lens = load_lens_code()

    async def audit(state: MarketState, funnel: Funnel) -> Sequence[int]:
        result = await audit_pools(
            adapters.reader, settings.chain, state, settings.variables.audit_pools, lens
        )
        for mismatch in result.mismatches:
            log.error("audit.mismatch", detail=str(mismatch))
        for divergence in result.divergences:
            log.error("state.diverged", detail=str(divergence))
        funnel.drop("pool stopped by the audit", len(result.mismatches))
        funnel.drop("pool stopped: its logs contradict what is held", len(result.divergences))
        funnel.drop("audit could not read a pool", len(result.unread))
        changed = [*(one.pool for one in result.mismatches), *result.resumed]
        return [index for pool in changed if (index := state.table.index(pool)) is not None]

    return audit


def _listing(adapters: Adapters) -> Listing:
    async def listing(plan: Plan, head: Head, schedule: GasSchedule) -> AccessList:
        found = await listing_that_pays(
            adapters.rpc, plan.transaction, plan.sender, head.ref, head.coinbase, schedule
        )
        return found.value.entries if isinstance(found, Ok) else ()

    return listing


def _tick_done(settings: Settings, adapters: Adapters) -> Callable[[BlockRef], Awaitable[None]]:
    async def tell(block: BlockRef) -> None:
        answer = await adapters.rpc.request(
            "market_tickDone", [hex_quantity(block.number), hex_bytes(block.hash)]
        )
        if not isinstance(answer, Ok):
            log.warning("lockstep.not_told", block=block.number, answer=in_words(answer))

    async def nobody(_: BlockRef) -> None:
        return None

    return tell if settings.variables.lockstep else nobody


def _new_head(clock: SystemClock) -> Callable[[Head], None]:
    def reached(head: Head) -> None:
        if isinstance(clock, LockstepClock):
            clock.reached(head.timestamp)

    return reached

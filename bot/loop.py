"""Block by block: apply, then upkeep of what is in flight beside the tick; rebuild when continuity is lost; stop in order.

Upkeep comes before judging: whatever the search meets, what was sent gets its verdict and its budget back.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import structlog

from bot.between_blocks import BetweenBlocks, Follow, Following, PendingSource
from bot.carry_out import TickDeps, Upkeep, WalletAtHead
from bot.core.errors import BrokenInvariant, Halted, RetryLater, StopTheBot
from bot.core.funnel import Funnel
from bot.core.identity import Address, BlockRef, WalletName
from bot.core.messages import BlockArrived, ChainEvent, ContinuityLost, FeedSilent, Head, RolledBack
from bot.core.pending import PendingSeen
from bot.core.ports import ChainReader, Signer
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Nanoseconds
from bot.ended_intents import EndedIntents
from bot.execution.maintenance import InFlight, Settled
from bot.execution.nonce_line import NonceLine
from bot.execution.state_held import predicted_state_held
from bot.opportunities.search import ArbitrageSearch
from bot.state.market_state import MarketState
from bot.tick import tick
from bot.wallets_at_head import tell_signer, wallets_at

log = structlog.get_logger()

DRAIN_BLOCKS = 3
"""Blocks beyond the last window that an orderly stop waits for verdicts."""


class Feed(Protocol):
    """core.ports.ChainFeed that can be told where to begin."""

    def start_after(self, block: BlockRef) -> None: ...

    def events(self) -> AsyncIterator[ChainEvent]: ...


class TokenGuard(Protocol):
    """Keeps pools barred until their tokens are known safe."""

    def take_in(self, head: Head) -> None:
        """Bar what the block brought. Asks nobody: it stands between a block and its tick."""
        ...

    async def check(self, head: Head) -> Sequence[int]:
        """Test some of what is new or due; the pools whose standing changed, to be screened afresh."""
        ...


class World(msgspec.Struct):
    """What is believed of the chain, rebuilt whole when continuity is lost."""

    state: MarketState
    search: ArbitrageSearch


class LoopDeps(msgspec.Struct, frozen=True):
    tick: TickDeps
    feed: Feed
    reader: ChainReader
    signer: Signer | None
    in_flight: InFlight
    lines: Mapping[WalletName, tuple[Address, NonceLine]]
    """Empty in observe."""
    bootstrap: Callable[[], Awaitable[World]]
    """Everything at the newest block; raises RetryLater while it cannot be read."""
    audit: Callable[[MarketState, Funnel], Awaitable[Sequence[int]]]
    """Compare a sample with the chain; the pools whose standing changed, to be screened afresh."""
    tokens: TokenGuard
    tick_done: Callable[[BlockRef], Awaitable[None]]
    """Lockstep: tell the market. Elsewhere: nothing."""
    new_head: Callable[[Head], None]
    after_block: Callable[[], None]
    halted: Callable[[], str | None]
    """Why nothing may be sent; asked before every tick."""
    awaits_routes: bool
    """Lockstep: a tick is done when every route has spoken."""
    retry_after: Nanoseconds
    pending: PendingSource | None = None
    follow: Follow | None = None
    """What is done with what is pending; None: nothing."""
    rest: Callable[[], None] = lambda: None
    """Called when an event is done with and none is being worked on: the time for what must not disturb a block."""


class Loop:
    """Runs until told to stop, or for a number of blocks; then resolves what is in flight, as far as blocks come."""

    def __init__(self, deps: LoopDeps, world: World, stop: asyncio.Event, blocks: int | None) -> None:
        self._deps = deps
        self._world = world
        self._stop = stop
        self._blocks_left = blocks
        self._drained = 0
        self._failure: StopTheBot | None = None
        self._touched: set[int] = set()
        self._ended = EndedIntents(deps.tick)
        self._clock_doubted = False
        self._cancelling: asyncio.Task[None] | None = None
        """After a halt."""
        self._between = BetweenBlocks(deps.pending, deps.follow, deps.halted)
        self._coming: asyncio.Future[ChainEvent] | None = None
        """The next event of the chain: waited for across what comes between."""

    async def run(self) -> None:
        """Returns after the orderly stop. Raises StopTheBot for what must not go on."""
        self._deps.feed.start_after(self._world.state.ref)
        await self._deps.tick_done(self._world.state.ref)
        events = self._deps.feed.events()
        stopped = asyncio.create_task(self._stop.wait())
        try:
            while not self._is_finished():
                event = await self._next(events, stopped)
                if event is not None:
                    await self._on_event(event)
                    self._deps.rest()
        finally:
            stopped.cancel()
            self._between.close()
            await self._close()
        if self._failure is not None:
            raise self._failure

    async def _next(
        self, events: AsyncIterator[ChainEvent], stopped: asyncio.Task[bool]
    ) -> ChainEvent | PendingSeen | None:
        """The next event; None when a stop is ordered and there is nothing to wait for, or it does not come.

        The chain's own events go before whatever is pending.
        """
        coming = self._coming or asyncio.ensure_future(anext(events))
        self._coming = coming
        while self._hunts and not coming.done():
            # What is refused at once never waits: blocks, answers and signals must have their turn all the same.
            await asyncio.sleep(0)
            if coming.done():
                break
            seen = self._between.take()
            if seen is not None:
                return seen
            awaited: set[asyncio.Future[Any]] = {coming, stopped, *self._between.arrival()}
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        if not coming.done() and self._deps.in_flight.open_intents():
            await asyncio.wait({coming}, timeout=DRAIN_BLOCKS * self._deps.tick.chain.slot.seconds)
        self._coming = None
        if coming.done():
            return await coming
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        self._drained = DRAIN_BLOCKS
        return None

    def _is_finished(self) -> bool:
        if not self._hunts:
            return self._drained >= DRAIN_BLOCKS or not self._deps.in_flight.open_intents()
        return False

    @property
    def _hunts(self) -> bool:
        return not self._stop.is_set() and (self._blocks_left is None or self._blocks_left > 0)

    async def _on_event(self, event: ChainEvent | PendingSeen) -> None:
        if isinstance(event, PendingSeen):
            if not self._is_halted(None):
                await self._guarded(self._between.follow(event), None)
            return
        self._between.end()
        match event:
            case BlockArrived():
                await self._on_block(event)
            case RolledBack():
                self._on_roll_back(event)
            case ContinuityLost():
                log.warning("feed.continuity_lost", reason=event.reason)
                await self._rebuild()
            case FeedSilent():
                log.warning("feed.silent", silent_s=event.silent_for / 1e9, allowed_s=event.allowed / 1e9)

    async def _on_block(self, block: BlockArrived) -> None:
        deps, started = self._deps, self._deps.tick.clock.monotonic()
        deps.new_head(block.head)
        self._note_time(block)
        try:
            touched = self._world.state.apply(block)
        except RetryLater as error:
            log.warning("state.block_refused", block=block.head.number, reason=str(error))
            refused = Funnel(block, 0)
            refused.drop("does not fit the state, which is rebuilt")
            await deps.tick.journal.record_block(refused.record(deps.tick.run_id))
            await self._rebuild()
            return
        deps.tokens.take_in(block.head)
        self._touched.update(touched)
        funnel = Funnel(block, len(touched))
        applied = deps.tick.clock.monotonic()
        funnel.took("logs", started - block.seen_at)
        funnel.took("apply", applied - started)
        wallets = await wallets_at(block.head, deps.reader, deps.lines, deps.tick.ledger)
        funnel.took("wallets", deps.tick.clock.monotonic() - applied)
        upkeep = asyncio.create_task(self._upkeep(block, wallets, funnel))
        try:
            await self._hunt(block, wallets, funnel, upkeep)
            await upkeep
        except asyncio.CancelledError:
            # A second Ctrl-C: what upkeep finds after the end would be written by nobody.
            upkeep.cancel()
            await asyncio.gather(upkeep, return_exceptions=True)
            raise
        await self._ended.record()
        await self._guarded(self._between.follow_all(funnel), funnel)
        await self._collect(wait=deps.awaits_routes)
        self._between.into(funnel)
        funnel.took("seen to done", deps.tick.clock.monotonic() - block.seen_at)
        self._touched.update(await deps.audit(self._world.state, funnel))
        await self._check_tokens(block, funnel)
        await self._ended.look_again(deps.reader)
        await deps.tick.journal.record_block(funnel.record(deps.tick.run_id))
        if deps.tick.bids.has_to_learn:
            await asyncio.to_thread(deps.tick.bids.learn)
        deps.after_block()
        await deps.tick_done(block.head.ref)

    def _note_time(self, block: BlockArrived) -> None:
        """What is over is forgotten, and the slot clock told: when the head was first heard of, not when its logs had come."""
        clock, slots = self._deps.tick.clock, self._deps.tick.slots
        if self._deps.tick.dispatcher is not None:
            self._deps.tick.dispatcher.handed.forget_before(block.head.number + 1)
        seen_utc = Nanoseconds(clock.utc() - (clock.monotonic() - block.seen_at))
        slots.note_head(block.head, seen_utc, block.seen_at, is_catch_up=block.is_catch_up)
        why = slots.why_not_trusted()
        if why is not None and not self._clock_doubted:
            log.warning("clock.not_trusted", reason=why)
        self._clock_doubted = why is not None

    async def _check_tokens(self, block: BlockArrived, funnel: Funnel) -> None:
        if block.is_catch_up:
            return
        started = self._deps.tick.clock.monotonic()
        changed = await self._deps.tokens.check(block.head)
        self._touched.update(changed)
        barred = sum(self._world.state.table.why_barred(index) is not None for index in changed)
        funnel.drop("pool barred: a token is not known safe", barred)
        funnel.took("token check", self._deps.tick.clock.monotonic() - started)

    async def _hunt(
        self,
        block: BlockArrived,
        wallets: Sequence[WalletAtHead],
        funnel: Funnel,
        upkeep: asyncio.Task[None],
    ) -> None:
        if block.is_catch_up:
            funnel.drop("a newer block is known")
            return
        if self._blocks_left is not None:
            self._blocks_left -= 1
        if not self._hunts:
            await upkeep
            funnel.drop("stopping: only what is in flight is followed")
            last = max((plan.window.last_block for plan in self._deps.in_flight.open_intents()), default=0)
            self._drained += int(block.head.number >= last)
            return
        if self._is_halted(funnel):
            return
        touched, self._touched = sorted(self._touched), set()

        async def settled() -> None:
            await upkeep

        beside = Upkeep(settled, self._ended.records)
        world = self._world
        hunted = tick(block, touched, wallets, self._deps.tick, world.search, funnel, beside)
        if await self._guarded(hunted, funnel) and self._hunts:
            self._between.begin(Following(block, wallets, world.state, world.search))

    def _is_halted(self, funnel: Funnel | None) -> bool:
        """Asked before anything is looked at that may be sent."""
        halt = self._deps.halted() if self._deps.signer is not None else None
        if halt is not None:
            self._stop_hunting(Halted(halt), funnel, "halted")
            self._cancelling = asyncio.create_task(self._cancel_open())
        return halt is not None

    async def _cancel_open(self) -> None:
        """Bundles are taken back where a relay can; what was passed on already can still land, and is watched."""
        if self._deps.tick.dispatcher is not None:
            noted = await self._deps.tick.dispatcher.cancel_open(self._world.state.ref.number)
            log.warning("halt.cancelled", requests_taken=noted)

    async def _guarded(self, work: Awaitable[None], funnel: Funnel | None) -> bool:
        """Whatever is raised stops the hunting, not what follows the payloads; False then."""
        try:
            await work
        except StopTheBot as error:
            self._stop_hunting(error, funnel, "a defect stopped the tick")
        except Exception as error:
            number = self._world.state.ref.number
            log.exception("tick.defect", block=number)
            defect = BrokenInvariant(f"block {number}: {type(error).__name__}: {error}")
            self._stop_hunting(defect, funnel, "a defect stopped the tick")
        else:
            return True
        return False

    def _stop_hunting(self, error: StopTheBot, funnel: Funnel | None, reason: str) -> None:
        """What was sent still gets its verdict; then the run ends with the error."""
        if funnel is not None:
            funnel.drop(reason)
        self._between.end()
        self._failure = error
        self._stop.set()

    async def _upkeep(self, block: BlockArrived, wallets: Sequence[WalletAtHead], funnel: Funnel) -> None:
        """Beside the search and the simulation of the same block; whatever is judged waits for it."""
        await asyncio.gather(
            tell_signer(self._deps.signer, wallets, block.head),
            self._follow_in_flight(block, wallets, funnel),
        )

    async def _follow_in_flight(
        self, block: BlockArrived, wallets: Sequence[WalletAtHead], funnel: Funnel
    ) -> None:
        started = self._deps.tick.clock.monotonic()
        counts: dict[WalletName, Ok[int] | Reverted | Unknown] = {w.name: w.count for w in wallets}
        for settled in await self._deps.in_flight.settle(block.head, block.seen_at, counts):
            held = predicted_state_held(settled.plan, settled.outcome, block)
            outcome = msgspec.structs.replace(settled.outcome, predicted_state_held=held)
            self._ended.settle(Settled(settled.plan, outcome))
            funnel.landed += int(outcome.verdict == "landed")
        funnel.took("upkeep", self._deps.tick.clock.monotonic() - started)

    def _on_roll_back(self, event: RolledBack) -> None:
        log.warning("chain.reorg", to=event.to.number, depth=len(event.left))
        try:
            self._touched.update(self._world.state.roll_back(event))
        except RetryLater as error:
            # The next block will not connect, and the state is rebuilt then.
            log.warning("state.rollback_refused", reason=str(error))
        for plan in self._deps.in_flight.roll_back(event.to):
            log.warning("intent.reopened", id=plan.id, reorg_to=event.to.number)
        for _, line in self._deps.lines.values():
            line.roll_back(event.to)
        if self._deps.tick.dispatcher is not None:
            self._deps.tick.dispatcher.handed.roll_back(event.to.number)

    async def _rebuild(self) -> None:
        """Bootstrap afresh, as often as it takes; nothing is hunted meanwhile. A stop does not wait for it."""
        for _, line in self._deps.lines.values():
            line.forget_chain()
        self._deps.in_flight.forget_chain()
        while True:
            try:
                self._world = await self._deps.bootstrap()
            except RetryLater as error:
                log.warning("bootstrap.failed", reason=str(error))
                if not self._hunts:
                    self._drained = DRAIN_BLOCKS  # what is in flight stays open on disk, for the next start
                    return
                await self._deps.tick.clock.sleep(self._deps.retry_after)
                continue
            self._touched.clear()
            self._deps.feed.start_after(self._world.state.ref)
            await self._deps.tick_done(self._world.state.ref)
            return

    async def _collect(self, *, wait: bool) -> None:
        if self._deps.tick.dispatcher is not None:
            await self._deps.tick.dispatcher.collect(wait=wait)

    async def _close(self) -> None:
        if self._cancelling is not None:
            await self._cancelling
        await self._collect(wait=True)
        for settled in self._deps.in_flight.close():
            self._ended.settle(settled)
        await self._ended.look_again(self._deps.reader)

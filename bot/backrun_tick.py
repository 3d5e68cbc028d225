"""One pending transaction, from its announcement to a bundle with ours right behind it. Never before it.

Cheap looks first; then the node says what a whole transaction does, or the hint what a hidden one leaves; an overlay of
the state is searched; what only that transaction opens is planned, and goes the way of every plan (bot.carry_out).
"""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec
import structlog

from bot.carry_out import DONE, TickDeps, Upkeep, WalletAtHead, carry_out, expected_timestamp, plan_for
from bot.core.decisions import BlockEnvironment, Opportunity, Plan
from bot.core.funnel import Funnel
from bot.core.identity import Address, BlockRef
from bot.core.messages import BlockArrived
from bot.core.pending import (
    ANOTHER_COMES_FIRST,
    Behind,
    HintLog,
    PendingSeen,
    PendingTransaction,
    StorageOverride,
)
from bot.core.ports import SimulatedCall
from bot.core.result import Ok, Reverted, Unknown
from bot.costs.base_fee import next_base_fee
from bot.execution.plan import BACKRUN, NotWorthIt
from bot.execution.simulate import next_block
from bot.opportunities.backrun import BackrunSearch
from bot.opportunities.ranking import choose_disjoint
from bot.opportunities.search import ArbitrageSearch
from bot.state.market_state import MarketState
from bot.state.named_pools import NamedPools
from bot.state.overlay import NoOverlay, Overlay, overlay_of, overlay_of_hint

log = structlog.get_logger()

_BLOB: Final = 3
MOST_PAYLOADS: Final = 8
"""Of one wallet that could land in one block: each is a signature, and only one of them will be of use."""
MODE = "mode: nothing is simulated"
ANOTHER_BLOCK = "the state is at another block"
SEEN_ALREADY = "seen already at this block"
USED_UP = "simulations of this block are used up"
NOT_NEXT = "cannot be in the next block"
OUR_OWN = "our own transaction"
NOT_ABOUT_US = "names nothing that is traded on"
FAILS = "fails by itself"
NOT_SIMULATED = "what it does is unknown"
NOTHING_OPENED = "opens nothing"
NOT_OPENED_BY_IT = "not opened by it"
TOO_LITTLE = "opens too little for a transaction"
NO_STAND_IN = "nothing can stand in for it"
OWN_IS_BETTER = "the wallet's bundle for this block earns more"
WE_COME_FIRST = "our own bundles for this block leave no room for it"
NO_WALLET = "no wallet"
ABSURD = "its numbers are absurd"


class PendingRunner(Protocol):
    async def run_pending(
        self, pending: PendingTransaction, on: BlockRef, environment: BlockEnvironment
    ) -> Ok[SimulatedCall] | Reverted | Unknown:
        """What it does as the first of the next block."""
        ...


class StandInSource(Protocol):
    async def stand_in(
        self, overlay: Overlay, state: MarketState, logs: Sequence[HintLog]
    ) -> Ok[tuple[StorageOverride, ...]] | Unknown:
        """The storage that a hidden transaction leaves."""
        ...


class Believed(Protocol):
    """The world of the loop."""

    @property
    def state(self) -> MarketState: ...

    @property
    def search(self) -> ArbitrageSearch: ...


class BackrunDeps(msgspec.Struct, frozen=True):
    runner: PendingRunner
    stand_ins: StandInSource | None
    """None: hints are not acted on."""
    most_simulations: int = 32
    """Of pending transactions, a block."""


class Backruns:
    """Kept for the run: what was looked at in the present block, and what we know by its address."""

    def __init__(self, deps: BackrunDeps, weth: Address) -> None:
        self._deps = deps
        self._block: BlockRef | None = None
        self._seen: set[bytes] = set()
        self._simulations = 0
        self._named = NamedPools(weth)

    async def backrun(
        self,
        seen: PendingSeen,
        block: BlockArrived,
        world: Believed,
        wallets: Sequence[WalletAtHead],
        tick: TickDeps,
        funnel: Funnel,
        upkeep: Upkeep = DONE,
    ) -> str | None:
        """None: handed to the routes. Else why not, in a few stable words that are counted in `funnel` too.

        To be called after the block's own tick, one at a time: it uses that search's scratch, and what pays without
        the pending transaction is the block's.
        """
        reason = await self._try(seen, block, world, wallets, tick, funnel, upkeep)
        funnel.took("pending", tick.clock.monotonic() - seen.seen_at)
        if reason is not None:
            funnel.drop(f"pending: {reason}")
        return reason

    async def _try(
        self,
        seen: PendingSeen,
        block: BlockArrived,
        world: Believed,
        wallets: Sequence[WalletAtHead],
        tick: TickDeps,
        funnel: Funnel,
        upkeep: Upkeep,
    ) -> str | None:
        why_not = self._why_not(seen, block, world, wallets, tick)
        if why_not is not None:
            return why_not
        try:
            found = await self._found(seen, block, world, wallets, tick, funnel)
        except (ValueError, OverflowError) as error:
            # Numbers of outsiders: whatever they break is their announcement, and no reason to stop. From the plan on
            # the numbers are ours, and what breaks there is a defect.
            log.warning("pending.absurd", hash=seen.hash.hex(), reason=str(error))
            return ABSURD
        if isinstance(found, str):
            return found
        chosen, behind, able = found
        return await self._offer(chosen, behind, able, wallets, block, tick, funnel, upkeep)

    async def _found(
        self,
        seen: PendingSeen,
        block: BlockArrived,
        world: Believed,
        wallets: Sequence[WalletAtHead],
        tick: TickDeps,
        funnel: Funnel,
    ) -> tuple[Sequence[Opportunity], Behind, list[WalletAtHead]] | str:
        """What it opens, what to stand behind, and who may; nothing is planned or held yet."""
        overlay = await self._overlay(seen, block, world, tick, funnel)
        if isinstance(overlay, str):
            return overlay
        able = _able(overlay, wallets, block, tick)
        if not able:
            return WE_COME_FIRST
        chosen = _search(overlay, block, world, tick, funnel)
        if isinstance(chosen, str):
            return chosen
        behind = await self._behind(seen, overlay, world, tick)
        if isinstance(behind, str):
            return behind
        return (chosen, behind, able) if _stands_at(block, world) else ANOTHER_BLOCK

    def _why_not(
        self,
        seen: PendingSeen,
        block: BlockArrived,
        world: Believed,
        wallets: Sequence[WalletAtHead],
        tick: TickDeps,
    ) -> str | None:
        """All that can be said without asking anybody."""
        if self._block != block.head.ref:
            self._block, self._seen, self._simulations = block.head.ref, set(), 0
        if tick.simulator is None:
            return MODE
        if not _stands_at(block, world):
            return ANOTHER_BLOCK
        if not wallets:
            return NO_WALLET
        is_new = seen.hash not in self._seen
        self._seen.add(seen.hash)
        if not is_new or self._simulations >= self._deps.most_simulations:
            return USED_UP if is_new else SEEN_ALREADY
        if seen.transaction is not None:
            return self._why_not_run(seen.transaction, block, world, wallets, tick)
        return None if self._deps.stand_ins is not None else NO_STAND_IN

    def _why_not_run(
        self,
        pending: PendingTransaction,
        block: BlockArrived,
        world: Believed,
        wallets: Sequence[WalletAtHead],
        tick: TickDeps,
    ) -> str | None:
        if pending.sender in {wallet.address for wallet in wallets} or pending.to == tick.execution.executor:
            return OUR_OWN
        if pending.type == _BLOB or pending.max_fee_per_gas < next_base_fee(block.head):
            return NOT_NEXT
        if not self._named.are_in(pending, world.state.table):
            return NOT_ABOUT_US
        return None

    async def _overlay(
        self, seen: PendingSeen, block: BlockArrived, world: Believed, tick: TickDeps, funnel: Funnel
    ) -> Overlay | str:
        pending, started = seen.transaction, tick.clock.monotonic()
        if pending is None:
            return _or_reason(overlay_of_hint(world.state, seen.logs))
        self._simulations += 1
        environment = next_block(block.head, tick.execution, expected_timestamp(tick))
        run = self._deps.runner.run_pending(pending, block.head.ref, environment)
        within = await tick.clock.within(tick.simulation_limit, run)
        funnel.took("run pending", tick.clock.monotonic() - started)
        ran = within.value if isinstance(within, Ok) else within
        if isinstance(ran, Reverted):
            return FAILS
        if isinstance(ran, Unknown):
            return ANOTHER_COMES_FIRST if ran.cause.startswith(ANOTHER_COMES_FIRST) else NOT_SIMULATED
        if not _stands_at(block, world):
            return ANOTHER_BLOCK
        return _or_reason(overlay_of(world.state, ran.value.logs))

    async def _behind(
        self, seen: PendingSeen, overlay: Overlay, world: Believed, tick: TickDeps
    ) -> Behind | str:
        if seen.transaction is not None:
            return Behind(seen.source, seen.hash, seen.transaction)
        stand_ins = self._deps.stand_ins
        assert stand_ins is not None, "asked before"
        self._simulations += 1
        answer = await tick.clock.within(
            tick.simulation_limit, stand_ins.stand_in(overlay, world.state, seen.logs)
        )
        words = answer.value if isinstance(answer, Ok) else answer
        return Behind(seen.source, seen.hash, None, words.value) if isinstance(words, Ok) else NO_STAND_IN

    async def _offer(
        self,
        chosen: Sequence[Opportunity],
        behind: Behind,
        able: Sequence[WalletAtHead],
        wallets: Sequence[WalletAtHead],
        block: BlockArrived,
        tick: TickDeps,
        funnel: Funnel,
        upkeep: Upkeep,
    ) -> str | None:
        """By the first of `able` that has nothing for this block, else by one whose own bundle for it earns less."""
        bid, reason = tick.bids.choice(BACKRUN), NO_WALLET
        for wallet in sorted(able, key=lambda one: _load(one, block, tick)):
            own, started = _own(wallet, block, tick), tick.clock.monotonic()
            plan = plan_for(chosen, wallet, block, tick, tick.execution, behind, bid)
            funnel.took("plan", tick.clock.monotonic() - started)
            if isinstance(plan, NotWorthIt):
                reason = plan.reason
                continue
            if own is not None and own.predicted_profit >= plan.predicted_profit:
                reason = OWN_IS_BETTER
                continue
            stopped_by = await carry_out(plan, wallet, wallets, block, tick, funnel, upkeep)
            if stopped_by is None or len(chosen) == 1:
                return stopped_by
            # One of several cycles may revert, or all together be too much: the best is tried alone.
            return await self._offer(chosen[:1], behind, [wallet], wallets, block, tick, funnel, upkeep)
        return reason


def _search(
    overlay: Overlay, block: BlockArrived, world: Believed, tick: TickDeps, funnel: Funnel
) -> Sequence[Opportunity] | str:
    started, gas_price = tick.clock.monotonic(), next_base_fee(block.head)
    found = BackrunSearch(world.search).search(overlay, gas_price)
    chosen = choose_disjoint(found.opportunities, gas_price, tick.bids.choice(BACKRUN).share)
    funnel.took("search pending", tick.clock.monotonic() - started)
    if chosen:
        return chosen
    if found.opportunities:
        return TOO_LITTLE
    return NOT_OPENED_BY_IT if found.not_opened else NOTHING_OPENED


def _able(
    overlay: Overlay, wallets: Sequence[WalletAtHead], block: BlockArrived, tick: TickDeps
) -> list[WalletAtHead]:
    """Wallets whose back-run cannot stand around the swap together with a bundle of another wallet of ours.

    Such a bundle may land before the pending swap, on a pool it moves. The wallet's own ones share its nonce with the
    back-run, so only one of them can land; there may be no more than MOST_PAYLOADS of them.
    """
    pools = frozenset(overlay.pools[index].address for index in overlay.changed)
    trading = {
        wallet.name
        for wallet in wallets
        for plan in _handed(wallet, block, tick)
        if any(pools & one.pools for one in plan.opportunities)
    }
    return [
        wallet
        for wallet in wallets
        if not trading - {wallet.name} and len(_handed(wallet, block, tick)) < MOST_PAYLOADS
    ]


def _handed(wallet: WalletAtHead, block: BlockArrived, tick: TickDeps) -> Sequence[Plan]:
    """All that the wallet has at relays and that can land in the next block, withdrawn or not."""
    if tick.dispatcher is None:
        return ()
    return tick.dispatcher.handed.can_land_in(wallet.name, block.head.number + 1)


def _own(wallet: WalletAtHead, block: BlockArrived, tick: TickDeps) -> Plan | None:
    """What the wallet itself goes for in the next block: it shares the nonce, so one of the two can land.

    Another back-run of the same wallet is no reason to leave this one: whether the swap it follows comes at all, or is
    what its hint says, nobody knows.
    """
    if tick.dispatcher is None:
        return None
    return tick.dispatcher.own_for(wallet.name, block.head.number + 1)


def _load(wallet: WalletAtHead, block: BlockArrived, tick: TickDeps) -> tuple[bool, int]:
    return _own(wallet, block, tick) is not None, len(_handed(wallet, block, tick))


def _stands_at(block: BlockArrived, world: Believed) -> bool:
    return world.state.ref == block.head.ref == world.search.state


def _or_reason(made: Overlay | NoOverlay) -> Overlay | str:
    return made.reason if isinstance(made, NoOverlay) else made

"""A small market with a loop over it, fed events by a script."""

import asyncio

from listed_chain import OPERATOR, block_at
from safe_tokens import SafeTokens
from small_market import SmallMarket, world_at

from bot.loop import Loop, LoopDeps

PATIENCE_S = 20
"""Far more than any of these runs takes: a loop that does not end is a failure, not a hung suite."""


class ScriptedFeed:
    """Delivers what it is given, in order, and then waits as a quiet chain does."""

    def __init__(self):
        self._events = asyncio.Queue()
        self.started_after = []

    def start_after(self, block):
        self.started_after.append(block)

    def give(self, *events):
        for event in events:
            self._events.put_nowait(event)

    async def events(self):
        while True:
            yield await self._events.get()


class Stage:
    """A small market with a loop over it; `audits` and `bootstraps` are used up one a call."""

    def __init__(self, *, world=None, blocks=None):
        self.market = SmallMarket()
        self.feed = ScriptedFeed()
        self.stop = asyncio.Event()
        self.world = world or world_at()
        self.bootstraps = []
        self.audits = []
        self.tokens = SafeTokens()
        self.told = []
        self.blocks = blocks
        self.tick_changes = {}
        self.halt = None
        self.market.chain.mine(100)

    @property
    def journal(self):
        return self.market.journal

    def deps(self):
        market = self.market
        return LoopDeps(
            tick=market.tick_deps(**self.tick_changes),
            feed=self.feed,
            reader=market.chain,
            signer=market.signer,
            in_flight=market.in_flight,
            lines={"main": (OPERATOR, market.line)},
            bootstrap=self._bootstrap,
            audit=self._audit,
            tokens=self.tokens,
            tick_done=self._tick_done,
            new_head=lambda head: None,
            after_block=lambda: None,
            halted=lambda: self.halt,
            awaits_routes=False,
            retry_after=1,
        )

    async def run(self):
        self.loop = Loop(self.deps(), self.world, self.stop, self.blocks)
        await asyncio.wait_for(self.loop.run(), PATIENCE_S)

    async def running(self):
        """Starts it; `settle` lets it work off what the feed was given."""
        self._task = asyncio.create_task(self.run())
        await self.settle()
        return self._task

    async def settle(self):
        for _ in range(300):
            await asyncio.sleep(0)

    async def block(self, number, *transactions, logs=(), fork="", **changes):
        """Mined and delivered, then worked off."""
        self.market.chain.mine(number, *transactions, fork=fork)
        self.feed.give(block_at(number, *logs, fork=fork, **changes))
        await self.settle()

    def signed(self):
        return self.market.signer.signed

    def verdicts(self):
        return [record.outcome.verdict for record in self.journal.of("outcome")]

    def numbers(self):
        return [record.block.number for record in self.journal.of("block")]

    def drops(self, place=-1):
        return self.journal.of("block")[place].drops

    async def _bootstrap(self):
        made = self.bootstraps.pop(0)
        if isinstance(made, Exception):
            raise made
        return made

    async def _audit(self, state, funnel):
        return self.audits.pop(0)(state) if self.audits else ()

    async def _tick_done(self, block):
        self.told.append(block.number)

"""The loop and the guard of tokens: barred before the tick, tested after it, lifted for the next."""

from listed_chain import ETHER, sync
from safe_tokens import SafeTokens
from small_market import CHEAP, world_at
from test_loop import Stage


class BarringTokens(SafeTokens):
    """Bars the first pool when it is told of a block; lifts the bar after the second block's tick."""

    def __init__(self, table, events):
        super().__init__()
        self._table, self._events = table, events

    def take_in(self, head):
        super().take_in(head)
        self._events.append("take in")
        if len(self.taken_in) == 1:
            self._table.bar(0, "not tested yet")

    async def check(self, head):
        self._events.append("check")
        if len(self.taken_in) < 2:
            return ()
        self._table.unbar(0)
        return (0,)


class WatchedSearch:
    """Keeps what each tick said was touched."""

    def __init__(self, search):
        self._search = search
        self.touched = []

    def search(self, touched, *arguments):
        self.touched.append(tuple(touched))
        return self._search.search(touched, *arguments)

    def __getattr__(self, name):
        return getattr(self._search, name)


async def test_a_barred_pool_is_not_traded_and_one_that_was_lifted_is_looked_at_again():
    world = world_at()
    world.search = WatchedSearch(world.search)
    stage = Stage(world=world)
    stage.tokens = BarringTokens(world.state.table, stage.market.events)
    task = await stage.running()
    await stage.block(101, logs=(sync(CHEAP, 100 * ETHER, 200 * ETHER),))
    await stage.block(102)
    assert stage.signed() == []
    assert stage.tokens.taken_in == [101, 102]
    await stage.block(103)
    assert len(stage.signed()) == 1, "nothing touched the pool but the guard"
    assert world.search.touched == [(0,), (), (0,)]
    assert stage.market.events.index("take in") < stage.market.events.index("check")
    stage.stop.set()
    await stage.block(104)
    task.cancel()


async def test_a_block_that_is_old_already_brings_pools_in_and_asks_nobody():
    world = world_at(gap=False)
    stage = Stage(world=world)
    stage.tokens = BarringTokens(world.state.table, stage.market.events)
    task = await stage.running()
    await stage.block(101, is_catch_up=True)
    assert stage.tokens.taken_in == [101]
    assert "check" not in stage.market.events
    stage.stop.set()
    await task


async def test_bars_are_counted_in_the_block_that_found_them():
    world = world_at(gap=False)
    stage = Stage(world=world)
    stage.tokens.changes = [(0, 1)]
    task = await stage.running()
    world.state.table.bar(0, "a fee")
    await stage.block(101)
    assert stage.drops() == {"pool barred: a token is not known safe": 1}
    stage.stop.set()
    await task

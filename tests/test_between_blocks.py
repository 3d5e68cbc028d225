"""What is pending comes after blocks, never instead of them."""

import asyncio

import pytest
from listed_chain import block_at
from loop_stage import Stage
from msgspec.structs import replace
from small_market import world_at

from bot.core.errors import Halted
from bot.core.pending import PendingSeen

MANY = 5_000


class Full:
    """A source that has more than anybody can take."""

    def __init__(self):
        self.left = MANY

    async def arrived(self):
        if not self.left:
            await asyncio.Event().wait()

    def take(self):
        self.left -= 1
        return PendingSeen("node", self.left.to_bytes(32, "big"), 0)

    async def before(self, block):
        return ()


def stage_over(source, follow):
    stage = Stage(world=world_at(gap=False))
    plain = stage.deps
    stage.deps = lambda: replace(plain(), pending=source, follow=follow)
    return stage


async def test_a_block_goes_before_a_full_queue_of_what_is_refused_at_once():
    source, followed = Full(), []

    async def follow(seen, believed, funnel):
        followed.append(believed.block.head.number)
        if len(followed) == 10:
            stage.market.chain.mine(102)
            stage.feed.give(block_at(102))
        if len(followed) > 100:
            stage.stop.set()

    stage = stage_over(source, follow)
    task = await stage.running()
    await stage.block(101)
    await asyncio.wait_for(task, 20)
    assert stage.numbers() == [101, 102]
    assert followed.index(102) < 20, "block 102 was taken up within a few"
    assert source.left > MANY - 200


async def test_what_was_looked_at_between_blocks_is_in_the_next_record():
    source, seen_at = Full(), []

    async def follow(seen, believed, funnel):
        seen_at.append(believed.block.head.number)
        funnel.drop("pending: names nothing that is traded on")
        if len(seen_at) == 5:
            source.left = 0
            source.take = lambda: None
            stage.market.chain.mine(102)
            stage.feed.give(block_at(102))

    stage = stage_over(source, follow)
    await stage.running()
    await stage.block(101)
    await stage.settle()
    first, second = stage.journal.of("block")
    assert (first.pending, second.pending) == (0, 5)
    assert second.drops == {"pending: names nothing that is traded on": 5}


async def test_a_halt_is_asked_for_before_each():
    source, followed = Full(), []

    async def follow(seen, believed, funnel):
        followed.append(seen)
        stage.halt = "an operator says so"

    stage = stage_over(source, follow)
    task = await stage.running()
    await stage.block(101)
    with pytest.raises(Halted, match="an operator says so"):
        await asyncio.wait_for(task, 20)
    assert len(followed) == 1

"""The bot's feeds of pending transactions on the market's own servers: everything that the market knows, nothing else."""

import asyncio

import msgspec
from eth_utils import keccak
from market_stage import opened
from share_stage import flow

from bot.chain.rpc import open_session
from bot.clock import SystemClock
from bot.core.identity import from_hex, hex_bytes
from bot.core.result import Ok
from bot.feeds.mev_share import HintFeed
from bot.feeds.pending import PendingFeed, pending_for
from bot.feeds.pending_events import HintsComplete, PendingConfig
from tests.chain.waiting import until

BLOCKS = 4


async def hints_before(events, number):
    """All hints that are told before block `number`, with those of blocks before it."""
    hints = []
    async with asyncio.timeout(20):
        async for event in events:
            if isinstance(event, HintsComplete):
                if event.number >= number:
                    return hints
            else:
                hints.append(event)
    raise AssertionError("the feed ended")


def without_time(seen):
    return [msgspec.structs.replace(one, seen_at=0) for one in seen]


async def test_hints_and_pool_in_lockstep(tmp_path, chain_cache):
    clock = SystemClock()
    async with opened(tmp_path, chain_cache, private_share=5_000, lockstep=True) as market:
        connect = market.endpoints.node_ws
        pool = PendingFeed(lambda: open_session(connect, clock), clock, PendingConfig(), lambda: 0.5)
        hints = HintFeed(market.variables["BOT_HINTS_URL"], clock, PendingConfig(), lambda: 0.5)
        rpc = await open_session(connect, clock)
        pushed = pool.events()
        seen = []

        async def follow():
            while True:
                seen.append(await anext(pushed))

        following = asyncio.create_task(follow())
        await until(lambda: pool.counters.connections)
        await market.engine.open()
        events, told, waiting = hints.events(), [], []
        for _ in range(BLOCKS):
            number = market.engine.head.number + 1
            told += await hints_before(events, number)
            answer = await pending_for(rpc, number, clock)
            assert isinstance(answer, Ok), answer
            raws = [tx.raw for tx in market.mempool.in_order_of_arrival()]
            assert [one.transaction.raw for one in answer.value] == raws
            senders = [tx.sender for tx in market.mempool.in_order_of_arrival()]
            assert [one.transaction.sender for one in answer.value] == senders
            waiting += [one for one in answer.value if one.hash not in {other.hash for other in waiting}]
            await market.engine.seal_next()
        await until(lambda: len(seen) >= len(waiting))
        assert without_time(seen)[: len(waiting)] == without_time(waiting)
        published = [one for one in flow(market) if one["event"] and one["for_block"] <= number]
        empty = [one for one in published if not one["event"]["logs"] and len(one["event"]["txs"] or ()) != 1]
        published = [one for one in published if one not in empty]
        assert hints.counters.empty == len(empty) > 0
        assert [hex_bytes(one.hash) for one in told] == [one["event"]["hash"] for one in published]
        assert [one.hash for one in told] == [keccak(from_hex(one["tx_hash"])) for one in published]
        assert len(waiting) > 5
        assert len(told) > 5
        assert {one.source for one in seen + told} == {"node", "mev-share"}
        for counters in (pool.counters, hints.counters):
            assert (counters.malformed, counters.hash_mismatches, counters.dropped) == (0, 0, 0)
        following.cancel()
        await pool.close()
        await hints.close()
        await rpc.close()

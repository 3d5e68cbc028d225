"""A consumer behind a feed that loses and cuts, on a chain that is played on at random; what it has seen is counted."""

import asyncio
from collections import Counter

import msgspec

from bot.chain.pool_reads import audit_pools, bootstrap_pools
from bot.chain.rpc import open_session
from bot.clock import SystemClock
from bot.core.identity import BlockRef, hex_bytes, keccak
from bot.core.messages import BlockArrived, RolledBack
from bot.core.units import Nanoseconds
from bot.feeds.config import HeadFeedConfig
from bot.feeds.heads import HeadFeed
from bot.protocols.pool_events import FOLLOWED_TOPICS
from bot.protocols.uniswap_v2 import PAIR_CREATED_TOPIC, SYNC_TOPIC
from bot.protocols.uniswap_v3 import BURN_TOPIC, FORKS, INITIALIZE_TOPIC, MINT_TOPIC, POOL_CREATED_TOPIC
from tests.chain.waiting import until
from tests.state.lossy_session import LossySession
from tests.state.screens import assert_screen_is_true, assert_screens_are_fresh

MILLISECOND = 10**6
CONFIG = HeadFeedConfig(
    heartbeat=Nanoseconds(50 * MILLISECOND),
    allowed_silence=Nanoseconds(60 * 10**9),
    queue_size=4,
    first_backoff=Nanoseconds(2 * MILLISECOND),
    longest_backoff=Nanoseconds(20 * MILLISECOND),
    retry_delay=Nanoseconds(5 * MILLISECOND),
)
CLOCK = SystemClock()

KINDS = {
    SYNC_TOPIC: "syncs",
    PAIR_CREATED_TOPIC: "pairs created",
    POOL_CREATED_TOPIC: "pools created",
    INITIALIZE_TOPIC: "initialised",
    FORKS["uniswap_v3"].swap_topic: "swaps",
    MINT_TOPIC: "mints",
    BURN_TOPIC: "burns",
}


UNFOLLOWED = {
    "collects": b"Collect(address,address,int24,int24,uint128,uint128)",
    "flash loans": b"Flash(address,address,uint256,uint256,uint256,uint256)",
}


def everything(state):
    """Every field of every pool in service, by address; the screen is checked on the way."""
    table = state.table
    assert_screens_are_fresh(table)
    found = {}
    for index, pool in enumerate(table.pools):
        held = table.concentrated[index]
        if not table.in_service(index):
            continue
        contents = (table.reserve0[index], table.reserve1[index])
        if held is not None:
            assert_screen_is_true(table, index)
            contents = (held.sqrt_price, held.tick, held.liquidity, dict(held.ticks))
        found[pool.address] = (msgspec.structs.asdict(pool), contents, bool(table.live[index]))
    return found


def note_logs(block, table, seen):
    """What kinds of things a block's logs say of pools that are followed, pokes and crossings apart."""
    for log in block.logs:
        seen[KINDS[log.topics[0]]] += 1
        if log.topics[0] == BURN_TOPIC and not any(log.data[:32]):
            seen["pokes"] += 1


def liquidity_of(state):
    """Active liquidity and count of ticks of every V3 pool: what changes when ticks are crossed, come and go."""
    return [None if pool is None else (pool.liquidity, len(pool.ticks)) for pool in state.table.concentrated]


async def follow(events, state, seen, at_work):
    """The consumer: applies what it is told while `at_work` is set, and notes what kinds of things it was told."""
    async for event in events:
        await at_work.wait()
        before = liquidity_of(state)
        match event:
            case BlockArrived():
                pools = len(state.table)
                state.apply(event)
                seen["blocks"] += 1
                seen["new pools"] += len(state.table) - pools
                note_logs(event, state.table, seen)
            case RolledBack():
                in_service = sum(map(state.table.in_service, range(len(state.table))))
                state.roll_back(event)
                seen["reorgs"] += 1
                seen[f"depth {len(event.left)}"] += 1
                seen["pools undone"] += in_service - sum(map(state.table.in_service, range(len(state.table))))
                seen["liquidity undone"] += liquidity_of(state) != before
            case _:
                raise AssertionError(f"nothing else was to happen: {event}")
        seen["ticks came or went"] += sum(
            1 for a, b in zip(before, liquidity_of(state), strict=False) if a is not None and a[1] != b[1]
        )
        seen["liquidity moved"] += sum(
            1 for a, b in zip(before, liquidity_of(state), strict=False) if a is not None and a[0] != b[0]
        )


class Sweep:
    """`start` it, `play` blocks with reorgs, cuts and a slow consumer between them; `compare` whenever."""

    def __init__(self, market, draw, state, reads):
        self.market, self.draw, self.state = market, draw, state
        self.reader, self.profile, self.lens = reads
        self.seen, self.sessions = Counter(), []
        self.at_work = asyncio.Event()
        self.feed = HeadFeed(self._connect, CLOCK, CONFIG, FOLLOWED_TOPICS, draw.random)

    def start(self):
        self.feed.start_after(self.state.ref)
        work = follow(self.feed.events(), self.state, self.seen, self.at_work)
        self.consumer = asyncio.create_task(work)

    async def _connect(self):
        anvil = self.market.anvil
        session = await open_session(self.draw.choice([str(anvil.ipc_path), anvil.ws_url]), CLOCK)
        self.sessions.append(LossySession(session, lambda: self.draw.random() < 0.2))
        return self.sessions[-1]

    async def caught_up(self):
        self.at_work.set()
        tip = BlockRef(*await self.market.head())
        await until(lambda: self.state.ref == tip or self.consumer.done(), limit_s=30)
        assert self.state.ref == tip, self.consumer

    async def compare(self):
        """With a fresh bootstrap by the lens, which leaves nothing out."""
        await self.caught_up()
        fresh = await bootstrap_pools(self.reader, self.profile, self.state.ref, self.lens)
        assert fresh.left_out == ()
        assert everything(self.state) == everything(fresh.state)
        self.seen["comparisons"] += 1

    async def play(self, blocks, compare_every):
        for played in range(blocks):
            if played % compare_every == compare_every - 1:
                await self.compare()
            if self.draw.random() < 0.12 and await self.market.height() - self.market.floor > 10:
                if self.draw.random() < 0.8:
                    await self.caught_up()  # so that the whole depth is seen as a reorg
                await self.market.reorg(10 if played % 40 == 0 else self.draw.randint(1, 10))
            else:
                await self.market.play()
            if self.draw.random() < 0.05 and self.sessions:
                await self.sessions[-1].cut()
            if self.draw.random() < 0.05:
                self.at_work.clear()  # a consumer too slow for the queue, until it is waited for

    async def create_and_undo(self):
        """A pair and a pool whose creation leaves the chain again, seen both times; their addresses."""
        await self.caught_up()
        undone = [await self.market.play_new_pair(), await self.market.play_new_pool()]
        await self.caught_up()
        await self.market.reorg(2)
        await self.caught_up()
        return undone

    async def overflow_and_audit(self):
        """More heads than the queue holds, and audits in between that find nothing wrong."""
        self.at_work.clear()
        for _ in range(30):
            await self.market.play()
            if self.draw.random() < 0.1:
                await self.caught_up()
                audit = await audit_pools(self.reader, self.profile, self.state, 5, self.lens)
                assert (len(audit.checked), audit.mismatches, audit.unread) == (5, (), ())
                assert audit.divergences == ()
                self.seen["tick maps audited"] += len(audit.tick_maps)

    async def by_hand(self):
        """Contents of every pool, ticks apart, as read without any code of the bot's, and as the state has them."""
        held = {address: contents[:3] for address, (_, contents, _) in everything(self.state).items()}
        by_hand = await self.market.reserves_by_hand()
        pools = [address for address in held if address not in by_hand]
        return by_hand | await self.market.pools.by_hand(self.market.anvil, pools), held

    async def count_unfollowed(self):
        """Collects and flash loans that the chain holds: the state is right not to ask for them."""
        for kind, signature in UNFOLLOWED.items():
            query = {"fromBlock": hex(self.market.floor), "topics": [hex_bytes(keccak(signature))]}
            self.seen[kind] = len(await self.market.anvil.rpc("eth_getLogs", [query]))

    def assert_not_empty(self, blocks, compare_every):
        seen, counters = self.seen, self.feed.counters
        print(dict(seen), counters)
        for kind in (
            *KINDS.values(),
            *UNFOLLOWED,
            "pokes",
            "ticks came or went",
            "liquidity moved",
            "liquidity undone",
        ):
            assert seen[kind] > 0, kind
        assert seen["comparisons"] > blocks // compare_every
        assert seen["blocks"] > blocks
        assert seen["reorgs"] > blocks // 40
        assert seen["new pools"] > 0
        assert seen["pools undone"] > 0
        assert counters.connections > 1
        assert counters.gaps > 0
        assert counters.dropped_heads > 0
        assert sum(session.lost for session in self.sessions) > 0

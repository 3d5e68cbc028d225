"""Blocks in a row: reorgs as subscribers see them, lockstep, and the builder's word held against the chain."""

import asyncio
import contextlib

import pytest
from market_stage import Searcher, connected, node, opened, receipt, stories, transactions_of

from bot.core.identity import Address, hex_bytes
from bot.costs.base_fee import next_base_fee
from bot.world import sealing
from bot.world.sealing import MarketBrokenError
from bot.world.shocks import Shocks, shocks_after

STRANGER = Address(b"\x77" * 20)


async def test_blocks_follow_the_slot_clock_and_the_fee_formula(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache, competitor_probability=3_000) as market:
        await market.engine.open()
        genesis = market.config.genesis
        before = market.engine.head
        fees = set()
        for _ in range(30):
            sealed = await market.engine.seal_next()
            assert sealed.head.timestamp == genesis.timestamp + 12 * sealed.head.number
            assert sealed.head.base_fee == next_base_fee(before)
            assert sealed.head.parent_hash == before.hash
            assert sealed.head.coinbase == market.stage.coinbase
            before = sealed.head
            fees.add(sealed.head.base_fee)
        assert len(fees) > 20, "the crowd should move the base fee"


async def test_builders_log_says_what_the_chain_says(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache, competitor_probability=5_000) as market:
        await market.engine.open()
        sealed = [await market.engine.seal_next() for _ in range(10)]
        told = stories(market)
        assert [story["hash"] for story in told] == [hex_bytes(one.head.hash) for one in sealed]
        checked = reverted = 0
        for story, block in zip(told, sealed, strict=True):
            assert [tx["hash"] for tx in story["transactions"]] == await transactions_of(market, block)
            for tx in story["transactions"]:
                found = await market.anvil.rpc("eth_getTransactionReceipt", [tx["hash"]])
                assert (tx["succeeded"], tx["gas_used"]) == (
                    found["status"] == "0x1",
                    int(found["gasUsed"], 16),
                )
                checked += 1
                reverted += not tx["succeeded"]
        assert checked > 80
        assert any(story["competitor"] for story in told)


async def test_reorg_is_seen_as_on_a_real_node(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache) as market, connected(market) as wire:
        searcher = await Searcher(market, "searcher").fund()
        await market.engine.open()
        for _ in range(3):
            await market.engine.seal_next()
        secret, secret_hash = searcher.signed(STRANGER, nonce=0)
        public, public_hash = searcher.signed(STRANGER, nonce=1)
        await searcher.send_bundle(secret)
        await node(market, "eth_sendRawTransaction", hex_bytes(public))
        old = [await market.engine.seal_next() for _ in range(3)]
        heads = await wire.ask("eth_subscribe", "newHeads")
        logs = await wire.ask("eth_subscribe", "logs")
        new = await market.engine.reorg(3)
        news = await wire.read_news()

        assert new[0].head.number == old[0].head.number
        assert new[-1].head.number == old[-1].head.number + 1
        assert not {one.head.hash for one in old} & {one.head.hash for one in new}
        assert [item["result"]["hash"] for item in news if item["subscription"] == heads] == [
            hex_bytes(one.head.hash) for one in new
        ]
        heard = [item["result"] for item in news if item["subscription"] == logs]
        removed = [log for log in heard if log["removed"]]
        assert removed, "the abandoned blocks should have held swaps"
        assert {(log["blockHash"], log["logIndex"]) for log in removed} == {
            (log["blockHash"], log["logIndex"]) for one in old for log in one.logs
        }
        assert [log for log in heard if not log["removed"]] == [log for one in new for log in one.logs]
        assert heard[: len(removed)] == removed

        for one in old:
            assert (await node(market, "eth_getBlockByHash", hex_bytes(one.head.hash), False))[
                "result"
            ] is None
        assert await receipt(market, secret_hash) is None, "a bundle's transaction does not come back"
        assert await receipt(market, public_hash) is None, "its nonce waits for the one that is gone"
        again, again_hash = searcher.signed(STRANGER, nonce=0)
        await searcher.send_bundle(again)
        await market.engine.seal_next()
        assert (await receipt(market, again_hash))["status"] == "0x1"
        assert (await receipt(market, public_hash))["status"] == "0x1"


async def test_reorgs_of_every_depth_and_the_market_goes_on(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache, competitor_probability=3_000) as market:
        await market.engine.open()
        first = market.engine.head.number
        with pytest.raises(ValueError, match="reorg of 1 blocks"):
            await market.engine.reorg(1)
        for depth in range(1, 11):
            while market.engine.head.number < first + depth:
                await market.engine.seal_next()
            before = market.engine.head
            new = await market.engine.reorg(depth)
            assert len(new) == depth + 1
            assert market.engine.head.number == before.number + 1
            again = await market.engine.reorg(depth)
            assert again[0].head.hash != new[1].head.hash
            await market.engine.seal_next()


async def test_equal_reorgs_still_differ(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache) as market:
        await market.engine.seal_next()
        seen = {market.engine.head.hash}
        for _ in range(4):
            new = await market.engine.reorg(1)
            assert not seen & {one.head.hash for one in new}
            seen |= {one.head.hash for one in new}


async def lockstep_run(tmp_path, cache, name, blocks, *, eager_reads):
    """Hashes of `blocks` heads, with a client that bundles in some blocks and says when it is done."""
    async with opened(
        tmp_path / name, cache, lockstep=True, competitor_probability=3_000, shocks=Shocks(reorg_every=6)
    ) as market:
        searcher = await Searcher(market, "searcher").fund()
        running = asyncio.create_task(market.engine.run())
        hashes: list[str] = []
        try:
            async with connected(market) as wire:
                await wire.ask("eth_subscribe", "newHeads")
                head = await wire.ask("eth_getBlockByNumber", "latest", False)
                while len(hashes) < blocks:
                    for _ in range(eager_reads):
                        await wire.ask("eth_call", {"to": to_hex(STRANGER)}, "latest")
                    number = int(head["number"], 16)
                    if number % 3 == 0:
                        searcher.nonce = int(
                            await wire.ask("eth_getTransactionCount", to_hex(searcher.address), "latest"), 16
                        )
                        raw, _ = searcher.signed(STRANGER)
                        await searcher.send_bundle(raw, block=number + 1)
                    assert await wire.ask("market_tickDone", head["number"], "0x" + "00" * 32) is False
                    if await wire.ask("market_tickDone", head["number"], head["hash"]):
                        hashes.append(head["hash"])
                    head = await next_head(wire)
        finally:
            await ended(running)
        return hashes, [story["is_reorg"] for story in stories(market)]


async def ended(running):
    """Cancel a running market; what it died of before, it raises."""
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def to_hex(address):
    return hex_bytes(address)


async def next_head(wire):
    if wire.news:
        return wire.news.pop(0)["result"]
    while True:
        message = await wire.next_message()
        if "params" in message:
            return message["params"]["result"]


async def test_two_lockstep_runs_of_a_seed_give_equal_hashes(tmp_path, chain_cache):
    first, reorgs = await lockstep_run(tmp_path, chain_cache, "first", 30, eager_reads=0)
    second, again = await lockstep_run(tmp_path, chain_cache, "second", 30, eager_reads=3)
    assert len(set(first)) == 30
    assert first == second
    assert reorgs == again
    assert any(reorgs), "the schedule should have struck"


async def test_lockstep_waits_for_the_tick_and_passes_over_a_head_nobody_saw(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache, lockstep=True) as market, connected(market) as wire:
        await wire.ask("eth_subscribe", "newHeads")
        running = asyncio.create_task(market.engine.run())
        await asyncio.sleep(0.2)
        start = market.engine.head
        assert await wire.read_news() == []
        market.engine.withhold_next_head()
        assert await wire.ask("market_tickDone", hex(start.number), hex_bytes(start.hash)) is True
        head = await next_head(wire)
        assert int(head["number"], 16) == start.number + 2
        assert market.engine.head.ref.number == start.number + 2
        await ended(running)


async def test_a_chain_that_differs_from_the_plan_stops_the_market(tmp_path, chain_cache, monkeypatch):
    async with opened(tmp_path, chain_cache) as market:
        await market.engine.open()
        plan = market.engine._builder.plan

        async def plan_wrongly(*arguments):
            planned = await plan(*arguments)
            assert len(planned.transactions) > 2
            first, second, *rest = planned.transactions
            return sealing.msgspec.structs.replace(planned, transactions=(first, *rest, second))

        monkeypatch.setattr(market.engine._builder, "plan", plan_wrongly)
        with pytest.raises(MarketBrokenError, match="planned"):
            await market.engine.seal_next()


def test_shocks_follow_from_the_seed_and_strike_at_their_rate():
    shocks = Shocks(reorg_every=25, deepest_reorg=4, drop_sockets_every=10, miss_head_every=50)
    struck = [shock for number in range(5_000) for shock in shocks_after(shocks, 7, number)]
    assert struck == [shock for number in range(5_000) for shock in shocks_after(shocks, 7, number)]
    assert struck != [shock for number in range(5_000) for shock in shocks_after(shocks, 8, number)]
    count = {
        kind: sum(shock.kind == kind for shock in struck) for kind in ("reorg", "drop_sockets", "miss_head")
    }
    assert 150 < count["reorg"] < 250
    assert 400 < count["drop_sockets"] < 600
    assert 60 < count["miss_head"] < 140
    assert {shock.depth for shock in struck if shock.kind == "reorg"} == {1, 2, 3, 4}
    assert not any(shocks_after(Shocks(), 7, number) for number in range(1_000))

"""Hidden swaps: who hides, what the stream tells of it, and that only the way of a swap changes."""

import asyncio
import json

import aiohttp
import pytest
from market_stage import Searcher, connected, node, opened, receipt, requests, stories, transactions_of
from share_stage import ask_share, double, flow, listening

from bot.core.identity import Address, from_hex, hex_bytes, keccak
from bot.world.accounts import TRADER_DESK, trader_accounts
from bot.world.hint_rules import round_up
from bot.world.raw_transaction import decode_raw

SYNC = hex_bytes(keccak(b"Sync(uint112,uint112)"))
STRANGER = Address(b"\x77" * 20)


async def play(market, blocks):
    """Seal blocks; every transaction of them in order, and every one that was public at some time."""
    mined, public = [], set()
    for _ in range(blocks):
        public |= {hex_bytes(tx.hash) for tx in market.mempool.in_order_of_arrival()}
        mined.append(await transactions_of(market, await market.engine.seal_next()))
    return mined, public


async def test_hidden_swaps_are_never_public_and_land_all_the_same(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache, private_share=5_000) as market:
        await market.engine.open()
        mined, public = await play(market, 12)
        told = flow(market)
        done = [one for one in told if one["for_block"] <= market.engine.head.number]
        assert len(done) > 10
        assert not {one["tx_hash"] for one in told} & public
        origins = {tx["hash"]: tx["origin"] for story in stories(market) for tx in story["transactions"]}
        for one in done:
            assert origins[one["tx_hash"]] == "private"
            found = await market.anvil.rpc("eth_getTransactionReceipt", [one["tx_hash"]])
            assert int(found["blockNumber"], 16) == one["for_block"]
        assert {origins[tx] for block in mined for tx in block} == {"private", "public"}


def all_swaps(market, seed):
    """(sender, nonce, calldata) of every swap that was handed in, wherever."""
    traders = {account.address for account in trader_accounts(seed)}
    sent = [decode_raw(from_hex(raw)) for record in requests(market) for raw in record["raw_txs"]]
    sent += market.mempool.in_order_of_arrival()
    return {(tx.sender, tx.nonce, tx.data) for tx in sent if tx.sender in traders and tx.to == TRADER_DESK}


async def test_share_changes_the_way_and_not_the_swaps(tmp_path, chain_cache):
    swaps, hidden = {}, {}
    for share in (0, 4_000, 10_000):
        async with opened(tmp_path / str(share), chain_cache, private_share=share) as market:
            await market.engine.open()
            swaps[share] = all_swaps(market, market.config.seed)
            hidden[share] = len(flow(market)) if share else 0
            for _ in range(2):
                swaps[share] |= all_swaps(market, market.config.seed)
                await market.engine.seal_next()
                hidden[share] = len(flow(market)) if share else 0
            swaps[share] |= all_swaps(market, market.config.seed)
    assert swaps[0] == swaps[4_000] == swaps[10_000]
    assert 0 == hidden[0] < hidden[4_000] < hidden[10_000]


async def test_without_a_share_there_is_no_such_endpoint(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache) as market:
        assert set(market.endpoints.relays) == {"market", "market-unprotected"}
        assert "BOT_HINTS_URL" not in market.variables
        assert not (market.config.run_dir / "private_flow.jsonl").exists()


async def test_lockstep_runs_of_a_seed_hide_alike(tmp_path, chain_cache):
    runs = []
    for name in ("first", "second"):
        async with opened(tmp_path / name, chain_cache, private_share=5_000, lockstep=True) as market:
            await market.engine.open()
            for _ in range(4):
                await market.engine.seal_next()
            runs.append((market.engine.head.hash, flow(market)))
            assert market.variables["BOT_HINTS_URL"] == market.endpoints.relays["market-share"]
            assert market.variables["BOT_RELAY_MARKET_SHARE__URL"] == market.endpoints.relays["market-share"]
    assert runs[0] == runs[1]
    assert len(runs[0][1]) > 5


async def test_stream_tells_what_the_log_knows_and_marks_each_block(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache, private_share=10_000, lockstep=True) as market:
        await market.engine.open()
        first = market.engine.head.number + 1
        async with listening(market) as listener, listening(market) as late:
            kinds = set()
            for number in range(first, first + 8):
                events, marked = await listener.block()
                assert marked == number
                told = [one for one in flow(market) if one["for_block"] == number]
                assert events == [one["event"] for one in told if one["event"] is not None]
                assert [event["hash"] for event in events] == [
                    double(one["tx_hash"]) for one in told if one["succeeded"]
                ]
                for one in told:
                    kinds.add(tuple(one["hints"]))
                    if one["event"] is not None:
                        check_event(one)
                await market.engine.seal_next()
            assert len(kinds) == 5
            assert (await late.block())[1] == first


def check_event(one):
    """An event says no more than its hints allow, and that truly."""
    event, hints, tx_hash = one["event"], set(one["hints"]), one["tx_hash"]
    text = json.dumps(event)
    assert tx_hash not in text
    assert one["sender"].lower() not in text.replace(SYNC, "")
    assert int(event["gasUsed"], 16) == round_up(one["gas_used"], 2)
    if "logs" in hints:
        assert any(log["topics"][0] == SYNC for log in event["logs"]) or len(event["logs"]) >= 3
        assert [log["data"] for log in event["logs"]] == [log["data"] for log in one["logs"]]
    elif "special_logs" in hints:
        [log] = event["logs"]
        assert log["data"] == "0x"
        assert set(log["topics"][1:]) == {"0x" + "00" * 32}
        assert log["address"] in {full["address"] for full in one["logs"]}
    else:
        assert event["logs"] is None
    assert ("calldata" in hints) == any("callData" in tx for tx in event["txs"] or [])
    assert ("contract_address" in hints) == bool(event["txs"])


async def test_who_connects_late_in_lockstep_hears_the_hints_of_this_block_again(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache, private_share=10_000, lockstep=True) as market:
        await market.engine.open()
        await market.engine.seal_next()
        async with listening(market) as listener:
            events, marked = await listener.block()
            assert marked == market.engine.head.number + 1
            assert [event["hash"] for event in events] == [
                one["matching_hash"] for one in flow(market) if one["for_block"] == marked and one["event"]
            ]


async def test_out_of_lockstep_nothing_is_marked_and_silence_is_pinged(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache, private_share=10_000) as market:
        market.engine._crowd._flow._node.stream._ping_seconds = 0.05
        async with listening(market) as listener:
            assert await listener.line() == ":ping"
            await market.engine.open()
            lines = [await listener.line() for _ in range(4)]
            assert all(line.startswith("data: ") or line == ":ping" for line in lines)


async def test_listeners_are_cut_off_with_the_nodes_sockets_and_may_come_again(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache, private_share=10_000) as market:
        async with listening(market) as listener:
            assert market.front.drop_connections() == 1
            with pytest.raises((EOFError, aiohttp.ClientError)):
                await listener.line()
        async with listening(market) as again:
            await market.engine.open()
            assert (await again.event())["hash"].startswith("0x")


async def test_anybody_may_hand_in_a_transaction_and_take_it_back(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache, private_share=1) as market:
        user = await Searcher(market, "user").fund()
        async with listening(market) as listener:
            raw, tx_hash = user.signed(STRANGER, value=1)
            asked = {"tx": hex_bytes(raw), "preferences": {"privacy": {"hints": ["contract_address"]}}}
            assert (await ask_share(user, "eth_sendPrivateTransaction", asked))["result"] == hex_bytes(
                tx_hash
            )
            event = await listener.event()
            assert event["hash"] == double(hex_bytes(tx_hash))
            assert event["txs"] == [{"to": hex_bytes(STRANGER)}]
            assert int(event["mevGasPrice"], 16) == 2 * 10**9
            assert (await node(market, "eth_getTransactionByHash", hex_bytes(tx_hash)))["result"] is None
            stranger = await Searcher(market, "stranger").fund()
            taken = {"txHash": hex_bytes(tx_hash)}
            assert (await ask_share(stranger, "eth_cancelPrivateTransaction", taken))["result"] is False
            assert (await ask_share(user, "eth_cancelPrivateTransaction", taken))["result"] is True
            again, again_hash = user.signed(STRANGER, nonce=0)
            assert "result" in await ask_share(user, "eth_sendPrivateRawTransaction", hex_bytes(again))
            await market.engine.seal_next()
            assert await receipt(market, tx_hash) is None
            assert (await receipt(market, again_hash))["status"] == "0x1"


@pytest.mark.parametrize(
    ("preferences", "words"),
    [
        ({"hints": ["everything"]}, "no such hint: 'everything'"),
        ({"hints": "logs"}, "must be a list of names"),
    ],
)
async def test_odd_preferences_are_refused(tmp_path, chain_cache, preferences, words):
    async with opened(tmp_path, chain_cache, private_share=1) as market:
        user = await Searcher(market, "user").fund()
        raw, _ = user.signed(STRANGER)
        asked = {"tx": hex_bytes(raw), "preferences": {"privacy": preferences}}
        reply = await ask_share(user, "eth_sendPrivateTransaction", asked)
        assert words in reply["error"]["message"]


async def test_without_a_tip_it_is_neither_shared_nor_built_and_after_its_blocks_given_up(
    tmp_path, chain_cache
):
    async with opened(tmp_path, chain_cache, private_share=1) as market:
        await market.engine.open()
        user = await Searcher(market, "user").fund()
        stingy, stingy_hash = user.signed(STRANGER, tip=0)
        last = hex(market.engine.head.number + 1)
        assert "result" in await ask_share(user, "eth_sendPrivateTransaction", {"tx": hex_bytes(stingy)})
        low, low_hash = user.signed(STRANGER, nonce=0, cap=2, tip=1)
        asked = {"tx": hex_bytes(low), "maxBlockNumber": last}
        assert "result" in await ask_share(user, "eth_sendPrivateTransaction", asked)
        assert len(market.relay.pools.private) == 1
        for _ in range(2):
            await market.engine.seal_next()
        assert await receipt(market, stingy_hash) is None
        assert await receipt(market, low_hash) is None
        assert len(market.relay.pools.private) == 0


async def test_pending_of_a_block_is_told_once_all_have_sent(tmp_path, chain_cache):
    async with opened(
        tmp_path, chain_cache, private_share=5_000, lockstep=True, old_type_share=5_000
    ) as market:
        number = market.engine.head.number + 1
        waiting = asyncio.create_task(node(market, "market_pending", hex(number)))
        async with connected(market) as wire:
            await wire.ask("eth_subscribe", "newPendingTransactions", True)
            await asyncio.sleep(0.05)
            assert not waiting.done()
            await market.engine.open()
            bodies = [one["result"] for one in await wire.read_news()]
        answered = (await waiting)["result"]
        raws = [from_hex(raw) for raw in answered]
        assert [body["hash"] for body in bodies] == [hex_bytes(keccak(raw)) for raw in raws]
        assert not {one["tx_hash"] for one in flow(market)} & {body["hash"] for body in bodies}
        assert {body["type"] for body in bodies} >= {"0x2"}
        sealed = await market.engine.seal_next()
        assert set(await transactions_of(market, sealed)) >= {body["hash"] for body in bodies[:3]}
        assert "already there" in (await node(market, "market_pending", hex(number)))["error"]["message"]
        assert "too far" in (await node(market, "market_pending", hex(number + 9)))["error"]["message"]
        for odd in ([], ["seven"], [7]):
            assert (await node(market, "market_pending", *odd))["error"]["code"] == -32602
        assert len((await node(market, "market_pending", hex(number + 1)))["result"]) > 2


async def test_old_types_land_like_the_others(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache, old_type_share=7_000) as market:
        await market.engine.open()
        types = []
        for _ in range(3):
            sealed = await market.engine.seal_next()
            types += [tx.type for tx, _ in sealed.transactions if tx.to == TRADER_DESK]
        assert min(types.count(kind) for kind in (0, 1, 2)) > 0

"""The node's doors: what passes, what is refused, what is pending, what subscribers hear and never hear."""

import asyncio
import json

import aiohttp
import pytest
from market_stage import GWEI, Searcher, connected, node, opened

from bot.core.identity import Address, hex_bytes, to_checksum
from bot.world.node_ipc import MessageBuffer
from bot.world.venues import UNISWAP_V2

STRANGER = Address(b"\x77" * 20)
SYNC = "0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1"


@pytest.fixture
async def market(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache) as market:
        yield market


@pytest.fixture
async def searcher(market):
    return await Searcher(market, "searcher").fund()


async def test_reads_pass_through(market):
    head = market.engine.head
    assert (await node(market, "eth_blockNumber"))["result"] == hex(head.number)
    assert (await node(market, "eth_chainId"))["result"] == hex(31337)
    code = (await node(market, "eth_getCode", to_checksum(UNISWAP_V2.factory), "latest"))["result"]
    assert len(code) > 1000
    traced = await node(
        market, "debug_traceCall", {"to": to_checksum(STRANGER)}, "latest", {"tracer": "callTracer"}
    )
    assert "result" in traced
    failed = await node(market, "eth_call", {"to": to_checksum(market.stage.executor), "data": "0xdeadbeef"})
    assert "revert" in failed["error"]["message"]


@pytest.mark.parametrize(
    "method",
    [
        "evm_mine",
        "anvil_setBalance",
        "hardhat_setCode",
        "anvil_dropTransaction",
        "eth_sendTransaction",
        "eth_newPendingTransactionFilter",
        "txpool_content",
        "debug_setHead",
        "no_such_method",
    ],
)
async def test_what_is_not_a_nodes_is_refused(market, method):
    reply = await node(market, method)
    assert reply["error"]["code"] == -32601
    assert method in reply["error"]["message"]
    assert (await node(market, "eth_blockNumber"))["result"] == hex(market.engine.head.number)


async def test_batches_and_malformed_bodies(market):
    async with aiohttp.ClientSession() as session:

        async def post(body):
            async with session.post(market.endpoints.node_http, data=body) as response:
                return await response.json()

        calls = [{"id": i, "method": m, "params": []} for i, m in enumerate(["eth_chainId", "evm_mine"])]
        good, bad = await post(json.dumps(calls).encode())
        assert (good["id"], good["result"]) == (0, hex(31337))
        assert (bad["id"], bad["error"]["code"]) == (1, -32601)
        assert (await post(b"{"))["error"]["code"] == -32700
        assert (await post(b"[]"))["error"]["code"] == -32600
        assert (await post(b"[1]"))[0]["error"]["code"] == -32600
        assert (await post(b'{"id": 1, "method": 5}'))["error"]["code"] == -32600


async def test_public_transaction_is_pending_then_mined(market, searcher):
    raw, tx_hash = searcher.signed(STRANGER)
    assert (await node(market, "eth_sendRawTransaction", hex_bytes(raw)))["result"] == hex_bytes(tx_hash)
    body = (await node(market, "eth_getTransactionByHash", hex_bytes(tx_hash)))["result"]
    assert (body["blockHash"], body["nonce"]) == (None, "0x0")
    assert body["from"] == hex_bytes(searcher.address)
    address = to_checksum(searcher.address)
    assert (await node(market, "eth_getTransactionCount", address, "latest"))["result"] == "0x0"
    assert (await node(market, "eth_getTransactionCount", address, "pending"))["result"] == "0x1"
    sealed = await market.engine.seal_next()
    body = (await node(market, "eth_getTransactionByHash", hex_bytes(tx_hash)))["result"]
    assert body["blockHash"] == hex_bytes(sealed.head.hash)
    assert len(market.mempool.senders()) > 0, "the crowd has sent for the next block"
    assert searcher.address not in market.mempool.senders()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"value": 10**20}, "insufficient funds"),
        ({"gas": 20_999}, "intrinsic gas too low: gas 20999, minimum needed 21000"),
        ({"data": b"\x01" * 100, "gas": 24_000}, "floor data gas"),
        ({"cap": 0, "tip": 0}, "underpriced"),
        ({"cap": 1, "tip": 2}, "max priority fee per gas higher"),
        ({"gas": 2**24 + 1}, "gas limit too high"),
        ({"gas": 60_000_001}, "exceeds block gas limit"),
    ],
)
async def test_refused_at_the_door_as_by_a_real_node(market, searcher, options, words):
    raw, _ = searcher.signed(STRANGER, **options)
    reply = await node(market, "eth_sendRawTransaction", hex_bytes(raw))
    assert words in reply["error"]["message"]
    assert len(market.mempool) == 0


async def test_used_nonce_repeat_and_broken_bytes_are_refused(market, searcher):
    raw, _ = searcher.signed(STRANGER)
    await node(market, "eth_sendRawTransaction", hex_bytes(raw))
    assert (await node(market, "eth_sendRawTransaction", hex_bytes(raw)))["error"][
        "message"
    ] == "already known"
    await market.engine.seal_next()
    reply = await node(market, "eth_sendRawTransaction", hex_bytes(raw))
    assert reply["error"]["message"] == "nonce too low: next nonce 1, tx nonce 0"
    for broken in (raw[:-1], b"\x02", b"\x03" + raw[1:], b"", b"\xc0"):
        assert "error" in await node(market, "eth_sendRawTransaction", hex_bytes(broken))


async def test_gaps_and_low_fees_wait_and_replacement_needs_a_tenth_more(market, searcher):
    base_fee = market.engine.head.base_fee
    ahead, ahead_hash = searcher.signed(STRANGER, nonce=1)
    cheap, cheap_hash = searcher.signed(STRANGER, nonce=0, cap=base_fee // 2, tip=GWEI)
    for raw in (ahead, cheap):
        assert "result" in await node(market, "eth_sendRawTransaction", hex_bytes(raw))
    await market.engine.seal_next()
    for tx_hash in (ahead_hash, cheap_hash):
        waiting = (await node(market, "eth_getTransactionByHash", hex_bytes(tx_hash)))["result"]
        assert waiting["blockHash"] is None
    little, _ = searcher.signed(STRANGER, nonce=0, cap=base_fee * 4, tip=GWEI + GWEI // 20)
    reply = await node(market, "eth_sendRawTransaction", hex_bytes(little))
    assert "replacement transaction underpriced" in reply["error"]["message"]
    enough, enough_hash = searcher.signed(STRANGER, nonce=0, cap=base_fee * 4, tip=GWEI + GWEI // 10)
    assert "result" in await node(market, "eth_sendRawTransaction", hex_bytes(enough))
    await market.engine.seal_next()
    for tx_hash in (enough_hash, ahead_hash):
        mined = (await node(market, "eth_getTransactionByHash", hex_bytes(tx_hash)))["result"]
        assert mined["blockHash"] is not None
    assert (await node(market, "eth_getTransactionByHash", hex_bytes(cheap_hash)))["result"] is None


async def test_subscribers_hear_of_heads_logs_and_pending_transactions(market, searcher):
    async with connected(market) as wire:
        heads = await wire.ask("eth_subscribe", "newHeads")
        logs = await wire.ask("eth_subscribe", "logs", {"topics": [[SYNC]]})
        nobody = await wire.ask("eth_subscribe", "logs", {"address": to_checksum(STRANGER)})
        hashes = await wire.ask("eth_subscribe", "newPendingTransactions")
        bodies = await wire.ask("eth_subscribe", "newPendingTransactions", True)  # the wire's own
        raw, tx_hash = searcher.signed(STRANGER)
        await node(market, "eth_sendRawTransaction", hex_bytes(raw))
        sealed = [await market.engine.seal_next() for _ in range(3)]
        news = await wire.read_news()
        by_id = {
            name: [item["result"] for item in news if item["subscription"] == name]
            for name in (heads, logs, nobody, hashes, bodies)
        }
        assert [head["hash"] for head in by_id[heads]] == [hex_bytes(one.head.hash) for one in sealed]
        assert "transactions" not in by_id[heads][0]
        expected = [log for one in sealed for log in one.logs if log["topics"][0] == SYNC]
        assert by_id[logs] == expected
        assert len(expected) > 2, "the traders should have moved some pairs"
        assert by_id[nobody] == []
        assert by_id[hashes][0] == hex_bytes(tx_hash)
        assert [body["hash"] for body in by_id[bodies]] == by_id[hashes]
        assert len(by_id[hashes]) > 10
        assert await wire.ask("eth_unsubscribe", heads) is True
        await market.engine.seal_next()
        assert heads not in {item["subscription"] for item in await wire.read_news()}


async def test_no_bundle_transaction_and_no_ghost_head_reaches_a_subscriber(market, searcher):
    async with connected(market) as wire:
        heads = await wire.ask("eth_subscribe", "newHeads")
        pending = await wire.ask("eth_subscribe", "newPendingTransactions")
        private: set[str] = set()
        sealed = []
        for _ in range(5):
            good, good_hash = searcher.signed(STRANGER)
            bad, bad_hash = searcher.reverting(nonce=searcher.nonce)
            await searcher.send_bundle(good)
            await searcher.send_bundle(good, bad)
            assert (await wire.ask("eth_getTransactionByHash", hex_bytes(good_hash))) is None
            private |= {hex_bytes(good_hash), hex_bytes(bad_hash)}
            sealed.append(await market.engine.seal_next())
        news = await wire.read_news()
        heard = [item["result"] for item in news if item["subscription"] == pending]
        assert len(heard) > 20
        assert not private & set(heard)
        assert any(hex_bytes(tx) in private for one in sealed for tx in one.hashes)
        assert [item["result"]["hash"] for item in news if item["subscription"] == heads] == [
            hex_bytes(one.head.hash) for one in sealed
        ]


async def test_ipc_socket_speaks_like_geth(market):
    reader, writer = await asyncio.open_unix_connection(market.endpoints.node_ipc)
    writer.write(b'{"id":1,"method":"eth_chainId"}{"id":2,"method":"eth_subscribe",')
    writer.write(b'"params":["newHeads"]}\n')
    replies = {}
    while len(replies) < 2:
        reply = json.loads(await asyncio.wait_for(reader.readline(), 10))
        replies[reply["id"]] = reply["result"]
    assert replies[1] == hex(31337)
    sealed = await market.engine.seal_next()
    news = json.loads(await asyncio.wait_for(reader.readline(), 10))
    assert news["params"]["subscription"] == replies[2]
    assert news["params"]["result"]["hash"] == hex_bytes(sealed.head.hash)
    writer.write(b"not json")
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()


def test_message_buffer_cuts_anywhere():
    texts = ['{"a":"}{"}', '[1,{"b":"é"}]', '{"c":[]}']
    stream = "\n".join(texts).encode() + texts[0].encode()
    for size in range(1, 12):
        buffer, cut = MessageBuffer(), []
        for start in range(0, len(stream), size):
            cut += buffer.feed(stream[start : start + size])
        assert cut == [*texts, texts[0]], size


async def test_dropped_withheld_and_stalled(market):
    async with connected(market) as wire, connected(market) as other:
        await wire.ask("eth_subscribe", "newHeads")
        await other.ask("eth_chainId")
        assert market.front.drop_connections() == 2
        for broken in (wire, other):
            with pytest.raises((AssertionError, ConnectionError)):
                await broken.next_message()
    async with connected(market) as wire:
        await wire.ask("eth_subscribe", "newHeads")
        market.engine.withhold_next_head()
        await market.engine.seal_next()
        seen = await market.engine.seal_next()
        assert [item["result"]["hash"] for item in await wire.read_news()] == [hex_bytes(seen.head.hash)]
        market.front.stall()
        waiting = asyncio.create_task(wire.ask("eth_chainId"))
        sealed = await market.engine.seal_next()
        assert not waiting.done()
        market.front.resume()
        assert await waiting == hex(31337)
        assert [item["result"]["hash"] for item in [*wire.news, *await wire.read_news()]] == [
            hex_bytes(sealed.head.hash)
        ]

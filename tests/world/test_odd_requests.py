"""Whatever a client sends, it gets an answer in JSON-RPC, and the market goes on."""

import json
import random

import aiohttp
from market_stage import Searcher, connected, node, opened

from bot.core.identity import Address, hex_bytes
from bot.world.flashbots_auth import HEADER, sign

NODE_METHODS = [
    "eth_sendRawTransaction",
    "eth_getTransactionByHash",
    "eth_getTransactionCount",
    "eth_getBalance",
    "eth_subscribe",
    "eth_unsubscribe",
    "market_tickDone",
    "txpool_status",
]
RELAY_METHODS = [
    "eth_sendBundle",
    "eth_callBundle",
    "eth_cancelBundle",
    "eth_sendPrivateTransaction",
    "eth_cancelPrivateTransaction",
    "eth_sendRawTransaction",
]
FIELDS = [
    "txs", "tx", "blockNumber", "minTimestamp", "maxTimestamp", "timestamp", "revertingTxHashes", "uuid",
    "replacementUuid", "txHash", "maxBlockNumber", "topics", "address",
]  # fmt: skip
LEAVES = [
    None, True, -1, 0, 7, 1.5, 2**70, "", "0x", "0x1", "0xzz", "latest", "logs", "newHeads", "é", "0x" + "ff" * 20,
    "0x" + "ff" * 32, "0x02c0", "0xc0",
]  # fmt: skip


def odd_value(draw, depth=3):
    kind = draw.random()
    if depth == 0 or kind < 0.5:
        return draw.choice(LEAVES)
    if kind < 0.7:
        return [odd_value(draw, depth - 1) for _ in range(draw.randrange(3))]
    return {name: odd_value(draw, depth - 1) for name in draw.sample(FIELDS, draw.randrange(5))}


def odd_call(draw, methods):
    params = [odd_value(draw) for _ in range(draw.randrange(4))]
    return {"jsonrpc": "2.0", "id": draw.randrange(1000), "method": draw.choice(methods), "params": params}


async def test_every_request_is_answered(tmp_path, chain_cache):
    draw = random.Random(3)
    async with opened(tmp_path, chain_cache) as market, aiohttp.ClientSession() as session:
        searcher = await Searcher(market, "searcher").fund()

        async def answer(url, body, headers):
            async with session.post(url, data=body, headers=headers) as response:
                assert response.status == 200, (body, await response.text())
                return await response.json()

        replies = []
        for _ in range(400):
            for url, methods in (
                (market.endpoints.node_http, NODE_METHODS),
                (market.endpoints.relay, RELAY_METHODS),
                (market.endpoints.relay_unprotected, RELAY_METHODS),
            ):
                call = odd_call(draw, methods)
                body = json.dumps(call).encode()
                headers = {HEADER: sign(searcher.identity.private_key, body)}
                reply = await answer(url, body, headers)
                assert reply["id"] == call["id"]
                assert ("result" in reply) != ("error" in reply)
                replies.append(reply)
        assert sum("error" in reply for reply in replies) > 900
        assert sum("result" in reply for reply in replies) > 20
        await market.engine.open()
        assert (await market.engine.seal_next()).transactions


async def test_every_message_on_a_socket_is_answered(tmp_path, chain_cache):
    draw = random.Random(4)
    async with opened(tmp_path, chain_cache) as market, connected(market) as wire:
        subscribed = 0
        for _ in range(500):
            call = odd_call(draw, NODE_METHODS)
            await wire._socket.send_str(json.dumps(call))
            reply = await wire.next_message()
            assert reply["id"] == call["id"]
            subscribed += call["method"] == "eth_subscribe" and "result" in reply
        assert subscribed > 1
        await market.engine.seal_next()
        assert await wire.ask("eth_chainId") == hex(market.chain_id)


async def test_a_transaction_that_comes_while_a_block_is_built_waits_for_the_next(
    tmp_path, chain_cache, monkeypatch
):
    async with opened(tmp_path, chain_cache) as market:
        searcher = await Searcher(market, "searcher").fund()
        await market.engine.open()
        builder = market.engine._builder._builder
        inner = builder._add_bundles
        raw, tx_hash = searcher.signed(Address(b"\x77" * 20))

        async def meanwhile(*arguments):
            if searcher.nonce == 1:
                searcher.nonce = 2
                assert "result" in await node(market, "eth_sendRawTransaction", hex_bytes(raw))
            return await inner(*arguments)

        monkeypatch.setattr(builder, "_add_bundles", meanwhile)
        assert tx_hash not in (await market.engine.seal_next()).hashes
        assert tx_hash in (await market.engine.seal_next()).hashes

"""The same node, relay and builder around a fork: chain id and state of the upstream, blocks of our own."""

import json

from market_stage import Searcher, connected, node, opened, receipt

from bot.core.identity import Address, hex_bytes, to_checksum
from bot.world.venues import UNISWAP_V2

STRANGER = Address(b"\x77" * 20)


async def test_a_fork_keeps_the_chain_and_gets_a_relay(tmp_path, chain_cache):
    async with opened(tmp_path / "upstream", chain_cache) as upstream:
        await upstream.engine.open()
        for _ in range(3):
            await upstream.engine.seal_next()
        async with (
            opened(tmp_path / "fork", chain_cache, fork_url=upstream.endpoints.node_http, seed=8) as fork,
            connected(fork) as wire,
        ):
            assert fork.chain_id == upstream.chain_id
            assert fork.variables["BOT_CHAIN"] == "fork"
            assert fork.variables["BOT_FORK_PROFILE"] == "ethereum"
            assert "BOT_MARKET_SEED" not in fork.variables
            facts = json.loads((fork.config.run_dir / "market.json").read_text())
            assert facts["chain"] == "fork"
            address = to_checksum(UNISWAP_V2.factory)
            codes = [
                (await node(one, "eth_getCode", address, "latest"))["result"] for one in (upstream, fork)
            ]
            assert codes[0] == codes[1] != "0x"
            code = (await node(fork, "eth_getCode", facts["executor"], "latest"))["result"]
            assert len(code) > 1000
            assert (await node(upstream, "eth_getCode", facts["executor"], "latest"))["result"] == "0x"

            searcher = await Searcher(fork, "searcher").fund()
            await wire.ask("eth_subscribe", "newHeads")
            hashes = []
            for _ in range(3):
                raw, tx_hash = searcher.signed(STRANGER)
                await searcher.send_bundle(raw)
                sealed = await fork.engine.seal_next()
                assert (await receipt(fork, tx_hash))["status"] == "0x1"
                hashes.append(hex_bytes(sealed.head.hash))
            assert [item["result"]["hash"] for item in await wire.read_news()] == hashes
            assert upstream.engine.head.number < fork.engine.head.number

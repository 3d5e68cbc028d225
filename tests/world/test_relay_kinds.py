"""Each kind of relay on the wire: what it lets in, what it calls a uuid, how it cancels, whom it feeds."""

import uuid

import pytest
from market_stage import GWEI, Searcher, opened, receipt, requests, stories

from bot.core.identity import Address, hex_bytes, keccak, to_checksum

STRANGER = Address(b"\x77" * 20)
BUNDLE_RELAYS = ("market", "market-titan", "market-buildernet")


@pytest.fixture
async def market(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache, relays="all") as market:
        await market.engine.open()
        yield market


@pytest.fixture
async def searcher(market):
    return await Searcher(market, "searcher").fund()


async def send(searcher, endpoint, *raws, method="eth_sendBundle", header=None, status=200, **options):
    """The reply of that endpoint to one bundle."""
    url = searcher.market.endpoints.relays[endpoint]
    bundle = ({"txs": [hex_bytes(raw) for raw in raws]} if method == "eth_sendBundle" else {}) | options
    return await searcher.ask(method, [bundle], url=url, header=header, status=status)


def told(story, raw):
    """Stories of the bundle of that one transaction, as the winning builder saw it."""
    wanted = hex_bytes(keccak(keccak(raw)))
    return [bundle for bundle in story["bundles"] if bundle["bundle_hash"] == wanted]


REFUSALS = [
    ({"replacementUuid": "round 7"}, {"market": "not a UUID", "market-buildernet": "not a UUID"}),
    ({"replacementUuid": str(uuid.uuid1())}, {"market-buildernet": "version 1"}),
    ({"uuid": str(uuid.uuid4())}, {}),
    (
        {"uuid": str(uuid.uuid4()), "replacementUuid": str(uuid.uuid4())},
        {"market": "should be empty", "market-buildernet": "should be empty"},
    ),
    ({"version": "v3"}, {"market-buildernet": "invalid version"}),
    ({"version": "v1", "refundPercent": 50}, {"market-buildernet": "refundPercent"}),
    ({"version": "v2", "refundPercent": 50, "droppingTxHashes": []}, {}),
    ({"refundPercent": 100}, {"market-titan": "0 to 99", "market-buildernet": "1 to 99"}),
    (
        {"refundTxHashes": ["0x" + "11" * 32] * 2},
        {"market-titan": "no more than one", "market-buildernet": "no more than one"},
    ),
    ({"signingAddress": "0x" + "11" * 20}, {"market-buildernet": "should not be set"}),
]
"""Fields beside `txs`, and who refuses them with which words."""


async def test_fields_go_by_the_rules_of_each(market, searcher):
    for options, refusals in REFUSALS:
        raw, _ = searcher.signed(STRANGER)
        before = len(market.relay.book)
        for endpoint in BUNDLE_RELAYS:
            reply = await send(searcher, endpoint, raw, **options)
            if endpoint in refusals:
                assert refusals[endpoint] in reply["error"]["message"]
            else:
                assert reply["result"]["bundleHash"] == hex_bytes(keccak(keccak(raw)))
                assert ("receivedTimestampMs" in reply["result"]) == (endpoint == "market-buildernet")
        assert len(market.relay.book) - before == len(BUNDLE_RELAYS) - len(refusals), options


async def test_doors_methods_and_what_a_market_tells_of_them(market, searcher):
    raw, _ = searcher.signed(STRANGER)
    for endpoint in BUNDLE_RELAYS:
        unsigned = await send(
            searcher, endpoint, raw, header="", status=200 if endpoint == "market-titan" else 403
        )
        assert ("result" in unsigned) == (endpoint == "market-titan")
        called = await send(searcher, endpoint, method="eth_callBundle", txs=[hex_bytes(raw)])
        assert ("result" in called) == (endpoint == "market"), called
        wrong = await send(searcher, endpoint, raw, header="0x" + "11" * 20 + ":0x00", status=403)
        assert "error" in wrong
    names = market.variables["BOT_RELAYS"].split(",")
    assert names == ["market", "market-unprotected", "market-titan", "market-buildernet"]
    for name in names:
        variable = f"BOT_RELAY_{name.upper().replace('-', '_')}__URL"
        assert market.variables[variable] == market.endpoints.relays[name]
    assert len(set(market.endpoints.relays.values())) == 5


async def test_titan_cancels_by_an_empty_bundle_and_by_the_method(market, searcher):
    raw, tx_hash = searcher.signed(STRANGER, nonce=0)
    await send(searcher, "market-buildernet", raw, replacementUuid=str(uuid.uuid4()))
    for cancel in ({}, {"method": "eth_cancelBundle"}):
        await send(searcher, "market-titan", raw, replacementUuid="any words")
        assert len(market.relay.book) == 2
        stranger = await send(
            Searcher(market, "other"), "market-titan", replacementUuid="any words", method="eth_cancelBundle"
        )
        assert "any words" in stranger["error"]["message"]
        assert (await send(searcher, "market-titan", replacementUuid="any words", **cancel))["result"]
        assert len(market.relay.book) == 1, "a cancellation is the relay's where it is sent"
        again = await send(searcher, "market-titan", replacementUuid="any words", method="eth_cancelBundle")
        assert "any words" in again["error"]["message"]
    await market.engine.seal_next()
    assert (await receipt(market, tx_hash))["status"] == "0x1"


async def test_a_repeat_is_ignored_by_one_and_taken_by_the_others(market, searcher):
    raw, _ = searcher.signed(STRANGER)
    for endpoint in BUNDLE_RELAYS:
        key = str(uuid.uuid4())
        first = await send(searcher, endpoint, raw, replacementUuid=key)
        await send(searcher, endpoint, method="eth_cancelBundle", replacementUuid=key)
        before = len(market.relay.book)
        second = await send(searcher, endpoint, raw, replacementUuid=key)
        assert first["result"]["bundleHash"] == second["result"]["bundleHash"]
        ignores = endpoint == "market-buildernet"
        assert len(market.relay.book) - before == (not ignores)
        assert requests(market)[-1]["kept"] is not ignores
        assert bool(requests(market)[-1]["note"]) is ignores


async def test_only_the_builder_who_wins_mines_his_relays_bundles(market):
    by_endpoint = {name: await Searcher(market, name).fund() for name in BUNDLE_RELAYS}
    builders = dict(zip(("builder-a", "builder-b"), ("market", "market-titan"), strict=True))
    won = dict.fromkeys(builders, 0)
    for _ in range(12):
        sent = {}
        for endpoint, one in by_endpoint.items():
            one.nonce = int(
                await market.anvil.rpc("eth_getTransactionCount", [to_checksum(one.address), "latest"]), 16
            )
            sent[endpoint] = one.signed(STRANGER, tip=3 * GWEI)
            await send(one, endpoint, sent[endpoint][0])
        sealed = await market.engine.seal_next()
        story = stories(market)[-1]
        won[story["builder"]] += 1
        assert story["coinbase"] == to_checksum(sealed.head.coinbase)
        assert int(story["bid_wei"]) >= int(story["losing"]["bid_wei"])
        assert int(story["bid_wei"]) <= int(story["value_wei"])
        assert {story["builder"], story["losing"]["builder"]} == set(builders)
        assert story["coinbase"] != story["losing"]["coinbase"]
        for endpoint, (raw, tx_hash) in sent.items():
            landed = endpoint in {builders[story["builder"]], "market-buildernet"}
            assert (await receipt(market, tx_hash) is not None) == landed
            assert len(told(story, raw)) == landed
            elsewhere = endpoint in {builders[story["losing"]["builder"]], "market-buildernet"}
            assert len(told(story["losing"], raw)) == elsewhere
    assert min(won.values()) > 0, won


async def test_a_bundle_at_several_relays_is_one_bundle(market, searcher):
    raw, tx_hash = searcher.signed(STRANGER, tip=3 * GWEI)
    for endpoint in BUNDLE_RELAYS:
        await send(searcher, endpoint, raw)
    await market.engine.seal_next()
    [bundle] = told(stories(market)[-1], raw)
    assert bundle["fate"] == "included"
    assert len(bundle["endpoints"]) == 2
    assert (await receipt(market, tx_hash))["status"] == "0x1"

"""Bundles through the relay's door: what is mined, in which order, and what never is."""

import uuid

import pytest
from market_stage import ETHER, GWEI, Searcher, opened, receipt, requests, stories, transactions_of

from bot.core.identity import Address, hex_bytes, keccak
from bot.core.transaction import decode_signed

STRANGER = Address(b"\x77" * 20)


@pytest.fixture
async def market(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache) as market:
        await market.engine.open()
        yield market


@pytest.fixture
async def searcher(market):
    return await Searcher(market, "searcher").fund()


@pytest.fixture
async def rival(market):
    return await Searcher(market, "rival").fund()


def fate(market, *raws):
    """(fate, reason) of the bundle of these transactions, from the builder's log."""
    wanted = hex_bytes(keccak(b"".join(keccak(raw) for raw in raws)))
    found = [
        (bundle["fate"], bundle["reason"])
        for story in stories(market)
        for bundle in story["bundles"]
        if bundle["bundle_hash"] == wanted
    ]
    assert len(found) == 1, found
    return found[0]


async def test_bundle_is_mined_whole_in_order_and_ahead_of_the_public(market, searcher):
    raws, hashes = zip(*(searcher.signed(STRANGER, value=i + 1) for i in range(3)), strict=True)
    answer = await searcher.send_bundle(*raws)
    assert answer["bundleHash"] == hex_bytes(keccak(b"".join(hashes)))
    sealed = await market.engine.seal_next()
    mined = await transactions_of(market, sealed)
    assert mined[:3] == [hex_bytes(tx_hash) for tx_hash in hashes]
    assert len(mined) > 3, "the crowd's transactions should stand behind"
    assert fate(market, *raws) == ("included", "")


async def test_one_revert_drops_the_whole_bundle(market, searcher):
    good, good_hash = searcher.signed(STRANGER)
    bad, bad_hash = searcher.reverting()
    await searcher.send_bundle(good, bad)
    await market.engine.seal_next()
    assert await receipt(market, good_hash) is None
    assert await receipt(market, bad_hash) is None
    what, why = fate(market, good, bad)
    assert what == "dropped"
    assert hex_bytes(bad_hash) in why


async def test_a_revert_that_is_allowed_is_mined(market, searcher):
    good, good_hash = searcher.signed(STRANGER)
    bad, bad_hash = searcher.reverting()
    await searcher.send_bundle(good, bad, revertingTxHashes=[hex_bytes(bad_hash)])
    await market.engine.seal_next()
    assert (await receipt(market, good_hash))["status"] == "0x1"
    assert (await receipt(market, bad_hash))["status"] == "0x0"


async def test_best_payer_per_gas_goes_first(market, searcher, rival):
    low, low_hash = searcher.signed(STRANGER, tip=3 * GWEI)
    high, high_hash = rival.signed(STRANGER, tip=5 * GWEI)
    await searcher.send_bundle(low)
    await rival.send_bundle(high)
    sealed = await market.engine.seal_next()
    assert (await transactions_of(market, sealed))[:2] == [hex_bytes(high_hash), hex_bytes(low_hash)]


async def test_direct_payment_counts_like_a_tip(market, searcher, rival):
    tipped, tipped_hash = searcher.signed(STRANGER, tip=4 * GWEI)
    paid, paid_hash = rival.signed(market.stage.coinbase, tip=0, value=21_000 * 5 * GWEI)
    await searcher.send_bundle(tipped)
    await rival.send_bundle(paid)
    sealed = await market.engine.seal_next()
    assert (await transactions_of(market, sealed))[:2] == [hex_bytes(paid_hash), hex_bytes(tipped_hash)]


async def test_two_bundles_with_one_nonce_the_better_one_is_mined(market, searcher):
    low, low_hash = searcher.signed(STRANGER, nonce=0, tip=3 * GWEI)
    high, high_hash = searcher.signed(STRANGER, nonce=0, tip=6 * GWEI)
    await searcher.send_bundle(low)
    await searcher.send_bundle(high)
    await market.engine.seal_next()
    assert await receipt(market, low_hash) is None
    assert (await receipt(market, high_hash))["status"] == "0x1"
    assert "nonce" in fate(market, low)[1]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"nonce": 1}, "nonce"),
        ({"cap": GWEI, "tip": GWEI}, "base fee"),
        ({"value": 11 * ETHER}, "nsufficient funds"),
        ({"gas": 20_000}, "intrinsic gas"),
        ({"data": b"\x01" * 1000, "gas": 40_000}, "floor data gas"),
        ({"tip": 0}, "pays the builder 0"),
    ],
)
async def test_what_a_simulation_would_let_through_is_never_mined(market, searcher, options, word):
    raw, tx_hash = searcher.signed(STRANGER, **options)
    assert (await searcher.send_bundle(raw))["bundleHash"], "acceptance is not validity"
    await market.engine.seal_next()
    assert await receipt(market, tx_hash) is None
    what, why = fate(market, raw)
    assert what == "dropped"
    assert word in why


async def test_a_bundle_may_fund_its_own_second_sender(market, searcher, rival):
    poor = Searcher(market, "poor")
    gift, _ = searcher.signed(poor.address, value=ETHER)
    spent, spent_hash = poor.signed(STRANGER)
    await searcher.send_bundle(gift, spent)
    await market.engine.seal_next()
    assert (await receipt(market, spent_hash))["status"] == "0x1"


async def test_only_the_target_block_takes_it(market, searcher):
    raw, tx_hash = searcher.signed(STRANGER)
    target = market.engine.head.number + 2
    await searcher.send_bundle(raw, block=target)
    await market.engine.seal_next()
    assert await receipt(market, tx_hash) is None
    await market.engine.seal_next()
    assert int((await receipt(market, tx_hash))["blockNumber"], 16) == target
    late, late_hash = searcher.signed(STRANGER)
    await searcher.send_bundle(late, block=target)
    await market.engine.seal_next()
    assert await receipt(market, late_hash) is None
    assert fate(market, late)[0] == "late"


async def test_missing_block_number_means_the_next_block(market, searcher):
    raw, tx_hash = searcher.signed(STRANGER)
    await searcher.ask("eth_sendBundle", [{"txs": [hex_bytes(raw)]}])
    sealed = await market.engine.seal_next()
    assert int((await receipt(market, tx_hash))["blockNumber"], 16) == sealed.head.number


async def test_timestamps_bound_the_block(market, searcher, rival):
    at = market.engine.head.timestamp + 12
    early, early_hash = searcher.signed(STRANGER)
    on_time, on_time_hash = rival.signed(STRANGER)
    await searcher.send_bundle(early, minTimestamp=at + 1)
    await rival.send_bundle(on_time, minTimestamp=at, maxTimestamp=at)
    await market.engine.seal_next()
    assert await receipt(market, early_hash) is None
    assert (await receipt(market, on_time_hash))["status"] == "0x1"


async def test_same_uuid_replaces_and_cancels(market, searcher):
    key = str(uuid.uuid4())
    first, first_hash = searcher.signed(STRANGER, nonce=0, tip=9 * GWEI)
    second, second_hash = searcher.signed(STRANGER, nonce=0, tip=2 * GWEI)
    await searcher.send_bundle(first, replacementUuid=key)
    await searcher.send_bundle(second, replacementUuid=key)
    await market.engine.seal_next()
    assert await receipt(market, first_hash) is None
    assert (await receipt(market, second_hash))["status"] == "0x1"
    third, third_hash = searcher.signed(STRANGER, nonce=1)
    await searcher.send_bundle(third, replacementUuid=key)
    assert (await searcher.ask("eth_cancelBundle", [{"replacementUuid": key}]))["result"] is True
    fourth, fourth_hash = searcher.signed(STRANGER, nonce=1)
    await searcher.send_bundle(fourth, replacementUuid=key)
    assert (await searcher.send_bundle(replacementUuid=key))["bundleHash"], "an empty bundle cancels as well"
    await market.engine.seal_next()
    assert await receipt(market, third_hash) is None
    assert await receipt(market, fourth_hash) is None


async def test_a_stranger_neither_replaces_nor_cancels(market, searcher, rival):
    key = str(uuid.uuid4())
    raw, tx_hash = searcher.signed(STRANGER)
    other, other_hash = rival.signed(STRANGER)
    await searcher.send_bundle(raw, replacementUuid=key)
    refusal = await rival.ask("eth_cancelBundle", [{"replacementUuid": key}])
    assert "no bundle of" in refusal["error"]["message"]
    await rival.send_bundle(other, replacementUuid=key)
    await market.engine.seal_next()
    assert (await receipt(market, tx_hash))["status"] == "0x1"
    assert (await receipt(market, other_hash))["status"] == "0x1"


async def test_limits_of_a_bundle(market, searcher):
    raw, _ = searcher.signed(STRANGER)
    reply = await searcher.ask("eth_sendBundle", [{"txs": [hex_bytes(raw)] * 101}])
    assert "101" in reply["error"]["message"]
    big = [searcher.signed(STRANGER, nonce=i, data=b"\x01" * 100_000)[0] for i in range(3)]
    reply = await searcher.ask("eth_sendBundle", [{"txs": [hex_bytes(one) for one in big]}])
    assert "300000" in reply["error"]["message"]
    assert "no txs" in (await searcher.ask("eth_sendBundle", [{"txs": []}]))["error"]["message"]
    assert len(market.relay.book) == 0


async def test_private_transaction_is_tried_until_its_last_block_and_never_reverts(market, searcher, rival):
    raw, tx_hash = searcher.signed(STRANGER, nonce=1)
    last = market.engine.head.number + 3
    params = [{"tx": hex_bytes(raw), "maxBlockNumber": hex(last)}]
    assert (await searcher.ask("eth_sendPrivateTransaction", params))["result"] == hex_bytes(tx_hash)
    bad, bad_hash = rival.reverting()
    await rival.ask("eth_sendRawTransaction", [hex_bytes(bad)])
    await market.engine.seal_next()
    assert await receipt(market, tx_hash) is None, "its nonce is ahead"
    first, _ = searcher.signed(STRANGER, nonce=0)
    await searcher.send_bundle(first)
    await market.engine.seal_next()
    await market.engine.seal_next()
    assert int((await receipt(market, tx_hash))["blockNumber"], 16) <= last
    assert await receipt(market, bad_hash) is None
    reply = await rival.ask("eth_cancelPrivateTransaction", [{"txHash": hex_bytes(bad_hash)}])
    assert reply["result"] is True
    assert len(market.relay.book) == 0


async def test_unprotected_endpoint_mines_a_revert(market, searcher):
    bad, bad_hash = searcher.reverting()
    url = market.endpoints.relay_unprotected
    assert (await searcher.ask("eth_sendRawTransaction", [hex_bytes(bad)], url=url, header=""))["result"]
    refusal = await searcher.ask("eth_sendBundle", [{"txs": [hex_bytes(bad)]}], url=url)
    assert refusal["error"]["code"] == -32601
    sealed = await market.engine.seal_next()
    assert (await receipt(market, bad_hash))["status"] == "0x0"
    assert (await transactions_of(market, sealed))[-1] == hex_bytes(bad_hash)


async def test_call_bundle_tells_what_it_would_do(market, searcher):
    good, good_hash = searcher.signed(market.stage.coinbase, value=123, tip=2 * GWEI)
    bad, _ = searcher.reverting()
    params = [{"txs": [hex_bytes(good), hex_bytes(bad)], "blockNumber": hex(market.engine.head.number + 1)}]
    report = (await searcher.ask("eth_callBundle", params))["result"]
    first, second = report["results"]
    assert (first["txHash"], first["gasUsed"]) == (hex_bytes(good_hash), 21_000)
    assert (first["ethSentToCoinbase"], first["gasFees"]) == ("123", str(21_000 * 2 * GWEI))
    assert "error" in second
    assert report["totalGasUsed"] == first["gasUsed"] + second["gasUsed"]
    assert int(report["coinbaseDiff"]) == int(first["coinbaseDiff"]) + int(second["coinbaseDiff"])
    assert len(market.relay.book) == 0


async def test_request_log_holds_the_very_bytes(market, searcher):
    raw, tx_hash = searcher.signed(STRANGER, value=5)
    answer = await searcher.send_bundle(raw)
    record = requests(market)[-1]
    assert record["endpoint"] == "market"
    assert record["method"] == "eth_sendBundle"
    assert record["target_block"] == market.engine.head.number + 1
    assert record["tx_hashes"] == [hex_bytes(tx_hash)]
    assert record["answer"] == {"result": answer}
    assert decode_signed(bytes.fromhex(record["raw_txs"][0][2:]))[0].value == 5

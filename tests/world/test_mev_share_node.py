"""Back-runs through the MEV-Share endpoint: right behind their swap, which runs as it would have without them."""

import contextlib
import uuid

import pytest
from market_stage import ETHER, GWEI, Searcher, node, opened, receipt, requests, stories, transactions_of
from share_stage import ask_share, behind, flow, listening

from bot.core.identity import Address, from_hex, hex_bytes, keccak

STRANGER = Address(b"\x77" * 20)
DEAR = 40 * GWEI
NOWHERE = hex_bytes(keccak(b"no hint"))


@contextlib.asynccontextmanager
async def hinted(tmp_path, cache, **changes):
    """A market whose next block has hints, what the flow's log knows of one that was published, and a searcher."""
    changes.setdefault("private_share", 10_000)
    async with opened(tmp_path, cache, **changes) as market:
        await market.engine.open()
        searcher = await Searcher(market, "searcher").fund()
        theirs = next(one for one in flow(market) if one["event"] is not None)
        yield market, searcher, theirs


def next_block(market):
    return market.engine.head.number + 1


async def back_run(searcher, theirs, raw, **options):
    params = behind(theirs["matching_hash"], raw, next_block(searcher.market), **options)
    return await ask_share(searcher, "mev_sendBundle", params)


def told(market, tx_hash):
    """Every story of a bundle with this transaction in it."""
    return [
        bundle
        for story in stories(market)
        for bundle in story["bundles"]
        if hex_bytes(tx_hash) in bundle["transactions"]
    ]


def shown(logs):
    return [(log["address"].lower(), log["topics"], log["data"]) for log in logs]


async def test_back_run_lands_right_behind_a_swap_that_runs_as_if_alone(tmp_path, chain_cache):
    async with hinted(tmp_path, chain_cache) as (market, searcher, theirs):
        async with listening(market):
            raw, tx_hash = searcher.signed(STRANGER, tip=DEAR)
            answer = (await back_run(searcher, theirs, raw))["result"]
        matching = from_hex(theirs["matching_hash"])
        assert answer["bundleHash"] == hex_bytes(keccak(matching + tx_hash))
        mined = await transactions_of(market, await market.engine.seal_next())
        place = mined.index(theirs["tx_hash"])
        assert mined[place + 1] == hex_bytes(tx_hash)
        landed = await market.anvil.rpc("eth_getTransactionReceipt", [theirs["tx_hash"]])
        assert place == 0, "alone at the top: what the log foresaw is what happened"
        assert landed["status"] == "0x1"
        assert int(landed["gasUsed"], 16) == theirs["gas_used"]
        assert shown(landed["logs"]) == shown(theirs["logs"])
        [story] = told(market, tx_hash)
        assert (story["fate"], story["came_from"]) == ("included", ["private", "bundle"])
        assert story["endpoints"] == ["market-share"]
        [record] = flow(market, "back_run")
        assert (record["tx_hash"], record["back_run"]) == (theirs["tx_hash"], hex_bytes(tx_hash))
        assert (record["bundle_hash"], record["answered_hash"]) == (
            story["bundle_hash"],
            answer["bundleHash"],
        )
        sent = [one for one in requests(market) if one["method"] == "mev_sendBundle"]
        assert [one["raw_txs"] for one in sent] == [[hex_bytes(raw)]]
        assert len(set(mined)) == len(mined)


async def test_of_two_back_runs_the_better_paying_lands(tmp_path, chain_cache):
    async with hinted(tmp_path, chain_cache) as (market, searcher, theirs):
        rival = await Searcher(market, "rival").fund()
        low, low_hash = searcher.signed(STRANGER, tip=DEAR)
        high, high_hash = rival.signed(STRANGER, tip=2 * DEAR)
        await back_run(searcher, theirs, low)
        await back_run(rival, theirs, high)
        mined = await transactions_of(market, await market.engine.seal_next())
        assert mined[:2] == [theirs["tx_hash"], hex_bytes(high_hash)]
        assert hex_bytes(low_hash) not in mined
        [story] = told(market, low_hash)
        assert (story["fate"], "nonce" in story["reason"]) == ("dropped", True)


@pytest.mark.parametrize("can_revert", [False, True])
async def test_a_back_run_that_reverts_leaves_the_swap_alone(tmp_path, chain_cache, can_revert):
    async with hinted(tmp_path, chain_cache) as (market, searcher, theirs):
        raw, tx_hash = searcher.reverting(tip=DEAR)
        body = [{"hash": theirs["matching_hash"]}, {"tx": hex_bytes(raw), "canRevert": can_revert}]
        assert "result" in await back_run(searcher, theirs, raw, body=body)
        mined = await transactions_of(market, await market.engine.seal_next())
        assert theirs["tx_hash"] in mined
        assert (hex_bytes(tx_hash) in mined) is can_revert


async def test_nothing_goes_before_their_transaction(tmp_path, chain_cache):
    async with hinted(tmp_path, chain_cache) as (market, searcher, theirs):
        raw, tx_hash = searcher.signed(STRANGER, tip=DEAR)
        ours, hint = {"tx": hex_bytes(raw)}, {"hash": theirs["matching_hash"]}
        for body in ([ours, hint], [ours, hint, ours]):
            reply = await back_run(searcher, theirs, raw, body=body)
            assert reply["error"] == {"code": -32000, "message": "invalid bundle body"}
        await market.engine.seal_next()
        assert await receipt(market, tx_hash) is None


async def test_what_cannot_be_stood_behind_is_refused_in_the_nodes_words(tmp_path, chain_cache):
    async with hinted(tmp_path, chain_cache) as (market, searcher, theirs):
        user = await Searcher(market, "user").fund()
        raw, _ = searcher.signed(STRANGER, tip=DEAR)
        number = next_block(market)
        hidden, hidden_hash = user.signed(STRANGER)
        asked = {
            "tx": hex_bytes(hidden),
            "preferences": {"privacy": {"hints": []}},
            "maxBlockNumber": hex(number),
        }
        await ask_share(user, "eth_sendPrivateTransaction", asked)
        short, short_hash = user.signed(STRANGER)
        await ask_share(
            user, "eth_sendPrivateTransaction", {"tx": hex_bytes(short), "maxBlockNumber": hex(number)}
        )
        for matching, first, words in (
            (NOWHERE, number, "backrun not found"),
            (hex_bytes(keccak(hidden_hash)), number, "backrun invalid bundle"),
            (hex_bytes(keccak(short_hash)), number + 1, "backrun invalid inclusion"),
            (theirs["matching_hash"], number - 1, "invalid inclusion"),
            (theirs["matching_hash"], number + 5, "invalid inclusion"),
        ):
            reply = await ask_share(searcher, "mev_sendBundle", behind(matching, raw, first))
            assert reply["error"] == {"code": -32000, "message": words}, words
        assert len(market.relay.book) == 0


async def test_cancelled_or_replaced_by_uuid(tmp_path, chain_cache):
    async with hinted(tmp_path, chain_cache) as (market, searcher, theirs):
        name = str(uuid.uuid4())
        first, first_hash = searcher.signed(STRANGER, nonce=0, tip=3 * DEAR)
        second, second_hash = searcher.signed(STRANGER, nonce=0, tip=DEAR)
        await back_run(searcher, theirs, first, replacementUuid=name)
        await back_run(searcher, theirs, second, replacementUuid=name)
        mined = await transactions_of(market, await market.engine.seal_next())
        assert hex_bytes(second_hash) in mined
        assert hex_bytes(first_hash) not in mined
        later = next(one for one in flow(market) if one["for_block"] == next_block(market) and one["event"])
        third, third_hash = searcher.signed(STRANGER, nonce=1, tip=DEAR)
        await back_run(searcher, later, third, replacementUuid=name)
        rival = Searcher(market, "rival")
        wanted = {"replacementUuid": name}
        assert "is open under" in (await ask_share(rival, "eth_cancelBundle", wanted))["error"]["message"]
        assert (await ask_share(searcher, "eth_cancelBundle", wanted))["result"] is True
        assert "missing" in (await ask_share(searcher, "eth_cancelBundle", {}))["error"]["message"]
        mined = await transactions_of(market, await market.engine.seal_next())
        assert later["tx_hash"] in mined
        assert hex_bytes(third_hash) not in mined


async def test_a_bundle_without_a_hash_is_a_bundle(tmp_path, chain_cache):
    async with hinted(tmp_path, chain_cache) as (market, searcher, _):
        raws = [searcher.signed(STRANGER, tip=DEAR) for _ in range(2)]
        bundle = behind(
            NOWHERE, raws[0][0], next_block(market), body=[{"tx": hex_bytes(raw)} for raw, _ in raws]
        )
        await ask_share(searcher, "mev_sendBundle", bundle)
        mined = await transactions_of(market, await market.engine.seal_next())
        assert mined[:2] == [hex_bytes(tx_hash) for _, tx_hash in raws]


async def test_simulated_only_once_the_swap_has_landed(tmp_path, chain_cache):
    async with hinted(tmp_path, chain_cache) as (market, searcher, theirs):
        good, _ = searcher.signed(STRANGER, tip=DEAR, value=1)
        bad, bad_hash = searcher.reverting(nonce=0, tip=DEAR)
        asked = behind(theirs["matching_hash"], good, next_block(market))
        reply = await ask_share(searcher, "mev_simBundle", asked, {})
        assert reply["error"]["message"] == "backrun not found"
        landing = await market.engine.seal_next()
        await market.engine.seal_next()
        done = (await ask_share(searcher, "mev_simBundle", asked, {}))["result"]
        assert done["success"] is True
        assert int(done["stateBlock"], 16) == landing.head.number - 1
        assert int(done["gasUsed"], 16) == theirs["gas_used"] + 21_000
        assert int(done["refundableValue"], 16) == 21_000 * DEAR
        assert int(done["profit"], 16) > 21_000 * DEAR
        assert shown(done["logs"][0]["txLogs"]) == shown(theirs["logs"])
        parent = {"parentBlock": hex(landing.head.number - 1)}
        assert (await ask_share(searcher, "mev_simBundle", asked, parent))["result"] == done
        failed = behind(theirs["matching_hash"], bad, next_block(market))
        said = (await ask_share(searcher, "mev_simBundle", failed))["result"]
        assert said["success"] is False
        assert hex_bytes(bad_hash) in said["error"]
        for odd in ({"parentBlock": hex(10**6)}, {"parentBlock": "head"}):
            assert (
                "parentBlock" in (await ask_share(searcher, "mev_simBundle", asked, odd))["error"]["message"]
            )


async def test_who_does_not_sign_is_not_let_in(tmp_path, chain_cache):
    async with hinted(tmp_path, chain_cache) as (market, searcher, theirs):
        raw, _ = searcher.signed(STRANGER)
        params = [behind(theirs["matching_hash"], raw, next_block(market))]
        url = market.endpoints.relays["market-share"]
        await searcher.ask("mev_sendBundle", params, url=url, header="", status=403)


async def test_after_a_reorg_the_swap_comes_back_and_its_back_run_does_not(tmp_path, chain_cache):
    async with hinted(tmp_path, chain_cache) as (market, searcher, theirs):
        raw, tx_hash = searcher.signed(STRANGER, tip=DEAR)
        await back_run(searcher, theirs, raw)
        await market.engine.seal_next()
        assert await receipt(market, tx_hash) is not None
        new = await market.engine.reorg(1)
        mined = [tx for sealed in new for tx in await transactions_of(market, sealed)]
        assert theirs["tx_hash"] in mined
        assert hex_bytes(tx_hash) not in mined
        for _ in range(3):
            await market.engine.seal_next()


async def test_behind_a_public_swap(tmp_path, chain_cache):
    """The same by eth_sendBundle where the swap's own bytes are known."""
    async with opened(tmp_path, chain_cache) as market:
        await market.engine.open()
        searcher = await Searcher(market, "searcher").fund(100 * ETHER)
        number = next_block(market)
        theirs = from_hex((await node(market, "market_pending", hex(number)))["result"][0])
        raw, tx_hash = searcher.signed(STRANGER, tip=DEAR)
        await searcher.send_bundle(theirs, raw)
        mined = await transactions_of(market, await market.engine.seal_next())
        assert mined[:2] == [hex_bytes(keccak(theirs)), hex_bytes(tx_hash)]
        [story] = told(market, tx_hash)
        assert story["came_from"] == ["public", "bundle"]
        assert len(set(mined)) == len(mined)

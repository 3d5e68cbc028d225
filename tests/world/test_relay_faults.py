"""What a relay does wrong on demand: seen on the wire, in the request log, and in what lands."""

import asyncio
import collections
import json
import uuid

import aiohttp
import pytest
from market_stage import GWEI, Searcher, node, opened, receipt, requests, stories, transactions_of
from oracle.node import Node
from oracle.relay_judge import RelayJudge, read_blocks

from bot.core.identity import Address, BlockHash, BlockRef, hex_bytes, to_checksum
from bot.world.flashbots_auth import HEADER, sign
from bot.world.market_clock import WallClock
from bot.world.relay_fault_rates import read_relay_fault_rates
from bot.world.relay_faults import FAULT_KINDS, RelayFaultRates, RelayFaults
from bot.world.relay_server import VIRTUAL_ARRIVAL
from bot.world.shocks import Shocks, shocks_after

STRANGER = Address(b"\x77" * 20)
KEPT = {
    "latency",
    "no_answer",
    "never_built",
    "uuid_ignored",
    "lying_simulation",
    "malformed",
    "wrong_type",
    "closed",
}


@pytest.fixture
async def market(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache) as market:
        await market.engine.open()
        yield market


@pytest.fixture
async def searcher(market):
    return await Searcher(market, "searcher").fund()


async def order(market, fault, blocks=1, relay="market", **more):
    return await node(market, "market_relayFault", relay, fault, blocks, *more.values())


async def on_the_wire(searcher, raw, limit=0.4, **options):
    """(HTTP status, headers, body, what the client met) of one bundle."""
    bundle = {"txs": [hex_bytes(raw)], **options}
    body = json.dumps({"id": 1, "method": "eth_sendBundle", "params": [bundle]}).encode()
    headers = {HEADER: sign(searcher.identity.private_key, body)}
    url = searcher.market.endpoints.relay
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=limit)) as session,
            session.post(url, data=body, headers=headers) as answer,
        ):
            return answer.status, answer.headers, await answer.read(), ""
    except (TimeoutError, aiohttp.ClientError) as error:
        return 0, {}, b"", type(error).__name__


def is_json(body):
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


MET = {
    "latency": lambda status, _headers, body, met: (status, met) == (200, "") and is_json(body),
    "no_answer": lambda *answer: answer[3] in {"TimeoutError", "ServerTimeoutError"},
    "rate_limited": lambda status, headers, *_: status == 429 and headers["Retry-After"] == "1",
    "server_error": lambda status, _headers, body, _met: status == 503 and not is_json(body),
    "malformed": lambda status, _headers, body, met: (status, met) == (200, "") and not is_json(body),
    "wrong_type": lambda status, _headers, body, _met: isinstance(json.loads(body)["result"], list),
    "closed": lambda *answer: answer[3] == "ClientPayloadError",
}
"""What the client meets; the others look like an ordinary answer."""


async def test_each_fault_on_the_wire_in_the_log_and_on_the_chain(market, searcher):
    for fault in FAULT_KINDS:
        number = market.engine.head.number + 1
        first_last = (await order(market, fault))["result"]
        assert first_last == [number, number]
        searcher.nonce = int(
            await market.anvil.rpc("eth_getTransactionCount", [to_checksum(searcher.address), "latest"]), 16
        )
        raw, tx_hash = searcher.signed(STRANGER, tip=3 * GWEI)
        answer = await on_the_wire(searcher, raw)
        if fault in MET:
            assert MET[fault](*answer), (fault, answer)
        else:
            assert "bundleHash" in json.loads(answer[2])["result"], (fault, answer)
        record = requests(market)[-1]
        assert (record["fault"], record["kept"]) == (fault, fault in KEPT)
        assert bool(record["wire"]) == (fault in MET)
        assert record["raw_txs"] == [hex_bytes(raw)]
        await market.engine.seal_next()
        landed = await receipt(market, tx_hash) is not None
        assert landed == (fault in KEPT - {"never_built"}), fault
        told = [bundle["reason"] for bundle in stories(market)[-1]["bundles"]]
        assert told == {True: [""], False: []}[fault in KEPT] or fault == "never_built"
        assert fault != "never_built" or "fault" in told[0]
    raw, _ = searcher.signed(STRANGER)
    assert "result" in json.loads((await on_the_wire(searcher, raw))[2])
    assert requests(market)[-1]["fault"] == "", "the last order was for one block"


async def test_an_ignored_uuid_neither_replaces_nor_is_cancelled(market, searcher):
    key = str(uuid.uuid4())
    await order(market, "uuid_ignored")
    low, low_hash = searcher.signed(STRANGER, nonce=0, tip=2 * GWEI)
    high, high_hash = searcher.signed(STRANGER, nonce=0, tip=4 * GWEI)
    await searcher.send_bundle(high, replacementUuid=key)
    await searcher.send_bundle(low, replacementUuid=key)
    assert (await searcher.ask("eth_cancelBundle", [{"replacementUuid": key}]))["result"] is True
    assert "ignored" in requests(market)[-1]["note"]
    await market.engine.seal_next()
    assert (await receipt(market, high_hash))["status"] == "0x1"
    assert await receipt(market, low_hash) is None


async def test_a_lying_simulation_praises_a_revert(market, searcher):
    bad, _ = searcher.reverting()
    truth = (await searcher.ask("eth_callBundle", [{"txs": [hex_bytes(bad)]}]))["result"]
    await order(market, "lying_simulation")
    lie = (await searcher.ask("eth_callBundle", [{"txs": [hex_bytes(bad)]}]))["result"]
    assert "error" in truth["results"][0]
    assert "error" not in lie["results"][0]
    assert int(lie["coinbaseDiff"]) > int(truth["coinbaseDiff"])
    assert truth.keys() == lie.keys()


async def test_orders_that_make_no_sense_are_refused(market):
    for params, word in [
        (["market"], "takes"),
        (["market-titan", "closed", 1], "no relay of this market"),
        (["market", "tired", 1], "known: latency"),
        (["market", "closed", 0], "parameter 2"),
        (["market", "closed", True], "parameter 2"),
    ]:
        assert word in (await node(market, "market_relayFault", *params))["error"]["message"]
    await order(market, "closed", 5)
    assert "result" in await node(market, "market_relayFault", "market", "none", 5)
    searcher = await Searcher(market, "searcher").fund()
    assert await searcher.send_bundle(searcher.signed(STRANGER)[0])


async def test_an_uncle_leaks_its_bundles_into_the_public_mempool(market, searcher):
    raw, tx_hash = searcher.signed(STRANGER, tip=3 * GWEI)
    await searcher.send_bundle(raw)
    assert tx_hash in (await market.engine.seal_next()).hashes
    await market.engine.reorg(1, leaks=True)
    assert await receipt(market, tx_hash) is None
    assert (await node(market, "eth_getTransactionByHash", hex_bytes(tx_hash)))["result"]["blockHash"] is None
    sealed = await market.engine.seal_next()
    assert hex_bytes(tx_hash) in await transactions_of(market, sealed)
    [told] = [one for one in stories(market)[-1]["transactions"] if one["hash"] == hex_bytes(tx_hash)]
    assert told["origin"] == "public"
    struck = [shock for number in range(2_000) for shock in shocks_after(Shocks(uncle_every=10), 7, number)]
    assert 150 < len(struck) < 250
    assert {(shock.kind, shock.depth, shock.leaks) for shock in struck} == {("reorg", 1, True)}


async def test_builders_close_under_the_hidden_law(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache, hidden_law=True, lockstep=True, relays="all") as market:
        await market.engine.open()
        early, late = [await Searcher(market, name).fund() for name in ("early", "late")]
        key = str(uuid.uuid4())
        relay = market.endpoints.relays["market-buildernet"]

        async def send(searcher, raw, at, **options):
            body = json.dumps(
                {"id": 1, "method": "eth_sendBundle", "params": [{"txs": [hex_bytes(raw)], **options}]}
            ).encode()
            headers = {HEADER: sign(searcher.identity.private_key, body), VIRTUAL_ARRIVAL: str(at)}
            async with (
                aiohttp.ClientSession() as session,
                session.post(relay, data=body, headers=headers) as answer,
            ):
                assert "result" in await answer.json()

        missed = 0
        for _ in range(6):
            for one in (early, late):
                one.nonce = int(
                    await market.anvil.rpc("eth_getTransactionCount", [to_checksum(one.address), "latest"]),
                    16,
                )
            first, first_hash = early.signed(STRANGER, nonce=early.nonce, tip=3 * GWEI)
            second, second_hash = early.signed(STRANGER, nonce=early.nonce, tip=5 * GWEI)
            alone, alone_hash = late.signed(STRANGER, tip=3 * GWEI)
            await send(early, first, 0.0, replacementUuid=key)
            await send(early, second, 0.9, replacementUuid=key)
            await send(late, alone, 0.9)
            hashes = (await market.engine.seal_next()).hashes
            story = stories(market)[-1]
            reasons = [one["reason"] for one in story["bundles"] if one["fate"] == "late"]
            closed = bool(reasons)
            missed += closed
            assert all("arrived at 0.90 of the slot, builder" in reason for reason in reasons)
            assert len(reasons) == 2 * closed, "the replacement and the other searcher's"
            assert (alone_hash in hashes) == (not closed)
            assert (first_hash in hashes, second_hash in hashes) == (closed, not closed)
        assert missed > 0
        raw, tx_hash = late.signed(STRANGER, nonce=late.nonce - (alone_hash not in hashes), tip=3 * GWEI)
        await late.ask("eth_sendBundle", [{"txs": [hex_bytes(raw)]}], url=relay)
        assert tx_hash in (await market.engine.seal_next()).hashes, "in lockstep time does not pass"


async def test_on_the_wall_a_bundle_arrives_at_some_part_of_the_slot(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache, pace=400_000_000) as market:
        searcher = await Searcher(market, "searcher").fund()
        running = asyncio.create_task(market.engine.run())
        for nonce in range(4):
            await searcher.send_bundle(searcher.signed(STRANGER, nonce=nonce)[0])
            await asyncio.sleep(0.11)
        running.cancel()
        fractions = [one["slot_fraction"] for one in requests(market)]
        assert all(0 <= fraction <= 1 for fraction in fractions)
        assert len(set(fractions)) > 2, fractions


async def test_a_slot_opens_with_the_block_before_it():
    clock = WallClock(10**12)
    assert clock.slot_fraction(8) == 0
    waiting = asyncio.create_task(clock.until_next(BlockRef(7, BlockHash(b"\7" * 32)), announced=True))
    await asyncio.sleep(0)
    assert clock.slot_fraction(8) < 1
    loop = asyncio.get_running_loop()
    clock._next = loop.time() - 250  # its slot is over, and the block just sealed
    assert clock.slot_fraction(8) == 1
    assert 0.25 <= clock.slot_fraction(9) < 1
    waiting.cancel()


def test_the_schedule_follows_from_the_seed_and_strikes_at_its_rate():
    rates = RelayFaultRates(closed=10, latency=20, latency_ms=70)
    faults = RelayFaults({"*": rates, "market-titan": RelayFaultRates()}, 7)
    struck = [faults.striking("market", number) for number in range(4_000)]
    assert struck == [faults.striking("market", number) for number in range(4_000)]
    other = [faults.striking("market-buildernet", number) for number in range(4_000)]
    assert struck != other
    assert not any(faults.striking("market-titan", number) for number in range(4_000))
    count = collections.Counter(fault.kind for fault in struck if fault)
    assert 320 < count["closed"] < 480
    assert 140 < count["latency"] < 260
    assert {fault.latency_ms for fault in struck if fault} == {70}
    alone = RelayFaults({"*": RelayFaultRates(closed=10)}, 7)
    blocks = {number for number in range(4_000) if alone.striking("market", number)}
    assert {n for n, fault in enumerate(struck) if fault and fault.kind == "closed"} <= blocks
    everything = RelayFaults(read_relay_fault_rates("30"), 7)
    assert {fault.kind for n in range(2_000) if (fault := everything.striking("market", n))} == set(
        FAULT_KINDS
    )


def test_rates_are_read_from_words_and_files(tmp_path):
    assert read_relay_fault_rates("closed=3,latency=9")["*"] == RelayFaultRates(closed=3, latency=9)
    assert read_relay_fault_rates("40")["*"].silent_drop == 40
    file = tmp_path / "faults.json"
    file.write_text('{"market-titan": {"closed": 10}}')
    assert read_relay_fault_rates(str(file)) == {"market-titan": RelayFaultRates(closed=10)}
    file.write_text('{"titan": {"closed": 10}}')
    with pytest.raises(ValueError, match="known: market"):
        read_relay_fault_rates(str(file))
    for wrong in ("closed=x", "tired=3", str(tmp_path / "none.json")):
        with pytest.raises(ValueError, match="relay faults"):
            read_relay_fault_rates(wrong)


async def run_with_everything(tmp_path, cache):
    """Hashes of twelve blocks with all relays, faults and the hidden law, and the faults that struck."""
    shocks = Shocks(relays=read_relay_fault_rates("silent_drop=4,never_built=4,closed=5"), uncle_every=6)
    changes = {"relays": "all", "hidden_law": True, "lockstep": True, "shocks": shocks}
    async with opened(tmp_path, cache, **changes) as market:
        await market.engine.open()
        searcher = await Searcher(market, "searcher").fund()
        hashes = []
        for _ in range(12):
            address = to_checksum(searcher.address)
            nonce = int(await market.anvil.rpc("eth_getTransactionCount", [address, "latest"]), 16)
            raw, _ = searcher.signed(STRANGER, nonce=nonce, tip=3 * GWEI)
            await on_the_wire(searcher, raw)
            sealed = [await market.engine.seal_next()]
            for shock in shocks_after(shocks, market.config.seed, sealed[0].head.number):
                sealed += await market.engine.reorg(shock.depth, leaks=shock.leaks)
            hashes += [hex_bytes(one.head.hash) for one in sealed]
        told = stories(market)
        judged = await asyncio.to_thread(judge, market, told[0]["number"])
        return hashes, [one["fault"] for one in requests(market)], [one["builder"] for one in told], judged


def judge(market, first):
    """What the oracle says of every bundle of the searcher's: (landed, reasons)."""
    file, folder = market.endpoints, market.config.run_dir
    blocks = read_blocks(Node(file.anvil_admin), first, market.engine.head.number)
    judge = RelayJudge(folder / "requests.jsonl", folder / "builder.jsonl", blocks)
    assert judge.breaches() == []
    sent = {(one["tx_hashes"][0], one["target_block"]) for one in judge.requests}
    facts = [judge.facts(*one) for one in sent]
    assert all(fact.landed or fact.reasons for fact in facts)
    for fact in facts:
        if not any(one.kept and one.fault != "never_built" for one in fact.carriages):
            assert not fact.landed
    return sorted((fact.transaction, fact.landed, sorted(fact.reasons)) for fact in facts)


async def test_two_runs_of_a_seed_with_everything_give_equal_chains(tmp_path, chain_cache):
    first = await run_with_everything(tmp_path / "first", chain_cache)
    second = await run_with_everything(tmp_path / "second", chain_cache)
    assert first == second
    hashes, faults, builders, judged = first
    assert len(set(hashes)) == len(hashes) > 12, "an uncle should have struck"
    assert len(set(faults)) > 2
    assert {landed for _, landed, _ in judged} == {True, False}
    assert set(builders) == {"builder-a", "builder-b", "branch"}

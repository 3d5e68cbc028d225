"""The judge of back-runs: content with those that stand behind their swap, and with no other."""

import asyncio

from market_stage import GWEI, Searcher, node, opened
from oracle.back_run_judge import judge_back_runs
from oracle.node import Node
from share_stage import ask_share, behind, flow

from bot.core.identity import Address, from_hex, hex_bytes, keccak
from bot.world.accounts import TRADER_DESK
from bot.world.raw_transaction import decode_raw

STRANGER = Address(b"\x77" * 20)
DEAR = 40 * GWEI


async def verdicts(market, *searchers):
    senders = [hex_bytes(searcher.address) for searcher in searchers]
    judge = Node(market.endpoints.anvil_admin)
    return await asyncio.to_thread(judge_back_runs, judge, market.config.run_dir, senders)


async def public_swaps(market):
    """Raw swaps that are the next of their sender."""
    answer = await node(market, "market_pending", hex(market.engine.head.number + 1))
    raws = [from_hex(raw) for raw in answer["result"]]
    first = {}
    for raw in raws:
        tx = decode_raw(raw)
        if tx.to == TRADER_DESK:
            first.setdefault(tx.sender, raw)
    return list(first.values())


async def test_good_ones_of_both_kinds(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache, private_share=5_000, old_type_share=4_000) as market:
        await market.engine.open()
        hinted, open_eyed = [await Searcher(market, role).fund() for role in ("hinted", "open-eyed")]
        for _ in range(8):
            number = market.engine.head.number + 1
            theirs = next((one for one in flow(market) if one["for_block"] == number and one["event"]), None)
            if theirs is not None:
                raw, _ = hinted.signed(STRANGER, tip=DEAR, nonce=hinted.nonce)
                await ask_share(hinted, "mev_sendBundle", behind(theirs["matching_hash"], raw, number))
            [swap, *_] = await public_swaps(market)
            raw, _ = open_eyed.signed(STRANGER, tip=DEAR, nonce=open_eyed.nonce)
            await open_eyed.send_bundle(swap, raw)
            await market.engine.seal_next()
            await refresh(market, hinted, open_eyed)
        found = await verdicts(market, hinted, open_eyed)
        per_origin = [run.origin for run in found]
        assert min(per_origin.count("public"), per_origin.count("private")) >= 3
        assert not any(run.faults for run in found)
        assert len({run.number for run in found}) < len(found), "some blocks should hold two of ours"


async def refresh(market, *searchers):
    for searcher in searchers:
        count = await market.anvil.rpc("eth_getTransactionCount", [hex_bytes(searcher.address), "latest"])
        searcher.nonce = int(count, 16)


async def test_one_before_its_swap_is_found_out(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache) as market:
        await market.engine.open()
        searcher = await Searcher(market, "searcher").fund()
        [swap, *_] = await public_swaps(market)
        raw, tx_hash = searcher.signed(STRANGER, tip=DEAR)
        await searcher.send_bundle(raw, swap)
        await market.engine.seal_next()
        [run] = await verdicts(market, searcher)
        assert (run.theirs, run.ours) == (hex_bytes(keccak(swap)), hex_bytes(tx_hash))
        assert run.faults == ("ours is at 0, theirs at 1", "ours stands before theirs")


async def test_one_that_takes_the_swaps_price_is_found_out(tmp_path, chain_cache):
    """A trader of the market turned against another: the same pool in front of it, and its swap brings less."""
    async with opened(tmp_path, chain_cache) as market:
        await market.engine.open()
        searcher = await Searcher(market, "searcher").fund()
        await market.engine.seal_next()
        [swap, *_] = await public_swaps(market)
        victim = decode_raw(swap)
        rival = next(one for one in market.engine._crowd._traders.accounts if one.address != victim.sender)
        count = await market.anvil.rpc("eth_getTransactionCount", [hex_bytes(rival.address), "latest"])
        searcher.account = rival
        data = smaller(victim.data)
        raw, _ = searcher.signed(TRADER_DESK, data=data, nonce=int(count, 16), tip=DEAR, gas=450_000)
        await searcher.send_bundle(raw, swap)
        await market.engine.seal_next()
        senders = [hex_bytes(rival.address)]
        judge = Node(market.endpoints.anvil_admin)
        [run] = await asyncio.to_thread(judge_back_runs, judge, market.config.run_dir, senders)
        assert any(fault.startswith("theirs ran otherwise than without us: logs") for fault in run.faults)


def smaller(calldata):
    """The same swap for a twentieth and whatever it brings: so much the victim's slippage bears.

    The amount is the fourth argument of both the desk's swaps, the least output the last.
    """
    words = [calldata[start : start + 32] for start in range(4, len(calldata), 32)]
    words[3] = (int.from_bytes(words[3], "big") // 20).to_bytes(32, "big")
    words[-1] = bytes(32)
    return calldata[:4] + b"".join(words)

"""Traders: the same seed intends the same swaps, each swap moves its pool exactly, and gaps open."""

from collections import Counter

import pytest
from chain_stage import CONFIG, SEED
from v2_gaps import PairBook

from bot.core.identity import keccak
from bot.core.transaction import decode_signed
from bot.world.accounts import TRADER_DESK, SignedTransaction
from bot.world.market_plan import MarketPlan
from bot.world.traders import Traders
from bot.world.venues import PANCAKESWAP_V1, QUOTER_V2, UNISWAP_V2, UNISWAP_V3

BLOCKS = 200


def test_intents_follow_from_seed_and_index():
    first, second = Traders(MarketPlan(SEED), 31337), Traders(MarketPlan(SEED), 31337)
    forwards = [first.intended_swaps(index) for index in range(BLOCKS)]
    backwards = [second.intended_swaps(index) for index in reversed(range(BLOCKS))]
    assert forwards == backwards[::-1]
    other = Traders(MarketPlan(SEED + 1), 31337)
    assert all(forwards[index] != other.intended_swaps(index) for index in range(BLOCKS))


def test_a_block_has_a_few_swaps_of_every_kind():
    plan = MarketPlan(SEED)
    traders = Traders(plan, 31337)
    blocks = [traders.intended_swaps(index) for index in range(BLOCKS)]
    assert {len(block) for block in blocks} == set(range(3, 9))
    assert all(len({intent.pool for intent in block}) == len(block) for block in blocks)
    intents = [intent for block in blocks for intent in block]
    assert {intent.pool for intent in intents} == {pool.address for pool in plan.pools}
    assert {intent.trader for intent in intents} == set(range(len(traders.accounts)))
    assert 0.4 < Counter(intent.zero_for_one for intent in intents)[True] / len(intents) < 0.6
    depth = {pool.address: (pool.reserve0, pool.reserve1) for pool in plan.pools}
    sizes = [i.amount_in / depth[i.pool][0 if i.zero_for_one else 1] for i in intents]
    assert 0.00099 < min(sizes) < 0.002
    assert 0.03 < max(sizes) < 0.0601


def test_signed_transactions_say_what_was_intended():
    traders = Traders(MarketPlan(SEED), 31337)
    nonces = {account.address: 10 * index for index, account in enumerate(traders.accounts)}
    expected = dict(nonces)
    for index in range(20):
        signed = traders.signed_transactions(index, 10**10, nonces)
        assert [t.intent for t in signed] == list(traders.intended_swaps(index))
        assert signed == traders.signed_transactions(index, 10**10, nonces)
        for transaction in signed:
            fields, *_ = decode_signed(transaction.raw)
            intent = transaction.intent
            assert keccak(transaction.raw) == transaction.hash
            assert (fields.chain_id, fields.to, fields.value) == (31337, TRADER_DESK, 0)
            assert (fields.data, fields.max_priority_fee_per_gas) == (intent.calldata, intent.tip)
            assert fields.nonce == transaction.nonce == expected[transaction.sender]
            assert transaction.sender == traders.accounts[intent.trader].address
            expected[transaction.sender] += 1
        nonces = dict(expected)
    assert sum(expected.values()) > 60


def first_intent(stage, venue, token=None):
    """The first swap on this venue (selling this token)."""
    for index in range(500):
        for intent in stage.traders.intended_swaps(index):
            if intent.venue == venue.name and token in {None, intent.token_in}:
                return intent
    raise AssertionError(f"nobody trades on {venue.name}")


def sign(stage, intent, nonce=0) -> SignedTransaction:
    account = stage.traders.accounts[intent.trader]
    raw, tx_hash = account.sign(stage.traders._fields(intent, CONFIG.base_fee_wei, nonce))
    return SignedTransaction(raw, tx_hash, account.address, nonce, intent)


def v2_amount_out(amount_in, reserve_in, reserve_out, fee_numerator):
    """UniswapV2Library.getAmountOut of @uniswap/v2-periphery, the fee a parameter."""
    paid = amount_in * fee_numerator
    return paid * reserve_out // (reserve_in * 1000 + paid)


def usdt(stage):
    return next(p.token.address for p in stage.plan.tokens if p.kind == "silent")


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize(("venue", "fee_numerator"), [(UNISWAP_V2, 997), (PANCAKESWAP_V1, 998)])
async def test_a_swap_moves_the_pair_by_the_formula(stage, venue, fee_numerator, silent):
    intent = first_intent(stage, venue, usdt(stage) if silent else None)
    reserves = ["uint112", "uint112"]
    before = await stage.read(intent.pool, "getReserves()", reserves)
    await stage.send([sign(stage, intent)])
    (receipt,) = await stage.receipts(await stage.chain.mine())
    assert receipt["status"] == "0x1"
    after = await stage.read(intent.pool, "getReserves()", reserves)
    ins, outs = (0, 1) if intent.zero_for_one else (1, 0)
    assert after[ins] - before[ins] == intent.amount_in
    out = v2_amount_out(intent.amount_in, before[ins], before[outs], fee_numerator)
    assert before[outs] - after[outs] == out >= intent.min_out
    # one unit more would have broken the pair's invariant: the fee is this one and no other
    paid = after[ins] * 1000 - intent.amount_in * (1000 - fee_numerator)
    assert paid * after[outs] >= before[0] * before[1] * 1000 > paid * (after[outs] - 1)


async def test_concentrated_swaps_bring_what_the_quoter_said(stage):
    intents = [i for n in range(12) for i in stage.traders.intended_swaps(n) if i.venue == UNISWAP_V3.name]
    assert len(intents) > 10
    for intent in intents:
        pool = next(p for p in stage.plan.concentrated if p.address == intent.pool)
        token_out = (pool.token1 if intent.zero_for_one else pool.token0).token.address
        quoted, price_after = await stage.read(
            QUOTER_V2,
            "quoteExactInputSingle((address,address,uint256,uint24,uint160))",
            ["uint256", "uint160"],
            (intent.token_in, token_out, intent.amount_in, pool.fee, 0),
        )
        (before,) = await stage.read(token_out, "balanceOf(address)", ["uint256"], TRADER_DESK)
        nonces = await stage.nonces()
        await stage.send([sign(stage, intent, nonces[stage.traders.accounts[intent.trader].address])])
        (receipt,) = await stage.receipts(await stage.chain.mine())
        assert receipt["status"] == "0x1"
        (after,) = await stage.read(token_out, "balanceOf(address)", ["uint256"], TRADER_DESK)
        assert after - before == quoted >= intent.min_out
        assert await stage.read(pool.address, "slot0()", ["uint160"]) == (price_after,)


async def test_a_swap_beyond_its_slippage_fails_honestly(stage):
    """The same large swap again and again: once the price is past its bound it reverts, and moves nothing."""
    depth = {pair.address: (pair.reserve0, pair.reserve1) for pair in stage.plan.pairs}
    intent = next(
        i
        for n in range(500)
        for i in stage.traders.intended_swaps(n)
        if i.pool in depth and i.amount_in > 0.025 * depth[i.pool][0 if i.zero_for_one else 1]
    )
    await stage.send([sign(stage, intent, nonce) for nonce in range(4)])
    statuses = [receipt["status"] for receipt in await stage.receipts(await stage.chain.mine())]
    done = statuses.count("0x1")
    assert statuses == ["0x1"] * done + ["0x0"] * (4 - done)
    assert 1 <= done < 4
    reserves = await stage.read(intent.pool, "getReserves()", ["uint112", "uint112"])
    ins = 0 if intent.zero_for_one else 1
    assert reserves[ins] == depth[intent.pool][ins] + done * intent.amount_in


@pytest.mark.parametrize("seed", [1, 2, SEED])
def test_gaps_worth_more_than_gas_open_in_most_blocks_and_prices_stay(seed):
    """An arbitrageur takes all of them, each block, for two thousand blocks; gas at 10 gwei costs about 0.002 ETH."""
    plan = MarketPlan(seed)
    traders, book = Traders(plan, 31337), PairBook(plan)
    blocks, met, drift = [], [], []
    for index in range(2_000):
        met += [book.swap(intent) for intent in traders.intended_swaps(index)]
        blocks.append(book.close_gaps(worth_wei=5 * 10**15))
        drift.append(book.drift())
    gains = [gain / 1e18 for block in blocks for gain in block]
    assert sum(bool(block) for block in blocks) > 0.7 * len(blocks)
    assert sum(len(block) > 1 for block in blocks) > 0.2 * len(blocks)
    assert 0.005 < sum(gains) / len(gains) < 0.3
    assert 0.002 < met.count(False) / len(met) < 0.1
    assert max(drift) < 0.25
    assert max(drift[1000:]) < 1.5 * max(drift[:1000])

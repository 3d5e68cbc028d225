"""The market's other searcher: its sizing is the best there is, and its bids beat smaller ones."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from market_stage import Searcher, opened, receipt, stories

from bot.core.units import Wei
from bot.protocols.executor import encode_execute
from bot.protocols.uniswap_v2 import amount_out_down
from bot.world.competitor import (
    Competitor,
    Market,
    best_catch,
    catch_between,
    competitor_account,
    cycle_of,
    usual_shares,
)
from bot.world.market_plan import MarketPlan
from bot.world.tokens import WETH

PAIRS = [pair for pair in MarketPlan(7).pairs if WETH in {pair.token0.token, pair.token1.token}]
TOKEN = {PAIRS[0].token0.token, PAIRS[0].token1.token} - {WETH}
TWINS = [pair for pair in PAIRS if TOKEN & {pair.token0.token, pair.token1.token}]
reserves = st.integers(min_value=10**15, max_value=10**24)


def out_of(buy_at, sell_at, amount_in):
    bought = amount_out_down(amount_in, buy_at.weth_reserve, buy_at.other_reserve, *buy_at.fees)
    return amount_out_down(bought, sell_at.other_reserve, sell_at.weth_reserve, *sell_at.fees)


@given(reserves, reserves, reserves, reserves, st.data())
@settings(max_examples=300, deadline=None)
def test_no_other_input_gains_more(weth_a, other_a, weth_b, other_b, data):
    assert len(TWINS) == 2
    buy_at = Market(TWINS[0], True, weth_a, other_a)
    sell_at = Market(TWINS[1], True, weth_b, other_b)
    other_input = data.draw(st.integers(min_value=1, max_value=weth_a))
    elsewhere = out_of(buy_at, sell_at, other_input) - other_input
    catch = catch_between(buy_at, sell_at)
    if catch is None:
        # What rounding alone can hide: one unit of the token in between, at its price in WETH, and one wei.
        assert elsewhere <= weth_b // other_b + 2
        return
    assert catch.amount_out == out_of(buy_at, sell_at, catch.amount_in)
    assume(catch.profit > 0)
    assert elsewhere - catch.profit <= 2 * (weth_b // other_b + 2)


def test_no_gap_no_catch():
    even = [Market(pair, True, 10**21, 10**24) for pair in TWINS]
    assert best_catch(even) is None


@pytest.fixture
async def market(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache) as market:
        await market.engine.open()
        yield market


def competitor_of(market, probability=10_000):
    stage = market.stage
    plan = MarketPlan(market.config.seed)
    return Competitor(
        market.anvil,
        market.relay,
        plan,
        market.chain_id,
        stage.competitor_executor,
        usual_shares(market.config.seed, probability),
    )


async def test_it_acts_in_about_its_share_of_blocks_and_what_it_expects_comes_true(tmp_path, chain_cache):
    async with opened(tmp_path, chain_cache, competitor_probability=5_000) as market:
        await market.engine.open()
        for _ in range(40):
            await market.engine.seal_next()
        told = [story for story in stories(market) if story["competitor"]]
        assert 8 <= len(told) <= 32
        landed = 0
        for story in told:
            acted = story["competitor"]
            [bundle] = [one for one in story["bundles"] if one["bundle_hash"] == acted["bundle_hash"]]
            assert bundle["is_competitor"]
            assert bundle["fate"] == "included", bundle
            landed += 1
            found = await market.anvil.rpc("eth_getTransactionReceipt", [bundle["transactions"][0]])
            gained = sum(
                int(log["data"], 16)
                for log in found["logs"]
                if log["topics"][-1][-40:] == market.stage.competitor_recipient.hex()
            )
            assert gained == int(acted["expected_profit_wei"]) - int(acted["bid_wei"])
            assert int(bundle["value_wei"]) == int(acted["bid_wei"])
        assert landed == len(told)
        shares = [story["competitor"]["bid_share_bps"] for story in told]
        assert min(shares) < 6_000 < 9_500 <= max(shares)


async def test_it_outbids_and_is_outbid_on_the_same_gap(market):
    """The bot's wallet on the same two pools with the same cycle: the higher payment is mined, the other is not."""
    wallet = Searcher(market, "wallet main")
    assert wallet.address == market.wallets[0].address
    competitor = competitor_of(market)
    won = lost = 0
    for turn in range(30):
        block = market.engine._tip.next_block()
        story = await competitor.act(block)
        if story is not None:
            catch = best_catch(await competitor._read_markets())
            bid = min(int(story.bid_wei) * (1 if turn % 2 else 3) // 2, catch.profit)
            data = encode_execute((cycle_of(catch),), WETH.address, 0, Wei(bid), block.number, block.number)
            raw, tx_hash = wallet.signed(
                market.stage.executor, nonce=won, data=data, tip=0, cap=block.base_fee, gas=600_000
            )
            await wallet.send_bundle(raw)
        await market.engine.seal_next()
        if story is None:
            continue
        fates = {bundle["is_competitor"]: bundle for bundle in stories(market)[-1]["bundles"]}
        has_won = (await receipt(market, tx_hash)) is not None
        assert fates[not has_won]["fate"] == "included"
        assert fates[has_won]["fate"] == "dropped"
        assert fates[has_won]["reason"].startswith("outbid")
        assert has_won == (bid > int(story.bid_wei))
        won, lost = won + has_won, lost + (not has_won)
    assert won > 3
    assert lost > 3


def test_its_key_follows_from_the_seed():
    assert competitor_account(7).address == competitor_account(7).address
    assert competitor_account(7).address != competitor_account(8).address

"""A real market graph: 351 V2 and 293 V3 pools of one mainnet block, 2023-09-12, at 15.19 gwei, against brute force.

Cycles that look profitable at spot are there; a correct engine stays silent on them. The other side of every comparison
is the oracle, which shares no line with the bot: its own reading of the file, quotes, enumeration and sizing.
"""

import math
import os
import random
from collections import Counter

import pytest
from oracle.best_by_kind import KINDS, BestByKind, kinds
from oracle.brute_force import Path
from oracle.constant_product import best_middle, size
from oracle.facts import Pair
from oracle.legs import PairLeg
from oracle.recorded_auction import read_auction
from oracle.rounding import is_what_pools_ask, most_lost
from oracle.sizing import best_size, looks_profitable, slack

from bot.core.identity import ZERO_HASH, BlockRef
from bot.core.units import TokenUnits, WeiPerGas
from bot.opportunities.search import ArbitrageSearch, SearchConfig
from bot.protocols.v3_pool import ConcentratedPool, TickLiquidity
from bot.state.pool_table import PoolTable, V2Pool, V3Pool

STATE = BlockRef(0, ZERO_HASH)
DUST = TokenUnits(10**12)
"""A millionth of an ether: what a pool must hold for its spot price to be called one."""
BASE_TOKENS = int(os.environ.get("BOT_AUCTION_TOKENS") or 50)
"""129 is all that have a cycle."""
HUBS = [
    bytes.fromhex(token)
    for token in (
        "c02aaa39b223fe8d0a0e5c4f27ead9083c756cc2",  # WETH
        "a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48",  # USDC
        "dac17f958d2ee523a2206206994597c13d831ec7",  # USDT
    )
]
CONTRADICTORY = {
    "4e68ccd3e89f51c3074ca5072bbac773960dfa36",
    "5777d92f208679db4b9778590fa3cab3ac9e2168",
    "88e6a0c2ddd26feeb64f039a2c41296fcb3f5640",
    "8ad599c3a0ff1de082011efddc58f1908eb6e6d8",
    "99ac8ca7087fa4a2a1fb6357269965a2014abc35",
    "cbcdf9626bc03e24f779434178a73a0b4bad62ed",
}
"""Of the 299 V3 pools: recorded with a liquidity that their ticks do not add up to. Left out on both sides."""


@pytest.fixture(scope="module")
def read():
    """Read once, by path."""
    known = {}

    def reader(path):
        if path not in known:
            known[path] = read_auction(path)
        return known[path]

    return reader


@pytest.fixture
def auction(ground_truth, read):
    return read(ground_truth("cow_auctions") / "7400681_prod_mainnet.json.gz")


def table_of(market):
    """The bot's own table of the same pools."""
    table = PoolTable()
    for pool, state in market.values():
        if isinstance(pool, Pair):
            ends = pool.token0, pool.token1, pool.fee.numerator, pool.fee.denominator
            table.add(V2Pool(pool.address, "recorded", *ends), *state)
        else:
            ticks = {tick: TickLiquidity(*liquidity) for tick, liquidity in state.ticks.items()}
            held = ConcentratedPool(
                pool.fee, pool.tick_spacing, state.sqrt_price, state.tick, state.liquidity, ticks
            )
            ends = pool.token0, pool.token1, pool.fee, pool.tick_spacing
            table.add_concentrated(V3Pool(pool.address, "uniswap-v3", *ends), held)
    return table


def config(base, least_depth, most_hops=3):
    return SearchConfig(
        weth=base,
        least_depth=least_depth,
        most_hops=most_hops,
        most_sized=100_000,
        most_sized_per_pool=100_000,
    )


def path_of(market, opportunity):
    pools = tuple(market[leg.pool][0] for leg in opportunity.legs)
    return Path(pools, tuple(bytes(leg.token_in) for leg in opportunity.legs))


def is_of_pairs(path):
    return len(path.pools) == 2 and all(isinstance(pool, Pair) for pool in path.pools)


def by_path(market, opportunities):
    found = {path_of(market, one): one for one in opportunities}
    assert len(found) == len(opportunities), "one cycle twice"
    return found


def gains_of_pairs(oracle, base, least_depth=0):
    """{path: gain} over two pairs with so much base token, by the oracle; those that gain nothing but look it too."""
    found = {}
    for path in oracle.paths(base):
        if not is_of_pairs(path):
            continue
        legs = oracle.legs(path)
        if looks_profitable(legs) and min(legs[0].side.reserve_in, legs[1].side.reserve_out) >= least_depth:
            sized = best_size(legs)
            found[path] = sized.gain if sized is not None else 0
    return found


def test_six_pools_contradict_themselves(auction, ground_truth):
    pairs = sum(isinstance(pool, Pair) for pool, _ in auction.market.values())
    for address, wrong in auction.contradictory.items():
        print(f"{address.hex()}: {wrong}")
        assert "liquidity" in wrong
    assert {address.hex() for address in auction.contradictory} == CONTRADICTORY
    assert (pairs, len(auction.market) - pairs) == (351, 299 - 6)
    ground_truth.count(299)


@pytest.mark.parametrize(("least_depth", "cycles"), [(DUST, 47), (TokenUnits(0), 56)])
def test_forty_seven_look_profitable_and_none_is(auction, ground_truth, least_depth, cycles):
    """With every pool let in, nine more cycles look profitable, and the best is the same 0.0002 ether."""
    weth, oracle = auction.native_token, BestByKind(auction.market)
    expected = gains_of_pairs(oracle, weth, least_depth)
    assert len(expected) == cycles
    search = ArbitrageSearch(table_of(auction.market), [weth], config(weth, least_depth, 4))
    free = search.search([], STATE, WeiPerGas(0)).opportunities
    ours = {
        path: one.gross_profit for path, one in by_path(auction.market, free).items() if is_of_pairs(path)
    }
    assert ours == expected
    best = max(expected, key=expected.__getitem__)
    assert expected[best] == best_by_trying(oracle.legs(best)) == 195_045_230_373_022
    shapes = Counter((len(one.legs), sum(leg.protocol != "uniswap_v2" for leg in one.legs)) for one in free)
    print(f"gas 0: {len(free)} cycles, by pools and V3 among them {dict(sorted(shapes.items()))}")
    greatest = max(free, key=lambda one: one.gross_profit)
    print(
        f"the best: {greatest.gross_profit} wei over {len(greatest.legs)} pools, gas {greatest.gas_estimate}"
    )
    paying = search.search([], STATE, WeiPerGas(auction.gas_price)).opportunities
    print(f"at {auction.gas_price} wei a gas: {len(paying)} reported")
    assert paying == ()
    ground_truth.count(cycles)


def best_by_trying(legs, around=30_000):
    """Every amount of the token between two pairs that is so near the optimum."""
    first, second = (leg.side for leg in legs if isinstance(leg, PairLeg))
    middle = best_middle(first, second)
    return max(size(first, second, middle + step).gain for step in range(-around, around + 1))


def best_of(found, kind):
    """(gain, path), (0, None) where there is none."""
    fitting = ((one.gross_profit, path) for path, one in found.items() if kind in kinds(path))
    return max(fitting, key=lambda one: one[0], default=(0, None))


def test_the_best_of_fifty_base_tokens_are_brute_force_s(auction, ground_truth):
    """Of two pools, of three, and of both protocols together, for each of fifty drawn tokens as base, hubs included.

    Over two pairs every single cycle earns the same to the wei. Elsewhere both sides search integers from the real
    optimum on: the bot's best is at least brute force's less what rounding and its doubles may cost its plan
    (oracle.rounding), at most brute force's and what that may lack itself (oracle.sizing.slack). Every plan of the
    bot, best or not, is what the oracle's pools ask to the unit.
    """
    market, oracle = auction.market, BestByKind(auction.market)
    table, seed = table_of(market), int(os.environ.get("BOT_AUCTION_SEED") or random.randrange(2**32))
    print(f"\nseed {seed} (BOT_AUCTION_SEED)")
    tokens = {token for pool, _ in market.values() for token in (pool.token0, pool.token1)}
    others = sorted(token for token in tokens - set(HUBS) if oracle.paths(token))
    assert len(others) == 126
    seen = Counter()
    for base in [*HUBS, *random.Random(seed).sample(others, BASE_TOKENS - len(HUBS))]:
        search = ArbitrageSearch(table, [base], config(base, TokenUnits(0)))
        ours = by_path(market, search.search([], STATE, WeiPerGas(0)).opportunities)
        for path, one in ours.items():
            hops = [(leg.amount_in, leg.amount_out) for leg in one.legs]
            assert is_what_pools_ask(oracle.legs(path), hops), (base.hex(), hops)
        of_pairs = {path: one.gross_profit for path, one in ours.items() if is_of_pairs(path)}
        assert of_pairs == {path: gain for path, gain in gains_of_pairs(oracle, base).items() if gain}
        seen["plans confirmed"] += len(ours)
        seen["two pairs"] += len(of_pairs)
        best = oracle.best(base)
        for kind in KINDS:
            seen[kind, compared(oracle, best.get(kind), ours, kind, base)] += 1
    print(f"{oracle.sized} cycles sized by the oracle; {dict(sorted(seen.items(), key=str))}")
    compared_kinds = sum(seen[kind, how] for kind in KINDS for how in ("to the wei", "within the bound"))
    assert compared_kinds + sum(seen[kind, "none"] for kind in KINDS) == len(KINDS) * BASE_TOKENS
    assert compared_kinds > BASE_TOKENS
    assert all(seen[kind, "to the wei"] for kind in KINDS)
    assert seen["two pairs"] > 56
    ground_truth.count(len(KINDS) * BASE_TOKENS)


def compared(oracle, best, ours, kind, base):
    """How the bot's best of a kind stands to brute force's; AssertionError where it is outside the bounds."""
    gain, path = best_of(ours, kind)
    if best is None:
        assert path is None or gain <= slack(oracle.legs(path)), (base.hex(), kind, gain)
        return "none"
    same = ours.get(best.path)
    amounts = best.sized.amounts if same is None else (same.amount_in, *(leg.amount_out for leg in same.legs))
    lost = math.ceil(most_lost(oracle.legs(best.path), amounts))
    told = f"{base.hex()}, {kind}: ours {gain}, brute force {best.gain}, bounds {lost}, {best.sized.slack}"
    assert best.gain - lost <= gain <= best.gain + best.sized.slack, told
    return "to the wei" if gain == best.gain else "within the bound"

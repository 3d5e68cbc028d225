"""From an overlay of a hint to how its pools will stand; the words themselves are in test_balance_slots."""

from bot.chain.balance_slots import ConcentratedAfter, PairAfter
from bot.chain.hinted_pools import pools_after
from bot.core.pending import HintLog
from bot.core.result import Unknown
from bot.protocols.v3_tick_math import sqrt_price_at_tick
from bot.state.market_state import MarketState
from bot.state.overlay import overlay_of_hint
from bot.state.pool_table import PoolTable
from tests.state.blocks import (
    GENESIS,
    PANCAKE_VENUE,
    TOKENS,
    V3_VENUE,
    VENUE,
    address_of,
    block,
    created,
    initialized,
    minted,
    pool_created,
    swapped,
    sync,
    v3_address,
)

A, B = TOKENS[:2]
PAIR, POOL = address_of(A, B), v3_address(A, B, 3000)
PRICE = sqrt_price_at_tick(7) + 1


def state():
    made = MarketState(PoolTable(), [VENUE, V3_VENUE], GENESIS)
    events = [
        created(A, B), sync(PAIR, 1_000, 2_000), pool_created(A, B, 3000, 60), initialized(POOL, 1 << 96, 0),
        minted(POOL, -600, 600, 100),
    ]  # fmt: skip
    made.apply(block(GENESIS, events))
    return made


def after(*events):
    held, logs = state(), tuple(HintLog(*event) for event in events)
    return pools_after(overlay_of_hint(held, logs), held, logs)


def test_a_pair_gains_what_its_reserves_gain():
    expected = PairAfter(PAIR, (A, B), (1_100, 1_900), (100, -100))
    assert after(sync(PAIR, 1_050, 1_950), sync(PAIR, 1_100, 1_900)).value == [expected]


def test_a_pool_gains_the_amounts_of_all_its_swaps():
    swap = swapped(POOL, PRICE, 7, 100)
    expected = ConcentratedAfter(POOL, (A, B), PRICE, 7, 100, (-10, 14), "uniswap_v3")
    assert after(swap, swap).value == [expected]


def test_liquidity_that_comes_or_goes_has_no_stand_in():
    found = after(swapped(POOL, PRICE, 7, 100), minted(POOL, -60, 60, 5))
    assert isinstance(found, Unknown)
    assert "no stand-in" in found.cause


def test_an_event_that_the_pool_does_not_write_has_no_stand_in():
    """The state moves by the pool's own Swap alone; amounts of another's would be balances that nobody paid."""
    foreign = swapped(POOL, PRICE, 7, 100, PANCAKE_VENUE)
    assert isinstance(after(swapped(POOL, PRICE, 7, 100), foreign), Unknown)

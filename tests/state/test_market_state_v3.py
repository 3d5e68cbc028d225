"""V3 pools from their logs: in order, whole or not at all, taken back exactly; what contradicts itself is stopped."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.messages import RolledBack
from bot.protocols.v3_pool import ConcentratedPool, TickLiquidity
from bot.protocols.v3_tick_math import MAX_TICK, MIN_TICK, sqrt_price_at_tick
from bot.state.market_state import BlockRefused, MarketState
from bot.state.pool_table import PoolTable, V3Pool
from tests.state.blocks import (
    GENESIS,
    PANCAKE_VENUE,
    TOKENS,
    V3_VENUE,
    VENUE,
    block,
    burnt,
    created,
    initialized,
    minted,
    pool_created,
    swapped,
    sync,
    v3_address,
    word,
)
from tests.state.screens import assert_screen_is_true, assert_screens_are_fresh, screen_of

A, B, C = TOKENS[:3]
Q96 = 1 << 96
POOL = v3_address(A, B, 3000)
OTHER = v3_address(A, C, 500)
CAKE = v3_address(A, B, 2500, PANCAKE_VENUE)
BIRTH = {
    POOL: pool_created(A, B, 3000, 60),
    OTHER: pool_created(A, C, 500, 10),
    CAKE: pool_created(A, B, 2500, 50, PANCAKE_VENUE),
}
SPACING = {POOL: 60, OTHER: 10, CAKE: 50}
VENUE_OF = {POOL: V3_VENUE, OTHER: V3_VENUE, CAKE: PANCAKE_VENUE}


def empty_state(listed=None):
    return MarketState(PoolTable(), [VENUE, V3_VENUE, PANCAKE_VENUE], GENESIS, listed)


def started(*events):
    """A state with POOL at price 1, and what else happened in its first block."""
    state = empty_state()
    state.apply(block(GENESIS, [BIRTH[POOL], initialized(POOL, Q96, 0), *events]))
    return state


def held(state, address=POOL):
    return state.table.concentrated[state.table.index(address)]


def numbers(pool):
    return pool.sqrt_price, pool.tick, pool.liquidity, dict(pool.ticks)


def picture(state):
    """Everything that can be seen of the state, pools out of service left out."""
    table = state.table
    assert_screens_are_fresh(table)
    return state.ref, {
        pool.address: (
            pool,
            numbers(table.concentrated[index]),
            screen_of(table, index),
            table.is_stopped(index),
        )
        for index, pool in enumerate(table.pools)
        if table.in_service(index)
    }


def undo(state, *blocks, to):
    return state.roll_back(RolledBack(to, tuple(one.head.ref for one in reversed(blocks))))


def test_from_creation_to_a_swap_across_a_tick():
    state = empty_state()
    first = block(GENESIS, [BIRTH[POOL]])
    assert state.apply(first) == (0,)
    assert state.table.pools[0] == V3Pool(POOL, "v3", A, B, 3000, 60, "uniswap_v3")
    assert numbers(held(state)) == (0, 0, 0, {})
    assert not state.table.live[0]
    second = block(
        first.head.ref,
        [
            initialized(POOL, Q96, 0),
            minted(POOL, -60, 60, 100),
            minted(POOL, 60, 120, 7),
            minted(POOL, -60, 120, 1),
        ],
    )
    assert state.apply(second) == (0,)
    assert state.table.live[0]
    assert numbers(held(state)) == (
        Q96,
        0,
        101,
        {-60: TickLiquidity(101, 101), 60: TickLiquidity(107, -93), 120: TickLiquidity(8, -8)},
    )
    third = block(second.head.ref, [swapped(POOL, sqrt_price_at_tick(61) + 1, 61, 8)])
    assert state.apply(third) == (0,)
    assert numbers(held(state))[:3] == (sqrt_price_at_tick(61) + 1, 61, 8)
    assert state.table.screen.current_range[0] == 2
    undo(state, third, to=second.head.ref)
    assert numbers(held(state))[:3] == (Q96, 0, 101)
    undo(state, first, second, to=GENESIS)
    assert picture(state) == (GENESIS, {})


def test_active_liquidity_depends_on_the_order_of_logs_within_a_block():
    above = swapped(POOL, sqrt_price_at_tick(90), 90, 0)
    after_minting_above = swapped(POOL, sqrt_price_at_tick(90), 90, 50)
    state = started(above, minted(POOL, 60, 120, 50))
    other = started(minted(POOL, 60, 120, 50), after_minting_above)
    assert held(state).liquidity == held(other).liquidity == 50
    assert held(started(minted(POOL, 60, 120, 50))).liquidity == 0


def test_a_burn_of_nothing_changes_nothing_and_touches_no_pool():
    state = started(minted(POOL, -60, 60, 100))
    before = numbers(held(state))
    assert state.apply(block(state.ref, [burnt(POOL, -60, 60, 0)])) == ()
    assert numbers(held(state)) == before


def test_the_last_burn_takes_its_ticks_along():
    state = started(minted(POOL, -60, 60, 100), burnt(POOL, -60, 60, 40), burnt(POOL, -60, 60, 60))
    assert numbers(held(state)) == (Q96, 0, 0, {})
    assert state.table.live[0], "it has a price; that it pays nothing is in its rates"
    assert state.table.screen.log_rate.max() == -float("inf")


def test_other_events_of_a_pool_and_events_of_strangers_are_ignored():
    state = started(minted(POOL, -60, 60, 100))
    before = picture(state)[1]
    stranger = b"\x66" * 20
    collect = (POOL, (b"\x70" * 32, word(1)), b"\x01")
    events = [
        collect,
        sync(POOL, 1, 2),
        swapped(stranger, Q96, 0, 5),
        minted(stranger, 1, 0, 5),
        (POOL, (), b""),
    ]
    assert state.apply(block(state.ref, events)) == ()
    assert picture(state)[1] == before


def test_pancakes_swap_is_another_event_and_its_pools_stand_at_its_deployer():
    state = empty_state()
    events = [BIRTH[CAKE], initialized(CAKE, Q96, 0), minted(CAKE, -50, 50, 9)]
    state.apply(block(GENESIS, events))
    assert state.table.pools[0].protocol == "pancakeswap_v3"
    state.apply(block(state.ref, [swapped(CAKE, Q96 + 1, 0, 9)]))
    assert held(state, CAKE).sqrt_price == Q96, "Uniswap's Swap is not one of its events"
    state.apply(block(state.ref, [swapped(CAKE, Q96 + 1, 0, 9, PANCAKE_VENUE)]))
    assert held(state, CAKE).sqrt_price == Q96 + 1


def test_listed_discovery_takes_listed_tokens_in_the_venues_tiers_only():
    state = empty_state(listed=frozenset({A, B}))
    events = [BIRTH[POOL], BIRTH[OTHER], pool_created(A, B, 10_000, 200), BIRTH[CAKE]]
    state.apply(block(GENESIS, events))
    assert [pool.address for pool in state.table.pools] == [POOL, CAKE]


REFUSED = {
    "a pool created twice": lambda: [BIRTH[POOL]],
    "not at its CREATE2 address": lambda: [pool_created(A, B, 500, 10, pool=b"\x31" * 20)],
    "at the factory's, not the deployer's": lambda: [
        pool_created(A, B, 2500, 50, PANCAKE_VENUE, v3_address(A, B, 2500, V3_VENUE))
    ],
    "a swap too short": lambda: [(*swapped(POOL, Q96, 0, 5)[:2], word(1))],
    "a price no pool has": lambda: [swapped(POOL, 2**160 - 1, 0, 5)],
    "a mint the wrong way round": lambda: [minted(POOL, 60, -60, 1)],
    "a creation of another shape": lambda: [(*BIRTH[OTHER][:2], b"")],
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_block_that_cannot_be_read_changes_nothing_at_all(name):
    state = started(minted(POOL, -60, 60, 100))
    before = picture(state)
    good = [BIRTH[OTHER], created(A, B), minted(POOL, -120, 120, 5)]
    with pytest.raises(BlockRefused):
        state.apply(block(state.ref, [*good, *REFUSED[name]()]))
    assert picture(state) == before
    assert len(state.table) == 1
    state.apply(block(state.ref, good))
    assert held(state).liquidity == 105


CONTRADICTIONS = {
    "more burnt than there is": (burnt(POOL, -60, 60, 101), "gross"),
    "a burn where nothing is": (burnt(POOL, -180, 60, 1), "tick -180"),
    "liquidity that the ticks deny": (swapped(POOL, Q96 + 1, 0, 99), "99"),
    "a tick that the price denies": (swapped(POOL, Q96 + 1, 5, 100), "tick"),
    "initialised again": (initialized(POOL, Q96, 0), "already"),
    "ticks off the spacing": (minted(POOL, -61, 60, 1), "-61"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_what_contradicts_the_pool_stops_it_and_it_alone(name):
    event, words = CONTRADICTIONS[name]
    state = started(minted(POOL, -60, 60, 100), BIRTH[OTHER])
    before = numbers(held(state))
    events = [swapped(POOL, Q96 + 5, 0, 100), minted(POOL, 0, 120, 5), event, initialized(OTHER, Q96, 0)]
    wrong = block(state.ref, events)
    start = state.ref
    assert state.apply(wrong) == (0, 1)
    assert state.ref == wrong.head.ref
    assert numbers(held(state)) == before, "its part of the block is not applied"
    assert state.table.live.tolist() == [False, True]
    [divergence] = state.take_divergences()
    assert (divergence.pool, divergence.at) == (POOL, wrong.head.ref)
    assert words in divergence.reason
    assert state.take_divergences() == ()
    after = block(state.ref, [swapped(POOL, Q96 + 9, 0, 100)])
    assert state.apply(after) == ()
    assert numbers(held(state)) == before, "not followed until it was read afresh"
    assert undo(state, wrong, after, to=start) == (1,)
    assert numbers(held(state)) == before
    assert not state.table.live[0]


def test_events_before_initialize_stop_the_pool():
    state = empty_state()
    state.apply(block(GENESIS, [BIRTH[POOL], minted(POOL, -60, 60, 1)]))
    assert "not initialised" in state.take_divergences()[0].reason
    assert numbers(held(state)) == (0, 0, 0, {})


def test_a_pool_read_afresh_is_followed_again_and_distrusted_below_that_block():
    state = started(minted(POOL, -60, 60, 100))
    first = block(state.ref, [burnt(POOL, 0, 60, 1)])
    start = state.ref
    state.apply(first)
    fresh = ConcentratedPool(
        3000, 60, Q96, 0, 100, {-60: TickLiquidity(100, 100), 60: TickLiquidity(100, -100)}
    )
    with pytest.raises(BlockRefused):
        state.refetched_concentrated(0, fresh, start)
    state.refetched_concentrated(0, fresh, first.head.ref)
    assert state.table.live[0]
    second = block(state.ref, [burnt(POOL, -60, 60, 30)])
    state.apply(second)
    assert held(state).liquidity == 70
    undo(state, second, to=first.head.ref)
    assert held(state).liquidity == 100
    assert state.table.live[0]
    assert undo(state, first, to=start) == (0,)
    assert not state.table.live[0]


def test_blocks_below_a_fresh_read_are_not_taken_back_from_what_was_read():
    state = started(minted(POOL, -60, 60, 100))
    start, first = state.ref, block(state.ref, [minted(POOL, -120, 120, 5)])
    state.apply(first)
    second = block(state.ref, [])
    state.apply(second)
    state.stop(0)
    fresh = ConcentratedPool(3000, 60, Q96, 0, 0, {})
    state.refetched_concentrated(0, fresh, second.head.ref)
    assert undo(state, first, second, to=start) == (0,)
    assert numbers(held(state)) == (Q96, 0, 0, {})
    assert state.table.stopped() == (0,)
    assert not state.table.live[0]


class History:
    """Blocks of random V3 events that a chain could have had, and by another way what they amount to."""

    def __init__(self, seed):
        self.draw = random.Random(seed)
        self.pools = {}
        """Pool -> [price, tick, {(lower, upper): amount}]."""

    def events(self):
        return [event for _ in range(self.draw.randint(0, 6)) if (event := self._event()) is not None]

    def _event(self):
        address = self.draw.choice(list(BIRTH))
        if address not in self.pools:
            self.pools[address] = [0, 0, {}]
            return BIRTH[address]
        pool = self.pools[address]
        if not pool[0]:
            pool[:2] = self._price()
            return initialized(address, *pool[:2])
        return self.draw.choice([self._swap, self._mint, self._mint, self._burn])(address, pool)

    def _price(self, ticks=(0,)):
        tick = self.draw.choice([self.draw.choice(list(ticks)), self.draw.randint(MIN_TICK, MAX_TICK - 1)])
        tick = min(tick, MAX_TICK - 1)
        return sqrt_price_at_tick(tick), tick

    def _swap(self, address, pool):
        ends = [tick for position in pool[2] for tick in position]
        pool[:2] = self._price(ends or [0])
        if pool[1] > MIN_TICK and pool[1] % SPACING[address] == 0 and self.draw.random() < 0.6:
            pool[1] -= 1  # a swap downwards that ended on the tick has crossed it
        return swapped(address, *pool[:2], active(pool), VENUE_OF[address])

    def _mint(self, address, pool):
        spacing = SPACING[address]
        widest = MAX_TICK // spacing
        near = pool[1] // spacing
        reach = self.draw.choice([3, widest])
        least, most = max(-widest, near - reach), min(widest, near + reach)
        lower, upper = sorted(self.draw.sample(range(least, most + 1), 2))
        key, amount = (
            (lower * spacing, upper * spacing),
            self.draw.choice([1, self.draw.randrange(1, 10**20)]),
        )
        pool[2][key] = pool[2].get(key, 0) + amount
        return minted(address, *key, amount)

    def _burn(self, address, pool):
        if not pool[2]:
            return None
        key = self.draw.choice(list(pool[2]))
        amount = self.draw.choice([0, pool[2][key], self.draw.randint(1, pool[2][key])])
        pool[2][key] -= amount
        if not pool[2][key]:
            del pool[2][key]
        return burnt(address, *key, amount)

    def amounts_to(self):
        """Pool -> (price, tick, liquidity, ticks), each tick summed over the positions that end there."""
        found = {}
        for address, pool in self.pools.items():
            ticks = {}
            for (lower, upper), amount in pool[2].items():
                for tick, net in ((lower, amount), (upper, -amount)):
                    gross_before, net_before = ticks.get(tick, (0, 0))
                    ticks[tick] = (gross_before + amount, net_before + net)
            found[address] = (
                pool[0],
                pool[1],
                active(pool),
                {t: TickLiquidity(*v) for t, v in ticks.items()},
            )
        return found


def active(pool):
    return sum(amount for (lower, upper), amount in pool[2].items() if lower <= pool[1] < upper)


def seen(state):
    return {address: contents[1] for address, contents in picture(state)[1].items()}


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 14), st.data())
def test_any_history_amounts_to_its_positions_and_is_taken_back_as_if_it_never_was(seed, count, data):
    history, state = History(seed), empty_state()
    pictures, blocks = [picture(state)], []
    for salt in range(count):
        blocks.append(block(state.ref, history.events(), salt))
        state.apply(blocks[-1])
        pictures.append(picture(state))
    assert state.take_divergences() == ()
    assert seen(state) == history.amounts_to()
    for index, pool in enumerate(state.table.pools):
        assert_screen_is_true(state.table, index), pool
    depth = data.draw(st.integers(0, count))
    left = blocks[count - depth :]
    undo(state, *left, to=pictures[-1 - depth][0])
    assert picture(state) == pictures[-1 - depth]
    for one in left:
        state.apply(one)
    assert picture(state) == pictures[-1]


def test_the_random_histories_hold_every_kind_of_event():
    kinds = Counter()
    for seed in range(40):
        history = History(seed)
        for _ in range(10):
            kinds.update(event[1][0] for event in history.events())
    print(len(kinds), sorted(kinds.values()))
    assert len(kinds) == 6, "PoolCreated, Initialize, two kinds of Swap, Mint, Burn"
    assert min(kinds.values()) > 20

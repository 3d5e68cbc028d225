"""The overlay is what the same logs make of the state at a block, and the state never knows of it."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_market_state_v3 import POOL, A, B, C, History, numbers, started

from bot.core.messages import Log
from bot.core.pending import HintLog
from bot.protocols.uniswap_v2 import SWAP_TOPIC
from bot.protocols.v3_tick_math import sqrt_price_at_tick
from bot.state.market_state import MarketState
from bot.state.overlay import (
    HINT_SAYS_TOO_LITTLE,
    NOT_AS_HELD,
    NOTHING_MOVED,
    NoOverlay,
    Overlay,
    overlay_of,
    overlay_of_hint,
)
from bot.state.pool_table import PoolTable
from tests.state.blocks import (
    GENESIS,
    PANCAKE_VENUE,
    SOMEBODY,
    V3_VENUE,
    VENUE,
    address_of,
    block,
    burnt,
    created,
    minted,
    swapped,
    sync,
    word,
)

PAIRS = ((A, B), (A, C), (B, C))
Q96 = 1 << 96


def logs_of(events):
    return block(GENESIS, events).logs


def hints_of(events):
    return tuple(HintLog(*event) for event in events)


def bytes_of(state):
    """All that the state holds and shows, flat arrays to the last place."""
    table, screen = state.table, state.table.screen
    arrays = (
        table.live, screen.gamma, screen.virtual0, screen.virtual1, screen.log_rate, screen.sqrt_price,
        screen.first_range, screen.range_count, screen.current_range, screen.range_bound, screen.range_liquidity,
    )  # fmt: skip
    held = [None if one is None else (numbers(one), list(one.bounds)) for one in table.concentrated]
    plain = repr((state.ref, table.pools, table.reserve0, table.reserve1, held, table.stopped()))
    return plain.encode() + b"".join(array.tobytes() for array in arrays)


def row_of(screen, index):
    """What a search reads of one pool, wherever its slice lies."""
    first, count = int(screen.first_range[index]), int(screen.range_count[index])
    numbers_of = (screen.gamma, screen.virtual0, screen.virtual1, screen.sqrt_price, screen.current_range)
    return (
        [float(column[index]) for column in numbers_of],
        screen.log_rate[2 * index : 2 * index + 2].tolist(),
        screen.range_bound[first : first + count + 1].tolist() if count else [],
        screen.range_liquidity[first : first + count].tolist(),
    )


def quotes_of(pool):
    if pool is None or not pool.sqrt_price:
        return None
    return [pool.quote_exact_in(amount, side) for side in (True, False) for amount in (1, 10**9, 10**21)]


def whole(pools, index):
    held = pools.concentrated[index]
    return (
        pools.reserve0[index],
        pools.reserve1[index],
        None if held is None else numbers(held),
        quotes_of(held),
        row_of(pools.screen, index),
    )


reserves = st.integers(0, 10**24)
syncs = st.lists(st.tuples(st.sampled_from(PAIRS), reserves, reserves), max_size=4)
SEEN = Counter()


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 12), syncs, st.data())
def sweep_of_overlays(seed, count, synced, data):
    history = History(seed)
    state = MarketState(PoolTable(), [VENUE, V3_VENUE, PANCAKE_VENUE], GENESIS)
    state.apply(block(GENESIS, [created(*pair) for pair in PAIRS]))
    for salt in range(count):
        state.apply(block(state.ref, history.events(), salt))
    quiet = seed % 5 == 0
    events = [event for event in history.events() if state.table.index(event[0]) is not None and not quiet]
    synced = [] if quiet else synced
    events = (
        data.draw(st.permutations([sync(address_of(*pair), *amounts) for pair, *amounts in synced])) + events
    )
    for index in range(len(state.table)):
        quotes_of(state.table.concentrated[index])  # its ladders stand before anybody copies it
    before, quoted = bytes_of(state), [quotes_of(one) for one in state.table.concentrated]
    overlay = overlay_of(state, logs_of(events))
    laid = None if isinstance(overlay, NoOverlay) else [whole(overlay, at) for at in range(len(state.table))]
    assert bytes_of(state) == before
    assert [quotes_of(one) for one in state.table.concentrated] == quoted
    touched = state.apply(block(state.ref, events, 99))
    assert state.take_divergences() == ()
    if laid is None:
        assert (overlay.reason, touched) == (NOTHING_MOVED, ())
    else:
        assert overlay.changed == touched
        assert laid == [whole(state.table, at) for at in range(len(state.table))]
    SEEN.update(["nothing" if laid is None else "something", *(len(event[1]) for event in events)])


def test_an_overlay_is_what_the_same_logs_make_of_the_state_which_never_knows():
    SEEN.clear()
    sweep_of_overlays()
    assert SEEN["nothing"] > 2 < SEEN["something"]
    assert min(SEEN[1], SEEN[3], SEEN[4]) > 10, SEEN  # Sync, Swap, Mint and Burn by their topics


def swap_to(tick, liquidity=100):
    return swapped(POOL, sqrt_price_at_tick(tick) + 1, tick, liquidity)


@pytest.fixture
def state():
    made = started(minted(POOL, -600, 600, 100))
    made.apply(block(made.ref, [created(A, B)]))
    made.apply(block(made.ref, [sync(address_of(A, B), 1_000, 2_000)]))
    return made


def test_logs_that_contradict_the_state_make_no_overlay_and_stop_nothing(state):
    before = bytes_of(state)
    found = overlay_of(state, logs_of([swap_to(5, liquidity=99)]))
    assert found.reason == NOT_AS_HELD
    assert "99" in found.detail
    assert bytes_of(state) == before
    assert state.take_divergences() == ()


def test_what_cannot_be_read_makes_no_overlay(state):
    address, topics, data = sync(address_of(A, B), 1, 2)
    assert overlay_of(state, [Log(address, topics, data[:40], 0, bytes(32))]).reason == NOT_AS_HELD


def test_pools_that_are_not_traded_on_are_left_alone(state):
    events = [sync(address_of(A, B), 5, 5), swap_to(5), sync(address_of(A, C), 1, 1)]
    pair, pool = state.table.index(address_of(A, B)), state.table.index(POOL)
    assert overlay_of(state, logs_of(events)).changed == tuple(sorted((pair, pool)))
    state.table.bar(pair, "unsafe")
    assert overlay_of(state, logs_of(events)).changed == (pool,)
    state.table.stop(pool)
    assert overlay_of(state, logs_of(events)).reason == NOTHING_MOVED


def test_a_pool_created_by_the_transaction_itself_is_not_in_the_overlay(state):
    events = [created(A, C), sync(address_of(A, C), 10, 10)]
    assert overlay_of(state, logs_of(events)).reason == NOTHING_MOVED


def test_a_log_that_moves_nothing_changes_no_pool(state):
    collect = (POOL, (bytes(31) + b"\x01",), b"")
    assert overlay_of(state, logs_of([collect])).reason == NOTHING_MOVED
    both = overlay_of(state, logs_of([collect, sync(address_of(A, B), 5, 5)]))
    assert both.changed == (state.table.index(address_of(A, B)),)


OPEN_SWAP = (address_of(A, B), (SWAP_TOPIC, word(SOMEBODY), word(SOMEBODY)), word(5) + word(0) * 2 + word(9))
HIDDEN_SWAP = (address_of(A, B), (SWAP_TOPIC, bytes(32), bytes(32)), bytes(128))
SYNC = sync(address_of(A, B), 1_005, 1_991)


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([SYNC, OPEN_SWAP], None),
        ([SYNC, HIDDEN_SWAP], None),
        ([SYNC], None),
        ([OPEN_SWAP], HINT_SAYS_TOO_LITTLE),
        ([HIDDEN_SWAP], HINT_SAYS_TOO_LITTLE),
        ([(SYNC[0], SYNC[1], bytes(64)), OPEN_SWAP], HINT_SAYS_TOO_LITTLE),
        ([(SYNC[0], SYNC[1], b"")], HINT_SAYS_TOO_LITTLE),
        ([swap_to(7)], None),
        ([(POOL, swap_to(7)[1][:1], swap_to(7)[2])], None),
        ([(POOL, (swap_to(7)[1][0], bytes(32), bytes(32)), swap_to(7)[2])], None),
        ([(POOL, swap_to(7)[1], bytes(160))], HINT_SAYS_TOO_LITTLE),
        ([swap_to(7), HIDDEN_SWAP], HINT_SAYS_TOO_LITTLE),
        ([(POOL, (minted(POOL, -60, 60, 5)[1][0], *[bytes(32)] * 3), minted(POOL, -60, 60, 5)[2])], HINT_SAYS_TOO_LITTLE),
        ([minted(POOL, -60, 60, 5)], None),
        ([burnt(POOL, -60, 60, 5)], NOT_AS_HELD),
        ([swap_to(7, liquidity=1)], NOT_AS_HELD),
        ([(address_of(A, C), *SYNC[1:])], NOTHING_MOVED),
        ([], NOTHING_MOVED),
    ],
)  # fmt: skip
def test_a_hint_is_acted_on_only_where_it_says_how_every_pool_it_moves_will_stand(state, events, reason):
    before = bytes_of(state)
    found = overlay_of_hint(state, hints_of(events))
    assert bytes_of(state) == before
    if reason is not None:
        assert isinstance(found, NoOverlay)
        assert found.reason == reason
        return
    assert isinstance(found, Overlay)
    known = [event for event in events if event[1][0] != SWAP_TOPIC]
    if all(len(event[1]) == 3 or event[1] == SYNC[1] for event in known):
        same = overlay_of(state, logs_of(known))
        assert [whole(found, at) for at in range(2)] == [whole(same, at) for at in range(2)]

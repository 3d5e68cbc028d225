"""Blocks applied whole or not at all, and taken back exactly."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.identity import BlockRef
from bot.core.messages import Log, RolledBack
from bot.core.units import UINT112_MAX
from bot.state.history import UNDO_BLOCKS
from bot.state.market_state import BlockRefused, MarketState, v2_pool
from bot.state.pool_table import PoolTable
from tests.state.blocks import (
    GENESIS,
    OTHER_VENUE,
    TOKENS,
    VENUE,
    address_of,
    block,
    created,
    sync,
    word,
)

A, B, C, D, E, F = TOKENS
KNOWN = [(A, B), (A, C), (B, C)]
UNKNOWN = [(A, D), (B, D), (C, D)]


def fresh_state(listed=None):
    table = PoolTable()
    for place, (token0, token1) in enumerate(KNOWN):
        table.add(v2_pool(VENUE, address_of(token0, token1), token0, token1), 1000 + place, 2000 + place)
    return MarketState(table, [VENUE, OTHER_VENUE], GENESIS, listed)


def picture(state):
    """Everything that can be seen of the state, pools out of service left out."""
    table = state.table
    return state.ref, {
        pool.address: (
            pool,
            table.reserve0[index],
            table.reserve1[index],
            table.screen.virtual0[index],
            table.screen.virtual1[index],
            bool(table.live[index]),
            table.is_stopped(index),
        )
        for index, pool in enumerate(table.pools)
        if table.in_service(index)
    }


def test_the_last_sync_of_a_pool_in_a_block_wins():
    state = fresh_state()
    touched = state.apply(
        block(
            GENESIS,
            [sync(address_of(A, C), 5, 6), sync(address_of(A, B), 1, 2), sync(address_of(A, C), 7, 8)],
        )
    )
    assert touched == (0, 1)
    assert (state.table.reserve0, state.table.reserve1) == ([1, 7, 1002], [2, 8, 2002])


def test_reserves_are_exact_to_the_last_unit_and_screens_are_their_floats():
    state = fresh_state()
    state.apply(block(GENESIS, [sync(address_of(A, B), UINT112_MAX, UINT112_MAX - 1)]))
    assert state.table.reserve0[0] - state.table.reserve1[0] == 1
    assert state.table.screen.virtual0[0] == float(UINT112_MAX)


def test_a_sync_of_a_stranger_is_ignored_whatever_its_shape():
    state = fresh_state()
    before = picture(state)[1]
    stranger = b"\x77" * 20
    odd = (stranger, sync(stranger, 1, 2)[1], b"\x01")
    assert state.apply(block(GENESIS, [sync(stranger, 1, 2), odd])) == ()
    assert picture(state)[1] == before


def test_a_new_pair_is_not_live_until_its_first_sync():
    state = fresh_state()
    first = block(GENESIS, [created(A, D)])
    assert state.apply(first) == (3,)
    assert not state.table.live[3]
    second = block(first.head.ref, [sync(address_of(A, D), 5, 6)])
    assert state.apply(second) == (3,)
    assert state.table.live[3]
    assert state.table.pools[3].venue == VENUE.name


def test_a_pair_created_and_filled_in_one_block_is_live():
    state = fresh_state()
    state.apply(block(GENESIS, [created(A, D), sync(address_of(A, D), 5, 6)]))
    assert state.table.live[3]


def test_a_pair_of_another_factory_is_ignored():
    state = fresh_state()
    _, topics, data = created(A, D)
    assert state.apply(block(GENESIS, [(b"\x55" * 20, topics, data)])) == ()
    assert len(state.table) == 3


def test_listed_discovery_takes_pairs_of_two_listed_tokens_only():
    state = fresh_state(listed=frozenset({A, B, D}))
    state.apply(block(GENESIS, [created(A, D), created(D, E), created(A, D, OTHER_VENUE)]))
    assert [pool.address for pool in state.table.pools[3:]] == [
        address_of(A, D),
        address_of(A, D, OTHER_VENUE),
    ]
    assert state.table.pools[4].fee_numerator == OTHER_VENUE.fee_numerator


def bad_order():
    good = block(GENESIS, [sync(address_of(A, B), 1, 2), sync(address_of(A, C), 3, 4)])
    return block(GENESIS, [], logs=tuple(reversed(good.logs)))


BAD_BLOCKS = {
    "another parent": lambda: block(BlockRef(100, b"\x98" * 32), [sync(address_of(A, B), 1, 2)]),
    "a gap": lambda: block(BlockRef(101, GENESIS.hash), [sync(address_of(A, B), 1, 2)]),
    "a sync too short": lambda: block(
        GENESIS, [sync(address_of(A, B), 1, 2), (address_of(A, C), sync(A, 1, 2)[1], word(1))]
    ),
    "reserves over uint112": lambda: block(
        GENESIS, [sync(address_of(A, B), 1, 2), sync(address_of(A, C), UINT112_MAX + 1, 2)]
    ),
    "logs out of order": bad_order,
    "a pair created twice": lambda: block(GENESIS, [sync(address_of(A, C), 1, 2), created(A, B)]),
    "a pair not at its CREATE2 address": lambda: block(
        GENESIS, [sync(address_of(A, B), 1, 2), created(A, D, pair=b"\x31" * 20)]
    ),
    "a creation of another shape": lambda: block(
        GENESIS, [sync(address_of(A, B), 1, 2), (VENUE.factory, created(A, D)[1], b"")]
    ),
}


@pytest.mark.parametrize("name", BAD_BLOCKS)
def test_a_bad_block_changes_nothing_at_all(name):
    state = fresh_state()
    before = picture(state)
    with pytest.raises(BlockRefused):
        state.apply(BAD_BLOCKS[name]())
    assert picture(state) == before
    assert len(state.table) == 3
    state.apply(block(GENESIS, [sync(address_of(A, B), 1, 2)]))


def roll_back(*blocks, to):
    return RolledBack(to, tuple(one.head.ref for one in blocks))


def test_pools_of_undone_blocks_leave_service_and_come_back_in_their_place():
    state = fresh_state()
    before = picture(state)
    old = block(GENESIS, [created(A, D), sync(address_of(A, D), 5, 6)])
    state.apply(old)
    assert state.roll_back(roll_back(old, to=GENESIS)) == (3,)
    assert picture(state) == before
    assert not state.table.live[3]
    empty = block(GENESIS, [sync(address_of(A, D), 9, 9)], salt=1)
    assert state.apply(empty) == (), "nothing is known at that address: the log is a stranger's"
    again = block(empty.head.ref, [created(A, D)])
    assert state.apply(again) == (3,)
    assert (state.table.reserve0[3], bool(state.table.live[3])) == (0, False)


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(lambda old: RolledBack(GENESIS, (BlockRef(101, b"\x01" * 32),)), id="another block"),
        pytest.param(lambda old: RolledBack(old.head.ref, (old.head.ref,)), id="another end"),
        pytest.param(lambda old: RolledBack(GENESIS, (old.head.ref, GENESIS)), id="more than there are"),
        pytest.param(lambda old: RolledBack(GENESIS, ()), id="none, to another block"),
    ],
)
def test_a_roll_back_that_does_not_fit_changes_nothing(event):
    state = fresh_state()
    old = block(GENESIS, [sync(address_of(A, B), 1, 2)])
    state.apply(old)
    before = picture(state)
    with pytest.raises(BlockRefused):
        state.roll_back(event(old))
    assert picture(state) == before
    state.roll_back(roll_back(old, to=GENESIS))
    assert picture(state) == picture(fresh_state())


def test_sixty_four_blocks_can_be_taken_back_and_no_more():
    state = fresh_state()
    blocks = [block(GENESIS, [sync(address_of(A, B), 7, 7)])]
    state.apply(blocks[0])
    middle = picture(state)
    for number in range(UNDO_BLOCKS):
        blocks.append(block(blocks[-1].head.ref, [sync(address_of(A, B), number + 1, 1)]))
        state.apply(blocks[-1])
    with pytest.raises(BlockRefused):
        state.roll_back(roll_back(*reversed(blocks), to=GENESIS))
    state.roll_back(roll_back(*reversed(blocks[1:]), to=blocks[0].head.ref))
    assert picture(state) == middle


events_of_a_block = st.lists(
    st.one_of(
        st.builds(
            lambda tokens, r0, r1: sync(address_of(*tokens), r0, r1),
            st.sampled_from(KNOWN + UNKNOWN),
            st.integers(0, UINT112_MAX),
            st.integers(0, UINT112_MAX),
        ),
        st.sampled_from(UNKNOWN).map(lambda tokens: created(*tokens)),
    ),
    max_size=6,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(events_of_a_block, min_size=1, max_size=12), st.data())
def test_applying_and_taking_back_is_as_if_it_never_was(contents, data):
    state = fresh_state()
    pictures, blocks = [picture(state)], []
    for salt, events in enumerate(contents):
        candidate = block(state.ref, events, salt)
        try:
            state.apply(candidate)
        except BlockRefused:  # a pair created twice
            assert picture(state) == pictures[-1]
            continue
        blocks.append(candidate)
        pictures.append(picture(state))
    depth = data.draw(st.integers(0, len(blocks)))
    left = blocks[len(blocks) - depth :]
    touched = state.roll_back(roll_back(*reversed(left), to=pictures[-1 - depth][0]))
    assert picture(state) == pictures[-1 - depth]
    changed = {index for index, pool in enumerate(state.table.pools) if differs(pool, pictures, depth)}
    assert changed <= set(touched), "a pool that changed is named"
    for one in left:
        state.apply(one)
    assert picture(state) == pictures[-1]


def differs(pool, pictures, depth):
    after, before = pictures[-1][1], pictures[-1 - depth][1]
    return after.get(pool.address) != before.get(pool.address)


def test_a_log_without_topics_is_no_event_of_ours():
    state = fresh_state()
    log = Log(VENUE.factory, (), b"", 0, b"\x01" * 32)
    assert state.apply(block(GENESIS, [], logs=(log,))) == ()

"""Law 10: a divergence stops its pool, is reported with both values, and only a fresh read ends the stop."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.messages import RolledBack
from bot.core.result import Ok, Reverted, Unknown
from bot.state.audit import Mismatch, plan_audit
from bot.state.market_state import MarketState, v2_pool
from bot.state.pool_table import PoolTable
from bot.state.rotation import AuditRotation
from tests.state.blocks import GENESIS, VENUE, block, sync, word


def state_of(count):
    table = PoolTable()
    for number in range(count):
        table.add(v2_pool(VENUE, bytes([number + 1]) * 20, b"\x01" * 20, b"\x02" * 20), 100 + number, 200)
    return MarketState(table, [VENUE], GENESIS)


def truth(state):
    return {
        pool.address: (state.table.reserve0[index], state.table.reserve1[index])
        for index, pool in enumerate(state.table.pools)
    }


def audit(state, count, chain, meanwhile=lambda: None):
    """Run one audit against `chain`: address -> reserves, or a result that is none."""
    plan = plan_audit(state, count)
    reads = next(plan)
    answers = []
    for read in reads:
        found = chain[read.to]
        answers.append(Ok(b"".join(map(word, (*found, 0)))) if isinstance(found, tuple) else found)
    meanwhile()
    try:
        plan.send(answers)
    except StopIteration as end:
        return end.value
    raise AssertionError("an audit has one round")


def test_agreement_changes_nothing():
    state = state_of(5)
    result = audit(state, 3, truth(state))
    assert (len(result.checked), result.mismatches, result.unread, result.at) == (3, (), (), GENESIS)
    assert state.table.live.all()


def test_a_divergence_stops_its_pool_until_the_next_audit_reads_it_afresh():
    state = state_of(4)
    chain = truth(state) | {state.table.pools[2].address: (999, 1)}
    result = audit(state, 4, chain)
    assert result.mismatches == (
        Mismatch(state.table.pools[2].address, VENUE.name, GENESIS, (102, 200), (999, 1)),
    )
    assert "believed (102, 200), the chain says (999, 1)" in str(result.mismatches[0])
    assert state.table.live.tolist() == [True, True, False, True]
    assert state.table.reserve0[2] == 102, "never patched silently"

    unread = audit(state, 0, chain | {state.table.pools[2].address: Unknown("late")})
    assert [one.cause for one in unread.unread] == [str(Unknown("late"))]
    assert not state.table.live[2]

    again = audit(state, 0, chain)
    assert again.resumed == (state.table.pools[2].address,)
    assert (state.table.reserve0[2], state.table.reserve1[2]) == (999, 1)
    assert state.table.live.all()


def test_a_stopped_pool_is_not_resumed_by_reserves_of_a_block_the_state_has_left():
    state = state_of(2)
    chain = truth(state)
    state.stop(1)
    later = block(GENESIS, [sync(state.table.pools[1].address, 7, 8)])
    result = audit(state, 0, chain, meanwhile=lambda: state.apply(later))
    assert result.resumed == ()
    assert not state.table.live[1]


def test_a_state_that_moves_on_during_the_audit_is_compared_as_it_was():
    state = state_of(2)
    later = block(GENESIS, [sync(state.table.pools[1].address, 7, 8)])
    chain = truth(state)
    assert audit(state, 2, chain, meanwhile=lambda: state.apply(later)).mismatches == ()
    wrong = truth(state) | {state.table.pools[0].address: (1, 1)}
    assert len(audit(state, 2, wrong).mismatches) == 1


def test_a_failed_read_is_no_mismatch_and_no_zero():
    state = state_of(3)
    chain = {
        state.table.pools[0].address: Unknown("time-out"),
        state.table.pools[1].address: Reverted("no"),
        state.table.pools[2].address: Ok(b""),
    }
    result = audit(state, 3, chain)
    assert (result.checked, result.mismatches, len(result.unread)) == ((), (), 3)
    assert state.table.live.all()


def test_taking_back_the_block_of_a_refetch_stops_the_pool_again():
    state = state_of(2)
    first = block(GENESIS, [])
    state.apply(first)
    audit(state, 2, truth(state) | {state.table.pools[0].address: (5, 5)})
    assert audit(state, 0, truth(state) | {state.table.pools[0].address: (5, 5)}).resumed
    assert state.table.live[0]
    assert state.roll_back(RolledBack(GENESIS, (first.head.ref,))) == (0,)
    assert not state.table.live[0]
    assert audit(state, 0, truth(state_of(2))).resumed == (state.table.pools[0].address,)
    assert state.table.live[0]


def test_pools_out_of_service_are_not_audited():
    state = state_of(3)
    state.table.take_out_of_service(1)
    result = audit(state, 9, truth(state))
    assert len(result.checked) == 2


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(1, 12), st.binary(min_size=32, max_size=32))
def test_the_rotation_visits_every_pool_before_it_visits_one_again(pools, count, seed):
    table = state_of(pools).table
    rotation = AuditRotation(seed)
    visits = Counter()
    turns = -(-pools // count)
    for _ in range(turns):
        visits.update(rotation.next_turn(table, range(pools), count))
    assert set(visits) == set(range(pools))
    assert max(visits.values()) <= 2
    assert sum(visits.values()) - pools < count


def test_two_rotations_of_a_seed_are_equal_and_of_two_seeds_are_not():
    table = state_of(30).table
    first, second, third = AuditRotation(b"a"), AuditRotation(b"a"), AuditRotation(b"b")
    turns = [rotation.next_turn(table, range(30), 10) for rotation in (first, second, third)]
    assert turns[0] == turns[1] != turns[2]

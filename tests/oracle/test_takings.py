"""Gas learnt from receipts, and what counts as contested, possible and taken."""

from dataclasses import replace
from fractions import Fraction

import pytest

from oracle.best_set import best_disjoint
from oracle.brute_force import BruteForce
from oracle.gas_by_shape import PRIOR, PRIOR_HOP, TICK, GasByShape, GasHop, GasNow, LandedGas
from oracle.pool_history import pools_moved, states_before
from oracle.synthetic import (
    AT_PARENT,
    BASE,
    BASE_FEE,
    CHEAP,
    DEAR,
    PAIRS,
    PLAN,
    RIVAL,
    TRADER,
    WALLET,
    block,
    calldata,
    mined,
    sync,
)
from oracle.takings import Takings, account_for

DATA = calldata(PLAN)
OURS = mined(0x01, WALLET, data=DATA, logs=[sync(CHEAP, (1, 1)), sync(DEAR, (1, 1))])


ONE, OTHER = b"\xf1" * 20, b"\xf2" * 20
FOUND = BruteForce(PAIRS.values(), BASE).candidates(AT_PARENT)


class FlatGas:
    """So much a cycle, and nothing else."""

    fixed = 0

    def __init__(self, each):
        self.each = each

    def of_cycle(self, _cycle):
        return self.each


def account(*transactions, gas=100_000):
    return account_for(block(*transactions), FOUND, FlatGas(gas), WALLET)


def one(ticks=0, *, fresh=False):
    return GasHop(ONE, is_v3=False, is_fresh=fresh, ticks_crossed=ticks)


def other(ticks=0, *, fresh=False):
    return GasHop(OTHER, is_v3=True, is_fresh=fresh, ticks_crossed=ticks)


def true_gas(hops):
    """What receipts would say if gas were exactly a sum of its parts."""
    each = {ONE: 60_000, OTHER: 95_000}
    return 25_000 + sum(
        12_000 + sum(each[h.factory] + 21_000 * h.ticks_crossed + 17_000 * h.is_fresh for h in cycle)
        for cycle in hops
    )


SHAPES = [
    ((one(), one()),),
    ((one(fresh=True), other(fresh=True)),),
    ((one(), other()),),
    ((other(1), one()), (one(), one(fresh=True))),
    ((other(3), other(fresh=True), one()),),
    ((one(), one(), one()), (one(), other()), (one(), one())),
]


def test_gas_is_learnt_part_by_part():
    gas = GasByShape([LandedGas(hops, true_gas(hops)) for hops in SHAPES for _ in range(30)])
    for hops in SHAPES:
        parts = LandedGas(hops, 0).parts
        assert gas.of_parts(parts) == pytest.approx(true_gas(hops), rel=0.01)
    unseen = ((other(2), other()), (one(), other(1, fresh=True), one()))
    assert gas.of_parts(LandedGas(unseen, 0).parts) == pytest.approx(true_gas(unseen), rel=0.02)
    assert gas.mean_error < 500


def test_what_never_landed_stays_at_its_prior():
    gas = GasByShape([LandedGas(SHAPES[0], true_gas(SHAPES[0]))] * 5)
    parts = LandedGas(((one(), other(2)),), 0).parts
    learnt = LandedGas(((one(),),), 0).parts
    assert gas.of_parts(parts) == gas.of_parts(learnt) + PRIOR_HOP + 2 * PRIOR[TICK]


def test_a_pool_that_was_traded_on_costs_less():
    gas = GasByShape([LandedGas(hops, true_gas(hops)) for hops in SHAPES for _ in range(30)])
    [cycle] = [found for found in FOUND if found.path.pools[0].address == CHEAP]
    costs = [GasNow(gas, traded).of_cycle(cycle) for traded in ((), (CHEAP,), (CHEAP, DEAR))]
    assert costs[0] - costs[1] == costs[1] - costs[2] == pytest.approx(17_000, rel=0.25)


def test_gas_needs_something_that_landed():
    with pytest.raises(ValueError, match="landed"):
        GasByShape([])


def test_an_uncontested_block():
    best = best_disjoint(FOUND, FlatGas(100_000), BASE_FEE)
    found = account(OURS)
    assert not best.cycles
    assert not found.contested
    assert found.taken == PLAN.gain - OURS.gas_used * BASE_FEE
    assert found.paid == PLAN.payment


def test_a_failed_transaction_of_ours_only_costs():
    found = account(replace(OURS, succeeded=False))
    assert (found.taken, found.paid) == (-OURS.gas_used * BASE_FEE, 0)


@pytest.mark.parametrize(
    ("rival", "contested"),
    [
        (mined(0x02, RIVAL, data=DATA, logs=[sync(DEAR, (1, 1))]), True),
        (mined(0x02, RIVAL, data=DATA, logs=[sync(b"\xd9" * 20, (1, 1))]), False),
        (mined(0x02, RIVAL, data=DATA, succeeded=False), False),
        (mined(0x02, TRADER, data=b"swap", logs=[sync(DEAR, (1, 1))]), False),
    ],
    ids=["a rival on our pools", "a rival elsewhere", "a rival that failed", "a trader on our pools"],
)
def test_contested_is_what_a_rival_took(rival, contested):
    # Gas is free here, so that the best set is not empty.
    found = account(rival, gas=0)
    assert found.best.pools == {CHEAP, DEAR}
    assert found.contested == contested


def test_shares_are_over_uncontested_blocks_alone():
    lone = account(OURS, gas=0)
    lost = replace(lone, contested=True, taken=0, paid=0)
    both = Takings((lone, lost))
    assert both.uncontested == (lone,)
    assert both.share == Fraction(lone.taken, lone.best.net)
    assert both.share - both.share_after_payment == Fraction(PLAN.payment, lone.best.net)


def test_what_nobody_touched_was_left_lying():
    """The one cycle of the best set: left where we did nothing, failed, or traded elsewhere; not where we took a pool."""
    elsewhere = replace(OURS, logs=(sync(b"\xd9" * 20, (1, 1)),))
    [cycle] = best_disjoint(FOUND, FlatGas(1_000), BASE_FEE).cycles
    for transactions in ([], [replace(OURS, succeeded=False)], [elsewhere]):
        found = account(*transactions, gas=1_000)
        assert [(one.cycle, one.net) for one in found.left_lying] == [(cycle, cycle.gain - 1_000 * BASE_FEE)]
        assert Takings((found,)).share_left_lying == 1
    touched = account(replace(OURS, logs=(sync(DEAR, (1, 1)),)), gas=1_000)
    assert (touched.left_lying, Takings((touched,)).left_lying) == ((), 0)
    theirs = account(mined(0x02, RIVAL, data=DATA, logs=[sync(DEAR, (1, 1))]), gas=1_000)
    assert theirs.left_lying
    assert Takings((theirs,)).left_lying == 0


def test_more_in_one_block_makes_up_for_nothing_in_another():
    lone = account(OURS, gas=0)
    rich, poor = replace(lone, taken=3 * lone.best.net), replace(lone, taken=-1)
    both = Takings((rich, poor))
    assert both.share > 1
    assert both.share_block_by_block == Fraction(lone.best.net - 1, 2 * lone.best.net)


def test_reserves_follow_the_syncs_in_order():
    first, second = sync(CHEAP, (1, 2)), sync(CHEAP, (3, 4))
    mixed = block(
        mined(0x01, TRADER, logs=[first]), OURS, mined(0x03, TRADER, logs=[sync(DEAR, (5, 6)), second])
    )
    pools = (CHEAP, DEAR)
    assert states_before(mixed, 0, AT_PARENT, pools) == AT_PARENT
    assert states_before(mixed, 1, AT_PARENT, pools) == {CHEAP: (1, 2), DEAR: AT_PARENT[DEAR]}
    assert states_before(mixed, 3, AT_PARENT, pools) == {CHEAP: (3, 4), DEAR: (5, 6)}
    assert pools_moved(mixed.transactions[2]) == {CHEAP, DEAR}

"""Gas learnt from receipts, and what counts as contested, possible and taken."""

from dataclasses import replace
from fractions import Fraction

import pytest

from oracle.brute_force import best_disjoint, candidates
from oracle.gas_by_shape import GasByShape
from oracle.pool_history import pools_moved, reserves_before
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


def landed(cycles, gas_used, name=0x01):
    return mined(name, WALLET, data=calldata(replace(PLAN, cycles=PLAN.cycles * cycles)), gas_used=gas_used)


def account(*transactions):
    return account_for(block(*transactions), PAIRS.values(), AT_PARENT, BASE, lambda n: 100_000 * n, WALLET)


def test_gas_is_the_mean_of_each_shape_and_a_line_between():
    gas = GasByShape([landed(1, 150_000), landed(1, 152_000), landed(3, 350_000)])
    assert gas.gas(1) == 151_000
    assert gas.gas(3) == 350_000
    assert gas.gas(2) == pytest.approx(250_500, abs=1)
    assert gas.gas(4) == pytest.approx(449_500, abs=1)


def test_one_shape_alone_is_an_upper_bound_for_the_others():
    assert GasByShape([landed(2, 240_000)]).gas(3) == 360_000


def test_gas_needs_something_that_landed():
    with pytest.raises(ValueError, match="landed"):
        GasByShape([replace(landed(1, 150_000), succeeded=False), mined(0x02, TRADER)])


def test_an_uncontested_block():
    best = best_disjoint(candidates(PAIRS.values(), AT_PARENT, BASE), lambda n: 100_000 * n * BASE_FEE)
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
    found = account_for(block(rival), PAIRS.values(), AT_PARENT, BASE, lambda _: 0, WALLET)
    assert found.best.pools == {CHEAP, DEAR}
    assert found.contested == contested


def test_shares_are_over_uncontested_blocks_alone():
    lone = account_for(block(OURS), PAIRS.values(), AT_PARENT, BASE, lambda _: 0, WALLET)
    lost = replace(lone, contested=True, taken=0, paid=0)
    both = Takings((lone, lost))
    assert both.uncontested == (lone,)
    assert both.share == Fraction(lone.taken, lone.best.net)
    assert both.share - both.share_after_payment == Fraction(PLAN.payment, lone.best.net)


def test_reserves_follow_the_syncs_in_order():
    first, second = sync(CHEAP, (1, 2)), sync(CHEAP, (3, 4))
    mixed = block(
        mined(0x01, TRADER, logs=[first]), OURS, mined(0x03, TRADER, logs=[sync(DEAR, (5, 6)), second])
    )
    pools = (CHEAP, DEAR)
    assert reserves_before(mixed, 0, AT_PARENT, pools) == AT_PARENT
    assert reserves_before(mixed, 1, AT_PARENT, pools) == {CHEAP: (1, 2), DEAR: AT_PARENT[DEAR]}
    assert reserves_before(mixed, 3, AT_PARENT, pools) == {CHEAP: (3, 4), DEAR: (5, 6)}
    assert pools_moved(mixed.transactions[2]) == {CHEAP, DEAR}

"""The feed's decisions, each case named after the defect it prevents."""

import pytest

from bot.core.identity import BlockRef, keccak
from bot.core.messages import Head, RolledBack
from bot.feeds.continuity import (
    REMEMBERED_BLOCKS,
    DeliveredChain,
    Joined,
    NeedParent,
    TooDeep,
    is_duplicate,
    is_gap,
    is_reorg,
    next_step,
    stands_on,
)
from bot.state.history import UNDO_BLOCKS

GAP = 256


def block_hash(number, branch=0):
    return keccak(f"{branch}:{number}".encode())


def head(number, branch=0, parent_branch=None):
    parent = block_hash(number - 1, branch if parent_branch is None else parent_branch)
    return Head(number, block_hash(number, branch), parent, 0, 7, 0, 0, bytes(20))


def delivered(first, last):
    chain = DeliveredChain(BlockRef(first, block_hash(first)))
    for number in range(first + 1, last + 1):
        chain.append(head(number))
    return chain


TIP = BlockRef(10, block_hash(10))


@pytest.mark.parametrize(
    ("case", "gap", "reorg"),
    [
        pytest.param(head(11), False, False, id="the next block is neither"),
        pytest.param(head(12), True, False, id="one missed block is a gap"),
        pytest.param(head(12, branch=1), True, False, id="a gap may hide a reorg: only walking back tells"),
        pytest.param(head(11, branch=1), False, True, id="the next number on another parent is a reorg"),
        pytest.param(head(10, branch=1), False, True, id="a sibling of the tip is a reorg"),
        pytest.param(head(7, branch=1), False, True, id="a shorter branch is a reorg"),
    ],
)
def test_gap_and_reorg(case, gap, reorg):
    assert is_gap(TIP, case) is gap
    assert is_reorg(TIP, case) is reorg


def test_same_number_is_not_the_same_block():
    chain = delivered(5, 10)
    assert is_duplicate(chain, head(10))
    assert is_duplicate(chain, head(6))
    assert not is_duplicate(chain, head(10, branch=1))
    assert not is_duplicate(chain, head(11))
    assert not is_duplicate(chain, head(4))


def test_right_parent_hash_under_a_wrong_number_does_not_stand():
    odd = Head(12, block_hash(12), block_hash(10), 0, 7, 0, 0, bytes(20))
    assert not stands_on(odd, TIP)


def test_the_next_block_joins_without_taking_anything_back():
    assert next_step(delivered(5, 10), [head(11)], GAP) == Joined(TIP, None)


def test_missed_blocks_are_asked_for_by_parent_hash():
    chain = delivered(5, 10)
    assert next_step(chain, [head(13)], GAP) == NeedParent(block_hash(12), 12)
    assert next_step(chain, [head(13), head(12)], GAP) == NeedParent(block_hash(11), 11)
    assert next_step(chain, [head(13), head(12), head(11)], GAP) == Joined(TIP, None)


def test_a_reorg_takes_back_exactly_what_is_above_the_fork():
    branch = [head(10, 1), head(9, 1, parent_branch=0)]
    fork = BlockRef(8, block_hash(8))
    left = (BlockRef(10, block_hash(10)), BlockRef(9, block_hash(9)))
    assert next_step(delivered(5, 10), branch[:1], GAP) == NeedParent(block_hash(9, 1), 9)
    assert next_step(delivered(5, 10), branch, GAP) == Joined(fork, RolledBack(fork, left))


def test_a_fork_at_the_block_started_after_can_be_followed_but_not_below_it():
    chain = delivered(5, 6)
    assert isinstance(next_step(chain, [head(6, 1, parent_branch=0)], GAP), Joined)
    assert isinstance(next_step(chain, [head(5, 1)], GAP), TooDeep)


def test_depth_64_is_followed_and_65_is_not():
    chain = delivered(0, 100)
    assert REMEMBERED_BLOCKS == UNDO_BLOCKS == 64
    assert chain.oldest.number == 36
    assert isinstance(next_step(chain, [head(37, 1, parent_branch=0)], GAP), Joined)
    assert isinstance(next_step(chain, [head(36, 1, parent_branch=0)], GAP), TooDeep)


def test_a_long_gap_is_not_walked_block_by_block():
    chain = delivered(5, 10)
    assert isinstance(next_step(chain, [head(10 + GAP)], GAP), NeedParent)
    assert isinstance(next_step(chain, [head(11 + GAP)], GAP), TooDeep)


def test_a_block_that_does_not_stand_on_the_tip_is_never_appended():
    with pytest.raises(ValueError, match="does not stand"):
        delivered(5, 10).append(head(12))


def test_taking_back_leaves_the_fork_as_the_tip():
    chain = delivered(5, 10)
    step = next_step(chain, [head(9, 1, parent_branch=0)], GAP)
    chain.take_back(step.rolled_back)
    assert chain.tip == step.fork_point
    chain.append(head(9, 1, parent_branch=0))
    assert chain.tip.hash == block_hash(9, 1)

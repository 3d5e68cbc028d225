"""Oracle and market without the bot: a searcher of the oracle's own lands, underbids, misjudges; the judge tells which.

The readers are held against each other on the way: the states followed from the logs against the storage of every pool
and the bitmap of every concentrated one, and each pair's own code against the fee the oracle takes it to have.
"""

import pytest
from oracle.best_set import best_disjoint
from oracle.executor_calldata import decode_execute
from oracle.facts import Pair, V3State
from oracle.judge import SentBundle, judge, received
from oracle.transaction_decoder import decode_transaction
from oracle.venues import FEES, WETH, gives

from acceptance.market_process import open_market
from acceptance.processes import Family, wait_for
from acceptance.sizes import draw_seed
from acceptance.tiny_searcher import TinySearcher

pytestmark = pytest.mark.market
LANDINGS = 4
LEAST_HISTORY = 25
"""Blocks after which the readers are compared: by then somebody has changed a range."""


class GasGuess:
    fixed = 60_000

    def of_cycle(self, _cycle):
        return 120_000


@pytest.fixture(scope="module")
def searcher(tmp_path_factory):
    seed = draw_seed()
    print(f"seed {seed}")
    with Family(tmp_path_factory.mktemp("judge")) as family:
        yield TinySearcher(open_market(family, seed))


@pytest.fixture
def reader(searcher):
    return searcher.market.reader()


def find(searcher, reader, height):
    """The best set on the state of `height`, after waiting for a block that offers one."""
    while True:
        at_head = searcher.states.states(height)
        best = best_disjoint(searcher.search.candidates(at_head), GasGuess(), reader.block(height).base_fee)
        if best.cycles:
            return height, best, at_head
        height = searcher.let_the_market_go_on()
        assert wait_for_head(reader, height)


def wait_for_head(reader, height):
    return wait_for(lambda: reader.head() >= height, 20, step=0.01)


def play(searcher, reader, max_fee=None, **changes):
    """Send one bundle for the next block and let it be built; the judge's word on it."""
    height, best, at_head = find(searcher, reader, reader.head())
    fee = 2 * reader.block(height).base_fee if max_fee is None else max_fee
    raw = searcher.sign(list(best.cycles[:8]), height + 1, fee, **changes)
    answer = searcher.send_bundle(raw, height + 1)
    assert "result" in answer, answer
    assert wait_for_head(reader, searcher.let_the_market_go_on())
    tx = decode_transaction(raw)
    bundle = SentBundle(tx, decode_execute(tx.data), height + 1, height)
    ours = [
        mined for mined in reader.block(height + 1).transactions if mined.sender == searcher.market.wallet
    ]
    return bundle, judge(bundle, searcher.pools, at_head, reader.block(height + 1), ours)


def test_landed_and_paid_to_the_unit(searcher, reader):
    landed = 0
    for _ in range(10 * LANDINGS):
        bundle, judgement = play(searcher, reader)
        if "outbid" in judgement.verdicts:
            continue
        assert set(judgement.verdicts) == {"landed"}, judgement
        before, after = (
            reader.token_balance(WETH, searcher.market.recipient, bundle.target_block - ago) for ago in (1, 0)
        )
        expected = bundle.call.gain - bundle.call.payment
        assert after - before == expected
        assert received(judgement.mined, WETH, searcher.market.recipient) == expected
        landed += 1
        if landed == LANDINGS:
            break
    assert landed == LANDINGS


def test_a_fee_under_the_base_fee_is_told_from_being_outbid(searcher, reader):
    _, judgement = play(searcher, reader, max_fee=1)
    assert "base_fee_moved" in judgement.verdicts
    assert "landed" not in judgement.verdicts


def test_a_plan_that_cannot_run_is_told(searcher, reader):
    _, judgement = play(searcher, reader, min_profit=10**20)
    assert "reverted_in_simulation" in judgement.verdicts
    assert judgement.mined is None


def test_storage_agrees_with_what_was_followed(searcher, reader):
    while reader.head() < searcher.market.first_block + LEAST_HISTORY:
        assert wait_for_head(reader, searcher.let_the_market_go_on())
    first, last = searcher.market.first_block, reader.head()
    before, after = (searcher.states.states(height) for height in (first, last))
    for height in (first, (first + last) // 2, last):
        assert searcher.states.differences(height) == []
    moved = [pool for pool in before if before[pool] != after[pool]]
    concentrated = [pool for pool in moved if isinstance(after[pool], V3State)]
    assert len(concentrated) > 0
    assert len(moved) > len(concentrated)
    assert any(before[pool].ticks != after[pool].ticks for pool in concentrated), "nobody changed a range"


def test_every_tick_of_the_bitmaps_is_known(searcher, reader):
    height = reader.head()
    states = searcher.states.states(height)
    for pool in searcher.states.concentrated:
        assert searcher.states.initialised(pool, height) == states[pool.address].indices


def test_every_pair_charges_the_fee_of_its_factory(searcher, reader):
    height = reader.head()
    pairs = [
        pool
        for pool in searcher.pools.values()
        if isinstance(pool, Pair) and WETH in (pool.token0, pool.token1)
    ]
    assert {pair.factory for pair in pairs} == set(FEES)
    for pair in pairs:
        reserves = reader.reserves([pair.address], height)[pair.address]
        for amount_in in (10**15 + 7, 3 * 10**18 + 1):
            assert gives(reader.node, pair, reserves, amount_in, height) == (True, False), pair


def test_the_request_log_gives_back_what_was_sent(searcher):
    ours = [one for one in searcher.market.requests() if one.transactions[0].sender == searcher.market.wallet]
    assert len(ours) >= LANDINGS + 2
    assert all(one.is_bundle and one.accepted and one.endpoint == "market" for one in ours)
    assert all(one.target_block == decode_execute(one.transactions[0].data).last_block for one in ours)

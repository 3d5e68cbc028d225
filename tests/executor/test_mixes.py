"""Every mix of V2 pairs and V3 pools over two to four hops, on the real bytecode: the claim arrives, nothing stays."""

import itertools

import pytest
from executor_stage import ETHER, rows
from mixed_market import V2, V3
from mixed_stage import MixedStage

MIXES = [mix for count in (2, 3, 4) for mix in itertools.product((V2, V3), repeat=count)]
MERGED = list(zip(MIXES, reversed(MIXES), strict=True))


@pytest.fixture
def stage(mixed: MixedStage) -> MixedStage:
    """As it was before."""
    snapshot = mixed.chain.rpc("evm_snapshot")
    yield mixed
    mixed.chain.rpc("evm_revert", snapshot)


def assert_nothing_stayed(stage: MixedStage) -> None:
    assert stage.balances(stage.executor) == [0, 0, 0, 0]
    assert int(stage.chain.rpc("eth_getBalance", stage.executor, "latest"), 16) == 0
    allowances = [
        stage.chain.read(pool.token_in, "allowance(address,address)", stage.executor, pool.address)
        for pool in stage.market.pools.values()
    ]
    assert len(allowances) == 24
    assert not any(allowances)


@pytest.mark.parametrize("reverse", [False, True], ids=["", "reverse"])
@pytest.mark.parametrize("mix", MIXES, ids="-".join)
def test_the_claim_arrives_and_nothing_stays(
    stage: MixedStage, mix: tuple[str, ...], *, reverse: bool
) -> None:
    path = stage.market.path(mix, reverse=reverse)
    cycle, gain = stage.market.cycle(ETHER, path)
    assert gain > 0
    before = stage.balances(stage.recipient)
    assert stage.refusal(cycle, min_profit=gain + 1) == "executor: min profit"
    stage.execute(cycle, min_profit=gain)
    assert stage.balances(stage.recipient) == [before[0] + gain, *before[1:]]
    assert_nothing_stayed(stage)


@pytest.mark.parametrize("mixes", MERGED, ids=lambda mixes: "+".join("".join(mix) for mix in mixes))
def test_merged_cycles_bring_the_sum_of_their_claims(
    stage: MixedStage, mixes: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    paths = stage.market.path(mixes[0]), stage.market.path(mixes[1], reverse=True)
    assert not {pool.address for pool in paths[0]} & {pool.address for pool in paths[1]}
    (first, gained), (second, gained_too) = (stage.market.cycle(ETHER, path) for path in paths)
    gain, payment = gained + gained_too, gained // 3
    before = stage.balance(stage.market.weth, stage.recipient)
    assert stage.refusal(first, second, min_profit=gain + 1) == "executor: min profit"
    stage.execute(first, second, min_profit=gain - payment, payment=payment)
    assert stage.balance(stage.market.weth, stage.recipient) == before + gain - payment
    assert_nothing_stayed(stage)


def test_the_mixes_are_all_and_go_both_ways(mixed: MixedStage) -> None:
    assert len(MIXES) == len(set(MIXES)) == 4 + 8 + 16
    ways = {
        (pool.protocol, place, pool.zero_for_one)
        for mix in MIXES
        for reverse in (False, True)
        for place, pool in enumerate(mixed.market.path(mix, reverse=reverse))
    }
    assert len(ways) == 2 * 4 * 2, "each protocol at each place in each direction"


@pytest.mark.parametrize("mix", [mix for mix in MIXES if len(mix) < 4], ids="-".join)
def test_one_unit_more_than_the_pool_before_gave_for_it_reverts(
    stage: MixedStage, mix: tuple[str, ...]
) -> None:
    """The second opinion on the outputs: each pool itself refuses one percent of a percent more."""
    cycle, _ = stage.market.cycle(ETHER, stage.market.path(mix))
    amount_in, hops = cycle
    for place, (pool, direction, out, is_v3) in enumerate(hops):
        greedy = [*hops[:place], (pool, direction, out * 10_001 // 10_000, is_v3), *hops[place + 1 :]]
        assert stage.refusal((amount_in, greedy)) in {"UniswapV2: K", "IIA"}
    assert rows(cycle)[0][1] >> 128 == amount_in

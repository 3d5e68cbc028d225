"""V3 pools found and read: by the factory's logs or by getPool, by the lens or without; V2 pairs beside them."""

import pytest

from bot.core.identity import ZERO_ADDRESS, to_checksum
from bot.core.profile import ChainProfile, SlotRule, Token
from bot.core.result import Ok, Unknown
from bot.protocols.pool_lens import MOST_POOLS
from bot.protocols.uniswap_v2 import (
    all_pairs_calldata,
    all_pairs_length_calldata,
    get_pair_calldata,
    reserves_calldata,
    token0_calldata,
    token1_calldata,
)
from bot.protocols.uniswap_v3 import POOL_CREATED_TOPIC, get_pool_calldata
from bot.state.bootstrap import plan_bootstrap, read_reserves
from bot.state.reads import LensRead, LogsRead
from tests.state.blocks import (
    GENESIS,
    PANCAKE_VENUE,
    TOKENS,
    V3_VENUE,
    VENUE,
    address_of,
    block,
    minted,
    pool_created,
    v3_address,
    word,
)
from tests.state.fake_pools import FakePools, creation_log
from tests.state.test_tick_maps import contents

A, B, C, D = TOKENS[:4]
POOLS = {
    v3_address(A, B, 3000): contents(60, {(-1, 1): 100}),
    v3_address(B, C, 500): contents(10, {(-5, 5): 50, (5, 6): 1}),
    v3_address(A, D, 500): (10, 0, 0, 0, {}),
    v3_address(A, B, 2500, PANCAKE_VENUE): contents(50, {(-3, -1): 7}),
}
CREATED = {
    V3_VENUE.factory: [
        pool_created(A, B, 3000, 60),
        pool_created(B, C, 500, 10),
        pool_created(A, D, 500, 10),
    ],
    PANCAKE_VENUE.factory: [pool_created(A, B, 2500, 50, PANCAKE_VENUE)],
}
PAIR = address_of(A, B)


def profile(discovery, tokens=(A, B, C)):
    listed = tuple(Token(f"T{place}", token, 18) for place, token in enumerate(tokens))
    venues = (V3_VENUE, VENUE, PANCAKE_VENUE)
    slot = SlotRule(0, 12)
    return ChainProfile(
        "test", 1, slot, "osaka", listed[0], listed[:1], listed, b"\x0c" * 20, venues, discovery, {}, True
    )


class Chain(FakePools):
    """The factories beside the pools, and one pair."""

    def __init__(self, **changes):
        super().__init__(dict(POOLS), **changes)
        self.logs = {
            factory: Ok(tuple(creation_log(event, place) for place, event in enumerate(events)))
            for factory, events in CREATED.items()
        }
        self.answers = {
            (VENUE.factory, all_pairs_length_calldata()): word(1),
            (VENUE.factory, all_pairs_calldata(0)): word(PAIR),
            (VENUE.factory, get_pair_calldata(A, B)): word(PAIR),
            (PAIR, token0_calldata()): word(A),
            (PAIR, token1_calldata()): word(B),
            (PAIR, reserves_calldata()): word(11) + word(12) + word(7),
            (V3_VENUE.factory, get_pool_calldata(A, B, 3000)): word(v3_address(A, B, 3000)),
            (V3_VENUE.factory, get_pool_calldata(B, C, 500)): word(v3_address(B, C, 500)),
            (PANCAKE_VENUE.factory, get_pool_calldata(A, B, 2500)): word(
                v3_address(A, B, 2500, PANCAKE_VENUE)
            ),
        }

    def bootstrap(self, wanted, *, has_lens=False):
        return self.drive(plan_bootstrap(wanted, GENESIS, has_lens=has_lens), self.other)

    def other(self, read):
        if isinstance(read, LogsRead):
            assert read.topic == POOL_CREATED_TOPIC
            return self.logs[read.emitter]
        answer = self.answers.get((read.to, read.data), word(ZERO_ADDRESS))
        return Ok(answer) if isinstance(answer, bytes) else answer


def seen(result):
    table = result.state.table
    return {
        pool.address: (table.reserve0[index], table.reserve1[index])
        if held is None
        else (held.tick_spacing, held.sqrt_price, held.tick, held.liquidity, dict_of(held))
        for index, (pool, held) in enumerate(zip(table.pools, table.concentrated, strict=True))
    }


def dict_of(held):
    return {tick: (one.gross, one.net) for tick, one in held.ticks.items()}


def test_all_pools_of_the_factories_logs_in_the_profiles_order():
    result = Chain().bootstrap(profile("all"))
    assert result.left_out == ()
    assert seen(result) == {**POOLS, PAIR: (11, 12)}
    order = list(POOLS)
    assert [pool.address for pool in result.state.table.pools] == [*order[:3], PAIR, order[3]]
    assert result.state.table.live.tolist() == [True, True, False, True, True]
    assert result.state.table.pools[4].protocol == "pancakeswap_v3"


def test_the_state_goes_on_from_what_was_read():
    state = Chain().bootstrap(profile("all")).state
    pool = v3_address(A, B, 3000)
    assert state.apply(block(GENESIS, [minted(pool, -60, 60, 5), pool_created(C, D, 500, 10)])) == (0, 5)
    assert state.table.concentrated[0].liquidity == 105


@pytest.mark.parametrize("has_lens", [True, False])
def test_listed_takes_the_tiers_of_couples_of_listed_tokens(has_lens):
    chain = Chain()
    if has_lens:
        chain.lens = Unknown("no overrides here")
    result = chain.bootstrap(profile("listed"), has_lens=has_lens)
    assert result.left_out == ()
    assert set(seen(result)) == {address for address in POOLS if POOLS[address][1]} | {PAIR}


def test_where_logs_are_not_to_be_had_the_listed_couples_are_asked_for_and_it_is_said():
    chain = Chain()
    chain.logs[V3_VENUE.factory] = Unknown("query exceeds 10000 blocks")
    result = chain.bootstrap(profile("all"))
    [left_out] = result.left_out
    assert (left_out.venue, left_out.pool) == ("v3", "pools created since block 0")
    assert "exceeds 10000 blocks" in left_out.reason
    assert v3_address(B, C, 500) in seen(result)
    assert v3_address(A, D, 500) not in seen(result)


def test_a_pool_that_is_not_at_its_create2_address_is_left_out():
    chain = Chain()
    impostor = b"\x31" * 20
    chain.logs[V3_VENUE.factory] = Ok((creation_log(pool_created(A, C, 500, 10, pool=impostor), 0),))
    result = chain.bootstrap(profile("all"))
    assert "CREATE2" in result.left_out[0].reason
    assert to_checksum(impostor) in result.left_out[0].reason
    other = Chain()
    other.answers[V3_VENUE.factory, get_pool_calldata(A, C, 500)] = word(impostor)
    [left_out] = other.bootstrap(profile("listed")).left_out
    assert left_out.pool == f"getPool({to_checksum(A)}, {to_checksum(C)}, 500)"
    assert "CREATE2" in left_out.reason


def test_a_pool_that_cannot_be_read_is_left_out_by_name():
    chain = Chain(broken={(v3_address(B, C, 500), "liquidity"): Unknown("time-out")})
    result = chain.bootstrap(profile("all"))
    [left_out] = result.left_out
    assert (left_out.pool, left_out.venue) == (to_checksum(v3_address(B, C, 500)), "v3")
    assert "liquidity()" in left_out.reason
    assert len(result.state.table) == 4


def test_a_couple_that_could_not_be_looked_up_is_left_out_by_what_was_asked():
    chain = Chain()
    chain.answers[V3_VENUE.factory, get_pool_calldata(A, B, 3000)] = Unknown("time-out")
    [left_out] = chain.bootstrap(profile("listed")).left_out
    assert left_out.pool == f"getPool({to_checksum(A)}, {to_checksum(B)}, 3000)"


def test_a_factory_that_is_not_there_is_named_once():
    chain = Chain()
    chain.answers |= {
        (PANCAKE_VENUE.factory, get_pool_calldata(one, other, 2500)): Ok(b"")
        for one, other in [(A, B), (A, C), (B, C)]
    }
    [left_out] = chain.bootstrap(profile("listed")).left_out
    assert left_out.venue == "cake"
    assert left_out.pool.endswith(", 2500) and 2 others")


def packed(reserves):
    return [2**256 - 1 if one is None else one[0] | one[1] << 112 for one in reserves]


def reserves_by_lens(truth, a_call):
    """Answers of a lens that has gas for `a_call` pairs; truth: address -> reserves or None."""

    def answer(read):
        assert isinstance(read, LensRead)
        asked = [read.data[at + 12 : at + 32] for at in range(68, len(read.data), 32)][:a_call]
        return Ok(b"".join(map(word, (32, len(asked), *packed(truth[pair] for pair in asked)))))

    return answer


def test_reserves_by_the_lens_in_as_many_calls_as_its_gas_demands():
    truth = {number.to_bytes(20, "big"): (number, 2**112 - 1) for number in range(1, 40)} | {bytes(20): None}
    plan = read_reserves(list(truth), has_lens=True)
    answer, calls = reserves_by_lens(truth, 9), 0
    reads = next(plan)
    try:
        while True:
            calls += 1
            reads = plan.send([answer(read) for read in reads])
    except StopIteration as end:
        found = end.value
    assert calls == 5
    assert found[:-1] == list(truth.values())[:-1]
    assert isinstance(found[-1], str)


def test_a_request_never_names_more_pools_than_the_lens_takes():
    pairs = [number.to_bytes(20, "big") for number in range(MOST_POOLS + 5)]
    [read] = next(read_reserves(pairs, has_lens=True))
    assert len(read.data) == 4 + 64 + 32 * MOST_POOLS

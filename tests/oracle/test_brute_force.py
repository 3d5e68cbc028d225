"""Every cycle there is, sized as well as a search over its input can; the best disjoint set against every subset."""

import math
from collections import Counter
from dataclasses import replace
from itertools import chain, combinations, pairwise, permutations

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from oracle.best_by_kind import KINDS, BestByKind, kinds
from oracle.best_set import best_disjoint
from oracle.brute_force import BruteForce, Candidate, Path, best, candidates, cycle_paths
from oracle.concentrated_liquidity import tick_at
from oracle.executor_calldata import Cycle, ExecuteCall, Hop
from oracle.facts import Fee, Pair, V3Pool, V3State
from oracle.legs import leg
from oracle.plan_run import run
from oracle.rounding import is_what_pools_ask, most_lost
from oracle.sizing import SizedCycle, best_size, looks_profitable, slack

BASE = b"\xba" * 20
FACTORY = b"\xfa" * 20
FEES = (Fee(997, 1000), Fee(998, 1000))
SPACINGS = {100: 1, 500: 10, 3000: 60, 10000: 200}
SIZES = [1, 7, 400, 5_000, 10**6]


def concentrated_state(price0, price1, depth, spacing, ranges):
    """Price reserve1 / reserve0 as `price0` units are worth `price1`; liquidity of a pair so deep, by ranges."""
    sqrt_price = math.isqrt((price1 * depth << 192) // (price0 * depth))
    tick = tick_at(sqrt_price)
    liquidity, ticks = 0, {}
    for lower, upper, part in ranges:
        low, high = (tick + lower) // spacing * spacing, -(-(tick + upper) // spacing) * spacing
        amount = math.isqrt(price0 * price1) * depth * part // 10
        for end, net in ((low, amount), (high, -amount)):
            gross, before = ticks.get(end, (0, 0))
            ticks[end] = (gross + amount, before + net)
        liquidity += amount if low <= tick < high else 0
    return V3State(sqrt_price, tick, liquidity, ticks)


@st.composite
def pools(draw, token0, token1, worth0, worth1, name):
    """One of either kind; `worth0` units of token0 are worth about `worth1` of token1."""
    address = bytes([name]) * 20
    off = draw(st.integers(9_500, 10_500))
    depth = draw(st.integers(10**4, 10**8))
    if draw(st.booleans()):
        state = (worth0 * depth, worth1 * depth * off // 10_000)
        return Pair(address, FACTORY, token0, token1, draw(st.sampled_from(FEES))), state
    fee = draw(st.sampled_from(sorted(SPACINGS)))
    ends = st.tuples(st.integers(-4000, 1000), st.integers(30, 5000), st.integers(1, 20))
    ranges = [(low, low + width, part) for low, width, part in draw(st.lists(ends, max_size=4))]
    spacing = SPACINGS[fee]
    state = concentrated_state(
        worth0 * 10_000, worth1 * off, depth, spacing, [(-200_000, 200_000, 10), *ranges]
    )
    return V3Pool(address, FACTORY, token0, token1, fee, spacing), state


@st.composite
def cycles(draw):
    """Two or three pools in a ring through the base token, whose units are worth very different amounts."""
    tokens = [BASE, *(bytes([0xB0 + 7 * index]) * 20 for index in range(draw(st.integers(1, 2))))]
    worths = [draw(st.sampled_from(SIZES)) for _ in tokens]
    found = []
    for index, token in enumerate(tokens):
        other = (index + 1) % len(tokens)
        ends = sorted([(token, worths[index]), (tokens[other], worths[other])])
        found.append(draw(pools(ends[0][0], ends[1][0], ends[0][1], ends[1][1], index + 1)))
    return found, tokens


def forward(legs, amount_in):
    """What `amount_in` brings, and what was really needed of it."""
    first = step = legs[0].sell(amount_in)
    for one in legs[1:]:
        step = None if step is None else one.sell(step.amount_out)
    return -1 if step is None else step.amount_out - first.amount_in


def searched(legs, near):
    """The best gain by another way: thirds of the input, forwards, and a walk about the optimum."""
    low, high = 1, 10 * near + 10
    while high - low > 24:
        one, other = low + (high - low) // 3, high - (high - low) // 3
        if forward(legs, one) < forward(legs, other):
            low = one
        else:
            high = other
    about = chain(range(low, high + 1), (near * (1000 + step) // 1000 for step in range(-20, 21)))
    return max(forward(legs, amount) for amount in about if amount > 0)


@given(cycles())
@settings(max_examples=40, deadline=None)
def test_a_size_that_no_search_of_inputs_beats(market):
    ring, tokens = market
    legs = [leg(pool, state, token) for (pool, state), token in zip(ring, tokens, strict=True)]
    assume(looks_profitable(legs))
    path = Path(tuple(pool for pool, _ in ring), tuple(tokens))
    [found] = [one for one in candidates(ring, BASE) if one.path == path] or [None]
    gain = found.gain if found else 0
    kinds = "".join("v3" if isinstance(pool, V3Pool) else "v2" for pool, _ in ring)
    event(f"{kinds}, {'gains' if found else 'nothing'}")
    near = found.sized.amounts[0] if found else 10**6
    assert searched(legs, near) <= gain + (found.sized.slack if found else slack(legs))
    if found:
        assert_runs(found, {pool.address: (pool, state) for pool, state in ring})


@given(st.lists(cycles(), min_size=1, max_size=4))
@settings(max_examples=30, deadline=None)
def test_the_best_of_each_kind_without_sizing_all(rings):
    """Several rings in one market: more cycles than rings, and the bound leaves out none of the best."""
    market = {}
    for at, (ring, _) in enumerate(rings):
        for pool, state in ring:
            address = bytes([16 * at + pool.address[0]]) * 20
            market[address] = replace(pool, address=address), state
    searched_kinds = BestByKind(market)
    found = candidates(market.values(), BASE)
    chosen = searched_kinds.best(BASE)
    event(f"{len(found)} gain, {searched_kinds.sized} sized")
    for kind in KINDS:
        greatest = max((one.gain for one in found if kind in kinds(one.path)), default=None)
        assert (chosen[kind].gain if kind in chosen else None) == greatest


def test_a_cycle_ends_where_the_liquidity_does():
    """Cheap all the way to the end of one range, beyond which there is nothing: that end is the best size, to a unit."""
    other = b"\xcc" * 20
    pair = Pair(b"\x01" * 20, FACTORY, BASE, other, FEES[0])
    pool = V3Pool(b"\x02" * 20, FACTORY, BASE, other, 100, 1)
    state = concentrated_state(10_000, 20_000, 10**12, 1, [(-20, 20, 10)])
    [found] = candidates([(pair, (10**18, 10**18)), (pool, state)], BASE)
    first, second = found.path.pools
    assert (first, second) == (pool, pair)
    held = leg(pool, state, BASE)
    assert held.buy(found.sized.amounts[1]) is not None
    assert held.buy(found.sized.amounts[1] + 2) is None


@given(cycles(), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_a_plan_with_a_unit_less_is_not_what_pools_ask(market, off):
    """What a plan names is what the pools ask, and a unit less at any hop is not."""
    ring, tokens = market
    legs = [leg(pool, state, token) for (pool, state), token in zip(ring, tokens, strict=True)]
    found = best_size(legs) if looks_profitable(legs) else None
    assume(found is not None)
    hops = list(pairwise(found.amounts))
    asked = [(one.buy(out).amount_in, out) for one, (_, out) in zip(legs, hops, strict=True)]
    assert is_what_pools_ask(legs, asked)
    worse = [(into - (at == off % len(hops)), out) for at, (into, out) in enumerate(asked)]
    assert not is_what_pools_ask(legs, worse)
    assert most_lost(legs, found.amounts) > 0


def assert_runs(found, market):
    """The plan is paid for pool by pool; with one unit less to begin with it is not."""
    hops = zip(found.path.pools, found.path.directions, found.sized.amounts[1:], strict=True)
    cycle = Cycle(found.sized.amounts[0], tuple(Hop(pool.address, way, out) for pool, way, out in hops))
    pools_, states = ({key: value[index] for key, value in market.items()} for index in (0, 1))
    call = ExecuteCall((cycle,), BASE, 0, 0, 1, 1)
    assert run(call, pools_, states) == (found.sized.ticks_crossed,)
    less = ExecuteCall((Cycle(cycle.amount_in - 1, cycle.hops),), BASE, 0, 0, 1, 1)
    assert run(less, pools_, states) is None


def test_the_sweep_meets_every_mixture():
    """Handmade: each order of two kinds at a price gap of a tenth gains."""
    other = b"\xcc" * 20
    pair = Pair(b"\x01" * 20, FACTORY, BASE, other, FEES[0])
    pool = V3Pool(b"\x02" * 20, FACTORY, BASE, other, 500, 10)
    wide = [(-9_000, 9_000, 10)]
    for offset in (9_000, 11_000):
        state = concentrated_state(10_000, offset, 10**10, 10, wide)
        found = candidates([(pair, (10**14, 10**14)), (pool, state)], BASE)
        assert len(found) == 1
        assert found[0].is_mixed
        assert found[0].gain > 10**10


def test_every_cycle_once_in_each_direction():
    """Five tokens, all couples twice: the paths are those of the plain count, and each closes."""
    tokens = [bytes([n]) * 20 for n in range(1, 6)]
    every = [
        Pair(bytes([16 * i + j + 128 * twice]) * 20, FACTORY, tokens[i], tokens[j], FEES[0])
        for i, j in combinations(range(5), 2)
        for twice in range(2)
    ]
    paths = cycle_paths(every, tokens[0])
    assert len(set(paths)) == len(paths)
    assert Counter(len(path.pools) for path in paths) == {2: 4 * 2, 3: 4 * 3 * 2**3}
    naive = sum(closes(pools, tokens[0]) for length in (2, 3) for pools in permutations(every, length))
    assert naive == len(paths)


def closes(chosen, base):
    token = base
    seen = [base]
    for pool in chosen:
        if token not in (pool.token0, pool.token1):
            return False
        token = pool.token1 if token == pool.token0 else pool.token0
        seen.append(token)
    return token == base and base not in seen[1:-1]


def test_memory_changes_nothing():
    """One pool moves: what is remembered of the others gives what a fresh look gives."""
    tokens = [BASE, b"\x01" * 20, b"\x02" * 20]
    every = [
        Pair(bytes([16 * i + j + 64 * twice]) * 20, FACTORY, *sorted((tokens[i], tokens[j])), FEES[twice])
        for i, j in combinations(range(3), 2)
        for twice in range(2)
    ]
    search = BruteForce(every, BASE)
    states = {pool.address: (10**9, 10**9 + 10**7 * n) for n, pool in enumerate(every)}
    for moved in every:
        states = states | {moved.address: (10**9, states[moved.address][1] * 9 // 10)}
        fresh = candidates([(pool, states[pool.address]) for pool in every], BASE)
        assert search.candidates(states) == fresh
        assert {len(one.path.pools) for one in fresh} == {2, 3}
        assert best(fresh, 3).gain == max(one.gain for one in fresh if len(one.path.pools) == 3)


POOLS = [Pair(bytes([n]) * 20, FACTORY, BASE, b"\xcc" * 20, FEES[0]) for n in range(8)]


class Gas:
    def __init__(self, fixed, each):
        self.fixed, self.each = fixed, each

    def of_cycle(self, cycle):
        return self.each * len(cycle.path.pools)


@st.composite
def cycle_sets(draw):
    chosen = st.lists(st.sampled_from(POOLS), min_size=2, max_size=3, unique=True)
    gains = st.integers(1, 1_000)
    return [
        Candidate(Path(tuple(pools), (BASE,) * len(pools)), SizedCycle((0, gain), (0,) * len(pools), 0))
        for pools, gain in draw(st.lists(st.tuples(chosen, gains), max_size=11))
    ]


@given(cycle_sets(), st.integers(0, 600), st.integers(0, 100))
@settings(max_examples=300, deadline=None)
def test_the_best_of_all_subsets(found, fixed, each):
    gas = Gas(fixed, each)
    chosen = best_disjoint(found, gas, 1)
    subsets = chain.from_iterable(combinations(found, count) for count in range(1, len(found) + 1))
    totals = [
        sum(cycle.gain - gas.of_cycle(cycle) for cycle in subset) - fixed
        for subset in subsets
        if sum(len(cycle.pools) for cycle in subset) == len(frozenset().union(*(c.pools for c in subset)))
    ]
    event(f"{len(chosen.cycles)} cycles in the best set")
    assert chosen.net == max([0, *totals])
    assert len(chosen.pools) == sum(len(cycle.pools) for cycle in chosen.cycles)


def test_a_pair_serves_one_cycle_only():
    """Three pairs of one token at three prices: two of the three possible cycles would share a pair."""
    market = [(pool, (10**9, 10**9 + n * 10**8)) for n, pool in enumerate(POOLS[:3])]
    found = candidates(market, BASE)
    assert len(found) == 3
    assert best_disjoint(found, Gas(0, 0), 1).cycles == (best(found),)


def test_nothing_that_does_not_pay_its_gas():
    market = [(pool, (10**9, 10**9 + n * 10**8)) for n, pool in enumerate(POOLS[:2])]
    chosen = best_disjoint(candidates(market, BASE), Gas(10**12, 0), 1)
    assert (chosen.cycles, chosen.net) == ((), 0)


def test_pairs_without_the_base_token_make_no_cycle():
    pairs = [Pair(bytes([n]) * 20, FACTORY, b"\x01" * 20, b"\xcc" * 20, FEES[0]) for n in range(2)]
    assert candidates([(pair, (10**9, 10**9)) for pair in pairs], BASE) == []

"""The best disjoint set against trying every subset of every cycle, on small hand-made markets."""

from itertools import chain, combinations

from hypothesis import event, given, settings
from hypothesis import strategies as st

from oracle.brute_force import best_disjoint, candidates
from oracle.facts import Fee, Pair

BASE = b"\xba" * 20
FEES = (Fee(997, 1000), Fee(998, 1000))
LARGE = st.integers(10**6, 10**9)


@st.composite
def markets(draw):
    """Up to three tokens, up to four pairs of each with the base token, which stands on either side."""
    pairs, reserves = [], {}
    for token in range(draw(st.integers(1, 3))):
        middle = bytes([0xB9 + token % 2 * 2, token]) + bytes(18)
        for venue in range(draw(st.integers(1, 4))):
            address = bytes([token, venue]) * 10
            token0, token1 = sorted((BASE, middle))
            pairs.append(Pair(address, b"\xfa" * 20, token0, token1, FEES[venue % 2]))
            reserves[address] = (draw(LARGE), draw(LARGE))
    return pairs, reserves


def are_disjoint(cycles):
    return 2 * len(cycles) == len(frozenset().union(*(cycle.pools for cycle in cycles)))


@given(markets(), st.integers(0, 10**7), st.integers(0, 10**7))
@settings(max_examples=60, deadline=None)
def test_the_best_of_all_subsets(market, fixed, each):
    pairs, reserves = market
    found = candidates(pairs, reserves, BASE)
    every = list(chain.from_iterable(found.values()))
    if len(every) > 12:
        every = every[:12]
        found = {
            index: [cycle for cycle in every if cycle in of_token]
            for index, of_token in enumerate(found.values())
        }

    def gas_cost(count):
        return fixed + each * count

    best = best_disjoint(found, gas_cost)
    subsets = chain.from_iterable(combinations(every, count) for count in range(1, len(every) + 1))
    totals = [
        sum(cycle.gain for cycle in subset) - gas_cost(len(subset))
        for subset in subsets
        if are_disjoint(subset)
    ]
    event(f"{len(best.cycles)} cycles in the best set")
    assert best.net == max([0, *totals])
    assert len(best.pools) == 2 * len(best.cycles)


def test_a_pair_serves_one_cycle_only():
    """Three pairs of one token at three prices: two of the three possible cycles would share a pair."""
    pairs = [Pair(bytes([n]) * 20, b"\xfa" * 20, BASE, b"\xcc" * 20, FEES[0]) for n in range(3)]
    reserves = {pair.address: (10**9, 10**9 + n * 10**8) for n, pair in enumerate(pairs)}
    found = candidates(pairs, reserves, BASE)
    [cycles] = found.values()
    assert len(cycles) == 3
    best = best_disjoint(found, lambda _: 0)
    assert best.cycles == (max(cycles, key=lambda cycle: cycle.gain),)


def test_nothing_that_does_not_pay_its_gas():
    pairs = [Pair(bytes([n]) * 20, b"\xfa" * 20, BASE, b"\xcc" * 20, FEES[0]) for n in range(2)]
    reserves = {pair.address: (10**9, 10**9 + n * 10**8) for n, pair in enumerate(pairs)}
    best = best_disjoint(candidates(pairs, reserves, BASE), lambda _: 10**12)
    assert (best.cycles, best.net) == ((), 0)


def test_pairs_without_the_base_token_make_no_cycle():
    pairs = [Pair(bytes([n]) * 20, b"\xfa" * 20, b"\x01" * 20, b"\xcc" * 20, FEES[0]) for n in range(2)]
    assert candidates(pairs, {pair.address: (10**9, 10**9) for pair in pairs}, BASE) == {}

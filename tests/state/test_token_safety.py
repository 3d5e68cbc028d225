"""The book of verdicts and the plans of probes, without a chain."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.identity import keccak
from bot.core.result import Unknown
from bot.state import token_probes
from bot.state.pool_depth import depth_down
from bot.state.pool_table import V2Pool
from bot.state.token_probes import MOST_OTHER_POOLS, ProbePlan, ProbeSetting, plan_probe
from bot.state.token_verdicts import Safe, Undecided
from tests.state.token_tables import (
    COIN,
    DOLLAR,
    ETHER,
    FAULTY,
    ODD,
    PARTIES,
    POLICY,
    WETH,
    book_over,
    checked,
    plan_of,
    table_of,
    tokens,
)

# The book


def test_nothing_is_traded_before_it_was_tested():
    table = table_of((WETH, COIN, ETHER), (COIN, DOLLAR, ETHER))
    book = book_over(table)
    assert not table.live.any()
    assert book.due(0) == [one for one in book.tokens() if one != WETH]
    assert book.note(checked(COIN, Safe(), 0)) == (0,)
    assert table.live.tolist() == [True, False]
    assert book.note(checked(DOLLAR, FAULTY, 0)) == ()
    assert "fee on sale: 100 sent to a pool, 99 arrived" in table.why_barred(1)
    assert book.note(checked(DOLLAR, Safe(), 1)) == (1,)
    assert table.live.all()


@pytest.mark.parametrize(
    ("verdict", "age", "is_due"),
    [
        (Safe(), 0, False),
        (Safe(), 299, False),
        (Safe(), 300, True),
        (FAULTY, 299, False),
        (FAULTY, 300, True),
        (Undecided("silence"), 49, False),
        (Undecided("silence"), 50, True),
    ],
)
def test_what_is_asked_again_and_when(verdict, age, is_due):
    book = book_over(table_of((WETH, COIN, ETHER)))
    book.note(checked(COIN, verdict, 1_000))
    assert (COIN in book.due(1_000 + age)) == is_due


def test_a_safe_verdict_bars_when_it_is_too_old_and_not_before():
    table = table_of((WETH, COIN, ETHER))
    book = book_over(table)
    book.note(checked(COIN, Safe(), 1_000))
    assert book.expire(1_399) == ()
    assert table.live.all()
    assert book.expire(1_400) == (0,)
    assert not table.live.any()
    assert book.expire(1_401) == ()


@pytest.mark.parametrize("known", [Safe(), FAULTY])
def test_a_failure_to_test_changes_no_verdict_that_holds(known):
    table = table_of((WETH, COIN, ETHER))
    book = book_over(table, 1_300, known=[checked(COIN, known, 1_000)])
    standing = table.live.tolist()
    assert book.note(checked(COIN, Undecided("silence"), 1_300)) == ()
    assert (table.live.tolist(), book.checked) == (standing, (checked(COIN, known, 1_000),))
    assert book.due(1_349) == []
    assert book.due(1_350) == [COIN]
    book.note(checked(COIN, Undecided("silence"), 1_400))
    assert book.checked == (checked(COIN, Undecided("silence"), 1_400),)
    assert not table.live.any()


def test_never_tested_ones_come_first_then_the_oldest():
    table = table_of((WETH, COIN, ETHER), (WETH, DOLLAR, ETHER), (WETH, ODD, ETHER))
    book = book_over(table, known=[checked(COIN, Safe(), 70), checked(DOLLAR, Safe(), 60)])
    assert book.due(1_000) == [ODD, DOLLAR, COIN]


def test_a_verdict_from_the_future_is_none():
    """The chain is another, or the clock of its blocks went back."""
    table = table_of((WETH, COIN, ETHER))
    book = book_over(table, 999, known=[checked(COIN, Safe(), 1_000)])
    assert not table.live.any()
    assert book.due(999) == [COIN]


def test_another_table_gets_the_same_bars():
    first, second = table_of((WETH, COIN, ETHER)), table_of((DOLLAR, COIN, ETHER), (COIN, WETH, ETHER))
    book = book_over(first)
    book.note(checked(COIN, Safe(), 0))
    book.adopt(second, 1)
    assert second.live.tolist() == [False, True]
    assert set(book.tokens()) == {DOLLAR, COIN, WETH}


events = st.lists(
    st.tuples(
        st.sampled_from([COIN, DOLLAR, ODD]),
        st.sampled_from([Safe(), FAULTY, Undecided("silence")]),
        st.integers(0, 300),
    ),
    max_size=12,
)
lists = st.frozensets(st.sampled_from(tokens))


@settings(deadline=None)
@given(events, lists, lists)
def test_a_pool_is_live_only_while_both_tokens_are_safe(events, allowed, denied):
    """Told over again by the last word of each token, whatever came in which order."""
    policy = msgspec.structs.replace(POLICY, allowed=allowed, denied=denied)
    table = table_of(*((one, other, ETHER) for one in tokens for other in tokens if one < other))
    book, now, last = book_over(table, policy=policy), 0, {}
    for token, verdict, passes in events:
        now += passes
        book.expire(now)
        book.note(checked(token, verdict, now))
        known = last.get(token)
        if not (isinstance(verdict, Undecided) and known and known[0] != verdict and now - known[1] < 400):
            last[token] = (verdict, now)
        for index, pool in enumerate(table.pools):
            standing = [
                one not in denied
                and (
                    one in allowed
                    or one == WETH
                    or (last.get(one, (None,))[0] == Safe() and now - last[one][1] < 400)
                )
                for one in (pool.token0, pool.token1)
            ]
            assert table.live[index] == all(standing)


def test_a_pool_born_after_the_verdict_is_barred_and_its_token_due_at_once():
    table = table_of((WETH, COIN, ETHER))
    first, second = table.pools[0].address, keccak(b"born later")[12:]
    book = book_over(table)
    book.note(checked(COIN, Safe(), 1_000, frozenset({first})), [0])
    assert (table.live.tolist(), book.due(1_001)) == ([True], [])
    token0, token1 = sorted((WETH, COIN))
    table.add(V2Pool(second, "uniswap-v2", token0, token1, 997, 1000), ETHER, ETHER)
    book.take_in(1_001)
    assert (table.live.tolist(), book.due(1_001)) == ([True, False], [COIN])
    book.note(checked(COIN, Undecided("silence"), 1_001))
    assert (table.live.tolist(), book.due(1_002)) == ([True, False], []), "tried again after the retry time"
    assert book.due(1_051) == [COIN]
    assert book.note(checked(COIN, Safe(), 1_051, frozenset({second})), [1]) == (1,)
    assert (table.live.tolist(), book.due(1_052)) == ([True, True], [])
    [kept] = book.checked
    assert kept.pools == {first, second}
    book.note(checked(COIN, Safe(), 1_060, frozenset({second})), [0, 1])
    assert table.live.tolist() == [False, True], "what a check could not go through is barred again"
    assert (book.due(1_109), book.due(1_110)) == ([], [COIN]), "tried again after the retry time"


def test_an_empty_pool_waits_until_there_is_something_in_it():
    table = table_of((WETH, COIN, ETHER), (WETH, COIN, 10))
    book = book_over(table)
    book.note(checked(COIN, Safe(), 0, frozenset({table.pools[0].address})), [0])
    assert book.due(100) == []
    table.set_reserves(1, ETHER, ETHER)
    assert book.due(100) == [COIN]


def test_pools_that_one_probe_has_no_room_for_come_in_the_next():
    table = table_of(*((WETH, COIN, (40 - place) * ETHER) for place in range(30)))
    book, seen = book_over(table), set()
    for at in range(1, 4):
        assert book.due(at) == [COIN]
        setting = ProbeSetting(table, book.pools_of, lambda _: False, WETH, PARTIES, book.is_covered)
        plan = plan_probe(COIN, setting)
        seen |= set(plan.pools)
        book.note(checked(COIN, Safe(), at, frozenset(plan.holders[2:])), plan.pools, plan.left)
        assert set(table.live.nonzero()[0]) == seen
    assert (len(seen), book.due(4)) == (30, [])


# The plan


def test_the_deepest_pool_with_weth_is_traded_and_the_others_are_delivered_to():
    table = table_of((COIN, DOLLAR, 900 * ETHER), (WETH, COIN, 5 * ETHER), (WETH, COIN, 70 * ETHER))
    plan = plan_of(table, COIN)
    assert plan.ether == 70 * ETHER // 100 + 70 * ETHER // 8
    assert plan.holders[2:] == tuple(table.pools[index].address for index in (2, 0, 1))
    delivered = [step.pool for step in plan.steps if step.name == "deliver"]
    assert delivered == [table.pools[0].address, table.pools[1].address]
    assert [step.pool for step in plan.steps if step.name == "sell elsewhere"] == [table.pools[1].address]


def test_no_more_pools_are_visited_than_one_look_can_see():
    table = table_of(*((WETH, COIN, place * ETHER) for place in range(1, 30)))
    plan = plan_of(table, COIN)
    assert len(plan.holders) == 3 + MOST_OTHER_POOLS <= 16


def test_without_weth_it_goes_through_a_safe_token():
    table = table_of((COIN, DOLLAR, ETHER), (WETH, DOLLAR, ETHER))
    assert isinstance(plan_of(table, COIN), Unknown)
    book = book_over(table, known=[checked(DOLLAR, Safe(), 0)])
    plan = plan_of(table, COIN, book)
    assert [step.name for step in plan.today[:3]] == ["wrap", "currency", "buy"]


@pytest.mark.parametrize("spoil", ["stop", "out_of_service", "dust"])
def test_a_pool_that_is_not_there_tests_nothing(spoil):
    table = table_of((WETH, COIN, 999_999 if spoil == "dust" else ETHER))
    if spoil == "stop":
        table.stop(0)
    if spoil == "out_of_service":
        table.take_out_of_service(0)
    assert plan_of(table, COIN) == Unknown(
        "no pool with WETH or with a safe token to test it in (0 pools with others)"
    )


def test_the_pools_of_a_hub_are_measured_once_and_only_those_with_weth(monkeypatch):
    """Of three hundred tokens with one pool each, all with the same safe token."""
    measured = []

    def counted(table, index, token):
        measured.append((index, token))
        return depth_down(table, index, token)

    monkeypatch.setattr(token_probes, "depth_down", counted)
    spokes = [keccak(b"spoke %d" % number)[12:] for number in range(300)]
    table = table_of((WETH, DOLLAR, ETHER), *((DOLLAR, spoke, ETHER) for spoke in spokes))
    book = book_over(table, known=[checked(DOLLAR, Safe(), 0)])
    setting = ProbeSetting(table, book.pools_of, lambda one: book.why_not(one, 0) is None, WETH, PARTIES)
    assert all(isinstance(plan_probe(spoke, setting), ProbePlan) for spoke in spokes)
    assert len(measured) == 2 * len(table)
    measured.clear()
    setting = ProbeSetting(table, book.pools_of, lambda one: book.why_not(one, 0) is None, WETH, PARTIES)
    plan_probe(spokes[0], setting)
    assert {index for index, _ in measured} == {0, 1}, "one plan measures the pools that it goes through"

"""The book of verdicts and what the probe's answers mean, without a chain."""

from itertools import count

import msgspec
import pytest
from eth_abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.identity import BlockRef, keccak
from bot.core.result import Ok, Reverted, Unknown
from bot.state import token_probes
from bot.state.pool_depth import depth_down
from bot.state.pool_table import PoolTable, V2Pool
from bot.state.token_answers import read_answers
from bot.state.token_probes import MOST_OTHER_POOLS, Parties, ProbePlan, ProbeSetting, plan_probe
from bot.state.token_safety import TokenBook, TokenPolicy
from bot.state.token_verdicts import Checked, Safe, Undecided, Unsafe

ETHER = 10**18
WETH, COIN, DOLLAR, ODD = tokens = tuple(keccak(name)[12:] for name in (b"weth", b"coin", b"dollar", b"odd"))
PARTIES = Parties(*(keccak(name)[12:] for name in (b"ours", b"sender", b"stranger", b"outsider")))
POLICY = TokenPolicy(trusted=frozenset({WETH}), allowed=frozenset(), denied=frozenset(), expiry=400, retry=50)
FAULTY = Unsafe("fee on sale", "100 sent to a pool, 99 arrived")


def table_of(*pairs):
    """A pool a pair of (token, token, depth of the first)."""
    table, numbers = PoolTable(), count()
    for first, second, depth in pairs:
        address = keccak(b"pool %d" % next(numbers))[12:]
        token0, token1 = sorted((first, second))
        table.add(V2Pool(address, "uniswap-v2", token0, token1, 997, 1000), depth, depth)
    return table


def checked(token, verdict, at):
    return Checked(token, verdict, BlockRef(at, keccak(b"%d" % at)), at)


def book_over(table, now=0, policy=POLICY, known=()):
    book = TokenBook(policy, known)
    book.adopt(table, now)
    return book


def plan_of(table, token, book=None):
    book = book or book_over(table)
    setting = ProbeSetting(table, book.pools_of, lambda one: book.why_not(one, 0) is None, WETH, PARTIES)
    return plan_probe(token, setting)


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


# The answers


PLAN = plan_of(table_of((WETH, COIN, 100 * ETHER), (WETH, COIN, 50 * ETHER)), COIN)
NAMES = [step.name for step in PLAN.steps]


def honest_answer(step):
    if step.name == "look":
        return Ok(encode(["uint256[]"], [[7] * len(PLAN.holders)]))
    if step.name == "stranger's call":
        return Reverted("no such function")
    return Ok(measured() if step.name != "wrap" else b"")


def measured(sent=1_000, debited=1_000, credited=1_000, asked=500, received=500):
    return encode(["uint256"] * 5, [sent, debited, credited, asked, received])


def verdict(**changes):
    """With the first step of each name (dashes for spaces) answered otherwise."""
    answers = [honest_answer(step) for step in PLAN.steps]
    for name, answer in changes.items():
        answers[NAMES.index(name.replace("_", " "))] = answer
    return read_answers(PLAN, answers)


def test_an_honest_token_is_safe():
    assert isinstance(PLAN, ProbePlan)
    assert verdict() == Safe()


NO = Reverted("no")
CASES = [
    ({"buy": NO}, "receiver refused"),
    ({"buy": NO, "buy_for a stranger": NO}, "buyer refused"),
    ({"buy": NO, "buy_for a stranger": NO, "stranger_buys": NO}, "cannot be bought"),
    ({"buy_for a stranger": NO}, "cannot be bought"),
    ({"buy": Ok(measured(received=499))}, "fee on purchase"),
    ({"buy": Ok(measured(received=501))}, "balance lies"),
    ({"send": NO}, "sender refused"),
    ({"send": NO, "stranger_sends": NO}, "cannot be sent"),
    ({"send": Ok(measured(credited=999))}, "fee on transfer"),
    ({"send": Ok(measured(debited=1_001))}, "fee on top"),
    ({"stranger_sends": Ok(measured(credited=999))}, "fee on transfer"),
    ({"sell_little": NO}, "sender refused"),
    ({"sell_little": NO, "stranger_sells": NO}, "cannot be sold"),
    ({"sell_little": Ok(measured(credited=999))}, "fee on sale"),
    ({"sell_much": NO}, "cannot be sold"),
    ({"stranger_sells": NO}, "cannot be sold"),
    ({"deliver": NO}, "cannot be sent"),
    ({"deliver": Ok(measured(received=499))}, "fee between pools"),
    ({"sell_elsewhere": NO}, "cannot be sold"),
    ({"buy_elsewhere": NO}, "cannot be bought"),
    ({"buy_elsewhere": Ok(measured(received=499))}, "fee on purchase"),
    ({"buy_much": NO}, "cannot be bought"),
    ({"buy_much": Ok(measured(received=499))}, "fee on purchase"),
    ({"sell_later": NO}, "cannot be sold"),
    ({"sell_later": Ok(measured(credited=999))}, "fee on sale"),
    ({"look": NO}, "balance unreadable"),
    ({"look": Ok(encode(["uint256[]"], [[8] + [7] * (len(PLAN.holders) - 1)]))}, "rebasing"),
    ({"look": Ok(encode(["uint256[]"], [[7] * (len(PLAN.holders) - 1) + [6]]))}, "rebasing"),
]


@pytest.mark.parametrize(("changes", "kind"), CASES)
def test_one_wrong_answer_is_enough(changes, kind):
    found = verdict(**changes)
    assert isinstance(found, Unsafe), found
    assert found.kind == kind


def test_a_short_payment_to_a_concentrated_pool_is_told_by_its_numbers():
    data = keccak(b"Short(uint256,uint256)")[:4] + encode(["uint256", "uint256"], [1_000, 990])
    found = verdict(sell_little=Reverted("custom error", data))
    assert found == Unsafe("fee on sale", "1000 sent to a pool, 990 arrived")


@pytest.mark.parametrize("name", ["wrap", "buy", "look", "sell_later"])
def test_what_cannot_be_read_or_was_not_the_tokens_doing_decides_nothing(name):
    answer = NO if name == "wrap" else Ok(b"\x01")
    assert isinstance(verdict(**{name: answer}), Undecided)


def test_every_step_but_the_strangers_means_counts():
    """A step whose failure nobody reads would be a hole: each is failed in turn, and all its like with it."""
    heard = set()
    for name in set(NAMES):
        answers = [NO if step.name == name else honest_answer(step) for step in PLAN.steps]
        if read_answers(PLAN, answers) != Safe():
            heard.add(name)
    assert set(NAMES) - heard == {"stranger's call", "stranger's currency", "stranger buys"}


TRIP = plan_of(table_of((WETH, COIN, 100 * ETHER), (DOLLAR, COIN, 50 * ETHER)), COIN)


@pytest.mark.parametrize(
    ("name", "answer", "kind"),
    [
        ("trip out", Ok(measured(credited=999)), "fee on sale"),
        ("trip back", Ok(measured(received=499)), "fee on purchase"),
        ("trip out", NO, None),
        ("trip back", NO, None),
        ("trip out", Ok(measured(received=499)), None),
        ("trip back", Ok(measured(credited=999, debited=990)), None),
    ],
)
def test_in_a_pool_with_a_token_nobody_knows_its_own_fees_alone_count(name, answer, kind):
    answers = [
        answer
        if step.name == name
        else Ok(encode(["uint256[]"], [[7] * len(TRIP.holders)]))
        if step.name == "look"
        else honest_answer(step)
        for step in TRIP.steps
    ]
    assert name in [step.name for step in TRIP.steps]
    found = read_answers(TRIP, answers)
    assert found == Safe() if kind is None else found.kind == kind

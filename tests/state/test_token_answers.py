"""What the answers of a probe mean, without a chain."""

import pytest
from eth_abi import encode

from bot.core.identity import keccak
from bot.core.result import Ok, Reverted
from bot.state import token_probes
from bot.state.token_answers import covered_pools, read_answers
from bot.state.token_probes import ProbePlan
from bot.state.token_verdicts import Safe, Undecided, Unsafe
from tests.state.token_tables import COIN, DOLLAR, ETHER, WETH, plan_of, table_of

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


def test_other_steps_have_another_version():
    """A stronger probe must void the verdicts of weaker ones: raise STEPS_VERSION with what is pinned here."""
    shape = b"".join(
        step.name.encode() + step.sender + step.to + step.data for plan in (PLAN, TRIP) for step in plan.steps
    )
    assert (token_probes.STEPS_VERSION, keccak(shape).hex()[:16]) == (2, "10d7edca1b64b2e1")


def test_a_pool_in_which_something_did_not_move_to_the_unit_is_not_covered():
    answers = [
        Ok(encode(["uint256[]"], [[7] * len(TRIP.holders)])) if step.name == "look" else honest_answer(step)
        for step in TRIP.steps
    ]
    assert covered_pools(TRIP, answers) == set(TRIP.holders[2:])
    [out] = [place for place, step in enumerate(TRIP.steps) if step.name == "trip out"]
    for wrong in (NO, Ok(measured(received=499)), Ok(measured(debited=1_001))):
        answers[out] = wrong
        assert covered_pools(TRIP, answers) == {TRIP.holders[2]}

"""What bundles say together, held against counting by hand: relays, builders, bids, times, costs, back-runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from plan_samples import HEAD
from story_samples import BUILDER, COSTS, attempt, behind, block_record, hinted, landed, outbid, rival, story

from bot.core.decisions import Verdict
from bot.core.identity import to_checksum
from bot.ops.ending import ending_of
from bot.ops.report_breakdown import Told, answers_by_relay, breakdown, sent_after

MS = 10**6


def told_of(*stories, after=None):
    return [Told(one, ending_of(one), after) for one in stories]


def rates(row):
    return row["bundles"], row["decided"], row["landed"], row["win_rate_bps"]


def test_a_relay_answers_for_what_it_accepted():
    refused = attempt("titan", answer="refused: no")
    found = breakdown(
        told_of(
            landed(attempt(), refused),
            outbid(attempt(), attempt("titan")),
            landed(attempt("titan"), attempt("titan", block=102)),
            story(None, attempt(answer="unknown: not answered yet")),
        )
    )["relays"]
    market, titan = found
    assert (market["relay"], titan["relay"]) == ("market", "titan")
    assert (market["attempts"], market["accepted"], market["unknown"]) == (3, 2, 1)
    assert rates(market) == (2, 2, 1, 5_000)
    assert (titan["attempts"], titan["accepted"], titan["refused"]) == (4, 3, 1)
    assert rates(titan) == (2, 2, 1, 5_000)


UNDECIDED = [None, Verdict.UNKNOWN, Verdict.CANCELLED, Verdict.REPLACED]


@pytest.mark.parametrize("verdict", UNDECIDED)
def test_what_is_open_or_taken_back_is_in_no_rate(verdict):
    found = breakdown(told_of(story(verdict), landed()))
    assert rates(found["strategies"][0]) == (2, 1, 1, 10_000)
    assert rates(breakdown(told_of(story(verdict)))["strategies"][0]) == (1, 0, 0, None)
    assert sum(row["bundles"] for row in found["bid_shares"]) == 1


def test_builders_by_name_and_coinbase():
    found = breakdown(told_of(landed(), outbid(), landed(), story(Verdict.EXPIRED)))["builders"]
    assert [(row["name"], row["builder"], row["landed"]) for row in found] == [
        ("", to_checksum(BUILDER), 0),
        ("Titan (titanbuilder.xyz)", to_checksum(BUILDER), 2),
    ]


def test_bids_in_steps_and_the_whole_in_the_last():
    shares = (0, 999, 1_000, 8_999, 9_000, 10_000, None)
    found = breakdown(told_of(*(outbid(bid_share=share) for share in shares)))["bid_shares"]
    assert [(row["from_bps"], row["to_bps"], row["bundles"]) for row in found] == [
        (0, 1_000, 2),
        (1_000, 2_000, 1),
        (8_000, 9_000, 1),
        (9_000, 10_000, 2),
    ]


def test_times_from_the_head_to_the_sending():
    bundles = [
        *told_of(landed(), after=9 * MS),
        *told_of(outbid(), outbid(), after=10 * MS),
        *told_of(landed(), after=10_000 * MS),
        *told_of(landed()),
    ]
    found = breakdown(bundles)["send_times"]
    assert [(row["from_ms"], row["to_ms"], row["landed"], row["bundles"]) for row in found] == [
        (0, 10, 1, 1),
        (10, 20, 0, 2),
        (10_000, None, 1, 1),
    ]
    steps = {HEAD: block_record(**{"seen to sent": 7}).durations}
    assert sent_after(steps, landed()) == 7
    assert sent_after({}, landed()) is None


def test_how_short_in_the_median_and_at_worst():
    lost = [outbid(), outbid(by=rival(payers=2, paid_at_most=10**15)), outbid(by=rival(paid_at_most=None))]
    assert breakdown(told_of(landed(), *lost))["shortfalls"] == {
        "outbid": 3,
        "payment_known": 2,
        "payment_exact": 1,
        "median_short_bps": 0,
        "worst_short_bps": 2_500,
    }
    assert breakdown(told_of(landed()))["shortfalls"]["median_short_bps"] is None


def test_back_runs_and_those_by_hints():
    found = breakdown(told_of(landed(behind=behind()), outbid(behind=hinted()), landed()))["back_runs"]
    assert rates(found) == (2, 2, 1, 5_000)
    assert found["hinted"] == 1


GAS = st.integers(21_000, 600_000)


@given(st.lists(GAS, max_size=6))
def test_errors_sum_and_the_worst_is_furthest_from_zero(used):
    ends = [landed(end={"costs": replace(COSTS, gas=gas)}) for gas in used]
    found = breakdown(told_of(*ends, outbid(), landed(end={"costs": None})))["cost_errors"]
    if not used:
        assert found == {}
        return
    errors = [gas - 200_000 for gas in used]
    assert found["gas"]["error"] == str(sum(errors))
    assert abs(int(found["gas"]["worst"])) == max(map(abs, errors))
    assert found["gas"]["exact"] == errors.count(0)
    for row in found.values():
        assert int(row["paid"]) - int(row["predicted"]) == int(row["error"])
    parts = sum(int(found[term]["error"]) for term in ("gas_cost", "l1_fee", "flash_fee", "payment"))
    assert int(found["total"]["error"]) == parts


def test_answers_are_those_that_came():
    bundle = landed(attempt(after_ms=2), attempt("titan", answer="unknown: time-out", after_ms=900))
    assert answers_by_relay(told_of(bundle)) == {"answer of market": [2 * MS]}


def test_nothing_sent_is_a_breakdown_too():
    found = breakdown([])
    assert found["back_runs"]["win_rate_bps"] is None
    assert not any(found[name] for name in ("strategies", "relays", "builders", "bid_shares", "send_times"))

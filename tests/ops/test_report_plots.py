"""Pictures of the report: parsed as XML, their bars and lines are the report's own figures."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import BadConfiguration
from bot.journal.read import JournalReader
from bot.ops.report import build_report
from bot.ops.report_plots import pictures, write_plots
from bot.ops.svg_chart import Bar, bar_chart, line_chart

SVG = "{http://www.w3.org/2000/svg}"


def bars_of(picture):
    """Label to (note, signed height in the picture's units)."""
    found = {}
    for rect in ET.fromstring(picture).iter(f"{SVG}rect"):
        title = rect.find(f"{SVG}title")
        if title is not None:
            label, note = title.text.split(": ", 1)
            sign = 1 if rect.get("fill") == "#2f6f9f" else -1
            found[label] = note, sign * float(rect.get("height"))
    return found


def line_of(picture):
    lines = list(ET.fromstring(picture).iter(f"{SVG}polyline"))
    return [tuple(map(float, pair.split(","))) for line in lines for pair in line.get("points").split()]


@pytest.fixture
def report(run_folder):
    return build_report(JournalReader(run_folder / "journal.sqlite3"))


def test_a_run_is_drawn(report, tmp_path):
    written = write_plots(report, tmp_path / "new" / "plots")
    assert sorted(path.stem for path in written) == [
        "cost_error",
        "profit_by_block",
        "relay_latency",
        "win_rate_by_bid_share",
        "win_rate_by_relay",
        "win_rate_by_send_time",
    ]
    for path in written:
        text = path.read_text()
        assert not re.search(r"<script|<image|@import|url\(|href", text)
        assert ET.fromstring(text).tag == f"{SVG}svg"
    drawn = pictures(report)
    assert bars_of(drawn["win_rate_by_relay"])["market"][0] == "2 of 4 landed"
    assert {label: note for label, (note, _) in bars_of(drawn["relay_latency"]).items()} == {
        "market p50": "2.9 ms",
        "market p99": "2.9 ms",
    }


def test_the_pictures_are_those_of_the_keys(report):
    row = {"win_rate_bps": 2_500, "landed": 1, "decided": 4}
    told = report | {
        "bid_shares": [
            row | {"from_bps": 8_000, "to_bps": 9_000},
            row | {"from_bps": 9_000, "to_bps": 10_000, "win_rate_bps": 5_000},
        ],
        "send_times": [row | {"from_ms": 10_000, "to_ms": None}, row | {"from_ms": 0, "to_ms": 10}],
        "cost_errors": {
            "gas": {"predicted": "1000", "paid": "1050", "error": "50"},
            "base_fee": {"predicted": "1000", "paid": "900", "error": "-100"},
            "l1_fee": {"predicted": "0", "paid": "0", "error": "0"},
        },
        "bundles": [
            {"target_block": block, "realized_profit": profit, "gas_cost_wei": gas}
            for block, profit, gas in ((7, "100", "10"), (9, None, "30"), (8, None, None), (7, "10", "0"))
        ],
    }
    drawn = pictures(told)
    shares = bars_of(drawn["win_rate_by_bid_share"])
    assert list(shares) == ["80-90 %", "90-100 %"]
    assert 2 * shares["80-90 %"][1] == pytest.approx(shares["90-100 %"][1], abs=0.02)
    assert set(bars_of(drawn["win_rate_by_send_time"])) == {"from 10000 ms", "< 10 ms"}
    errors = bars_of(drawn["cost_error"])
    assert set(errors) == {"gas", "base fee"}
    assert -2 * errors["gas"][1] == pytest.approx(errors["base fee"][1], abs=0.02)
    (x7, y7), (x8, y8), (x9, y9) = line_of(drawn["profit_by_block"])
    assert x8 - x7 == pytest.approx(x9 - x8)
    assert (y7 == y8, y9 > y8) == (True, True), "100 gained, nothing, then 30 lost: down is a greater y"


@given(st.lists(st.floats(-1e24, 1e24, allow_nan=False), min_size=1, max_size=20))
def test_heights_are_in_proportion_and_inside(values):
    bars = [Bar(str(place), value, "x") for place, value in enumerate(values)]
    heights = [height for _, height in bars_of(bar_chart("t", bars, str)).values()]
    span = max(0, *values) - min(0, *values)
    for value, height in zip(values, heights, strict=True):
        assert abs(height) <= 249
        if span:
            assert height == pytest.approx(value / span * 248, abs=0.03)
    placed = line_of(line_chart("t", list(enumerate(values)), str))
    assert all(96 <= x <= 744 and 47.9 <= y <= 296.1 for x, y in placed)


def test_names_from_outside_stay_text(report):
    name = "<script>alert(1)</script>&\"'"
    row = {"relay": name, "win_rate_bps": 1, "landed": 1, "decided": 1}
    picture = pictures(report | {"relays": [row]})["win_rate_by_relay"]
    assert "<script" not in picture
    assert name in bars_of(picture)


def test_nothing_to_draw_says_so(report):
    empty = dict.fromkeys(("bid_shares", "send_times", "relays", "bundles"), ())
    for picture in pictures(report | empty | {"cost_errors": {}, "durations": {}}).values():
        assert "nothing to show yet" in picture


def test_a_folder_that_cannot_be_written_is_said_in_a_line(report, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BadConfiguration, match="name a folder to write to"):
        write_plots(report, tmp_path / "file" / "plots")

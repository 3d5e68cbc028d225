"""docs/exchanges.md says what the code does."""

import re
from pathlib import Path

import pytest

from bot.feeds.cex.venues import VENUES

PAGE = (Path(__file__).resolve().parents[3] / "docs/exchanges.md").read_text()
SECOND = 10**9
SPANS = {"second": 1, "5 min": 300, "10 min": 600, "hour": 3600}


def rows(title):
    """Cells of the table below a heading, by its first column."""
    section = PAGE.split(f"## {title}\n", 1)[1].split("\n## ")[0]
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return {cells[0].strip().strip("`"): [cell.strip() for cell in cells[1:]] for cells in lines}


def a_time(cell):
    """Count and nanoseconds of "300 in 5 min" or "2 a second"."""
    count, span = re.match(r"(\d+) (?:in|an?) (second|hour|5 min|10 min)", cell).groups()
    return int(count), SPANS[span] * SECOND


@pytest.mark.parametrize("name", VENUES)
def test_pairs_limits_and_addresses_are_those_of_the_code(name):
    venue = VENUES[name]
    assert rows("What is followed")[name][0] == ", ".join(map(str, venue.default_pairs("ETH")))
    connections, messages, life, ping, rest = rows("Limits kept")[name]
    limits = venue.limits
    assert a_time(connections) == (limits.attempts, limits.per)
    assert a_time(messages) == (limits.messages, limits.messages_per)
    assert ("24 h" in life) == (limits.life == 86_400 * SECOND)
    assert int(ping.split()[0]) * SECOND == limits.heartbeat
    assert ("as text" in ping) == (venue.ping(lambda: 1) is not None)
    if venue.snapshot is None:
        assert rest == ""
    else:
        allowed, weight = map(int, re.findall(r"\d+", rest.replace(",", "")))
        assert (limits.rest_weight, venue.snapshot.weight) == (allowed // 2, weight)
    own = rows("Another host, other pairs")[name][0]
    assert venue.ws_url in own
    assert (venue.rest_url in own) == (venue.snapshot is not None)


def test_every_state_of_a_status_is_explained():
    assert set(rows("States in `bot status`")) == {
        "connecting",
        "syncing",
        "live",
        "stale",
        "waiting",
        "stopped",
        "unknown",
    }

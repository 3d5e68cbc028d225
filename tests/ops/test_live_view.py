"""What a person sees while it runs: nothing wraps, the amounts are there, `=` is said of equal amounts alone."""

import asyncio
import io

import pytest
from rich.console import Console
from run_on_disk import DENIED, ENDINGS, OPEN, block, drop, id_of, intent, later_landed, outcome, record

from bot.ops.live_view import EQUAL_JUST_NOW, Size, render
from bot.ops.observed_journal import ObservedJournal
from bot.ops.run_progress import LimitUse, RunProgress
from bot.ops.show import PlainLines

BANNER = "Local market — not real money."
LANDED, SHORT, REVERTED, OUTBID, UNKNOWN = ENDINGS
SIZES = [(80, 24), (100, 30), (140, 45)]


def observed():
    progress = RunProgress()
    for name in (*ENDINGS, OPEN):
        progress.on_intent(intent(name))
    progress.on_drop(drop(DENIED, "risk", "fee_per_gas"))
    for name in ENDINGS:
        progress.on_outcome(outcome(name))
    for number in (101, 102, 103):
        progress.on_block(block(number))
    progress.limits = (LimitUse("main", "gas today", 90, 100), LimitUse("main", "loss today", 0, 0))
    return progress


def drawn(progress, width, height, **options):
    console = Console(width=width, file=io.StringIO(), record=True, force_terminal=True)
    console.print(render(progress, BANNER, Size(width, height), **options))
    return console.export_text().splitlines()


def row(lines, name):
    return next(line for line in lines if line.startswith(id_of(name)))


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_fits_and_shows_verdict_predicted_and_realised(width, height):
    lines = drawn(observed(), width, height, is_stopping=True)
    assert max(map(len, lines)) <= width
    assert len(lines) < height
    shown = [name for name in ENDINGS if any(line.startswith(id_of(name)) for line in lines)]
    assert len(shown) >= 2
    for name in shown:
        assert ENDINGS[name][0].value.replace("_", " ") in row(lines, name)
        assert "0.100000000" in row(lines, name)
    assert any("gas today 90 %" in line for line in lines)


def test_equal_to_the_wei_or_not():
    lines = drawn(observed(), 140, 45)
    assert row(lines, LANDED).split()[3:6] == ["0.100000000", "=", "0.100000000"]
    assert row(lines, SHORT).split()[3:6] == ["0.100000000", "≠", "0.099999999"]
    assert "=" not in row(lines, OUTBID)
    assert "—" in row(lines, OUTBID)


def test_reverts_count_against_the_net():
    lines = drawn(observed(), 110, 40)
    heading = next(i for i, line in enumerate(lines) if line.startswith("So far, in ETH"))
    predicted, realised, gas, net, builders = lines[heading + 2].split()
    assert (predicted, realised) == ("0.200000000", "0.199999999")
    assert (gas, net, builders) == ("0.006000000", "0.193999999", "0.060000000")


def test_a_bundle_stands_out_in_its_own_block_alone():
    def marks(newest):
        progress = RunProgress()
        progress.on_intent(intent(LANDED))
        progress.on_outcome(later_landed(LANDED, 102))
        progress.on_block(block(newest))
        console = Console(width=110)
        picture = console.render(render(progress, BANNER, Size(110, 40)))
        wanted = console.get_style(EQUAL_JUST_NOW)
        return [part.text for part in picture if part.style is not None and part.style == wanted]

    assert any("0.100000000" in text for text in marks(102))
    assert marks(103) == []


def test_stopping_says_what_it_waits_for():
    lines = drawn(observed(), 110, 40, is_stopping=True)
    assert "waiting for the verdict of 1 bundle in flight" in lines[1]
    settled = RunProgress()
    assert "nothing is in flight" in drawn(settled, 110, 40, is_stopping=True)[1]
    assert not any("Stopping" in line for line in drawn(settled, 110, 40))


def test_the_same_progress_gives_the_same_picture():
    assert drawn(observed(), 100, 30) == drawn(observed(), 100, 30)


def test_plain_lines_tell_each_ending_once():
    progress, said = RunProgress(), []
    lines = PlainLines(progress, said.append, asyncio.Event())
    for name in (LANDED, SHORT, OUTBID):
        progress.on_intent(intent(name))
    progress.on_outcome(outcome(LANDED))
    progress.on_block(block(101))
    lines.after_block()
    progress.on_outcome(outcome(SHORT))
    progress.on_outcome(outcome(OUTBID))
    progress.on_block(block(102))
    lines.after_block()
    assert [line.split()[0] for line in said] == [
        id_of(LANDED),
        "block",
        id_of(SHORT),
        id_of(OUTBID),
        "block",
    ]
    assert "realised 0.100000000 ETH = predicted" in said[0]
    assert "realised 0.099999999 ETH ≠ predicted 0.100000000 ETH" in said[2]
    assert "taken by the competitor" in said[3]


class RefusingJournal:
    async def record_outcome(self, _):
        raise OSError("disk full")


async def test_nothing_is_shown_that_was_not_recorded():
    progress = RunProgress()
    progress.on_intent(intent(LANDED))
    with pytest.raises(OSError):
        await record(ObservedJournal(RefusingJournal(), progress), outcome(LANDED))
    assert progress.verdicts.total() == 0

"""The exchanges on the terminal: each with its figures on one line, the price or why there is none, nothing too long."""

import asyncio
import io

import msgspec
import pytest
from exchange_boards import NOW, QUOTES, STATUSES, board, quote, status
from rich.console import Console, Group
from run_on_disk import ENDINGS, block, intent, outcome

from bot.ops.exchange_view import board_lines, changes, exchange_section, summary, unseen_board
from bot.ops.live_view import FEWEST_ROWS, FIXED_LINES, Size, render
from bot.ops.run_progress import LimitUse, RunProgress
from bot.ops.show import PlainLines

NAMES = [one.exchange for one in STATUSES]
TABLE_AT = FIXED_LINES + 2 * FEWEST_ROWS + 3 + len(STATUSES) + 1


def progress_with(exchanges):
    progress = RunProgress()
    for name in ENDINGS:
        progress.on_intent(intent(name))
        progress.on_outcome(outcome(name))
    for number in range(101, 111):
        progress.on_block(block(number))
    progress.limits = (LimitUse("main", "gas today", 90, 100), LimitUse("main", "loss today", 0, 0))
    progress.exchanges = exchanges
    return progress


def drawn(exchanges, width, height, now=NOW):
    console = Console(width=width, file=io.StringIO(), record=True, force_terminal=True)
    size = Size(width, height)
    picture = render(progress_with(exchanges), "Local market.", size, is_stopping=True, now=now)
    console.print(picture)
    return console.export_text().splitlines()


def row(lines, name):
    (found,) = [line for line in lines if line.startswith(f"{name} ")]
    return found


@pytest.mark.parametrize("width", [80, 96, 110, 160])
@pytest.mark.parametrize("height", [24, 27, 30, TABLE_AT, 36, 50])
def test_it_fits_the_terminal(width, height):
    lines = drawn(board(assets=("ETH", "BTC")), width, height)
    assert max(map(len, lines)) <= width
    assert len(lines) < height
    assert any("ETH" in line and "USD" in line for line in lines)


@pytest.mark.parametrize("width", [80, 110])
def test_every_figure_of_every_exchange_on_its_line(width):
    lines = drawn(board(), width, TABLE_AT)
    assert any(line.startswith("Exchanges (3 of 6 live)") for line in lines)
    assert row(lines, "binance").split()[:8] == ["binance", "live", "0.1", "s", "42", "0", "0", "-3"]
    assert row(lines, "coinbase").split()[4:8] == ["42", "3", "2", "-3"]
    assert row(lines, "okx").split()[4:8] == ["20412", "0", "0", "+1270"]
    assert row(lines, "bybit").split()[1:3] == ["waiting", "—"]
    assert "ETH/USDT" in row(lines, "binance")
    if width == 110:
        assert "2999.850 / 3000.150" in row(lines, "binance")
        assert row(lines, "kraken").rstrip().endswith("no data frame for 4.2 s")


def test_a_low_terminal_has_lines_instead_of_the_table():
    lines = drawn(board(), 80, TABLE_AT - 1)
    assert not any("msg/s" in line for line in lines)
    assert any("binance live, binance-usdm connecting" in line for line in lines)
    assert drawn(board(), 80, 24)[-1].startswith(
        "exchanges 3/6 live · ETH 3000.500 USD · bybit waiting: refused: this region is"
    )


GAIERROR = "cannot connect: gaierror: [Errno -3] Temporary failure in name resolution; next attempt in 12.3 s"


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (GAIERROR, "name resolution fails"),
        ("cannot connect: ConnectionRefusedError: [Errno 111] Connect call failed", "Connect call failed"),
        ("cannot connect: OSError: ", "OSError:"),
        ("refused: HTTP 451", "refused: HTTP 451"),
    ],
)
def test_in_80_columns_the_reason_itself_can_be_read(reason, shown):
    down = tuple(status(name, "waiting", reason, age=None) for name in NAMES)
    lines = drawn(board((), down), 80, TABLE_AT)
    assert all(f" {shown}" in row(lines, name) for name in NAMES)
    if reason is GAIERROR:
        low = drawn(board((), down), 80, 24)[-1]
        assert low.startswith("exchanges 0/6 live · ETH no price · binance waiting: name resolution fails")


def test_the_summary_names_the_worst_state():
    states = ("connecting", "syncing", "stale", "waiting", "unknown", "stopped")
    said = [status(state, state, f"because {state}") for state in states]
    for worst in range(1, len(states) + 1):
        name = states[worst - 1]
        assert summary(board((), tuple(said[:worst]))).endswith(f" · {name} {name}: because {name}")


@pytest.mark.parametrize("height", [24, TABLE_AT - 1, TABLE_AT])
def test_ages_are_counted_to_the_present(height):
    first = drawn(board(), 110, height)
    assert drawn(board(), 110, height, NOW - 5 * 10**9) == first
    later = drawn(board(), 110, height, NOW + 7 * 10**9)
    assert not any("as of" in line for line in drawn(board(), 110, height, NOW + 3 * 10**9))
    assert sum("as of 7 s ago" in line for line in later) == 1
    assert len(later) == len(first)
    if height == TABLE_AT:
        assert row(later, "binance").split()[2:4] == ["7.1", "s"]
        assert row(later, "bybit").split()[2] == "—"
        assert any("8.0 s old" in line for line in later)


def test_what_could_not_be_looked_at_is_unknown():
    unseen = unseen_board(board(), ("ETH",), "RuntimeError: odd", NOW)
    assert [one.exchange for one in unseen.statuses] == NAMES
    assert {(one.state, one.age) for one in unseen.statuses} == {("unknown", None)}
    assert summary(unseen).startswith(
        "exchanges 0/6 live · ETH no price · binance unknown: a defect of the bot"
    )
    assert "RuntimeError: odd" in board_lines(unseen)[-1]
    assert unseen_board(None, ("ETH",), "x", NOW).statuses == ()


@pytest.mark.parametrize("room", range(1, 16))
def test_it_takes_the_lines_it_says_it_takes(room):
    parts, said = exchange_section(board(assets=("ETH", "BTC", "SOL")), 80, room, NOW)
    console = Console(width=80, file=io.StringIO(), record=True, force_terminal=True)
    console.print(Group(*parts))
    assert len(console.export_text().splitlines()) == said <= room


def test_without_exchanges_the_picture_is_as_it_was():
    lines = drawn(None, 110, 36)
    assert not any("xchange" in line for line in lines)
    assert len(drawn(board(), 110, 36)) > len(lines) - 4
    assert drawn(None, 110, 36) == lines


def test_the_reference_says_who_is_left_out_and_why():
    line = next(line for line in board_lines(board()) if line.startswith("  reference"))
    assert line == (
        "  reference ETH 3000.500 USD · 2 exchanges · without kraken, okx · 2 bps wide · 1.0 s old · USDT 1.000000"
        " · kraken ETH/USD: no data frame for 4.2 s"
        " · okx ETH/USD: 3300.000 is more than 50 bps from the median 3001.000"
    )
    shown = next(line for line in drawn(board(), 80, TABLE_AT) if line.startswith("ETH "))
    assert shown.startswith("ETH 3000.500 USD · 2 exchanges · without kraken, okx")


def test_an_exchange_with_another_book_in_the_price_is_not_without_a_say():
    also = quote("okx", 3_001, "USDT")
    line = board_lines(board((*QUOTES[:4], msgspec.structs.replace(QUOTES[5], stale="cut"), also)))[-1]
    assert "3 exchanges · 2 bps wide" in line
    assert line.endswith("okx ETH/USD: cut")


def test_no_price_says_why():
    line = board_lines(board(QUOTES[1:2]))[-1]
    assert line == "  reference ETH no price: 1 of 2 exchanges needed"
    assert summary(board((), STATUSES[:1])) == "exchanges 1/1 live · ETH no price"


def test_lines_of_status_have_every_exchange_quote_and_refused_pair():
    lines = board_lines(board())
    assert [line.split()[0] for line in lines if line[2] != " "] == [*NAMES, "reference"]
    assert "    ETH/USDT  2999.850 / 3000.150  1.0 s old" in lines
    assert "    ETH/USD  2998.850 / 2999.149  1.0 s old  stale: no data frame for 4.2 s" in lines
    assert "    ETH/EUR: not traded here" in lines
    assert "no frame yet" in next(line for line in lines if "binance-usdm" in line)
    assert "clock offset +1270 ms" in next(line for line in lines if line.startswith("  okx"))


def test_plain_lines_tell_changes_alone():
    before = board()
    assert [line.split(":")[0] for line in changes(None, before)][:2] == [
        "exchange binance",
        "exchange binance-usdm",
    ]
    assert changes(before, board()) == []
    cut = msgspec.structs.replace(STATUSES[2], state="stale", reason="no data frame for 3.1 s")
    after = board(QUOTES[:1], (*STATUSES[:2], cut, *STATUSES[3:]))
    exchange, reference = changes(before, after)
    assert exchange == "exchange coinbase: stale (no data frame for 3.1 s)"
    assert reference.startswith("reference ETH no price: ")
    said = []
    progress = RunProgress()
    plain = PlainLines(progress, said.append, asyncio.Event())
    for progress.exchanges in (None, before, before, after):
        plain.after_block()
    assert len(said) == len(STATUSES) + 1 + 2


def test_a_dash_in_a_reason_or_a_bracket_is_no_markup():
    strange = status("okx", "waiting", "[bold]refused[/bold] [/]")
    assert "[bold]refused[/bold] [/]" in row(drawn(board((), (strange,)), 110, 36), "okx")
    assert quote("okx", 1).exchange == "okx"

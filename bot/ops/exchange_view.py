"""What an operator sees of the exchanges: a table and lines for the live view, lines for `bot status` and for plain output.

A board is one look at everything followed. Everything here is made from a board alone: the same board, the same text.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bot.core.market_data import ExchangeStatus, Quote
from bot.core.quantities import format_price
from bot.core.units import Nanoseconds
from bot.state.joined_price import ReferenceConfig
from bot.state.reference_price import DollarRate, NoPrice, ReferencePrice, reference_price

LIVE = "live"
UNKNOWN = "unknown"
"""Of the exchanges when they could not be looked at."""
STATE_STYLES = {LIVE: "green", "stale": "bold red", "stopped": "bold red", UNKNOWN: "bold red"}
"""Of the other states (connecting, syncing, waiting): yellow."""
LATE_AFTER = Nanoseconds(3 * 10**9)
"""A board is made each second: one older than this is said to be."""
WORST_FIRST = ("stopped", UNKNOWN, "waiting", "stale", "syncing")
NAMED_TWICE = re.compile(r"^cannot connect: (?:\w+: )?(?:\[Errno -?\d+\] )?(?=\S)")
UNRESOLVED = re.compile(r"^Temporary failure in name resolution|^Name or service not known")
TABLE_FRAME = 3
"""Lines of the table that are no exchange: a blank one, the title, the heading."""
WIDE_FROM = 104
HEADINGS = ("exchange", "state", "age", "msg/s", "gaps", "resyncs", "offset, ms")
WIDTHS = (12, 10, 7, 6, 5, 7, 10)
NARROW_HEADINGS = ("exchange", "state", "age", "msg/s", "gaps", "resync", "offs ms")
NARROW_WIDTHS = (12, 10, 6, 5, 4, 6, 7)
"""Fixed: a long reason in the last column must not squeeze the figures before it."""


class ExchangeBoard(msgspec.Struct, frozen=True):
    """One look at the exchanges."""

    now: Nanoseconds
    """Monotonic clock, of the look."""
    statuses: tuple[ExchangeStatus, ...]
    """In the order of BOT_EXCHANGES."""
    quotes: tuple[Quote, ...]
    references: tuple[ReferencePrice | NoPrice, ...]
    """One for each asset of BOT_QUOTE_ASSETS, in its order."""


def exchange_board(
    statuses: Sequence[ExchangeStatus],
    quotes: Sequence[Quote],
    assets: Iterable[str],
    config: ReferenceConfig,
    now: Nanoseconds,
) -> ExchangeBoard:
    """`now` on the monotonic clock, the one that stamped the quotes."""
    references = tuple(reference_price(quotes, asset, config) for asset in assets)
    return ExchangeBoard(now, tuple(statuses), tuple(quotes), references)


def unseen_board(
    before: ExchangeBoard | None, assets: Iterable[str], reason: str, now: Nanoseconds
) -> ExchangeBoard:
    """After a look that failed: nothing is known, and no price is left standing."""
    said = f"a defect of the bot ({reason}); see its log"
    statuses = tuple(
        msgspec.structs.replace(status, state=UNKNOWN, reason=said, age=None)
        for status in (before.statuses if before else ())
    )
    return ExchangeBoard(now, statuses, (), tuple(NoPrice(asset, said) for asset in assets))


def aged(board: ExchangeBoard, now: Nanoseconds) -> ExchangeBoard:
    """With every age counted to `now`."""
    later = Nanoseconds(max(0, now - board.now))
    statuses = tuple(
        status if status.age is None else msgspec.structs.replace(status, age=Nanoseconds(status.age + later))
        for status in board.statuses
    )
    return msgspec.structs.replace(board, now=Nanoseconds(board.now + later), statuses=statuses)


def late(board: ExchangeBoard, now: Nanoseconds) -> str:
    """Of a board that should have been followed by another: "as of 7 s ago"; else empty."""
    age = now - board.now
    return f"as of {age // 10**9} s ago" if age > LATE_AFTER else ""


def exchange_section(
    board: ExchangeBoard, width: int, room: int, now: Nanoseconds
) -> tuple[list[RenderableType], int]:
    """For the live view: what to draw, in at most `room` lines (at least one), and how many it takes.

    Where the table does not fit, a line of counts stands for it. `now` on the monotonic clock, as the board's.
    """
    as_of, board = late(board, now), aged(board, now)
    references = [_one_line(_reference_text(board, one)) for one in board.references]
    whole = TABLE_FRAME + len(board.statuses) + len(references)
    if whole <= room:
        return [Text(), _table(board, width, as_of), *references], whole
    lines = (
        [_one_line(Text(summary(board, as_of)))]
        if room == 1
        else [_one_line(_counts(board, as_of)), *references]
    )
    return [*lines[:room]], min(room, len(lines))


def summary(board: ExchangeBoard, as_of: str = "") -> str:
    """One line of everything: "exchanges 4/5 live · ETH 3000.123 USD · okx waiting: HTTP 403"."""
    prices = [
        f"{one.base} {format_price(one.price)} USD"
        if isinstance(one, ReferencePrice)
        else f"{one.base} no price"
        for one in board.references
    ]
    live = sum(status.state == LIVE for status in board.statuses)
    unwell = [status for status in board.statuses if status.state != LIVE]
    worst = min(unwell, key=lambda status: _place(status.state), default=None)
    said = [f"{worst.exchange} {worst.state}: {shortened(worst.reason)}"] if worst and worst.reason else []
    heading = f"exchanges {as_of}:" if as_of else "exchanges"
    return " · ".join([f"{heading} {live}/{len(board.statuses)} live", *prices, *said])


def shortened(reason: str) -> str:
    """For a narrow column: without what the state says already, and without an error's class where a text follows."""
    return UNRESOLVED.sub("name resolution fails", NAMED_TWICE.sub("", reason))


def board_lines(board: ExchangeBoard) -> list[str]:
    """For `bot status`: a line an exchange, one for each of its quotes, one a reference price."""
    lines = []
    for status in board.statuses:
        offset = "unknown" if status.clock_offset is None else f"{_milliseconds(status.clock_offset)} ms"
        lines.append(
            f"  {status.exchange:<12}  {status.state:<10}  {'no frame yet' if status.age is None else f'last frame {_age(status.age)} ago'}  "
            f"{status.messages_per_second:.1f} msg/s  gaps {status.gaps}  resyncs {status.resyncs}  "
            f"reconnects {status.reconnects}  malformed {status.malformed}  clock offset {offset}"
            + (f"  ({status.reason})" if status.reason else "")
        )
        lines += [f"    {_quote_line(quote, board.now)}" for quote in quotes_of(board, status.exchange)]
        lines += [f"    {pair}" for pair in status.pairs if not _is_quoted(board, status.exchange, pair)]
    return lines + [f"  reference {_reference_text(board, one).plain}" for one in board.references]


def changes(before: ExchangeBoard | None, after: ExchangeBoard) -> list[str]:
    """For plain lines: each exchange that changed its state, each reference price that came or went."""
    states = {status.exchange: status.state for status in before.statuses} if before else {}
    had = {one.base: isinstance(one, ReferencePrice) for one in before.references} if before else {}
    said = [
        f"exchange {status.exchange}: {status.state}" + (f" ({status.reason})" if status.reason else "")
        for status in after.statuses
        if states.get(status.exchange) != status.state
    ]
    return said + [
        f"reference {_reference_text(after, one).plain}"
        for one in after.references
        if had.get(one.base) != isinstance(one, ReferencePrice)
    ]


def quotes_of(board: ExchangeBoard, exchange: str) -> list[Quote]:
    """Of this exchange, fresh or not, in their order."""
    return [quote for quote in board.quotes if quote.exchange == exchange]


def _table(board: ExchangeBoard, width: int, as_of: str) -> Table:
    is_wide = width >= WIDE_FROM
    headings, widths, gap = (HEADINGS, WIDTHS, 2) if is_wide else (NARROW_HEADINGS, NARROW_WIDTHS, 1)
    live = sum(status.state == LIVE for status in board.statuses)
    title = Text(f"Exchanges ({live} of {len(board.statuses)} live)", style="bold cyan")
    title.append(f", {as_of}" if as_of else "", style="bold red")
    table = Table(
        title=title,
        title_justify="left",
        box=None,
        pad_edge=False,
        padding=(0, gap, 0, 0),
        header_style="dim",
    )
    for number, (heading, cells) in enumerate(zip(headings, widths, strict=True)):
        justify: Literal["left", "right"] = "left" if number < 2 else "right"
        table.add_column(heading, justify=justify, width=cells, no_wrap=True, overflow="ellipsis")
    rest = width - sum(widths) - gap * len(widths)
    table.add_column("quote", width=max(1, rest), no_wrap=True, overflow="ellipsis")
    for status in board.statuses:
        table.add_row(
            status.exchange,
            Text(status.state, style=STATE_STYLES.get(status.state, "yellow")),
            _age(status.age),
            f"{status.messages_per_second:.0f}",
            Text(str(status.gaps), style="" if status.gaps else "dim"),
            Text(str(status.resyncs), style="" if status.resyncs else "dim"),
            "—" if status.clock_offset is None else _milliseconds(status.clock_offset),
            _first_quote(board, status, is_wide=is_wide),
        )
    return table


def _first_quote(board: ExchangeBoard, status: ExchangeStatus, *, is_wide: bool) -> Text:
    """Of the first pair; or why there is none."""
    first = next(iter(quotes_of(board, status.exchange)), None)
    if status.state != LIVE or first is None:
        return Text(shortened(status.reason) or "no quote yet", style="yellow")
    if first.stale is not None:
        return Text(f"{first.pair} {first.stale}", style="yellow")
    price = (
        f"{format_price(first.bid)} / {format_price(first.ask)}"
        if is_wide
        else format_price((first.bid + first.ask) // 2)
    )
    return Text(f"{first.pair} {price}")


def _counts(board: ExchangeBoard, as_of: str) -> Text:
    """Which are live, for a terminal too low for the table."""
    line = Text(f"exchanges {as_of}: " if as_of else "exchanges: ")
    for number, status in enumerate(board.statuses):
        line.append(", " if number else "")
        line.append(f"{status.exchange} {status.state}", style=STATE_STYLES.get(status.state, "yellow"))
    return line


def _reference_text(board: ExchangeBoard, one: ReferencePrice | NoPrice) -> Text:
    """What matters first, because a narrow terminal cuts the rest: the price, who has no say in it, then why."""
    if isinstance(one, NoPrice):
        line = Text(f"{one.base} no price: {one.reason}", style="bold yellow")
        details: list[str] = []
        speaking = set()
    else:
        line = Text(f"{one.base} {format_price(one.price)} USD", style="bold")
        speaking = {source.exchange for source in one.sources}
        line.append(f" · {len(speaking)} exchange{'s' if len(speaking) > 1 else ''}", style="not bold")
        age = _age(Nanoseconds(board.now - one.received))
        details = [f"{one.spread_bps} bps wide", f"{age} old", *map(_rate_text, one.rates)]
    silent = [out.exchange for out in one.left_out if out.exchange not in speaking]
    if silent:
        line.append(f" · without {', '.join(dict.fromkeys(silent))}", style="not bold yellow")
    reasons = [f"{out.exchange} {out.pair}: {out.reason}" for out in one.left_out]
    line.append("".join(f" · {part}" for part in [*details, *reasons]), style="not bold dim")
    return line


def _rate_text(rate: DollarRate) -> str:
    return f"{rate.dollar} {format_price(rate.price)}" + (f" through {rate.through}" if rate.through else "")


def _quote_line(quote: Quote, now: Nanoseconds) -> str:
    told = f"{quote.pair}  {format_price(quote.bid)} / {format_price(quote.ask)}"
    age = _age(Nanoseconds(now - quote.received))
    return f"{told}  {age} old" + ("" if quote.stale is None else f"  stale: {quote.stale}")


def _is_quoted(board: ExchangeBoard, exchange: str, pair: str) -> bool:
    return any(str(quote.pair) == pair for quote in quotes_of(board, exchange))


def _place(state: str) -> int:
    return WORST_FIRST.index(state) if state in WORST_FIRST else len(WORST_FIRST)


def _one_line(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _age(age: Nanoseconds | None) -> str:
    if age is None:
        return "—"
    seconds = max(0, age) / 10**9
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 1_000 else f"{seconds / 60:.0f} min"


def _milliseconds(offset: Nanoseconds) -> str:
    return f"{offset / 10**6:+.0f}"

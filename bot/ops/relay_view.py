"""What an operator sees of the relays: a table for the live view, lines for `bot status` and for plain output.

A board is one look at every route. Everything here is made from a board alone: the same board, the same text.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bot.core.ports import BundleRoute
from bot.core.route_standing import RouteStanding
from bot.core.units import Nanoseconds

NO_ROUTE: Final = "no private route is left: nothing is sent until one is usable again"
TABLE_FRAME: Final = 3
"""Lines of the table that are no relay: a blank one, the title, the heading."""
_COLUMNS: Final = (
    ("relay", 18),
    ("state", 8),
    ("sent", 6),
    ("accepted", 8),
    ("refused", 7),
    ("unknown", 7),
    ("p50, ms", 8),
    ("p99, ms", 8),
)
"""Fixed widths: a long problem in the last column must not squeeze the figures before it."""


class RelayBoard(msgspec.Struct, frozen=True):
    """One look at the routes, in the order of BOT_RELAYS."""

    standings: tuple[RouteStanding, ...]

    @property
    def may_send(self) -> bool:
        """There is a usable route for what may revert, which is everything the bot plans."""
        return any(one.is_usable and one.drops_reverts for one in self.standings)


def relay_board(routes: Sequence[BundleRoute]) -> RelayBoard:
    return RelayBoard(tuple(route.standing for route in routes))


def relay_section(board: RelayBoard, width: int, room: int) -> tuple[list[RenderableType], int]:
    """For the live view: what to draw, in at most `room` lines (at least one), and how many it takes.

    Where the table does not fit, one line stands for it.
    """
    warning = [] if board.may_send else [_one_line(Text(NO_ROUTE, style="bold red"))]
    whole = TABLE_FRAME + len(board.standings) + len(warning)
    if whole <= room:
        return [Text(), _table(board, width), *warning], whole
    return [_one_line(Text(summary(board), style="" if board.may_send else "bold red"))], 1


def summary(board: RelayBoard) -> str:
    """One line of everything: "relays 2/3 usable · titan: … does not resolve: …"."""
    usable = sum(one.is_usable for one in board.standings)
    said = [f"{one.name}: {one.problem}" for one in board.standings if one.problem]
    gone = [] if board.may_send else [NO_ROUTE]
    return " · ".join([f"relays {usable}/{len(board.standings)} usable", *gone, *said])


def board_lines(board: RelayBoard) -> list[str]:
    """For `bot status`: a line a relay, and one more for what is wrong with it."""
    lines = []
    for one in board.standings:
        lines.append(
            f"  {one.name:<18}  {_state(one):<8}  {one.host}  sent {one.sent}: accepted {one.accepted}, refused "
            f"{one.refused}, unknown {one.unknown}  answers p50 {_milliseconds(one.answer_p50)} ms, p99 "
            f"{_milliseconds(one.answer_p99)} ms"
            + ("" if one.drops_reverts else "  mines reverts: gets no plan")
        )
        if one.problem:
            lines.append(f"    {one.problem}")
    return lines if board.may_send or not board.standings else [*lines, f"  {NO_ROUTE}"]


def changes(before: RelayBoard | None, after: RelayBoard) -> list[str]:
    """For plain lines: each relay that came into or fell out of use, or whose problem is another; and the last to go."""
    were = {one.name: one for one in before.standings} if before is not None else {}
    said = []
    for one in after.standings:
        was = were.get(one.name)
        if was is None or was.is_usable != one.is_usable or bool(was.problem) != bool(one.problem):
            said.append(f"relay {one.name}: {_state(one)}" + (f" ({one.problem})" if one.problem else ""))
    could = before.may_send if before is not None else True
    if could and not after.may_send:
        said.append(NO_ROUTE)
    if not could and after.may_send:
        said.append("a private route is usable again")
    return said


def _table(board: RelayBoard, width: int) -> Table:
    usable = sum(one.is_usable for one in board.standings)
    table = Table(
        title=Text(f"Relays ({usable} of {len(board.standings)} usable)", style="bold cyan"),
        title_justify="left",
        box=None,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style="dim",
    )
    for number, (heading, cells) in enumerate(_COLUMNS):
        table.add_column(
            heading,
            justify="left" if number < 2 else "right",
            width=cells,
            no_wrap=True,
            overflow="ellipsis",
        )
    rest = width - sum(cells for _, cells in _COLUMNS) - len(_COLUMNS)
    table.add_column("problem", width=max(1, rest), no_wrap=True, overflow="ellipsis")
    for one in board.standings:
        table.add_row(
            one.name,
            Text(_state(one), style=_style(one)),
            str(one.sent),
            str(one.accepted),
            Text(str(one.refused), style="" if one.refused else "dim"),
            Text(str(one.unknown), style="" if one.unknown else "dim"),
            _milliseconds(one.answer_p50),
            _milliseconds(one.answer_p99),
            Text(one.problem, style="yellow"),
        )
    return table


def _state(one: RouteStanding) -> str:
    return "usable" if one.is_usable else "out"


def _style(one: RouteStanding) -> str:
    if not one.is_usable:
        return "bold red"
    return "yellow" if one.problem else "green"


def _milliseconds(duration: Nanoseconds | None) -> str:
    return "—" if duration is None else f"{duration / 10**6:.1f}"


def _one_line(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text

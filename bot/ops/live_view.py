"""The live terminal view: the funnel of the last blocks, bundles as they end, money, limits used.

Amounts are ether, cut (not rounded) at nine decimals; `=` is said only of amounts that are equal to the last wei.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.core.decisions import Verdict
from bot.core.quantities import format_ether
from bot.core.records import BlockRecord
from bot.core.units import Nanoseconds
from bot.ops.exchange_view import exchange_section
from bot.ops.relay_view import relay_section
from bot.ops.run_progress import Ending, LimitUse, RunProgress

PLACES = 9
START: Final = Nanoseconds(0)
FIXED_LINES = 19
"""All that is no row of a block or a bundle, with banner and limits on two lines each as in 80 columns: a picture
taller than the terminal could not be redrawn in place."""
FEWEST_ROWS = 2
"""Of blocks, and of bundles."""
HEADING = "bold cyan"
VERDICT_STYLES = {
    Verdict.LANDED: "green",
    Verdict.MINED_REVERTED: "bold red",
    Verdict.UNKNOWN: "bold magenta",
}
EQUAL, EQUAL_JUST_NOW, UNEQUAL = "bold green", "bold reverse green", "bold red"
NEARLY_USED, HALF_USED = 80, 50


class Size(msgspec.Struct, frozen=True):
    """Of the terminal, in characters. What does not fit is left out by column and by row, never wrapped."""

    width: int = 110
    height: int = 36

    @property
    def shows_every_stage(self) -> bool:
        return self.width >= 96

    @property
    def shows_reasons(self) -> bool:
        return self.width >= 124

    @property
    def room(self) -> int:
        """Lines beyond the fixed ones and the fewest rows: what exchanges may take, one of them in any case."""
        return max(1, self.height - FIXED_LINES - 2 * FEWEST_ROWS)

    @property
    def block_rows(self) -> int:
        return max(FEWEST_ROWS, (self.height - FIXED_LINES + 1) // 2)

    @property
    def bundle_rows(self) -> int:
        return max(FEWEST_ROWS, (self.height - FIXED_LINES) // 2)


def render(
    progress: RunProgress,
    banner: str,
    size: Size,
    *,
    is_stopping: bool = False,
    now: Nanoseconds = START,
) -> RenderableType:
    """Everything, newest last; pure: the same progress at the same time gives the same picture.

    `now` on the monotonic clock: ages of exchanges are counted to it, where it is later than their board.
    """
    relays: list[RenderableType] = []
    if progress.relays is not None and progress.relays.standings:
        relays, lines = relay_section(progress.relays, size.width, size.room)
        size = msgspec.structs.replace(size, height=size.height - lines)
    exchanges: list[RenderableType] = []
    if progress.exchanges is not None:
        exchanges, lines = exchange_section(progress.exchanges, size.width, size.room, now)
        size = msgspec.structs.replace(size, height=size.height - lines)
    return Group(
        Text(banner, style="bold"),
        *([_stopping(progress)] if is_stopping else []),
        Text(),
        _blocks(progress, size),
        _drops(progress),
        Text(),
        _endings(progress, size),
        Text(),
        _money(progress),
        *_limits(progress.limits),
        *relays,
        *exchanges,
    )


def _stopping(progress: RunProgress) -> Text:
    waits = progress.open_count
    what = (
        f"waiting for the verdict of {waits} bundle{'s' if waits > 1 else ''} in flight"
        if waits
        else "nothing is in flight"
    )
    return Text(f"Stopping: nothing new is sent; {what}. Ctrl-C again cuts it short.", style="bold yellow")


def _blocks(progress: RunProgress, size: Size) -> RenderableType:
    table = _table(f"Blocks ({progress.block_count} so far)")
    table.add_column("block", justify="right")
    table.add_column("base fee, gwei", justify="right")
    for name, _ in _stages(size):
        table.add_column(name, justify="right")
    if size.shows_reasons:
        table.add_column("dropped because", ratio=1, overflow="ellipsis")
    for record in list(progress.blocks)[-size.block_rows :]:
        counts = [getattr(record, field) for _, field in _stages(size)]
        reasons = [_reasons(record.drops.items())] if size.shows_reasons else []
        table.add_row(
            str(record.block.number),
            _gwei(record),
            *(Text(str(count), style="" if count else "dim") for count in counts),
            *reasons,
            style="green" if record.landed else None,
        )
    return table


def _stages(size: Size) -> tuple[tuple[str, str], ...]:
    """Heading and field of each stage of the funnel, in its order."""
    stages = (
        ("touched", "pools_touched"),
        ("screened", "cycles_screened"),
        ("found", "opportunities"),
        ("net > 0", "profitable"),
        ("simulated", "simulated"),
        ("allowed", "allowed"),
        ("sent", "sent"),
        ("landed", "landed"),
    )
    narrow = ("screened", "found", "net > 0", "sent", "landed")
    return stages if size.shows_every_stage else tuple(stage for stage in stages if stage[0] in narrow)


def _gwei(record: BlockRecord) -> str:
    return f"{record.base_fee // 10**6 / 1000:.3f}"


def _drops(progress: RunProgress) -> Text:
    said = _reasons(progress.drops.most_common()) or "nothing yet"
    return Text(f"dropped so far: {said}", style="dim", no_wrap=True, overflow="ellipsis")


def _reasons(drops: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{reason} ×{count}" for reason, count in drops)


def _endings(progress: RunProgress, size: Size) -> RenderableType:
    counted = ", ".join(f"{_words(name)} {count}" for name, count in sorted(progress.verdicts.items()))
    table = _table(f"Bundles, in ETH ({counted or 'none ended yet'})")
    for name, justify in (("id", "left"), ("block", "right"), ("verdict", "left")):
        table.add_column(name, justify="right" if justify == "right" else "left")
    for name in ("predicted", "", "realised", "gas paid"):
        table.add_column(name, justify="right")
    if size.shows_every_stage:
        table.add_column("to builder", justify="right")
        table.add_column("cycles", justify="right")
    if size.shows_reasons:
        table.add_column("reason", ratio=1, overflow="ellipsis")
    newest = progress.blocks[-1].block.number if progress.blocks else 0
    for ending in list(progress.endings)[-size.bundle_rows :]:
        table.add_row(*_ending(ending, newest, size))
    return table


def _ending(ending: Ending, newest: int, size: Size) -> list[Text]:
    plan, outcome = ending.intent.plan, ending.outcome.outcome
    realized, landed = outcome.realized_profit, outcome.verdict is Verdict.LANDED
    is_equal = landed and realized == plan.predicted_profit
    just_now = outcome.block is not None and outcome.block.number >= newest
    money = (EQUAL_JUST_NOW if just_now else EQUAL) if is_equal else (UNEQUAL if realized is not None else "")
    cells = [
        Text(plan.id, style="bold" if landed else ""),
        Text(str(plan.target_block)),
        Text(_words(outcome.verdict), style=VERDICT_STYLES.get(outcome.verdict, "yellow")),
        Text(_ether(plan.predicted_profit), style=money),
        Text("" if realized is None else ("=" if is_equal else "≠"), style=money),
        Text("—" if realized is None else _ether(realized), style=money),
        Text("—" if outcome.gas_cost is None else _ether(outcome.gas_cost)),
    ]
    if size.shows_every_stage:
        cells += [Text(_ether(ending.outcome.bid) if landed else "—"), Text(str(len(plan.opportunities)))]
    if size.shows_reasons:
        cells.append(Text("equal to the last wei" if is_equal else outcome.reason, style="dim"))
    return cells


def _money(progress: RunProgress) -> RenderableType:
    table = _table("So far, in ETH")
    amounts = (
        ("predicted", progress.predicted_profit),
        ("realised", progress.realized_profit),
        ("gas paid", progress.gas_cost),
        ("net of gas", progress.realized_profit - progress.gas_cost),
        ("paid to builders", progress.bids),
    )
    for name, _ in amounts:
        table.add_column(name, justify="right")
    table.add_row(
        *(Text(_ether(amount), style="bold red" if amount < 0 else "bold") for _, amount in amounts)
    )
    return table


def _limits(uses: Sequence[LimitUse]) -> list[Text]:
    """One entry a wallet: the share of each of its limits that is used."""
    lines = []
    for wallet in dict.fromkeys(use.wallet for use in uses):
        line = Text(f"limits used, {wallet}: ", style="dim")
        mine = [use for use in uses if use.wallet == wallet]
        for number, use in enumerate(mine):
            share = 100 * use.used // use.limit if use.limit else 0
            style = "bold red" if share >= NEARLY_USED else "yellow" if share >= HALF_USED else "dim"
            line.append(f"{' · ' if number else ''}{use.name} {share} %", style=style)
        lines.append(line)
    return lines


def _table(title: str) -> Table:
    return Table(
        title=Text(title, style=HEADING),
        title_justify="left",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        header_style="dim",
    )


def _ether(amount: int) -> str:
    return format_ether(amount, PLACES).removesuffix(" ETH")


def _words(verdict: str) -> str:
    return verdict.replace("_", " ")

"""What the terminal shows of a run while it lasts: a checklist, then the live view or, without a terminal, lines."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bot.core.decisions import Verdict
from bot.core.quantities import format_ether, format_gwei
from bot.core.records import BlockRecord
from bot.core.units import Nanoseconds
from bot.ops.exchange_view import ExchangeBoard, changes, late
from bot.ops.live_view import Size, render
from bot.ops.relay_view import RelayBoard
from bot.ops.relay_view import changes as relay_changes
from bot.ops.run_progress import Ending, RunProgress

REFRESH_S = 0.1
SUBJECT_WIDTH = 24


class Show:
    """Writes to standard error, so that `--json` leaves standard output to the report."""

    def __init__(self, *, plain: bool) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._plain = plain or not self._console.is_terminal
        self._started = time.monotonic()

    def step(self, subject: str, found: str) -> None:
        """One entry of the checklist, with the time since the start; on a terminal long ones keep their column."""
        since = f"{time.monotonic() - self._started:6.1f} s"
        if self._plain:
            self.say(f"{since}  {subject:<{SUBJECT_WIDTH}}  {found}")
            return
        entry = Table.grid(padding=(0, 2, 0, 0))
        entry.add_column(width=len(since), style="dim")
        entry.add_column(width=SUBJECT_WIDTH)
        entry.add_column(overflow="fold")
        entry.add_row(since, Text(subject), Text(found))
        self._console.print(entry)

    def compiling(self, what: str) -> None:
        self.step(what, "compiling: some seconds on a first start, cached afterwards")

    def say(self, line: str) -> None:
        """The line as it is: not wrapped, and nothing in it taken for markup."""
        self._console.print(line, soft_wrap=True, markup=False)

    @contextlib.asynccontextmanager
    async def running(
        self, progress: RunProgress, banner: str, stop: asyncio.Event
    ) -> AsyncIterator[Callable[[], None]]:
        """Shows `progress` until left, and `stop` once it is set; yields what is to be called after each block."""
        if self._plain:
            self.say(banner)
            yield PlainLines(progress, self.say, stop).after_block
            return
        with Live(console=self._console, auto_refresh=False) as live:
            painter = asyncio.create_task(self._paint(live, progress, banner, stop))
            try:
                yield lambda: None
            finally:
                painter.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await painter
                live.update(render(progress, banner, self._size(), now=_now()), refresh=True)

    async def _paint(self, live: Live, progress: RunProgress, banner: str, stop: asyncio.Event) -> None:
        """Only when something changed: a picture redrawn for nothing flickers."""
        shown: object = None
        while True:
            size = self._size()
            state = (
                *(progress.block_count, progress.verdicts.total(), progress.limits, stop.is_set(), size),
                progress.relays,
                progress.exchanges,
                progress.exchanges and late(progress.exchanges, _now()),
            )
            if state != shown:
                picture = render(progress, banner, size, is_stopping=stop.is_set(), now=_now())
                live.update(picture, refresh=True)
                shown = state
            await asyncio.sleep(REFRESH_S)

    def _size(self) -> Size:
        return Size(self._console.width, self._console.height)


class PlainLines:
    """A line for each block, and one for each bundle that ended."""

    def __init__(self, progress: RunProgress, say: Callable[[str], None], stop: asyncio.Event) -> None:
        self._progress = progress
        self._say = say
        self._stop = stop
        self._ended = 0
        self._board: ExchangeBoard | None = None
        self._relays: RelayBoard | None = None

    def after_block(self) -> None:
        ended = self._progress.verdicts.total()
        fresh = min(ended - self._ended, len(self._progress.endings))
        for ending in list(self._progress.endings)[len(self._progress.endings) - fresh :]:
            self._say(_ending_line(ending))
        self._ended = ended
        relays = self._progress.relays
        if relays is not None:
            for line in relay_changes(self._relays, relays):
                self._say(f"  {line}")
            self._relays = relays
        board = self._progress.exchanges
        if board is not None:
            for line in changes(self._board, board):
                self._say(f"  {line}")
            self._board = board
        if self._progress.blocks:
            self._say(_block_line(self._progress.blocks[-1]))
        if self._stop.is_set():
            self._say(f"stopping: nothing new is sent, {self._progress.open_count} in flight")


def _now() -> Nanoseconds:
    """The clock of the exchange feeds, whose boards are stamped with it."""
    return Nanoseconds(time.monotonic_ns())


def _block_line(record: BlockRecord) -> str:
    drops = ", ".join(f"{reason} ×{count}" for reason, count in record.drops.items())
    return (
        f"block {record.block.number}  base fee {format_gwei(round(record.base_fee, -6))}  screened {record.cycles_screened}  "
        f"found {record.opportunities}  net>0 {record.profitable}  simulated {record.simulated}  sent {record.sent}"
        + (f"  ({drops})" if drops else "")
    )


def _ending_line(ending: Ending) -> str:
    plan, outcome = ending.intent.plan, ending.outcome.outcome
    words = f"  {plan.id}  {outcome.verdict.replace('_', ' ')} in block {plan.target_block}"
    if outcome.verdict is Verdict.LANDED and outcome.realized_profit is not None:
        sign = "=" if outcome.realized_profit == plan.predicted_profit else "≠"
        predicted = format_ether(plan.predicted_profit, 9)
        words += f": realised {format_ether(outcome.realized_profit, 9)} {sign} predicted" + (
            "" if sign == "=" else f" {predicted}"
        )
    else:
        words += f": {outcome.reason}"
    return words

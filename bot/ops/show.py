"""What the terminal shows of a run while it lasts: a checklist, then the live view or, without a terminal, lines."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

from rich.console import Console
from rich.live import Live

from bot.core.decisions import Verdict
from bot.core.quantities import format_ether, format_gwei
from bot.core.records import BlockRecord
from bot.ops.live_view import render
from bot.ops.run_progress import Ending, RunProgress

REFRESH_S = 0.2


class Show:
    """Writes to standard error, so that `--json` leaves standard output to the report."""

    def __init__(self, *, plain: bool) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._plain = plain or not self._console.is_terminal
        self._started = time.monotonic()

    def step(self, subject: str, found: str) -> None:
        """One line of the checklist, with the time since the start."""
        self._console.print(
            f"  {time.monotonic() - self._started:5.1f} s  {subject:<18} {found}", soft_wrap=True
        )

    def say(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)

    @contextlib.asynccontextmanager
    async def running(self, progress: RunProgress, banner: str) -> AsyncIterator[Callable[[], None]]:
        """Shows `progress` until left; yields what is to be called after each block."""
        if self._plain:
            self.say(banner)
            yield PlainLines(progress, self.say).after_block
            return
        with Live(console=self._console, auto_refresh=False, transient=False) as live:
            painter = asyncio.create_task(_paint(live, progress, banner))
            try:
                yield lambda: None
            finally:
                painter.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await painter
                live.update(render(progress, banner), refresh=True)


class PlainLines:
    """A line a block that had something to tell, and a line for each bundle that ended."""

    def __init__(self, progress: RunProgress, say: Callable[[str], None]) -> None:
        self._progress = progress
        self._say = say
        self._ended = 0

    def after_block(self) -> None:
        ended = sum(self._progress.verdicts.values())
        fresh = min(ended - self._ended, len(self._progress.endings))
        for ending in list(self._progress.endings)[len(self._progress.endings) - fresh :]:
            self._say(_ending_line(ending))
        self._ended = ended
        if self._progress.blocks:
            self._say(_block_line(self._progress.blocks[-1]))


async def _paint(live: Live, progress: RunProgress, banner: str) -> None:
    while True:
        live.update(render(progress, banner), refresh=True)
        await asyncio.sleep(REFRESH_S)


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
        words += f": realised {format_ether(outcome.realized_profit, 9)} {sign} predicted"
    else:
        words += f": {outcome.reason}"
    return words

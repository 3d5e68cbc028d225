"""Looks after the relays beside the loop: keeps connections warm, tries again what was out, and shows how they stand."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import structlog

from bot.chain.relays import RelayRoute, warm_all
from bot.core.units import Nanoseconds
from bot.ops.relay_file import remove_relays, write_relays
from bot.ops.relay_view import RelayBoard, relay_board

log = structlog.get_logger()

EVERY_S: Final = 1.0
WRITE_EVERY: Final = 5
"""Looks; a change is written at once."""


class RelayWatch:
    """`show` is given each look. With `warms` False only what is out of use is asked, whether it is back:
    the others hear of us by bundles alone.
    """

    def __init__(
        self,
        routes: Sequence[RelayRoute],
        folder: Path,
        show: Callable[[RelayBoard], None] = lambda _: None,
        *,
        warms: bool = True,
    ) -> None:
        self._routes = tuple(routes)
        self._folder = folder
        self._show = show
        self._warms = warms
        self._written: RelayBoard | None = None
        self._looks = 0
        self._said: set[str] = set()

    async def run(self) -> None:
        """Until cancelled, when the last look is written; at once where there is no route."""
        if not self._routes:
            self._file(lambda: remove_relays(self._folder))
            return
        warming: asyncio.Task[None] | None = None
        try:
            while True:
                if warming is None or warming.done():
                    due = [route for route in self._routes if self._warms or not route.standing.is_usable]
                    warming = asyncio.create_task(warm_all(due))
                self.look()
                await asyncio.sleep(EVERY_S)
        finally:
            if warming is not None:
                warming.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await warming
            self._write(relay_board(self._routes))

    def look(self) -> None:
        """Once: shown, and written where it says something new or is due."""
        board = relay_board(self._routes)
        self._show(board)
        if self._looks % WRITE_EVERY == 0 or self._states(board) != self._states(self._written):
            self._write(board)
        self._looks += 1

    def _write(self, board: RelayBoard) -> None:
        self._written = board
        self._file(lambda: write_relays(self._folder, board, Nanoseconds(time.time_ns())))

    def _file(self, work: Callable[[], None]) -> None:
        """A folder that cannot be written ends nothing; each such reason is logged once."""
        try:
            work()
        except OSError as error:
            if str(error) not in self._said:
                self._said.add(str(error))
                log.warning("relays.not_written", reason=str(error))

    @staticmethod
    def _states(board: RelayBoard | None) -> list[tuple[bool, bool]] | None:
        """What a reader must learn at once."""
        if board is None:
            return None
        return [(one.is_usable, bool(one.problem)) for one in board.standings]

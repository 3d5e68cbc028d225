"""Exchanges beside a chain: their books move with its blocks, and never hold them up."""

from __future__ import annotations

import asyncio
from typing import Final

from bot.core.units import Nanoseconds
from bot.world.exchanges.server import ExchangeServer

_USUAL_STEP: Final = Nanoseconds(250 * 10**6)
_MOST_STEPS: Final = 60


def steps_of(pace: Nanoseconds | None) -> int:
    """Steps of a block that takes so long: about four a second. None: a block takes no time, and has one."""
    return 1 if pace is None else min(max(round(pace / _USUAL_STEP), 1), _MOST_STEPS)


class Mover:
    """`sealing` before every block, `sealed` after it. A reorg turns no price back: blocks with numbers that were there
    move nothing.

    A step costs milliseconds, so that none is taken between a block's news and the bot's first questions about it.
    """

    def __init__(self, server: ExchangeServer, first_block: int, pace: Nanoseconds | None) -> None:
        """`first_block`: the first to be sealed. `pace`: a block's steps are spread over this; None: they are all taken
        before the next block, when the bot is through with this one.
        """
        self._server = server
        self._first_block = first_block
        self._pause = None if pace is None else pace / 1e9 / server.steps
        self._spreading: asyncio.Task[None] | None = None
        self._last = 0
        """Step that the sealed blocks reach."""
        self._overdue = 0
        """Step that the blocks before the last one reach."""

    def sealing(self) -> None:
        """The next block is about to be built, and nobody waits for this one any more."""
        if self._pause is None:
            self._move_to(self._last)

    def sealed(self, number: int) -> None:
        """The block's steps are to come; those of earlier blocks that are not done come first, at once after the pause."""
        reached = (number - self._first_block) * self._server.steps
        self._overdue = max(self._overdue, reached)
        self._last = max(self._last, reached + self._server.steps)
        if self._pause is not None and (self._spreading is None or self._spreading.done()):
            self._spreading = asyncio.create_task(self._spread(self._pause))

    async def stop(self) -> None:
        if self._spreading is not None:
            self._spreading.cancel()
            await asyncio.gather(self._spreading, return_exceptions=True)

    async def _spread(self, pause: float) -> None:
        """The first step is half a pause after the block, the last one half a pause before the next."""
        await asyncio.sleep(pause / 2)
        while self._server.step_number < self._last:
            self._server.move()
            await asyncio.sleep(0 if self._server.step_number < self._overdue else pause)

    def _move_to(self, step: int) -> None:
        while self._server.step_number < step:
            self._server.move()

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
    """`sealed` after every block. A reorg turns no price back: blocks with numbers that were there move nothing."""

    def __init__(self, server: ExchangeServer, first_block: int, pace: Nanoseconds | None) -> None:
        """`first_block`: the first to be sealed. `pace`: a block's steps are spread over this; None: all at once."""
        self._server = server
        self._first_block = first_block
        self._pause = None if pace is None else pace / 1e9 / server.steps
        self._spreading: asyncio.Task[None] | None = None
        self._last = 0
        """Step that the sealed blocks reach."""

    def sealed(self, number: int) -> None:
        """The block's steps are done, or begin; those of earlier blocks are done."""
        block = number - self._first_block
        if self._pause is None:
            self._server.advance(block)
            return
        self._server.advance(block - 1)
        self._last = max(self._last, (block + 1) * self._server.steps)
        if self._spreading is None or self._spreading.done():
            self._spreading = asyncio.create_task(self._spread(self._pause))

    async def stop(self) -> None:
        if self._spreading is not None:
            self._spreading.cancel()
            await asyncio.gather(self._spreading, return_exceptions=True)

    async def _spread(self, pause: float) -> None:
        while self._server.step_number < self._last:
            self._server.move()
            await asyncio.sleep(pause)

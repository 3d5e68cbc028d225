"""When Python may look for garbage: between blocks, and never while one is worked on.

What stands after the start (pools, cycles, kernels, libraries) is frozen: it is never looked at again. A collection
then sees only what came since, and takes microseconds; automatic ones, which come at any instant, are off.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import structlog

log = structlog.get_logger()

WHOLE_EVERY: Final = 64
"""Blocks between two collections of all generations; in between, of the two young ones."""
MOST_WAITING: Final = 200_000
"""Objects that may wait for a collection; with more the guard collects, block or no block."""
GUARD_EVERY_S: Final = 5.0


class Collecting(Protocol):
    """What of Python's `gc` is used."""

    def collect(self, generation: int = 2, /) -> int: ...
    def freeze(self) -> None: ...
    def unfreeze(self) -> None: ...
    def enable(self) -> None: ...
    def disable(self) -> None: ...
    def get_count(self) -> tuple[int, int, int]: ...


class Garbage:
    """One for the process, since there is one collector."""

    def __init__(
        self,
        collector: Collecting = gc,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._gc = collector
        self._sleep = sleep
        self._blocks = 0
        self.by_guard = 0
        """Collections that the guard made: the blocks' own did not come, or one block left very much."""

    @contextmanager
    def held(self) -> Iterator[None]:
        """From the end of the start to the end of the run; afterwards Python does as it always does."""
        self._gc.collect()
        self._gc.freeze()
        self._gc.disable()
        try:
            yield
        finally:
            self._gc.enable()
            self._gc.unfreeze()

    def between_blocks(self) -> None:
        """To be called when a block is done with: the one moment that costs nothing."""
        self._blocks += 1
        self._gc.collect(1 if self._blocks % WHOLE_EVERY else 2)

    async def guard(self) -> None:
        """Runs beside the loop until cancelled: what is never told that a block is over must not fill the memory."""
        while True:
            await self._sleep(GUARD_EVERY_S)
            waiting = self._gc.get_count()[0]
            if waiting > MOST_WAITING:
                self.by_guard += 1
                log.warning("garbage.guard", waiting=waiting, allowed=MOST_WAITING)
                self._gc.collect(1)

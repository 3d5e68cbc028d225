"""Waiting for an event or for a moment, whichever is first: for work that has its own times."""

import asyncio

from bot.core.ports import Clock
from bot.core.units import Nanoseconds


async def event_or_time(clock: Clock, event: asyncio.Event, wait: Nanoseconds) -> None:
    """Returns when `event` is set, or after `wait`, and clears it. By Clock.sleep, since a time-out may be stretched."""
    if wait <= 0 or event.is_set():
        await asyncio.sleep(0)
    else:
        ringing = asyncio.create_task(_ring(clock, event, wait))
        try:
            await event.wait()
        finally:
            ringing.cancel()
    event.clear()


async def _ring(clock: Clock, event: asyncio.Event, wait: Nanoseconds) -> None:
    await clock.sleep(wait)
    event.set()

"""Recorded streams of Binance as recordings of the bot: `<local time, ns> <frame>` a line, one of them a REST snapshot."""

import gzip
from itertools import islice

from bot.clock import SystemClock
from bot.core.market_data import Pair
from bot.core.units import Nanoseconds
from bot.feeds.cex.venues import VENUES
from bot.feeds.recorder import Recorder
from bot.feeds.recording_files import RecorderConfig

SETS = {
    "spot_btcusdt_20240808": ("binance", Pair("BTC", "USDT")),
    "spot_ethusdt_20240808": ("binance", Pair("ETH", "USDT")),
    "usdm_ethusdt_20240808": ("binance-usdm", Pair("ETH", "USDT", is_perpetual=True)),
}
BOOT = 1_723_000_000 * 10**9
"""UTC at which the monotonic clock of these recordings stood at 0."""


class RecordedTime(SystemClock):
    def __init__(self, now):
        self.now = now

    def utc(self):
        return Nanoseconds(self.now)

    def monotonic(self):
        return Nanoseconds(max(self.now - BOOT, 0))


def lines(folder, name, count=None):
    """(UTC, frame) of each line, of the first `count`."""
    with gzip.open(folder / f"{name}.gz") as file:
        for line in islice(file, count):
            time, frame = line.rstrip(b"\n").split(b" ", 1)
            yield int(time), frame


async def convert(folder, name, into, change=lambda number, frame: frame, count=None):
    """One recording; `change` may alter a frame by its number, or take it away by None. How many frames there are."""
    exchange, pair = SETS[name]
    venue, clock, frames = VENUES[exchange], RecordedTime(next(lines(folder, name))[0]), 0
    recorder = Recorder(into, RecorderConfig(kept_free=0, backlog_bytes=2**30), clock)
    tap = recorder.source(exchange, [str(pair)], (venue.ws_url, venue.rest_url))
    symbol = venue.symbol(pair)
    for number, (time, frame) in enumerate(lines(folder, name, count)):
        clock.now = time
        if not number:
            tap.opened(1, venue.url(venue.ws_url, [symbol]), clock.monotonic())
        if frame.startswith(b'{"lastUpdateId"'):
            tap.answer(venue.snapshot.url(venue.rest_url, symbol), 200, frame, clock.monotonic())
            continue
        changed = change(number, frame)
        if changed is not None:
            frames += 1
            tap.frame(1, changed, clock.monotonic())
    await recorder.close()
    return frames

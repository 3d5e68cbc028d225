"""cryptofeed as a reader: its feeds' `message_handler` on the same frames, its symbols set by hand, no network.

It speaks Kraken's old v1 dialect: the same levels are told to it in that. It takes Coinbase's asks in a snapshot only
under the name `ask`, so the snapshot says so (updates stay as they are). Its defaults stand: no checksum, Decimal; no
callback is asked for.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.benches.cex_frames_of_day import Day
from scripts.benches.cex_turns import Lacking, Reader, take_turns

try:
    from cryptofeed.defines import L2_BOOK, TICKER
    from cryptofeed.exchanges import EXCHANGE_MAP
    from cryptofeed.symbols import Symbols
except ImportError as error:
    MISSING = f"cryptofeed: {error}"
else:
    MISSING = ""


class Answers:
    """Stands where cryptofeed asks REST: Binance's snapshots."""

    def __init__(self, day: Day) -> None:
        self._day = day

    async def read(self, url: str) -> str:
        place = next(at for at, symbol in enumerate(self._day.symbols) if f"symbol={symbol[0]}&" in url)
        return self._day.snapshots[place]


class Connection:
    address = "wss://stream.bybit.com/v5/public/spot"
    uuid = "bench"


class CryptofeedReader:
    def __init__(self, day: Day, loop: asyncio.AbstractEventLoop) -> None:
        self._day, self._loop = day, loop
        feed = EXCHANGE_MAP[day.venue.split()[0].upper()]
        is_ticker = day.venue == "binance bookTicker"
        self._last: dict[str, Any] = {}
        names = {f"{base}-{quote}": _name(day, symbol, base, quote) for symbol, base, quote in day.symbols}
        Symbols.set(feed.id, names, {})
        depth = {"max_depth": day.depth} if day.venue == "kraken" else {}
        self._feed = feed(
            symbols=list(names),
            channels=[TICKER if is_ticker else L2_BOOK],
            callbacks={TICKER: self._keep} if is_ticker else None,
            **depth,
        )
        self._feed.http_conn = Answers(day)
        first = [] if day.venue.startswith("binance") else [_translated(day, one) for one in day.snapshots]
        self._frames = [_translated(day, one) for one in day.frames]
        loop.run_until_complete(self._read(first))

    def play(self) -> int:
        return self._loop.run_until_complete(self._read(self._frames))

    async def _read(self, frames: list[str]) -> int:
        handle, connection, now = self._feed.message_handler, Connection(), time.time()
        started = time.thread_time_ns()
        for frame in frames:
            await handle(frame, connection, now)
        return time.thread_time_ns() - started

    async def _keep(self, ticker: Any, _received: float) -> None:
        self._last[ticker.symbol] = ticker

    def tops(self) -> dict[str, list[str]]:
        found = {}
        for symbol, base, quote in self._day.symbols:
            if self._last:  # its tickers carry no sizes
                ticker = self._last[f"{base}-{quote}"]
                found[symbol] = [f"{ticker.bid:.8f}", "", f"{ticker.ask:.8f}", ""]
            else:
                book = self._feed._l2_book[f"{base}-{quote}"].book  # noqa: SLF001  # where its own callback reads it
                top = [*book.bids.index(0), *book.asks.index(0)]
                found[symbol] = [f"{value:.8f}" for value in top]
        return found


def _name(day: Day, symbol: str, base: str, quote: str) -> str:
    if day.venue == "bybit":
        return f"{base}/{quote}"
    return symbol


def _translated(day: Day, frame: str) -> str:
    if day.venue == "coinbase" and '"type":"snapshot"' in frame[:200]:
        return frame.replace('"side":"offer"', '"side":"ask"')
    if day.venue != "kraken":
        return frame
    message = json.loads(frame, parse_float=str)
    told, snapshot = message["data"][0], message["type"] == "snapshot"
    stamp = "1723161255.408123"
    sides = {}
    for name, side in (("asks", "a"), ("bids", "b")):
        levels = [[one["price"], one["qty"], stamp] for one in told[name]]
        sides |= {side + "s" * snapshot: levels} if levels or snapshot else {}
    if snapshot:
        return json.dumps([560, sides, f"book-{day.depth}", told["symbol"]], separators=(",", ":"))
    parts: list[Any] = [{side: levels} for side, levels in sides.items()] or [{}]
    parts[-1]["c"] = str(told["checksum"])
    return json.dumps([560, *parts, f"book-{day.depth}", told["symbol"]], separators=(",", ":"))


def main() -> None:
    loop = asyncio.new_event_loop()

    def open_reader(day: Day) -> Reader:
        if MISSING:
            raise Lacking(MISSING)
        return CryptofeedReader(day, loop)

    take_turns(open_reader)


if __name__ == "__main__":
    main()

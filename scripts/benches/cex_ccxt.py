"""ccxt pro as a reader: its own path from a frame's text to its book, markets set by hand, no network.

From `Client.handle_text_or_binary_message` (orjson where it is there) through `handle_message` to the stored book. Its
defaults stand: no checksum, floats. Nobody awaits `watch_order_book`, which is the cheapest it can be.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.benches.cex_frames_of_day import Day
from scripts.benches.cex_turns import Lacking, Reader, take_turns

try:
    import ccxt.pro
    from ccxt.async_support.base.ws.client import Client
except ImportError as error:
    MISSING = f"ccxt pro: {error}"
else:
    MISSING = ""

URLS = {
    "binance": "wss://stream.binance.com:9443/stream",
    "coinbase": "wss://advanced-trade-ws.coinbase.com",
    "kraken": "wss://ws.kraken.com/v2",
    "okx": "wss://ws.okx.com:8443/ws/v5/public",
    "bybit": "wss://stream.bybit.com/v5/public/spot",
}


class CcxtReader:
    def __init__(self, day: Day) -> None:
        self._day = day
        name = day.venue.split()[0]
        self._exchange: Any = getattr(ccxt.pro, name)()
        self._exchange.set_markets([self._market(*symbol) for symbol in day.symbols])
        self._client = Client(URLS[name], self._exchange.handle_message, *[_nothing] * 3)
        for place, (_, base, quote) in enumerate(day.symbols):
            unified = f"{base}/{quote}"
            self._client.subscriptions[f"books:{unified}"] = {}
            if day.venue == "binance depth":
                snapshot = self._exchange.parse_json(day.snapshots[place])
                book = self._exchange.order_book({}, None)
                parsed = self._exchange.parse_order_book(snapshot, unified)
                book.reset(parsed | {"nonce": snapshot["lastUpdateId"]})
                self._exchange.orderbooks[unified] = book
        if name != "binance":
            for frame in day.snapshots:
                self._client.handle_text_or_binary_message(frame)

    def play(self) -> int:
        read, frames = self._client.handle_text_or_binary_message, self._day.frames
        started = time.thread_time_ns()
        for frame in frames:
            read(frame)
        return time.thread_time_ns() - started

    def tops(self) -> dict[str, list[str]]:
        found = {}
        for symbol, base, quote in self._day.symbols:
            if self._day.venue == "binance bookTicker":
                best = self._exchange.bidsasks[f"{base}/{quote}"]
                top = [best[name] for name in ("bid", "bidVolume", "ask", "askVolume")]
            else:
                book = self._exchange.orderbooks[f"{base}/{quote}"]
                top = [*book["bids"][0][:2], *book["asks"][0][:2]]
            found[symbol] = [f"{value:.8f}" for value in top]
        return found

    def _market(self, symbol: str, base: str, quote: str) -> Any:
        told = {"id": symbol, "symbol": f"{base}/{quote}", "base": base, "quote": quote, "type": "spot"}
        known = {"spot": True, "active": True, "baseId": base, "quoteId": quote}
        return self._exchange.safe_market_structure(told | known)


def _nothing(*_: object) -> None:
    """A client's callbacks on errors, closing and connecting."""


def open_reader(day: Day) -> Reader:
    if MISSING:
        raise Lacking(MISSING)
    return CcxtReader(day)


async def main() -> None:
    take_turns(open_reader)  # its clients want a loop that runs; nothing of theirs waits on it


if __name__ == "__main__":
    asyncio.run(main())

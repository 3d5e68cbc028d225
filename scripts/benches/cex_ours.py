"""The bot as a reader: FrameReader, one kernel call a frame. Every frame must be applied, or the bench ends.

After the timed part the whole books, every level of them, are compared with those of the plainest reading.
"""

import sys
import time
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bot.core.market_data import Pair
from bot.feeds.cex.binance_frames import BINANCE
from bot.feeds.cex.bybit_frames import BYBIT
from bot.feeds.cex.coinbase_frames import COINBASE
from bot.feeds.cex.frame_reader import FrameReader, Outcome, SymbolSpec
from bot.feeds.cex.kraken_frames import KRAKEN
from bot.feeds.cex.okx_frames import OKX
from scripts.benches.cex_frames_of_day import Day
from scripts.benches.cex_plain_book import SCALE, Books, plain_books, scaled
from scripts.benches.cex_turns import Reader, take_turns

DIALECTS = {one.name: one for one in (BINANCE, COINBASE, KRAKEN, OKX, BYBIT)}
READ_EVERY_NS = 50_000
"""Between two frames, by the clock given to the reader."""
MOST = 1 << 20


class OurReader:
    def __init__(self, day: Day, expected: Books) -> None:
        self._day, self._expected = day, expected
        specs = [SymbolSpec(Pair(base, quote), symbol) for symbol, base, quote in day.symbols]
        self.frames = [frame.encode() for frame in day.frames]
        self.reader = FrameReader(DIALECTS[day.venue.split()[0]], specs, day.depth or 0)
        for place, frame in enumerate(day.snapshots):
            if day.venue == "binance depth":
                outcome = self.reader.load_snapshot(place, frame.encode(), 1)
            elif day.venue == "binance bookTicker":
                continue  # a quote needs none
            else:
                outcome = Outcome(self.reader.read(frame.encode(), 1) & 255)
            if outcome is not Outcome.BOOK:
                raise SystemExit(f"{day.venue}: the snapshot of {day.symbols[place][0]} was {outcome.name}")
        self.outcomes: list[int] = []

    def play(self) -> int:
        read, times = self.reader.read, count(2, READ_EVERY_NS)
        timed = list(zip(self.frames, times, strict=False))
        started = time.thread_time_ns()
        self.outcomes = [read(frame, received) for frame, received in timed]
        return time.thread_time_ns() - started

    def tops(self) -> dict[str, list[str]]:
        self._check()
        found = {}
        for place, (symbol, *_) in enumerate(self._day.symbols):
            best = self._held()[place].best()
            assert best is not None
            found[symbol] = [f"{value / SCALE:.8f}" for value in best]
        return found

    def _held(self):  # noqa: ANN202  # books or quotes: both have `best`
        return self.reader.quotes if self._day.venue == "binance bookTicker" else self.reader.books

    def _check(self) -> None:
        """Raises SystemExit unless all frames were applied and every level is right."""
        wanted = Outcome.QUOTE if self._day.venue == "binance bookTicker" else Outcome.BOOK
        strange = {Outcome(one & 255).name for one in self.outcomes} - {wanted.name}
        if strange:
            raise SystemExit(
                f"{self._day.venue}: not every frame was applied, some were {', '.join(strange)}"
            )
        for place, (symbol, *_) in enumerate(self._day.symbols):
            bids, asks = (scaled(side) for side in self._expected[symbol])
            if wanted is Outcome.QUOTE:
                (bid, bid_size), (ask, ask_size) = (*bids.items(), *asks.items())
                good = self.reader.quotes[place].best() == (bid, bid_size, ask, ask_size)
            else:
                book = self.reader.books[place].top(MOST)
                good = book == (sorted(bids.items(), reverse=True), sorted(asks.items()))
            if not good:
                raise SystemExit(f"{self._day.venue}: the book of {symbol} is not what its frames say")


def main() -> None:
    expected: dict[str, Books] = {}

    def open_reader(day: Day) -> Reader:
        if day.venue not in expected:
            expected[day.venue] = plain_books(day)
        return OurReader(day, expected[day.venue])

    take_turns(open_reader)


if __name__ == "__main__":
    main()

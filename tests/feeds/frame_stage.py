"""A reader beside the oracle's connection: both read the same frames, and everything they hold is compared."""

from oracle.exchange_frames import READERS, OracleConnection

from bot.core.market_data import Pair
from bot.feeds.cex.binance_frames import BINANCE, BINANCE_USDM
from bot.feeds.cex.bybit_frames import BYBIT
from bot.feeds.cex.coinbase_frames import COINBASE
from bot.feeds.cex.frame_reader import FrameReader, Outcome, SymbolSpec
from bot.feeds.cex.kraken_frames import KRAKEN
from bot.feeds.cex.okx_frames import OKX

DIALECTS = {dialect.name: dialect for dialect in (BINANCE, BINANCE_USDM, COINBASE, KRAKEN, OKX, BYBIT)}
SYMBOLS = {
    "binance": ("BTCUSDT", "ETHUSDT"),
    "binance-usdm": ("BTCUSDT", "ETHUSDT"),
    "coinbase": ("BTC-USD", "ETH-USD"),
    "kraken": ("BTC/USD", "ETH/USD"),
    "okx": ("BTC-USDT", "ETH-USDT"),
    "bybit": ("BTCUSDT", "ETHUSDT"),
}
DEPTHS = {"kraken": 10, "bybit": 50}


def reader_of(name, symbols=None, capacity=4096):
    specs = [SymbolSpec(Pair(symbol, "USD"), symbol) for symbol in symbols or SYMBOLS[name]]
    return FrameReader(DIALECTS[name], specs, DEPTHS.get(name, 0), capacity)


class Twins:
    """`read` gives the outcome both agree on."""

    def __init__(self, name, symbols=None, capacity=4096):
        self.symbols = symbols or SYMBOLS[name]
        self.reader = reader_of(name, self.symbols, capacity)
        self.oracle = OracleConnection(READERS[name], self.symbols, DEPTHS.get(name))
        self.received = 10**15

    def read(self, payload):
        self.received += 1_000_000
        code = self.reader.read(payload, self.received)
        outcome = Outcome(code & 255).name
        expected, symbol = self.oracle.read(payload)
        assert outcome == expected, (outcome, expected, payload)
        if symbol is not None:
            assert self.symbols[code >> 8] == symbol, payload
        return outcome

    def load(self, symbol, payload):
        outcome = self.reader.load_snapshot(self.symbols.index(symbol), payload, self.received).name
        assert outcome == self.oracle.load(symbol, payload), payload
        return outcome

    def compare(self, *, levels=True):
        for index, symbol in enumerate(self.symbols):
            self._compare_book(self.reader.books[index], self.oracle.books[symbol], levels)
            self._compare_quote(self.reader.quotes[index], self.oracle.quotes[symbol])

    def _compare_book(self, book, held, levels):
        assert book.is_synced == held["synced"]
        if not held["synced"]:
            return
        assert (book.last_id, book.exchange_time or 0) == (held["id"], held["time"])
        if levels:
            bids, asks = book.top(10_000)
            assert bids == [(price, held["bids"][price][0]) for price in sorted(held["bids"], reverse=True)]
            assert asks == [(price, held["asks"][price][0]) for price in sorted(held["asks"])]

    def _compare_quote(self, quote, held):
        assert quote.is_synced == (held is not None)
        if held is None:
            return
        best = (*held["bid"], *held["ask"])
        assert quote.best() == (best if all(best) else None)
        assert (quote.last_id, quote.exchange_time or 0) == (held["id"], held["time"])

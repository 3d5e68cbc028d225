"""Readers of the six protocols, from the venues' documents: plain dictionaries, no code of the bot.

`take` reads one message. A book is {"bids": {price: size}, "asks": …} of Decimals; `ids` says which state it is.
A broken rule is an AssertionError.
"""

import datetime as dt
import zlib
from decimal import Decimal

PAIRS = {
    "binance": ("ETHUSDT", "USDCUSDT"),
    "binance-usdm": ("ETHUSDT", "BTCUSDT"),
    "coinbase": ("ETH-USD", "USDT-USD"),
    "kraken": ("ETH/USD", "USDT/USD"),
    "okx": ("ETH-USDT", "USDC-USDT"),
    "bybit": ("ETHUSDT", "USDCUSDT"),
}


class Reader:
    def __init__(self):
        self.books = {}
        self.ids = {}
        self.quotes = {}
        """Symbol -> (id, bid, bid size, ask, ask size)."""
        self.updates = 0

    def begin(self, symbol, bids, asks):
        self.books[symbol] = {"bids": {}, "asks": {}}
        self.apply(symbol, bids, asks)

    def apply(self, symbol, bids, asks):
        for side, levels in (("bids", bids), ("asks", asks)):
            for price, size in levels:
                if Decimal(size):
                    self.books[symbol][side][Decimal(price)] = Decimal(size)
                else:
                    self.books[symbol][side].pop(Decimal(price), None)

    def sorted(self, symbol, depth=None):
        book = self.books[symbol]
        bids = sorted(book["bids"].items(), reverse=True)[:depth]
        return bids, sorted(book["asks"].items())[:depth]


def pairs(levels):
    return [level[:2] for level in levels]


class BinanceReader(Reader):
    """Spot: buffer, snapshot by REST, then ranges that join."""

    def __init__(self):
        super().__init__()
        self.waiting = {}

    def url_query(self, symbols):
        return "?streams=" + "/".join(f"{s.lower()}@depth@100ms/{s.lower()}@bookTicker" for s in symbols)

    def subscriptions(self, symbols):
        return []

    def take(self, message):
        data = message["data"]
        symbol = data["s"]
        assert message["stream"].startswith(symbol.lower() + "@")
        if "b" in data and isinstance(data["b"], str):
            self.quotes[symbol] = (data["u"], *(Decimal(data[name]) for name in "bBaA"))
        elif symbol not in self.books:
            self.waiting.setdefault(symbol, []).append(data)
        else:
            self.event(symbol, data)

    def snapshot(self, symbol, answer):
        """Before or after it came, whatever was buffered joins."""
        last = answer["lastUpdateId"]
        kept = [event for event in self.waiting.pop(symbol, []) if self.is_new(event, last)]
        if kept:
            assert kept[0]["U"] <= last + 1 <= kept[0]["u"] + 1
        self.begin(symbol, answer["bids"], answer["asks"])
        self.ids[symbol] = last
        self.first = True
        for event in kept:
            self.event(symbol, event)

    def is_new(self, event, last):
        return event["u"] > last

    def event(self, symbol, data):
        if data["u"] <= self.ids[symbol]:
            return
        assert data["U"] <= self.ids[symbol] + 1, "gap"
        self.apply(symbol, data["b"], data["a"])
        self.ids[symbol] = data["u"]
        self.updates += 1


class UsdmReader(BinanceReader):
    """Futures: after the first event the previous id must be the last one."""

    def __init__(self):
        super().__init__()
        self.joined = set()

    def is_new(self, event, last):
        return event["u"] >= last

    def event(self, symbol, data):
        if symbol in self.joined:
            assert data["pu"] == self.ids[symbol], "gap"
        elif data["u"] < self.ids[symbol]:
            return
        else:
            assert data["U"] <= self.ids[symbol] <= data["u"]
            self.joined.add(symbol)
        assert data["E"] == data["T"]
        self.apply(symbol, data["b"], data["a"])
        self.ids[symbol] = data["u"]
        self.updates += 1


class CoinbaseReader(Reader):
    def __init__(self):
        super().__init__()
        self.next = 0
        self.acknowledged = []

    def url_query(self, symbols):
        return ""

    def subscriptions(self, symbols):
        products = list(symbols)
        return [
            {"type": "subscribe", "product_ids": products, "channel": "level2"},
            {"type": "subscribe", "product_ids": products, "channel": "ticker"},
            {"type": "subscribe", "channel": "heartbeats"},
        ]

    def take(self, message):
        assert message["sequence_num"] == self.next, "messages were lost"
        self.next += 1
        for event in message["events"]:
            if message["channel"] == "l2_data":
                self.level2(event, message["timestamp"])
            elif message["channel"] == "ticker":
                self.ticker(event, message["timestamp"])
            elif message["channel"] == "subscriptions":
                self.acknowledged.append(event["subscriptions"])
            else:
                assert message["channel"] == "heartbeats"
                assert event["heartbeat_counter"] > 0

    def level2(self, event, timestamp):
        symbol = event["product_id"]
        sides = {"bid": [], "offer": []}
        for update in event["updates"]:
            sides[update["side"]].append((update["price_level"], update["new_quantity"]))
        if event["type"] == "snapshot":
            self.begin(symbol, sides["bid"], sides["offer"])
        else:
            self.apply(symbol, sides["bid"], sides["offer"])
            self.updates += 1
        self.ids[symbol] = nanoseconds(timestamp)

    def ticker(self, event, timestamp):
        for ticker in event["tickers"]:
            names = ("best_bid", "best_bid_quantity", "best_ask", "best_ask_quantity")
            numbers = tuple(Decimal(ticker[name]) for name in names)
            self.quotes[ticker["product_id"]] = (nanoseconds(timestamp), *numbers)


class KrakenReader(Reader):
    """Numbers are kept as the texts they were: the checksum is over those."""

    def __init__(self, depth=25):
        super().__init__()
        self.depth = depth
        self.texts = {}
        self.beats = 0
        self.checked = 0

    def url_query(self, symbols):
        return ""

    def subscriptions(self, symbols):
        book = {"channel": "book", "symbol": list(symbols), "depth": self.depth}
        ticker = {"channel": "ticker", "symbol": list(symbols), "event_trigger": "bbo"}
        return [
            {"method": "subscribe", "params": book, "req_id": 1},
            {"method": "subscribe", "params": ticker, "req_id": 2},
        ]

    def take(self, message):
        if message.get("method") == "subscribe":
            assert message["success"] is True
        elif message["channel"] == "heartbeat":
            self.beats += 1
        elif message["channel"] == "book":
            self.book(message)
        elif message["channel"] == "ticker":
            [data] = message["data"]
            numbers = tuple(Decimal(data[name]) for name in ("bid", "bid_qty", "ask", "ask_qty"))
            self.quotes[data["symbol"]] = (nanoseconds(data["timestamp"]), *numbers)
        else:
            assert message["channel"] == "status"
            assert message["data"][0]["system"] == "online"

    def book(self, message):
        [data] = message["data"]
        symbol = data["symbol"]
        sides = {side: [(level["price"], level["qty"]) for level in data[side]] for side in ("bids", "asks")}
        if message["type"] == "snapshot":
            self.begin(symbol, sides["bids"], sides["asks"])
            self.texts[symbol] = {}
        else:
            self.apply(symbol, sides["bids"], sides["asks"])
            self.updates += 1
        for side, levels in sides.items():
            self.texts[symbol].update({(side, Decimal(price)): (price, size) for price, size in levels})
        for side, levels in zip(("bids", "asks"), self.sorted(symbol, self.depth), strict=True):
            self.books[symbol][side] = dict(levels)
        self.check(symbol, data["checksum"])
        self.ids[symbol] = nanoseconds(data["timestamp"])

    def check(self, symbol, checksum):
        bids, asks = self.sorted(symbol, 10)
        digits = ""
        for side, levels in (("asks", asks), ("bids", bids)):
            for price, _ in levels:
                for text in self.texts[symbol][side, price]:
                    digits += text.replace(".", "").lstrip("0")
        assert zlib.crc32(digits.encode()) == checksum, "checksum"
        self.checked += 1


class OkxReader(Reader):
    def __init__(self):
        super().__init__()
        self.texts = {}
        self.acknowledged = []
        self.checked = 0

    def url_query(self, symbols):
        return ""

    def subscriptions(self, symbols):
        channels = ("books", "bbo-tbt")
        return [
            {
                "op": "subscribe",
                "args": [{"channel": channel, "instId": s} for s in symbols for channel in channels],
            }
        ]

    def take(self, message):
        if message.get("event") == "subscribe":
            self.acknowledged.append(message["arg"])
            return
        [data] = message["data"]
        symbol = message["arg"]["instId"]
        if message["arg"]["channel"] == "bbo-tbt":
            [bid], [ask] = pairs(data["bids"]), pairs(data["asks"])
            self.quotes[symbol] = (data["seqId"], *map(Decimal, (*bid, *ask)))
            return
        if message["action"] == "snapshot":
            assert data["prevSeqId"] == -1
            self.begin(symbol, pairs(data["bids"]), pairs(data["asks"]))
            self.texts[symbol] = {}
        else:
            assert data["prevSeqId"] == self.ids[symbol], "gap"
            self.apply(symbol, pairs(data["bids"]), pairs(data["asks"]))
            self.updates += 1
        self.ids[symbol] = data["seqId"]
        for side in ("bids", "asks"):
            self.texts[symbol].update({(side, Decimal(p)): f"{p}:{s}" for p, s in pairs(data[side])})
        if data["checksum"]:
            self.check(symbol, data["checksum"])

    def check(self, symbol, checksum):
        words = []
        for bid, ask in zip(*self.sorted(symbol, 25), strict=True):
            words += [self.texts[symbol]["bids", bid[0]], self.texts[symbol]["asks", ask[0]]]
        unsigned = zlib.crc32(":".join(words).encode())
        assert int.from_bytes(unsigned.to_bytes(4, "big"), "big", signed=True) == checksum, "checksum"
        self.checked += 1


class BybitReader(Reader):
    def __init__(self):
        super().__init__()
        self.seqs = {}
        self.acknowledged = 0

    def url_query(self, symbols):
        return ""

    def subscriptions(self, symbols):
        topics = [f"orderbook.{depth}.{s}" for s in symbols for depth in (1, 50)]
        return [{"op": "subscribe", "args": topics, "req_id": "7"}]

    def take(self, message):
        if "op" in message:
            assert message["success"] is True
            assert message["req_id"] == "7"
            self.acknowledged += 1
            return
        data = message["data"]
        symbol = data["s"]
        _, depth, named = message["topic"].split(".")
        assert named == symbol
        assert message["cts"] <= message["ts"]
        if depth == "1":
            assert message["type"] == "snapshot"
            [bid], [ask] = data["b"], data["a"]
            self.quotes[symbol] = (data["u"], *map(Decimal, (*bid, *ask)))
            return
        if message["type"] == "snapshot":
            self.begin(symbol, data["b"], data["a"])
        else:
            assert data["u"] == self.ids[symbol] + 1, "gap"
            assert data["seq"] > self.seqs[symbol]
            self.apply(symbol, data["b"], data["a"])
            self.updates += 1
        bids, asks = self.sorted(symbol, 50)
        self.books[symbol] = {"bids": dict(bids), "asks": dict(asks)}
        self.ids[symbol], self.seqs[symbol] = data["u"], data["seq"]


READERS = {
    "binance": BinanceReader,
    "binance-usdm": UsdmReader,
    "coinbase": CoinbaseReader,
    "kraken": KrakenReader,
    "okx": OkxReader,
    "bybit": BybitReader,
}
DEPTHS = {"kraken": 25, "bybit": 50}
"""Levels a side; the others show all there are."""


def nanoseconds(text):
    """Of 2026-11-21T09:30:00.5Z; any number of digits up to nine."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = int(dt.datetime.fromisoformat(whole + "+00:00").timestamp())
    return seconds * 10**9 + int(fraction.ljust(9, "0") or 0)

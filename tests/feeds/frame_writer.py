"""An exchange's own side, small and independent: books that change at random, and frames about them in any order of
members, with any white space and with members nobody knows.
"""

import zlib

STRANGERS = (
    ("st", "1"),
    ("ps", '"BTCUSDT"'),
    ("note", '"a \\"quoted\\" \\\\ } ] text, \\u00e9"'),
    ("nested", '{"b":[["1","2"]],"a":{"u":[1,2,{"x":"]}"}]}}'),
    ("nothing", "null"),
    ("ratio", "-1.5e-7"),
    ("flag", "true"),
    ("empty", "{}"),
    ("none", "[]"),
)
SPACES = ("", "", "", " ", "\n", "\t ", "\r\n")


class Frames:
    """`text` writes values; lists of members become objects in random order. `is_plain`: as exchanges write."""

    def __init__(self, random, *, is_plain=False):
        self.random, self.is_plain = random, is_plain

    def space(self):
        return "" if self.is_plain else self.random.choice(SPACES)

    def text(self, value):
        if isinstance(value, dict):
            members = [(name, self.text(inner)) for name, inner in value.items()]
            if not self.is_plain:
                members += self.random.sample(STRANGERS, self.random.choice((0, 0, 1, 2)))
                self.random.shuffle(members)
            return self.wrapped(
                "{", [f'"{name}"{self.space()}:{self.space()}{inner}' for name, inner in members], "}"
            )
        if isinstance(value, list):
            return self.wrapped("[", [self.text(inner) for inner in value], "]")
        return value

    def wrapped(self, opening, parts, closing):
        inner = f"{self.space()},{self.space()}".join(parts)
        return f"{opening}{self.space()}{inner}{self.space()}{closing}"


def quoted(text):
    return f'"{text}"'


class Exchange:
    """`frame()` is the next valid frame of a random symbol; books are {price text: size text}, best at random places."""

    def __init__(self, name, symbols, random, *, is_plain=False, levels=12, depth=None):
        self.name, self.symbols, self.random, self.depth = name, symbols, random, depth
        self.frames = Frames(random, is_plain=is_plain)
        self.levels = min(levels, depth or levels)
        self.books = {symbol: self.new_book() for symbol in symbols}
        self.ids = dict.fromkeys(symbols, 1_000)
        self.quote_ids = dict.fromkeys(symbols, 5_000)
        self.known = set()
        self.sequence = 0
        self.time = 1_700_000_000_000

    def new_book(self):
        return {
            "bids": {self.price(60_000 - place): self.size() for place in range(self.levels)},
            "asks": {self.price(60_001 + place): self.size() for place in range(self.levels)},
        }

    def price(self, ticks):
        return f"{ticks // 10}.{ticks % 10}" + ("" if self.name == "kraken" else "0")

    def size(self):
        return f"{self.random.choice((0, 0, 7, 123))}.{self.random.randint(1, 99_999_999):08d}"

    def instant(self):
        seconds, milliseconds = divmod(self.time, 1_000)
        day, rest = divmod(seconds - 1_699_920_000, 86_400)
        hour, rest = divmod(rest, 3_600)
        fraction = self.random.choice(
            (f"{milliseconds:03d}", f"{milliseconds:03d}456", f"{milliseconds:03d}456789")
        )
        return quoted(f"2023-11-{14 + day:02d}T{hour:02d}:{rest // 60:02d}:{rest % 60:02d}.{fraction}Z")

    def changed(self, symbol):
        """Change a few levels of the book; those that changed, as {side: [(price, size)]}. It never crosses."""
        book, changes = self.books[symbol], {"bids": {}, "asks": {}}
        for _ in range(self.random.randint(1, 5)):
            side = self.random.choice(("bids", "asks"))
            reach = self.random.randint(0, self.levels + 3)
            price = self.price(60_000 - reach if side == "bids" else 60_001 + reach)
            size = self.size()
            if price in book[side] and len(book[side]) > 3 and self.random.random() < 0.4:
                size = self.random.choice(("0", "0.00000000", "0.0"))
                del book[side][price]
            else:
                book[side][price] = size
            changes[side][price] = size
        for side in ("bids", "asks"):
            if self.depth:
                best = sorted(book[side], key=float, reverse=side == "bids")[: self.depth]
                book[side] = {price: book[side][price] for price in best}
        return {side: list(found.items()) for side, found in changes.items()}

    def whole(self, symbol):
        book = self.books[symbol]
        return {
            side: sorted(book[side].items(), key=lambda level: float(level[0]), reverse=side == "bids")
            for side in ("bids", "asks")
        }

    def pairs(self, levels, *more):
        return [[quoted(price), quoted(size), *more] for price, size in levels]

    def frame(self):
        self.time += self.random.randint(0, 300)
        symbol = self.random.choice(self.symbols)
        return self.frames.text(getattr(self, self.name.replace("-", "_"))(symbol)).encode()

    def rest_snapshot(self, symbol):
        levels = self.whole(symbol)
        bids, asks = self.pairs(levels["bids"]), self.pairs(levels["asks"])
        return self.frames.text({"lastUpdateId": str(self.ids[symbol]), "bids": bids, "asks": asks}).encode()

    def best(self, symbol):
        levels = self.whole(symbol)
        return levels["bids"][0], levels["asks"][0]

    def binance(self, symbol, *, is_usdm=False):
        if self.random.random() < 0.5:
            self.quote_ids[symbol] += self.random.randint(1, 9)
            bid, ask = self.best(symbol)
            data = {
                "u": str(self.quote_ids[symbol]),
                "s": quoted(symbol),
                "b": quoted(bid[0]),
                "B": quoted(bid[1]),
            }
            data |= {"a": quoted(ask[0]), "A": quoted(ask[1])}
            if is_usdm:
                data |= {"e": quoted("bookTicker"), "E": str(self.time), "T": str(self.time)}
            stream = f"{symbol.lower()}@bookTicker"
        else:
            before = self.ids[symbol]
            first = before + (self.random.randint(1, 50) if is_usdm else 1)
            self.ids[symbol] = first + self.random.randint(0, 40)
            levels = self.changed(symbol)
            data = {"e": quoted("depthUpdate"), "E": str(self.time), "s": quoted(symbol), "U": str(first)}
            data |= {
                "u": str(self.ids[symbol]),
                "b": self.pairs(levels["bids"]),
                "a": self.pairs(levels["asks"]),
            }
            if is_usdm:
                data |= {"pu": str(before), "T": str(self.time)}
            stream = f"{symbol.lower()}@depth@100ms"
        return {"stream": quoted(stream), "data": data} if self.random.random() < 0.7 else data

    def binance_usdm(self, symbol):
        return self.binance(symbol, is_usdm=True)

    def coinbase(self, symbol):
        self.sequence += 1
        frame = {"client_id": '""', "timestamp": self.instant(), "sequence_num": str(self.sequence - 1)}
        if self.random.random() < 0.1:
            event = {
                "current_time": quoted("2026-04-07 14:30:10 +0000 UTC"),
                "heartbeat_counter": str(self.sequence),
            }
            return {"channel": quoted("heartbeats"), **frame, "events": [event]}
        events = []
        for chosen in self.random.sample(self.symbols, self.random.choice((1, 1, 1, len(self.symbols)))):
            kind = "update" if chosen in self.known else "snapshot"
            levels = self.changed(chosen) if chosen in self.known else self.whole(chosen)
            self.known.add(chosen)
            updates = [
                {
                    "side": quoted(side),
                    "event_time": self.instant(),
                    "price_level": quoted(price),
                    "new_quantity": quoted(size),
                }
                for side, found in (("bid", levels["bids"]), ("offer", levels["asks"]))
                for price, size in found
            ]
            events.append({"type": quoted(kind), "product_id": quoted(chosen), "updates": updates})
        return {"channel": quoted("l2_data"), **frame, "events": events}

    def kraken(self, symbol):
        if symbol in self.known and self.random.random() < 0.3:
            bid, ask = self.best(symbol)
            data = {
                "symbol": quoted(symbol),
                "bid": bid[0],
                "bid_qty": bid[1],
                "ask": ask[0],
                "ask_qty": ask[1],
            }
            data |= {"last": bid[0], "volume": "123.5", "timestamp": self.instant()}
            return {"channel": quoted("ticker"), "type": quoted("update"), "data": [data]}
        kind = "update" if symbol in self.known else "snapshot"
        levels = self.changed(symbol) if symbol in self.known else self.whole(symbol)
        self.known.add(symbol)
        whole = self.whole(symbol)
        strip = lambda text: text.replace(".", "").lstrip("0")  # noqa: E731
        order = whole["asks"][:10] + whole["bids"][:10]
        crc = zlib.crc32("".join(strip(price) + strip(size) for price, size in order).encode())
        data = {"symbol": quoted(symbol), "checksum": str(crc), "timestamp": self.instant()}
        data |= {
            side: [{"price": price, "qty": size} for price, size in levels[side]] for side in ("bids", "asks")
        }
        return {"channel": quoted("book"), "type": quoted(kind), "data": [data]}

    def okx(self, symbol):
        arg, more = {"channel": quoted("books"), "instId": quoted(symbol)}, (quoted("0"), quoted("13"))
        if self.random.random() < 0.4:
            self.quote_ids[symbol] += self.random.randint(1, 9)
            bid, ask = self.best(symbol)
            data = {"asks": self.pairs([ask], *more), "bids": self.pairs([bid], *more)}
            data |= {"ts": quoted(self.time), "seqId": str(self.quote_ids[symbol])}
            return {"arg": {**arg, "channel": quoted("bbo-tbt")}, "data": [data]}
        is_new = symbol not in self.known
        before = -1 if is_new else self.ids[symbol]
        is_quiet = not is_new and self.random.random() < 0.1
        levels = (
            self.whole(symbol) if is_new else {"bids": [], "asks": []} if is_quiet else self.changed(symbol)
        )
        if not is_quiet:
            self.ids[symbol] += self.random.choice((1, 7, 45, -3))
        self.known.add(symbol)
        data = {side: self.pairs(levels[side], *more) for side in ("bids", "asks")}
        data |= {"ts": quoted(self.time), "prevSeqId": str(before), "seqId": str(self.ids[symbol])}
        if self.random.random() < 0.7:
            data["checksum"] = self.random.choice(("0", str(self.okx_checksum(symbol))))
        action = quoted("snapshot" if is_new else "update")
        return {"arg": arg, "action": action, "data": [data]}

    def okx_checksum(self, symbol):
        whole, parts = self.whole(symbol), []
        for place in range(25):
            parts += [":".join(whole[side][place]) for side in ("bids", "asks") if place < len(whole[side])]
        crc = zlib.crc32(":".join(parts).encode())
        return crc - 2**32 if crc >= 2**31 else crc

    def bybit(self, symbol):
        frame = {"ts": str(self.time), "cts": str(self.time - 3)}
        if self.random.random() < 0.4:
            self.quote_ids[symbol] += self.random.choice((0, 1, 5))
            bid, ask = self.best(symbol)
            data = {"s": quoted(symbol), "b": self.pairs([bid]), "a": self.pairs([ask])}
            data |= {"u": str(self.quote_ids[symbol]), "seq": "77"}
            return {
                "topic": quoted(f"orderbook.1.{symbol}"),
                "type": quoted("snapshot"),
                **frame,
                "data": data,
            }
        is_new = symbol not in self.known or self.random.random() < 0.02
        self.known.add(symbol)
        levels = self.whole(symbol) if is_new else self.changed(symbol)
        self.ids[symbol] = self.random.choice((1, 500)) if is_new else self.ids[symbol] + 1
        data = {"s": quoted(symbol), "b": self.pairs(levels["bids"]), "a": self.pairs(levels["asks"])}
        data |= {"u": str(self.ids[symbol]), "seq": "78"}
        kind = quoted("snapshot" if is_new else "delta")
        return {"topic": quoted(f"orderbook.50.{symbol}"), "type": kind, **frame, "data": data}

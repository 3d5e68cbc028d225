"""A day of each venue's frames, in the dialect the venue speaks now: ids, continuity and checksums right.

Written by an encoder of its own (nothing of bot) over seeded walks of two symbols, so the same frames every time. For
Binance the recorded frames of 2024-08-08 stand in where the recordings are: they are in today's dialect already.
"""

import gzip
import json
import random
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from scripts.benches.cex_walk import ASK, BID, Changes, Shape, Walk

VENUES = ("binance depth", "binance bookTicker", "coinbase", "kraken", "okx", "bybit")
SHAPES = {
    "binance depth": Shape(2, 8, 6_183_763, padding="000000", touched=30, step_ms=100, depth=None),
    "binance bookTicker": Shape(2, 8, 6_183_763, padding="000000", touched=3, step_ms=5, depth=None),
    "coinbase": Shape(2, 8, 6_183_763, touched=15, step_ms=50, depth=None),
    "kraken": Shape(1, 8, 618_376, touched=9, step_ms=20, depth=10, tells_leaving=False),
    "okx": Shape(1, 8, 618_376, touched=22, step_ms=100, depth=400),
    "bybit": Shape(2, 6, 6_183_763, touched=20, step_ms=20, depth=50),
}
BASES = ("BTC", "ETH")
CHEAPER = (1, 23)
"""ETH's price is about so many times below BTC's."""
OPENED = datetime(2026, 4, 7, 14, 30, tzinfo=UTC)
RECORDED = Path("binance_streams/spot_btcusdt_20240808.gz")


@dataclass(frozen=True)
class Day:
    venue: str
    source: str
    """Generated, or which recording."""
    symbols: tuple[tuple[str, str, str], ...]
    """(as in the frames, base, quote)."""
    depth: int | None
    """Levels a side the venue shows; None: all it has."""
    snapshots: tuple[str, ...]
    """One a symbol, in their order: an answer of REST (Binance) or the stream's first frames."""
    frames: tuple[str, ...]
    """What is timed."""

    def save(self, folder: Path) -> None:
        (folder / f"{self.venue}.json").write_text(json.dumps(asdict(self)))


def load(folder: Path, venue: str) -> Day:
    held = json.loads((folder / f"{venue}.json").read_text())
    held["symbols"] = tuple(map(tuple, held["symbols"]))
    return Day(**held | {name: tuple(held[name]) for name in ("snapshots", "frames")})


def make(venue: str, messages: int, seed: int, recordings: Path | None) -> Day:
    if venue.startswith("binance") and recordings is not None and (recordings / RECORDED).exists():
        return _recorded(venue, messages, recordings / RECORDED)
    return _generated(venue, messages, seed)


def _generated(venue: str, messages: int, seed: int) -> Day:
    shape = SHAPES[venue]
    draw = random.Random(f"{seed} {venue}")  # noqa: S311  # a market, not a key
    encoder, quote = ENCODERS[venue](), "USD" if venue in {"coinbase", "kraken"} else "USDT"
    join = {"coinbase": "-", "kraken": "/", "okx": "-"}.get(venue, "")
    symbols = tuple((base + join + quote, base, quote) for base in BASES)
    walks = [Walk(replace(shape, start=shape.start // times), draw) for times in CHEAPER]
    for walk in walks:
        walk.open()
    snapshots = tuple(encoder.snapshot(symbol[0], walk) for symbol, walk in zip(symbols, walks, strict=True))
    frames = []
    for place in range(messages):
        which = place % len(walks)
        changes = walks[which].step()
        at = OPENED + timedelta(milliseconds=shape.step_ms * (place // len(walks)) + draw.random() * 3)
        frames.append(encoder.update(symbols[which][0], walks[which], changes, at))
    return Day(venue, f"generated, seed {seed}", symbols, shape.depth, snapshots, tuple(frames))


def _recorded(venue: str, messages: int, path: Path) -> Day:
    """The recording's depth frames from the one that its REST snapshot lies in, or its bookTickers."""
    stream, snapshot, last, frames = f"@{venue.split()[1]}", "", 0, []
    depth = venue == "binance depth"
    with gzip.open(path, "rt") as lines:
        for line in lines:
            frame = line.partition(" ")[2].strip()
            if frame.startswith('{"lastUpdateId"'):
                snapshot, last = frame, json.loads(frame)["lastUpdateId"]
                frames = [one for one in frames if json.loads(one)["data"]["u"] > last] if depth else frames
            elif stream in frame[:40]:
                frames.append(frame)
    frames = frames[:messages]
    source = f"recorded {path.name}"
    return Day(
        venue, source, (("BTCUSDT", "BTC", "USDT"),), None, (snapshot,) if depth else (), tuple(frames)
    )


class Binance:
    """Diff. depth stream of spot, as a combined stream wraps it; the snapshot is REST's `/api/v3/depth`."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}

    def snapshot(self, symbol: str, walk: Walk) -> str:
        self.last[symbol] = 50_093_239_218
        sides = {name: [_texts(walk, level) for level in walk.view(side).items()] for name, side in SIDES}
        return _json({"lastUpdateId": self.last[symbol], **sides})

    def update(self, symbol: str, walk: Walk, changes: Changes, at: datetime) -> str:
        first = self.last[symbol] + 1
        self.last[symbol] += len(changes)
        told = {"e": "depthUpdate", "E": _ms(at), "s": symbol, "U": first, "u": self.last[symbol]}
        data = {**told, "b": _levels(walk, changes, BID), "a": _levels(walk, changes, ASK)}
        return _json({"stream": f"{symbol.lower()}@depth@100ms", "data": data})


class BookTicker(Binance):
    """`<symbol>@bookTicker`: the top of the same walk."""

    def update(self, symbol: str, walk: Walk, changes: Changes, at: datetime) -> str:  # noqa: ARG002  # as above
        self.last[symbol] += len(changes)
        (bid, bid_size), (ask, ask_size) = (
            _texts(walk, next(iter(walk.view(side).items()))) for side in (0, 1)
        )
        data = {"u": self.last[symbol], "s": symbol, "b": bid, "B": bid_size, "a": ask, "A": ask_size}
        return _json({"stream": f"{symbol.lower()}@bookTicker", "data": data})


class Coinbase:
    """Advanced Trade's `l2_data`; `sequence_num` counts over the connection."""

    def __init__(self) -> None:
        self.sequence = -1

    def snapshot(self, symbol: str, walk: Walk) -> str:
        levels = [(side, price, size) for side in (BID, ASK) for price, size in walk.view(side).items()]
        return self._frame("snapshot", symbol, walk, levels, OPENED)

    def update(self, symbol: str, walk: Walk, changes: Changes, at: datetime) -> str:
        return self._frame("update", symbol, walk, changes, at)

    def _frame(self, kind: str, symbol: str, walk: Walk, changes: Changes, at: datetime) -> str:
        self.sequence += 1
        updates = []
        for side, price, size in changes:
            price_text, size_text = _texts(walk, (price, size))
            told = {"side": "offer" if side == ASK else "bid", "event_time": _iso(at)}
            updates.append({**told, "price_level": price_text, "new_quantity": size_text})
        head = {"channel": "l2_data", "client_id": "", "timestamp": _iso(at), "sequence_num": self.sequence}
        return _json({**head, "events": [{"type": kind, "product_id": symbol, "updates": updates}]})


class Kraken:
    """v2 `book`, depth 10. Numbers, not strings: their digits are the market's precision, and in the checksum."""

    def snapshot(self, symbol: str, walk: Walk) -> str:
        levels = [(side, price, size) for side in (BID, ASK) for price, size in walk.view(side).items()]
        return self._frame("snapshot", symbol, walk, levels, OPENED)

    def update(self, symbol: str, walk: Walk, changes: Changes, at: datetime) -> str:
        return self._frame("update", symbol, walk, changes, at)

    def _frame(self, kind: str, symbol: str, walk: Walk, changes: Changes, at: datetime) -> str:
        told = {}
        for name, side in SIDES:
            levels = (f'{{"price":{price},"qty":{size}}}' for price, size in _levels(walk, changes, side))
            told[name] = f"[{','.join(levels)}]"
        checksum = kraken_checksum(
            *([_texts(walk, one) for one in walk.view(side).items()] for side in (BID, ASK))
        )
        return (
            f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}","bids":{told["bids"]},'
            f'"asks":{told["asks"]},"checksum":{checksum},"timestamp":"{_iso(at)}"}}]}}'
        )


class Okx:
    """`books`, 400 levels; the checksum is of the first 25 on each side."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}

    def snapshot(self, symbol: str, walk: Walk) -> str:
        levels = [(side, price, size) for side in (BID, ASK) for price, size in walk.view(side).items()]
        return self._frame("snapshot", symbol, walk, levels, OPENED)

    def update(self, symbol: str, walk: Walk, changes: Changes, at: datetime) -> str:
        return self._frame("update", symbol, walk, changes, at)

    def _frame(self, action: str, symbol: str, walk: Walk, changes: Changes, at: datetime) -> str:
        before = self.last.get(symbol, -1)
        self.last[symbol] = max(before, 1_024_000) + 1 + len(changes)
        top = [[_trimmed(_texts(walk, one)) for one in list(walk.view(side).items())[:25]] for side in (0, 1)]
        sides = {}
        for name, side in reversed(SIDES):
            levels = map(_trimmed, _levels(walk, changes, side))
            sides[name] = [[price, size, "0", "0" if size == "0" else "3"] for price, size in levels]
        ids = {"checksum": okx_checksum(*top), "seqId": self.last[symbol], "prevSeqId": before}
        told = {"arg": {"channel": "books", "instId": symbol}, "action": action}
        return _json({**told, "data": [{**sides, "ts": str(_ms(at)), **ids}]})


class Bybit:
    """v5 `orderbook.50` of spot."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}

    def snapshot(self, symbol: str, walk: Walk) -> str:
        levels = [(side, price, size) for side in (BID, ASK) for price, size in walk.view(side).items()]
        return self._frame("snapshot", symbol, walk, levels, OPENED)

    def update(self, symbol: str, walk: Walk, changes: Changes, at: datetime) -> str:
        return self._frame("delta", symbol, walk, changes, at)

    def _frame(self, kind: str, symbol: str, walk: Walk, changes: Changes, at: datetime) -> str:
        self.last[symbol] = update = self.last.get(symbol, 18_521_287) + 1
        data = {"s": symbol, "b": _levels(walk, changes, BID), "a": _levels(walk, changes, ASK)}
        ids = {"u": update, "seq": 7_961_638_724 + 5 * update}
        told = {"topic": f"orderbook.50.{symbol}", "type": kind, "ts": _ms(at) + 2, "data": {**data, **ids}}
        return _json({**told, "cts": _ms(at)})


SIDES = (("bids", BID), ("asks", ASK))
Level = tuple[str, str]
ENCODERS: dict[str, Callable[[], Any]] = {
    "binance depth": Binance,
    "binance bookTicker": BookTicker,
    "coinbase": Coinbase,
    "kraken": Kraken,
    "okx": Okx,
    "bybit": Bybit,
}


def kraken_checksum(bids: list[Level], asks: list[Level]) -> int:
    """Kraken's v2 rule: ten asks low to high, then ten bids high to low, digits without point and leading zeros."""
    texts = (text for level in asks[:10] + bids[:10] for text in level)
    return zlib.crc32("".join(text.replace(".", "").lstrip("0") for text in texts).encode())


def okx_checksum(bids: list[Level], asks: list[Level]) -> int:
    """OKX's rule: `price:size` of bid and ask in turns, 25 each, joined by colons; signed 32 bits."""
    turns = [side[place] for place in range(25) for side in (bids, asks) if place < len(side)]
    value = zlib.crc32(":".join(text for level in turns for text in level).encode())
    return value - (1 << 32) if value >= 1 << 31 else value


def _levels(walk: Walk, changes: Changes, side: int) -> list[Level]:
    """Of one side, best first as the venues list them."""
    levels = sorted(((price, size) for of, price, size in changes if of == side), reverse=side == BID)
    return [_texts(walk, level) for level in levels]


def _texts(walk: Walk, level: tuple[int, int]) -> Level:
    price, size = level
    shape = walk.shape
    return _decimal(price, shape.price_decimals) + shape.padding, _decimal(size, shape.size_decimals)


def _decimal(value: int, decimals: int) -> str:
    whole, part = divmod(value, 10**decimals)
    return f"{whole}.{part:0{decimals}}"


def _trimmed(level: Level) -> Level:
    price, size = (text.rstrip("0").rstrip(".") for text in level)
    return price, size


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1_000)


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

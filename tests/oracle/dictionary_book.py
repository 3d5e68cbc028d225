"""A book of price levels as two plain dicts, with the venues' checksums over the levels' texts written out and joined."""

import heapq
import zlib
from dataclasses import dataclass, field
from fractions import Fraction

BIDS, ASKS = 0, 1


@dataclass(frozen=True)
class Held:
    size: int
    price_text: str = ""
    size_text: str = ""


@dataclass
class DictionaryBook:
    """`most`: levels a side may hold; the worst goes where one more comes. Prices and sizes are integers."""

    most: int
    sides: tuple[dict[int, Held], dict[int, Held]] = field(default_factory=lambda: ({}, {}))

    def clear(self) -> None:
        for side in self.sides:
            side.clear()

    def put(self, side: int, price: int, held: Held) -> None:
        levels = self.sides[side]
        if held.size == 0:
            levels.pop(price, None)
            return
        levels[price] = held
        if len(levels) > self.most:
            del levels[self._worst(side)]

    def truncate(self, depth: int) -> None:
        for side, levels in enumerate(self.sides):
            while len(levels) > depth:
                del levels[self._worst(side)]

    def best(self) -> tuple[int, int, int, int]:
        """(bid, size, ask, size), zeros for an empty side."""
        bids, asks = self.sides
        bid, ask = max(bids, default=0), min(asks, default=0)
        return bid, bids[bid].size if bids else 0, ask, asks[ask].size if asks else 0

    def is_crossed(self) -> bool:
        bids, asks = self.sides
        return bool(bids and asks) and max(bids) >= min(asks)

    def counts(self) -> tuple[int, int]:
        return len(self.sides[BIDS]), len(self.sides[ASKS])

    def levels(self, side: int, most: int | None = None) -> list[tuple[int, int]]:
        """(price, size), best first."""
        return [(price, self.sides[side][price].size) for price in self._ordered(side, most)]

    def kraken_checksum(self) -> int:
        """Unsigned: ten asks from the lowest, then ten bids from the highest, digits from the first that is not 0."""
        text = ""
        for side in (ASKS, BIDS):
            for price in self._ordered(side, 10):
                held = self.sides[side][price]
                for number in (held.price_text, held.size_text):
                    text += number.replace(".", "").lstrip("0")
        return zlib.crc32(text.encode())

    def okx_checksum(self) -> int:
        """Signed: price:size of bid 1, ask 1, bid 2, ... of 25 a side, what one side lacks left out, joined by colons."""
        words = []
        bids, asks = self._ordered(BIDS, 25), self._ordered(ASKS, 25)
        for place in range(25):
            for side, prices in ((BIDS, bids), (ASKS, asks)):
                for price in prices[place : place + 1]:
                    held = self.sides[side][price]
                    words += [held.price_text, held.size_text]
        unsigned = zlib.crc32(":".join(words).encode())
        return unsigned if unsigned < 1 << 31 else unsigned - (1 << 32)

    def sweep(self, side: int, size: int) -> tuple[int, Fraction, int | None]:
        """(filled, sum of price times size, price of the last level touched)."""
        left, paid, worst = size, Fraction(0), None
        for price, held in self.levels(side):
            if left == 0:
                break
            taken = min(left, held)
            left, paid, worst = left - taken, paid + Fraction(price) * taken, price
        return size - left, paid, worst

    def _ordered(self, side: int, most: int | None) -> list[int]:
        levels = self.sides[side]
        if most is None:
            return sorted(levels, reverse=side == BIDS)
        return heapq.nlargest(most, levels) if side == BIDS else heapq.nsmallest(most, levels)

    def _worst(self, side: int) -> int:
        return min(self.sides[side]) if side == BIDS else max(self.sides[side])

"""Random valid operations on a book under each venue's rules, ours against the oracle's dicts at every step.

A group of GROUP operations is one book's life, always the same for a seed, a rule and the group's number. Operations come
in frames, as at the venues: levels are put one by one, then the book is cut to its depth, then its checksum is taken.
"""

import random
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from oracle.dictionary_book import DictionaryBook, Held

from bot.state.book_layout import ASKS, BID_START, BIDS, IS_SYNCED, lay_out, words_needed
from bot.state.checksum_kernel import (
    TABLE_WORDS,
    kraken_checksum,
    kraken_text,
    okx_checksum,
    okx_text,
    write_tables,
)
from bot.state.order_book import OrderBook
from bot.state.order_book_kernel import best, clear, is_crossed, put, truncate

GROUP = 10_000
WHOLE_EVERY = 97
"""Operations between two comparisons of every level."""
INT64_MAX = 2**63 - 1
CROSSING = 0.01
"""Share of the drawn prices that lie beyond the other side's best."""
TURNING = 0.01
"""Share of the frames at which the trend of prices changes."""


@dataclass(frozen=True)
class Rule:
    """How a venue's books are kept."""

    capacity: int
    depth: int = 0
    checksum: str = ""
    levels: int = 60
    """About how many levels stand on a side once it has filled."""


RULES = {
    "binance": Rule(4_096, levels=250),
    "coinbase": Rule(4_096, levels=500),
    "kraken 10": Rule(80, 10, "kraken", 10),
    "kraken 25": Rule(100, 25, "kraken", 25),
    "kraken 100": Rule(200, 100, "kraken", 100),
    "okx": Rule(400, 0, "okx", 60),
    "okx, few levels": Rule(64, 0, "okx", 12),
    "bybit": Rule(200, 0, "", 50),
    "full": Rule(64, 0, "", 200),
    "full, of one level": Rule(1, 0, "", 5),
}


@dataclass
class Tally:
    """What was compared, and what differed."""

    operations: int = 0
    kinds: Counter = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.operations += other.operations
        self.kinds.update(other.kinds)
        self.differences += other.differences


class Market:
    """Draws operations: a centre that wanders, levels that cluster near it, texts as venues write them."""

    def __init__(self, draw: random.Random, rule: Rule):
        self.draw, self.rule = draw, rule
        self.price_decimals, self.size_decimals = draw.randrange(9), draw.randrange(9)
        self.fixed = rule.checksum != "okx" or draw.random() < 0.3
        span = 8 * rule.levels + 200
        self.centre = draw.choice([span, 10_000, 4_500_000, 10**12, INT64_MAX - 2 * span])
        self.centre, self.trend = max(self.centre, span), 0
        self.step = max(1, self.centre // draw.choice([10**3, 10**5, 10**18]))
        if self.centre + 2 * span * self.step > INT64_MAX or self.centre < span * self.step:
            self.step = 1

    def price(self, side: int) -> int:
        ticks = (
            int(self.draw.expovariate(1 / self.rule.levels))
            if self.draw.random() < 0.5
            else self.draw.randrange(12)
        )
        ticks = min(ticks, 8 * self.rule.levels)
        if self.draw.random() < CROSSING:
            ticks = -self.draw.randint(1, 5)
        return self.centre + (ticks + 1 if side == ASKS else -ticks) * self.step

    def size(self) -> int:
        most = self.draw.choice([9, 10**4, 10**10, INT64_MAX])
        return self.draw.randint(1, most)

    def wander(self) -> None:
        if self.draw.random() < TURNING:
            self.trend = self.draw.choice([-2, -1, 0, 1, 2])
        moved = self.centre + (self.trend + self.draw.randint(-2, 2)) * self.step
        if 9 * self.rule.levels * self.step < moved < INT64_MAX - 9 * self.rule.levels * self.step:
            self.centre = moved

    def text(self, number: int, decimals: int) -> str:
        """As a venue writes it: with all decimals, or without the zeros at the end."""
        digits = str(number).rjust(decimals + 1, "0")
        whole, behind = digits[: len(digits) - decimals], digits[len(digits) - decimals :]
        if not self.fixed:
            behind = behind.rstrip("0")
        return f"{whole}.{behind}" if behind else whole


class Pair:
    """Our book and the oracle's, given the same."""

    def __init__(self, draw: random.Random, rule: Rule, tally: Tally, place: str):
        self.draw, self.rule, self.tally, self.place = draw, rule, tally, place
        self.market = Market(draw, rule)
        before = draw.randrange(5)
        self.at = TABLE_WORDS + before
        self.words = np.full(self.at + words_needed(rule.capacity) + 5, -1, np.int64)
        write_tables(self.words, 0)
        lay_out(self.words, self.at, rule.capacity, rule.depth, 0, 0)
        self.words[self.at + IS_SYNCED] = 1
        self.guards = [*range(TABLE_WORDS, self.at), *range(len(self.words) - 5, len(self.words))]
        self.view = OrderBook(self.words, self.at)
        self.oracle = DictionaryBook(rule.capacity)

    def run(self) -> None:
        last = self.tally.operations + GROUP
        self._snapshot(last)
        while self.tally.operations < last:
            if self.draw.random() < 0.004:
                self._snapshot(last)
            else:
                self._frame(last)
        self._compare_whole()

    def _frame(self, last: int) -> None:
        self.market.wander()
        bids, asks = self.oracle.sides
        crossing = [(BIDS, bid, 0) for bid in bids if bid > self.market.centre]
        crossing += [(ASKS, ask, 0) for ask in asks if ask <= self.market.centre]
        self.draw.shuffle(crossing)
        for level in crossing[: last - self.tally.operations]:
            self._operation(*level)
        for _ in range(min(self.draw.choice([1, 1, 2, 3, 8, 30]), last - self.tally.operations)):
            self._operation(*self._drawn())
        self._end_frame()

    def _snapshot(self, last: int) -> None:
        clear(self.words, self.at)
        self.oracle.clear()
        levels = [
            (side, self.market.price(side), self.market.size())
            for side in (BIDS, ASKS)
            for _ in range(self.rule.levels)
        ]
        order = self.draw.choice(["best first", "worst first", "shuffled"])
        if order == "shuffled":
            self.draw.shuffle(levels)
        else:
            sign = 1 if order == "best first" else -1
            levels.sort(key=lambda level: sign * level[1] * (1 if level[0] == ASKS else -1))
        self.tally.kinds[f"snapshot: {order}"] += 1
        for level in levels[: last - self.tally.operations]:
            self._operation(*level)
        self._end_frame()

    def _drawn(self) -> tuple[int, int, int]:
        side = self.draw.randrange(2)
        held = self.oracle.sides[side]
        if held and self.draw.random() < 0.42:
            near = self.market.price(side)
            price = near if near in held else self.draw.choice(list(held))
            if self.draw.random() < 0.2:
                price = max(held) if side == BIDS else min(held)
        else:
            price = self.market.price(side)
        is_removal = self.draw.random() < (0.1 if len(held) < self.rule.levels else 0.5)
        return side, price, 0 if is_removal else self.market.size()

    def _operation(self, side: int, price: int, size: int) -> None:
        held = self.oracle.sides[side]
        self._count(side, price, size, held)
        price_text = self.market.text(price, self.market.price_decimals)
        size_text = self.market.text(size, self.market.size_decimals)
        self.oracle.put(side, price, Held(size, price_text, size_text))
        text = 0
        if self.rule.checksum:
            payload = f'["{price_text}","{size_text}"]'.encode()
            from_, then = 2, 5 + len(price_text)
            word = kraken_text if self.rule.checksum == "kraken" else okx_text
            text = word(self.words, 0, payload, from_, from_ + len(price_text), then, then + len(size_text))
        start = int(self.words[self.at + BID_START + side])
        put(self.words, self.at, side, price, size, text)
        self.tally.kinds["centred anew"] += abs(int(self.words[self.at + BID_START + side]) - start) > 1
        self.tally.operations += 1
        self._same("best", best(self.words, self.at), self.oracle.best())
        self._same("counts", (self.view.bid_count, self.view.ask_count), self.oracle.counts())
        self._same("crossed", is_crossed(self.words, self.at), self.oracle.is_crossed())
        self.tally.kinds["crossed"] += self.oracle.is_crossed()
        if self.tally.operations % WHOLE_EVERY == 0:
            self._compare_whole()

    def _count(self, side: int, price: int, size: int, held: dict) -> None:
        kind = ("change" if size else "removal") if price in held else ("new" if size else "removal of none")
        kinds = self.tally.kinds
        kinds[kind] += 1
        if kind == "new" and len(held) == self.rule.capacity:
            worst = min(held) if side == BIDS else max(held)
            is_worse = price < worst if side == BIDS else price > worst
            kinds["new on a full side, the worst" if is_worse else "new on a full side"] += 1
        if kind == "removal" and len(held) == 1:
            kinds["the last of a side"] += 1

    def _end_frame(self) -> None:
        if self.rule.depth:
            self.tally.kinds["cut to the depth"] += max(self.oracle.counts()) > self.rule.depth
            truncate(self.words, self.at)
            self.oracle.truncate(self.rule.depth)
            self._same("best", best(self.words, self.at), self.oracle.best())
            self._same("counts", (self.view.bid_count, self.view.ask_count), self.oracle.counts())
        if self.rule.checksum:
            ours = kraken_checksum if self.rule.checksum == "kraken" else okx_checksum
            theirs = (
                self.oracle.kraken_checksum if self.rule.checksum == "kraken" else self.oracle.okx_checksum
            )
            self._same("checksum", ours(self.words, self.at, 0), theirs())
            self.tally.kinds["checksums"] += 1

    def _compare_whole(self) -> None:
        whole = self.oracle.levels(BIDS), self.oracle.levels(ASKS)
        self._same("book", self.view.top(self.rule.capacity), whole)
        self._same("guards", {int(self.words[at]) for at in self.guards}, {-1})
        self.tally.kinds["whole books"] += 1

    def _same(self, what: str, ours: object, theirs: object) -> None:
        if ours != theirs and len(self.tally.differences) < 100:
            self.tally.differences.append(
                f"{self.place}, operation {self.tally.operations}, {what}: {ours} for {theirs}"
            )


def sweep_books(rule: str, seed: int, first: int, count: int) -> Tally:
    """Operations `first` to `first + count` of a rule, both multiples of GROUP."""
    total = Tally()
    for group in range(first // GROUP, -(-(first + count) // GROUP)):
        tally = Tally()
        place = f"{rule}, seed {seed}, from {group * GROUP}"
        Pair(random.Random(f"{rule} {seed} {group}"), RULES[rule], tally, place).run()
        total.add(tally)
    return total

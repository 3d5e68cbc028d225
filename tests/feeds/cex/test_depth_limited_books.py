"""Books of a limited depth: whether or not the exchange tells of levels that fall out of it, ours is its best levels.

The market has more levels than the subscription shows; its price wanders, so that levels leave the view, change or vanish
unseen, and come back.
"""

import json
import random

import pytest

from bot.core.market_data import Pair
from bot.feeds.cex.frame_reader import FrameReader, Outcome, SymbolSpec
from bot.feeds.cex.venues import VENUES

STEPS = 300
BEYOND = 60
"""Levels a side that the market has and the subscription does not show."""
TICK, LOT = 10**6, 10**3
"""In units of 10^-8: a cent, and 0.00001."""


class DeepMarket:
    """{ticks: lots} a side; the best ones in `view`."""

    def __init__(self, depth, seed):
        self.random, self.depth, self.middle = random.Random(seed), depth, 250_000
        self.sides = ({}, {})
        self.refill()

    def refill(self):
        for side, sign in enumerate((-1, 1)):
            levels = self.sides[side]
            for ticks in [ticks for ticks in levels if sign * (ticks - self.middle) <= 0]:
                del levels[ticks]
            place = 1
            while len(levels) < self.depth + BEYOND:
                levels.setdefault(self.middle + sign * place, self.random.randint(1, 10**6))
                place += 1

    def move(self):
        self.middle += self.random.choice((-3, -2, -1, 0, 1, 2, 3))
        for levels in self.sides:
            for ticks in self.random.sample(sorted(levels), 12):
                if self.random.random() < 0.5:
                    levels[ticks] = self.random.randint(1, 10**6)
                else:
                    del levels[ticks]
        self.refill()

    def view(self):
        """Best first."""
        sides = zip(self.sides, (True, False), strict=True)
        return [
            {ticks: levels[ticks] for ticks in sorted(levels, reverse=is_bid)[: self.depth]}
            for levels, is_bid in sides
        ]


def changes(before, after, market, *, tells_of_fallen):
    """What a difference of two views says, a side; and how many levels fell out of the view."""
    told, fallen = [], 0
    for old, new, there in zip(before, after, market.sides, strict=True):
        side = {ticks: lots for ticks, lots in new.items() if old.get(ticks) != lots}
        for ticks in old.keys() - new.keys():
            fallen += ticks in there
            if tells_of_fallen or ticks not in there:
                side[ticks] = 0
        told.append(side)
    return told, fallen


def written(sides, *more):
    return [
        [[f"{ticks / 100:.2f}", f"{lots / 10**5:.5f}", *more] for ticks, lots in side.items()]
        for side in sides
    ]


def okx(kind, sides, number):
    bids, asks = written(sides, "0", "1")
    data = {"asks": asks, "bids": bids, "ts": str(1_770_000_000_000 + number), "checksum": 0}
    data |= {"prevSeqId": -1 if kind == "snapshot" else number - 1, "seqId": number}
    return {"arg": {"channel": "books", "instId": "ETH-USDT"}, "action": kind, "data": [data]}


def bybit(kind, sides, number):
    bids, asks = written(sides)
    data = {"s": "ETHUSDT", "b": bids, "a": asks, "u": number, "seq": number}
    kind = "delta" if kind == "update" else kind
    return {"topic": "orderbook.50.ETHUSDT", "type": kind, "ts": 1_770_000_000_000 + number, "data": data}


@pytest.mark.parametrize("tells_of_fallen", [True, False], ids=["told of", "not told of"])
@pytest.mark.parametrize("frame", [okx, bybit])
def test_levels_that_fall_out_are_gone(frame, tells_of_fallen):
    venue, pair = VENUES[frame.__name__], Pair("ETH", "USDT")
    reader = FrameReader(venue.dialect, [SymbolSpec(pair, venue.symbol(pair))], venue.depth, venue.capacity)
    market = DeepMarket(venue.depth, seed=7)
    views, fallen, came_back = [market.view()], 0, 0
    payload = json.dumps(frame("snapshot", views[0], 100)).encode()
    assert reader.read(payload, 10**15) == Outcome.BOOK
    seen = [set(side) for side in views[0]]
    for number in range(101, 101 + STEPS):
        market.move()
        views.append(market.view())
        told, fell = changes(*views[-2:], market, tells_of_fallen=tells_of_fallen)
        fallen += fell
        came_back += sum(
            len((new.keys() - old.keys()) & known) for old, new, known in zip(*views[-2:], seen, strict=True)
        )
        seen = [known | set(side) for known, side in zip(seen, views[-1], strict=True)]
        payload = json.dumps(frame("update", told, number)).encode()
        assert reader.read(payload, 10**15 + number) == Outcome.BOOK
        book = reader.books[0]
        shown = [[(price // TICK, size // LOT) for price, size in side] for side in book.top(10_000)]
        assert shown == [list(side.items()) for side in views[-1]], number
    assert fallen > STEPS / 2
    assert came_back > STEPS / 2

"""A second derivation of the reference price, in exact fractions and without a scale: what the median rule means.

A quote is (exchange, base, quote asset, bid, ask), fresh spot ones alone. `tightness` is the least relative distance
of any decision from its turning point: below rounding's reach either answer is right.
"""

from fractions import Fraction
from itertools import combinations
from statistics import median


class Tally:
    """Decides as the rule says and remembers how narrowly."""

    def __init__(self, least, stray_bps):
        self.least = max(1, least)
        self.stray = Fraction(stray_bps, 10_000)
        self.tightness = Fraction(1)

    def is_more(self, one, other):
        self.tightness = min(self.tightness, abs(one - other) / max(one, other))
        return one > other

    def is_apart(self, one, other):
        distance, limit = abs(one / other - 1), self.stray
        if one < other:
            distance = other / one - 1
        self.tightness = min(self.tightness, abs(distance - limit))
        return distance > limit

    def one_voice_each(self, voices):
        """Of each exchange its tightest; none of one whose own books contradict each other."""
        own = {}
        for exchange, _, bid, mid, ask in sorted(voices):
            own.setdefault(exchange, []).append((bid, mid, ask))
        chosen = {}
        for exchange, books in own.items():
            if any(self.is_apart(one[1], other[1]) for one, other in combinations(books, 2)):
                continue
            held = books[0]
            for book in books[1:]:
                if self.is_more(held[2] / held[0], book[2] / book[0]):
                    held = book
            chosen[exchange] = held
        return chosen

    def agree(self, voices):
        """(bid, mid, ask, names) of those that agree, or None."""
        said = self.one_voice_each(voices)
        if len(said) < self.least:
            return None
        mids = {name: mid for name, (_, mid, _) in said.items()}
        ranked = sorted(mids.values())
        middles = {ranked[(len(ranked) - 1) // 2], ranked[len(ranked) // 2]}
        near = [
            name for name, mid in mids.items() if not any(self.is_apart(mid, middle) for middle in middles)
        ]
        if len(near) < self.least or len(near) <= len(mids) - len(near):
            return None
        return (
            median([said[name][0] for name in near]),
            median([mids[name] for name in near]),
            median([said[name][2] for name in near]),
            frozenset(near),
        )


def reference(quotes, base, least, stray_bps):
    """((bid, mid, ask, names) in USD or None, tightness)."""
    tally = Tally(least, stray_bps)
    sound = [q for q in quotes if 0 < q[3] < q[4] and Fraction(q[4] - q[3], q[3]) <= tally.stray]

    def book(of, against):
        """In hundred-millionths, as the quotes are."""
        return [
            (exchange, (of, against), Fraction(bid), Fraction(bid + ask, 2), Fraction(ask))
            for exchange, b, q, bid, ask in sound
            if (b, q) == (of, against)
        ]

    def worth(dollar):
        direct = tally.agree(book(dollar, "USD"))
        if direct:
            return direct
        anchor = tally.agree(book({"USDT": "USDC", "USDC": "USDT"}[dollar], "USD"))
        if not anchor:
            return None
        over = over_rate if dollar == "USDT" else times_rate
        return tally.agree(book(dollar, "USD") + over(book("USDC", "USDT"), anchor))

    def times_rate(voices, rate):
        by = [part / 10**8 for part in rate[:3]]
        return [(e, p, bid * by[0], mid * by[1], ask * by[2]) for e, p, bid, mid, ask in voices]

    def over_rate(voices, rate):
        by = [part * 10**8 for part in rate[:3]]
        return [(e, p, by[0] / ask, by[1] / mid, by[2] / bid) for e, p, bid, mid, ask in voices]

    if base in ("USDT", "USDC"):
        return worth(base), tally.tightness
    voices = book(base, "USD")
    for dollar in ("USDT", "USDC"):
        told = book(base, dollar)
        rate = worth(dollar) if told else None
        if rate:
            voices += times_rate(told, rate)
    return tally.agree(voices), tally.tightness

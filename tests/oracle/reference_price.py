"""A second derivation of the reference price, in exact fractions and without a scale: what the median rule means.

A quote is (exchange, base, quote asset, bid, ask), fresh spot ones alone. `tightness` is the least relative distance
of any decision from its turning point: below rounding's reach either answer is right.
"""

from fractions import Fraction
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
        chosen = {}
        for exchange, book, bid, ask in sorted(voices):
            held = chosen.get(exchange)
            if held is None or self.is_more(held[2] / held[1], ask / bid):
                chosen[exchange] = (book, bid, ask)
        return {exchange: (bid, ask) for exchange, (_, bid, ask) in chosen.items()}

    def agree(self, voices):
        """(bid, mid, ask, names) of those that agree, or None."""
        said = self.one_voice_each(voices)
        if len(said) < self.least:
            return None
        mids = {name: (bid + ask) / 2 for name, (bid, ask) in said.items()}
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
            median([said[name][1] for name in near]),
            frozenset(near),
        )


def reference(quotes, base, least, stray_bps):
    """((bid, mid, ask, names) in USD or None, tightness)."""
    tally = Tally(least, stray_bps)
    sound = [q for q in quotes if 0 < q[3] < q[4] and Fraction(q[4] - q[3], q[3]) <= tally.stray]

    def book(of, against):
        return [
            (exchange, (of, against), Fraction(bid), Fraction(ask))
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
        if dollar == "USDT":
            across = [
                (e, p, anchor[0] / ask, anchor[2] / bid) for e, p, bid, ask in unit(book("USDC", "USDT"))
            ]
        else:
            across = [
                (e, p, bid * anchor[0], ask * anchor[2]) for e, p, bid, ask in unit(book("USDC", "USDT"))
            ]
        return tally.agree(book(dollar, "USD") + across)

    def unit(voices):
        """Prices as numbers, not in hundred-millionths: they are about to be multiplied."""
        return [(e, p, bid / 10**8, ask / 10**8) for e, p, bid, ask in voices]

    if base in ("USDT", "USDC"):
        return worth(base), tally.tightness
    voices = book(base, "USD")
    for dollar in ("USDT", "USDC"):
        told = book(base, dollar)
        rate = worth(dollar) if told else None
        if rate:
            voices += [(e, p, bid * rate[0] / 10**8, ask * rate[2] / 10**8) for e, p, bid, ask in told]
    return tally.agree(voices), tally.tightness

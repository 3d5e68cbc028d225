"""Quotes of one price by several exchanges joined into one: the median of those that agree.

An exchange has one voice, whatever number of its books speak: the tightest, and none where its own books contradict
each other, for a dust order makes any thin book the tightest. Voices are integers of 10^-18, ten
digits finer than quotes, so that conversions on the way round away nothing that a quote can hold.
"""

from collections.abc import Iterable, Sequence

import msgspec

from bot.core.market_data import PRICE_DECIMALS, Pair
from bot.core.quantities import format_price
from bot.core.units import BPS_WHOLE, Bps, Nanoseconds, mul_div_down, mul_div_up

VOICE_DECIMALS = 18
VOICE_ONE = 10**VOICE_DECIMALS
FINER = 10 ** (VOICE_DECIMALS - PRICE_DECIMALS)
"""Voice units in one unit of a quote."""
QUOTE_MAX = (1 << 63) - 1
"""What a quote can hold."""


class ReferenceConfig(msgspec.Struct, frozen=True):
    """When several exchanges make a price."""

    exchanges: int = 2
    """Least number that must agree, for a price and for each rate it goes through."""
    stray: Bps = Bps(50)
    """Farther from the median than this is not in agreement; and no book wider than this has a voice."""


class LeftOut(msgspec.Struct, frozen=True, order=True):
    """A quote that had no say, and why."""

    exchange: str
    pair: Pair
    reason: str


class Voice(msgspec.Struct, frozen=True, order=True):
    """What one exchange says, 0 <= bid <= mid <= ask, scaled by VOICE_DECIMALS."""

    exchange: str
    pair: Pair
    """The book it is taken from."""
    bid: int
    mid: int
    """Exact where it is a book's own; rounded down where it was converted."""
    ask: int
    received: Nanoseconds
    """Monotonic clock: the older of its book and of the rates it went through."""


class Joined(msgspec.Struct, frozen=True):
    """0 < bid <= price <= ask, scaled by VOICE_DECIMALS."""

    bid: int
    """Median of the agreeing exchanges' bids, rounded down; `price` of their mids, down; `ask` of their asks, up."""
    price: int
    ask: int
    voices: tuple[Voice, ...]
    """Those that agree, by exchange."""
    strays: tuple[LeftOut, ...]


class Disagreement(msgspec.Struct, frozen=True):
    """No price: too few speak, too few of them agree, or on what no quote can hold."""

    reason: str
    strays: tuple[LeftOut, ...] = ()


def join(voices: Iterable[Voice], config: ReferenceConfig) -> Joined | Disagreement:
    """The median of the exchanges that agree with the median of all, if they are enough and more than half.

    To agree is to lie within `stray` of the middle voice; of an even number there are two middle ones and it takes
    both, so that of two exchanges (or two camps) that are farther apart than `stray` none is believed. Distances
    are relative to the lower of two prices: A strays from B exactly when B strays from A. A bid that conversion
    rounded to nothing has no say.
    """
    speaking, contrary = one_each((voice for voice in voices if voice.bid > 0), config.stray)
    mids = sorted((voice.mid, voice) for voice in speaking)
    least = max(1, config.exchanges)
    if len(mids) < least:
        names = ", ".join(dict.fromkeys(out.exchange for out in contrary))
        said = f"; without {names}, whose own books are apart" if names else ""
        plural = "s" if least > 1 else ""
        return Disagreement(
            f"{len(mids) or 'none'} of {least} exchange{plural} needed{said}", tuple(contrary)
        )
    lower, upper = mids[(len(mids) - 1) // 2][0], mids[len(mids) // 2][0]
    agreeing = []
    strays = list(contrary)
    for mid, voice in mids:
        if _is_apart(mid, lower, config.stray) or _is_apart(mid, upper, config.stray):
            farther = lower if abs(mid - lower) > abs(mid - upper) else upper
            strays.append(_stray(voice, farther, (lower + upper) // 2, config.stray))
        else:
            agreeing.append(voice)
    if len(agreeing) < least or 2 * len(agreeing) <= len(mids):
        said = ", ".join(f"{voice.exchange} {_shown(mid)}" for mid, voice in mids)
        return Disagreement(
            f"{len(agreeing) or 'none'} of {len(mids)} exchanges agree within {config.stray} bps: {said}",
            tuple(sorted(strays)),
        )
    joined = Joined(
        bid=median_down([voice.bid for voice in agreeing]),
        price=median_down([voice.mid for voice in agreeing]),
        ask=median_up([voice.ask for voice in agreeing]),
        voices=tuple(sorted(agreeing)),
        strays=tuple(sorted(strays)),
    )
    if joined.ask > QUOTE_MAX * FINER:
        return Disagreement(f"more than {_shown(QUOTE_MAX * FINER)}", joined.strays)
    return joined


def one_each(voices: Iterable[Voice], stray: Bps) -> tuple[list[Voice], list[LeftOut]]:
    """Of each exchange its tightest voice, of equally tight ones the first by pair; and every voice of an exchange
    of which any two are farther apart than `stray`.
    """
    by_exchange: dict[str, list[Voice]] = {}
    for voice in sorted(voices):
        by_exchange.setdefault(voice.exchange, []).append(voice)
    tightest, contrary = [], []
    for own in by_exchange.values():
        mids = [voice.mid for voice in own]
        if _is_apart(min(mids), max(mids), stray):
            said = ", ".join(f"{voice.pair} {_shown(voice.mid)}" for voice in own)
            reason = f"its own books are more than {stray} bps apart: {said}"
            contrary += [LeftOut(voice.exchange, voice.pair, reason) for voice in own]
        else:
            tightest.append(_tightest(own))
    return tightest, contrary


def median_down(values: Sequence[int]) -> int:
    """Of an even number the middle of the two middle ones, rounded down. Raises IndexError without a value."""
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) // 2


def median_up(values: Sequence[int]) -> int:
    """As `median_down`, rounded up."""
    return -median_down([-value for value in values])


def converted(voice: Voice, rate: Joined) -> Voice:
    """A in C, from A in B and B in C: the bid at the rate's bid, rounded down; the ask at its ask, up; the mid at its
    price, down (a mid of the converted sides would be too high by the product of the two half widths).
    """
    return msgspec.structs.replace(
        voice,
        bid=mul_div_down(voice.bid, rate.bid, VOICE_ONE),
        mid=mul_div_down(voice.mid, rate.price, VOICE_ONE),
        ask=mul_div_up(voice.ask, rate.ask, VOICE_ONE),
        received=_oldest(voice, rate),
    )


def divided(rate: Joined, voice: Voice) -> Voice:
    """B in C, from A in C and A in B: the rate's bid over the ask, rounded down; its ask over the bid, up; the rate's
    price over the mid, down. `voice` is a book's own: one that was converted has its mid rounded down, which would
    round this one up.
    """
    return msgspec.structs.replace(
        voice,
        bid=mul_div_down(rate.bid, VOICE_ONE, voice.ask),
        mid=mul_div_down(rate.price, VOICE_ONE, voice.mid),
        ask=mul_div_up(rate.ask, VOICE_ONE, voice.bid),
        received=_oldest(voice, rate),
    )


def spread_bps_up(bid: int, ask: int) -> int:
    """Width over the bid, in basis points, rounded up. Raises ZeroDivisionError at bid 0."""
    return mul_div_up(ask - bid, BPS_WHOLE, bid)


def _tightest(voices: Iterable[Voice]) -> Voice:
    first, *others = voices
    for voice in others:
        # Widths relative to the price, compared crosswise: books in different dollars differ by their rate.
        if (voice.ask - voice.bid) * first.bid < (first.ask - first.bid) * voice.bid:
            first = voice
    return first


def _oldest(voice: Voice, rate: Joined) -> Nanoseconds:
    return min([voice.received, *(source.received for source in rate.voices)])


def _is_apart(one: int, other: int, stray: Bps) -> bool:
    return abs(one - other) * BPS_WHOLE > stray * min(one, other)


def _stray(voice: Voice, farther: int, median: int, stray: Bps) -> LeftOut:
    """`farther` is the middle price it is too far from: the median itself, of an odd number of exchanges."""
    of = (
        f"the median {_shown(median)}"
        if farther == median
        else f"{_shown(farther)} (median {_shown(median)})"
    )
    return LeftOut(voice.exchange, voice.pair, f"{_shown(voice.mid)} is more than {stray} bps from {of}")


def _shown(price: int) -> str:
    return format_price(price // FINER)

"""One price of an asset in US dollars, joined from several exchanges; never an old one, and none rather than a guess.

USD, USDT and USDC are three assets. A quote in USDT or USDC counts at the rate that exchanges give this moment, never
at 1:1, so that a tether that slips moves no price of ether. The rate of a dollar token is joined as a price is, from
its books against USD alone; where these do not suffice (few exchanges have such a book, and Coinbase takes USDC for
USD without a market), from them and USDC/USDT together: USDT = (USDC/USD) / (USDC/USDT), USDC = (USDT/USD) ×
(USDC/USDT), where the other token's rate is joined from its own books against USD. Every joining asks for as many
exchanges as a price does. Without a rate the quotes in that token have no say; with one alone, what one exchange says
of a dollar would carry all of them. For the same reason a rate is no truth of its own: where most of those it is joined
from say a wrong one together, every price that goes through it is wrong by as much.

Who speaks and who is left out is said in `joined_price`. Perpetual futures never speak: their price has a basis.
"""

from collections.abc import Container, Iterable, Iterator
from typing import Final

import msgspec

from bot.core.market_data import Pair, Quote
from bot.core.units import Nanoseconds
from bot.state.joined_price import (
    FINER,
    QUOTE_MAX,
    Disagreement,
    Joined,
    LeftOut,
    ReferenceConfig,
    Voice,
    converted,
    divided,
    join,
    spread_bps_up,
)

USD: Final = "USD"
USDT: Final = "USDT"
USDC: Final = "USDC"
TOKENS: Final = (USDT, USDC)
"""Dollars that may slip from a dollar."""


class Source(msgspec.Struct, frozen=True, order=True):
    """An exchange that had a say."""

    exchange: str
    pair: Pair
    price: int
    """Its mid in USD, rounded down, scaled by PRICE_DECIMALS."""


class DollarRate(msgspec.Struct, frozen=True):
    """What a dollar token is worth."""

    dollar: str
    price: int
    """USD for one, rounded down, scaled by PRICE_DECIMALS."""
    through: str | None
    """The other token, where the books against USD did not suffice."""
    exchanges: tuple[str, ...]


class ReferencePrice(msgspec.Struct, frozen=True, tag=True):
    """USD for one unit of `base`, scaled by PRICE_DECIMALS; 0 < bid <= price <= ask."""

    base: str
    bid: int
    """Median of the sources' bids, rounded down."""
    price: int
    """Median of the sources' mids, rounded down."""
    ask: int
    """Median of the sources' asks, rounded up."""
    spread_bps: int
    """(ask - bid) / bid, rounded up: the books' width and that of the rates they went through."""
    sources: tuple[Source, ...]
    """By exchange."""
    rates: tuple[DollarRate, ...]
    """Those that a source went through."""
    left_out: tuple[LeftOut, ...]
    received: Nanoseconds
    """Monotonic clock: the oldest quote that had a say, those of the rates among them."""


class NoPrice(msgspec.Struct, frozen=True, tag=True):
    """There is none, and nothing may take its place."""

    base: str
    reason: str
    left_out: tuple[LeftOut, ...] = ()


class _Rate(msgspec.Struct, frozen=True):
    joined: Joined
    through: dict[str, Joined] = {}
    """The other token and what it is worth, where the rate goes through it."""


class _Books:
    """The spot quotes by pair; collects who is left out while voices are taken from them."""

    def __init__(self, quotes: Iterable[Quote], config: ReferenceConfig) -> None:
        self.config = config
        self.left_out: set[LeftOut] = set()
        self._quotes: dict[Pair, list[Quote]] = {}
        for quote in quotes:
            self._quotes.setdefault(quote.pair, []).append(quote)

    def voices(self, base: str, quote: str) -> list[Voice]:
        """Of the fresh and sound books of this spot pair."""
        found = []
        for said in self._quotes.get(Pair(base, quote), ()):
            reason = said.stale if said.stale is not None else _why_unsound(said, self.config)
            if reason is None:
                bid, ask = said.bid * FINER, said.ask * FINER
                found.append(Voice(said.exchange, said.pair, bid, (bid + ask) // 2, ask, said.received))
            else:
                self.left_out.add(LeftOut(said.exchange, said.pair, reason))
        return found

    def join(self, voices: Iterable[Voice]) -> Joined | Disagreement:
        joined = join(voices, self.config)
        self.left_out |= {*joined.strays}
        return joined

    def leave_out(self, voices: Iterable[Voice], reason: str) -> None:
        self.left_out |= {LeftOut(voice.exchange, voice.pair, reason) for voice in voices}


def reference_price(quotes: Iterable[Quote], base: str, config: ReferenceConfig) -> ReferencePrice | NoPrice:
    """The price of `base`, which may be a dollar token too. Raises nothing, whatever the quotes hold."""
    if base == USD:
        return NoPrice(base, "USD is what prices are said in")
    books = _Books(quotes, config)
    if base in TOKENS:
        rate = _dollar(books, base)
        joined = rate.joined if isinstance(rate, _Rate) else rate
        rates = {t: _Rate(r) for t, r in rate.through.items()} if isinstance(rate, _Rate) else {}
    else:
        joined, rates = _asset(books, base)
    left_out = tuple(sorted(books.left_out))
    if isinstance(joined, Disagreement):
        return NoPrice(base, joined.reason, left_out)
    if joined.bid < FINER:
        return NoPrice(base, "less than 0.00000001 USD", left_out)
    bid, ask = joined.bid // FINER, -(-joined.ask // FINER)
    return ReferencePrice(
        base=base,
        bid=bid,
        price=joined.price // FINER,
        ask=ask,
        spread_bps=spread_bps_up(bid, ask),
        sources=tuple(Source(one.exchange, one.pair, one.mid // FINER) for one in joined.voices),
        rates=tuple(_said(dollar, rate) for dollar, rate in rates.items()),
        left_out=left_out,
        received=min(voice.received for voice in joined.voices),
    )


def _asset(books: _Books, base: str) -> tuple[Joined | Disagreement, dict[str, _Rate]]:
    """Its price, and the rates that the agreeing exchanges went through."""
    voices = books.voices(base, USD)
    rates: dict[str, _Rate] = {}
    waiting: dict[str, tuple[str, list[Voice]]] = {}
    for dollar in TOKENS:
        in_dollar = books.voices(base, dollar)
        rate = _dollar(books, dollar) if in_dollar else None
        if isinstance(rate, _Rate):
            rates[dollar] = rate
            voices += [converted(voice, rate.joined) for voice in in_dollar]
        elif rate is not None:
            books.leave_out(in_dollar, f"no rate of {dollar}: {rate.reason}")
            waiting[dollar] = (rate.reason, in_dollar)
    joined = books.join(voices)
    if isinstance(joined, Disagreement):
        missing = _missing(waiting, {voice.exchange for voice in voices})
        return Disagreement("; ".join([*missing, joined.reason])), {}
    used = {voice.pair.quote for voice in joined.voices}
    return joined, {dollar: rate for dollar, rate in rates.items() if dollar in used}


def _missing(waiting: dict[str, tuple[str, list[Voice]]], speaking: Container[str]) -> Iterator[str]:
    """Which rates there are not, why, and who would speak with them; one alone for all who wait for the same."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for dollar, (_, silenced) in waiting.items():
        names = {voice.exchange for voice in silenced if voice.exchange not in speaking}
        groups.setdefault(tuple(sorted(names)), []).append(dollar)
    for exchanges, tokens in groups.items():
        if exchanges:
            wait = f"{', '.join(exchanges)} wait{'s' if len(exchanges) == 1 else ''} for it"
            yield f"no rate of {' or '.join(tokens)}: {waiting[tokens[0]][0]}; {wait}"


def _dollar(books: _Books, dollar: str) -> _Rate | Disagreement:
    """What the token is worth: from its own books against USD, else through the other token."""
    own = books.voices(dollar, USD)
    direct = books.join(own)
    if isinstance(direct, Joined):
        return _Rate(direct)
    reason = f"{dollar}/USD has {direct.reason}"
    other = USDC if dollar == USDT else USDT
    anchor = books.join(books.voices(other, USD))
    if isinstance(anchor, Disagreement):
        return Disagreement(f"{reason}, {other}/USD {anchor.reason}")
    crosses = books.voices(USDC, USDT)
    across = books.join(
        own + [converted(voice, anchor) if dollar == USDC else divided(anchor, voice) for voice in crosses]
    )
    if isinstance(across, Disagreement):
        return Disagreement(f"{reason}, with USDC/USDT {across.reason}")
    return _Rate(across, {other: anchor})


def _why_unsound(quote: Quote, config: ReferenceConfig) -> str | None:
    if not 0 < quote.bid < quote.ask <= QUOTE_MAX:
        return "0 < bid < ask does not hold"
    width = spread_bps_up(quote.bid, quote.ask)
    return f"{width} bps wide, more than {config.stray}" if width > config.stray else None


def _said(dollar: str, rate: _Rate) -> DollarRate:
    return DollarRate(
        dollar=dollar,
        price=rate.joined.price // FINER,
        through=next(iter(rate.through), None),
        exchanges=tuple(voice.exchange for voice in rate.joined.voices),
    )

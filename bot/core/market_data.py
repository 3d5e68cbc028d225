"""What an exchange says about a price, stamped: how it is scaled, when it was so, and whether it may still be used."""

import msgspec

from bot.core.units import Nanoseconds

PRICE_DECIMALS = 8
"""Prices are integers of 10^-8 quote units for one base unit, unless a symbol says otherwise."""
SIZE_DECIMALS = 8
"""Sizes are integers of 10^-8 base units."""


class Pair(msgspec.Struct, frozen=True, order=True):
    """What is traded for what, in assets' usual tickers; USD, USDT and USDC are three assets."""

    base: str
    quote: str
    is_perpetual: bool = False
    """A perpetual future: its price differs from spot by a basis and never counts as one."""

    def __str__(self) -> str:
        return f"{self.base}/{self.quote}{' perpetual' if self.is_perpetual else ''}"


class Quote(msgspec.Struct, frozen=True, gc=False):
    """Best bid and offer of one pair on one exchange."""

    exchange: str
    pair: Pair
    bid: int
    """Scaled by PRICE_DECIMALS, as `ask`; sizes by SIZE_DECIMALS. A quote of the feeds has 0 < bid < ask."""
    bid_size: int
    ask: int
    ask_size: int
    exchange_time: Nanoseconds | None
    """UTC by the exchange's own clock; None where the stream carries none (Binance spot bookTicker)."""
    received: Nanoseconds
    """Monotonic clock, when the last byte of the frame was read."""
    stale: str | None
    """Why it must not be used, judged when it was asked for; None: fresh."""


class ExchangeStatus(msgspec.Struct, frozen=True):
    """One exchange's feed as an operator wants to see it."""

    exchange: str
    state: str
    """connecting, syncing, live, stale, waiting (backing off) or stopped."""
    reason: str
    """Why it is not live; empty when it is."""
    age: Nanoseconds | None
    """Since the last data frame; None before the first."""
    messages_per_second: float
    """Data frames, over the last ten seconds."""
    messages: int
    gaps: int
    """Sequence breaks and failed checksums."""
    resyncs: int
    """Books made anew from a snapshot after the first time."""
    reconnects: int
    malformed: int
    clock_offset: Nanoseconds | None
    """Exchange's clock minus ours (UTC), shortest delay seen taken for none: positive when theirs is ahead."""
    pairs: tuple[str, ...]
    """Followed; a refused one has its reason after it."""

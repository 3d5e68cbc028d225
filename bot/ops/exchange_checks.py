"""What is known of the exchanges before a message came: their pairs, whether these can make a price, which hosts answer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from bot.core.market_data import Pair, Quote
from bot.core.ports import Clock
from bot.core.units import Bps, Nanoseconds
from bot.exchange_settings import ExchangeSettings
from bot.feeds.cex.venues import VENUES
from bot.ops.doctor import Finding, connection_fault
from bot.settings import Settings
from bot.state.joined_price import ReferenceConfig
from bot.state.reference_price import USD, NoPrice, reference_price

AT_ONE: Final = 10**8
"""A price of 1, for whatever pair: all agree then."""


def reference_config(settings: Settings) -> ReferenceConfig:
    """As the operator set it."""
    variables = settings.variables
    return ReferenceConfig(exchanges=variables.reference_exchanges, stray=Bps(variables.reference_stray))


def pairs_followed(settings: Settings, row: ExchangeSettings) -> tuple[Pair, ...]:
    """Those set, or the exchange's own for BOT_QUOTE_ASSETS; of these what it trades."""
    venue = VENUES[row.name]
    own = (pair for asset in settings.variables.quote_assets for pair in venue.default_pairs(asset))
    return tuple(pair for pair in dict.fromkeys(row.pairs or own) if venue.symbol(pair) is not None)


def price_warnings(settings: Settings) -> list[str]:
    """A line for each asset that can have no reference price, even with every exchange live and all in agreement."""
    if not settings.exchanges:
        return []
    quotes = [
        Quote(row.name, pair, AT_ONE - 1, 1, AT_ONE + 1, 1, None, Nanoseconds(0), None)
        for row in settings.exchanges
        for pair in pairs_followed(settings, row)
    ]
    lines = []
    for asset in settings.variables.quote_assets:
        found = reference_price(quotes, asset, reference_config(settings))
        if isinstance(found, NoPrice):
            lines.append(
                f"BOT_EXCHANGES can never make a price of {asset}, not even with all of them live: {found.reason}"
                f" (BOT_REFERENCE_EXCHANGES); pairs in USD are at {', '.join(_with_usd(asset))}"
            )
    return lines


async def check_exchanges(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    """Which are followed and take a connection, and what is recorded; none of it fails the check."""
    if not settings.exchanges:
        yield Finding("exchanges", "none followed")
    faults = await asyncio.gather(*(_fault(row, clock) for row in settings.exchanges))
    for row, fault in zip(settings.exchanges, faults, strict=True):
        pairs = ", ".join(map(str, pairs_followed(settings, row))) or "none of its pairs is traded there"
        answer = "takes a connection" if fault is None else f"DOWN: {fault}"
        yield Finding(f"exchange {row.name}", f"{answer}; {pairs}")
    for line in price_warnings(settings):
        yield Finding("reference price", f"NONE: {line}")
    yield Finding("recording", _recording(settings))


async def _fault(row: ExchangeSettings, clock: Clock) -> str | None:
    try:
        return await connection_fault(row.ws_url or VENUES[row.name].ws_url, clock)
    except ValueError as error:  # a host name that cannot be looked up
        return str(error)


def _recording(settings: Settings) -> str:
    variables = settings.variables
    if variables.record == "off":
        return "off"
    cap = f"{variables.recording_cap / 10**9:g} GB"
    return f"{variables.record}, at most {cap}, in {settings.data_dir / 'recordings'}"


def _with_usd(asset: str) -> list[str]:
    return [
        venue.name
        for venue in VENUES.values()
        if any(pair.quote == USD and not pair.is_perpetual for pair in venue.default_pairs(asset))
    ]

"""What the operator says about the exchanges that are followed."""

from typing import Final
from urllib.parse import urlsplit

import msgspec

from bot.core.loopback import is_loopback
from bot.core.market_data import Pair
from bot.feeds.cex.venues import VENUES
from bot.variable_families import Families, strangers, validate
from bot.variables import BotVariables, ExchangeVariables

EXCHANGES: Final = ("binance", "binance-usdm", "coinbase", "kraken", "okx", "bybit")
"""Names that may stand in BOT_EXCHANGES."""
PERPETUALS: Final = frozenset({"binance-usdm"})
"""Exchanges of EXCHANGES whose every pair is a perpetual future."""


class ExchangeSettings(msgspec.Struct, frozen=True):
    """One exchange of BOT_EXCHANGES; None stands for the venue's own."""

    name: str
    pairs: tuple[Pair, ...] | None = None
    ws_url: str | None = None
    rest_url: str | None = None


def exchange_settings(
    variables: BotVariables, families: Families, problems: list[str]
) -> tuple[ExchangeSettings, ...]:
    names = variables.exchanges
    found = []
    problems += [
        f"BOT_EXCHANGES: {name!r} is not known; there are {', '.join(EXCHANGES)}"
        for name in names
        if name not in EXCHANGES
    ]
    problems += [
        f"BOT_EXCHANGES: {name!r} stands there twice"
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    if variables.record == "exchanges" and not names:
        problems.append("BOT_RECORD=exchanges: BOT_EXCHANGES names none to record")
    by_key = {name.replace("-", "_"): name for name in names}
    for key, name in by_key.items():
        prefix = f"BOT_EXCHANGE_{key.upper()}__"
        given = validate(ExchangeVariables, families.exchange.get(key, {}), prefix, problems)
        if given is None:
            continue
        problems += _without_effect(given, name, prefix)
        if variables.chain == "market":
            problems += _off_the_machine(given, name, prefix)
        pairs = given.pairs and tuple(Pair(p.base, p.quote, name in PERPETUALS) for p in given.pairs)
        found.append(ExchangeSettings(name, pairs, given.ws_url, given.rest_url))
    problems += strangers("EXCHANGE", families.exchange, by_key, "BOT_EXCHANGES")
    return tuple(found)


def _without_effect(given: ExchangeVariables, name: str, prefix: str) -> list[str]:
    """Addresses that would not be what they seem: the exchange's path twice, REST where there is none."""
    if name not in VENUES:
        return []
    venue = VENUES[name]
    path = urlsplit(venue.url("", ())).path
    problems = []
    if path and given.ws_url is not None and given.ws_url.endswith(path):
        problems.append(f"{prefix}WS_URL ends with {path}, which is added to it: leave that out")
    if given.rest_url is not None and venue.snapshot is None:
        problems.append(f"{prefix}REST_URL has no effect: {name} is followed without REST; remove it")
    return problems


def _off_the_machine(given: ExchangeVariables, name: str, prefix: str) -> list[str]:
    """On the local market, whose prices are made up: real ones beside them would mislead."""
    needed = {"WS_URL": given.ws_url}
    if name in VENUES and VENUES[name].snapshot is not None:
        needed["REST_URL"] = given.rest_url
    return [
        f"{prefix}{field} {'is not set' if url is None else 'is not on loopback'}: on the local market "
        f"{name} must be the market's own"
        for field, url in needed.items()
        if url is None or not is_loopback(urlsplit(url).hostname)
    ]

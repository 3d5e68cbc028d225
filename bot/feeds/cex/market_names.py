"""What the exchanges' symbols share: which tickers may stand in one, and which pairs an asset is followed by."""

import re
from collections.abc import Sequence
from typing import Final

from bot.core.market_data import Pair

DOLLARS: Final = ("USD", "USDT", "USDC")
"""Three assets: what one of them costs in another is a price like any other."""
TICKER: Final = re.compile(r"[A-Z0-9]{1,15}")


def is_spot(pair: Pair) -> bool:
    """Two different tickers in capitals, no perpetual: what can be a spot symbol, and safe inside a URL or JSON."""
    return not pair.is_perpetual and is_market(pair)


def is_market(pair: Pair) -> bool:
    return (
        TICKER.fullmatch(pair.base) is not None
        and TICKER.fullmatch(pair.quote) is not None
        and pair.base != pair.quote
    )


def spot_pairs(asset: str, quotes: Sequence[str], dollar_pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """`asset` in each of `quotes`, then the dollar pairs that join those; for a dollar the pairs it stands in."""
    if asset in DOLLARS:
        return tuple(pair for pair in dollar_pairs if asset in (pair.base, pair.quote))
    return (*(Pair(asset, quote) for quote in quotes), *dollar_pairs)

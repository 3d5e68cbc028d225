"""The exchanges that can be followed, by the names an operator writes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bot.feeds.cex.binance import Binance
from bot.feeds.cex.binance_usdm import BinanceUsdM
from bot.feeds.cex.bybit import Bybit
from bot.feeds.cex.coinbase import Coinbase
from bot.feeds.cex.kraken import Kraken
from bot.feeds.cex.okx import Okx
from bot.feeds.cex.venue import Venue

_ALL: Final[tuple[Venue, ...]] = (Binance(), BinanceUsdM(), Coinbase(), Kraken(), Okx(), Bybit())
VENUES: Final[Mapping[str, Venue]] = MappingProxyType({venue.name: venue for venue in _ALL})

"""Binance USDⓈ-M futures: as spot, with a path for public data, its own limits, and perpetuals alone.

Sources: developers.binance.com, derivatives/usds-margined-futures: websocket-market-streams,
.../Important-WebSocket-Change-Notice, .../How-to-manage-a-local-order-book-correctly and market-data/websocket-api.
"""

from typing import Final

from bot.core.market_data import Pair
from bot.core.units import Nanoseconds
from bot.feeds.cex.binance import DAY, Binance
from bot.feeds.cex.binance_frames import BINANCE_USDM
from bot.feeds.cex.config import SECOND
from bot.feeds.cex.dialect import Dialect
from bot.feeds.cex.market_names import DOLLARS, is_market
from bot.feeds.cex.venue import ConnectionLimits, SnapshotRule

QUOTES: Final = ("USDT", "USDC")

USDM_LIMITS: Final = ConnectionLimits(
    # Unconfirmed for futures, spot says 300: one each five seconds is well below.
    attempts=60,
    per=Nanoseconds(300 * SECOND),
    # Ten a second are documented.
    messages=5,
    messages_per=Nanoseconds(SECOND),
    life=Nanoseconds(DAY),
    subscribe_within=None,
    # The server pings every 3 minutes and waits 10 for the pong.
    heartbeat=Nanoseconds(10 * SECOND),
    # 1,024 on the documents' page, 200 in nautilus_trader and on the page of options; as for spot.
    streams=200,
    # 2,400 a minute for the address: half.
    rest_weight=1200,
    rest_per=Nanoseconds(60 * SECOND),
)


class BinanceUsdM(Binance):
    """A difference names the one before it (`pu`), so that a gap of any size is seen."""

    name = "binance-usdm"
    dialect: Dialect = BINANCE_USDM
    limits = USDM_LIMITS
    snapshot: SnapshotRule | None = SnapshotRule("/fapi/v1/depth?symbol={symbol}&limit=1000", 20, 1000)
    ws_url = "wss://fstream.binance.com"
    rest_url = "https://fapi.binance.com"
    path = "/public/stream"
    """Book tickers and depth; the paths without `/public` were switched off on 2026-04-23."""

    def symbol(self, pair: Pair) -> str | None:
        if not pair.is_perpetual or not is_market(pair) or pair.quote not in QUOTES:
            return None
        return f"{pair.base}{pair.quote}"

    def default_pairs(self, asset: str) -> tuple[Pair, ...]:
        return () if asset in DOLLARS else (Pair(asset, "USDT", is_perpetual=True),)

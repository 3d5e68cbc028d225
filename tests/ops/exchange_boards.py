"""Boards to show: five exchanges in every state, quotes fresh and stale, prices and none."""

from bot.core.market_data import ExchangeStatus, Pair, Quote
from bot.ops.exchange_view import exchange_board
from bot.state.joined_price import ReferenceConfig

UNIT = 10**8
NOW = 500 * 10**9
CONFIG = ReferenceConfig(exchanges=2, stray=50)


def status(exchange, state="live", reason="", **changes):
    fields = {
        "age": 120 * 10**6,
        "messages_per_second": 41.6,
        "messages": 12_345,
        "gaps": 0,
        "resyncs": 0,
        "reconnects": 0,
        "malformed": 0,
        "clock_offset": -3_400_000,
        "pairs": ("ETH/USD",),
    }
    return ExchangeStatus(exchange, state, reason, **(fields | changes))


def quote(exchange, price, in_asset="USD", *, base="ETH", stale=None):
    middle = round(price * UNIT)
    half = max(1, middle // 20_000)
    pair = Pair(base, in_asset)
    return Quote(exchange, pair, middle - half, UNIT, middle + half, 2 * UNIT, None, NOW - 10**9, stale)


STATUSES = (
    status("binance", pairs=("ETH/USDT", "ETH/EUR: not traded here")),
    status("binance-usdm", "connecting", age=None, clock_offset=None, messages=0, messages_per_second=0.0),
    status("coinbase", gaps=3, resyncs=2),
    status("kraken", "stale", "no data frame for 4.2 s", age=4_200_000_000),
    status("okx", clock_offset=1_270_000_000, messages_per_second=20_412.0),
    status("bybit", "waiting", "refused: this region is not served (HTTP 403)", age=None, clock_offset=None),
)
QUOTES = (
    quote("binance", 3_000, "USDT"),
    quote("coinbase", 3_001),
    quote("coinbase", 1, base="USDT"),
    quote("kraken", 1, base="USDT"),
    quote("kraken", 2_999, stale="no data frame for 4.2 s"),
    quote("okx", 3_300),
)


def board(quotes=QUOTES, statuses=STATUSES, assets=("ETH",), now=NOW):
    return exchange_board(statuses, quotes, assets, CONFIG, now)

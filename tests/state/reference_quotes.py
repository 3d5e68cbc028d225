"""Quotes to join: of a world in which ether and the dollar tokens have true prices and exchanges stray from them."""

from hypothesis import strategies as st

from bot.core.market_data import Pair, Quote

UNIT = 10**8
NAMES = ("binance", "bybit", "coinbase", "kraken", "okx")
BOOKS = (("ETH", "USD"), ("ETH", "USDT"), ("ETH", "USDC"), ("USDT", "USD"), ("USDC", "USD"), ("USDC", "USDT"))


def quote(exchange, base, in_asset, bid, ask, *, received=1, stale=None, is_perpetual=False):
    return Quote(exchange, Pair(base, in_asset, is_perpetual), bid, 1, ask, 1, None, received, stale)


def around(exchange, base, in_asset, price, *, bps=1, **options):
    """A book `bps` wide with its mid at `price` (a number of the quote asset)."""
    middle = round(price * UNIT)
    half = max(1, middle * bps // 20_000)
    return quote(exchange, base, in_asset, middle - half, middle + half, **options)


@st.composite
def worlds(draw, *, off=(0, 0, 1, -2, 5, -20, 30, 49, -51, 400, -3_000), bps=(1, 1, 2, 5, 20, 60)):
    """Any subset of the books of up to five exchanges; `off` is a book's distance from the truth in bps."""
    true = {"ETH": draw(st.sampled_from([3_000, 2_987.65, 0.0123])), "USD": 1}
    for dollar in ("USDT", "USDC"):
        true[dollar] = draw(st.sampled_from([1, 0.9998, 1.0007, 0.97, 0.5]))
    quotes = []
    for name in NAMES[: draw(st.integers(1, len(NAMES)))]:
        for base, in_asset in draw(st.sets(st.sampled_from(BOOKS), min_size=1)):
            price = true[base] / true[in_asset] * (1 + draw(st.sampled_from(off)) / 10_000)
            width = draw(st.sampled_from(bps))
            quotes.append(around(name, base, in_asset, price, bps=width, received=draw(st.integers(1, 99))))
    return quotes

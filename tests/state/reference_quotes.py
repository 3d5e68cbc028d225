"""Quotes to join: of a world in which ether and the dollar tokens have true prices and exchanges stray from them."""

import random

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


OFF = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, -1, -2, 3, 5, -5, 8, -20, 30, 49, -51, 400, -3_000)
"""Distance of a book from the truth, in bps; 49 and -51 lie about a guard of 50."""
WIDTHS = (1, 1, 1, 2, 2, 5, 20, 60)


def random_world(seed):
    """Two to five exchanges, most honest, each with some of the books; now and then one alone."""
    rng = random.Random(seed)
    true = {"ETH": rng.choice([3_000, 2_987.65, 0.0123]), "USD": 1}
    for dollar in ("USDT", "USDC"):
        true[dollar] = rng.choice([1, 0.9998, 1.0007, 0.97, 0.5])
    share = rng.choice([0.3, 0.6, 0.9])
    return [
        around(
            name,
            base,
            in_asset,
            true[base] / true[in_asset] * (1 + rng.choice(OFF) / 10_000),
            bps=rng.choice(WIDTHS),
            received=rng.randint(1, 99),
        )
        for name in rng.sample(NAMES, rng.choice([1, 2, 3, 3, 4, 5, 5]))
        for base, in_asset in BOOKS
        if rng.random() < share
    ]


worlds = st.integers(0, 1 << 40).map(random_world)

"""What an exchange trades, and how it writes a price and a size."""

from __future__ import annotations

import msgspec

from bot.core.market_data import PRICE_DECIMALS, SIZE_DECIMALS, Pair


class Listing(msgspec.Struct, frozen=True):
    """One symbol. Prices are whole ticks of 10^-price_decimals, sizes whole lots of 10^-size_decimals."""

    pair: Pair
    symbol: str
    """As in the exchange's messages."""
    price_decimals: int
    size_decimals: int
    padded_to: int = 0
    """Binance writes eight decimals whatever the tick: zeros up to so many."""
    trims: bool = False
    """OKX writes no zeros at the end."""

    def price_text(self, ticks: int) -> str:
        return _text(ticks, self.price_decimals, self.padded_to, trims=self.trims)

    def size_text(self, lots: int) -> str:
        return _text(lots, self.size_decimals, self.padded_to, trims=self.trims)

    def price_scaled(self, ticks: int) -> int:
        """By PRICE_DECIMALS, as in core.market_data; exact."""
        return ticks * int(10 ** (PRICE_DECIMALS - self.price_decimals))

    def size_scaled(self, lots: int) -> int:
        """By SIZE_DECIMALS; exact."""
        return lots * int(10 ** (SIZE_DECIMALS - self.size_decimals))


def _text(value: int, decimals: int, padded_to: int, *, trims: bool) -> str:
    if not decimals:
        return f"{value}.{'0' * padded_to}" if padded_to else str(value)
    whole, part = divmod(value, 10**decimals)
    text = f"{whole}.{part:0{decimals}d}"
    if trims:
        return text.rstrip("0").rstrip(".")
    return text + "0" * (padded_to - decimals)

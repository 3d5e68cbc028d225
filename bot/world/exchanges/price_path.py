"""Where prices go: one seeded path of dollars for each asset, shared by all exchanges.

A path wanders around the price the market's own pools were founded at and is pulled back to it over some hundred
blocks, so that it drifts apart from the chain and never goes away for good. It has random streams of its own: what the
chain draws is not touched. Floats draw the path; books round it to ticks.
"""

from __future__ import annotations

import math
import random

import msgspec

from bot.world.tokens import priced_tokens

SETTLED_DOLLAR = "USD"
"""All prices are in it; USDT and USDC have prices of their own."""
_ASSETS = {"WETH": "ETH", "WBTC": "BTC", "LINK": "LINK", "UNI": "UNI", "AAVE": "AAVE"}
"""The chain's tokens, and what exchanges call them."""
_NAMED_TOKENS = 12
"""Tokens that stand in for real ones; the made-up ones are listed nowhere."""


class Wandering(msgspec.Struct, frozen=True):
    """A price's nature."""

    usual: float
    """Dollars."""
    volatility: float
    """Standard deviation of the logarithm over a block of 12 seconds."""
    pull: float
    """Part of the distance from the usual price that is made good in a block."""


_CRYPTO_VOLATILITY, _CRYPTO_PULL = 0.0006, 0.003
PERPETUAL = "perpetual"
"""Not an asset: what a perpetual future costs beside its spot price, as a factor."""
_ALONE = {
    "USDT": Wandering(0.9994, 0.00004, 0.01),
    "USDC": Wandering(1.0001, 0.00002, 0.01),
    PERPETUAL: Wandering(1.0003, 0.00003, 0.01),
}
_SHARED = 0.8
"""Part of a crypto asset's movement that all of them share."""


def natures(seed: int) -> dict[str, Wandering]:
    """Every asset that exchanges list, around what it is worth on the chain of this seed; and PERPETUAL."""
    tokens = {token.token.symbol: token.wei_per_whole for token in priced_tokens(seed, _NAMED_TOKENS)}
    dollar = tokens["USDC"]
    crypto = {
        name: Wandering(tokens[symbol] / dollar, _CRYPTO_VOLATILITY, _CRYPTO_PULL)
        for symbol, name in _ASSETS.items()
    }
    return crypto | _ALONE


class PricePath:
    """Dollars for each asset, step after step. Equal seeds and steps a block give equal paths."""

    def __init__(self, seed: int, steps: int) -> None:
        self._draw = random.Random(f"exchanges {seed} path")  # noqa: S311  # a seeded market
        self._natures = natures(seed)
        self._away = dict.fromkeys(self._natures, 0.0)
        self._steps = steps
        self.prices = self._read()

    def step(self) -> dict[str, float]:
        """Move once; the new prices, which are also `prices`."""
        scale = 1 / math.sqrt(self._steps)
        shared = self._draw.gauss(0.0, 1.0)
        for name, nature in self._natures.items():
            own = self._draw.gauss(0.0, 1.0)
            shock = own if name in _ALONE else _together(shared, own)
            pull = self._away[name] * nature.pull / self._steps
            self._away[name] += shock * nature.volatility * scale - pull
        self.prices = self._read()
        return self.prices

    def _read(self) -> dict[str, float]:
        read = {name: nature.usual * math.exp(self._away[name]) for name, nature in self._natures.items()}
        read[SETTLED_DOLLAR] = 1.0
        return read


def _together(shared: float, own: float) -> float:
    return shared * math.sqrt(_SHARED) + own * math.sqrt(1 - _SHARED)

"""The tokens of the local market: stand-ins at mainnet addresses, then as many made-up ones as are asked for."""

from __future__ import annotations

import random
from typing import Literal

import msgspec

from bot.core.identity import Address, address_from_hex, keccak
from bot.core.profile import Token

TokenKind = Literal["weth", "standard", "silent"]
"""weth: the real WETH9. standard: returns True. silent: USDT-like, returns nothing."""


class PricedToken(msgspec.Struct, frozen=True):
    token: Token
    kind: TokenKind
    wei_per_whole: int
    """Fair price: wei for one whole token (10**decimals units)."""

    def units_worth(self, wei: int) -> int:
        """Smallest units worth `wei` at the fair price, rounded down."""
        return int(wei * 10**self.token.decimals // self.wei_per_whole)


WETH = Token("WETH", address_from_hex("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"), 18)

_ETHER = 10**18
_USD = _ETHER // 3_000
"""Wei for one dollar in this market."""

_AT_MAINNET_ADDRESSES: tuple[tuple[str, str, int, TokenKind, int], ...] = (
    ("USDC", "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", 6, "standard", _USD),
    ("USDT", "0xdAC17F958D2ee523a2206206994597C13D831ec7", 6, "silent", _USD),
    ("DAI", "0x6B175474E89094C44Da98b954EedeAC495271d0F", 18, "standard", _USD),
    ("WBTC", "0x2260FAC5E5542a773Aa44fBCfeDf7C193bc2C599", 8, "standard", 30 * _ETHER),
    ("LINK", "0x514910771AF9Ca656af840dff83E8264EcF986CA", 18, "standard", 18 * _USD),
    ("UNI", "0x1f9840a85d5aF5bf1D1762F925BDADdC4201F984", 18, "standard", 10 * _USD),
    ("AAVE", "0x7Fc66500c84A76Ad7e9c93437bFc5Ac33E2DDaE9", 18, "standard", 180 * _USD),
    ("MKR", "0x9f8F72aA9304c8B593d555F12eF6589cC3A579A2", 18, "standard", 1_500 * _USD),
    ("CRV", "0xD533a949740bb3306d119CC777fa900bA034cd52", 18, "standard", _USD // 2),
    ("LDO", "0x5A98FcBEA516Cf06857215779Fd812CA3beF1B32", 18, "standard", _USD),
    ("SUSHI", "0x6B3595068778DD592e39A122f4f5a5cF09C90fE2", 18, "standard", _USD),
)
_PEGGED = frozenset({"USDC", "USDT", "DAI"})
_MADE_UP_DECIMALS = (18, 18, 18, 6, 8)


def priced_tokens(seed: int, count: int) -> tuple[PricedToken, ...]:
    """`count` tokens, WETH first, prices seeded around their usual ones. Raises ValueError below 2."""
    if count < 2:
        raise ValueError(f"a market needs at least 2 tokens, got {count}")
    draw = random.Random(f"tokens {seed}")  # noqa: S311  # a seeded market, not a secret
    tokens = [PricedToken(WETH, "weth", _ETHER)]
    for symbol, address, decimals, kind, usual in _AT_MAINNET_ADDRESSES[: count - 1]:
        drift = 1.0 if symbol in _PEGGED else draw.uniform(0.8, 1.25)
        token = Token(symbol, address_from_hex(address), decimals)
        tokens.append(PricedToken(token, kind, int(usual * drift)))
    tokens += [_made_up(draw, index) for index in range(count - len(tokens))]
    return tuple(tokens)


def _made_up(draw: random.Random, index: int) -> PricedToken:
    """A token of no real project, at the address its name hashes to; one in twelve is USDT-like."""
    address = Address(keccak(b"made-up token %d of the local market" % index)[12:])
    token = Token(f"TOK{index}", address, _MADE_UP_DECIMALS[index % len(_MADE_UP_DECIMALS)])
    price = int(_USD * 10 ** draw.uniform(-1.5, 3.0))
    return PricedToken(token, "silent" if index % 12 == 11 else "standard", price)

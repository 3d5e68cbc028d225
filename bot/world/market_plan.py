"""The plan of a market: which tokens at which fair prices, which pools how deep. A function of its arguments alone."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator

import msgspec

from bot.core.identity import Address
from bot.core.profile import Venue
from bot.world.tokens import PricedToken, priced_tokens
from bot.world.venues import UNISWAP_V3, V2_VENUES, V3_TICK_SPACINGS, pair_address, pool_address

_ETHER = 10**18
_V3_SHARE = 0.3
_POOLS_PER_TOKEN = 5
_MAX_TICK = 887_272
_Q96 = 1 << 96


class PairPlan(msgspec.Struct, frozen=True):
    """A constant-product pair and its first reserves, in smallest units."""

    venue: Venue
    token0: PricedToken
    token1: PricedToken
    reserve0: int
    reserve1: int

    @property
    def address(self) -> Address:
        return pair_address(self.venue, self.token0.token.address, self.token1.token.address)

    @property
    def fee_ppm(self) -> int:
        """Fee in millionths of the input."""
        return 1_000_000 - self.venue.fee_numerator * 1_000_000 // self.venue.fee_denominator


class PositionPlan(msgspec.Struct, frozen=True):
    """Liquidity between two ticks, both multiples of the pool's spacing."""

    tick_lower: int
    tick_upper: int
    liquidity: int


class PoolPlan(msgspec.Struct, frozen=True):
    """A concentrated-liquidity pool. `reserve0`, `reserve1`: its depth near the price as a pair would state it."""

    venue: Venue
    token0: PricedToken
    token1: PricedToken
    fee: int
    """Tier, in millionths of the input."""
    sqrt_price_x96: int
    positions: tuple[PositionPlan, ...]
    reserve0: int
    reserve1: int

    @property
    def address(self) -> Address:
        return pool_address(self.venue, self.token0.token.address, self.token1.token.address, self.fee)

    @property
    def fee_ppm(self) -> int:
        return self.fee

    @property
    def tick(self) -> int:
        """Of the price it is opened at; to within one."""
        return math.floor(2 * math.log(self.sqrt_price_x96 / _Q96) / math.log(1.0001))


def usual_tokens(pools: int) -> int:
    """So many that two pools in three hold WETH, and the third joins two other tokens: 12 for 40, 200 for 1,000."""
    return max(12, pools // _POOLS_PER_TOKEN)


class MarketPlan:
    """`pools` pools over `tokens` tokens (default: as many as are usual for so many pools), drawn from `seed`.

    Default: every WETH pair on both V2 venues, three token-token pairs on both, twelve V3 pools over the four
    tiers. Raises ValueError where so many tokens cannot make so many different pools.
    """

    def __init__(self, seed: int, pools: int = 40, tokens: int | None = None) -> None:
        self.seed = seed
        tokens = usual_tokens(pools) if tokens is None else tokens
        self.tokens = priced_tokens(seed, tokens)
        draw = random.Random(f"pools {seed}")  # noqa: S311  # a seeded market, not a secret
        concentrated = round(pools * _V3_SHARE)
        self.pairs = tuple(_pairs(draw, self.tokens, pools - concentrated))
        self.concentrated = tuple(_concentrated(draw, self.tokens, concentrated))
        if len(self.pools) != pools:
            raise ValueError(
                f"{tokens} tokens make only {len(self.pools)} pools, asked for {pools}: more tokens"
            )

    @property
    def pools(self) -> tuple[PairPlan | PoolPlan, ...]:
        return (*self.pairs, *self.concentrated)

    def reserves_of(self, token: PricedToken) -> int:
        """What all pools together start with of one token, in smallest units; V3 depth counts as a pair's."""
        return sum(
            (pool.reserve0 if pool.token0 == token else 0) + (pool.reserve1 if pool.token1 == token else 0)
            for pool in self.pools
        )

    def fingerprint(self) -> bytes:
        """The whole content as bytes: equal plans, equal bytes."""
        return repr((self.seed, self.tokens, self.pairs, self.concentrated)).encode()


def _couples(
    draw: random.Random, tokens: tuple[PricedToken, ...]
) -> Iterator[tuple[PricedToken, PricedToken]]:
    """Every couple of tokens once: those with WETH in order, then the others shuffled."""
    weth, *others = tokens
    yield from ((weth, other) for other in others)
    rest = list(itertools.combinations(others, 2))
    draw.shuffle(rest)
    yield from rest


def _pairs(draw: random.Random, tokens: tuple[PricedToken, ...], count: int) -> Iterator[PairPlan]:
    every = ((venue, couple) for couple in _couples(draw, tokens) for venue in V2_VENUES)
    for venue, couple in itertools.islice(every, count):
        token0, token1, reserve0, reserve1 = _depth(draw, couple)
        yield PairPlan(venue, token0, token1, reserve0, reserve1)


def _concentrated(draw: random.Random, tokens: tuple[PricedToken, ...], count: int) -> Iterator[PoolPlan]:
    """Couples in turn with a changing tier, round after round until every tier of every couple is used."""
    couples = list(_couples(draw, tokens))
    tiers = list(V3_TICK_SPACINGS)
    every = (
        (couple, tiers[(index + turn) % len(tiers)])
        for turn in range(len(tiers))
        for index, couple in enumerate(couples)
    )
    for couple, fee in itertools.islice(every, count):
        token0, token1, reserve0, reserve1 = _depth(draw, couple)
        sqrt_price = math.isqrt((reserve1 << 192) // reserve0)
        liquidity = math.isqrt(reserve0 * reserve1)
        positions = tuple(_positions(sqrt_price, liquidity, V3_TICK_SPACINGS[fee]))
        yield PoolPlan(UNISWAP_V3, token0, token1, fee, sqrt_price, positions, reserve0, reserve1)


def _depth(
    draw: random.Random, couple: tuple[PricedToken, PricedToken]
) -> tuple[PricedToken, PricedToken, int, int]:
    """Tokens in address order and reserves worth 50 to 3,000 ETH a side, their price up to 0.1 % off the fair one."""
    token0, token1 = sorted(couple, key=lambda priced: priced.token.address)
    side = min(max(400.0 * math.exp(draw.gauss(0.0, 0.9)), 50.0), 3_000.0)
    off = 1.0 + draw.uniform(-0.001, 0.001)
    reserve0 = token0.units_worth(int(side * _ETHER))
    reserve1 = token1.units_worth(int(side * off * _ETHER))
    return token0, token1, reserve0, reserve1


_SHAPE: tuple[tuple[int, int, float], ...] = (
    (-5_000, 5_000, 0.6),
    (-1_500, 1_500, 0.9),
    (-400, 400, 1.0),
    (500, 2_200, 0.5),
    (-2_600, -700, 0.4),
)
"""(lower, upper, liquidity): ticks from the price, liquidity in parts of the constant-product one."""
_FULL_RANGE_PART = 0.4


def _positions(sqrt_price_x96: int, liquidity: int, spacing: int) -> Iterator[PositionPlan]:
    """A full range and the ranges of `_SHAPE`, on the pool's ticks, all of different width."""
    widest = _MAX_TICK // spacing * spacing
    yield PositionPlan(-widest, widest, int(liquidity * _FULL_RANGE_PART))
    tick = math.floor(2 * math.log(sqrt_price_x96 / _Q96) / math.log(1.0001))
    for lower, upper, part in _SHAPE:
        low, high = (tick + lower) // spacing * spacing, -(-(tick + upper) // spacing) * spacing
        yield PositionPlan(low, high, int(liquidity * part))

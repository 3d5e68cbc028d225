"""Ticks and square root prices of Uniswap V3, both ways and to the unit.

Source: v3-core `libraries/TickMath.sol` and `libraries/Tick.sol`. A tick t stands for the price 1.0001**t of token1
per token0; prices are square roots in Q64.96.
"""

from functools import lru_cache
from math import log
from typing import Final

from bot.core.units import UINT256_MAX

MIN_TICK: Final = -887_272
MAX_TICK: Final = 887_272
MIN_SQRT_PRICE: Final = 4_295_128_739
"""`sqrt_price_at_tick(MIN_TICK)`, the lowest price a pool can have."""
MAX_SQRT_PRICE: Final = 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_342
"""`sqrt_price_at_tick(MAX_TICK)`; a pool's price stays below it."""
UINT128_MAX: Final = (1 << 128) - 1

_ONE: Final = 1 << 128
_SQRT_POWERS: Final = (
    0xFFFCB933BD6FAD37AA2D162D1A594001,
    0xFFF97272373D413259A46990580E213A,
    0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0,
    0xFFCB9843D60F6159C9DB58835C926644,
    0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861,
    0xFE5DEE046A99A2A811C461F1969C3053,
    0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54,
    0xF3392B0822B70005940C7A398E4B70F3,
    0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825,
    0xA9F746462D870FDF8A65DC1F90E061E5,
    0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6,
    0x9AA508B5B7A84E1C677DE54F3E99BC9,
    0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98,
    0x48A170391F7DC42444E8FA2,
)
"""sqrt(1.0001)**-(2**k) in Q128.128, for the bits k of a tick."""
_TICKS_PER_LOG: Final = 2 / log(1.0001)
_LOG_OF_ONE: Final = 96 * log(2)
_UNSURE: Final = 1e-4
"""Ticks. The float estimate is off by less than a tenth of this at every tick: nearer to one, the integers decide."""


@lru_cache(maxsize=1 << 16)
def sqrt_price_at_tick(tick: int) -> int:
    """TickMath.getSqrtRatioAtTick, rounded up in the last place. Raises ValueError outside MIN_TICK..MAX_TICK.

    A pure function of few arguments, asked again and again for the same ticks: hence the cache.
    """
    if not MIN_TICK <= tick <= MAX_TICK:
        raise ValueError(f"tick {tick} is outside {MIN_TICK}..{MAX_TICK}")
    left = abs(tick)
    ratio = _ONE
    for power in _SQRT_POWERS:
        if left & 1:
            ratio = ratio * power >> 128
        left >>= 1
    if tick > 0:
        ratio = UINT256_MAX // ratio
    return -(-ratio >> 32)


def tick_at_sqrt_price(sqrt_price: int) -> int:
    """TickMath.getTickAtSqrtRatio: the greatest tick whose price is at most this.

    Raises ValueError outside MIN_SQRT_PRICE <= sqrt_price < MAX_SQRT_PRICE.
    """
    if not MIN_SQRT_PRICE <= sqrt_price < MAX_SQRT_PRICE:
        raise ValueError(
            f"square root price {sqrt_price} is not within {MIN_SQRT_PRICE} and below {MAX_SQRT_PRICE}"
        )
    estimate = (log(sqrt_price) - _LOG_OF_ONE) * _TICKS_PER_LOG
    tick = int(estimate // 1)
    if _UNSURE < estimate - tick < 1 - _UNSURE:
        return tick
    nearest = round(estimate)
    return nearest if sqrt_price_at_tick(nearest) <= sqrt_price else nearest - 1


def max_liquidity_per_tick(tick_spacing: int) -> int:
    """Tick.tickSpacingToMaxLiquidityPerTick: the most gross liquidity one tick may refer to."""
    return UINT128_MAX // (2 * (MAX_TICK // tick_spacing) + 1)

"""One step of a Uniswap V3 swap, from a price to at most a target, to the unit.

Source: v3-core `libraries/SqrtPriceMath.sol` and `libraries/SwapMath.sol`. Prices are square roots in Q64.96 and
`liquidity` is uint128. What the pool takes is rounded up, what it pays down, the price against the trader.
"""

from typing import Final

from bot.core.units import UINT256_MAX, mul_div_up

MILLION: Final = 1_000_000
"""Fees are in millionths of the input."""
UINT160_MAX: Final = (1 << 160) - 1


def price_after_input(sqrt_price: int, liquidity: int, amount_in: int, zero_for_one: bool) -> int:
    """SqrtPriceMath.getNextSqrtPriceFromInput: rounded so that the target is not passed.

    Raises ValueError where the contract reverts: no liquidity, or a price over uint160.
    """
    if liquidity <= 0:
        raise ValueError(
            f"liquidity {liquidity}: without liquidity no input moves a price to somewhere definite"
        )
    if not zero_for_one:
        after = sqrt_price + (amount_in << 96) // liquidity
        if after > UINT160_MAX:
            raise ValueError(f"price {after} is over uint160")
        return after
    if amount_in == 0:
        return sqrt_price
    scaled = liquidity << 96
    product = amount_in * sqrt_price
    denominator = scaled + product
    if denominator <= UINT256_MAX:
        return -(-scaled * sqrt_price // denominator)
    # The product or the sum overflows uint256; the contract then divides first, at some loss of precision.
    return -(-scaled // (scaled // sqrt_price + amount_in))


def price_after_output(sqrt_price: int, liquidity: int, amount_out: int, zero_for_one: bool) -> int:
    """SqrtPriceMath.getNextSqrtPriceFromOutput: rounded so that at least `amount_out` is paid for.

    Raises ValueError where the contract reverts: the range does not hold so much, or the numbers overflow.
    """
    if liquidity <= 0:
        raise ValueError(f"liquidity {liquidity}: nothing can be taken out of it")
    if zero_for_one:
        after = sqrt_price - mul_div_up(amount_out, 1 << 96, liquidity)
        if after <= 0:
            raise ValueError(
                f"{amount_out} of token1 is more than liquidity {liquidity} holds below {sqrt_price}"
            )
        return after
    scaled = liquidity << 96
    product = amount_out * sqrt_price
    if product > UINT256_MAX or product >= scaled:
        raise ValueError(
            f"{amount_out} of token0 is more than liquidity {liquidity} holds above {sqrt_price}"
        )
    after = mul_div_up(scaled, sqrt_price, scaled - product)
    if after > UINT160_MAX:
        raise ValueError(f"price {after} is over uint160")
    return after


def fee_up(taken: int, fee: int) -> int:
    """What the trader pays over `taken`, so that `fee` millionths of the sum are kept."""
    return -(-taken * fee // (MILLION - fee))


def taken_up(sqrt_price: int, after: int, liquidity: int, zero_for_one: bool) -> int:
    """What the pool takes for the move of its price, before the fee: SqrtPriceMath.getAmount0Delta or 1, up.

    The contract rounds two divisions one after the other, which comes to the same as one.
    """
    if zero_for_one:
        return -(-(liquidity << 96) * (sqrt_price - after) // sqrt_price // after)
    return -(-liquidity * (after - sqrt_price) >> 96)


def paid_down(sqrt_price: int, after: int, liquidity: int, zero_for_one: bool) -> int:
    """What the pool pays for the move of its price: SqrtPriceMath.getAmount1Delta or 0, down."""
    if zero_for_one:
        return liquidity * (sqrt_price - after) >> 96
    return (liquidity << 96) * (after - sqrt_price) // after // sqrt_price

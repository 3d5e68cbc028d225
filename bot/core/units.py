"""Units of money and gas as types, and the only integer divisions allowed on them.

A `NewType` costs nothing at run time and lets mypy refuse gas where wei is wanted. Rounding stands in
every name; the convention is that it goes against us: what we receive rounds down, what we pay rounds up.
"""

from typing import NewType

Wei = NewType("Wei", int)
"""Amount of the chain's native coin in its smallest unit."""
Gas = NewType("Gas", int)
"""Units of EVM gas."""
WeiPerGas = NewType("WeiPerGas", int)
"""A gas price."""
Bps = NewType("Bps", int)
"""Hundredths of a percent; 10,000 is the whole."""
TokenUnits = NewType("TokenUnits", int)
"""Amount of some token in its smallest unit; which token is said by the field beside it."""
Nanoseconds = NewType("Nanoseconds", int)

BPS_WHOLE = 10_000
UINT112_MAX = (1 << 112) - 1
UINT128_MAX = (1 << 128) - 1
UINT256_MAX = (1 << 256) - 1


def mul_div_down(a: int, b: int, divisor: int) -> int:
    """Floor of a*b/divisor for non-negative integers. Raises ZeroDivisionError at divisor 0."""
    return a * b // divisor


def mul_div_up(a: int, b: int, divisor: int) -> int:
    """Ceiling of a*b/divisor for non-negative integers. Raises ZeroDivisionError at divisor 0."""
    return -(-(a * b) // divisor)


def gas_cost(gas: Gas, price: WeiPerGas) -> Wei:
    """What `gas` costs at `price`; exact."""
    return Wei(gas * price)


def share_down(amount: int, bps: Bps) -> int:
    """`bps` of `amount`, rounded down."""
    return mul_div_down(amount, bps, BPS_WHOLE)


def share_up(amount: int, bps: Bps) -> int:
    """`bps` of `amount`, rounded up."""
    return mul_div_up(amount, bps, BPS_WHOLE)

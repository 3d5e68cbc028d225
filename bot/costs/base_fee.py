"""EIP-1559's base fee, one block ahead exactly and several blocks ahead as a bound. go-ethereum consensus/misc/eip1559."""

from typing import Final

from bot.core.messages import Head
from bot.core.units import WeiPerGas, mul_div_down, mul_div_up

ELASTICITY: Final = 2
"""Gas limit over gas target."""
MAX_CHANGE_DENOMINATOR: Final = 8
"""A full block raises the base fee by one part in so many, an empty one lowers it by as much."""
_SMALLEST_TARGET: Final = 2_500
"""Of the least gas limit a header may have, 5,000. An odd limit lets a block use one gas more than twice its target,
so the step is (target + 1) / target of an eighth; the smallest target makes that largest."""


def next_base_fee(head: Head) -> WeiPerGas:
    """Base fee of the block after `head`; exact. Raises ValueError for a gas limit below 2, which no chain has."""
    target = head.gas_limit // ELASTICITY
    if target == 0:
        raise ValueError(f"block {head.number} has a gas limit of {head.gas_limit}: there is no gas target")
    fee = head.base_fee
    if head.gas_used > target:
        return WeiPerGas(fee + max(1, _change(fee, head.gas_used - target, target)))
    return WeiPerGas(fee - _change(fee, target - head.gas_used, target))


def base_fee_bound_up(base_fee: WeiPerGas, blocks: int) -> WeiPerGas:
    """The most the base fee can be `blocks` blocks after one with `base_fee`: every block full, every step rounded up."""
    fee = int(base_fee)
    for _ in range(blocks):
        fee += max(1, mul_div_up(fee, _SMALLEST_TARGET + 1, _SMALLEST_TARGET * MAX_CHANGE_DENOMINATOR))
    return WeiPerGas(fee)


def _change(fee: int, distance: int, target: int) -> int:
    return mul_div_down(fee * distance, 1, target) // MAX_CHANGE_DENOMINATOR

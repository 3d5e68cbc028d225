"""EIP-1559's base fee: one block ahead exactly, several blocks ahead as bounds. go-ethereum consensus/misc/eip1559.

Chains differ in three numbers (`BaseFeeRule`): mainnet's are constants, an OP-stack chain writes its own into every
header's extra data (Holocene), with a least base fee since Jovian.
"""

from typing import Final

from bot.core.messages import Head
from bot.core.profile import BaseFeeRule
from bot.core.units import Gas, WeiPerGas, mul_div_up

LONDON: Final = BaseFeeRule()
"""Ethereum's own, since EIP-1559."""
ELASTICITY: Final = LONDON.elasticity
"""Gas limit over gas target."""
MAX_CHANGE_DENOMINATOR: Final = LONDON.denominator
"""A full block raises the base fee by one part in so many, an empty one lowers it by as much."""
_LEAST_GAS_LIMIT: Final = 5_000
"""A limit that is no multiple of the elasticity lets a block use a little more than that many times its target, so the
step is a little more than the rule's; the smallest target makes that largest."""


def next_base_fee(head: Head, rule: BaseFeeRule = LONDON) -> WeiPerGas:
    """Base fee of the block after `head`; exact. Raises ValueError where the gas limit leaves no gas target."""
    return base_fee_after(head.base_fee, head.gas_used, head.gas_limit, rule)


def base_fee_after(
    base_fee: WeiPerGas, gas_metered: Gas, gas_limit: Gas, rule: BaseFeeRule = LONDON
) -> WeiPerGas:
    """As `next_base_fee`, by the numbers. `gas_metered` is the gas used; from Jovian on the larger of that and the
    header's `blobGasUsed`, which holds the data footprint there.
    """
    target = gas_limit // rule.elasticity
    if target == 0:
        raise ValueError(
            f"a gas limit of {gas_limit} at elasticity {rule.elasticity}: there is no gas target"
        )
    if gas_metered > target:
        fee = base_fee + max(1, _change(base_fee, gas_metered - target, target, rule))
    else:
        fee = base_fee - _change(base_fee, target - gas_metered, target, rule)
    return WeiPerGas(max(fee, rule.minimum))


def base_fee_bound_up(base_fee: WeiPerGas, blocks: int, rule: BaseFeeRule = LONDON) -> WeiPerGas:
    """The most the base fee can be `blocks` blocks after one with `base_fee`: every block full, every step rounded up.

    As long as the rule stays: a chain that writes it into its headers may change it.
    """
    fee = int(base_fee)
    target = _LEAST_GAS_LIMIT // rule.elasticity
    for _ in range(blocks):
        fee += max(1, mul_div_up(fee * (rule.elasticity - 1), target + 1, target * rule.denominator))
        fee = max(fee, rule.minimum)
    return WeiPerGas(fee)


def base_fee_bound_down(base_fee: WeiPerGas, blocks: int, rule: BaseFeeRule = LONDON) -> WeiPerGas:
    """The least it can be by then: every block empty. Reached exactly; at mainnet 7 wei fall no further."""
    fee = int(base_fee)
    for _ in range(blocks):
        fee = max(fee - fee // rule.denominator, rule.minimum)
    return WeiPerGas(fee)


def rule_in_header(extra_data: bytes, before: BaseFeeRule) -> BaseFeeRule:
    """The rule for the child of an OP-stack header (specs: holocene and jovian, "exec-engine").

    Empty extra data is a block before Holocene: `before` stands, the chain's constants. Version 0, nine bytes:
    denominator and elasticity, big-endian. Version 1, seventeen bytes: and the least base fee. Raises ValueError for
    any other form and for a zero among the first two: the base fee of the next block is then not known.
    """
    if not extra_data:
        return before
    if (extra_data[0], len(extra_data)) not in {(0, 9), (1, 17)}:
        raise ValueError(
            f"extra data 0x{extra_data.hex()} is neither Holocene's (version 0, 9 bytes) nor Jovian's (version 1, 17)"
        )
    denominator, elasticity = int.from_bytes(extra_data[1:5], "big"), int.from_bytes(extra_data[5:9], "big")
    if denominator == 0 or elasticity == 0:
        raise ValueError(f"extra data 0x{extra_data.hex()}: denominator and elasticity must not be 0")
    return BaseFeeRule(elasticity, denominator, WeiPerGas(int.from_bytes(extra_data[9:], "big")))


def _change(fee: int, distance: int, target: int, rule: BaseFeeRule) -> int:
    return fee * distance // target // rule.denominator

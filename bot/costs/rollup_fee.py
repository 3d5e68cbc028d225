"""What a rollup takes for its data, beyond or within its gas. Exact formulas of the chains' own documents; pure.

OP-stack (ethereum-optimism/specs, protocol/{ecotone,fjord,isthmus,jovian}/exec-engine.md): charged on top of gas, by
the signed transaction's bytes and four L1 attributes, and since Isthmus an operator fee by gas. Arbitrum: L1's price is
turned into gas units, which the gas limit has to cover (Offchain Labs, "How to estimate gas").
"""

from typing import Final, Protocol

import msgspec

from bot.core.profile import FeeKind
from bot.core.units import Bps, Gas, Wei, WeiPerGas, mul_div_up, share_up
from bot.costs.fastlz import fastlz_length

FASTLZ_INTERCEPT: Final = -42_585_600
FASTLZ_COEFFICIENT: Final = 836_500
LEAST_SIZE: Final = 100 * 1_000_000
"""Of the estimated size, which is in millionths of a byte."""
_MILLION: Final = 1_000_000
ARBITRUM_PADDING: Final = Bps(1_000)
"""L1's price may move until the transaction is sequenced: a tenth more is set aside, as NodeInterface's users are told."""

Raw = int | bytes
"""A signed transaction, or how long it will be: before the signature the worst case of that length is taken."""


class RollupFee(Protocol):
    """Of one chain, at one block."""

    def data_fee(self, raw: Raw) -> Wei:
        """On top of gas, for the data of a signed transaction; at a length alone, the most it can be."""
        ...

    def operator_fee(self, gas: Gas) -> Wei:
        """On top of gas, by the gas used (or, as the wallet must hold it, by the gas limit)."""
        ...

    def gas_for_data(self) -> Gas:
        """Within gas: units of the transaction's gas that stand for its data. Not to be charged a second time."""
        ...


class OpStackFee(msgspec.Struct, frozen=True):
    """By the attributes of L1 as the L1Block contract holds them at a block."""

    fork: FeeKind
    base_fee: WeiPerGas
    """Of L1."""
    blob_base_fee: WeiPerGas
    base_fee_scalar: int
    blob_base_fee_scalar: int
    operator_scalar: int = 0
    operator_constant: int = 0

    def data_fee(self, raw: Raw) -> Wei:
        """Rounded down, as the chain does."""
        if isinstance(raw, bytes) and not raw:
            return Wei(0)
        price = 16 * self.base_fee * self.base_fee_scalar + self.blob_base_fee * self.blob_base_fee_scalar
        if self.fork == "op-ecotone":
            return Wei(_calldata_gas(raw) * price // (16 * _MILLION))
        return Wei(fjord_size(raw) * price // _MILLION**2)

    def operator_fee(self, gas: Gas) -> Wei:
        """Rounded down, as the chain does. 0 before Isthmus."""
        if self.fork == "op-isthmus":
            return Wei(gas * self.operator_scalar // _MILLION + self.operator_constant)
        if self.fork == "op-jovian":
            return Wei(gas * self.operator_scalar * 100 + self.operator_constant)
        return Wei(0)

    def gas_for_data(self) -> Gas:
        return Gas(0)


class ArbitrumFee(msgspec.Struct, frozen=True):
    """By NodeInterface's answer for the very transaction (`gasEstimateL1Component`)."""

    gas_for_l1: Gas
    """Already part of the gas that the node's simulation or estimate reports."""

    def data_fee(self, raw: Raw) -> Wei:
        """Nothing on top: it is gas."""
        del raw
        return Wei(0)

    def operator_fee(self, gas: Gas) -> Wei:
        del gas
        return Wei(0)

    def gas_for_data(self) -> Gas:
        return self.gas_for_l1

    def padded_up(self) -> Gas:
        """What a gas limit sets aside for it."""
        return Gas(share_up(self.gas_for_l1, Bps(10_000 + ARBITRUM_PADDING)))


def fjord_size(raw: Raw) -> int:
    """Estimated size after compression, in millionths of a byte, from Fjord on."""
    length = fastlz_length(raw) if isinstance(raw, bytes) else longest_fastlz(raw)
    return max(LEAST_SIZE, FASTLZ_INTERCEPT + FASTLZ_COEFFICIENT * length)


def data_footprint(raw: Raw, gas_scalar: int) -> Gas:
    """Jovian: what a transaction adds to its header's `blobGasUsed`, which may not exceed the gas limit."""
    return Gas(fjord_size(raw) // _MILLION * gas_scalar)


def longest_fastlz(size: int) -> int:
    """The most `size` bytes can become: nothing repeats, one byte in 33 counts the others."""
    return size + mul_div_up(size, 1, 32)


def arbitrum_gas_for_l1_up(l1_cost: Wei, base_fee: WeiPerGas) -> Gas:
    """Gas units that stand for a cost on L1 at the rollup's base fee. Raises ValueError at a base fee of 0."""
    if base_fee <= 0:
        raise ValueError(f"a base fee of {base_fee}: L1's cost has no price in gas")
    return Gas(mul_div_up(l1_cost, 1, base_fee))


def _calldata_gas(raw: Raw) -> int:
    """4 for a zero byte, 16 for another; at a length alone, no byte is zero."""
    if not isinstance(raw, bytes):
        return 16 * raw
    zeros = raw.count(0)
    return 4 * zeros + 16 * (len(raw) - zeros)

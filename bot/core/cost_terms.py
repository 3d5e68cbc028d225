"""What a transaction costs, term by term: the same words before it is sent and after its receipt."""

import msgspec

from bot.core.units import Gas, Wei, WeiPerGas, gas_cost


class CostTerms(msgspec.Struct, frozen=True):
    """All that goes off a gross profit. Predicted: by the simulation. Actual: by receipt and block."""

    gas: Gas
    base_fee: WeiPerGas
    tip: WeiPerGas
    """Effective priority fee per gas."""
    l1_fee: Wei = Wei(0)
    """What a rollup charges for its data, operator fee included, where that is not gas. 0 on layer 1."""
    flash_fee: Wei = Wei(0)
    """Of a flash loan that costs more than the swap it is part of."""
    payment: Wei = Wei(0)
    """To the block's builder, out of the profit."""

    @property
    def gas_cost(self) -> Wei:
        """Paid by the wallet for execution."""
        return gas_cost(self.gas, WeiPerGas(self.base_fee + self.tip))

    @property
    def total(self) -> Wei:
        return Wei(self.gas_cost + self.l1_fee + self.flash_fee + self.payment)

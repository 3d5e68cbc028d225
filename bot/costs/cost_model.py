"""One cost model for search, gate and ledger: a transaction's cost term by term, before it is sent and after."""

import msgspec

from bot.core.cost_terms import CostTerms
from bot.core.units import BPS_WHOLE, Bps, Gas, Wei, WeiPerGas, gas_cost, share_up
from bot.costs.gas_schedule import GasSchedule
from bot.costs.rollup_fee import Raw, RollupFee

_NOTHING = Wei(0)


class CostModel(msgspec.Struct, frozen=True):
    """Of one chain at one block: its rollup fee holds the L1 attributes of that block."""

    schedule: GasSchedule
    rollup: RollupFee | None = None
    """None on layer 1."""
    l1_margin: Bps = Bps(2_700)
    """Until it is included, L1's price may move: two full blocks of L1 make 26.6 %. In the worst case alone."""

    def predicted(
        self,
        simulated_gas: Gas,
        base_fee: WeiPerGas,
        tip: WeiPerGas,
        payment: Wei,
        raw: Raw,
        flash_fee: Wei = _NOTHING,
    ) -> CostTerms:
        """What is expected: the simulation's gas at the exact next base fee.

        `raw` is the signed transaction, or the number of its bytes before it is signed, which is then the most they
        can cost.
        """
        l1_fee = _NOTHING
        if self.rollup is not None:
            l1_fee = Wei(self.rollup.data_fee(raw) + self.rollup.operator_fee(simulated_gas))
        return CostTerms(simulated_gas, base_fee, tip, l1_fee, flash_fee, payment)

    def worst(self, gas_limit: Gas, max_fee: WeiPerGas, raw: Raw) -> Wei:
        """The most the wallet can lose to gas and data: all of the gas limit at the highest fee, L1's price risen.

        Payment and flash fee come out of a profit that was made and are not among it.
        """
        execution = gas_cost(gas_limit, max_fee)
        if self.rollup is None:
            return execution
        data = share_up(self.rollup.data_fee(raw), Bps(BPS_WHOLE + self.l1_margin))
        return Wei(execution + data + self.rollup.operator_fee(gas_limit))


class CostError(msgspec.Struct, frozen=True):
    """Actual less predicted, of each term and in the whole; positive: it cost more."""

    gas: int
    base_fee: int
    tip: int
    gas_cost: int
    """Of the three before it, together; not a term of its own."""
    l1_fee: int
    flash_fee: int
    payment: int
    total: int


def cost_error(predicted: CostTerms, actual: CostTerms) -> CostError:
    """By how much each term was missed. `total` is the sum of the wei terms: gas_cost, l1_fee, flash_fee, payment."""
    return CostError(
        gas=actual.gas - predicted.gas,
        base_fee=actual.base_fee - predicted.base_fee,
        tip=actual.tip - predicted.tip,
        gas_cost=actual.gas_cost - predicted.gas_cost,
        l1_fee=actual.l1_fee - predicted.l1_fee,
        flash_fee=actual.flash_fee - predicted.flash_fee,
        payment=actual.payment - predicted.payment,
        total=actual.total - predicted.total,
    )

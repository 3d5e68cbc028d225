"""What is left of a gross profit: gas and the builder's share go off it, each rounded against us."""

import msgspec

from bot.core.units import Bps, Gas, TokenUnits, Wei, WeiPerGas, gas_cost, share_up


class NetProfit(msgspec.Struct, frozen=True):
    """All in wei; the profit token is the wrapped native coin."""

    gross: TokenUnits
    gas_cost: Wei
    payment: Wei

    @property
    def net(self) -> int:
        """Negative: a loss."""
        return self.gross - self.gas_cost - self.payment


def net_profit_down(gross: TokenUnits, gas: Gas, gas_price: WeiPerGas, bid_share: Bps) -> NetProfit:
    """Net of `gas` at `gas_price` and of a bid of `bid_share` of what gas leaves, rounded up; no bid out of a loss."""
    cost = gas_cost(gas, gas_price)
    return NetProfit(gross, cost, Wei(share_up(max(0, gross - cost), bid_share)))

"""What to pay the builder: a share of what is left after expected gas, and never so much that landing could lose."""

from bot.core.units import Bps, TokenUnits, Wei, share_up


def builder_payment(
    gross_profit: TokenUnits,
    expected_gas_cost: Wei,
    worst_gas_cost: Wei,
    min_net_profit: Wei,
    bid_share: Bps,
    *,
    can_pay: bool = True,
) -> Wei | None:
    """The payment in wei, or None when nothing is worth sending.

    `gross_profit` is in wei of the wrapped coin. Floor: zero. Cap: gross profit less the worst gas cost and the
    minimum net profit, so that `gross - payment - worst_gas_cost >= min_net_profit` for every answer but None. The
    share is rounded up: it is what we pay. `can_pay` False (the base token is not the wrapped coin) bids nothing.
    """
    cap = gross_profit - worst_gas_cost - min_net_profit
    if cap < 0:
        return None
    if not can_pay:
        return Wei(0)
    net = max(0, gross_profit - expected_gas_cost)
    return Wei(min(share_up(net, bid_share), cap))

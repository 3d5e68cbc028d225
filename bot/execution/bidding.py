"""What to pay the builder: a share of what is left after expected gas, and never so much that landing could lose."""

from bot.core.units import Bps, Gas, TokenUnits, Wei, WeiPerGas, mul_div_down, mul_div_up, share_up


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


def priority_fee_bid(
    gross_profit: TokenUnits,
    expected_gas_cost: Wei,
    worst_gas_cost: Wei,
    min_net_profit: Wei,
    bid_share: Bps,
    *,
    expected_gas: Gas,
    gas_limit: Gas,
    most: WeiPerGas | None = None,
) -> WeiPerGas | None:
    """The same bid as a tip per gas, for a route that honours nothing else; None when nothing is worth sending.

    Both gas costs are without this tip: it comes on top. The tip is whole and rounded up, it is what we pay:
    `tip * expected_gas` is at least `builder_payment`, and less than `expected_gas` wei above it, unless the cap
    binds. It is owed on all gas that is used, so the cap is over the whole gas limit:
    `gross - worst_gas_cost - tip * gas_limit >= min_net_profit` for every answer but None. `most`: never above this,
    for a wallet's limit on the fee per gas; a bid that it cuts is a lower one.
    Raises ValueError unless 0 < expected_gas <= gas_limit.
    """
    if not 0 < expected_gas <= gas_limit:
        raise ValueError(f"expected gas {expected_gas} and gas limit {gas_limit}: need 0 < expected <= limit")
    payment = builder_payment(gross_profit, expected_gas_cost, worst_gas_cost, min_net_profit, bid_share)
    if payment is None:
        return None
    cap = gross_profit - worst_gas_cost - min_net_profit
    tip = min(mul_div_up(payment, 1, expected_gas), mul_div_down(cap, 1, gas_limit))
    return WeiPerGas(tip if most is None else min(tip, most))

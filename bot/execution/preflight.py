"""What a node's simulation does not check (anvil 1.7.1 passed a wrong nonce and a fee under the base fee)."""

import msgspec

from bot.core.decisions import Check, Plan
from bot.core.messages import Head
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Wei
from bot.costs.base_fee import next_base_fee
from bot.costs.gas_schedule import GasSchedule


class PreflightFailed(msgspec.Struct, frozen=True):
    """The first check that did not hold, with both numbers. Nothing was simulated."""

    check: Check


def preflight(
    plan: Plan,
    head: Head,
    count: Ok[int] | Reverted | Unknown,
    balance: Ok[Wei] | Reverted | Unknown,
    schedule: GasSchedule,
) -> tuple[Check, ...] | PreflightFailed:
    """Every check that held, or the first that did not. A read that failed is a check that failed.

    `count` and `balance` are the sender's at `head`. The next block's gas limit may differ from the parent's by less
    than 1/1024 (yellow paper, 4.4.4): the parent's less that part is what is sure.
    """
    transaction = plan.transaction
    gas_limit = transaction.gas_limit
    sent = (transaction.data, transaction.access_list, transaction.value)
    intrinsic = schedule.intrinsic(*sent)
    floor = schedule.floor(*sent)
    sure_block_gas = head.gas_limit - head.gas_limit // 1024
    worst_cost = plan.worst_gas_cost + transaction.value
    base_fee = next_base_fee(head)
    fee = transaction.max_fee_per_gas
    compared = (
        ("nonce", _known(count) == transaction.nonce, transaction.nonce, _shown(count)),
        ("balance", (_known(balance) or 0) >= worst_cost, f">= {worst_cost} wei", _shown(balance)),
        ("base fee", fee >= base_fee, f">= {base_fee} wei per gas", fee),
        (
            "priority fee",
            transaction.max_priority_fee_per_gas <= fee,
            f"<= {fee} wei per gas",
            transaction.max_priority_fee_per_gas,
        ),
        ("intrinsic gas", gas_limit >= intrinsic, f">= {intrinsic}", gas_limit),
        ("calldata floor gas", gas_limit >= floor, f">= {floor}", gas_limit),
        (
            "transaction gas cap",
            gas_limit <= schedule.transaction_cap,
            f"<= {schedule.transaction_cap}",
            gas_limit,
        ),
        ("block gas limit", gas_limit <= sure_block_gas, f"<= {sure_block_gas}", gas_limit),
    )
    checks: list[Check] = []
    for rule, holds, limit, actual in compared:
        check = Check(rule, str(limit), str(actual))
        if not holds:
            return PreflightFailed(check)
        checks.append(check)
    return tuple(checks)


def _known(read: Ok[int] | Ok[Wei] | Reverted | Unknown) -> int | None:
    return read.value if isinstance(read, Ok) else None


def _shown(read: Ok[int] | Ok[Wei] | Reverted | Unknown) -> str:
    match read:
        case Ok(value=value):
            return str(value)
        case Reverted(reason=reason):
            return f"refused: {reason}"
        case Unknown(cause=cause):
            return f"unknown: {cause}"

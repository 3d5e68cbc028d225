"""The answer of eth_callBundle: amounts as decimal strings in wei, counts as numbers (relays.md section 2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.core.identity import hex_bytes, to_checksum
from bot.core.units import Gas, Wei
from bot.world.block_simulation import BuildingBlock, GroupOutcome, TransactionOutcome
from bot.world.bundle_book import bundle_hash
from bot.world.raw_transaction import RawTransaction


def call_bundle_report(
    block: BuildingBlock, transactions: Sequence[RawTransaction], outcomes: Sequence[GroupOutcome]
) -> dict[str, Any]:
    """`outcomes` has one group for each transaction."""
    results = [_result(block, tx, outcome) for tx, outcome in zip(transactions, outcomes, strict=True)]
    gas = sum(result["gasUsed"] for result in results)
    total = {name: sum(int(result[name]) for result in results) for name in _AMOUNTS}
    return {
        "bundleGasPrice": str(total["coinbaseDiff"] // gas if gas else 0),
        "bundleHash": hex_bytes(bundle_hash(transactions)),
        **{name: str(amount) for name, amount in total.items()},
        "results": results,
        "stateBlockNumber": block.parent.number,
        "totalGasUsed": gas,
    }


_INVENTED_GAS = 21_000
_INVENTED_GAIN = 10**18


def invented_report(block: BuildingBlock, transactions: Sequence[RawTransaction]) -> dict[str, Any]:
    """The same answer made up: every transaction succeeds for little gas, and pays the builder an ether."""
    succeeded = TransactionOutcome(True, Gas(_INVENTED_GAS), b"", "")
    group = GroupOutcome((succeeded,), Wei(_INVENTED_GAIN))
    return call_bundle_report(block, transactions, [group] * len(transactions))


_AMOUNTS = ("coinbaseDiff", "ethSentToCoinbase", "gasFees")


def _result(block: BuildingBlock, tx: RawTransaction, group: GroupOutcome) -> dict[str, Any]:
    [outcome] = group.transactions
    fees = outcome.gas_used * max(tx.effective_tip(block.base_fee), 0)
    result: dict[str, Any] = {
        "txHash": hex_bytes(tx.hash),
        "fromAddress": to_checksum(tx.sender),
        "toAddress": None if tx.to is None else to_checksum(tx.to),
        "gasUsed": outcome.gas_used,
        "gasPrice": str(group.builder_gain // outcome.gas_used if outcome.gas_used else 0),
        "gasFees": str(fees),
        "coinbaseDiff": str(group.builder_gain),
        "ethSentToCoinbase": str(group.builder_gain - fees),
    }
    if outcome.succeeded:
        result["value"] = hex_bytes(outcome.return_data)
    else:
        result |= {"error": outcome.error or "execution reverted", "revert": hex_bytes(outcome.return_data)}
    return result

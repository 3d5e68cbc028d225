"""The answer of mev_simBundle (relays.md section 3.3; types.go of the MEV-Share node)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.core.identity import BlockRef, TxHash, hex_bytes, hex_quantity
from bot.world.anvil import Anvil
from bot.world.block_simulation import BuildingBlock, GroupOutcome, SimulationRefusedError, simulate
from bot.world.json_rpc import invalid_params, refused
from bot.world.raw_transaction import RawTransaction
from bot.world.sealing import read_head


async def simulate_share_bundle(
    anvil: Anvil,
    next_block: BuildingBlock,
    behind: RawTransaction | None,
    transactions: Sequence[RawTransaction],
    may_revert: frozenset[TxHash],
    parent_block: str | None,
) -> dict[str, Any]:
    """Run `behind` and then `transactions`, alone at the top of the block after `parent_block`.

    Without one that is the block `behind` landed in; with nothing to stand behind, the next. Raises RpcError where
    `behind` has not landed: before that a simulation would tell what its sender hides.
    """
    landed_in = None if behind is None else await _block_of(anvil, behind)
    if behind is not None and landed_in is None:
        raise refused("backrun not found")
    number = next_block.number if landed_in is None else landed_in
    if parent_block is not None:
        number = _quantity(parent_block) + 1
    block = next_block if number == next_block.number else await _block_at(anvil, number)
    every = [tx for tx in (behind, *transactions) if tx is not None]
    try:
        outcomes = await simulate(anvil, block, [[tx] for tx in every])
    except SimulationRefusedError as error:
        return {"success": False, "error": str(error), "stateBlock": hex_quantity(number - 1)}
    return _report(number - 1, every, outcomes, may_revert, 0 if behind is None else 1)


async def _block_of(anvil: Anvil, tx: RawTransaction) -> int | None:
    found = await anvil.rpc("eth_getTransactionReceipt", [hex_bytes(tx.hash)])
    return None if found is None else int(found["blockNumber"], 16)


async def _block_at(anvil: Anvil, number: int) -> BuildingBlock:
    body = await anvil.rpc("eth_getBlockByNumber", [hex_quantity(number), False])
    if body is None:
        raise invalid_params(f"parentBlock {number - 1} is ahead of the chain")
    head = read_head(body)
    return BuildingBlock(
        parent=BlockRef(number - 1, head.parent_hash),
        number=number,
        timestamp=head.timestamp,
        base_fee=head.base_fee,
        gas_limit=head.gas_limit,
        coinbase=head.coinbase,
    )


def _report(
    state_block: int,
    transactions: Sequence[RawTransaction],
    outcomes: Sequence[GroupOutcome],
    may_revert: frozenset[TxHash],
    theirs: int,
) -> dict[str, Any]:
    gas = sum(outcome.gas_used for outcome in outcomes)
    profit = sum(outcome.builder_gain for outcome in outcomes)
    report: dict[str, Any] = {
        "success": True,
        "stateBlock": hex_quantity(state_block),
        "mevGasPrice": hex_quantity(max(profit, 0) // gas),
        "profit": hex_quantity(max(profit, 0)),
        "refundableValue": hex_quantity(
            max(sum(outcome.builder_gain for outcome in outcomes[theirs:]), 0) if theirs else 0
        ),
        "gasUsed": hex_quantity(gas),
        "logs": [{"txLogs": list(outcome.transactions[0].logs)} for outcome in outcomes],
    }
    for tx, outcome in zip(transactions, outcomes, strict=True):
        [result] = outcome.transactions
        if not result.succeeded and tx.hash not in may_revert:
            failure = {
                "execError": result.error or "execution reverted",
                "revert": hex_bytes(result.return_data),
            }
            return report | {"success": False, "error": f"reverts in {hex_bytes(tx.hash)}"} | failure
    return report


def _quantity(text: object) -> int:
    try:
        return int(str(text), 16)
    except ValueError as error:
        raise invalid_params(f"parentBlock must be a 0x-prefixed hex number, got {text!r}") from error

"""How a bundle ended, from chain facts alone.

Verdicts carry the bot's words for them, so that a report can be held against them; nothing else is shared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from oracle.chain_reader import TRANSFER
from oracle.executor_calldata import ExecuteCall, is_execute
from oracle.facts import Block, MinedTransaction, Pool, PoolState
from oracle.plan_run import run
from oracle.pool_history import pools_moved, states_before
from oracle.transaction_decoder import DecodedTransaction


@dataclass(frozen=True)
class SentBundle:
    """One signed execution handed to the relay for one block."""

    transaction: DecodedTransaction
    call: ExecuteCall
    target_block: int
    head_when_sent: int


@dataclass(frozen=True)
class Judgement:
    """Every verdict that is true of a bundle, with its evidence, and what it did if it was mined."""

    verdicts: Mapping[str, str]
    state_held: bool | None = None
    """Whether the pools stood, just before it ran, as the block it was planned on left them; None unless mined."""
    mined: MinedTransaction | None = None
    landed_in: Block | None = field(default=None, repr=False)


def judge(
    bundle: SentBundle,
    pools: Mapping[bytes, Pool],
    planned_on: Mapping[bytes, PoolState],
    target: Block,
    ours: Sequence[MinedTransaction],
) -> Judgement:
    """`planned_on`: states of all pools after the block before `target`; `ours`: all mined transactions of the wallet."""
    mined = target.transaction(bundle.transaction.hash)
    if mined is not None:
        held = states_before(target, mined.index, planned_on, bundle.call.pools)
        verdict = "landed" if mined.succeeded else "mined_reverted"
        return Judgement(
            {verdict: f"index {mined.index} of block {target.number}"},
            all(held[pool] == planned_on[pool] for pool in bundle.call.pools),
            mined,
            target,
        )
    return Judgement(_why_not_mined(bundle, pools, planned_on, target, ours))


def _why_not_mined(
    bundle: SentBundle,
    pools: Mapping[bytes, Pool],
    planned_on: Mapping[bytes, PoolState],
    target: Block,
    ours: Sequence[MinedTransaction],
) -> dict[str, str]:
    tx, true = bundle.transaction, {}
    if any(other.hash == tx.hash for other in ours):
        raise ValueError(f"{tx.hash.hex()} was mined outside its target block {target.number}")
    if bundle.head_when_sent >= target.number:
        true["late"] = f"sent at head {bundle.head_when_sent} for block {target.number}"
    if tx.max_fee_per_gas < target.base_fee:
        true["base_fee_moved"] = f"max fee {tx.max_fee_per_gas}, base fee {target.base_fee}"
    if any(other.nonce == tx.nonce for other in ours):
        true["replaced"] = f"another transaction used nonce {tx.nonce}"
    if not runs_on(bundle.call, pools, planned_on):
        true["reverted_in_simulation"] = "its amounts are not paid by the state it was planned on"
    rivals = [
        other for other in rival_executions(target, tx.sender) if pools_moved(other) & bundle.call.pools
    ]
    if rivals:
        true["outbid"] = (
            f"{rivals[0].hash.hex()} took {len(pools_moved(rivals[0]) & bundle.call.pools)} of its pools"
        )
    return true or {"expired": f"block {target.number} came without it, and nobody took its pools"}


def rival_executions(block: Block, sender: bytes) -> list[MinedTransaction]:
    """Successful arbitrage of others: a call of some Executor from another wallet."""
    return [tx for tx in block.transactions if tx.succeeded and tx.sender != sender and is_execute(tx.data)]


def runs_on(call: ExecuteCall, pools: Mapping[bytes, Pool], states: Mapping[bytes, PoolState]) -> bool:
    """Whether every swap of the plan is paid for by the one before it, and its profit reaches the minimum."""
    return run(call, pools, states) is not None and call.gain >= call.payment + call.min_profit


def received(tx: MinedTransaction, token: bytes, holder: bytes) -> int:
    """What the transaction's Transfer events say `holder` gained of `token`; the balances are asked elsewhere."""
    gained = 0
    for log in tx.logs:
        if log.address == token and log.topics[:1] == (TRANSFER,) and len(log.topics) == 3:
            amount = int.from_bytes(log.data, "big")
            gained += amount * ((log.topics[2][12:] == holder) - (log.topics[1][12:] == holder))
    return gained

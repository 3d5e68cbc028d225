"""Did the state a plan was made on still stand when the plan ran? Only then must predicted equal realised."""

from bot.core.decisions import Outcome, Plan
from bot.core.identity import TxHash, keccak
from bot.core.messages import BlockArrived
from bot.protocols.pool_events import is_move


def predicted_state_held(plan: Plan, outcome: Outcome, block: BlockArrived) -> bool | None:
    """True when the plan landed in `block`, right on the block it was made on, and none of its pools moved before it.

    What a back-run follows is part of the state it was made on.

    Read from the block's logs: a pool emits one whenever it changes for a taker. None where `block` is not the one it
    landed in, or does not show the transaction.
    """
    if outcome.block != block.head.ref or outcome.tx_hash is None:
        return None
    pools = {pool for opportunity in plan.opportunities for pool in opportunity.pools}
    moves = [log for log in block.logs if log.address in pools and is_move(log)]
    own = [log.log_index for log in moves if log.tx_hash == outcome.tx_hash]
    if not own:
        return None
    moved_before = any(log.log_index < min(own) and not _is_followed(log.tx_hash, plan) for log in moves)
    return block.head.parent_hash == plan.state.hash and not moved_before


def _is_followed(tx: TxHash, plan: Plan) -> bool:
    """MEV-Share announces the keccak of a transaction's hash."""
    return plan.behind is not None and plan.behind.hash in (tx, keccak(tx))

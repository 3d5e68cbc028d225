"""The node's word on the very fields that will be signed, in the block they are meant for."""

from bot.core.decisions import BlockEnvironment, Plan, Simulation
from bot.core.errors import BrokenInvariant
from bot.core.messages import Head
from bot.core.ports import Simulator
from bot.core.result import Ok, Reverted, Unknown
from bot.costs.base_fee import next_base_fee
from bot.execution.config import ExecutionConfig
from bot.execution.realized_profit import profit_transfers


def next_block(head: Head, config: ExecutionConfig, timestamp: int | None = None) -> BlockEnvironment:
    """The block after `head`: exact base fee, the parent's gas limit and its builder, and the time it is expected at.

    `timestamp` None: the slot after, as if none were ever missed.
        Nobody knows the next builder; the last one is the best guess, and an account that has ether already: paying one
    that has none would cost 25,000 gas that no real builder costs.
    """
    return BlockEnvironment(
        number=head.number + 1,
        timestamp=head.timestamp + config.slot_seconds if timestamp is None else timestamp,
        base_fee=next_base_fee(head),
        gas_limit=head.gas_limit,
        coinbase=head.coinbase,
    )


async def simulate_plan(
    simulator: Simulator, plan: Plan, head: Head, config: ExecutionConfig, timestamp: int | None = None
) -> Ok[Simulation] | Reverted | Unknown:
    """Run the plan on top of `head`, right behind what it follows; `timestamp` as in `next_block`.

    Preflight has passed: a node does not check nonce, fee and balance here.

    Unknown also when the logs do not show exactly one transfer of profit: then we do not know what the plan does.
    Raises BrokenInvariant when the plan was made on another block.
    """
    if plan.state != head.ref:
        raise BrokenInvariant(f"plan {plan.id} was made on block {plan.state}, to be simulated on {head.ref}")
    environment = next_block(head, config, timestamp)
    called = await simulator.simulate(plan.transaction, plan.sender, plan.state, environment, plan.behind)
    if not isinstance(called, Ok):
        return called
    profits = profit_transfers(called.value.logs, plan.profit_token, config.executor, config.profit_recipient)
    if len(profits) != 1:
        return Unknown(
            f"plan {plan.id}: {len(profits)} transfers of profit to the recipient in the simulation, expected 1"
        )
    return Ok(
        Simulation(
            digest=plan.transaction.digest(),
            on=plan.state,
            environment=environment,
            gas_used=called.value.gas_used,
            profit=profits[0],
        )
    )

import pytest
from execution_stage import CONFIG, OPERATOR, TOKEN, address, head_at, plan_on, profit_log

from bot.core.decisions import BlockEnvironment
from bot.core.errors import BrokenInvariant
from bot.core.ports import SimulatedCall
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Gas
from bot.costs.base_fee import next_base_fee
from bot.execution.simulate import simulate_plan

HEAD = head_at(100, gas_used=30_000_000)
PLAN = plan_on(HEAD)


class RecordingSimulator:
    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    async def simulate(self, transaction, sender, on, environment, behind=None):
        self.asked.append((transaction, sender, on, environment, behind))
        return self.answer


def call(*logs):
    return Ok(SimulatedCall(Gas(123_456), logs))


async def test_the_very_fields_are_simulated_in_the_next_block():
    simulator = RecordingSimulator(call(profit_log(PLAN.predicted_profit)))
    simulated = await simulate_plan(simulator, PLAN, HEAD, CONFIG)
    environment = BlockEnvironment(
        number=101,
        timestamp=HEAD.timestamp + 12,
        base_fee=next_base_fee(HEAD),
        gas_limit=HEAD.gas_limit,
        coinbase=HEAD.coinbase,
    )
    assert simulator.asked == [(PLAN.transaction, OPERATOR, HEAD.ref, environment, None)]
    assert simulated.value.digest == PLAN.transaction.digest()
    assert simulated.value.on == HEAD.ref
    assert simulated.value.environment == environment
    assert (simulated.value.gas_used, simulated.value.profit) == (123_456, PLAN.predicted_profit)


async def test_only_the_base_tokens_own_transfer_to_the_recipient_is_profit():
    logs = (
        profit_log(1, token=TOKEN),
        profit_log(2, recipient=address("pool")),
        profit_log(3),
    )
    simulated = await simulate_plan(RecordingSimulator(call(*logs)), PLAN, HEAD, CONFIG)
    assert simulated.value.profit == 3


@pytest.mark.parametrize("logs", [(), (profit_log(1), profit_log(2)), (profit_log(1, token=TOKEN),)])
async def test_anything_but_one_transfer_of_profit_is_unknown(logs):
    assert isinstance(await simulate_plan(RecordingSimulator(call(*logs)), PLAN, HEAD, CONFIG), Unknown)


@pytest.mark.parametrize("answer", [Reverted("UniswapV2: K"), Unknown("silence")])
async def test_no_and_silence_stay_what_they_are(answer):
    assert await simulate_plan(RecordingSimulator(answer), PLAN, HEAD, CONFIG) == answer


async def test_a_plan_of_another_block_is_not_simulated():
    simulator = RecordingSimulator(call())
    with pytest.raises(BrokenInvariant):
        await simulate_plan(simulator, PLAN, head_at(101), CONFIG)
    assert simulator.asked == []

"""Simulation by eth_call alone: the same answer as eth_simulateV1 for real plans, and no answer where none is proven."""

import msgspec
import pytest

from bot.chain.call_simulation import PROFIT_REASON, CallSimulator, simulator_for
from bot.chain.pool_reads import bootstrap_pools
from bot.chain.reader import RpcChainReader
from bot.chain.rpc import open_rpc
from bot.chain.simulation import NodeSimulator
from bot.chains.load import load_profile
from bot.clock import SystemClock
from bot.core.decisions import BlockEnvironment
from bot.core.identity import BlockRef, WalletName
from bot.core.pending import Behind
from bot.core.result import Reverted, Unknown
from bot.core.transaction import TransactionFields
from bot.core.units import Bps, Wei
from bot.costs.base_fee import next_base_fee
from bot.execution.config import ExecutionConfig
from bot.execution.plan import build_plan
from bot.execution.simulate import next_block, simulate_plan
from bot.opportunities.ranking import choose_disjoint
from bot.opportunities.search import ArbitrageSearch, SearchConfig
from bot.protocols.executor import EXECUTE_SELECTOR
from bot.world.keystores import wallet_account
from tests.chain.fake_node import NodeFault
from tests.world.market_stage import opened

PROFILE = load_profile("market")
MAIN = WalletName("main")
MIN_PROFIT = slice(4 + 2 * 32, 4 + 3 * 32)


def with_profit(transaction, change):
    data = transaction.data
    wanted = int.from_bytes(data[MIN_PROFIT], "big") + change
    data = data[: MIN_PROFIT.start] + wanted.to_bytes(32, "big") + data[MIN_PROFIT.stop :]
    return msgspec.structs.replace(transaction, data=data)


async def plan_of(market, reader, blocks=12):
    """The first plan that a block of the market offers, its head and the config it was made by."""
    account = wallet_account(market.config.seed, MAIN)
    config = ExecutionConfig(
        executor=market.stage.executor,
        profit_recipient=market.stage.profit_recipient,
        weth=PROFILE.weth.address,
        min_net_profit=Wei(10**14),
        gas_margin=Bps(10_000),
    )
    for _ in range(blocks):
        head = (await reader.head()).value
        state = (await bootstrap_pools(reader, PROFILE, head.ref)).state
        search = ArbitrageSearch(state.table, [config.weth], SearchConfig(config.weth))
        price = next_base_fee(head)
        found = search.search(range(len(state.table)), head.ref, price).opportunities
        if found:
            nonce = (await reader.transaction_count(account.address, head.ref)).value
            chosen = choose_disjoint(found, price)
            return (
                build_plan(chosen, MAIN, account.address, nonce, head, market.chain_id, config),
                head,
                config,
            )
        await market.engine.seal_next()
    raise AssertionError(f"{blocks} blocks of the market offered nothing")


@pytest.mark.market
async def test_what_it_says_of_a_real_plan_is_what_eth_simulate_says(tmp_path, token_cache):
    async with opened(tmp_path, token_cache, competitor_probability=Bps(0)) as market:
        await market.engine.open()
        rpc = await open_rpc(market.endpoints.node_http, SystemClock())
        plan, head, config = await plan_of(market, RpcChainReader(rpc))
        told = next_block(head, config)
        better = (await simulate_plan(NodeSimulator(rpc), plan, head, config)).value
        for overrides_estimates in (True, False):
            simulator = CallSimulator(rpc, overrides_estimates=overrides_estimates)
            found = (await simulate_plan(simulator, plan, head, config)).value
            assert found.profit == better.profit == plan.min_profit
            assert better.gas_used <= found.gas_used <= plan.transaction.gas_limit, overrides_estimates
            greedy = with_profit(plan.transaction, 1)
            refused = await simulator.simulate(greedy, plan.sender, plan.state, told)
            assert isinstance(refused, Reverted)
            assert refused.reason == PROFIT_REASON
            modest = with_profit(plan.transaction, -1)
            unproven = await simulator.simulate(modest, plan.sender, plan.state, told)
            assert isinstance(unproven, Unknown)
            assert "more than" in unproven.cause
        await rpc.close()


@pytest.fixture
async def anvil_http(anvil):
    made = await open_rpc(anvil.url, SystemClock())
    yield made
    await made.close()


async def test_anvil_is_found_to_have_the_better_way(anvil_http):
    simulator, words = await simulator_for(anvil_http)
    assert isinstance(simulator, NodeSimulator)
    assert words.startswith("eth_simulateV1: ")


class Without:
    """A true node behind a provider that lacks methods, or drops what it does not know."""

    def __init__(self, rpc, *, refuses=("eth_simulateV1",), drops=()):
        self._rpc, self._refuses, self._drops = rpc, refuses, drops

    async def request(self, method, params):
        if method in self._refuses:
            return Reverted("the method does not exist/is not available")
        return await self._rpc.request(method, params[:3] if method in self._drops else params)


@pytest.mark.parametrize(
    ("drops", "kind", "said"),
    [
        ((), CallSimulator, "gas by eth_estimateGas; no back-runs"),
        (("eth_estimateGas",), CallSimulator, "gas by trying limits by 16ths"),
        (("eth_call", "eth_estimateGas"), NodeSimulator, "no block overrides in eth_call"),
    ],
)
async def test_what_a_lesser_node_can_do_is_found_out_and_said(anvil_http, drops, kind, said):
    simulator, words = await simulator_for(Without(anvil_http, drops=drops))
    assert isinstance(simulator, kind)
    assert words.startswith("the node has no eth_simulateV1 (the method does not exist")
    assert said in words


async def test_a_silent_node_is_not_taken_for_a_lesser_one(anvil_http):
    await anvil_http.close()
    simulator, words = await simulator_for(anvil_http)
    assert isinstance(simulator, NodeSimulator)
    assert "assumed" in words


ON = BlockRef(6, b"\x01" * 32)
TOLD = BlockEnvironment(number=7, timestamp=24, base_fee=7, gas_limit=30_000_000, coinbase=b"\xcc" * 20)
DATA = EXECUTE_SELECTOR + b"".join(value.to_bytes(32, "big") for value in (192, 0xEE, 500, 9, 7, 7, 1, 2, 3))
TX = TransactionFields(31337, 5, 1, 10**9, 300_000, b"\xee" * 20, 0, DATA)
SENDER = b"\x33" * 20
PAYEE = "0x" + bytes(12).hex() + "ab" * 20
ERROR = "0x08c379a0" + (32).to_bytes(32, "big").hex()


def error(text):
    return ERROR + len(text).to_bytes(32, "big").hex() + text.encode().hex().ljust(64, "0")


class Script:
    """A node whose answers to the four questions are written down."""

    def __init__(self, node, **changes):
        self.asked = []
        self.needs = 0
        self.answers = {
            "through": "0x",
            "more": NodeFault(3, "execution reverted", error(PROFIT_REASON)),
            "gas": hex(123_456),
            "payee": PAYEE,
        } | changes
        node.handlers["eth_call"] = self.call
        node.handlers["eth_estimateGas"] = self.estimate

    def call(self, fields, *rest):
        if "from" not in fields:
            return self.give("payee")
        if int(fields["gas"], 16) < self.needs:
            raise NodeFault(3, "execution reverted", error("TF"))
        return self.give("through" if fields["input"] == "0x" + DATA.hex() else "more", fields, *rest)

    def estimate(self, fields, *rest):
        return self.give("gas", fields, *rest)

    def give(self, name, *params):
        self.asked.append((name, params))
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def simulate(node, overrides_estimates=True, transaction=TX, behind=None):
    rpc = await open_rpc(await node.start_ipc(), SystemClock())
    try:
        simulator = CallSimulator(rpc, overrides_estimates=overrides_estimates)
        return await simulator.simulate(transaction, SENDER, ON, TOLD, behind)
    finally:
        await rpc.close()


async def test_the_questions_name_the_block_and_override_it(node):
    script = Script(node)
    found = await simulate(node)
    assert found.value.gas_used == 123_456
    [log] = found.value.logs
    assert (log.address, log.data) == (DATA[48:68], (500).to_bytes(32, "big"))
    assert log.topics[1:] == (bytes(12) + TX.to, bytes.fromhex(PAYEE[2:]))
    told = {"number": "0x7", "time": "0x18", "gasLimit": "0x1c9c380", "feeRecipient": "0x" + "cc" * 20}
    where = {"blockHash": "0x" + "01" * 32, "requireCanonical": True}
    for name, params in script.asked:
        if name != "payee":
            assert params[1:] == (where, {}, told | {"baseFeePerGas": "0x7"})
            assert params[0]["gas"] == hex(TX.gas_limit)
    assert {name for name, _ in script.asked} == {"through", "more", "gas", "payee"}


@pytest.mark.parametrize(
    ("needs", "said"), [(150_000, 150_000), (150_001, 168_750), (290_000, 300_000), (1, 131_250)]
)
async def test_without_an_estimate_the_least_of_the_limits_that_go_through(node, needs, said):
    """Sixteenths of 300,000: 131,250 is the lowest that is tried."""
    script = Script(node)
    script.needs = needs
    found = await simulate(node, overrides_estimates=False)
    assert found.value.gas_used == said
    assert node.requests["eth_estimateGas"] == 0
    assert node.requests["eth_call"] == 3 + 9


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        (
            {"through": NodeFault(3, "execution reverted", error("executor: block window"))},
            Reverted,
            "block window",
        ),
        ({"through": NodeFault(3, "execution reverted: UniswapV2: K")}, Reverted, "UniswapV2: K"),
        ({"through": NodeFault(-32000, "insufficient funds for gas")}, Unknown, "insufficient funds"),
        ({"through": NodeFault(-32603, "internal")}, Unknown, "internal"),
        ({"through": None}, Unknown, "not data"),
        ({"more": "0x"}, Unknown, "more than the 500"),
        ({"more": NodeFault(3, "execution reverted", error("TF"))}, Unknown, "was not refused as"),
        ({"more": NodeFault(-32005, "slow down")}, Unknown, "slow down"),
        ({"gas": NodeFault(-32000, "gas required exceeds allowance")}, Unknown, "eth_estimateGas"),
        ({"gas": None}, Unknown, "quantity"),
        ({"payee": "0x"}, Unknown, "expected 32"),
        ({"payee": NodeFault(-32000, "no")}, Unknown, "recipient"),
    ],
)
async def test_only_what_is_proven_is_ok(node, change, kind, said):
    Script(node, **change)
    found = await simulate(node)
    assert isinstance(found, kind)
    assert said in (found.reason if kind is Reverted else found.cause)


async def test_what_it_cannot_do_it_says_without_asking(node):
    script = Script(node)
    behind = await simulate(node, behind=Behind("mempool", b"\x05" * 32, None))
    other = await simulate(node, transaction=msgspec.structs.replace(TX, data=b"\x01" * 200))
    assert isinstance(behind, Unknown)
    assert "behind another" in behind.cause
    pending = await CallSimulator(None, overrides_estimates=True).run_pending(None, ON, TOLD)
    assert isinstance(pending, Unknown)
    assert isinstance(other, Unknown)
    assert not script.asked
    with pytest.raises(ValueError, match="only the next"):
        await CallSimulator(None, overrides_estimates=True).simulate(
            TX, SENDER, ON, msgspec.structs.replace(TOLD, number=8)
        )

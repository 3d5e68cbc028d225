"""A public swap, and ours right behind it, on real pools: what was predicted is earned, and the swap is what it was."""

import pytest
import pytest_asyncio
from msgspec.structs import replace

from bot.chain.hinted_pools import HintStandIns
from bot.chain.pool_reads import bootstrap_pools
from bot.chain.reader import RpcChainReader
from bot.chain.rpc import open_rpc
from bot.chain.simulation import NodeSimulator
from bot.chains.load import load_profile
from bot.clock import SystemClock
from bot.core.identity import hex_bytes
from bot.core.pending import Behind, HintLog
from bot.core.raw_transaction_codec import from_raw
from bot.core.result import Ok
from bot.core.transaction import TransactionFields
from bot.costs.base_fee import next_base_fee
from bot.execution.config import ExecutionConfig
from bot.execution.plan import build_plan
from bot.execution.simulate import next_block, simulate_plan
from bot.opportunities.backrun import BackrunSearch
from bot.opportunities.ranking import choose_disjoint
from bot.opportunities.search import ArbitrageSearch, SearchConfig
from bot.state.overlay import overlay_of, overlay_of_hint
from bot.state.pool_table import V3Pool
from bot.world.accounts import TRADER_DESK, trader_accounts
from bot.world.keystores import wallet_account
from bot.world.market_plan import MarketPlan, PairPlan, PoolPlan
from bot.world.traders import _calldata
from tests.world.market_stage import GWEI, opened

pytestmark = [pytest.mark.market, pytest.mark.asyncio(loop_scope="module")]

LIMIT = 30 * 10**9
PROFILE = load_profile("market")
WETH = PROFILE.weth.address
BALANCE_OF = bytes.fromhex("70a08231")


class Stage:
    """One market at rest, a trader about to swap, and the bot's pieces in a straight line."""

    def __init__(self, market, rpc, state, head):
        self.market, self.rpc, self.state, self.head = market, rpc, state, head
        self.anvil, self.reader = market.anvil, RpcChainReader(rpc)
        self.simulator = NodeSimulator(rpc)
        self.account = wallet_account(market.config.seed, "main")
        self.config = ExecutionConfig(
            executor=market.stage.executor,
            profit_recipient=market.stage.profit_recipient,
            weth=WETH,
            min_net_profit=10**12,
            gas_margin=10_000,
        )
        self.search = ArbitrageSearch(state.table, [WETH], SearchConfig(WETH))
        self.price = next_base_fee(head)
        self.search.search(range(len(state.table)), head.ref, self.price)

    @classmethod
    async def on(cls, market):
        rpc = await open_rpc(market.anvil.url, SystemClock(), LIMIT)
        head = (await RpcChainReader(rpc).head()).value
        state = (await bootstrap_pools(RpcChainReader(rpc), PROFILE, head.ref)).state
        return cls(market, rpc, state, head)

    async def swap(self, kind, percent=6):
        """A trader's signed sale of so much of a pool's first reserve, before anybody has mined it."""
        plan = MarketPlan(self.market.config.seed)
        pool = next(
            one for one in plan.pools if isinstance(one, kind) and one.token0.token.address != one.token1.token.address
            and WETH in (one.token0.token.address, one.token1.token.address)
        )  # fmt: skip
        token, amount = pool.token0.token.address, pool.reserve0 * percent // 100
        trader = trader_accounts(self.market.config.seed)[0]
        fields = TransactionFields(
            chain_id=self.market.chain_id,
            nonce=(await self.reader.transaction_count(trader.address, self.head.ref)).value,
            max_priority_fee_per_gas=GWEI,
            max_fee_per_gas=100 * GWEI,
            gas_limit=900_000,
            to=TRADER_DESK,
            value=0,
            data=_calldata(pool, token, True, amount, 1),
        )
        raw, _ = trader.sign(fields)
        return from_raw(raw, trader.address)

    async def plan(self, overlay, behind):
        found = BackrunSearch(self.search).search(overlay, self.price)
        chosen = choose_disjoint(found.opportunities, self.price)
        assert chosen, found
        count = await self.reader.transaction_count(self.account.address, self.head.ref)
        return build_plan(
            chosen, "main", self.account.address, count.value, self.head, self.market.chain_id, self.config,
            behind=behind,
        )  # fmt: skip

    async def simulated(self, plan):
        return await simulate_plan(self.simulator, plan, self.head, self.config)

    async def profit(self):
        data = BALANCE_OF + bytes(12) + self.config.profit_recipient
        head = (await self.reader.head()).value
        return int.from_bytes((await self.reader.call(WETH, data, head.ref)).value, "big")

    async def mined(self, *raws):
        """Receipts of these as the next block, in this order, which is then taken back."""
        mark = await self.anvil.rpc("evm_snapshot")
        hashes = [await self.anvil.rpc("eth_sendRawTransaction", [hex_bytes(raw)]) for raw in raws]
        await self.anvil.rpc("evm_setNextBlockTimestamp", [self.head.timestamp + 12])
        before = await self.profit()
        await self.anvil.rpc("evm_mine")
        receipts = [await self.anvil.rpc("eth_getTransactionReceipt", [tx]) for tx in hashes]
        gained = await self.profit() - before
        await self.anvil.rpc("evm_revert", [mark])
        return receipts, gained

    async def close(self):
        await self.rpc.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory):
    async with opened(tmp_path_factory.mktemp("run"), tmp_path_factory.mktemp("cache")) as market:
        made = await Stage.on(market)
        yield made
        await made.close()


def told(receipt):
    """What a swap did: all of its receipt but the block it is in."""
    logs = [(log["address"], log["topics"], log["data"]) for log in receipt["logs"]]
    return receipt["status"], receipt["gasUsed"], receipt["transactionIndex"], logs


@pytest.mark.parametrize("kind", ["pair", "pool"])
async def test_behind_a_public_swap_what_was_predicted_is_earned_and_the_swap_is_what_it_was(stage, kind):
    pending = await stage.swap(PairPlan if kind == "pair" else PoolPlan)
    environment = next_block(stage.head, stage.config)
    ran = await stage.simulator.run_pending(pending, stage.head.ref, environment)
    assert isinstance(ran, Ok), ran
    overlay = overlay_of(stage.state, ran.value.logs)
    [moved] = overlay.changed
    assert isinstance(stage.state.table.pools[moved], V3Pool) == (kind == "pool")
    plan = await stage.plan(overlay, Behind("node", pending.hash, pending))
    simulated = await stage.simulated(plan)
    assert isinstance(simulated, Ok), simulated
    assert simulated.value.profit == plan.predicted_profit > 0
    ours, our_hash = stage.account.sign(plan.transaction)
    (swap_alone,), nothing = await stage.mined(pending.raw)
    assert (swap_alone["status"], nothing) == ("0x1", 0)
    (swap, behind), gained = await stage.mined(pending.raw, ours)
    assert told(swap) == told(swap_alone)
    assert behind["transactionHash"] == hex_bytes(our_hash)
    assert (behind["status"], int(behind["transactionIndex"], 16)) == ("0x1", 1)
    assert gained == plan.predicted_profit
    assert int(behind["gasUsed"], 16) == simulated.value.gas_used
    (without,), nothing = await stage.mined(ours)
    assert (without["status"], nothing) == ("0x0", 0)  # it pays behind the swap alone


@pytest.mark.parametrize("kind", ["pair", "pool"])
async def test_behind_a_hint_the_stand_in_gives_the_same_profit(stage, kind):
    pending = await stage.swap(PairPlan if kind == "pair" else PoolPlan)
    environment = next_block(stage.head, stage.config)
    logs = (await stage.simulator.run_pending(pending, stage.head.ref, environment)).value.logs
    hinted = tuple(HintLog(log.address, log.topics, log.data) for log in logs)
    overlay = overlay_of_hint(stage.state, hinted)
    words = await HintStandIns(stage.rpc).stand_in(overlay, stage.state, hinted)
    assert isinstance(words, Ok), words
    assert len(words.value) == (3 if kind == "pair" else 4)
    plan = await stage.plan(overlay, Behind("hints", pending.hash, None, words.value))
    simulated = await stage.simulated(plan)
    assert isinstance(simulated, Ok), simulated
    assert simulated.value.profit == plan.predicted_profit
    bare = await stage.simulated(replace(plan, behind=None))
    assert not isinstance(bare, Ok)
    ours, _ = stage.account.sign(plan.transaction)
    (_, behind), gained = await stage.mined(pending.raw, ours)
    assert (behind["status"], gained) == ("0x1", plan.predicted_profit)

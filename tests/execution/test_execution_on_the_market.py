"""Plan, preflight, simulation, signature, relay and verdict against real contracts and a relay that builds blocks.

What the bot believes is held against what it did not write: the builder's log, receipts and balances.
"""

import pytest

from bot.chain.pool_reads import bootstrap_pools
from bot.chain.reader import RpcChainReader
from bot.chain.relay_identity import RelayIdentity
from bot.chain.relay_rows import MARKET, MARKET_UNPROTECTED
from bot.chain.relays import open_route
from bot.chain.rpc import open_rpc
from bot.chain.simulation import NodeSimulator
from bot.chains.load import load_profile
from bot.clock import SystemClock
from bot.core.decisions import Verdict
from bot.core.identity import WalletName, hex_bytes, keccak
from bot.core.result import Ok
from bot.core.transaction import SignedTransaction
from bot.core.units import Bps, Nanoseconds, Wei
from bot.costs.base_fee import next_base_fee
from bot.costs.gas_schedule import gas_schedule
from bot.execution.config import ExecutionConfig
from bot.execution.maintenance import InFlight
from bot.execution.nonce_line import LivePayload, NonceLine
from bot.execution.plan import NotWorthIt, build_plan
from bot.execution.preflight import PreflightFailed, preflight
from bot.execution.rival import shortfall
from bot.execution.second_look import second_look
from bot.execution.simulate import simulate_plan
from bot.execution.submit import bundle_of, submit
from bot.opportunities.ranking import choose_disjoint
from bot.opportunities.search import ArbitrageSearch, SearchConfig
from bot.world.keystores import wallet_account
from tests.world.market_stage import opened, requests, stories

pytestmark = pytest.mark.market

MAIN = WalletName("main")
LIMIT = Nanoseconds(30 * 10**9)
PROFILE = load_profile("market")
SCHEDULE = gas_schedule("osaka")
IDENTITY = RelayIdentity(keccak(b"relay identity of the market test"))
BALANCE_OF = bytes.fromhex("70a08231")


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


class Bot:
    """The straight line of one tick, without risk limits, journal and signer process."""

    def __init__(self, market, reader, simulator, routes):
        self.market, self.reader, self.simulator, self.routes = market, reader, simulator, routes
        self.account = wallet_account(market.config.seed, MAIN)
        self.config = ExecutionConfig(
            executor=market.stage.executor,
            profit_recipient=market.stage.profit_recipient,
            weth=PROFILE.weth.address,
            min_net_profit=Wei(10**14),
            gas_margin=Bps(
                10_000
            ),  # the first swap of a young pair writes its price accumulators: 85,000 more
        )
        self.in_flight = InFlight(reader, self.config)
        self.line = NonceLine(MAIN)

    async def head(self):
        return (await self.reader.head()).value

    async def profit_balance(self, head):
        data = BALANCE_OF + bytes(12) + self.config.profit_recipient
        return int.from_bytes((await self.reader.call(self.config.weth, data, head.ref)).value, "big")

    async def send(self):
        """The plan that was sent on the newest block, or None where nothing was worth it."""
        head = await self.head()
        state = (await bootstrap_pools(self.reader, PROFILE, head.ref)).state
        search = ArbitrageSearch(state.table, [self.config.weth], SearchConfig(self.config.weth))
        price = next_base_fee(head)
        found = search.search(range(len(state.table)), head.ref, price).opportunities
        count = await self.reader.transaction_count(self.account.address, head.ref)
        self.line.note_count(count.value, head.ref)
        if not found:
            return None
        plan = build_plan(
            choose_disjoint(found, price),
            MAIN,
            self.account.address,
            self.line.open_nonce,
            head,
            self.market.chain_id,
            self.config,
        )
        if isinstance(plan, NotWorthIt):
            return None
        balance = await self.reader.balance(self.account.address, head.ref)
        checks = preflight(plan, head, count, balance, SCHEDULE)
        assert not isinstance(checks, PreflightFailed), checks
        simulated = await simulate_plan(self.simulator, plan, head, self.config)
        assert isinstance(simulated, Ok), simulated
        assert simulated.value.profit == plan.predicted_profit
        assert simulated.value.gas_used <= plan.transaction.gas_limit
        await self._hand_over(plan)
        return plan

    async def _hand_over(self, plan):
        raw, tx_hash = self.account.sign(plan.transaction)
        self.in_flight.recorded(plan)
        self.line.note_payload(LivePayload(plan.id, plan.transaction.nonce, tx_hash))
        self.in_flight.signed(plan.id, tx_hash)
        bundle = bundle_of(plan, SignedTransaction(raw, tx_hash, plan.transaction), bytes(32))
        answers = await submit(bundle, self.routes, SystemClock(), LIMIT)
        assert [(a.route, type(a.answer)) for a in answers] == [("market", Ok)]
        self.in_flight.answered(plan.id, answers, plan.target_block)

    async def settle(self):
        head = await self.head()
        count = await self.reader.transaction_count(self.account.address, head.ref)
        settled = await self.in_flight.settle(head, 2**62, {MAIN: count})
        return {s.plan.id: await second_look(self.reader, s.plan, s.outcome) for s in settled}


@pytest.fixture
async def bot_on(tmp_path, founded, request):
    """A market with (or without) an eager competitor, and a bot with a protected and an unprotected route."""
    async with opened(tmp_path, founded, competitor_probability=Bps(request.param)) as market:
        await market.engine.open()
        rpc = await open_rpc(market.endpoints.node_http, SystemClock(), LIMIT)
        routes = [
            open_route(row, url, IDENTITY, SystemClock(), LIMIT)
            for row, url in (
                (MARKET_UNPROTECTED, market.endpoints.relay_unprotected),
                (MARKET, market.endpoints.relay),
            )
        ]
        yield Bot(market, RpcChainReader(rpc), NodeSimulator(rpc), routes)
        for closing in (*routes, rpc):
            await closing.close()


async def play(bot, blocks):
    """(plan, outcome, profit balance gained) of every block in which something was sent."""
    played = []
    for _ in range(blocks):
        before = await bot.profit_balance(await bot.head())
        plan = await bot.send()
        await bot.market.engine.seal_next()
        outcomes = await bot.settle()
        if plan is not None:
            gained = await bot.profit_balance(await bot.head()) - before
            assert set(outcomes) == {plan.id}
            played.append((plan, outcomes[plan.id], gained))
    return played


def fates(market):
    """Target block -> what the builder's own log says of our bundle."""
    return {
        story["number"]: bundle["fate"]
        for story in stories(market)
        for bundle in story["bundles"]
        if not bundle["is_competitor"]
    }


def assert_paid_as_the_builder_wrote_down(market, plan, outcome):
    """The competitor tips nothing and pays its bid from inside its contract; nobody else pays so."""
    story = next(story for story in stories(market) if story["number"] == plan.target_block)
    [his] = [tx for tx in story["transactions"] if tx["hash"] == hex_bytes(outcome.rival.tx_hash)]
    bid = int(story["competitor"]["bid_wei"])
    assert (outcome.rival.paid_at_most, outcome.rival.tip_paid) == (bid, 0)
    assert outcome.rival.gas_used == his["gas_used"]
    called = {tx["hash"] for tx in story["transactions"] if tx["gas_used"] > 21_000 and tx["succeeded"]}
    assert 1 <= outcome.rival.payers <= len(called)
    assert f"{bid} wei, tip of 0 wei included" in outcome.reason
    short = shortfall(plan, outcome.rival, plan.transaction.gas_limit)
    assert short.his == -(-bid // his["gas_used"])
    assert short.short > 0, "the builder takes the better payer for each gas"
    assert outcome.builder == market.stage.coinbase


@pytest.mark.parametrize("bot_on", [0], indirect=True)
async def test_alone_every_bundle_lands_and_earns_what_was_predicted(bot_on):
    played = await play(bot_on, 6)
    assert len(played) >= 3
    for plan, outcome, gained in played:
        assert outcome.verdict is Verdict.LANDED, outcome.reason
        assert outcome.realized_profit == gained == plan.predicted_profit
        assert outcome.gas_used <= plan.transaction.gas_limit
        assert outcome.realized_profit - outcome.gas_cost >= bot_on.config.min_net_profit
        assert outcome.costs.gas_cost == outcome.gas_cost
        assert (outcome.costs.payment, outcome.costs.l1_fee) == (plan.payment, 0)
    assert len({plan.transaction.nonce for plan, _, _ in played}) == len(played)


@pytest.mark.parametrize("bot_on", [10_000], indirect=True)
async def test_beside_a_rival_each_verdict_is_what_the_builder_wrote_down(bot_on):
    played = await play(bot_on, 9)
    verdicts = [outcome.verdict for _, outcome, _ in played]
    assert Verdict.OUTBID in verdicts
    by_block = fates(bot_on.market)
    for plan, outcome, gained in played:
        if by_block[plan.target_block] == "included":
            assert outcome.verdict is Verdict.LANDED
            assert outcome.realized_profit == gained
        else:
            assert (outcome.verdict, gained) == (Verdict.OUTBID, 0), outcome.reason
            assert hex_bytes(bot_on.market.stage.competitor) in outcome.reason.lower()
            assert_paid_as_the_builder_wrote_down(bot_on.market, plan, outcome)
    asked = {record["endpoint"] for record in requests(bot_on.market)}
    assert "market-unprotected" not in asked
    assert "market" in asked

"""The guard over time: what is asked again and when, what bars and lifts, what a node's silence does."""

import json
import subprocess
import sys

import msgspec
import pytest

from bot.chain import token_guard, token_probe
from bot.chain.token_guard import A_BLOCK, TokenGuard, why_of_another_chain
from bot.chain.token_probe import TokenProber, own_parties, probe_code
from bot.core.identity import BlockRef, from_hex, keccak
from bot.core.messages import Head
from bot.core.result import Reverted, Unknown
from bot.state.pool_table import PoolTable, V2Pool
from bot.state.token_probes import plan_probe
from bot.state.token_safety import TokenBook
from bot.state.token_verdicts import Checked, Safe, Undecided, Unsafe
from bot.world.tokens import WETH
from tests.chain.token_stage import POLICY, ROOT, no_progress

DAY_S = 86_400
USDC_UNIT = 2_000 * 10**6


class SilentNode:
    """Gives the same answer to everything."""

    def __init__(self, answer):
        self._answer = answer

    async def request(self, method, params):
        return self._answer


class Market:
    """A stage with tokens in pools, admitted; `pools` are the indices of each token's."""

    def __init__(self, stage, tokens):
        self.stage, self.tokens = stage, tokens

    @classmethod
    async def of(cls, stage, *tricks):
        tokens = await stage.tricksters([(18, trick) for trick in tricks])
        for token in tokens:
            await stage.open_pools(token)
        await stage.mine()
        return cls(stage, tokens)

    async def admit(self, guard):
        self.table = await self.stage.table()
        await guard.admit(self.table, await self.stage.head(), no_progress)
        return guard

    def pools(self, token):
        return [i for i, pool in enumerate(self.table.pools) if token in (pool.token0, pool.token1)]

    def are_live(self, token):
        [standing] = {bool(self.table.live[index]) for index in self.pools(token)}
        return standing


def verdict_of(guard, token):
    return {one.token: one.verdict for one in guard.book.checked}[token]


async def known_at(stage, token, age_s, verdict=Safe()):  # noqa: B008 - frozen
    head = await stage.head()
    pools = frozenset(one[0] for one in (*stage.pairs, *stage.v3_pools))
    return Checked(token, verdict, head.ref, (head.timestamp - age_s) * 10**9, pools)


async def test_a_token_that_turns_hostile_is_barred_at_its_next_check_and_lifted_when_it_turns_back(
    token_stage,
):
    market = await Market.of(token_stage, "FEE_IF_SWITCHED")
    [token] = market.tokens
    guard = await market.admit(token_stage.guard())
    assert market.are_live(token)
    await token_stage.send(token, "switch(bool)", True)
    await token_stage.mine()
    asked = token_stage.asked
    assert await guard.check(await token_stage.head()) == ()
    assert (token_stage.asked, market.are_live(token)) == (asked, True), "its verdict is of this minute"
    await token_stage.mine(DAY_S * 3 // 4)
    barred = await check_until(guard, token_stage, token, Unsafe)
    assert sorted(barred) == market.pools(token)
    assert not market.are_live(token)
    assert verdict_of(guard, token).kind == "fee on purchase"
    await token_stage.send(token, "switch(bool)", False)
    await token_stage.mine(DAY_S)
    lifted = await check_until(guard, token_stage, token, Safe)
    assert sorted(set(lifted) & set(market.pools(token))) == market.pools(token)
    assert market.are_live(token)


async def check_until(guard, stage, token, kind):
    """Block after block, as a few tokens are tested in each; the pools that changed."""
    changed = []
    for _ in range(4):
        changed += await guard.check(await stage.head())
        if isinstance(verdict_of(guard, token), kind):
            return [index for index in changed if token in pool_tokens(guard, index)]
        await stage.mine()
    raise AssertionError(f"{verdict_of(guard, token)} after four blocks")


def pool_tokens(guard, index):
    pool = guard.book.table.pools[index]
    return pool.token0, pool.token1


@pytest.mark.parametrize(
    ("age_s", "is_asked"), [(0, False), (DAY_S // 2, False), (DAY_S * 3 // 4, True), (9 * DAY_S, True)]
)
async def test_a_kept_verdict_is_asked_for_again_when_it_is_old(token_stage, age_s, is_asked):
    market = await Market.of(token_stage, "FEE_ON_SALE")
    [token] = market.tokens
    others = [
        await known_at(token_stage, priced.token.address, 0) for priced in token_stage.chain.plan.tokens
    ]
    known = [await known_at(token_stage, token, age_s), *others]
    await market.admit(token_stage.guard(known=known))
    assert token_stage.asked == int(is_asked)
    assert market.are_live(token) == (not is_asked), "a wrong verdict holds as long as it lasts"


async def test_the_allow_list_wins_over_a_check_and_the_deny_list_over_both(token_stage):
    market = await Market.of(token_stage, "FEE_ON_SALE", "NO_SALES", None)
    allowed, both, denied = market.tokens
    policy = msgspec.structs.replace(
        POLICY, allowed=frozenset({allowed, both}), denied=frozenset({both, denied})
    )
    known = [await known_at(token_stage, allowed, 0, Unsafe("fee on sale", "found before it was allowed"))]
    guard = await market.admit(token_stage.guard(policy, known))
    assert market.are_live(allowed)
    assert not market.are_live(both)
    assert not market.are_live(denied)
    assert not {both, denied} & {one.token for one in guard.book.checked}, "nobody is asked about them"
    now = (await token_stage.head()).timestamp * 10**9
    assert guard.book.why_not(both, now).endswith(
        "is in BOT_TOKENS_DENIED, which wins over BOT_TOKENS_ALLOWED"
    )
    assert guard.book.why_not(denied, now).endswith("is in BOT_TOKENS_DENIED")


async def test_even_a_base_token_can_be_denied(token_stage):
    weth = token_stage.chain.plan.tokens[0].token.address
    market = Market(token_stage, [])
    await market.admit(token_stage.guard(msgspec.structs.replace(POLICY, denied=frozenset({weth}))))
    assert not market.are_live(weth)


@pytest.mark.parametrize("answer", [Unknown("no answer in 2 s"), Reverted("the method does not exist")])
async def test_a_node_that_does_not_simulate_leaves_everything_barred(token_stage, answer):
    market = Market(token_stage, [])
    guard = await market.admit(token_stage.guard(rpc=SilentNode(answer)))
    assert not market.table.live.any()
    verdicts = {one.verdict for one in guard.book.checked}
    assert verdicts
    assert all(isinstance(verdict, Undecided) and "eth_simulateV1" in verdict.cause for verdict in verdicts)


async def test_silence_undoes_no_verdict_before_it_expires(token_stage):
    market = Market(token_stage, [])
    tokens = [priced.token.address for priced in token_stage.chain.plan.tokens]
    known = [await known_at(token_stage, token, DAY_S * 7 // 8) for token in tokens]
    guard = await market.admit(token_stage.guard(known=known, rpc=SilentNode(Unknown("no answer"))))
    assert token_stage.asked == len(tokens) - 1
    assert market.table.live.all()
    assert await guard.check(await token_stage.head()) == ()
    assert token_stage.asked == len(tokens) - 1, "tried again after the retry time"
    await token_stage.mine(DAY_S // 8)
    barred = await guard.check(await token_stage.head())
    assert sorted(set(barred)) == list(range(len(market.table)))
    assert not market.table.live.any()


async def test_a_pool_that_comes_with_a_block_is_barred_until_its_token_was_tested(token_stage):
    market = await Market.of(token_stage)
    guard = await market.admit(token_stage.guard())
    later = await Market.of(token_stage, None, "NO_SALES")
    honest, hostile = later.tokens
    brought = await token_stage.table()
    for index in range(len(market.table), len(brought)):
        put_into(market.table, brought, index)
    head = await token_stage.head()
    guard.take_in(head)
    assert not market.are_live(honest)
    assert not market.are_live(hostile)
    assert market.are_live(token_stage.chain.plan.tokens[1].token.address)
    assert sorted(await guard.check(head)) == market.pools(honest)
    assert market.are_live(honest)
    assert not market.are_live(hostile)


def put_into(table, other, index):
    pool = other.pools[index]
    if other.concentrated[index] is None:
        table.add(pool, other.reserve0[index], other.reserve1[index])
    else:
        table.add_concentrated(pool, other.concentrated_at(index))


async def test_a_block_pays_for_a_few_tests_and_the_rest_waits(token_stage):
    guard = token_stage.guard()
    table = await token_stage.table()
    head = await token_stage.head()
    guard.book.adopt(table, head.timestamp * 10**9)
    await guard.check(head)
    assert token_stage.asked == A_BLOCK
    await guard.check(head)
    assert token_stage.asked == len(token_stage.chain.plan.tokens) - 1
    assert table.live.all()


async def test_a_block_looks_at_a_few_tokens_that_cannot_be_tested_and_the_rest_waits(monkeypatch):
    looked_at = []

    def counted(token, setting):
        looked_at.append(token)
        return plan_probe(token, setting)

    monkeypatch.setattr(token_guard, "plan_probe", counted)
    table = PoolTable()
    for number in range(50):
        one, other, pool = (keccak(b"%d %d" % (number, place))[12:] for place in range(3))
        table.add(V2Pool(pool, "uniswap-v2", *sorted((one, other)), 997, 1000), 10**18, 10**18)
    saved = []

    async def save(checked):
        saved.append(checked)

    prober = TokenProber(SilentNode(Unknown("asked")), own_parties(None, None), 12)
    guard = TokenGuard(TokenBook(POLICY), prober, WETH.address, save)
    guard.book.adopt(table, 10**18)
    for block in range(1, 14):
        await guard.check(Head(block, bytes(32), bytes(32), 10**9 + block, 0, 0, 0, bytes(20)))
        assert len(looked_at) == min(block * A_BLOCK, 100)
    assert len(set(looked_at)) == 100


async def test_a_token_without_a_pool_with_weth_is_tested_through_a_safe_one_or_not_traded(token_stage):
    honest, taxed, lonely, hostile = await token_stage.tricksters(
        [(18, None), (18, "FEE_ON_SALE"), (18, None), (18, "NO_SALES")]
    )
    usdc = token_stage.chain.plan.tokens[1].token.address
    for token in (honest, taxed):
        await token_stage.open_pools(token, currency=usdc, units=USDC_UNIT)
    await token_stage.open_pools(hostile)
    await token_stage.open_pools(lonely, currency=hostile)
    await token_stage.mine()
    market = Market(token_stage, [])
    guard = await market.admit(token_stage.guard())
    assert verdict_of(guard, honest) == Safe()
    assert market.are_live(honest)
    assert verdict_of(guard, taxed).kind == "fee on sale"
    assert verdict_of(guard, lonely) == Undecided(
        "no pool with WETH or with a safe token to test it in (3 pools with others)"
    )
    assert not market.are_live(lonely)
    before = token_stage.asked
    await token_stage.mine(POLICY.retry // 10**9)
    await guard.check(await token_stage.head())
    assert token_stage.asked == before, "trying again asks nobody while there is no way"


async def test_a_pool_of_too_few_units_tests_nothing_and_is_not_traded(token_stage):
    [token] = await token_stage.tricksters([(0, None)])
    await token_stage.open_pools(token, 0)
    await token_stage.mine()
    market = Market(token_stage, [token])
    guard = await market.admit(token_stage.guard())
    assert isinstance(verdict_of(guard, token), Undecided)
    assert not market.are_live(token)


@pytest.mark.parametrize("ticks", [1, 3, 100])
async def test_a_pool_with_all_its_liquidity_in_a_narrow_range_is_not_emptied_by_the_test(token_stage, ticks):
    """At 60 ticks the pool quotes as if it held 300 times what it holds."""
    [token] = await token_stage.tricksters([(18, None)])
    await token_stage.open_narrow_pool(token, 100 * 10**18, ticks)
    await token_stage.mine()
    market = Market(token_stage, [token])
    guard = await market.admit(token_stage.guard())
    assert verdict_of(guard, token) == Safe()
    assert market.are_live(token)


async def test_a_probe_leaves_the_chain_as_it_was(token_stage):
    market = await Market.of(token_stage, "GROWS_WHEN_CALLED")
    before = await token_stage.anvil.rpc("eth_getBlockByNumber", ["latest", False])
    tables = [repr(sorted_reserves(await token_stage.table()))]
    await market.admit(token_stage.guard())
    tables.append(repr(sorted_reserves(await token_stage.table())))
    after = await token_stage.anvil.rpc("eth_getBlockByNumber", ["latest", False])
    assert token_stage.asked
    assert before == after
    assert tables[0] == tables[1]


def sorted_reserves(table):
    return sorted(zip(table.reserve0, table.reserve1, strict=True))


async def test_an_abandoned_block_is_unknown(token_stage):
    await token_stage.mine()
    head = await token_stage.head()
    table = await token_stage.table()
    await token_stage.anvil.rpc("anvil_rollback", [1])
    await token_stage.mine(13)
    guard = token_stage.guard()
    await guard.admit(table, head, no_progress)
    assert not table.live.any()
    assert all(isinstance(one.verdict, Undecided) for one in guard.book.checked)


async def test_verdicts_are_used_on_the_chain_they_are_of_alone(token_stage):
    usdc = token_stage.chain.plan.tokens[1].token.address
    here = await known_at(token_stage, usdc, 0)
    elsewhere = msgspec.structs.replace(here, block=BlockRef(here.block.number, bytes(32)), at=here.at + 1)
    reader = token_stage.reader
    assert await why_of_another_chain(reader, []) is None
    assert await why_of_another_chain(reader, [here]) is None
    assert "is not on this chain" in await why_of_another_chain(reader, [here, elsewhere])
    await token_stage.rpc.close()
    assert await why_of_another_chain(reader, [here]) is not None, "unknown is no yes"


def test_verdicts_of_other_steps_have_another_fingerprint(monkeypatch):
    prober = TokenProber(SilentNode(Unknown("asked")), own_parties(None, None), 12)
    before = prober.fingerprint
    monkeypatch.setattr(token_probe, "STEPS_VERSION", token_probe.STEPS_VERSION + 1)
    assert prober.fingerprint != before


def test_the_probe_that_is_carried_is_the_source_compiled():
    subprocess.run(
        [sys.executable, str(ROOT / "scripts/build_contracts.py")], check=True, capture_output=True
    )
    compiled = json.loads((ROOT / ".build/contracts/TokenProbe.json").read_bytes())["runtime"]
    assert probe_code() == from_hex(compiled), "write it into bot/chain/token_probe.hex, 100 digits a line"

"""One tick from a gap between two pools to the wire: what is on disk before what, and where each plan that fails stops."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listed_chain import ETHER, NONCE, PROFILE, START, TOKEN, WETH, address, block_at, head_at
from msgspec.structs import replace
from small_market import CONFIG, LIMITS, Relay, SmallMarket, world_at

from bot.core.decisions import Verdict
from bot.core.funnel import Funnel
from bot.core.identity import keccak
from bot.core.ports import SimulatedCall
from bot.core.result import Ok, Reverted, Unknown
from bot.core.transaction import decode_signed
from bot.costs.gas_schedule import OSAKA
from bot.loop import World
from bot.opportunities.search import ArbitrageSearch, SearchConfig
from bot.risk.limits import Limits
from bot.state.market_state import MarketState
from bot.state.pool_table import PoolTable, V2Pool
from bot.tick import tick

BLOCK = block_at(100)
ORDER = ["simulate", "intent", "sign", "payload", "attempt", "send", "attempt"]
"""The first attempt is on disk as not answered yet, the second is the route's word."""


@pytest.fixture
def market():
    return SmallMarket()


async def run_tick(market, deps=None, *, world=None, wallets=None, block=BLOCK):
    """Returns the funnel of the block."""
    funnel = Funnel(block, 2)
    wallets = [market.wallet(block.head)] if wallets is None else wallets
    search = (world or world_at()).search
    deps = deps or market.tick_deps()
    await tick(block, [0, 1], wallets, deps, search, funnel)
    if deps.dispatcher is not None:
        await deps.dispatcher.collect(wait=True)
    return funnel


def stages(funnel):
    return (funnel.profitable, funnel.planned, funnel.simulated, funnel.allowed, funnel.sent)


async def test_a_gap_is_sent_and_each_step_is_on_disk_before_the_next(market):
    funnel = await run_tick(market)
    assert market.events == ORDER
    assert stages(funnel) == (1, 1, 1, 1, 1)
    assert funnel.drops == {}


async def test_what_was_simulated_is_what_was_signed_and_sent(market):
    await run_tick(market)
    [bundle], [raw] = market.relays[0].received, [signed.raw for signed in market.signer.signed]
    assert bundle.transactions == (raw,)
    fields, *_ = decode_signed(raw)
    assert [fields] == market.simulator.ran
    [intent], [payload] = market.journal.of("intent"), market.journal.of("payload")
    assert intent.simulation.digest == payload.digest == fields.digest()
    assert (fields.nonce, bundle.target_block, bundle.may_revert) == (NONCE, 101, True)
    assert payload.tx_hash == keccak(raw)


async def test_the_budget_is_held_before_the_signature(market):
    await run_tick(market)
    worst = market.journal.of("intent")[0].plan.worst_gas_cost
    assert market.signer.held_when_signing == [worst]
    assert market.held() == worst > 0


def with_limit(**changes):
    return {"limits": Limits({"main": replace(LIMITS, **changes)})}


DROPS = {
    "observe": ({"simulator": None, "dispatcher": None}, (), "mode", "observe", []),
    "simulate": ({"dispatcher": None}, (), "mode", "simulate", ["simulate"]),
    "reverted": ({}, (Reverted("K", b"\x08"),), "simulation", "reverted", ["simulate"]),
    "unknown": ({}, (Unknown("time-out"),), "simulation", "unknown", ["simulate"]),
    "no profit shown": ({}, (Ok(SimulatedCall(140_000, ())),), "simulation", "unknown", ["simulate"]),
    "fee": (with_limit(fee_per_gas=1), (), "risk", "fee_per_gas", ["simulate"]),
    "notional": (with_limit(notional_per_trade=1), (), "risk", "notional_per_trade", ["simulate"]),
    "no limits": ({"limits": Limits({})}, (), "risk", "limits_set", ["simulate"]),
    "old state": ({"state_age": -1}, (), "risk", "state_age", ["simulate"]),
}


@pytest.mark.parametrize("name", DROPS)
async def test_each_stage_that_stops_a_plan_counts_it_and_records_its_rule(market, name):
    changes, answers, stage, rule, used = DROPS[name]
    market.simulator.answers = list(answers)
    funnel = await run_tick(market, market.tick_deps(**changes))
    assert funnel.drops == {f"{stage}: {rule}": 1}
    [drop] = market.journal.of("drop")
    assert (drop.stage, drop.rule) == (stage, rule)
    assert drop.limit
    assert drop.actual
    assert drop.limit != drop.actual
    assert market.events == [*used, "drop"], "nothing was recorded as an intent, signed or sent"
    assert market.held() == 0


async def test_a_balance_that_is_short_or_unread_stops_before_the_node_is_asked(market):
    for balance, said in ((Ok(0), "0"), (Unknown("time-out"), "unknown: time-out")):
        wallet = market.wallet(BLOCK.head, balance=balance)
        assert (await run_tick(market, wallets=[wallet])).drops == {"preflight: balance": 1}
        assert market.journal.of("drop")[-1].actual == said
    assert market.events == ["drop", "drop"]


async def test_an_unknown_nonce_plans_nothing(market):
    wallet = market.wallet(BLOCK.head, count=Unknown("time-out"))
    funnel = await run_tick(market, wallets=[wallet])
    assert funnel.drops == {"the wallet's nonce is unknown": 1}
    assert stages(funnel) == (1, 0, 0, 0, 0)
    assert market.events == []


async def test_a_profit_under_the_minimum_is_counted_and_not_planned(market):
    deps = market.tick_deps(execution=replace(CONFIG, min_net_profit=100 * ETHER))
    funnel = await run_tick(market, deps)
    assert funnel.drops == {"profit below worst gas cost and minimum": 1}
    assert market.events == []


async def test_without_a_gap_there_is_nothing_to_tell(market):
    funnel = await run_tick(market, world=world_at(gap=False))
    assert stages(funnel) == (0, 0, 0, 0, 0)
    assert (funnel.drops, market.events) == ({}, [])


async def test_cycles_that_share_a_pool_do_not_both_go(market):
    funnel = await run_tick(market, world=world_at(pools=3))
    assert funnel.profitable == 2
    assert funnel.drops == {"shares a pool with a better one": 1}
    [intent] = market.journal.of("intent")
    assert len(intent.plan.opportunities) == 1


@pytest.mark.parametrize(
    "said",
    [
        Reverted("out of gas"),
        Reverted("UniswapV2: TRANSFER_FAILED", b"\x08"),
        Reverted("TF", b"\x08"),
        Reverted("executor: builder refused", b"\x08"),
    ],
    ids=lambda said: said.reason,
)
async def test_what_may_have_failed_for_gas_is_simulated_anew_with_more(market, said):
    market.simulator.answers = [said]
    funnel = await run_tick(market)
    first, second = market.simulator.ran
    assert second.gas_limit > first.gas_limit
    assert replace(second, gas_limit=first.gas_limit, data=b"") == replace(first, data=b"")
    [signed] = market.signer.signed
    assert signed.fields == second, "signed is what was simulated last"
    assert stages(funnel) == (1, 1, 1, 1, 1)


@pytest.mark.parametrize("cap", ["block", "transaction"])
async def test_more_gas_than_a_transaction_may_have_is_not_simulated(market, cap, monkeypatch):
    """The estimate of two pairs is about 190,000: a limit of 300,000 holds it once, not twice."""
    block, deps = BLOCK, market.tick_deps()
    if cap == "block":
        block = replace(BLOCK, head=replace(BLOCK.head, gas_limit=300_000, gas_used=150_000))
    else:
        capped = replace(OSAKA, transaction_cap=300_000)
        monkeypatch.setattr("bot.carry_out.schedule_at", lambda forks, timestamp: capped)
    market.simulator.answers = [Reverted("out of gas")]
    funnel = await run_tick(market, deps, block=block)
    assert len(market.simulator.ran) == 1
    assert funnel.drops == {"simulation: reverted": 1}


@pytest.mark.parametrize("relays", [[], [False], [False, False]], ids=["none", "one", "two"])
async def test_without_a_route_that_drops_reverts_nothing_is_signed(market, relays):
    market.relays = [Relay(market.events, f"open {place}", drops) for place, drops in enumerate(relays)]
    funnel = await run_tick(market)
    assert funnel.drops == {"route: no_private_route": 1}
    assert market.events == ["simulate", "drop"]
    assert [relay.received for relay in market.relays] == [[] for _ in relays]
    assert market.held() == 0


async def test_among_several_routes_those_that_mine_reverts_get_nothing(market):
    market.relays = [Relay(market.events, "open", drops_reverts=False), Relay(market.events, "private")]
    await run_tick(market)
    assert [len(relay.received) for relay in market.relays] == [0, 1]
    assert [attempt.route for attempt in market.journal.of("attempt")] == ["private"] * 2


async def test_a_refusal_by_the_signer_frees_the_budget_and_closes_the_intent(market):
    market.signer.answer = Reverted("fee_per_gas: above its policy")
    deps = market.tick_deps()
    funnel = await run_tick(market, deps)
    assert market.events == ["simulate", "intent", "sign", "outcome", "drop"]
    assert market.signer.held_when_signing[0] > market.held() == 0
    [outcome], [drop] = market.journal.of("outcome"), market.journal.of("drop")
    assert outcome.outcome.verdict is Verdict.CANCELLED
    assert "above its policy" in drop.actual
    assert market.in_flight.open_intents() == ()
    assert funnel.sent == 0


async def test_silence_of_the_signer_keeps_the_budget_and_the_intent_open(market):
    market.signer.answer = Unknown("no answer within 2 s")
    funnel = await run_tick(market)
    assert market.events == ["simulate", "intent", "sign", "drop"]
    assert funnel.drops == {"signer: signer_silent": 1}
    [plan] = market.in_flight.open_intents()
    assert market.held() == plan.worst_gas_cost
    assert market.relays[0].received == []


@pytest.mark.parametrize(
    ("answer", "word"), [(Reverted("bad bundle"), "refused: bad"), (Unknown("time-out"), "unknown: time")]
)
async def test_a_relays_no_or_silence_frees_nothing(market, answer, word):
    market.relays[0].answer = answer
    funnel = await run_tick(market)
    assert funnel.sent == 1
    before, after = market.journal.of("attempt")
    assert before.answer == "unknown: not answered yet"
    assert after.answer.startswith(word)
    assert market.held() > 0
    assert len(market.in_flight.open_intents()) == 1


@pytest.mark.parametrize(("kind", "never"), [("intent", {"sign", "send"}), ("payload", {"send"})])
async def test_what_cannot_be_written_does_not_go_on(market, kind, never):
    market.journal.fails_at = kind
    with pytest.raises(OSError, match=kind):
        await run_tick(market)
    assert never.isdisjoint(market.events)
    assert market.held() > 0, "reserved until a start reconciles it with the chain"


async def test_the_same_plan_is_not_sent_twice(market):
    deps = market.tick_deps()
    await run_tick(market, deps)
    again = await run_tick(market, deps)
    assert again.drops == {"risk: duplicate_intent": 1}
    assert len(market.signer.signed) == len(market.relays[0].received) == 1


answers = st.sampled_from([None, Reverted("no", b"\x01"), Reverted("no"), Unknown("silence")])
relays = st.lists(
    st.tuples(st.booleans(), st.sampled_from([Ok("0x"), Reverted("no"), Unknown("silence")])), max_size=3
)


@settings(max_examples=60, deadline=None)
@given(
    simulated=answers,
    signed=st.sampled_from([None, Reverted("no"), Unknown("silence")]),
    relays=relays,
    fee_limit=st.sampled_from([1, LIMITS.fee_per_gas]),
    balance=st.sampled_from([Ok(0), Ok(ETHER // 2), Unknown("silence")]),
)
def test_whatever_fails_order_holds_and_the_plan_is_sent_or_told(
    simulated, signed, relays, fee_limit, balance
):
    market = SmallMarket()
    market.simulator.answers = [simulated] if simulated else []
    market.signer.answer = signed
    market.relays = [Relay(market.events, f"r{n}", *given_to) for n, given_to in enumerate(relays)]
    deps = market.tick_deps(**with_limit(fee_per_gas=fee_limit))
    funnel = asyncio.run(run_tick(market, deps, wallets=[market.wallet(head_at(100), balance=balance)]))

    seen = [kind for kind in dict.fromkeys(market.events) if kind in ORDER]
    assert all(ORDER.index(earlier) < ORDER.index(later) for earlier, later in pairwise(seen))
    for later, earlier in (("sign", "intent"), ("payload", "sign"), ("send", "payload")):
        assert later not in seen or earlier in seen
    reached = "send" in market.events
    assert len(market.journal.of("drop")) == int(not reached), "sent, or dropped with one reason"
    assert funnel.drops.total() == len(market.journal.of("drop"))
    assert (market.held() > 0) == (("sign" in market.events) and not isinstance(signed, Reverted))
    for relay in market.relays:
        assert relay.drops_reverts or relay.received == []


class HangingRelay(Relay):
    """Takes the bundle and never says a word."""

    async def send(self, bundle):
        await super().send(bundle)
        await asyncio.Event().wait()


async def test_a_relay_that_hangs_holds_up_neither_the_tick_nor_the_others(market):
    market.relays = [HangingRelay(market.events, "mute"), Relay(market.events, "quick")]
    deps = market.tick_deps()
    funnel = Funnel(BLOCK, 2)
    await asyncio.wait_for(
        tick(BLOCK, [0, 1], [market.wallet(BLOCK.head)], deps, world_at().search, funnel), 1
    )
    for _ in range(20):
        await asyncio.sleep(0)
    assert [len(relay.received) for relay in market.relays] == [1, 1]
    assert {attempt.route for attempt in market.journal.of("attempt")} == {"mute", "quick"}
    assert len(market.in_flight.open_intents()) == 1


def two_gaps():
    """Two tokens, each with a gap of its own between two pools: one merged plan of two cycles."""
    table = PoolTable()
    for token, more in ((TOKEN, 110), (address("second token"), 107)):
        for venue, weth in ((0, 100), (1, more)):
            first, second = sorted((WETH, token))
            reserves = (weth * ETHER, 200 * ETHER) if first == WETH else (200 * ETHER, weth * ETHER)
            pool = address(f"pool {venue} of {token.hex()}")
            table.add(V2Pool(pool, PROFILE.venues[venue].name, first, second, 997, 1000), *reserves)
    state = MarketState(table, PROFILE.venues, START)
    return World(state, ArbitrageSearch(table, [WETH], SearchConfig(weth=WETH)))


def cycles_sent(market):
    return [len(intent.plan.opportunities) for intent in market.journal.of("intent")]


async def test_two_disjoint_gaps_are_one_transaction(market):
    funnel = await run_tick(market, world=two_gaps())
    assert (funnel.profitable, funnel.planned, cycles_sent(market)) == (2, 1, [2])


async def test_one_cycle_that_reverts_does_not_take_the_others_with_it(market):
    market.simulator.answers = [
        Reverted("K", b"\x08"),
        Reverted("K", b"\x08"),
    ]  # together, and the best alone
    funnel = await run_tick(market, world=two_gaps())
    assert (funnel.planned, funnel.sent, cycles_sent(market)) == (3, 1, [1])
    assert funnel.drops == {"simulation: reverted": 2}


async def test_a_merge_over_the_notional_limit_is_trimmed_to_the_best(market):
    whole = SmallMarket()
    await run_tick(whole, world=two_gaps())
    [merged] = whole.journal.of("intent")
    best = max(merged.plan.opportunities, key=lambda one: one.gross_profit)
    deps = market.tick_deps(**with_limit(notional_per_trade=merged.plan.notional - 1))
    funnel = await run_tick(market, deps, world=two_gaps())
    assert cycles_sent(market) == [1]
    assert market.journal.of("intent")[0].plan.opportunities == (best,)
    assert funnel.drops == {"no room in the wallets' transactions": 1}


async def test_gas_that_ran_out_is_given_once_more_and_simulated_anew(market):
    market.simulator.answers = [Reverted("execution failed", b"")]
    funnel = await run_tick(market)
    tight, roomy = market.simulator.ran
    assert roomy.gas_limit > tight.gas_limit
    assert market.signer.signed[0].fields == roomy
    assert (funnel.sent, funnel.drops) == (1, {})

"""From a pending transaction to a bundle: ours right behind it, never before, and every reason why not by name."""

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listed_chain import (
    ETHER,
    EXECUTOR,
    NONCE,
    OPERATOR,
    PROFILE,
    START,
    TOKEN,
    WETH,
    address,
    block_at,
    sync,
)
from msgspec.structs import replace
from small_market import CHEAP, CONFIG, DEAR, LIMITS, SECOND, Relay, SmallMarket, world_at

from bot import backrun_tick as module
from bot.backrun_tick import BackrunDeps, Backruns
from bot.carry_out import WalletAtHead
from bot.core.funnel import Funnel
from bot.core.identity import keccak
from bot.core.pending import ANOTHER_COMES_FIRST, HintLog, PendingSeen, PendingTransaction, StorageOverride
from bot.core.ports import SimulatedCall
from bot.core.result import Ok, Reverted, Unknown
from bot.core.transaction import SignedTransaction, decode_signed
from bot.costs.base_fee import next_base_fee
from bot.execution.nonce_line import NonceLine
from bot.execution.slot_clock import SlotClock
from bot.execution.submit import bundle_of
from bot.opportunities.search import ArbitrageSearch, SearchConfig
from bot.risk.limits import Limits

BLOCK = block_at(100)
PRICE = next_base_fee(BLOCK.head)
OPENS = sync(DEAR, 110 * ETHER, 200 * ETHER)
WORDS = (StorageOverride(DEAR, bytes(32), bytes(32)),)


def swap(name="swap", **changes):
    """Somebody's call of a router that names the token."""
    raw = name.encode()
    fields = {
        "raw": raw,
        "hash": keccak(raw),
        "type": 2,
        "sender": address("trader"),
        "nonce": 3,
        "to": address("router"),
        "value": 0,
        "data": b"\x12\x34\x56\x78" + bytes(12) + TOKEN,
        "gas_limit": 200_000,
        "max_fee_per_gas": 100 * 10**9,
        "max_priority_fee_per_gas": 10**9,
    }
    return PendingTransaction(**(fields | changes))


def seen_whole(pending=None):
    pending = pending or swap()
    return PendingSeen("node", pending.hash, 0, pending)


def seen_hint(log=OPENS):
    return PendingSeen("hints", keccak(b"hint"), 0, logs=(HintLog(log.address, log.topics, log.data),))


@dataclass
class Runner:
    """What the node says a pending transaction does."""

    events: list
    answer: object = field(default_factory=lambda: Ok(SimulatedCall(90_000, (OPENS,))))

    async def run_pending(self, pending, on, environment):
        self.events.append("run pending")
        assert (on, environment.number) == (BLOCK.head.ref, 101)
        return self.answer


@dataclass
class StandIns:
    answer: object = field(default_factory=lambda: Ok(WORDS))

    async def stand_in(self, overlay, state, logs):
        return self.answer


class Stage:
    def __init__(self, *, gap=False, **deps):
        self.market = SmallMarket()
        self.market.relays[0].takes_hints = True
        self.world = world_at(gap=gap)
        self.world.search = ArbitrageSearch(self.world.state.table, [WETH], SearchConfig(weth=WETH))
        self.world.search.search([], START, PRICE)
        self.runner = Runner(self.market.events)
        given = {"runner": self.runner, "stand_ins": StandIns()} | deps
        self.backruns = Backruns(BackrunDeps(**given), WETH)
        self.funnel = Funnel(BLOCK, 0)
        self.wallets = [self.market.wallet(BLOCK.head)]
        self.tick = self.market.tick_deps()

    async def follow(self, seen=None, block=BLOCK):
        reason = await self.backruns.backrun(
            seen or seen_whole(), block, self.world, self.wallets, self.tick, self.funnel
        )
        if self.tick.dispatcher is not None:
            await self.tick.dispatcher.collect(wait=True)
        return reason

    @property
    def sent(self):
        return [bundle for relay in self.market.relays for bundle in relay.received]


@pytest.fixture
def stage():
    return Stage()


async def test_ours_stands_right_behind_the_transaction_it_follows(stage):
    assert await stage.follow() is None
    [bundle] = stage.sent
    theirs, ours = bundle.transactions
    assert theirs == swap().raw
    assert (bundle.target_block, bundle.may_revert, bundle.behind_hash) == (101, True, None)
    fields = decode_signed(ours)[0]
    [intent] = stage.market.journal.of("intent")
    plan = intent.plan
    assert fields == plan.transaction
    assert (plan.strategy, plan.behind.hash, plan.behind.transaction) == ("backrun", swap().hash, swap())
    assert (plan.window.first_block, plan.window.last_block) == (101, 101)
    assert (plan.bid_share, bool(plan.bid_reason)) == (CONFIG.bid_share, True)
    assert stage.market.events[:3] == ["run pending", "simulate", "intent"]
    assert stage.funnel.drops == {}
    assert stage.funnel.sent == 1


async def test_behind_a_hint_ours_goes_alone_with_the_hash_and_only_where_hints_are_taken(stage):
    plain = Relay(stage.market.events, name="plain")
    stage.market.relays.append(plain)
    stage.tick = stage.market.tick_deps()
    assert await stage.follow(seen_hint()) is None
    [bundle] = stage.sent
    assert (len(bundle.transactions), bundle.behind_hash) == (1, keccak(b"hint"))
    assert plain.received == []
    [intent] = stage.market.journal.of("intent")
    assert intent.plan.behind.stand_in == WORDS
    assert "run pending" not in stage.market.events


async def test_without_a_route_for_hints_nothing_is_signed(stage):
    stage.market.relays[0].takes_hints = False
    assert await stage.follow(seen_hint()) == "no_private_route"
    assert "sign" not in stage.market.events


async def test_what_pays_without_it_is_the_blocks_own(stage):
    stage = Stage(gap=True)
    stage.runner.answer = Ok(SimulatedCall(90_000, (sync(DEAR, 111 * ETHER, 200 * ETHER),)))
    assert await stage.follow() == module.NOT_OPENED_BY_IT
    assert stage.sent == []
    assert stage.funnel.drops == {f"pending: {module.NOT_OPENED_BY_IT}": 1}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Reverted("expired"), module.FAILS),
        (Unknown("silence"), module.NOT_SIMULATED),
        (Unknown(f"{ANOTHER_COMES_FIRST}: nonce 9, its sender is at 3"), ANOTHER_COMES_FIRST),
        (Ok(SimulatedCall(1, ())), "moves no pool that is traded on"),
        (Ok(SimulatedCall(1, (sync(DEAR, 100 * ETHER, 200 * ETHER),))), module.NOTHING_OPENED),
        (Ok(SimulatedCall(1, (sync(DEAR, 101 * ETHER, 200 * ETHER),))), module.NOTHING_OPENED),
        (Ok(SimulatedCall(1, (replace(OPENS, data=b"\x01"),))), "contradicts the state"),
    ],
)
async def test_what_it_does_may_be_a_reason_not_to_follow(stage, answer, reason):
    stage.runner.answer = answer
    assert await stage.follow() == reason
    assert stage.sent == []
    assert stage.funnel.drops == {f"pending: {reason}": 1}


@pytest.mark.parametrize(
    ("pending", "reason"),
    [
        (swap(sender=OPERATOR), module.OUR_OWN),
        (swap(to=EXECUTOR), module.OUR_OWN),
        (swap(type=3), module.NOT_NEXT),
        (swap(max_fee_per_gas=PRICE - 1), module.NOT_NEXT),
        (swap(data=b"\x12\x34\x56\x78" + bytes(12) + WETH), module.NOT_ABOUT_US),
        (swap(data=b""), module.NOT_ABOUT_US),
        (swap(to=None), module.NOT_ABOUT_US),
        (swap(data=b"\x01" * 31 + TOKEN[:19]), module.NOT_ABOUT_US),
    ],
)
async def test_the_node_is_not_asked_about_what_cannot_concern_us(stage, pending, reason):
    assert await stage.follow(seen_whole(pending)) == reason
    assert stage.market.events == []


@pytest.mark.parametrize(
    "changes",
    [{"to": CHEAP, "data": b"\x00"}, {"data": b"\x07" * 5 + TOKEN + b"\x01"}, {"data": b"\x07" * 9 + DEAR}],
)
async def test_a_pool_or_a_token_anywhere_in_it_is_enough(stage, changes):
    assert await stage.follow(seen_whole(swap(**changes))) is None


async def test_the_same_is_followed_once_a_block_and_so_many_of_them(stage):
    stage = Stage(most_simulations=2)
    stage.runner.answer = Reverted("no")
    reasons = [await stage.follow(seen_whole(swap(name))) for name in ("a", "a", "b", "c")]
    assert reasons == [module.FAILS, module.SEEN_ALREADY, module.FAILS, module.USED_UP]
    assert stage.market.events.count("run pending") == 2


async def test_on_another_block_than_the_state_nothing_is_followed(stage):
    assert await stage.follow(block=block_at(101)) == module.ANOTHER_BLOCK
    stage.world.search.state = None
    assert await stage.follow() == module.ANOTHER_BLOCK
    assert stage.market.events == []


async def test_a_block_that_comes_while_the_node_runs_it_ends_the_matter(stage):
    class Slow(Runner):
        async def run_pending(self, pending, on, environment):
            stage.world.state.apply(block_at(101))
            return self.answer

    stage.backruns = Backruns(BackrunDeps(Slow([]), StandIns()), WETH)
    assert await stage.follow() == module.ANOTHER_BLOCK
    assert stage.sent == []


async def test_nothing_is_followed_where_nothing_is_simulated_or_no_wallet_is_there(stage):
    stage.tick = stage.market.tick_deps(simulator=None)
    assert await stage.follow() == module.MODE
    stage.tick, stage.wallets = stage.market.tick_deps(), []
    assert await stage.follow() == module.NO_WALLET
    stage = Stage(stand_ins=None)
    assert await stage.follow(seen_hint()) == module.NO_STAND_IN
    stage = Stage(stand_ins=StandIns(Unknown("no known storage layout")))
    assert await stage.follow(seen_hint()) == module.NO_STAND_IN


async def test_a_hint_that_hides_its_data_is_not_followed(stage):
    assert await stage.follow(seen_hint(replace(OPENS, data=bytes(64)))) == "hint says too little"


async def test_a_plan_that_fails_behind_it_goes_nowhere(stage):
    stage.market.simulator.answers = [Unknown("what goes before it fails: expired")]
    assert await stage.follow() == "unknown"
    assert stage.sent == []


async def test_with_more_gas_it_still_stands_behind_the_same(stage):
    stage.market.simulator.answers = [Reverted("", b"")]
    assert await stage.follow() is None
    [bundle] = stage.sent
    assert bundle.transactions[0] == swap().raw
    [intent] = stage.market.journal.of("intent")
    less, more = stage.market.simulator.ran
    assert more.gas_limit > less.gas_limit
    assert (intent.plan.behind.hash, intent.plan.transaction) == (swap().hash, more)


async def test_back_runs_of_one_wallet_do_not_keep_each_other_out(stage):
    """Nobody knows which of the swaps comes, or whether a hint is true; they share the nonce, so one can land."""
    for name, reserve in (("first", 115), ("second", 108), ("third", 112)):
        stage.runner.answer = Ok(SimulatedCall(1, (sync(DEAR, reserve * ETHER, 200 * ETHER),)))
        assert await stage.follow(seen_whole(swap(name))) is None
    assert [bundle.transactions[0] for bundle in stage.sent] == [b"first", b"second", b"third"]
    assert len({bundle.replacement_uuid for bundle in stage.sent}) == 3
    assert {decode_signed(bundle.transactions[1])[0].nonce for bundle in stage.sent} == {NONCE}


async def test_a_wallet_signs_no_more_than_so_many_for_one_block(stage):
    reasons = [await stage.follow(seen_whole(swap(f"swap {n}"))) for n in range(module.MOST_PAYLOADS + 1)]
    assert reasons == [None] * module.MOST_PAYLOADS + [module.WE_COME_FIRST]


async def test_hints_and_whole_ones_share_the_budget():
    stage = Stage(most_simulations=1)
    assert await stage.follow(seen_hint()) is None
    assert await stage.follow(seen_whole()) == module.USED_UP


async def test_absurd_numbers_of_outsiders_are_a_reason_and_no_defect(stage):
    class Absurd(StandIns):
        async def stand_in(self, overlay, state, logs):
            raise ValueError("2**256 does not fit uint256")

    stage.backruns = Backruns(BackrunDeps(stage.runner, Absurd()), WETH)
    assert await stage.follow(seen_hint()) == module.ABSURD
    assert stage.sent == []


async def test_a_defect_of_ours_is_not_taken_for_their_numbers(stage):
    """From the plan on the numbers are ours, and budget may be held: whatever breaks there must stop the hunting."""

    async def defect(approved):
        raise ValueError("a defect of the signer's client")

    stage.market.signer.sign = defect
    with pytest.raises(ValueError, match="a defect of the signer's client"):
        await stage.follow()
    assert stage.market.held() > 0, "what may have been signed keeps its budget"


async def test_late_in_the_slot_a_back_run_is_judged_by_the_close_of_its_block(stage):
    """The head is the newest there is, however old: the swap came only now."""
    clock, rule = stage.market.clock, replace(PROFILE.slot, kind="slots")
    begun = BLOCK.head.timestamp * SECOND
    clock.utc = lambda: begun + clock.now
    stage.market.slots = SlotClock(rule)
    stage.market.slots.note_head(BLOCK.head, begun, 0)
    stage.tick = stage.market.tick_deps()
    clock.now = 11 * SECOND
    assert await stage.follow(seen_whole(swap("in time"))) is None
    clock.now = 16 * SECOND
    assert await stage.follow(seen_whole(swap("too late"))) in ("state_age", "too_late")
    assert len(stage.sent) == 1


async def test_no_wallet_stands_around_a_swap_that_another_of_ours_trades_beside():
    """Also when the other wallet's plain bundle is not the last thing it handed over."""
    stage = Stage()
    other = WalletAtHead("alt", address("alt"), NonceLine("alt"), Ok(3), Ok(ETHER // 2))
    other.line.note_count(3, BLOCK.head.ref)
    stage.wallets.append(other)
    stage.tick = stage.market.tick_deps(limits=Limits({"main": LIMITS, "alt": LIMITS}))
    handed = stage.tick.dispatcher.handed
    handed.note(replace(PLAN[0], wallet="main", behind=None), 101)
    handed.note(replace(PLAN[0], wallet="main", id="another"), 101)
    assert await stage.follow() == module.OWN_IS_BETTER, (
        "main's own nonce: alone of the two it may, and earns no more"
    )
    handed.note(replace(PLAN[0], wallet="alt", behind=None), 101)
    assert await stage.follow(seen_whole(swap("second"))) == module.WE_COME_FIRST
    assert stage.sent == []


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=60), st.binary(min_size=32, max_size=32), st.booleans())
def test_no_bundle_has_ours_before_theirs(raw, name, known):
    """Whatever the bytes: where theirs is in the bundle it is first, and ours is last."""
    plan = PLAN[0]
    theirs = replace(swap(), raw=raw, hash=name)
    follows = replace(plan.behind, hash=name, transaction=theirs if known else None)
    plan = replace(plan, behind=follows)
    ours = plan.transaction.signed_payload(0, 1, 1)
    for target in (None, 101, 102):
        bundle = bundle_of(plan, SignedTransaction(ours, keccak(ours), plan.transaction), bytes(32), target)
        assert bundle.transactions == ((raw, ours) if known else (ours,))
        assert bundle.behind_hash == (None if known else name)


PLAN = []


@pytest.fixture(autouse=True, scope="module")
def one_plan():
    """A back-run as the tick makes it."""
    stage = Stage()
    asyncio.run(stage.follow())
    PLAN.append(stage.market.journal.of("intent")[0].plan)

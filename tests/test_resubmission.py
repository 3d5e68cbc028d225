"""A payload whose window is open: simulated at each new head, handed over again as it is, or withdrawn."""

import asyncio

import pytest
from listed_chain import ETHER, PROFILE, head_at, mined, sync
from loop_stage import Stage
from msgspec.structs import replace
from small_market import CONFIG, DEAR, SECOND, Relay

from bot.core.decisions import Verdict
from bot.core.errors import Halted
from bot.core.result import Ok, Reverted, Unknown
from bot.execution.slot_clock import SlotClock

WINDOW = 3


@pytest.fixture
def stage():
    stage = Stage()
    stage.tick_changes = {"execution": replace(CONFIG, window_blocks=WINDOW)}
    return stage


def handed_over(stage):
    """(target block, raw transactions) of what the relay was given."""
    return [(bundle.target_block, bundle.transactions) for bundle in stage.market.relays[0].received]


def aims(stage):
    """(target block, answer) of the attempts on disk."""
    return [(one.target_block, one.answer.split(":")[0]) for one in stage.journal.of("attempt")]


async def test_the_same_bytes_go_to_every_block_of_the_window_after_a_simulation_each(stage):
    await stage.running()
    for number in (101, 102, 103):
        await stage.block(number)
    [signed] = stage.signed()
    assert handed_over(stage) == [(target, (signed.raw,)) for target in (102, 103, 104)]
    uuids = [bundle.replacement_uuid for bundle in stage.market.relays[0].received]
    assert len(set(uuids)) == 3, "a later block's bundle must not replace an earlier one's"
    assert len(stage.market.simulator.ran) == 3
    assert aims(stage) == [(block, said) for block in (102, 103, 104) for said in ("unknown", "accepted")]
    assert [record.resubmitted for record in stage.journal.of("block")] == [0, 1, 1]
    assert stage.drops() == {"earns no more than what is in flight": 1}
    assert stage.verdicts() == []


async def test_it_is_on_disk_before_it_is_handed_over_again(stage):
    await stage.running()
    await stage.block(101)
    del stage.market.events[:]
    await stage.block(102)
    assert stage.market.events[:3] == ["simulate", "attempt", "send"]


async def test_after_the_window_it_has_one_verdict_and_something_fresh_is_sent(stage):
    await stage.running()
    for number in (101, 102, 103, 104):
        await stage.block(number)
    assert stage.verdicts() == [Verdict.EXPIRED]
    assert len(stage.signed()) == 2
    first, second = stage.signed()
    assert first.fields.nonce == second.fields.nonce
    assert [target for target, _ in handed_over(stage)] == [102, 103, 104, 105]


async def test_it_lands_in_a_later_block_of_its_window(stage):
    await stage.running()
    await stage.block(101)
    await stage.block(102)
    [signed] = stage.signed()
    await stage.block(103, mined(signed), logs=(sync(DEAR, 100 * ETHER, 200 * ETHER),))
    assert stage.verdicts() == [Verdict.LANDED]
    assert [target for target, _ in handed_over(stage)] == [102, 103]


@pytest.mark.parametrize(
    ("answer", "why"),
    [(Reverted("executor: profit"), "reverted"), (Unknown("no answer"), "unknown")],
    ids=["reverted", "unknown"],
)
async def test_what_no_longer_holds_is_withdrawn_and_still_watched(stage, answer, why):
    await stage.running()
    await stage.block(101)
    stage.market.simulator.answers = [answer]
    await stage.block(102)
    assert [target for target, _ in handed_over(stage)] == [102]
    assert stage.drops() == {"earns no more than what is in flight": 1, f"withdrawn: {why}": 1}
    [held] = stage.market.in_flight.open_intents()
    assert stage.market.held() == held.worst_gas_cost, "its payload can still land"
    [signed] = stage.signed()
    await stage.block(103, mined(signed))
    assert stage.verdicts()[0] is Verdict.LANDED, "withdrawn is not dead"


async def test_what_earns_more_is_signed_anew_at_the_same_nonce(stage):
    await stage.running()
    await stage.block(101)
    await stage.block(102, logs=(sync(DEAR, 130 * ETHER, 200 * ETHER),))
    first, second = stage.signed()
    assert (first.fields.nonce, first.raw != second.raw) == (second.fields.nonce, True)
    assert handed_over(stage) == [(102, (first.raw,)), (103, (second.raw,))]
    assert [record.resubmitted for record in stage.journal.of("block")] == [0, 0]


async def test_with_no_usable_route_nothing_is_handed_over_and_it_says_so(stage):
    await stage.running()
    await stage.block(101)
    stage.market.relays[0].is_usable = False
    await stage.block(102)
    assert [target for target, _ in handed_over(stage)] == [102]
    assert stage.drops()["route: no_private_route"] == 1


async def test_what_no_route_could_be_given_is_withdrawn_without_a_defect(stage):
    """The only route falls out of use between the question and the sending; at the next head it no longer pays."""
    await stage.running()
    relay, sign = stage.market.relays[0], stage.market.signer.sign

    async def meanwhile(approved):
        relay.is_usable = False
        return await sign(approved)

    stage.market.signer.sign = meanwhile
    await stage.block(101)
    assert (len(stage.signed()), relay.received) == (1, [])
    relay.is_usable, stage.market.simulator.answers = True, [Reverted("executor: profit")]
    await stage.block(102)
    assert stage.drops()["withdrawn: reverted"] == 1
    await stage.block(103)
    assert stage.numbers() == [101, 102, 103]


async def test_after_a_halt_nothing_is_handed_over_again_and_relays_are_told(stage):
    cancelled = []

    async def cancel(uuid):
        cancelled.append(uuid)
        return Ok(None)

    stage.market.relays[0].cancel = cancel
    stage.tick_changes["halted"] = lambda: stage.halt
    task = await stage.running()
    await stage.block(101)
    stage.halt = "an operator says so"
    await stage.block(102)
    assert [target for target, _ in handed_over(stage)] == [102]
    for number in (103, 104):
        await stage.block(number)
    with pytest.raises(Halted):
        await task
    assert len(cancelled) == 2, "for each block of its window that was still to come"
    assert stage.verdicts() == [Verdict.EXPIRED]


async def test_one_stall_does_not_silence_what_comes_after(stage):
    """What was slow once is not slow for ever: 14 s on a chain of 12 s, then milliseconds."""
    clock, sign, base = stage.market.clock, stage.market.signer.sign, head_at(100).timestamp * SECOND
    clock.utc = lambda: base + clock.now
    stage.tick_changes["execution"] = CONFIG
    stage.market.slots = SlotClock(replace(PROFILE.slot, kind="slots"))
    stage.market.slots.note_head(head_at(100), base, 0)
    stalls = [14 * SECOND]

    async def slow(approved):
        clock.now += stalls.pop() if stalls else SECOND // 200
        return await sign(approved)

    stage.market.signer.sign = slow
    await stage.running()
    for number in range(101, 107):
        clock.now = max(clock.now, (number - 100) * 12 * SECOND + SECOND)
        moved = sync(DEAR, (110 + number % 7) * ETHER, 200 * ETHER)
        await stage.block(number, logs=(moved,), seen_at=clock.now)
    assert len(stage.signed()) >= 4


async def test_a_silent_route_does_not_hold_back_what_another_said(stage):
    """The word of the one that answered is on disk, and counts, while the other is still waited for."""
    silent = Relay(stage.market.events, name="silent")

    async def never(bundle):
        await asyncio.Event().wait()

    silent.send = never
    stage.market.relays.append(silent)
    await stage.running()
    await stage.block(101)
    answers = [(one.route, one.answer.split(":")[0]) for one in stage.journal.of("attempt")]
    assert answers == [("relay", "unknown"), ("silent", "unknown"), ("relay", "accepted")]

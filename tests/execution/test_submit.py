import asyncio
import uuid

import pytest
from execution_stage import OPERATOR, head_at, opportunity, plan_on, tx_hash
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.clock import SystemClock
from bot.core.decisions import Bundle
from bot.core.identity import IntentId
from bot.core.result import Ok, Reverted, Unknown
from bot.core.transaction import SignedTransaction
from bot.core.units import Nanoseconds
from bot.execution.submit import (
    NO_PROTECTED_ROUTE,
    RouteAnswer,
    attempt_record,
    bundle_of,
    replacement_uuid,
    routes_for,
    submit,
)

SECOND = Nanoseconds(10**9)
SALT = bytes(32)


class Route:
    def __init__(self, name, drops_reverts=True, behaviour=lambda: Ok("0xbundle")):
        self.name = name
        self.drops_reverts = drops_reverts
        self.takes_hints, self.is_usable = False, True
        self.received = []
        self._behaviour = behaviour

    def why_refused(self, bundle):
        return None

    async def send(self, bundle):
        self.received.append(bundle)
        answer = self._behaviour()
        return await answer if asyncio.iscoroutine(answer) else answer

    async def cancel(self, replacement_uuid):
        raise NotImplementedError


def bundle(may_revert=True):
    return Bundle((b"\x02raw",), 101, "uuid", may_revert)


def raising(error):
    def behaviour():
        raise error

    return behaviour


@given(
    st.lists(st.tuples(st.text(max_size=3), st.sampled_from([True, False, None, "yes"])), max_size=12),
    st.booleans(),
)
def test_what_may_revert_reaches_protected_routes_alone(rows, may_revert):
    routes = [Route(name, drops) for name, drops in rows]
    sent = bundle(may_revert)
    answers = asyncio.run(submit(sent, routes, SystemClock(), SECOND))
    for route in routes:
        allowed = route.drops_reverts is True or not may_revert
        assert route.received == ([sent] if allowed else [])
    choice = routes_for(sent, routes)
    assert [a.route for a in answers] == [r.name for r in choice.usable]
    assert len(choice.usable) + len(choice.refused) == len(routes)
    assert (choice.no_send is None) == bool(choice.usable)


async def test_without_a_protected_route_nothing_is_sent_and_the_reason_is_named():
    routes = [Route("open", drops_reverts=False)]
    assert await submit(bundle(), routes, SystemClock(), SECOND) == ()
    assert routes_for(bundle(), routes).no_send == f"{NO_PROTECTED_ROUTE} (configured: open)"
    assert routes_for(bundle(), []).no_send == "no route is configured"
    assert routes[0].received == []


async def test_one_routes_trouble_touches_no_other():
    hangs = asyncio.Event()
    routes = [
        Route("raises", behaviour=raising(ZeroDivisionError())),
        Route("hangs", behaviour=hangs.wait),
        Route("lies", behaviour=lambda: "accepted, surely"),
        Route("refuses", behaviour=lambda: Reverted("bad bundle")),
        Route("good"),
    ]
    answers = await submit(bundle(), routes, SystemClock(), Nanoseconds(50_000_000))
    by_name = {a.route: a.answer for a in answers}
    assert by_name["raises"] == Unknown("the route failed: ZeroDivisionError")
    assert isinstance(by_name["hangs"], Unknown)
    assert by_name["lies"] == Unknown("the route answered with a str")
    assert by_name["refuses"] == Reverted("bad bundle")
    assert by_name["good"] == Ok("0xbundle")
    assert [len(r.received) for r in routes] == [1] * 5


async def test_all_routes_are_handed_the_bundle_before_any_has_answered():
    everybody_has_it = asyncio.Barrier(3)

    async def meet():
        await everybody_has_it.wait()
        return Ok("0xbundle")

    routes = [Route(name, behaviour=meet) for name in "abc"]
    answers = await submit(bundle(), routes, SystemClock(), Nanoseconds(10 * SECOND))
    assert [a.answer for a in answers] == [Ok("0xbundle")] * 3


async def test_a_cancelled_submission_is_not_swallowed():
    task = asyncio.ensure_future(
        submit(
            bundle(),
            [Route("hangs", behaviour=asyncio.Event().wait)],
            SystemClock(),
            Nanoseconds(60 * SECOND),
        )
    )
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_replans_of_one_wallet_nonce_and_block_share_their_uuid():
    head = head_at(100)
    first, second = plan_on(head), plan_on(head, opportunity(head, "b"))
    assert first.id != second.id
    assert replacement_uuid(first, SALT) == replacement_uuid(second, SALT)


@given(st.integers(0, 2**64), st.integers(1, 2**40), st.binary(min_size=32, max_size=32))
def test_the_uuid_is_rfc_4122_text_of_version_4(nonce, number, salt):
    plan = plan_on(head_at(number), nonce=nonce)
    parsed = uuid.UUID(replacement_uuid(plan, salt))
    assert str(parsed) == replacement_uuid(plan, salt)
    assert (parsed.version, parsed.variant) == (4, uuid.RFC_4122)


def test_another_nonce_block_wallet_or_salt_has_another_uuid():
    head = head_at(100)
    plan = plan_on(head)
    uuids = {
        replacement_uuid(plan, SALT),
        replacement_uuid(plan, b"\x01" * 32),
        replacement_uuid(plan_on(head, nonce=8), SALT),
        replacement_uuid(plan_on(head_at(101)), SALT),
        replacement_uuid(replace(plan, sender=bytes(20)), SALT),
    }
    assert len(uuids) == 5


def test_every_bundle_of_a_plan_may_revert():
    plan = plan_on(head_at(100))
    made = bundle_of(plan, SignedTransaction(b"\x02raw", tx_hash("payload"), plan.transaction), SALT)
    assert made == Bundle((b"\x02raw",), 101, replacement_uuid(plan, SALT), may_revert=True)
    assert plan.sender == OPERATOR


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Ok("0x12"), "accepted"),
        (Reverted("HTTP 429"), "refused: HTTP 429"),
        (Unknown("silence"), "unknown: silence"),
    ],
)
def test_the_journal_keeps_what_the_route_said(answer, text):
    given_answer = RouteAnswer("titan", answer, Nanoseconds(5), Nanoseconds(6), Nanoseconds(99))
    record = attempt_record(IntentId("intentid"), tx_hash("payload"), 101, given_answer)
    assert (record.route, record.answer, record.sent_at, record.answered_after) == ("titan", text, 5, 6)

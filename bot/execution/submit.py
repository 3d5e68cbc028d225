"""To whom a bundle may go, and handing it over: all at once, each route on its own."""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from bot.core.decisions import Bundle, Plan
from bot.core.identity import IntentId, TxHash, keccak
from bot.core.ports import BundleRoute, Clock
from bot.core.records import AttemptRecord
from bot.core.result import Ok, Reverted, Unknown
from bot.core.transaction import SignedTransaction
from bot.core.units import Nanoseconds

NO_PROTECTED_ROUTE: Final = "no route drops reverts"
"""The named reason when a plan that may revert has nowhere to go. It is never sent elsewhere."""


class RefusedRoute(msgspec.Struct, frozen=True):
    name: str
    reason: str


class RouteChoice(msgspec.Struct, frozen=True):
    usable: tuple[BundleRoute, ...]
    refused: tuple[RefusedRoute, ...]

    @property
    def no_send(self) -> str | None:
        """Why nothing is sent; None when there is at least one route."""
        if self.usable:
            return None
        named = ", ".join(route.name for route in self.refused)
        return f"{NO_PROTECTED_ROUTE} (configured: {named})" if named else "no route is configured"


class RouteAnswer(msgspec.Struct, frozen=True):
    route: str
    answer: Ok[str] | Reverted | Unknown
    sent_at: Nanoseconds
    """UTC."""
    answered_after: Nanoseconds
    answered_at: Nanoseconds
    """Monotonic, to be set against the arrival of the target block."""


def replacement_uuid(plan: Plan, salt: bytes, target_block: int | None = None) -> str:
    """The same text for every payload of one wallet, nonce and target block, so that a later one replaces.

    Relays want RFC 4122 text of version 4; these 122 bits come from a hash instead of chance. `salt` is known to
    this engine alone: some builders cancel by uuid without asking who asks.
    """
    fields = plan.transaction
    # A back-run replaces nothing but itself: the wallet's own bundle for that block stays with the relays.
    follows = plan.behind.hash if plan.behind is not None else b""
    block = plan.target_block if target_block is None else target_block
    seed = keccak(salt + plan.sender + b"%d/%d/%d" % (fields.chain_id, fields.nonce, block) + follows)[:16]
    marked = bytes([*seed[:6], seed[6] & 0x0F | 0x40, seed[7], seed[8] & 0x3F | 0x80, *seed[9:]]).hex()
    return "-".join((marked[:8], marked[8:12], marked[12:16], marked[16:20], marked[20:]))


def bundle_of(plan: Plan, signed: SignedTransaction, salt: bytes, target_block: int | None = None) -> Bundle:
    """For the plan's target block, or a later one of its window. Every plan has a minimum profit, so each may revert.

    A back-run stands behind the transaction it follows, never before: that one first in the bundle where it is known,
    else named by its hash, which only `mev_sendBundle` can say.
    """
    behind = plan.behind
    before = (behind.transaction.raw,) if behind is not None and behind.transaction is not None else ()
    return Bundle(
        transactions=(*before, signed.raw),
        target_block=plan.target_block if target_block is None else target_block,
        replacement_uuid=replacement_uuid(plan, salt, target_block),
        may_revert=True,
        behind_hash=behind.hash if behind is not None and not before else None,
    )


def routes_for(bundle: Bundle, routes: Sequence[BundleRoute]) -> RouteChoice:
    """Law 7: what may revert goes only where reverts are dropped. What is broken waits until it is tried again."""
    usable: list[BundleRoute] = []
    refused: list[RefusedRoute] = []
    for route in routes:
        reason = _why_not(bundle, route)
        if reason is None:
            usable.append(route)
        else:
            refused.append(RefusedRoute(route.name, reason))
    return RouteChoice(tuple(usable), tuple(refused))


def _why_not(bundle: Bundle, route: BundleRoute) -> str | None:
    if bundle.may_revert and route.drops_reverts is not True:
        return "the plan may revert and this route mines reverts"
    if bundle.behind_hash is not None and not route.takes_hints:
        return "it cannot put a bundle behind a transaction that is known by its hash alone"
    if not route.is_usable:
        return f"it is not usable: {route.standing.problem}"
    return route.why_refused(bundle)


async def submit(
    bundle: Bundle, routes: Sequence[BundleRoute], clock: Clock, limit: Nanoseconds
) -> tuple[RouteAnswer, ...]:
    """Hand the bundle to every usable route at once; one answer for each, in their order. Empty: nothing was sent."""
    return tuple(await asyncio.gather(*hand_over(bundle, routes_for(bundle, routes).usable, clock, limit)))


def hand_over(
    bundle: Bundle, routes: Sequence[BundleRoute], clock: Clock, limit: Nanoseconds
) -> list[asyncio.Task[RouteAnswer]]:
    """A task for every route, chosen by `routes_for`, in their order: where a connection is open, its first step writes the bundle.

    A route that raises, lies about its type or takes longer than `limit` is Unknown, and touches no other.
    """
    return [asyncio.create_task(_hand_over(bundle, route, clock, limit)) for route in routes]


def attempt_record(intent: IntentId, tx_hash: TxHash, target_block: int, given: RouteAnswer) -> AttemptRecord:
    """As the journal keeps it: accepted | refused: … | unknown: …"""
    match given.answer:
        case Ok():
            answer = "accepted"
        case Reverted(reason=reason):
            answer = f"refused: {reason}"
        case Unknown(cause=cause):
            answer = f"unknown: {cause}"
    return AttemptRecord(
        intent=intent,
        tx_hash=tx_hash,
        route=given.route,
        target_block=target_block,
        sent_at=given.sent_at,
        answered_after=given.answered_after,
        answer=answer,
    )


async def _hand_over(bundle: Bundle, route: BundleRoute, clock: Clock, limit: Nanoseconds) -> RouteAnswer:
    sent_at, started = clock.utc(), clock.monotonic()
    answer: Ok[str] | Reverted | Unknown
    try:
        within = await clock.within(limit, route.send(bundle))
        answer = within.value if isinstance(within, Ok) else within
        if not isinstance(answer, Ok | Reverted | Unknown):
            answer = Unknown(f"the route answered with a {type(answer).__name__}")
    except Exception as error:  # noqa: BLE001  # one route's defect must not keep the bundle from the others
        answer = Unknown(f"the route failed: {type(error).__name__}")
    answered_at = clock.monotonic()
    return RouteAnswer(
        route=route.name,
        answer=answer,
        sent_at=sent_at,
        answered_after=Nanoseconds(answered_at - started),
        answered_at=answered_at,
    )

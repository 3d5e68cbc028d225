"""From an Approved to the wire, in the one order there is (law 3): durable intent, signature, durable payload, send."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from bot.core.decisions import Approved, Bundle, Outcome, Plan, Verdict
from bot.core.identity import IntentId, TxHash, WalletName
from bot.core.messages import Head
from bot.core.ports import BundleRoute, Clock, Journal, Signer
from bot.core.records import IntentRecord, OutcomeRecord, PayloadRecord
from bot.core.result import Ok, Reverted, Unknown
from bot.core.transaction import SignedTransaction
from bot.core.units import Nanoseconds, Wei
from bot.execution.handed_over import HandedOver
from bot.execution.maintenance import InFlight
from bot.execution.nonce_line import LivePayload, NonceLine
from bot.execution.resubmission import Standing, StandingPayloads, best_of
from bot.execution.send_timing import RouteLatency, UsualTime
from bot.execution.submit import (
    RouteAnswer,
    attempt_record,
    bundle_of,
    hand_over,
    replacement_uuid,
    routes_for,
)

NO_OFFSET = Nanoseconds(0)
NOT_ANSWERED = Unknown("not answered yet")
"""What is on disk of an attempt from before its first byte leaves until the route has spoken."""


class Sent(msgspec.Struct, frozen=True):
    """A signature exists and is being handed to so many routes; what they say comes later."""

    routes: int


class NotSigned(msgspec.Struct, frozen=True):
    """The signer refused by its own policy: no signature exists."""

    reason: str


class MaybeSigned(msgspec.Struct, frozen=True):
    """The signer did not answer: a signature may exist, so the intent stays open and its budget reserved."""

    cause: str


class Dispatcher:
    """What sending takes. `salt` makes replacement uuids that only this engine can name.

    `prepare` makes a bundle's bytes for all routes at once, while the journal is being written.
    """

    def __init__(
        self,
        run_id: str,
        journal: Journal,
        signer: Signer,
        routes: Sequence[BundleRoute],
        in_flight: InFlight,
        clock: Clock,
        limit: Nanoseconds,
        salt: bytes,
        prepare: Callable[[Bundle], object] = lambda _: None,
    ) -> None:
        self._run_id = run_id
        self._journal = journal
        self._signer = signer
        self._routes = tuple(routes)
        self._in_flight = in_flight
        self._clock = clock
        self._limit = limit
        self._salt = salt
        self._prepare = prepare
        self._handing_over: set[asyncio.Task[None]] = set()
        self.standing = StandingPayloads()
        """What may be handed over again at a later head."""
        self.latency = RouteLatency()
        self.preparation = UsualTime()
        """From the first record to the first byte: what the next bundle is reckoned to take."""
        self.handed = HandedOver()

    @property
    def routes(self) -> tuple[BundleRoute, ...]:
        return self._routes

    def why_no_route(self, plan: Plan) -> str | None:
        """Asked before anything is signed: why no route may be given this plan; None when there is one (law 7)."""
        unsigned = SignedTransaction(plan.transaction.unsigned_payload(), TxHash(bytes(32)), plan.transaction)
        return routes_for(bundle_of(plan, unsigned, self._salt), self._routes).no_send

    async def dispatch(
        self,
        approved: Approved,
        line: NonceLine,
        took: Callable[[str, int], None] = lambda _step, _ns: None,
        beside: Sequence[Awaitable[None]] = (),
        target_block: int | None = None,
        offset: Nanoseconds = NO_OFFSET,
    ) -> Sent | NotSigned | MaybeSigned:
        """Sign once and hand over to every usable route that drops reverts. The caller has reserved the budget.

        `took` is told the duration of each step. `beside` is recorded before the intent, most often by one commit.
        `target_block`: another of the window than the plan's own, where that one is too late. `offset`: as in
        IntentRecord.
        """
        plan, started = approved.plan, self._clock.monotonic()
        await asyncio.gather(*beside, self._journal.record_intent(self._intent(approved, offset)))
        self._in_flight.recorded(plan)
        recorded = self._clock.monotonic()
        took("intent on disk", recorded - started)
        signed = await self._signer.sign(approved)
        took("signer", self._clock.monotonic() - recorded)
        if isinstance(signed, Reverted):
            return await self._refused(approved, signed.reason)
        if isinstance(signed, Unknown):
            self._in_flight.signer_silent(plan.id)
            return MaybeSigned(signed.cause)
        return await self._hand_over(approved, signed.value, line, took, target_block, started)

    async def _refused(self, approved: Approved, reason: str) -> NotSigned:
        """Close the intent on disk: a start must not take it for one whose end is open."""
        plan = approved.plan
        outcome = Outcome(plan.id, Verdict.CANCELLED, f"nothing was signed: the signer refused: {reason}")
        await self._journal.record_outcome(
            OutcomeRecord(self._run_id, plan.wallet, outcome, Wei(0), self._clock.utc())
        )
        self._in_flight.signer_refused(plan.id)
        return NotSigned(reason)

    async def collect(self, *, wait: bool) -> None:
        """Take in what routes have said since; with `wait` (lockstep, and at the end) until all have spoken.

        Raises what went wrong in recording it: an attempt that cannot be written is a journal that cannot be trusted.
        """
        spoken = {task for task in self._handing_over if wait or task.done()}
        self._handing_over -= spoken
        await asyncio.gather(*spoken)

    async def _hand_over(
        self,
        approved: Approved,
        signed: SignedTransaction,
        line: NonceLine,
        took: Callable[[str, int], None],
        target_block: int | None,
        started: Nanoseconds,
    ) -> Sent:
        """The payload and its attempts are on disk, most often by one commit, before the first byte leaves.

        A route that hangs holds up neither the tick nor the others.
        """
        plan = approved.plan
        line.note_payload(LivePayload(plan.id, plan.transaction.nonce, signed.hash))
        target = plan.target_block if target_block is None else target_block
        sent = await self._send(plan, signed, target, took, self._payload(approved, signed))
        self.standing.note_sent(plan, signed, target)
        self.preparation.note(Nanoseconds(self._clock.monotonic() - started))
        return sent

    def one_way_up(self) -> Nanoseconds:
        """To the quickest of the usable routes that have answered: until then a bundle is of use to one of them."""
        known = self.latency.seen()
        names = [route.name for route in self._routes if route.is_usable and route.name in known]
        return self.latency.quickest_up(names)

    def doubt_times(self) -> None:
        """What was measured says that it is too late: were it wrong, nothing would be sent that could prove it."""
        self.preparation.doubt()
        self.latency.doubt()

    def own_for(self, wallet: WalletName, target_block: int) -> Plan | None:
        """What this wallet was handed over for that block and follows nothing; of several the one that earns most."""
        own = [plan for plan in self.handed.can_land_in(wallet, target_block) if plan.behind is None]
        return max(own, key=lambda plan: plan.predicted_profit, default=None)

    def due(self, wallet: WalletName, nonce: int, head: Head) -> Standing | None:
        """The wallet's best payload that may be handed over again for the block after `head`."""
        if not self.standing:
            return None
        still_open = [plan.id for plan in self._in_flight.open_intents()]
        return best_of(self.standing.due(head, still_open), wallet, nonce)

    async def resubmit(
        self,
        standing: Standing,
        target_block: int,
        took: Callable[[str, int], None] = lambda _step, _ns: None,
    ) -> Sent:
        """The very bytes again, for a later block of their window. The caller had them simulated anew."""
        standing.aimed_at = target_block
        return await self._send(standing.plan, standing.signed, target_block, took)

    def withdraw(self, intent: IntentId) -> None:
        """It no longer pays: handed over no more, and watched until its window is over."""
        self.standing.withdraw(intent)
        self._in_flight.no_longer_pays(intent)

    async def _send(
        self,
        plan: Plan,
        signed: SignedTransaction,
        target_block: int,
        took: Callable[[str, int], None],
        payload: PayloadRecord | None = None,
    ) -> Sent:
        tx_hash, bundle = signed.hash, bundle_of(plan, signed, self._salt, target_block)
        now, started = self._clock.utc(), self._clock.monotonic()
        # Chosen once: a route that comes back meanwhile is given nothing that is not on disk.
        routes = routes_for(bundle, self._routes).usable
        pending = [RouteAnswer(route.name, NOT_ANSWERED, now, Nanoseconds(0), started) for route in routes]
        recordings = self._recordings(plan.id, tx_hash, bundle, pending)
        if payload is not None:
            recordings = [self._journal.record_payload(payload), *recordings]
        on_disk = asyncio.gather(*recordings)
        self._prepare(bundle)
        await on_disk
        if payload is not None:
            self._in_flight.signed(plan.id, tx_hash)
        self._in_flight.answered(plan.id, pending, target_block)
        recorded = self._clock.monotonic()
        took("payload on disk", recorded - started)
        if routes:
            self.handed.note(plan, target_block)
        handed = hand_over(bundle, routes, self._clock, self._limit)
        self._handing_over.add(asyncio.create_task(self._submitted(plan.id, tx_hash, bundle, handed)))
        # aiohttp writes a body in its second turn: the bundle is on its way before the tick goes on.
        for _ in range(2):
            await asyncio.sleep(0)
        took("write to routes", self._clock.monotonic() - recorded)
        return Sent(len(pending))

    async def cancel_open(self, head: int) -> int:
        """Take back, at every route that can, what may still land after block `head`; how many routes took note.

        A bid that a relay has already passed on can still land: nothing is freed, nothing forgotten.
        """
        uuids = {
            replacement_uuid(plan, self._salt, block)
            for plans in self.handed.by_wallet(head + 1)
            for plan in plans
            for block in range(head + 1, plan.window.last_block + 1)
        }
        answers = await asyncio.gather(
            *(self._cancel(route, uuid) for route in self._routes for uuid in sorted(uuids))
        )
        return sum(answers)

    async def _cancel(self, route: BundleRoute, uuid: str) -> bool:
        try:
            answer = await self._clock.within(self._limit, route.cancel(uuid))
        except Exception:  # noqa: BLE001  # one route's defect must not keep the others from being asked
            return False
        return isinstance(answer, Ok) and isinstance(answer.value, Ok)

    async def _submitted(
        self, intent: IntentId, tx_hash: TxHash, bundle: Bundle, handed: Sequence[asyncio.Task[RouteAnswer]]
    ) -> None:
        """Each route's word counts when it comes: one that is silent holds up what the others said by nothing."""
        await asyncio.gather(*(self._spoken(intent, tx_hash, bundle, task) for task in handed))

    async def _spoken(
        self, intent: IntentId, tx_hash: TxHash, bundle: Bundle, task: asyncio.Task[RouteAnswer]
    ) -> None:
        answer = await task
        if not isinstance(answer.answer, Unknown):
            self.latency.note(answer.route, answer.answered_after)
        self._in_flight.answered(intent, [answer], bundle.target_block)
        await asyncio.gather(*self._recordings(intent, tx_hash, bundle, [answer]))

    def _recordings(
        self, intent: IntentId, tx_hash: TxHash, bundle: Bundle, answers: Sequence[RouteAnswer]
    ) -> list[Awaitable[None]]:
        records = (attempt_record(intent, tx_hash, bundle.target_block, answer) for answer in answers)
        return [self._journal.record_attempt(record) for record in records]

    def _intent(self, approved: Approved, offset: Nanoseconds) -> IntentRecord:
        return IntentRecord(
            run_id=self._run_id,
            plan=approved.plan,
            simulation=approved.simulation,
            reservation=approved.reservation,
            checks=approved.checks,
            recorded_at=self._clock.utc(),
            offset=offset,
        )

    def _payload(self, approved: Approved, signed: SignedTransaction) -> PayloadRecord:
        return PayloadRecord(
            intent=approved.plan.id,
            tx_hash=signed.hash,
            digest=signed.fields.digest(),
            nonce=signed.fields.nonce,
            raw=signed.raw,
            recorded_at=self._clock.utc(),
        )

"""Our side of `submit`: the real Dispatcher over the real signer process, the real journal on disk, the real routes."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from bot.chain.relay_bodies import BundleBodies, Prepared
from bot.chain.relay_identity import RelayIdentity
from bot.chain.relay_row import RelayRow
from bot.chain.relay_rows import MARKET
from bot.chain.relays import RelayRoute, open_route
from bot.chain.signer_client import SignerClient
from bot.clock import SystemClock
from bot.core.decisions import Bundle
from bot.core.identity import Address
from bot.core.records import RunRecord
from bot.core.result import Ok, Reverted
from bot.core.units import Nanoseconds, Wei
from bot.execution.config import ExecutionConfig
from bot.execution.dispatch import Dispatcher, Sent
from bot.execution.maintenance import InFlight
from bot.execution.nonce_line import NonceLine
from bot.journal.store import JournalStore, open_journal
from scripts.benches.submit_case import EXECUTOR, WALLET, WETH, approved, fields_of, head_of

LIMIT = Nanoseconds(5 * 10**9)
SEND_STEPS = ("body", "identity signature")


class TimedBodies(BundleBodies):
    """What all routes share, adding up what it took."""

    def __init__(self, identity: RelayIdentity) -> None:
        super().__init__(identity)
        self.took = dict.fromkeys(SEND_STEPS, 0)

    def of(self, bundle: Bundle, row: RelayRow) -> Prepared | Reverted:
        started = time.perf_counter_ns()
        try:
            return super().of(bundle, row)
        finally:
            self.took["body"] += time.perf_counter_ns() - started

    def signed(self, prepared: Prepared) -> str:
        started = time.perf_counter_ns()
        try:
            return super().signed(prepared)
        finally:
            self.took["identity signature"] += time.perf_counter_ns() - started


class Round(msgspec.Struct):
    """Monotonic nanoseconds of the beginning (calldata is before it), and what the steps took."""

    began: int
    steps: dict[str, int]


class Ours:
    """One engine, submitting round by round to as many relays as it is told."""

    def __init__(self, folder: Path, identity: bytes, sender: Address) -> None:
        self._clock = SystemClock()
        self._identity = RelayIdentity(identity)
        self._signer = SignerClient(folder / "socket" / "signer", self._clock, LIMIT)
        self._journal: JournalStore = open_journal(folder / "journal.sqlite3", WETH)
        config = ExecutionConfig(EXECUTOR, sender, WETH, Wei(0))
        self._in_flight = InFlight(None, config)  # type: ignore[arg-type]  # the chain is asked at heads alone
        self._sender = sender
        self._line = NonceLine(WALLET)
        self._routes: tuple[RelayRoute, ...] = ()

    async def start(self) -> None:
        await self._journal.record_run(RunRecord("submit", 31337, "market", "live", self._clock.utc(), None))

    async def aim_at(self, ports: Iterable[int]) -> None:
        """New routes, sharing one body and one signature."""
        await self._close_routes()
        self._bodies = TimedBodies(self._identity)
        self._routes = tuple(
            open_route(
                _row(place),
                f"http://127.0.0.1:{port}",
                self._identity,
                self._clock,
                LIMIT,
                bodies=self._bodies,
            )
            for place, port in enumerate(ports)
        )
        self._dispatcher = Dispatcher(
            run_id="submit",
            journal=self._journal,
            signer=self._signer,
            routes=self._routes,
            in_flight=self._in_flight,
            clock=self._clock,
            limit=LIMIT,
            salt=bytes(32),
        )

    async def submit(self, place: int) -> Round:
        """Ends when every relay has answered; what came where is known to the relays."""
        told = await self._signer.report_nonce(WALLET, place, head_of(place).number)
        if not isinstance(told, Ok):
            raise SystemExit(f"the signer does not take the nonce: {told}")
        self._line.note_count(place, head_of(place))
        started = time.perf_counter_ns()
        fields = fields_of(place)
        steps = {"calldata": time.perf_counter_ns() - started}
        allowed = approved(place, self._sender, fields, self._clock.utc())
        before = dict(self._bodies.took)
        began = time.monotonic_ns()
        sent = await self._dispatcher.dispatch(allowed, self._line, steps.__setitem__)
        await self._dispatcher.collect(wait=True)
        if not isinstance(sent, Sent) or sent.routes != len(self._routes):
            raise SystemExit(f"not sent to all {len(self._routes)} relays: {sent}")
        steps |= {name: self._bodies.took[name] - before[name] for name in SEND_STEPS}
        return Round(began, steps)

    async def close(self) -> None:
        await self._close_routes()
        await self._signer.close()
        await self._journal.close()

    async def _close_routes(self) -> None:
        for route in self._routes:
            await route.close()


def _row(place: int) -> Any:
    """A relay like the market's, without a budget: the bench's rounds are no blocks."""
    return msgspec.structs.replace(MARKET, name=f"relay-{place}", per_minute={}, other_per_minute=10**9)

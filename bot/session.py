"""One run of the bot, from the command to the closing report: checks, wiring, live view, orderly stop."""

import argparse
import asyncio
import json
import logging
import secrets
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import msgspec
import structlog
import uvloop

from bot.clock import SystemClock
from bot.compose import Adapters, compose, halt_reason, open_adapters
from bot.compose_feeds import following, open_exchanges, open_pending, open_recorder
from bot.core.errors import EXIT_GOOD, EXIT_INTERRUPTED, BadConfiguration, BrokenInvariant, Halted, StopTheBot
from bot.core.identity import Address, WalletName
from bot.core.records import RunRecord
from bot.feeds.cex.exchange_feeds import ExchangeFeeds
from bot.feeds.cex.frame_reader import warm_frames
from bot.garbage import Garbage
from bot.journal.read import JournalReader
from bot.journal.store import JournalStore, open_journal
from bot.loop import Loop, LoopDeps, World
from bot.opportunities.warm import warm_kernels
from bot.ops import doctor
from bot.ops.barred_tokens import barred_in_words
from bot.ops.exchange_checks import check_exchanges, price_warnings, reference_config
from bot.ops.exchange_watch import ExchangeWatch
from bot.ops.observed_journal import ObservedJournal
from bot.ops.relay_view import RelayBoard
from bot.ops.relay_watch import RelayWatch
from bot.ops.report import build_report
from bot.ops.report_text import report_text
from bot.ops.run_folder import JOURNAL_FILE, deliver
from bot.ops.run_progress import LimitUse, RunProgress
from bot.ops.show import Show
from bot.settings import Settings, load_settings, read_environment
from bot.supervisor import await_file

log = structlog.get_logger()


def run_session(options: argparse.Namespace) -> int:
    """`bot run`. 0 after an orderly end, by `--blocks` or SIGTERM; 130 after Ctrl-C, orderly too unless it came twice."""
    show = Show(plain=options.plain)
    started = time.monotonic()
    warm_kernels(show.compiling)
    if options.after is not None:  # the local market has exchanges; while it is being built there is time
        warm_frames(show.compiling)
    show.step("search kernels", f"ready ({time.monotonic() - started:.1f} s)")
    await_file(options.after)
    settings = load_settings(read_environment(options.env_file))
    if settings.exchanges and options.after is None:
        warm_frames(show.compiling)
    _log_to(settings.data_dir / "logs" / "bot.jsonl", settings.variables.log_level)
    halt = halt_reason(settings.data_dir)
    if halt is not None and settings.sends:
        raise Halted(halt)
    store = open_journal(settings.data_dir / JOURNAL_FILE, settings.chain.weth.address)
    recorded: list[RunRecord] = []
    try:
        return uvloop.run(_run(settings, store, show, options, recorded))
    except StopTheBot:
        raise
    except Exception as error:  # the operator gets one line, and the log the whole of it
        log.exception("run.defect")
        where = settings.data_dir / "logs" / "bot.jsonl"
        raise BrokenInvariant(
            f"a defect of the bot ended the run ({type(error).__name__}: {error}); see {where}"
        ) from error
    finally:
        # Also after an error that ended the run: what it did until then is told. Never another run's figures.
        for run in recorded:
            report = build_report(JournalReader(settings.data_dir / JOURNAL_FILE), run)
            deliver(report, report_text(report), as_json=options.json, file=options.report)


def run_doctor(options: argparse.Namespace) -> int:
    """`bot doctor`: every check of a start, and nothing else. Exit codes as `bot run` would have."""
    settings = load_settings(read_environment(options.env_file))
    findings = uvloop.run(_examine(settings))
    content = {"schema": 1, "findings": [msgspec.to_builtins(finding) for finding in findings]}
    text = "\n".join(f"  ok  {finding.subject:<18} {finding.found}" for finding in findings)
    deliver(content, text, as_json=options.json, file=options.report)
    return EXIT_GOOD


async def _examine(settings: Settings) -> list[doctor.Finding]:
    async with open_adapters(settings) as adapters:
        wallets: dict[WalletName, Address] = {}
        findings = [finding async for finding in _checks(settings, adapters, wallets)]
        return findings + [finding async for finding in check_exchanges(settings, SystemClock())]


class _Signals:
    """Before the loop runs, a signal cancels; then the first orders the stop and the second cancels."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.is_looping = False
        self.received: list[int] = []
        self._running = asyncio.current_task()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal, number)

    def exit_code(self) -> int:
        return EXIT_INTERRUPTED if signal.SIGINT in self.received or len(self.received) > 1 else EXIT_GOOD

    def _on_signal(self, number: int) -> None:
        self.received.append(number)
        self.stop.set()
        if (len(self.received) > 1 or not self.is_looping) and self._running is not None:
            self._running.cancel()


async def _run(
    settings: Settings,
    store: JournalStore,
    show: Show,
    options: argparse.Namespace,
    recorded: list[RunRecord],
) -> int:
    signals = _Signals()
    try:
        async with (
            open_adapters(settings) as adapters,
            open_recorder(settings) as recorder,
            open_exchanges(settings, recorder) as exchanges,
            open_pending(settings, adapters) as pending,
        ):
            wallets: dict[WalletName, Address] = {}
            async for finding in _checks(settings, adapters, wallets):
                show.step(finding.subject, finding.found)
            for warning in price_warnings(settings):
                show.step("reference price", f"NONE: {warning}")
            await _compare_counters(settings, adapters, store)
            run = await _run_record(settings, adapters, store)
            await store.record_run(run)
            recorded.append(run)
            progress = RunProgress()
            for earlier in await store.open_intents():
                progress.on_intent(earlier.record)
            journal = ObservedJournal(store, progress)
            deps, world = await compose(
                settings, adapters, store, journal, run.run_id, wallets, _tokens_tested(show), recorder
            )
            _show_world(show, world)
            async with show.running(progress, _banner(settings), signals.stop) as shown:
                signals.is_looping = True
                after_block = _after_block(deps, settings, progress, shown)
                garbage = Garbage()
                deps = msgspec.structs.replace(
                    deps,
                    after_block=after_block,
                    rest=garbage.between_blocks,
                    pending=pending,
                    follow=following(settings, adapters, deps.tick) if pending is not None else None,
                )
                loop = Loop(deps, world, signals.stop, options.blocks)
                del world  # the loop's alone: a state that was rebuilt must not keep the first one alive
                watching = _exchange_watch(settings, exchanges).run(progress)
                await _loop(loop, garbage, watching, _relay_watch(settings, adapters, progress).run())
    except asyncio.CancelledError:
        if not signals.received:
            raise
    finally:
        await store.close()
    return signals.exit_code()


def _show_world(show: Show, world: World) -> None:
    table, left_out = world.state.table, world.search.cycles_left_out
    beyond = f", {left_out} more are beyond what is held and not looked at" if left_out else ""
    show.step(
        "pools", f"{len(table)} at block {world.state.ref.number}, {world.search.cycle_count} cycles{beyond}"
    )
    show.step("tokens", barred_in_words([table.why_barred(index) for index in range(len(table))]))


def _tokens_tested(show: Show) -> Callable[[int, int], None]:
    """Says how far the test of tokens is, at most once a second, and when it is done."""
    said = time.monotonic()

    def tested(done: int, total: int) -> None:
        nonlocal said
        if total and (done == total or time.monotonic() - said > 1):
            said = time.monotonic()
            show.step("token check", f"{done}/{total}")

    return tested


async def _loop(loop: Loop, garbage: Garbage, *works: Coroutine[Any, Any, None]) -> None:
    """The loop, and beside it what looks after memory, at the exchanges and after the routes."""
    with garbage.held():
        beside = [asyncio.create_task(work) for work in (garbage.guard(), *works)]
        try:
            await loop.run()
        finally:
            for task in beside:
                task.cancel()
            for outcome in await asyncio.gather(*beside, return_exceptions=True):
                if isinstance(outcome, Exception):
                    log.error("beside_the_loop.defect", reason=f"{type(outcome).__name__}: {outcome}")


def _exchange_watch(settings: Settings, exchanges: ExchangeFeeds) -> ExchangeWatch:
    assets, config = settings.variables.quote_assets, reference_config(settings)
    # The machine's clock, in lockstep too: it is the exchanges' own.
    return ExchangeWatch(exchanges, assets, config, settings.data_dir, SystemClock())


def _relay_watch(settings: Settings, adapters: Adapters, progress: RunProgress) -> RelayWatch:
    def seen(board: RelayBoard) -> None:
        progress.relays = board

    # Pings follow the machine's clock: in lockstep, where requests must repeat, relays hear of us by bundles alone.
    return RelayWatch(adapters.routes, settings.data_dir, seen, warms=not settings.variables.lockstep)


async def _checks(
    settings: Settings, adapters: Adapters, wallets: dict[WalletName, Address]
) -> AsyncIterator[doctor.Finding]:
    """Every check the mode needs; fills `wallets` on the way."""
    async for finding in doctor.check_chain(settings, adapters.reader):
        yield finding
    if settings.mode == "observe":
        return
    yield doctor.Finding("simulation", adapters.how_simulated)
    if adapters.signer is not None:
        hello = await doctor.greet_signer(settings, adapters.signer, adapters.clock)
        wallets |= {w.name: w.address for w in hello.wallets if w.name in settings.wallets}
        yield doctor.Finding("signer", f"{settings.signer_socket}, {len(wallets)} wallet(s)")
    else:
        wallets |= doctor.keystore_addresses(settings)
    async for finding in doctor.check_executor(settings, adapters.reader, wallets):
        yield finding
    async for finding in doctor.check_wallets(adapters.reader, wallets):
        yield finding
    async for finding in doctor.check_relays(settings, adapters.clock):
        yield finding


async def _compare_counters(settings: Settings, adapters: Adapters, store: JournalStore) -> None:
    if adapters.signer is None:
        return
    hello = await doctor.greet_signer(settings, adapters.signer, adapters.clock)
    for wallet in hello.wallets:
        doctor.check_counters(wallet, await store.wallet_history(wallet.address), settings.data_dir)


def _after_block(
    deps: LoopDeps, settings: Settings, progress: RunProgress, show: Callable[[], None]
) -> Callable[[], None]:
    def after_block() -> None:
        progress.limits = tuple(_limit_uses(deps, settings, progress))
        show()

    return after_block


def _limit_uses(deps: LoopDeps, settings: Settings, progress: RunProgress) -> Iterator[LimitUse]:
    ledger, now = deps.tick.ledger, deps.tick.clock.utc()
    head = progress.blocks[-1].block.number if progress.blocks else 0
    for name in deps.lines:
        limits = settings.wallet_limits.get(name)
        if limits is not None:
            yield LimitUse(name, "gas today", ledger.gas_spend(name, now), limits.gas_spend_per_day)
            yield LimitUse(name, "loss today", ledger.loss(name, now), limits.loss_per_day)
            yield LimitUse(name, "in flight", ledger.in_flight(name, head), limits.value_in_flight)
            yield LimitUse(
                name, "failures in a row", ledger.failures_in_a_row(name), limits.failures_in_a_row
            )


async def _run_record(settings: Settings, adapters: Adapters, store: JournalStore) -> RunRecord:
    seed = settings.variables.market_seed
    # In lockstep two runs of a seed must write equal records, so the id follows from the seed and the runs before.
    run_id = (
        f"s{seed or 0}r{await store.run_count()}" if settings.variables.lockstep else secrets.token_hex(4)
    )
    return RunRecord(
        run_id=run_id,
        chain_id=settings.chain.chain_id,
        chain=settings.variables.chain,
        mode=settings.mode,
        started_at=adapters.clock.utc(),
        seed=seed,
    )


def _banner(settings: Settings) -> str:
    mode = {
        "observe": "observing: finds and explains, signs nothing",
        "simulate": "simulating: signs nothing",
    }.get(settings.mode, "LIVE: signs and sends")
    if settings.chain.is_throwaway:
        name = "Fork" if settings.variables.chain == "fork" else "Local market"
        return (
            f"{name} — not real money"
            + (", seeded to offer opportunities" if name == "Local market" else "")
            + f". {mode}."
        )
    return f"{settings.chain.name} — {mode}."


def _log_to(path: Path, level: str) -> None:
    """JSON lines to a file of the data folder: the terminal belongs to the view."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = path.open("a", buffering=1)
    except OSError as error:
        raise BadConfiguration(f"BOT_DATA_DIR: {path.parent} cannot be written: {error.strerror}") from error
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=json.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=file),
    )

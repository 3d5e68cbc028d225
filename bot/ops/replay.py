"""`bot replay`: a folder of recordings through the same feeds that made it, and what that came to."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import msgspec
import structlog

from bot.core.market_data import PRICE_DECIMALS, SIZE_DECIMALS, Pair
from bot.feeds.cex.config import CexConfig
from bot.feeds.cex.frame_reader import warm_frames
from bot.feeds.cex.replay import ReplayedExchange, TopOfBook, exchange_part
from bot.feeds.cex.venues import VENUES
from bot.feeds.config import HeadFeedConfig
from bot.feeds.recorded_chain import ReplayedChain, chain_part
from bot.feeds.recording_format import Record
from bot.feeds.recording_reader import RecordedRun, read_recording
from bot.feeds.replay_loop import Part, ReplayClock, TimeLimit, replay
from bot.ops.run_folder import deliver

CHAIN = "chain"
COUNTED = ("gaps", "checksums", "crossed", "malformed", "resyncs", "reconnects", "hand_overs")
CHAIN_COUNTED = ("blocks", "reorgs", "blocks_taken_back", "gaps", "continuity_lost", "silences")
SHOWN_DAMAGE = 5
MOST_SAID = 300
"""Characters of a reason."""
MOST_PAIRS = 500
MOST_NAME = 100
"""Characters of a pair."""
NS_PER_S = 10**9

Replayed = ReplayedExchange | ReplayedChain


def print_replay(options: argparse.Namespace) -> int:
    """`bot replay FOLDER [--fast]`: `options` has folder, fast, json and report.

    Raises BadConfiguration for a folder without recordings.
    """
    recorded = sorted(read_recording(options.folder), key=lambda one: one.run)
    with _quiet():
        warm_frames(lambda _message: None)
        rows = [
            row
            for _, runs in groupby(recorded, key=lambda one: one.run)
            for row in replay_runs(list(runs), is_paced=not options.fast)
        ]
    content = {"schema": 1, "folder": str(options.folder), "sources": rows}
    deliver(content, "\n".join(_text(rows)), as_json=options.json, file=options.report)
    return 0


def replay_runs(runs: Sequence[RecordedRun], *, is_paced: bool) -> list[dict[str, Any]]:
    """Of one run of the bot, all its sources together, since one clock stamped them. A row each."""
    readings = [_Reading(run) for run in runs]
    parts = [(reading, _part(reading)) for reading in readings]
    followed = [(reading, _guarded(reading, part)) for reading, part in parts if part is not None]
    limit = TimeLimit()
    results = replay([part for _, part in followed], is_paced=is_paced, limit=limit) if followed else []
    if limit.cut:
        for reading, _ in followed:
            reading.note(f"times that cannot be: {limit.cut / NS_PER_S:,.0f} s of silence were cut out")
    by_source = {reading.run.source: result for (reading, _), result in zip(followed, results, strict=True)}
    return [_row(reading, by_source.get(reading.run.source)) for reading in readings]


@contextmanager
def _quiet() -> Iterator[None]:
    """What the feeds log would stand in the output, with today's time; a defect is still told, on stderr."""
    before = structlog.get_config()
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
    )
    try:
        yield
    finally:
        structlog.configure(**before)


class _Reading:
    """One source of one run, and what its records spanned when they were read."""

    def __init__(self, run: RecordedRun) -> None:
        self.run = run
        self.first: Record | None = None
        self.last: Record | None = None
        self.not_followed = ""

    def records(self) -> Iterator[Record]:
        for record in self.run.records():
            self.first = self.first or record
            self.last = record
            yield record

    def note(self, reason: str) -> None:
        """Something in it that cannot be followed."""
        self.run.note(self.run.files[0].name, reason)

    @property
    def span(self) -> int:
        """Nanoseconds between the first record and the last."""
        if self.first is None or self.last is None:
            return 0
        return self.last.received - self.first.received


def _part(reading: _Reading) -> "Part[Any] | None":
    """How the source is followed; None, with the reason in `not_followed`, when it cannot be."""
    run = reading.run
    about = run.about()
    if run.source == CHAIN:
        part = chain_part(reading.records, _chain_config(about))
        if part is None:
            reading.not_followed = "no block with its logs was recorded"
        return part
    venue = VENUES.get(run.source)
    if venue is None:
        reading.not_followed = f"no exchange of this name; there are {', '.join(VENUES)}"
        return None
    pairs = _pairs(about)
    if not pairs:
        reading.not_followed = "the recording does not say which pairs were followed"
        return None
    return exchange_part(venue, pairs, reading.records(), CexConfig())


def _guarded(reading: _Reading, part: "Part[Any]") -> "Part[Any]":
    """A file may hold anything: what a feed makes of it ends that source alone, and is said."""

    def deliver(record: Record) -> None:
        try:
            part.deliver(record)
        except Exception as error:  # noqa: BLE001 - a file may hold anything: it ends this source alone
            reading.note(
                f"a record of kind {record.kind.name.lower()}: {type(error).__name__}: {error}"[:MOST_SAID]
            )

    async def follow(clock: ReplayClock, is_over: asyncio.Event) -> Any:
        try:
            return await part.follow(clock, is_over)
        except Exception as error:  # noqa: BLE001 - a file may hold anything: it ends this source alone
            reading.not_followed = f"the feed ended: {type(error).__name__}: {error}"[:MOST_SAID]
            return None

    return Part(part.records, deliver, follow)


def _pairs(about: object) -> tuple[Pair, ...]:
    """As the recorder was told: ["ETH/USD", "ETH/USDT perpetual"]. Empty where it was told nothing of the kind."""
    if not isinstance(about, list) or not all(isinstance(one, str) and "/" in one for one in about):
        return ()
    return tuple(dict.fromkeys(_pair(text) for text in about if len(text) <= MOST_NAME))[:MOST_PAIRS]


def _pair(text: str) -> Pair:
    names, _, kind = text.partition(" ")
    base, _, quote = names.partition("/")
    return Pair(base, quote, is_perpetual=kind == "perpetual")


def _chain_config(about: object) -> HeadFeedConfig:
    try:
        return msgspec.convert(about, HeadFeedConfig)
    except msgspec.ValidationError:
        return HeadFeedConfig()


def _row(reading: _Reading, result: Replayed | None) -> dict[str, Any]:
    run = reading.run
    if result is None:
        for _ in reading.records():  # so that its span and damage are known all the same
            pass
    span = reading.span / NS_PER_S
    frames = result.frames if result is not None else 0
    if isinstance(result, ReplayedChain) and result.malformed:
        reading.note(f"{result.malformed:,} records are no request, answer or notification")
    row: dict[str, Any] = {
        "source": run.source,
        "run": run.run,
        "files": len(run.files),
        "first_file": run.first_number,
        "bytes": sum(path.stat().st_size for path in run.files),
        "span_seconds": round(span, 3),
        "frames": frames,
        "frames_per_second": round(frames / span, 1) if span else None,
        "not_recorded": result.dropped if result is not None else 0,
        "damage": [str(damage) for damage in run.damage],
        "not_followed": reading.not_followed,
    }
    match result:
        case ReplayedExchange():
            row["messages"] = result.counters.messages
            row |= {name: getattr(result.counters, name) for name in COUNTED}
            row["pairs"] = [_top(top) for top in result.tops]
        case ReplayedChain():
            row |= {name: getattr(result.counters, name) for name in CHAIN_COUNTED}
            row["unrecorded_requests"] = result.unrecorded
            row["tip"] = result.tip.number if result.tip is not None else None
        case None:
            pass
    return row


def _top(top: TopOfBook) -> dict[str, Any]:
    bid, bid_size, ask, ask_size = top.best or (None, None, None, None)
    return {
        "pair": str(top.pair),
        "bid": _decimal(bid, PRICE_DECIMALS),
        "bid_size": _decimal(bid_size, SIZE_DECIMALS),
        "ask": _decimal(ask, PRICE_DECIMALS),
        "ask_size": _decimal(ask_size, SIZE_DECIMALS),
        "stale": top.stale,
    }


def _decimal(scaled: int | None, decimals: int) -> str | None:
    """Exact; at least two decimals."""
    if scaled is None:
        return None
    whole, fraction = divmod(scaled, 10**decimals)
    return f"{whole}.{f'{fraction:0{decimals}d}'.rstrip('0').ljust(2, '0')}"


def _text(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    run = None
    for row in rows:
        if row["run"] != run:
            run = row["run"]
            yield f"run of {run}"
        yield from _row_text(row)


def _row_text(row: dict[str, Any]) -> Iterator[str]:
    rate = f"{row['frames_per_second']:,.1f} a second" if row["frames_per_second"] is not None else "no span"
    yield (
        f"  {row['source']:<13} {row['frames']:>9,} frames in {row['span_seconds']:,.1f} s, {rate};"
        f" {row['files']} files, {row['bytes'] / 1e6:,.1f} MB"
    )
    if row["not_followed"]:
        yield f"    not followed: {row['not_followed']}"
    if "pairs" in row:
        yield f"    {_counted(row, COUNTED)}"
        for top in row["pairs"]:
            yield f"    {_top_text(top)}"
    elif "blocks" in row:
        yield f"    {_counted(row, CHAIN_COUNTED)}; last block {row['tip']}"
    if row["first_file"] > 1:
        yield f"    {row['first_file'] - 1} earlier files are gone: books begin with the next snapshot"
    if row["not_recorded"]:
        yield f"    {row['not_recorded']:,} frames are missing: the disk did not take them"
    for damage in row["damage"][:SHOWN_DAMAGE]:
        yield f"    damaged: {damage}"
    if len(row["damage"]) > SHOWN_DAMAGE:
        yield f"    and {len(row['damage']) - SHOWN_DAMAGE} more damaged places"


def _counted(row: dict[str, Any], names: Sequence[str]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {row[name]:,}" for name in names)


def _top_text(top: dict[str, Any]) -> str:
    if top["bid"] is None:
        return f"{top['pair']:<20} no book: {top['stale']}"
    state = f"  ({top['stale']})" if top["stale"] else ""
    return f"{top['pair']:<20} {top['bid']} x {top['bid_size']}  /  {top['ask']} x {top['ask_size']}{state}"

"""A head feed that follows a recorded node: where it begins, and what that came to."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import msgspec

from bot.core.ethereum_json import decode_head
from bot.core.identity import BlockRef, from_hex, hex_bytes
from bot.core.messages import BlockArrived, ChainEvent, ContinuityLost, Head, RolledBack
from bot.core.result import Ok
from bot.core.units import Nanoseconds
from bot.feeds.config import FeedCounters, HeadFeedConfig
from bot.feeds.heads import HeadFeed
from bot.feeds.recorded_node import (
    MALFORMED,
    REMEMBERED,
    RecordedFrame,
    RecordedNode,
    frame_decoder,
    request_decoder,
)
from bot.feeds.recorded_session import opened
from bot.feeds.recording_format import Kind, Record
from bot.feeds.replay_loop import Part, ReplayClock


class Beginning(msgspec.Struct, frozen=True):
    """Where a feed must start to be asked for what is recorded."""

    start: BlockRef
    topics: tuple[bytes, ...]


class ReplayedChain(msgspec.Struct, frozen=True):
    """What following a recording came to."""

    frames: int
    dropped: int
    unrecorded: int
    malformed: int
    """Records that are no request, answer or notification."""
    counters: FeedCounters
    tip: BlockRef | None
    """The last block delivered that was not taken back; None: none was."""


def find_beginning(records: Iterable[Record]) -> Beginning | None:
    """The parent of the first block whose logs were asked for, and the topics; None: no block was."""
    return next((beginning for _, beginning in beginnings(records)), None)


def beginnings(records: Iterable[Record]) -> Iterator[tuple[Nanoseconds, Beginning]]:
    """Of every block whose logs were asked for, by the time of the answer: when they were asked for, and its Beginning."""
    heads: OrderedDict[str, Head] = OrderedDict()
    asked: OrderedDict[tuple[int, int], tuple[Nanoseconds, str, tuple[bytes, ...]]] = OrderedDict()
    for record in records:
        if record.kind is Kind.SENT:
            with suppress(*MALFORMED):
                _note_request(asked, record)
        elif record.kind is Kind.FRAME:
            with suppress(*MALFORMED):
                frame = frame_decoder.decode(record.payload)
                logs = asked.pop((record.connection, frame.id), None)
                if logs is None:
                    _note_head(heads, frame)
                    continue
                at, block, topics = logs
                head = heads.get(block)
                if head is not None and isinstance(frame.answer, Ok):
                    yield at, Beginning(BlockRef(head.number - 1, head.parent_hash), topics)


def _note_request(
    asked: "OrderedDict[tuple[int, int], tuple[Nanoseconds, str, tuple[bytes, ...]]]", record: Record
) -> None:
    request = request_decoder.decode(record.payload)
    if request.method == "eth_getLogs":
        query = request.params[0]
        topics = tuple(from_hex(topic) for topic in query["topics"][0])
        asked[record.connection, request.id] = (record.received, str(query["blockHash"]), topics)
        _forget_oldest(asked)


def chain_part(
    records: Callable[[], Iterable[Record]],
    config: HeadFeedConfig,
    take: Callable[[ChainEvent], None] = lambda _event: None,
) -> Part[ReplayedChain] | None:
    """Follow the records of one run to their end; `take` gets every event. None: no block is in them.

    `records` is called anew each time they are to be read from the beginning.
    """
    beginning = find_beginning(records())
    if beginning is None:
        return None
    later = beginnings(records())  # read once, however often the feed loses the thread
    node = RecordedNode()

    async def follow(clock: ReplayClock, is_over: asyncio.Event) -> ReplayedChain:
        node.clock = clock
        feed = HeadFeed(node.connect, clock, config, beginning.topics, lambda: 0.5)
        feed.start_after(beginning.start)

        tip: BlockRef | None = None

        async def consume() -> None:
            nonlocal tip
            async for event in feed.events():
                take(event)
                if isinstance(event, BlockArrived):
                    tip = event.head.ref
                elif isinstance(event, RolledBack):
                    tip = event.to
                if isinstance(event, ContinuityLost):
                    now = clock.monotonic()
                    again = next((one for at, one in later if at >= now), None)
                    if again is None:
                        return
                    feed.start_after(again.start)

        consuming = asyncio.create_task(consume())
        await is_over.wait()
        node.release()
        await clock.sleep(Nanoseconds(1))
        if consuming.done():
            consuming.result()
        consuming.cancel()
        await asyncio.wait([consuming])
        return ReplayedChain(node.frames, node.dropped, node.unrecorded, node.malformed, feed.counters, tip)

    return Part(records(), node.deliver, follow)


def _note_head(heads: "OrderedDict[str, Head]", frame: RecordedFrame) -> None:
    """Of an answer or notification that is a header."""
    value = opened(frame.answer)
    if isinstance(value, Ok) and isinstance(value.value, dict) and "parentHash" in value.value:
        head = decode_head(value.value)
        heads[hex_bytes(head.hash)] = head
        _forget_oldest(heads)


def _forget_oldest(remembered: "OrderedDict[Any, Any]") -> None:
    if len(remembered) > REMEMBERED:
        remembered.popitem(last=False)

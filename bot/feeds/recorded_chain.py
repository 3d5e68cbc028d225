"""A head feed that follows a recorded node: where it begins, and what that came to."""

import asyncio
from collections.abc import Callable, Iterable

import msgspec

from bot.core.ethereum_json import MalformedAnswer, decode_head
from bot.core.identity import BlockRef, from_hex, hex_bytes
from bot.core.messages import BlockArrived, ChainEvent, ContinuityLost, Head, RolledBack
from bot.core.result import Ok
from bot.core.units import Nanoseconds
from bot.feeds.config import FeedCounters, HeadFeedConfig
from bot.feeds.heads import HeadFeed
from bot.feeds.recorded_node import RecordedFrame, RecordedNode, frame_decoder, request_decoder
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
    counters: FeedCounters
    tip: BlockRef | None
    """The last block delivered that was not taken back; None: none was."""


def find_beginning(records: Iterable[Record], after: Nanoseconds | None = None) -> Beginning | None:
    """The parent of the first block whose logs were asked for (after that time), and the topics; None: no block was."""
    heads: dict[str, Head] = {}
    logs: dict[tuple[int, int], tuple[str, tuple[bytes, ...]]] = {}
    for record in records:
        if record.kind is Kind.SENT:
            request = request_decoder.decode(record.payload)
            if request.method == "eth_getLogs" and (after is None or record.received >= after):
                query = request.params[0]
                topics = tuple(from_hex(topic) for topic in query["topics"][0])
                logs[record.connection, request.id] = (query["blockHash"], topics)
        elif record.kind is Kind.FRAME:
            frame = frame_decoder.decode(record.payload)
            asked = logs.pop((record.connection, frame.id), None)
            head = heads.get(asked[0]) if asked is not None else None
            if asked is not None and head is not None and isinstance(frame.answer, Ok):
                return Beginning(BlockRef(head.number - 1, head.parent_hash), asked[1])
            if asked is None:
                _note_head(heads, frame)
    return None


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
                    again = find_beginning(records(), clock.monotonic())
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
        return ReplayedChain(node.frames, node.dropped, node.unrecorded, feed.counters, tip)

    return Part(records(), node.deliver, follow)


def _note_head(heads: dict[str, Head], frame: RecordedFrame) -> None:
    """Of an answer or notification that is a header."""
    value = opened(frame.answer)
    if isinstance(value, Ok) and isinstance(value.value, dict) and "parentHash" in value.value:
        try:
            head = decode_head(value.value)
        except MalformedAnswer:
            return
        heads[hex_bytes(head.hash)] = head

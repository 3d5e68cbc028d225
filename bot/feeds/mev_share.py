"""The MEV-Share event stream: hints of transactions that their senders sell the right to land behind, over SSE."""

import contextlib
import re
from collections.abc import AsyncIterator, Callable
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from bot.core.errors import BadConfiguration
from bot.core.ports import Clock
from bot.core.result import Ok, Unknown
from bot.core.units import Nanoseconds
from bot.feeds.cex.transport import USER_AGENT, Declined, retry_after, unsafe_url
from bot.feeds.mev_share_hint import MEV_SHARE, read_hint
from bot.feeds.pending_events import HintsComplete, PendingConfig, PendingCounters, PendingEvent
from bot.feeds.pending_stream import Ended, PendingStream
from bot.feeds.sse import SseComment, SseEvent, SseOversized, SseParser
from bot.feeds.unread_announcements import UnreadAnnouncements

LARGEST_EVENT: Final = 1024 * 1024
"""Bytes. Calldata is 128 KiB at most, twice as many in hex, and logs beside it."""
_BODY_SHOWN: Final = 1024
_HEADERS: Final = {
    "Accept": "text/event-stream",
    "Accept-Encoding": "identity",
    "Cache-Control": "no-store",
    "User-Agent": USER_AGENT,
}
_BLOCK_COMMENT: Final = re.compile(rb" ?block ([0-9]{1,15})\Z")
"""Of the local market in lockstep: the hints of this block have all been told."""


class HintFeed:
    """pending_events.PendingEvents of one stream.

    TLS is asked for anywhere but on loopback; a redirect is refused, not followed. `jitter` gives numbers in [0, 1).
    Raises BadConfiguration for another URL.
    """

    def __init__(self, url: str, clock: Clock, config: PendingConfig, jitter: Callable[[], float]) -> None:
        parts = urlsplit(url)
        if unsafe_url(url) is not None or parts.scheme not in ("http", "https"):
            where = f"{parts.scheme}://{parts.hostname}"
            raise BadConfiguration(
                f"stream of hints at {where}: https:// is needed; without TLS only on loopback"
            )
        self._url = url
        self._clock = clock
        self._config = config
        self._unread: UnreadAnnouncements[bytes | HintsComplete] = UnreadAnnouncements(
            clock, config.announcements_per_window, self._read, self._pushed_out
        )
        self._stream = PendingStream(MEV_SHARE, self._serve, clock, config, jitter, self._unread)
        self._client: aiohttp.ClientSession | None = None

    @property
    def counters(self) -> PendingCounters:
        return self._stream.counters

    def events(self) -> AsyncIterator[PendingEvent]:
        return self._stream.events()

    async def close(self) -> None:
        await self._stream.close()
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _serve(self) -> Ended:
        opened = await self._clock.within(self._config.connect_limit, self._open())
        answer = opened.value if isinstance(opened, Ok) else Ended(f"cannot connect: {opened.cause}")
        if isinstance(answer, Ended):
            self.counters.failed_connections += 1
            return answer
        self.counters.connections += 1
        with contextlib.closing(answer):
            return await self._follow(answer.content)

    async def _open(self) -> aiohttp.ClientResponse | Ended:
        if self._client is None:
            # Time-outs are the Clock's alone.
            self._client = aiohttp.ClientSession(headers=_HEADERS, timeout=aiohttp.ClientTimeout(total=None))
        try:
            response = await self._client.get(self._url, allow_redirects=False)
            if response.status == 200 and response.content_type == "text/event-stream":
                return response
            with contextlib.closing(response):
                return await _refusal(response)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # The error's own text may hold the whole URL, and with it a key.
            return Ended(f"cannot connect: {type(error).__name__}")

    async def _follow(self, content: aiohttp.StreamReader) -> Ended:
        parser, told_before = SseParser(LARGEST_EVENT), self._told
        heard_at = self._clock.monotonic()
        while True:
            left = Nanoseconds(heard_at + self._config.allowed_silence - self._clock.monotonic())
            chunk = await self._clock.within(left, _next_chunk(content)) if left > 0 else Unknown("")
            if isinstance(chunk, Unknown):
                quiet = self._config.allowed_silence / 10**9
                reason = f"no line in {quiet:g} s, not even a ping: the connection is half open"
            elif isinstance(chunk.value, bytes):
                now = self._clock.monotonic()
                for item in parser.feed(chunk.value):
                    heard_at = now
                    self._take(item)
                continue
            else:
                reason = chunk.value.cause
            return Ended(reason, was_good=self._told > told_before)

    @property
    def _told(self) -> int:
        """Hints that could be read, whether they say anything or not."""
        return self.counters.seen + self.counters.empty

    def _take(self, item: SseEvent | SseComment | SseOversized) -> None:
        if isinstance(item, SseComment):
            block = _BLOCK_COMMENT.match(item.text)
            if block is not None:
                self._unread.announced(HintsComplete(int(block[1])))
        elif isinstance(item, SseOversized):
            self.counters.oversized += 1
            self._stream.complain(f"an event of more than {item.limit} bytes was skipped")
        else:
            self._unread.announced(item.data)

    def _read(self, item: bytes | HintsComplete, seen_at: Nanoseconds) -> None:
        if isinstance(item, HintsComplete):
            self._stream.put(item)
            return
        try:
            seen = read_hint(item, seen_at)
        except ValueError as error:
            self._stream.refuse(error)
            return
        if seen is None:
            self.counters.empty += 1
        else:
            self._stream.put_seen(seen)

    def _pushed_out(self, item: bytes | HintsComplete) -> None:
        """That a block's hints are complete is told all the same: somebody may wait for it."""
        if isinstance(item, HintsComplete):
            self._stream.put(item)
        else:
            self._stream.drop_unread()


async def _next_chunk(content: aiohttp.StreamReader) -> bytes | Unknown:
    """What has come; Unknown once the stream has ended."""
    try:
        return await content.readany() or Unknown("the server ended the stream")
    except (aiohttp.ClientError, OSError) as error:
        return Unknown(f"the connection was lost: {type(error).__name__}")


async def _refusal(response: aiohttp.ClientResponse) -> Ended:
    """An answer that is no stream, in one line."""
    if response.status == 200:
        return Ended(f"no event stream: the content type is {response.content_type[:60]!r}")
    if 300 <= response.status < 400:
        return Ended(f"HTTP {response.status}: a redirect is not followed")
    body = await response.content.read(_BODY_SHOWN)
    wait = retry_after(response.headers.get("Retry-After"))
    return Ended(str(Declined(response.status, wait, body)), at_least=wait or Nanoseconds(0))

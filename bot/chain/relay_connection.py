"""One relay's own connection: requests within its limits, and what each answer tells about the relay itself.

No redirect is followed, no proxy or cookie is used, no answer is read beyond its cap, and none is shown with what
our own headers said.
"""

import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

from bot.chain.bounded_read import read_at_most
from bot.chain.relay_answers import decode_answer
from bot.chain.relay_auth import HEADER
from bot.chain.relay_bodies import BundleBodies, Prepared
from bot.chain.relay_budget import MinuteBudget
from bot.chain.relay_codecs import ping_params
from bot.chain.relay_row import RelayRow
from bot.chain.relay_secrets import HeaderSecrets
from bot.chain.relay_standing import StandingKeeper
from bot.chain.relay_troubles import (
    malformed,
    silent,
    trouble_of_answer,
    trouble_of_clock,
    trouble_of_error,
)
from bot.core.ports import Clock
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Nanoseconds

MAX_ANSWER_BYTES: Final = 1024 * 1024
_IDLE_SECONDS: Final = 75
"""A connection outlives several slots of 12 s, so that a bundle does not wait for a TLS handshake."""
JSON_TYPE: Final = "application/json"


class _Answer(msgspec.Struct, frozen=True):
    status: int
    body: bytes
    date: str | None
    retry_after: str | None


class RelayConnection:
    """`limit`: longest wait for an answer."""

    def __init__(
        self,
        row: RelayRow,
        url: str,
        bodies: BundleBodies,
        clock: Clock,
        limit: Nanoseconds,
        authorization: str | None = None,
        wall_clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """`wall_clock`: this machine's UTC in nanoseconds, in lockstep too; relays are no part of the market's time."""
        self.row = row
        self.host = urlsplit(url).netloc.rpartition("@")[2]
        self.standing = StandingKeeper(row.name, self.host, clock, drops_reverts=row.drops_reverts)
        self._url = url
        self._bodies = bodies
        self._clock = clock
        self._limit = limit
        self._authorization = authorization
        self._secrets = HeaderSecrets(authorization)
        self._wall_clock = wall_clock
        self._budgets: dict[str, MinuteBudget] = {}
        self.last_used: int | None = None
        """Monotonic, of the last answer; None: there is no connection yet."""
        self._client: aiohttp.ClientSession | None = None
        self._is_closed = False

    @property
    def refused_by_budget(self) -> int:
        """Requests not made because the relay's limit per minute was reached."""
        return sum(budget.refused for budget in self._budgets.values())

    def why_over_budget(self, method: str) -> str | None:
        """Takes one request of this method from the minute's budget; where there is none left, says so."""
        if method not in self._budgets:
            self._budgets[method] = MinuteBudget(self.row.limit_per_minute(method), self._clock)
        if self._budgets[method].take():
            return None
        limit = self.row.limit_per_minute(method)
        return f"not sent: {limit} {method} per minute to relay {self.row.name} are used"

    async def request(self, method: str, params: Any) -> Ok[Any] | Reverted | Unknown:
        """Ok carries the `result` member. Reverted also for what we did not send: nothing of it left this machine."""
        prepared = self._bodies.request(method, params)
        if len(prepared.body) > self.row.max_bytes:
            size = len(prepared.body)
            return Reverted(f"not sent: {size} bytes, relay {self.row.name} takes {self.row.max_bytes}")
        over = self.why_over_budget(method)
        return Reverted(over) if over is not None else await self.post(prepared)

    async def post(self, prepared: Prepared) -> Ok[Any] | Reverted | Unknown:
        """Write ready bytes. Whatever comes back is told to `standing` as well."""
        asked = self._wall_clock()
        posted = await self._clock.within(self._limit, self._post(prepared))
        answer = posted.value if isinstance(posted, Ok) else posted
        if isinstance(answer, Unknown):
            if isinstance(posted, Unknown):
                self.standing.troubled(silent(self.host, answer.cause))
            return Unknown(f"{prepared.method}: {answer.cause}")
        self.last_used = self._clock.monotonic()
        decoded = decode_answer(answer.status, answer.body, prepared.request_id)
        self._note(prepared.method, asked, answer, decoded)
        return decoded

    def is_idle_for(self, duration: Nanoseconds) -> bool:
        """Nothing came over it for so long, or ever."""
        return self.last_used is None or self._clock.monotonic() - self.last_used >= duration

    async def close(self) -> None:
        self._is_closed = True
        if self._client is not None:
            await self._client.close()

    def session(self) -> aiohttp.ClientSession:
        """Of this relay alone, made at its first request. Raises RuntimeError once closed."""
        if self._is_closed:
            raise RuntimeError(f"the route to {self.host} is closed")
        if self._client is None:
            # Time-outs are the Clock's alone; aiohttp's own default would cut a request after five minutes.
            self._client = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=None),
                connector=aiohttp.TCPConnector(keepalive_timeout=_IDLE_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._client

    def _note(self, method: str, asked: int, answer: _Answer, decoded: Ok[Any] | Reverted | Unknown) -> None:
        now = Nanoseconds(self._wall_clock())
        self.standing.clock_seen(trouble_of_clock(self.host, answer.date, Nanoseconds(asked), now))
        trouble = None
        if not isinstance(decoded, Ok):
            trouble = trouble_of_answer(
                self.row, self.host, method, answer.status, answer.body, answer.retry_after, now
            )
        if trouble is None and isinstance(decoded, Unknown):
            trouble = malformed(self.host, decoded.cause)
        if trouble is None:
            self.standing.well(proves_method=method in (self.row.sends_by, ping_params(self.row)[0]))
        else:
            self.standing.troubled(trouble)

    async def _post(self, prepared: Prepared) -> _Answer | Unknown:
        """Once more after a disconnect: relays close idle connections, and the same bundle twice is the same bundle."""
        try:
            try:
                return await self._post_once(prepared)
            except aiohttp.ServerDisconnectedError:
                return await self._post_once(prepared)
        except (aiohttp.ClientError, OSError, RuntimeError, ValueError) as error:
            # RuntimeError: closed by us meanwhile. ValueError: a header or length no client can read.
            if not self._is_closed:
                self.standing.troubled(trouble_of_error(self.row, self.host, error))
            return Unknown(f"connection failed: {type(error).__name__}")

    async def _post_once(self, prepared: Prepared) -> _Answer | Unknown:
        async with self.session().post(
            self._url, data=prepared.body, headers=self._headers(prepared), allow_redirects=False
        ) as response:
            content = await read_at_most(response.content, MAX_ANSWER_BYTES)
            headers = response.headers
        if content is None:
            cause = f"the answer is longer than {MAX_ANSWER_BYTES} bytes"
            self.standing.troubled(malformed(self.host, cause))
            return Unknown(cause)
        content = self._secrets.hide(content, prepared.signature if self.row.signature != "none" else None)
        return _Answer(response.status, content, headers.get("Date"), headers.get("Retry-After"))

    def _headers(self, prepared: Prepared) -> dict[str, str]:
        headers = {"Content-Type": JSON_TYPE}
        if self.row.signature != "none":
            headers[HEADER] = self._bodies.signed(prepared)
        if self._authorization is not None:
            headers["Authorization"] = self._authorization
        return headers

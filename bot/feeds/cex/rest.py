"""transport.Fetch by aiohttp: one GET on a kept connection."""

from typing import Final

import aiohttp

from bot.core.result import Ok, Unknown
from bot.feeds.cex.transport import USER_AGENT, Declined, retry_after, unsafe_url

MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024
"""5,000 levels a side are half a megabyte."""
MAX_BODY_BYTES: Final = 1024
"""Of a refusal, which is shown."""


class RestClient:
    """`fetch` is a transport.Fetch. Made in a running loop; owns its aiohttp session until `close`."""

    def __init__(self) -> None:
        # Time-outs are the Clock's alone.
        self._client = aiohttp.ClientSession(
            headers={"User-Agent": USER_AGENT}, timeout=aiohttp.ClientTimeout(total=None)
        )

    async def fetch(self, url: str) -> Ok[bytes] | Declined | Unknown:
        if (why := unsafe_url(url)) is not None:
            return Unknown(why)
        try:
            async with self._client.get(url, allow_redirects=False) as response:
                most = MAX_ANSWER_BYTES if response.status == 200 else MAX_BODY_BYTES
                body = await _read(response.content, most)
                status, wait = response.status, retry_after(response.headers.get("Retry-After"))
        except (
            aiohttp.ClientError,
            OSError,
            ValueError,
            RuntimeError,
        ) as error:  # RuntimeError: closed meanwhile
            return Unknown(f"cannot fetch: {type(error).__name__}")
        if status != 200:
            return Declined(status, wait, body[:MAX_BODY_BYTES])
        if len(body) > MAX_ANSWER_BYTES:
            return Unknown(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
        return Ok(body)

    async def close(self) -> None:
        await self._client.close()


async def _read(stream: aiohttp.StreamReader, most: int) -> bytes:
    """All of it, or a little more than `most` bytes."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in stream.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > most:
            break
    return b"".join(chunks)

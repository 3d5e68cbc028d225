"""Reading an HTTP answer of which only so much is wanted: a peer must not be able to fill our memory."""

import aiohttp


async def read_at_most(stream: aiohttp.StreamReader, limit: int) -> bytes | None:
    """All of it, or None when it is longer than `limit` bytes."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in stream.iter_any():
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
    return b"".join(chunks)

import asyncio


async def until(condition, limit_s=10.0, every_s=0.001):
    """Look again and again until `condition()` is true; TimeoutError after `limit_s`."""
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110  # what is waited for sets no event
            await asyncio.sleep(every_s)

"""Listening to the hints of a market, and standing behind what they tell of."""

import asyncio
import contextlib
import json

import aiohttp

from bot.core.identity import from_hex, hex_bytes, keccak


class Listener:
    """Reads server-sent events as they come."""

    def __init__(self, response):
        self.response = response

    async def line(self):
        """The next line that is not empty."""
        while True:
            text = (await asyncio.wait_for(self.response.content.readline(), 10)).decode()
            if not text:
                raise EOFError("the stream ended")
            if text != "\n":
                return text.rstrip("\n")

    async def event(self):
        """The next hint; comments are passed over."""
        while True:
            line = await self.line()
            if line.startswith("data: "):
                return json.loads(line.removeprefix("data: "))

    async def block(self):
        """All hints up to the next mark, and the number of it."""
        events = []
        while not (line := await self.line()).startswith(":block "):
            assert line.startswith("data: "), line
            events.append(json.loads(line.removeprefix("data: ")))
        return events, int(line.removeprefix(":block "))


@contextlib.asynccontextmanager
async def listening(market):
    url = market.endpoints.relays["market-share"]
    async with aiohttp.ClientSession() as session, session.get(url + "/") as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        yield Listener(response)


def flow(market, kind="hint"):
    """Records of one kind of the flow's log so far."""
    path = market.config.run_dir / "private_flow.jsonl"
    return [one for one in map(json.loads, path.read_text().splitlines()) if one["kind"] == kind]


async def ask_share(searcher, method, *params):
    """The whole reply of the MEV-Share endpoint."""
    return await searcher.ask(method, list(params), url=searcher.market.endpoints.relays["market-share"])


def behind(matching_hash, raw, first, last=None, **options):
    """The parameter of mev_sendBundle."""
    inclusion = {"block": hex(first)} | ({} if last is None else {"maxBlock": hex(last)})
    body = [{"hash": matching_hash}, {"tx": hex_bytes(raw), "canRevert": False}]
    return {"version": "v0.1", "inclusion": inclusion, "body": body} | options


def double(tx_hash_text):
    return hex_bytes(keccak(from_hex(tx_hash_text)))

"""A relay on the wire: one loopback port an endpoint, JSON-RPC by POST, the sender known by its signature.

Faults that a client sees on the wire are made here; those that change what becomes of a bundle are the Relay's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web

from bot.core.identity import Address
from bot.world.flashbots_auth import HEADER, SignatureError, verify
from bot.world.json_rpc import (
    INVALID_REQUEST,
    SERVER_ERROR,
    Request,
    RpcError,
    decode_body,
    decode_request,
    error_reply,
)
from bot.world.loopback import serve_on_loopback
from bot.world.relay import Relay
from bot.world.relay_faults import TURNED_AWAY, Fault, RelayFaults
from bot.world.relay_kinds import RelayKind

VIRTUAL_ARRIVAL = "X-Market-Slot-Fraction"
"""Header by which a client says when its request is to have come, as a part of the slot: for measurements of timing
where time does not pass."""
_LARGEST_BODY = 1024 * 1024
SILENCE_S = 120.0
"""How long a fault of no answer is held, and the connection open: longer than anybody waits."""
LOCKSTEP_SILENCE_S = 0.5
"""The same where the market waits for the bot: a bot's patience there is no measure of anything."""
_WIRE = {
    "no_answer": "never answered",
    "malformed": "JSON cut short",
    "wrong_type": "result of another type",
    "closed": "connection closed in the middle",
}


class RelayServer:
    """One endpoint; `routes` are served beside the POST."""

    def __init__(
        self,
        relay: Relay,
        kind: RelayKind,
        faults: RelayFaults,
        routes: Sequence[web.RouteDef] = (),
        *,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._relay = relay
        self._kind = kind
        self._faults = faults
        self._routes = routes
        self._silence_s = silence_s
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> None:
        """Raises OSError where the port is taken."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_post("/", self._post)
        app.add_routes(self._routes)
        self._runner, self.port = await serve_on_loopback(app, port)

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _post(self, http: web.Request) -> web.StreamResponse:
        body = await http.read()
        arrival = self._relay.arrival(_virtual_fraction(http))
        fault = self._faults.striking(self._kind.name, self._relay.building)
        try:
            request = _single(decode_body(body))
        except RpcError as error:
            return _json(error_reply(None, error))
        if fault is not None and fault.kind in TURNED_AWAY:
            return self._turn_away(request, fault)
        try:
            signer = self._signer(http.headers.get(HEADER), body)
        except SignatureError as error:
            reply = error_reply(request.id, RpcError(SERVER_ERROR, str(error)))
            self._relay.record_refusal(self._kind.name, request, reply)
            return _json(reply, status=403)
        reply = await self._relay.handle(
            self._kind.name, request, signer, arrival=arrival, fault=fault, wire=_on_wire(fault)
        )
        if fault is not None and fault.kind == "no_answer":
            await asyncio.sleep(self._silence_s)
            _abort(http)
        return _json(reply) if fault is None else await _faulty(http, reply, fault)

    def _turn_away(self, request: Request, fault: Fault) -> web.Response:
        status = TURNED_AWAY[fault.kind]
        words = (
            "requests to user API are rate limited" if status == web.HTTPTooManyRequests.status_code else ""
        )
        reply = error_reply(request.id, RpcError(SERVER_ERROR, words or "service unavailable"))
        self._relay.record_refusal(self._kind.name, request, reply, fault=fault, wire=f"HTTP {status}")
        if not words:
            return web.Response(status=status, text="<html><body>503 Service Unavailable</body></html>")
        return _json(reply, status, {"Retry-After": str(fault.retry_after_s)})

    def _signer(self, header: str | None, body: bytes) -> Address | None:
        if header is None and not self._kind.needs_signature:
            return None
        return verify(header, body)


async def _faulty(http: web.Request, reply: dict[str, Any], fault: Fault) -> web.StreamResponse:
    if fault.kind == "latency":
        await asyncio.sleep(fault.latency_ms / 1000)
    elif fault.kind == "malformed":
        whole = msgspec.json.encode(reply)
        return web.Response(body=whole[: len(whole) // 2], content_type="application/json")
    elif fault.kind == "wrong_type":
        return _json({"jsonrpc": "2.0", "id": reply["id"], "result": [{"bundleHash": 7}]})
    elif fault.kind == "closed":
        return await _cut(http, msgspec.json.encode(reply))
    return _json(reply)


async def _cut(http: web.Request, whole: bytes) -> web.StreamResponse:
    """Half of the answer, and the end of the connection."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(whole)
    await response.prepare(http)
    await response.write(whole[: len(whole) // 2])
    _abort(http)
    return response


def _abort(http: web.Request) -> None:
    if http.transport is not None:
        http.transport.abort()


def _on_wire(fault: Fault | None) -> str:
    if fault is None:
        return ""
    return f"after {fault.latency_ms} ms" if fault.kind == "latency" else _WIRE.get(fault.kind, "")


def _virtual_fraction(http: web.Request) -> float | None:
    """None where the header is missing or no part of a slot."""
    try:
        fraction = float(http.headers[VIRTUAL_ARRIVAL])
    except (KeyError, ValueError):
        return None
    return fraction if 0 <= fraction <= 1 else None


def _single(decoded: Any) -> Request:
    if isinstance(decoded, list):
        raise RpcError(INVALID_REQUEST, "batch requests are not supported")
    return decode_request(decoded)


def _json(reply: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(reply), content_type="application/json", status=status, headers=headers
    )

"""The relay on the wire: one loopback port an endpoint, JSON-RPC by POST, the sender known by its signature."""

from __future__ import annotations

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
from bot.world.relay import Endpoint, Relay

_LARGEST_BODY = 1024 * 1024


class RelayServer:
    """One endpoint. `needs_signature`: without a good one, HTTP 403; else it may be left out, but not be wrong."""

    def __init__(self, relay: Relay, endpoint: Endpoint, *, needs_signature: bool) -> None:
        self._relay = relay
        self._endpoint = endpoint
        self._needs_signature = needs_signature
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> None:
        """Raises OSError where the port is taken."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_post("/", self._post)
        self._runner, self.port = await serve_on_loopback(app, port)

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _post(self, http: web.Request) -> web.Response:
        body = await http.read()
        try:
            request = _single(decode_body(body))
        except RpcError as error:
            return _json(error_reply(None, error))
        try:
            signer = self._signer(http.headers.get(HEADER), body)
        except SignatureError as error:
            reply = error_reply(request.id, RpcError(SERVER_ERROR, str(error)))
            self._relay.record_refusal(self._endpoint, request, reply)
            return _json(reply, status=403)
        return _json(await self._relay.handle(self._endpoint, request, signer))

    def _signer(self, header: str | None, body: bytes) -> Address | None:
        if header is None and not self._needs_signature:
            return None
        return verify(header, body)


def _single(decoded: Any) -> Request:
    if isinstance(decoded, list):
        raise RpcError(INVALID_REQUEST, "batch requests are not supported")
    return decode_request(decoded)


def _json(reply: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(reply), content_type="application/json", status=status)

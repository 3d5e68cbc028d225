"""A stream of hints on loopback, as mev-share.flashbots.net speaks it, and misbehaving when told to."""

import asyncio
import contextlib

from aiohttp import web


class HintServer:
    """`script(write)` writes one connection's body; a Response that it returns is the answer instead."""

    def __init__(self, script):
        self.script = script
        self.connections = 0
        self.open = 0
        self.headers = []
        self.status, self.answer_headers, self.content_type, self.body = 200, {}, "text/event-stream", b""
        self._runner = None

    async def start(self):
        app = web.Application()
        app.router.add_get("/{tail:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.05)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/?key=canary"

    async def stop(self):
        await self._runner.cleanup()

    async def _serve(self, request):
        self.connections += 1
        self.headers.append(request.headers)
        if self.status != 200:
            return web.Response(status=self.status, headers=self.answer_headers, body=self.body)
        response = web.StreamResponse(headers={"Content-Type": self.content_type})
        await response.prepare(request)
        self.open += 1
        try:
            with contextlib.suppress(ConnectionError):
                await self.script(self.connections, response.write)
        except Cut:
            request.transport.abort()
        finally:
            self.open -= 1
        return response


class Cut(Exception):
    """Raised by a script: the connection is torn."""


async def stay(_=None):
    await asyncio.sleep(60)

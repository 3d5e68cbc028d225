"""A real HTTP server that answers as relays do, and as they should not. It checks every signature by eth-account."""

import asyncio

import msgspec
from aiohttp import web
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils import keccak

from bot.chain.relay_identity import RelayIdentity
from bot.clock import SystemClock
from bot.core.units import Nanoseconds

IDENTITY = RelayIdentity(keccak(b"relay identity of the tests"))
UUID = "01234567-89ab-4cde-8f01-23456789abcd"
PATIENCE = Nanoseconds(10 * 10**9)
UNKNOWN_METHOD = {"code": -32601, "message": "the method eth_sendBundle does not exist"}


class LaterClock(SystemClock):
    """The machine's clock, which a test can set forward."""

    def __init__(self):
        self.added = 0

    def later(self, seconds):
        self.added += seconds * 10**9

    def monotonic(self):
        return super().monotonic() + self.added


class RelayServer:
    """`respond` makes the answer from the decoded request; None stands for the good one."""

    def __init__(self):
        self.requests = []
        """(method, params, raw body, address recovered from the signature)"""
        self.headers = []
        self.connections = set()
        self.respond = None
        self.release = asyncio.Event()
        self._runner = None
        self.url = None

    async def start(self):
        app = web.Application()
        app.router.add_post("/", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/"

    async def stop(self):
        self.release.set()
        await self._runner.cleanup()

    @property
    def methods(self):
        return [method for method, _, _, _ in self.requests]

    async def _answer(self, request):
        body = await request.read()
        said, _, signature = request.headers.get("X-Flashbots-Signature", "").partition(":")
        recovered = None
        if signature:
            text = "0x" + keccak(body).hex()
            recovered = Account.recover_message(encode_defunct(text=text), signature=signature)
        if recovered != (said or None):
            return web.Response(status=403, text="signature does not match")
        asked = msgspec.json.decode(body)
        self.headers.append(dict(request.headers))
        self.requests.append((asked["method"], asked["params"], body, recovered))
        self.connections.add(request.transport.get_extra_info("peername"))
        if self.respond is not None:
            return await self.respond(request, asked)
        return json_answer({"jsonrpc": "2.0", "id": asked["id"], "result": self.good(asked)})

    def good(self, asked):
        if asked["method"] == "blxr_submit_bundle":
            return {"bundleHash": "0x" + "ab" * 32}
        if asked["method"] == "eth_chainId":
            return "0x7a69"
        [first] = asked["params"]
        if not first:
            return None
        if asked["method"] == "mev_sendBundle":
            return {"bundleHash": "0x" + "cd" * 32}
        if asked["method"] == "eth_sendBundle":
            hashes = b"".join(keccak(bytes.fromhex(raw[2:])) for raw in first["txs"])
            return {"bundleHash": "0x" + keccak(hashes).hex()}
        if asked["method"] == "eth_sendPrivateTransaction":
            return "0x" + keccak(bytes.fromhex(first["tx"][2:])).hex()
        if asked["method"] == "eth_sendRawTransaction":
            return "0x" + keccak(bytes.fromhex(first[2:])).hex()
        return {"eth_cancelBundle": 200, "eth_cancelPrivateTransaction": True}.get(asked["method"])


def json_answer(answer, status=200):
    return web.Response(body=msgspec.json.encode(answer), status=status, content_type="application/json")


def answers(status=200, error=None, **headers):
    """For `respond`: this error to every request."""

    async def respond(_, asked):
        answer = json_answer({"jsonrpc": "2.0", "id": asked["id"], "error": error}, status)
        answer.headers.update(headers)
        return answer

    return respond

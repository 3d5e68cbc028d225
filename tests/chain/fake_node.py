"""A node that speaks true JSON-RPC over IPC or websocket, and misbehaves when its script says so."""

import asyncio
import json
import tempfile
from collections import Counter
from pathlib import Path

from aiohttp import WSMsgType, web

from tests.chain.waiting import until


class Drop(Exception):
    """Raised by a handler: the connection is cut without an answer."""


class NodeFault(Exception):
    """Raised by a handler: answered as a JSON-RPC error."""

    def __init__(self, code, message, data=None):
        super().__init__(message)
        self.error = {"code": code, "message": message} | ({"data": data} if data is not None else {})


class Raw(Exception):
    """Raised by a handler: these very bytes are sent instead of an answer."""

    def __init__(self, frame):
        super().__init__(repr(frame))
        self.frame = frame


class NoAnswer(Exception):
    """Raised by a handler: silence."""


class Peer:
    """One client's connection."""

    def __init__(self, send, cut):
        self.send, self.cut = send, cut
        self.subscriptions = {}

    async def push(self, kind, result):
        for name, subscribed in self.subscriptions.items():
            if subscribed == kind:
                params = {"subscription": name, "result": result}
                await self.send(
                    json.dumps({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})
                )


class FakeNode:
    """`handlers[method](*params)` answers; `start_ipc` or `start_websocket` gives the URL."""

    def __init__(self, handlers=None):
        self.handlers = dict(handlers or {})
        self.peers = []
        self.requests = Counter()
        self.refuses_connections = False
        self.is_frozen = False
        """Reads nothing and says nothing: the connection is half open."""
        self.reverses_batches = False
        self._made_subscriptions = 0
        self._ends = []
        self._tasks = set()

    async def start_ipc(self):
        folder = tempfile.TemporaryDirectory(prefix="node-")
        path = str(Path(folder.name) / "ipc")
        server = await asyncio.start_unix_server(self._serve_ipc, path, limit=2**26)

        async def end():
            server.close()
            await self.drop_all()
            folder.cleanup()

        self._ends.append(end)
        return path

    async def start_websocket(self):
        app = web.Application()
        app.router.add_get("/{tail:.*}", self._serve_websocket)
        app.router.add_post("/{tail:.*}", self._serve_post)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()

        async def end():
            await self.drop_all()
            await runner.cleanup()

        self._ends.append(end)
        port = site._server.sockets[0].getsockname()[1]
        return f"ws://127.0.0.1:{port}"

    async def stop(self):
        for task in list(self._tasks):
            task.cancel()
        for end in self._ends:
            await end()

    async def drop_all(self):
        peers, self.peers = self.peers, []
        for peer in peers:
            await peer.cut()

    async def push_head(self, header):
        for peer in list(self.peers):
            await peer.push("newHeads", header)

    async def _serve_ipc(self, reader, writer):
        async def send(text):
            writer.write(text.encode() + b"\n" if isinstance(text, str) else text)
            await writer.drain()

        async def cut():
            writer.close()

        if self.refuses_connections:
            writer.close()
            return
        peer = Peer(send, cut)
        self.peers.append(peer)
        try:
            while line := await reader.readline():
                await until(lambda: not self.is_frozen)
                self._spawn(peer, line)
        except (ConnectionError, TimeoutError):
            pass
        finally:
            if peer in self.peers:
                self.peers.remove(peer)
            writer.close()

    async def _serve_websocket(self, request):
        if self.refuses_connections:
            raise web.HTTPServiceUnavailable
        socket = web.WebSocketResponse()
        await socket.prepare(request)

        async def send(text):
            await (socket.send_str(text) if isinstance(text, str) else socket.send_bytes(text))

        async def cut():
            request.transport.abort()

        peer = Peer(send, cut)
        self.peers.append(peer)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._spawn(peer, message.data)
        finally:
            if peer in self.peers:
                self.peers.remove(peer)
        return socket

    async def _serve_post(self, request):
        sent = []

        async def send(text):
            sent.append(text)

        try:
            await self._answer(Peer(send, None), await request.read())
        except Drop:
            request.transport.abort()
        body = sent[0] if sent else ""
        return web.Response(body=body if isinstance(body, bytes) else body.encode())

    def _spawn(self, peer, line):
        """Requests of one connection are answered as they are ready, not in turn."""
        task = asyncio.create_task(self._answer_or_cut(peer, line))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_or_cut(self, peer, line):
        try:
            await self._answer(peer, line)
        except (Drop, ConnectionError):
            await peer.cut()

    async def _answer(self, peer, line):
        document = json.loads(line)
        calls = document if isinstance(document, list) else [document]
        answers = []
        for call in calls:
            self.requests[call["method"]] += 1
            try:
                answers.append({"jsonrpc": "2.0", "id": call["id"], **await self._one(peer, call)})
            except Raw as raw:
                await peer.send(raw.frame)
                return
            except NoAnswer:
                continue
        if self.reverses_batches:
            answers.reverse()
        if isinstance(document, list):
            await peer.send(json.dumps(answers))
        elif answers:
            await peer.send(json.dumps(answers[0]))

    async def _one(self, peer, call):
        method, params = call["method"], call["params"]
        if method == "eth_subscribe" and method not in self.handlers:
            self._made_subscriptions += 1
            name = hex(self._made_subscriptions)
            peer.subscriptions[name] = params[0]
            return {"result": name}
        handler = self.handlers.get(method)
        if handler is None:
            return {"error": {"code": -32601, "message": f"the method {method} does not exist"}}
        try:
            result = handler(*params)
            return {"result": await result if asyncio.iscoroutine(result) else result}
        except NodeFault as fault:
            return {"error": fault.error}


def chain_handlers(chain):
    """What a healthy node answers of a FakeChain."""

    def logs(query):
        block = chain.by_hash(query["blockHash"])
        if block is None:
            raise NodeFault(-32000, "unknown block")
        return block.logs_json(query["topics"][0])

    def by_hash(block_hash, _full):
        block = chain.by_hash(block_hash)
        return None if block is None else block.header()

    def receipts(block_hash):
        block = chain.by_hash(block_hash)
        return None if block is None else [{"logs": block.logs_json()}] if block.payload else []

    return {
        "eth_chainId": lambda: "0x7a69",
        "eth_getBlockByNumber": lambda _tag, _full: chain.tip.header(),
        "eth_getBlockByHash": by_hash,
        "eth_getLogs": logs,
        "eth_getBlockReceipts": receipts,
    }

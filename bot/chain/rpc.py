"""Opening a JSON-RPC session by its URL: ws://, wss://, a node's IPC socket; http(s):// for requests alone."""

from urllib.parse import urlsplit

from bot.chain.rpc_http import HttpRpc
from bot.chain.rpc_ipc import IpcWire
from bot.chain.rpc_multiplex import REQUEST_LIMIT, MultiplexedSession, Wire
from bot.chain.rpc_websocket import WebsocketWire
from bot.core.errors import BadConfiguration, RetryLater
from bot.core.ports import Clock, JsonRpc, RpcSession
from bot.core.result import Unknown
from bot.core.units import Nanoseconds


async def open_session(url: str, clock: Clock, limit: Nanoseconds = REQUEST_LIMIT) -> RpcSession:
    """A connection that pushes: what the head feed needs. `limit` bounds the connecting and every request.

    Raises BadConfiguration for a URL that cannot push (http) or is none of the known kinds, RetryLater when the
    node cannot be reached now.
    """
    kind = url_kind(url)
    if kind == "http":
        raise BadConfiguration(
            f"{redact_url(url)}: HTTP cannot push new heads; give a websocket (ws://, wss://) or an IPC path"
        )
    opened = await clock.within(limit, _open_wire(url, kind))
    if isinstance(opened, Unknown):
        raise RetryLater(f"cannot open {redact_url(url)}: {opened.cause}")
    session = MultiplexedSession(opened.value, clock, limit)
    session.start()
    return session


async def open_rpc(url: str, clock: Clock, limit: Nanoseconds = REQUEST_LIMIT) -> JsonRpc:
    """Requests alone, over any kind of URL. Raises as `open_session`; HTTP connects at the first request."""
    if url_kind(url) == "http":
        return HttpRpc(url, clock, limit)
    return await open_session(url, clock, limit)


def url_kind(url: str) -> str:
    """One of "http", "websocket", "ipc". Raises BadConfiguration for anything else."""
    if url.startswith(("/", "ipc:")):
        return "ipc"
    scheme = url.partition("://")[0].lower()
    if scheme in ("ws", "wss"):
        return "websocket"
    if scheme in ("http", "https"):
        return "http"
    raise BadConfiguration(
        f"{redact_url(url)}: ws://, wss://, http://, https:// or the path of an IPC socket (/...) is expected"
    )


def redact_url(url: str) -> str:
    """What may be logged of an RPC URL: scheme, host, port. A provider's key sits in userinfo, path or query."""
    if url.startswith(("/", "ipc:")):
        return url
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "(a URL that cannot be read)"
    if not parts.scheme or not host:
        return "(a URL without a host)"
    host = f"[{host}]" if ":" in host else host
    hidden = parts.path.strip("/") or parts.query or parts.fragment
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{'/...' if hidden else ''}"


async def _open_wire(url: str, kind: str) -> Wire:
    if kind == "ipc":
        return await IpcWire.open(url.removeprefix("ipc:").removeprefix("//"))
    return await WebsocketWire.open(url, redact_url(url))

"""Who asked for which news over which connection, and the delivery of it in order.

A connection has one outbox; replies and notifications leave through it in the order they were put in, so a
subscription's id always arrives before its first notification.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from bot.core.identity import hex_quantity
from bot.world.json_rpc import RpcError, invalid_params

OUTBOX_LIMIT = 50_000
"""Messages a client may be behind; a slower one loses its connection, as with a real node."""
_KINDS = frozenset({"newHeads", "logs", "newPendingTransactions"})


class LogFilter(msgspec.Struct, frozen=True):
    """Addresses and topics in lower-case hex; None and an empty set let everything through."""

    addresses: frozenset[str]
    topics: tuple[frozenset[str] | None, ...]

    def matches(self, log: Mapping[str, Any]) -> bool:
        if self.addresses and log["address"].lower() not in self.addresses:
            return False
        if len(self.topics) > len(log["topics"]):
            return False
        return all(
            allowed is None or topic.lower() in allowed
            for allowed, topic in zip(self.topics, log["topics"], strict=False)
        )


def read_log_filter(options: Any) -> LogFilter:
    """The filter of `eth_subscribe ["logs", {address, topics}]`. Raises RpcError."""
    if options is None:
        options = {}
    if not isinstance(options, dict):
        raise invalid_params("logs: the filter is an object with `address` and `topics`")
    listed = options.get("topics") or []
    if not isinstance(listed, list):
        raise invalid_params("logs: `topics` is a list, by position")
    return LogFilter(_texts(options.get("address")), tuple(_texts(item) or None for item in listed))


def _texts(item: Any) -> frozenset[str]:
    values = [] if item is None else [item] if isinstance(item, str) else item
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise invalid_params(f"logs: expected hex text or a list of it, got {str(item)[:60]}")
    return frozenset(value.lower() for value in values)


class Connection:
    """One websocket or IPC client: its outbox and its subscriptions."""

    def __init__(self, close: Callable[[], None]) -> None:
        self._close = close
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self.wanted: dict[str, tuple[str, Any]] = {}
        """Subscription id to (kind, filter or flag)."""

    def put(self, message: Any) -> None:
        if self._outbox.qsize() >= OUTBOX_LIMIT:
            self.drop()
            return
        self._outbox.put_nowait(msgspec.json.encode(message))

    async def next_message(self) -> bytes:
        return await self._outbox.get()

    def drop(self) -> None:
        """Cut the connection without a word."""
        self.wanted.clear()
        self._close()


class Subscriptions:
    """All connections and their subscriptions."""

    def __init__(self) -> None:
        self._connections: set[Connection] = set()
        self._last_id = 0

    def __len__(self) -> int:
        return sum(len(connection.wanted) for connection in self._connections)

    def open(self, close: Callable[[], None]) -> Connection:
        connection = Connection(close)
        self._connections.add(connection)
        return connection

    def forget(self, connection: Connection) -> None:
        self._connections.discard(connection)

    def drop_all(self) -> int:
        """Cut every connection at once; how many there were."""
        connections = list(self._connections)
        for connection in connections:
            connection.drop()
        self._connections.clear()
        return len(connections)

    def subscribe(self, connection: Connection, params: Sequence[Any]) -> str:
        """The id. Raises RpcError for a kind this node has not."""
        kind = params[0] if params else None
        if not isinstance(kind, str) or kind not in _KINDS:
            raise invalid_params(f"no such subscription: {kind!r}; there are {', '.join(sorted(_KINDS))}")
        option = params[1] if len(params) > 1 else None
        wanted = read_log_filter(option) if kind == "logs" else option is True
        self._last_id += 1
        subscription_id = hex_quantity(self._last_id)
        connection.wanted[subscription_id] = (kind, wanted)
        return subscription_id

    def unsubscribe(self, connection: Connection, params: Sequence[Any]) -> bool:
        """Raises RpcError where this connection has no such subscription."""
        if not params or connection.wanted.pop(str(params[0]), None) is None:
            raise RpcError(-32000, "subscription not found")
        return True

    def publish_head(self, header: Mapping[str, Any]) -> None:
        for connection, subscription_id, _ in self._of_kind("newHeads"):
            _notify(connection, subscription_id, header)

    def publish_logs(self, logs: Sequence[Mapping[str, Any]]) -> None:
        for connection, subscription_id, wanted in self._of_kind("logs"):
            for log in logs:
                if wanted.matches(log):
                    _notify(connection, subscription_id, log)

    def publish_pending(self, tx_hash: str, body: Callable[[], Mapping[str, Any]]) -> None:
        for connection, subscription_id, full in self._of_kind("newPendingTransactions"):
            _notify(connection, subscription_id, body() if full else tx_hash)

    def _of_kind(self, kind: str) -> list[tuple[Connection, str, Any]]:
        return [
            (connection, subscription_id, wanted)
            for connection in self._connections
            for subscription_id, (of_kind, wanted) in connection.wanted.items()
            if of_kind == kind
        ]


def _notify(connection: Connection, subscription_id: str, result: Any) -> None:
    params = {"subscription": subscription_id, "result": result}
    connection.put({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})

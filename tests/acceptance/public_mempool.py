"""Everything the market's node ever announced as pending, heard as any stranger hears it."""

import contextlib
import json
import threading
from types import TracebackType
from typing import Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


class PublicMempoolWatch:
    """Subscribed to newPendingTransactions while the context is open; `hashes` grows meanwhile."""

    def __init__(self, url: str) -> None:
        self.hashes: set[bytes] = set()
        self._socket = connect(url, max_size=None)
        self._socket.send(_request("eth_subscribe", ["newPendingTransactions"]))
        answer = json.loads(self._socket.recv(10))
        assert isinstance(answer.get("result"), str), answer
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        self._thread.join(10)

    def _listen(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            for message in self._socket:
                self.hashes.add(bytes.fromhex(json.loads(message)["params"]["result"][2:]))


def _request(method: str, params: list[object]) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})

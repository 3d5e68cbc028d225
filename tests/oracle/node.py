"""JSON-RPC over plain HTTP, one request at a time; an answer that is missing or an error raises."""

import json
import urllib.request
from collections.abc import Sequence
from typing import Any

TIMEOUT_S = 60.0
MOST_PER_BATCH = 200


class NodeError(Exception):
    """The node answered with an error, or left a call unanswered."""

    def __init__(self, method: str, answer: Any) -> None:
        super().__init__(f"{method}: {answer}")
        self.answer = answer


class Node:
    """One endpoint."""

    def __init__(self, url: str) -> None:
        self.url = url

    def call(self, method: str, *params: Any) -> Any:
        """The `result` member. Raises NodeError, OSError."""
        [answer] = self.batch([(method, params)])
        return answer

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Results in the order of `calls`. Raises NodeError at the first error, OSError without an answer."""
        results: list[Any] = []
        for start in range(0, len(calls), MOST_PER_BATCH):
            results += self._batch(calls[start : start + MOST_PER_BATCH])
        return results

    def _batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        body = [
            {"jsonrpc": "2.0", "id": index, "method": method, "params": list(params)}
            for index, (method, params) in enumerate(calls)
        ]
        request = urllib.request.Request(
            self.url, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:
            answers = json.load(reply)
        if not isinstance(answers, list):
            raise NodeError(calls[0][0], answers)
        by_id = {answer.get("id"): answer for answer in answers}
        return [_result(method, by_id.get(index)) for index, (method, _) in enumerate(calls)]


def _result(method: str, answer: dict[str, Any] | None) -> Any:
    if answer is None or "result" not in answer:
        raise NodeError(method, answer)
    return answer["result"]


def quantity(value: int) -> str:
    return hex(value)


def number(text: str) -> int:
    return int(text, 16)


def data(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def text(raw: bytes) -> str:
    return "0x" + raw.hex()

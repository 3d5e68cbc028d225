"""The words of JSON-RPC 2.0 as the market's servers speak them: errors with their codes, and the shape of a reply."""

from typing import Any

import msgspec

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
SERVER_ERROR = -32000
"""What nodes use for everything a transaction can be refused for."""


class RpcError(Exception):
    """An answer that is an error; the codes are those of geth."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class Request(msgspec.Struct, frozen=True):
    """One call. `id` is whatever the client wrote; `params` a list, as every Ethereum method has it."""

    method: str
    id: int | float | str | None = None
    params: list[Any] = []


def decode_request(item: Any) -> Request:
    """Raises RpcError where `item` is no request."""
    try:
        return msgspec.convert(item, Request)
    except msgspec.ValidationError as error:
        raise RpcError(INVALID_REQUEST, f"invalid request: {error}") from error


def decode_body(body: bytes | str) -> Any:
    """Raises RpcError where `body` is not JSON."""
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise RpcError(PARSE_ERROR, f"parse error: {error}") from error


def result_reply(request_id: Any, result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


def error_reply(request_id: Any, error: RpcError) -> dict[str, Any]:
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        body["data"] = error.data
    return {"jsonrpc": "2.0", "id": request_id, "error": body}


def invalid_params(message: str) -> RpcError:
    return RpcError(INVALID_PARAMS, message)


def refused(message: str) -> RpcError:
    """A transaction a node would not take, in geth's words where it has some."""
    return RpcError(SERVER_ERROR, message)

"""JSON-RPC 2.0 on the wire: what a request looks like, and what an answer means. Pure.

Three meanings, never two: Ok (`result`), Reverted (an error that answers the question: the call reverted, the
transaction is not acceptable, the method does not exist), Unknown (an error that does not: rate limit, a block the
node does not have, an internal fault, or an answer without the shape of one).
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from bot.core.identity import from_hex
from bot.core.ports import RpcResult
from bot.core.result import Ok, Reverted, Unknown

NO_ANSWER_CODES = frozenset({-32700, -32603, -32001, -32002, -32005, 429})
"""JSON-RPC 2.0 section 5.1 (parse error, internal error); EIP-1474 (not found, unavailable, limit exceeded)."""
NO_ANSWER_TEXTS = ("unknown block", "header not found", "block not found", "missing trie node", "rate limit")
"""How nodes word, under the catch-all code -32000, that they lack the block or the will (geth, anvil)."""


class Answer(msgspec.Struct, frozen=True):
    id: int
    result: Ok[msgspec.Raw] | Reverted | Unknown
    """Not decoded yet: whoever asked knows the shape to expect. `opened` makes it an RpcResult."""


class Notification(msgspec.Struct, frozen=True):
    subscription: str
    result: Any


class Malformed(msgspec.Struct, frozen=True):
    """A message no request can be found for."""

    cause: str


Message = Answer | Notification | Malformed


class _Document(msgspec.Struct):
    """Whatever came, one level deep; a result's bytes are found and not read."""

    id: Any = None
    method: Any = None
    params: Any = None
    result: msgspec.Raw = msgspec.Raw()
    error: Any = None


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_document_decoder = msgspec.json.Decoder(_Document)
_batch_decoder = msgspec.json.Decoder(list[_Document])


def encode_request(request_id: int, method: str, params: Sequence[object]) -> bytes:
    return _encoder.encode({"jsonrpc": "2.0", "id": request_id, "method": method, "params": list(params)})


def encode_batch(first_id: int, calls: Sequence[tuple[str, Sequence[object]]]) -> bytes:
    """Ids run on from `first_id` in the order of `calls`."""
    return (
        b"["
        + b",".join(
            encode_request(first_id + place, method, params) for place, (method, params) in enumerate(calls)
        )
        + b"]"
    )


def decode_messages(frame: bytes | str) -> list[Message]:
    """The messages of one frame: one, or several where it is a batch. A frame that is no JSON is one Malformed."""
    try:
        if frame.lstrip()[:1] in ("[", b"["):
            return [_message(item) for item in _batch_decoder.decode(frame)]
        return [_message(_document_decoder.decode(frame))]
    except msgspec.ValidationError as error:
        return [Malformed(f"something else where a JSON-RPC object belongs ({error})")]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return [Malformed(f"{len(frame)} bytes that are not JSON ({error})")]


def opened(result: Ok[msgspec.Raw] | Reverted | Unknown) -> RpcResult:
    """The answer with its result decoded, as plain lists, dictionaries and texts."""
    if not isinstance(result, Ok):
        return result
    try:
        return Ok(_decoder.decode(result.value))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Unknown(f"the answer's result is not JSON ({error})")


def _message(document: _Document) -> Message:
    if document.method == "eth_subscription":
        params = document.params
        if not isinstance(params, dict) or "result" not in params or "subscription" not in params:
            return Malformed("a notification without subscription or result")
        return Notification(str(params["subscription"]), params["result"])
    request_id = document.id
    if not isinstance(request_id, int) or isinstance(request_id, bool):
        return Malformed(f"an answer to no request (id {request_id!r}): {_error_text(document.error)}")
    return Answer(request_id, _result(document))


def _result(document: _Document) -> Ok[msgspec.Raw] | Reverted | Unknown:
    if document.error is not None:
        return _failure(document.error)
    if not bytes(document.result):
        return Unknown("the answer has neither result nor error")
    return Ok(document.result)


def _failure(error: Any) -> Reverted | Unknown:
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return Unknown(f"the answer's error has no message: {str(error)[:200]}")
    code, message = error.get("code"), error["message"]
    if code in NO_ANSWER_CODES or any(text in message.lower() for text in NO_ANSWER_TEXTS):
        return Unknown(f"the node has no answer: {message} (code {code})")
    return Reverted(message, _revert_data(error.get("data")))


def _revert_data(data: Any) -> bytes:
    """Revert data where the node gave some (geth, anvil: hex text); other nodes' prose is left out."""
    try:
        return from_hex(data) if isinstance(data, str) else b""
    except ValueError:
        return b""


def _error_text(error: Any) -> str:
    return str(error.get("message"))[:200] if isinstance(error, dict) else "no error text"

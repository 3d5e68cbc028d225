"""What a relay said, believed only as far as it goes.

Relays do not follow JSON-RPC closely: errors come as text or object, under 200 or 4xx; Titan adds `"error": null`
to good answers; a bare rbuilder answers null to what it dropped. Ok is only what was positively confirmed. Reverted:
the relay answered and the answer is no, so it holds nothing of ours. Anything else is Unknown: it may hold it.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from bot.core.ethereum_json import MalformedAnswer, decode_data
from bot.core.identity import TxHash
from bot.core.result import Ok, Reverted, Unknown
from bot.core.units import Gas, Wei

_SHOWN: Final = 200
"""Characters of a relay's own words that go into a reason."""


class CalledTransaction(msgspec.Struct, frozen=True):
    tx_hash: TxHash
    gas_used: Gas
    failure: str | None
    """The relay's words for a transaction that did not succeed."""


class CalledBundle(msgspec.Struct, frozen=True):
    """`eth_callBundle`: the relay's own simulation."""

    coinbase_diff: Wei
    """What the builder would gain: fees above base fee, and payments."""
    total_gas_used: Gas
    transactions: tuple[CalledTransaction, ...]


def decode_answer(status: int, body: bytes, request_id: int) -> Ok[Any] | Reverted | Unknown:
    """The `result` member of a relay's answer to request `request_id`, null included."""
    answer = _object(body)
    if status != 200:
        error = (answer or {}).get("error")
        said = f"HTTP {status}: {_short(error if error is not None else body)}"
        return Reverted(said) if 300 <= status < 500 else Unknown(said)
    if answer is None:
        return Unknown(f"the answer is not a JSON object: {_short(body)}")
    return _result(answer, request_id)


def _result(answer: Mapping[str, Any], request_id: int) -> Ok[Any] | Reverted | Unknown:
    """An error may come with id null (the relay could not read ours); a result may not."""
    answered_id, error = answer.get("id"), answer.get("error")
    is_ours = answered_id == request_id and not isinstance(answered_id, bool)
    if error is not None and (is_ours or answered_id is None):
        return Reverted(_short(error))
    if not is_ours:
        return Unknown(f"the answer is to request {_short(answered_id)}, ours was {request_id}")
    if "result" not in answer:
        return Unknown("the answer has neither result nor error")
    return Ok(answer["result"])


def error_of(body: bytes) -> tuple[int | None, str]:
    """Code and words of an answer that says no, as far as it has them; words of the body itself where it is no JSON.

    A code of 0 stands for an error that gives none.
    """
    answer = _object(body)
    error = (answer or {}).get("error")
    if error is None:
        return None, _short(body)
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else 0, _short(error)


def decode_bundle_hash(result: object) -> Ok[str] | Unknown:
    """`{"bundleHash": …}` or the bare hash; null means that nobody confirmed anything."""
    value = result.get("bundleHash") if isinstance(result, dict) else result
    try:
        decode_data(value, 32)
    except MalformedAnswer as error:
        return Unknown(f"accepted without a bundle hash: {error}")
    return Ok(str(value))


def decode_sent_hash(result: object, sent: TxHash) -> Ok[str] | Unknown:
    """The hash of the transaction that was sent, and no other."""
    try:
        found = decode_data(result, 32)
    except MalformedAnswer as error:
        return Unknown(f"accepted without a transaction hash: {error}")
    if found != sent:
        return Unknown(f"answered for transaction 0x{found.hex()}, sent was 0x{sent.hex()}")
    return Ok(str(result))


def decode_called_bundle(result: object) -> Ok[CalledBundle] | Unknown:
    try:
        return Ok(_called_bundle(result))
    except MalformedAnswer as error:
        return Unknown(f"eth_callBundle: {error}")


def _called_bundle(result: object) -> CalledBundle:
    if not isinstance(result, dict) or not isinstance(result.get("results"), list):
        raise MalformedAnswer(f"{_short(result)} has no list of results")
    return CalledBundle(
        coinbase_diff=Wei(_decimal(result.get("coinbaseDiff"))),
        total_gas_used=Gas(_decimal(result.get("totalGasUsed"))),
        transactions=tuple(_called(item) for item in result["results"]),
    )


def _called(item: object) -> CalledTransaction:
    if not isinstance(item, dict):
        raise MalformedAnswer(f"{_short(item)} is not a transaction's result")
    failure = item.get("error") or item.get("revert")
    return CalledTransaction(
        tx_hash=TxHash(decode_data(item.get("txHash"), 32)),
        gas_used=Gas(_decimal(item.get("gasUsed"))),
        failure=None if failure is None else _short(failure),
    )


def _decimal(value: object) -> int:
    """Flashbots writes wei as decimal text and gas as a number; negative is possible for a coinbase difference."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and value.isascii():
        return int(value)
    raise MalformedAnswer(f"{_short(value)} is not a decimal number")


def _object(body: bytes) -> Mapping[str, Any] | None:
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _short(words: object) -> str:
    """A relay's words on one line, cut: they end up in logs and on the operator's screen."""
    if isinstance(words, bytes):
        words = words[: 4 * _SHOWN].decode(errors="replace")
    if isinstance(words, dict) and isinstance(words.get("message"), str):
        words = f"{words.get('code', '')} {words['message']}".strip()
    text = " ".join(str(words).split())
    printable = "".join(c if c.isprintable() else "?" for c in text)
    return printable[:_SHOWN] or "no words"

"""Multicall3's `aggregate3`, by hand: eth_abi takes some fifty times as long on five hundred calls.

Source: Multicall3.sol, `aggregate3((address target, bool allowFailure, bytes callData)[])
returns ((bool success, bytes returnData)[])`.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from bot.core.identity import Address, keccak

AGGREGATE3_SELECTOR: Final = keccak(b"aggregate3((address,bool,bytes)[])")[:4]

_WORD = 32
_ARRAY_OFFSET = _WORD.to_bytes(_WORD, "big")
_TRUE = (1).to_bytes(_WORD, "big")
_FALSE = bytes(_WORD)
_CALL_DATA_OFFSET = (3 * _WORD).to_bytes(_WORD, "big")
_RETURN_DATA_OFFSET = (2 * _WORD).to_bytes(_WORD, "big")


class Call(msgspec.Struct, frozen=True):
    to: Address
    data: bytes
    allow_failure: bool = True
    """False: this call's revert reverts them all."""


class CallResult(msgspec.Struct, frozen=True):
    success: bool
    data: bytes
    """What it returned, or the data of its revert. A call to an address without code succeeds with nothing."""


def encode_aggregate3(calls: Sequence[Call]) -> bytes:
    """Selector and arguments; equal to the ABI encoding, bit by bit. Raises ValueError for an address not of 20 bytes."""
    offsets: list[bytes] = []
    bodies: list[bytes] = []
    offset = len(calls) * _WORD
    for call in calls:
        body = _encode_call(call)
        offsets.append(_word(offset))
        bodies.append(body)
        offset += len(body)
    return b"".join([AGGREGATE3_SELECTOR, _ARRAY_OFFSET, _word(len(calls)), *offsets, *bodies])


def decode_aggregate3_result(answer: bytes) -> list[CallResult]:
    """One result a call, in order. Raises ValueError unless the bytes are exactly what Solidity encodes."""
    if answer[:_WORD] != _ARRAY_OFFSET:
        raise ValueError(f"{len(answer)} bytes do not start with the offset of an array")
    count = _read(answer, _WORD)
    start = 2 * _WORD
    if count > (len(answer) - start) // _WORD:
        raise ValueError(f"an array of {count} results does not fit into {len(answer)} bytes")
    results: list[CallResult] = []
    at = start + count * _WORD
    for place in range(count):
        offset = _read(answer, start + place * _WORD)
        if offset != at - start:
            raise ValueError(f"result {place} lies at offset {offset}, expected {at - start}")
        result, at = _decode_result(answer, at)
        results.append(result)
    if at != len(answer):
        raise ValueError(f"{len(answer) - at} bytes follow the last of {count} results")
    return results


def _encode_call(call: Call) -> bytes:
    if len(call.to) != 20:
        raise ValueError(f"an address has 20 bytes, this one {len(call.to)}: 0x{call.to.hex()}")
    return b"".join(
        [
            bytes(12),
            call.to,
            _TRUE if call.allow_failure else _FALSE,
            _CALL_DATA_OFFSET,
            _word(len(call.data)),
            call.data,
            bytes(-len(call.data) % _WORD),
        ]
    )


def _decode_result(answer: bytes, at: int) -> tuple[CallResult, int]:
    """The result whose first word lies at `at`, and where the next one starts."""
    success = answer[at : at + _WORD]
    if success not in (_TRUE, _FALSE):
        raise ValueError(f"0x{success.hex()} at byte {at} is no bool")
    if answer[at + _WORD : at + 2 * _WORD] != _RETURN_DATA_OFFSET:
        raise ValueError(f"no offset of the return data at byte {at + _WORD}")
    length = _read(answer, at + 2 * _WORD)
    first = at + 3 * _WORD
    end = first + length
    padded_end = end + -length % _WORD
    if padded_end > len(answer):
        raise ValueError(f"{length} bytes of return data at byte {first} pass the end at {len(answer)}")
    if any(answer[end:padded_end]):
        raise ValueError(f"padding after byte {end} is not zero")
    return CallResult(success == _TRUE, answer[first:end]), padded_end


def _read(answer: bytes, at: int) -> int:
    word = answer[at : at + _WORD]
    if len(word) != _WORD:
        raise ValueError(f"the answer ends at byte {len(answer)}, inside the word at {at}")
    return int.from_bytes(word, "big")


def _word(value: int) -> bytes:
    return value.to_bytes(_WORD, "big")

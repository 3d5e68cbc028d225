"""Calldata and answers of contracts/TokenProbe.vy: one simulated step of trading a token, and what was measured in it."""

from collections.abc import Sequence
from typing import Final

import msgspec

from bot.core.identity import Address, keccak
from bot.core.units import TokenUnits, Wei

MOST_HOLDERS: Final = 16
"""That one `look` takes."""
WHOLE: Final = 10_000
"""Shares are in ten-thousandths of what the probe holds."""

_WORD = 32
_WRAP = keccak(b"wrap(address,uint256)")[:4]
_SEND = keccak(b"send(address,address,uint256)")[:4]
_SWAP = keccak(b"swap((address,address,address,uint256,uint256),uint256,address)")[:4]
_LOOK = keccak(b"look(address,address[])")[:4]
_SHORT = keccak(b"Short(uint256,uint256)")[:4]


class ProbeHop(msgspec.Struct, frozen=True):
    """One pool, in one direction. Fee numerator and denominator as a V2 pair's; 0 and 1 for concentrated liquidity."""

    pool: Address
    token_in: Address
    token_out: Address
    fee_numerator: int
    fee_denominator: int


class Measured(msgspec.Struct, frozen=True):
    """Of one transfer or swap, each in the smallest unit of the token it is about."""

    sent: TokenUnits
    """Handed to `transfer`."""
    debited: TokenUnits
    """By which the sender's balance fell."""
    credited: TokenUnits
    """By which the receiver's rose."""
    asked: TokenUnits
    """What the pool says it paid out; 0 for a plain transfer, as `received`."""
    received: TokenUnits
    """By which the recipient's balance of it rose."""


def wrap_calldata(weth: Address, amount: Wei) -> bytes:
    return _WRAP + _address_word(weth) + _word(amount)


def send_calldata(token: Address, to: Address, share: int) -> bytes:
    return _SEND + _address_word(token) + _address_word(to) + _word(share)


def swap_calldata(hop: ProbeHop, share: int, recipient: Address) -> bytes:
    """Sells `share` of what the probe holds of `hop.token_in`."""
    words = [_address_word(hop.pool), _address_word(hop.token_in), _address_word(hop.token_out)]
    words += [_word(hop.fee_numerator), _word(hop.fee_denominator), _word(share), _address_word(recipient)]
    return _SWAP + b"".join(words)


def look_calldata(token: Address, holders: Sequence[Address]) -> bytes:
    """Raises ValueError for more holders than MOST_HOLDERS."""
    if len(holders) > MOST_HOLDERS:
        raise ValueError(f"{len(holders)} holders, a look takes {MOST_HOLDERS}")
    return b"".join(
        [_LOOK, _address_word(token), _word(2 * _WORD), _word(len(holders)), *map(_address_word, holders)]
    )


def decode_measured(answer: bytes) -> Measured:
    """The answer of `send` or `swap`. Raises ValueError unless it is five words."""
    return Measured(*(TokenUnits(number) for number in _numbers(answer, 5)))


def decode_look(answer: bytes, holders: int) -> tuple[TokenUnits, ...]:
    """One balance a holder, in order. Raises ValueError for any other answer."""
    offset, count, *balances = _numbers(answer, 2 + holders)
    if (offset, count) != (_WORD, holders):
        raise ValueError(f"{count} balances at offset {offset}, expected {holders} at {_WORD}")
    return tuple(TokenUnits(balance) for balance in balances)


def decode_short(revert_data: bytes) -> tuple[int, int] | None:
    """(owed, credited) where a concentrated pool was paid too little; None for any other revert."""
    if len(revert_data) != 4 + 2 * _WORD or revert_data[:4] != _SHORT:
        return None
    owed, credited = _numbers(revert_data[4:], 2)
    return owed, credited


def _numbers(answer: bytes, count: int) -> list[int]:
    if len(answer) != count * _WORD:
        raise ValueError(f"the probe answered {len(answer)} bytes, expected {count * _WORD}")
    return [int.from_bytes(answer[place : place + _WORD], "big") for place in range(0, len(answer), _WORD)]


def _address_word(address: Address) -> bytes:
    if len(address) != 20:
        raise ValueError(f"an address has 20 bytes, this one {len(address)}: 0x{address.hex()}")
    return bytes(12) + address


def _word(value: int) -> bytes:
    return value.to_bytes(_WORD, "big")

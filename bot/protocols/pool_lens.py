"""contracts/PoolLens.vy by hand: what to ask it, and its packed answers. It stands at LENS_ADDRESS for one call alone."""

from collections.abc import Sequence
from typing import Final

import msgspec

from bot.core.identity import Address, keccak, to_checksum

LENS_ADDRESS: Final = Address(keccak(b"PoolLens, laid over an address that nobody has")[12:])
MOST_POOLS: Final = 8_192
"""That one request may name."""

_WORD = 32
_RESERVES: Final = keccak(b"reserves(address[])")[:4]
_TICK_MAPS: Final = keccak(b"tick_maps(uint256[])")[:4]
_ARRAY_OFFSET = _WORD.to_bytes(_WORD, "big")
_ADDRESS_PADDING = bytes(12)
_FAILED: Final = (1 << 256) - 1
_MAX_TICK: Final = 887_272
_WORD_BIAS: Final = 32_768
_AMOUNT: Final = (1 << 128) - 1
_RESERVE: Final = (1 << 112) - 1


class TickMapRequest(msgspec.Struct, frozen=True):
    """One pool from a bitmap word on."""

    pool: Address
    tick_spacing: int
    first_word: int


class TickMapPart(msgspec.Struct, frozen=True):
    """What the lens read of one pool: nothing but words from the one asked for up to, not including, `next_word`."""

    sqrt_price: int
    tick: int
    liquidity: int
    ticks: tuple[tuple[int, int, int], ...]
    """(tick, gross, net), ascending."""
    next_word: int


def first_word(tick_spacing: int) -> int:
    """The bitmap word of the lowest tick that a pool of this spacing can use. Raises ValueError unless above zero."""
    _check_spacing(tick_spacing)
    return -(_MAX_TICK // tick_spacing) >> 8


def last_word(tick_spacing: int) -> int:
    """The bitmap word of the highest tick. Raises ValueError unless the spacing is above zero."""
    _check_spacing(tick_spacing)
    return _MAX_TICK // tick_spacing >> 8


def reserves_calldata(pairs: Sequence[Address]) -> bytes:
    """At most MOST_POOLS pairs."""
    return _RESERVES + _array([_ADDRESS_PADDING + pair for pair in pairs])


def decode_reserves(answer: bytes) -> list[tuple[int, int] | None]:
    """(reserve0, reserve1) of each pair from the first on, None where it does not answer; fewer when gas ran low.

    Raises ValueError for what is no array of words.
    """
    return [None if word == _FAILED else (word & _RESERVE, word >> 112 & _RESERVE) for word in _words(answer)]


def tick_maps_calldata(requests: Sequence[TickMapRequest]) -> bytes:
    """At most MOST_POOLS requests. Raises ValueError for a spacing or a word that no pool has."""
    return _TICK_MAPS + _array([_packed(request) for request in requests])


def decode_tick_maps(answer: bytes) -> list[TickMapPart | None]:
    """One a pool from the first on, None where it does not answer; fewer when gas or room ran low.

    Raises ValueError for what is no such answer.
    """
    words = _words(answer)
    parts: list[TickMapPart | None] = []
    at = 0
    while at < len(words):
        if at + 4 > len(words):
            raise ValueError(f"{len(words) - at} words are left, a pool takes four or more")
        price, tick, liquidity, status = words[at : at + 4]
        count = status & 0xFFFFFFFF
        end = at + 4 + 2 * count
        if end > len(words):
            raise ValueError(f"{count} ticks do not fit into the {len(words) - at - 4} words that are left")
        ticks = tuple(
            (
                _signed(words[place] >> 128 & 0xFFFFFF, 24),
                words[place] & _AMOUNT,
                _signed(words[place + 1], 256),
            )
            for place in range(at + 4, end, 2)
        )
        part = TickMapPart(price, _signed(tick, 256), liquidity, ticks, (status >> 32) - _WORD_BIAS)
        parts.append(None if price == _FAILED else part)
        at = end
    return parts


def _packed(request: TickMapRequest) -> bytes:
    spacing = request.tick_spacing
    if not first_word(spacing) <= request.first_word <= last_word(spacing):
        raise ValueError(
            f"{to_checksum(request.pool)}: word {request.first_word} is outside "
            f"{first_word(spacing)} to {last_word(spacing)}, those of tick spacing {spacing}"
        )
    packed = int.from_bytes(request.pool, "big") | spacing << 160 | (request.first_word + _WORD_BIAS) << 184
    return packed.to_bytes(_WORD, "big")


def _check_spacing(tick_spacing: int) -> None:
    if not 0 < tick_spacing <= _MAX_TICK:
        raise ValueError(f"tick spacing {tick_spacing} is none: 1 to {_MAX_TICK}")


def _array(words: Sequence[bytes]) -> bytes:
    if len(words) > MOST_POOLS:
        raise ValueError(f"{len(words)} pools, the lens takes at most {MOST_POOLS} at once")
    return b"".join([_ARRAY_OFFSET, len(words).to_bytes(_WORD, "big"), *words])


def _words(answer: bytes) -> list[int]:
    if answer[:_WORD] != _ARRAY_OFFSET or len(answer) % _WORD:
        raise ValueError(f"{len(answer)} bytes are no array of words")
    words = [int.from_bytes(answer[at : at + _WORD], "big") for at in range(_WORD, len(answer), _WORD)]
    if not words or words[0] != len(words) - 1:
        raise ValueError(f"the array says it holds {words[:1]} words and holds {len(words) - 1}")
    return words[1:]


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value

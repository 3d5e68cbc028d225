"""Calldata of the Executor's `execute`, written by hand: eth_abi takes some fifty times as long.

Mirrors `contracts/Executor.vy`; the order of the words is that of the Solidity ABI specification, "Use of Dynamic
Types".
"""

import msgspec

from bot.core.identity import Address, keccak
from bot.core.units import UINT256_MAX, TokenUnits, Wei

EXECUTOR_ABI_SIGNATURE = (
    "execute((uint256,(address,bool,uint256)[])[],address,uint256,uint256,uint256,uint256)"
)
EXECUTE_SELECTOR = keccak(EXECUTOR_ABI_SIGNATURE.encode())[:4]

MAX_CYCLES = 8
"""Length of `cycles` in `execute`."""
MIN_HOPS = 2
"""Fewer revert with `executor: hops`."""
MAX_HOPS = 4
"""Length of `Cycle.hops`."""

_WORD = 32
_HEAD_WORDS = 6
_ADDRESS_PAD = bytes(12)
_TRUE = (1).to_bytes(_WORD, "big")
_FALSE = bytes(_WORD)
_CYCLES_OFFSET = (_HEAD_WORDS * _WORD).to_bytes(_WORD, "big")
_HOPS_OFFSET = (2 * _WORD).to_bytes(_WORD, "big")


class Hop(msgspec.Struct, frozen=True):
    """One swap on a Uniswap V2-like pair."""

    pool: Address
    zero_for_one: bool
    """token0 goes in, token1 comes out."""
    amount_out: TokenUnits
    """Exact output; the pair's K decides whether the input bought it."""


class Cycle(msgspec.Struct, frozen=True):
    """Base token in at `hops[0]`, base token out at `hops[-1]`, which lends its output until the end."""

    amount_in: TokenUnits
    """Base token paid to the first pool."""
    hops: tuple[Hop, ...]
    """Two to four."""


def encode_execute(  # the order of the contract's own arguments
    cycles: tuple[Cycle, ...],
    base_token: Address,
    min_profit: TokenUnits,
    payment: Wei,
    first_block: int,
    last_block: int,
) -> bytes:
    """Selector and arguments of `execute`; equal to the ABI encoding, bit by bit.

    Raises ValueError for what the contract could not decode or would refuse by its shape: an address that is not 20
    bytes, a number outside uint256, 0 or more than 8 cycles, fewer than 2 or more than 4 hops.
    """
    if not 1 <= len(cycles) <= MAX_CYCLES:
        raise ValueError(f"{len(cycles)} cycles: 1 to {MAX_CYCLES} go into one execute")
    parts = [
        EXECUTE_SELECTOR,
        _CYCLES_OFFSET,
        _address_word(base_token),
        _word(min_profit),
        _word(payment),
        _word(first_block),
        _word(last_block),
        _word(len(cycles)),
    ]
    offset = len(cycles) * _WORD
    for cycle in cycles:
        parts.append(_word(offset))
        offset += (3 + 3 * len(cycle.hops)) * _WORD
    for cycle in cycles:
        _append_cycle(parts, cycle)
    return b"".join(parts)


def _append_cycle(parts: list[bytes], cycle: Cycle) -> None:
    if not MIN_HOPS <= len(cycle.hops) <= MAX_HOPS:
        raise ValueError(f"{len(cycle.hops)} hops: a cycle has {MIN_HOPS} to {MAX_HOPS}")
    parts += (_word(cycle.amount_in), _HOPS_OFFSET, _word(len(cycle.hops)))
    for hop in cycle.hops:
        parts += (_address_word(hop.pool), _TRUE if hop.zero_for_one else _FALSE, _word(hop.amount_out))


def _address_word(address: Address) -> bytes:
    if len(address) != 20:
        raise ValueError(f"an address has 20 bytes, this one {len(address)}: 0x{address.hex()}")
    return _ADDRESS_PAD + address


def _word(value: int) -> bytes:
    if not 0 <= value <= UINT256_MAX:
        raise ValueError(f"{value} does not fit uint256")
    return value.to_bytes(_WORD, "big")

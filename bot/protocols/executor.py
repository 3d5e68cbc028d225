"""Calldata of the Executor's `execute`, written by hand: eth_abi takes some fifty times as long.

Mirrors `contracts/Executor.vy`; the order of the words is that of the Solidity ABI specification, "Use of Dynamic
Types". The cycles are one row of hops: two words each, the last hop of a cycle bears a flag.
"""

import msgspec

from bot.core.identity import Address, keccak
from bot.core.profile import ProtocolName
from bot.core.units import UINT128_MAX, UINT256_MAX, TokenUnits, Wei

EXECUTOR_ABI_SIGNATURE = "execute((uint256,uint256)[],address,uint256,uint256,uint256,uint256)"
EXECUTE_SELECTOR = keccak(EXECUTOR_ABI_SIGNATURE.encode())[:4]

MAX_CYCLES = 8
"""So many of the longest fill `hops` of `execute`."""
MIN_HOPS = 2
"""Fewer revert with `executor: hops`."""
MAX_HOPS = 4

_WORD = 32
_HEAD_WORDS = 6
_ADDRESS_PAD = bytes(12)
_ZERO_FOR_ONE, _CONCENTRATED, _LAST = 1, 2, 4
_HOP_PADS = tuple(bytes(11) + bytes([flags]) for flags in range(8))
"""What stands before the address in a hop's first word, by its flags."""
_HOPS_OFFSET = (_HEAD_WORDS * _WORD).to_bytes(_WORD, "big")


class Hop(msgspec.Struct, frozen=True):
    """One swap of exact output."""

    pool: Address
    zero_for_one: bool
    """token0 goes in, token1 comes out."""
    amount_out: TokenUnits
    """Of a V2 pair its K, of a V3 pool its callback decides whether the input bought it."""
    protocol: ProtocolName = "uniswap_v2"


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
    bytes, a cycle's amount outside uint128, another number outside uint256, 0 or more than 8 cycles, fewer than 2 or
    more than 4 hops.
    """
    if not 1 <= len(cycles) <= MAX_CYCLES:
        raise ValueError(f"{len(cycles)} cycles: 1 to {MAX_CYCLES} go into one execute")
    if len(base_token) != 20:
        raise ValueError(f"an address has 20 bytes, this one {len(base_token)}: 0x{base_token.hex()}")
    parts = [
        EXECUTE_SELECTOR,
        _HOPS_OFFSET,
        _ADDRESS_PAD + base_token,
        _word(min_profit),
        _word(payment),
        _word(first_block),
        _word(last_block),
        _word(sum(len(cycle.hops) for cycle in cycles)),
    ]
    for cycle in cycles:
        _append_cycle(parts, cycle)
    return b"".join(parts)


def calldata_bytes(hops: int) -> int:
    """Length of `encode_execute`'s result for so many hops in all its cycles."""
    return 4 + _WORD * (_HEAD_WORDS + 1 + 2 * hops)


def _append_cycle(parts: list[bytes], cycle: Cycle) -> None:
    if not MIN_HOPS <= len(cycle.hops) <= MAX_HOPS:
        raise ValueError(f"{len(cycle.hops)} hops: a cycle has {MIN_HOPS} to {MAX_HOPS}")
    amount_in, last = cycle.amount_in, len(cycle.hops) - 1
    if not 0 <= amount_in <= UINT128_MAX:
        raise ValueError(f"{amount_in} does not fit uint128")
    for place, hop in enumerate(cycle.hops):
        if len(hop.pool) != 20:
            raise ValueError(f"an address has 20 bytes, this one {len(hop.pool)}: 0x{hop.pool.hex()}")
        if not 0 <= hop.amount_out <= UINT128_MAX:
            raise ValueError(f"{hop.amount_out} does not fit uint128")
        flags = _ZERO_FOR_ONE if hop.zero_for_one else 0
        if hop.protocol != "uniswap_v2":
            flags |= _CONCENTRATED
        if place == last:
            flags |= _LAST
        amounts = amount_in << 128 | hop.amount_out
        parts += (_HOP_PADS[flags], hop.pool, amounts.to_bytes(_WORD, "big"))
        amount_in = TokenUnits(0)


def _word(value: int) -> bytes:
    if not 0 <= value <= UINT256_MAX:
        raise ValueError(f"{value} does not fit uint256")
    return value.to_bytes(_WORD, "big")

"""The storage a hidden transaction will leave, as far as its hint says: what stands in for it in a simulation.

Of a pool that it moves: price, liquidity or reserves, and its balances of both tokens. Where a protocol or a token keeps
them is found out once, by a trial with an override and reading it back; every stand-in is read back as a whole before it
is used. What has no known layout has no stand-in.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from bot.chain.reader import block_id
from bot.chain.simulation import state_overrides
from bot.core.ethereum_json import MalformedAnswer, decode_data, decoded
from bot.core.identity import Address, BlockRef, from_hex, hex_bytes, keccak, to_checksum
from bot.core.pending import StorageOverride
from bot.core.ports import JsonRpc, RpcResult
from bot.core.profile import ProtocolName
from bot.core.result import Ok, Reverted, Unknown, in_words
from bot.core.units import UINT112_MAX, UINT128_MAX, UINT256_MAX
from bot.protocols.erc20 import balance_of_calldata
from bot.protocols.uniswap_v2 import RESERVES_SLOT, decode_reserves, reserves_calldata
from bot.protocols.uniswap_v3 import (
    decode_liquidity,
    liquidity_calldata,
    slot0_calldata,
)
from bot.protocols.v3_tick_math import MAX_SQRT_PRICE, MAX_TICK, MIN_SQRT_PRICE, MIN_TICK
from bot.protocols.words import WORD, address_word, uint_word

_MARK: Final = 0x5EED_0000_BA1A_0CE5
"""A balance nobody has."""
_GUESSED_BASES: Final = range(16)
"""Declaration places tried where a node makes no access lists."""
_PRICE_BITS, _TICK_BITS = 160, 24


class V3Layout(msgspec.Struct, frozen=True):
    """slot0's first word packs the root of the price and the tick below the observation fields."""

    slot0: int
    liquidity: int


V3_LAYOUTS: Final[dict[ProtocolName, V3Layout]] = {
    "uniswap_v3": V3Layout(slot0=0, liquidity=4),
    # PancakeV3Pool: feeProtocol is a uint32 and takes a word of its own, with `unlocked`.
    "pancakeswap_v3": V3Layout(slot0=0, liquidity=5),
}


class PairAfter(msgspec.Struct, frozen=True):
    """A V2 pair as it will stand."""

    pool: Address
    tokens: tuple[Address, Address]
    reserves: tuple[int, int]
    paid_in: tuple[int, int]
    """What its balances gain; below zero: lose."""


class ConcentratedAfter(msgspec.Struct, frozen=True):
    """A V3 pool as it will stand; its ticks stay."""

    pool: Address
    tokens: tuple[Address, Address]
    sqrt_price: int
    tick: int
    liquidity: int
    paid_in: tuple[int, int]
    protocol: ProtocolName


PoolAfter = PairAfter | ConcentratedAfter


class _Slot(msgspec.Struct, frozen=True):
    """Where a token keeps balances: the place of its mapping, and whether the key comes first in the hash."""

    base: int
    key_first: bool

    def of(self, holder: Address) -> bytes:
        key, base = address_word(holder), uint_word(self.base)
        return keccak(key + base if self.key_first else base + key)


class StandIns:
    """Over one node. What is learned of a token is kept: a miss, too, until the end of the run."""

    def __init__(self, rpc: JsonRpc) -> None:
        self._rpc = rpc
        self._mapping_of: dict[Address, _Slot | None] = {}
        self._slot_of: dict[tuple[Address, Address], bytes | None] = {}
        """By token and holder, where the mapping's place is not known."""

    async def stand_in(
        self, pools: Sequence[PoolAfter], at: BlockRef
    ) -> Ok[tuple[StorageOverride, ...]] | Unknown:
        """The words that make every one of these pools stand so on top of `at`. Unknown with the reason otherwise."""
        made = await asyncio.gather(*(self._of(pool, at) for pool in pools))
        words: list[StorageOverride] = []
        for one in made:
            if not isinstance(one, Ok):
                return one
            words += one.value
        wrong = await self._read_back(pools, words, at)
        return Unknown(wrong) if wrong is not None else Ok(tuple(words))

    async def balance_slot(self, token: Address, holder: Address, at: BlockRef) -> bytes | None:
        """The storage slot of `token` that holds what balanceOf(holder) says; None where there is no such word."""
        mapping = self._mapping_of.get(token)
        if mapping is not None:
            return mapping.of(holder)
        key = (token, holder)
        if key not in self._slot_of:
            found = await self._find(token, holder, at)
            if not isinstance(found, Ok):
                return None
            self._slot_of[key] = found.value
        return self._slot_of[key]

    async def _find(self, token: Address, holder: Address, at: BlockRef) -> Ok[bytes | None] | Unknown:
        """Ok(None): every place was tried, none is it."""
        guessed = {
            _Slot(base, first).of(holder): _Slot(base, first)
            for base in _GUESSED_BASES
            for first in (True, False)
        }
        call = {"to": hex_bytes(token), "input": hex_bytes(balance_of_calldata(holder))}
        touched = _slots_of(await self._rpc.request("eth_createAccessList", [call, block_id(at.hash)]), token)
        for slot in guessed if touched is None else touched:
            override = [StorageOverride(token, slot, uint_word(_MARK))]
            answer = await self._call(token, balance_of_calldata(holder), at, override)
            if answer == Ok(uint_word(_MARK)):
                self._mapping_of[token] = guessed.get(slot)
                return Ok(slot)
            if isinstance(answer, Unknown):
                return answer
        return Ok(None)

    async def _of(self, pool: PoolAfter, at: BlockRef) -> Ok[list[StorageOverride]] | Unknown:
        over = _over_its_width(pool)
        if over is not None:
            return Unknown(f"pool {to_checksum(pool.pool)} cannot stand so: {over}")
        if isinstance(pool, PairAfter):
            places = [RESERVES_SLOT]
        else:
            layout = V3_LAYOUTS.get(pool.protocol)
            if layout is None:
                return Unknown(f"no known storage layout of {pool.protocol}")
            places = [layout.slot0, layout.liquidity]
        slots = [uint_word(place) for place in places]
        held = await asyncio.gather(*(self._storage(pool.pool, slot, at) for slot in slots))
        balances = await asyncio.gather(*(self._balance(pool, side, at) for side in (0, 1)))
        words: list[StorageOverride] = []
        for one in (*held, *balances):
            if not isinstance(one, Ok):
                return Unknown(in_words(one))
        read = [int.from_bytes(one.value, "big") for one in held if isinstance(one, Ok)]
        packed = _packed(pool, read)
        words += [
            StorageOverride(pool.pool, slot, uint_word(word))
            for slot, word in zip(slots, packed, strict=True)
        ]
        words += [one.value for one in balances if isinstance(one, Ok) and one.value is not None]
        return Ok(words)

    async def _balance(
        self, pool: PoolAfter, side: int, at: BlockRef
    ) -> Ok[StorageOverride | None] | Reverted | Unknown:
        """Ok(None): the balance stays."""
        token, change = pool.tokens[side], pool.paid_in[side]
        if not change:
            return Ok(None)
        slot = await self.balance_slot(token, pool.pool, at)
        if slot is None:
            return Unknown(f"no known storage layout of token {to_checksum(token)}")
        held = await self._storage(token, slot, at)
        if not isinstance(held, Ok):
            return held
        after = int.from_bytes(held.value, "big") + change
        if not 0 <= after <= UINT256_MAX:
            return Unknown(f"token {to_checksum(token)}: the pool would hold {after}")
        return Ok(StorageOverride(token, slot, uint_word(after)))

    async def _read_back(
        self, pools: Sequence[PoolAfter], words: Sequence[StorageOverride], at: BlockRef
    ) -> str | None:
        """What the pools answer on that storage, if it is not what was meant."""
        asked = [(pool, data, meant) for pool in pools for data, meant in _meant(pool)]
        answers = await asyncio.gather(*(self._call(pool.pool, data, at, words) for pool, data, _ in asked))
        for (pool, data, meant), answer in zip(asked, answers, strict=True):
            said = _said(data, answer)
            if said != meant:
                return f"pool {to_checksum(pool.pool)} stands at {said} on its stand-in, meant is {meant}"
        return None

    async def _call(
        self, to: Address, data: bytes, at: BlockRef, words: Iterable[StorageOverride]
    ) -> Ok[bytes] | Reverted | Unknown:
        call = {"to": hex_bytes(to), "input": hex_bytes(data)}
        answer = await self._rpc.request("eth_call", [call, block_id(at.hash), state_overrides(words)])
        return decoded(answer, decode_data, "eth_call")

    async def _storage(self, account: Address, slot: bytes, at: BlockRef) -> Ok[bytes] | Reverted | Unknown:
        answer = await self._rpc.request(
            "eth_getStorageAt", [hex_bytes(account), hex_bytes(slot), block_id(at.hash)]
        )
        return decoded(answer, _word, "eth_getStorageAt")


def _over_its_width(pool: PoolAfter) -> str | None:
    """The first value that the pool's storage has no room for: a hint is anybody's word."""
    if isinstance(pool, PairAfter):
        values = [(f"reserve{side}", pool.reserves[side], 0, UINT112_MAX) for side in (0, 1)]
    else:
        values = [
            ("square root price", pool.sqrt_price, MIN_SQRT_PRICE, MAX_SQRT_PRICE - 1),
            ("tick", pool.tick, MIN_TICK, MAX_TICK),
            ("liquidity", pool.liquidity, 0, UINT128_MAX),
        ]
    wrong = (one for one in values if not one[2] <= one[1] <= one[3])
    return next(
        (f"{name} {value} is not within {least} and {most}" for name, value, least, most in wrong), None
    )


def _packed(pool: PoolAfter, held: Sequence[int]) -> list[int]:
    """The words of the pool's own storage; what is no price, liquidity or reserve stays as it is held."""
    if isinstance(pool, PairAfter):
        return [pool.reserves[0] | pool.reserves[1] << 112 | held[0] >> 224 << 224]
    keep = held[0] >> (_PRICE_BITS + _TICK_BITS) << (_PRICE_BITS + _TICK_BITS)
    slot0 = keep | (pool.tick % (1 << _TICK_BITS)) << _PRICE_BITS | pool.sqrt_price
    return [slot0, held[1] >> 128 << 128 | pool.liquidity]


def _meant(pool: PoolAfter) -> list[tuple[bytes, object]]:
    if isinstance(pool, PairAfter):
        return [(reserves_calldata(), pool.reserves)]
    return [(slot0_calldata(), (pool.sqrt_price, pool.tick)), (liquidity_calldata(), pool.liquidity)]


def _said(data: bytes, answer: Ok[bytes] | Reverted | Unknown) -> object:
    if not isinstance(answer, Ok):
        return in_words(answer)
    try:
        if data == reserves_calldata():
            return decode_reserves(answer.value)
        if data == liquidity_calldata():
            return decode_liquidity(answer.value)
        return _price_and_tick(answer.value)
    except ValueError as error:
        return str(error)


def _price_and_tick(answer: bytes) -> tuple[int, int]:
    """Of slot0(), whatever the fork keeps behind the first two words."""
    return int.from_bytes(answer[:WORD], "big"), int.from_bytes(answer[WORD : 2 * WORD], "big", signed=True)


def _slots_of(answer: RpcResult, token: Address) -> list[bytes] | None:
    """The words of the token's storage that a call reads; None where the node does not say."""
    if not isinstance(answer, Ok) or not isinstance(answer.value, dict):
        return None
    entries = answer.value.get("accessList")
    if not isinstance(entries, list):
        return None
    slots: list[bytes] = []
    for entry in entries:
        try:
            if from_hex(entry["address"]) == token:
                slots += [from_hex(slot) for slot in entry["storageKeys"]]
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
    return slots


def _word(value: object) -> bytes:
    """Some nodes leave leading zeros out."""
    data = decode_data(value)
    if len(data) > WORD:
        raise MalformedAnswer(f"a storage word of {len(data)} bytes")
    return data.rjust(WORD, b"\0")

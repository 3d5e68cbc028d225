"""The signer's own reading of what it is asked to sign. It shares no code with the encoder it judges.

Strict: every byte is accounted for, and there is one encoding of each meaning. Two byte strings that decode to equal
values are equal, so nothing can hide between what is read here and what the chain executes.
"""

from typing import Final

import msgspec

from bot.core.identity import Address, keccak
from bot.core.transaction import TransactionFields, decode_unsigned
from bot.core.units import UINT256_MAX, TokenUnits, Wei

EXECUTE_SELECTOR: Final = keccak(b"execute((uint256,uint256)[],address,uint256,uint256,uint256,uint256)")[:4]
"""contracts/Executor.vy"""
MAX_CYCLES: Final = 8
MAX_HOPS: Final = 4
_WORD: Final = 32
_ADDRESS_BITS: Final = (1 << 160) - 1
_AMOUNT_BITS: Final = (1 << 128) - 1
NONCE_MAX: Final = (1 << 64) - 2
"""EIP-2681."""


class DecodedHop(msgspec.Struct, frozen=True):
    pool: Address
    zero_for_one: bool
    is_concentrated: bool
    """A V3 pool; else a V2 pair."""
    amount_out: TokenUnits


class DecodedCycle(msgspec.Struct, frozen=True):
    amount_in: TokenUnits
    hops: tuple[DecodedHop, ...]


class DecodedExecute(msgspec.Struct, frozen=True):
    """Arguments of `Executor.execute`, in its order."""

    cycles: tuple[DecodedCycle, ...]
    base_token: Address
    min_profit: TokenUnits
    payment: Wei
    first_block: int
    last_block: int

    @property
    def gross_gain(self) -> TokenUnits:
        """What the calldata claims: exact outputs of the last hops less the inputs, before the payment."""
        return TokenUnits(sum(cycle.hops[-1].amount_out - cycle.amount_in for cycle in self.cycles))


def decode_transaction(payload: bytes) -> TransactionFields:
    """Read an unsigned EIP-1559 transaction; raises ValueError unless `payload` is its one canonical encoding."""
    fields = decode_unsigned(payload)
    if fields.nonce > NONCE_MAX:
        raise ValueError(f"nonce {fields.nonce} is above 2**64 - 2 (EIP-2681)")
    amounts = (
        fields.chain_id,
        fields.max_priority_fee_per_gas,
        fields.max_fee_per_gas,
        fields.gas_limit,
        fields.value,
    )
    if max(amounts) > UINT256_MAX:
        raise ValueError("a number does not fit 256 bits")
    for address, slots in fields.access_list:
        if len(address) != 20 or any(len(slot) != 32 for slot in slots):
            raise ValueError("the access list holds an address that is not 20 bytes or a slot that is not 32")
    if fields.unsigned_payload() != payload:
        raise ValueError("the bytes are not the canonical RLP of the fields they decode to")
    return fields


def decode_execute(data: bytes) -> DecodedExecute:
    """Read calldata of `Executor.execute`; raises ValueError for another selector or a non-canonical encoding."""
    if data[:4] != EXECUTE_SELECTOR:
        raise ValueError(
            f"selector {data[:4].hex() or 'none'}: only execute {EXECUTE_SELECTOR.hex()} is signed"
        )
    words = _Words(data)
    words.expect(6 * _WORD, "offset of the hops")
    base_token = words.address()
    min_profit, payment, first_block, last_block = (words.number() for _ in range(4))
    cycles = _cycles(words)
    words.expect_end()
    return DecodedExecute(cycles, base_token, TokenUnits(min_profit), Wei(payment), first_block, last_block)


def _cycles(words: "_Words") -> tuple[DecodedCycle, ...]:
    """Hops up to one that bears the flag of the last make a cycle; nothing may be left over."""
    left = words.count(2, MAX_CYCLES * MAX_HOPS, "hops")
    cycles = []
    while left:
        cycle = _cycle(words, left)
        left -= len(cycle.hops)
        cycles.append(cycle)
    if len(cycles) > MAX_CYCLES:
        raise ValueError(f"{len(cycles)} cycles: 1 to {MAX_CYCLES} are allowed")
    return tuple(cycles)


def _cycle(words: "_Words", left: int) -> DecodedCycle:
    amount_in, hops = 0, []
    for place in range(min(left, MAX_HOPS)):
        pool, amounts = words.number(), words.number()
        flags, given = pool >> 160, amounts >> 128
        if flags > 0b111:
            raise ValueError(f"hop {place} bears flags {flags:#x}: three are known")
        if place and given:
            raise ValueError(f"hop {place} brings {given} of its own: only the first of a cycle may")
        amount_in += given
        address = Address((pool & _ADDRESS_BITS).to_bytes(20, "big"))
        out = TokenUnits(amounts & _AMOUNT_BITS)
        hops.append(DecodedHop(address, bool(flags & 0b001), bool(flags & 0b010), out))
        if flags & 0b100:
            if place == 0:
                raise ValueError("a cycle of one hop: 2 to 4 are allowed")
            return DecodedCycle(TokenUnits(amount_in), tuple(hops))
    raise ValueError(f"{len(hops)} hops and none of them the last of its cycle")


class _Words:
    """Calldata read word by word, front to back; never twice, never past the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 4

    def number(self) -> int:
        end = self.position + _WORD
        if end > len(self._data):
            raise ValueError(f"calldata of {len(self._data)} bytes ends inside a word that ends at {end}")
        value = int.from_bytes(self._data[self.position : end], "big")
        self.position = end
        return value

    def expect(self, wanted: int, what: str) -> None:
        value = self.number()
        if value != wanted:
            raise ValueError(f"{what} is {value}, canonical is {wanted}")

    def count(self, least: int, most: int, what: str) -> int:
        value = self.number()
        if not least <= value <= most:
            raise ValueError(f"{value} {what}: {least} to {most} are allowed")
        return value

    def address(self) -> Address:
        value = self.number()
        if value >> 160:
            raise ValueError("an address has dirt in its upper 12 bytes")
        return Address(value.to_bytes(20, "big"))

    def expect_end(self) -> None:
        if self.position != len(self._data):
            raise ValueError(f"{len(self._data) - self.position} bytes trail the arguments")

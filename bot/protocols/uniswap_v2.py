"""Uniswap V2 pairs and their forks: the swap formula to the unit, addresses, calldata, answers, logs and storage.

Sources: v2-core `UniswapV2Pair.sol` and `UniswapV2Factory.sol`, v2-periphery `UniswapV2Library.sol`. A fork differs
by its fee alone, written as numerator/denominator of the input that counts: 997/1000 at Uniswap.
"""

from typing import Final

from bot.core.identity import Address, keccak, to_checksum
from bot.core.messages import Log
from bot.core.units import UINT112_MAX, UINT256_MAX, TokenUnits, mul_div_down, mul_div_up

SYNC_TOPIC: Final = keccak(b"Sync(uint112,uint112)")
SWAP_TOPIC: Final = keccak(b"Swap(address,uint256,uint256,uint256,uint256,address)")
PAIR_CREATED_TOPIC: Final = keccak(b"PairCreated(address,address,address,uint256)")
RESERVES_SLOT: Final = 8
"""Storage slot of a pair that packs reserve0, reserve1 and the time of the last change."""

_WORD = 32
_GET_RESERVES = keccak(b"getReserves()")[:4]
_TOKEN0 = keccak(b"token0()")[:4]
_TOKEN1 = keccak(b"token1()")[:4]
_FACTORY = keccak(b"factory()")[:4]
_ALL_PAIRS = keccak(b"allPairs(uint256)")[:4]
_ALL_PAIRS_LENGTH = keccak(b"allPairsLength()")[:4]
_GET_PAIR = keccak(b"getPair(address,address)")[:4]
_SWAP = keccak(b"swap(uint256,uint256,address,bytes)")[:4]
_SWAP_DATA_OFFSET = (4 * _WORD).to_bytes(_WORD, "big")
_UINT32_MAX = (1 << 32) - 1


def amount_out_down(
    amount_in: int, reserve_in: int, reserve_out: int, fee_numerator: int, fee_denominator: int
) -> TokenUnits:
    """The most a pair pays for `amount_in`, UniswapV2Library.getAmountOut; 0 where the input is too small.

    With the fee's own numbers this is also exactly what the pair's K check allows while its balances equal its
    reserves: one unit more reverts. Reserves above zero and a non-negative input are the caller's to see to.
    """
    counted = amount_in * fee_numerator
    return TokenUnits(mul_div_down(counted, reserve_out, reserve_in * fee_denominator + counted))


def amount_in_up(
    amount_out: int, reserve_in: int, reserve_out: int, fee_numerator: int, fee_denominator: int
) -> TokenUnits:
    """What a router charges for `amount_out`, UniswapV2Library.getAmountIn: quotient plus one.

    One unit over `least_amount_in` where the division leaves no rest. Raises ValueError when the pair does not hold
    more than `amount_out`.
    """
    _check_liquidity(amount_out, reserve_out)
    paid = mul_div_down(reserve_in * amount_out, fee_denominator, (reserve_out - amount_out) * fee_numerator)
    return TokenUnits(paid + 1)


def least_amount_in(
    amount_out: int, reserve_in: int, reserve_out: int, fee_numerator: int, fee_denominator: int
) -> TokenUnits:
    """The least input for which `amount_out_down` is at least `amount_out`: the pair itself asks no more.

    Raises ValueError when the pair does not hold more than `amount_out`.
    """
    _check_liquidity(amount_out, reserve_out)
    return TokenUnits(
        mul_div_up(reserve_in * amount_out, fee_denominator, (reserve_out - amount_out) * fee_numerator)
    )


def _check_liquidity(amount_out: int, reserve_out: int) -> None:
    if amount_out >= reserve_out:
        raise ValueError(
            f"{amount_out} out of a reserve of {reserve_out}: a pair never pays out all it holds"
        )


def pair_address(factory: Address, token_a: Address, token_b: Address, init_code_hash: bytes) -> Address:
    """CREATE2 address of the pair of two tokens, in whichever order they are given."""
    token0, token1 = sorted((token_a, token_b))
    return Address(keccak(b"\xff" + factory + keccak(token0 + token1) + init_code_hash)[12:])


def reserves_calldata() -> bytes:
    return _GET_RESERVES


def token0_calldata() -> bytes:
    return _TOKEN0


def token1_calldata() -> bytes:
    return _TOKEN1


def factory_calldata() -> bytes:
    return _FACTORY


def all_pairs_length_calldata() -> bytes:
    return _ALL_PAIRS_LENGTH


def all_pairs_calldata(place: int) -> bytes:
    return _ALL_PAIRS + _word(place)


def get_pair_calldata(token_a: Address, token_b: Address) -> bytes:
    return _GET_PAIR + _address_word(token_a) + _address_word(token_b)


def swap_calldata(amount0_out: int, amount1_out: int, to: Address, data: bytes = b"") -> bytes:
    """`swap`; the pair calls `to` back exactly when `data` is not empty."""
    padding = bytes(-len(data) % _WORD)
    head = _SWAP + _word(amount0_out) + _word(amount1_out) + _address_word(to) + _SWAP_DATA_OFFSET
    return head + _word(len(data)) + data + padding


def decode_reserves(answer: bytes) -> tuple[int, int]:
    """(reserve0, reserve1) of getReserves(). Raises ValueError unless it is three words of uint112, uint112, uint32."""
    _check_length(answer, 3 * _WORD, "getReserves() answer")
    _read(answer, 2, _UINT32_MAX, "blockTimestampLast")
    return _read(answer, 0, UINT112_MAX, "reserve0"), _read(answer, 1, UINT112_MAX, "reserve1")


def decode_address(answer: bytes) -> Address:
    """The answer of token0, token1, factory, allPairs or getPair. Raises ValueError unless it is one address word."""
    _check_length(answer, _WORD, "address answer")
    return _address(answer)


def decode_length(answer: bytes) -> int:
    """The answer of allPairsLength(). Raises ValueError unless it is one word."""
    _check_length(answer, _WORD, "allPairsLength() answer")
    return int.from_bytes(answer, "big")


def decode_sync(log: Log) -> tuple[int, int]:
    """(reserve0, reserve1) after the change. Raises ValueError for what is no Sync of a V2 pair."""
    if log.topics != (SYNC_TOPIC,):
        raise ValueError(f"{len(log.topics)} topics, expected Sync's one")
    _check_length(log.data, 2 * _WORD, "Sync data")
    return _read(log.data, 0, UINT112_MAX, "reserve0"), _read(log.data, 1, UINT112_MAX, "reserve1")


def decode_pair_created(log: Log) -> tuple[Address, Address, Address]:
    """(token0, token1, pair). Raises ValueError for what is no PairCreated, or whose tokens are not in order."""
    if len(log.topics) != 3 or log.topics[0] != PAIR_CREATED_TOPIC:
        raise ValueError(f"{len(log.topics)} topics, expected PairCreated's three")
    _check_length(log.data, 2 * _WORD, "PairCreated data")
    token0, token1, pair = _address(log.topics[1]), _address(log.topics[2]), _address(log.data[:_WORD])
    if token0 >= token1:
        raise ValueError(f"token0 {to_checksum(token0)} is not below token1 {to_checksum(token1)}")
    return token0, token1, pair


def unpack_reserves_slot(word: bytes) -> tuple[int, int, int]:
    """(reserve0, reserve1, time of the last change in seconds mod 2**32) of storage slot RESERVES_SLOT, 32 bytes."""
    _check_length(word, _WORD, "storage word")
    packed = int.from_bytes(word, "big")
    return packed & UINT112_MAX, packed >> 112 & UINT112_MAX, packed >> 224


def _check_length(data: bytes, expected: int, what: str) -> None:
    if len(data) != expected:
        raise ValueError(f"{what} has {len(data)} bytes, expected {expected}")


def _read(data: bytes, place: int, most: int, what: str) -> int:
    value = int.from_bytes(data[place * _WORD : (place + 1) * _WORD], "big")
    if value > most:
        raise ValueError(f"{what} {value} is above {most}, the most its type holds")
    return value


def _address(word: bytes) -> Address:
    if len(word) != _WORD or any(word[:12]):
        raise ValueError(f"0x{word.hex()} is no address in a word")
    return Address(word[12:])


def _address_word(address: Address) -> bytes:
    if len(address) != 20:
        raise ValueError(f"an address has 20 bytes, this one {len(address)}: 0x{address.hex()}")
    return bytes(12) + address


def _word(value: int) -> bytes:
    if not 0 <= value <= UINT256_MAX:
        raise ValueError(f"{value} does not fit uint256")
    return value.to_bytes(_WORD, "big")

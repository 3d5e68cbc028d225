"""Uniswap V2 pairs and their forks: the swap formula to the unit, addresses, calldata, answers, logs and storage.

Sources: v2-core `UniswapV2Pair.sol` and `UniswapV2Factory.sol`, v2-periphery `UniswapV2Library.sol`. A fork differs
by its fee alone, written as numerator/denominator of the input that counts: 997/1000 at Uniswap.
"""

from typing import Final

from bot.core.identity import Address, keccak, to_checksum
from bot.core.messages import Log
from bot.core.units import UINT112_MAX, TokenUnits, mul_div_down, mul_div_up
from bot.protocols.words import WORD, address_word, check_length, read_address, read_uint, uint_word

SYNC_TOPIC: Final = keccak(b"Sync(uint112,uint112)")
SWAP_TOPIC: Final = keccak(b"Swap(address,uint256,uint256,uint256,uint256,address)")
PAIR_CREATED_TOPIC: Final = keccak(b"PairCreated(address,address,address,uint256)")
RESERVES_SLOT: Final = 8
"""Storage slot of a pair that packs reserve0, reserve1 and the time of the last change."""

_GET_RESERVES = keccak(b"getReserves()")[:4]
_TOKEN0 = keccak(b"token0()")[:4]
_TOKEN1 = keccak(b"token1()")[:4]
_FACTORY = keccak(b"factory()")[:4]
_ALL_PAIRS = keccak(b"allPairs(uint256)")[:4]
_ALL_PAIRS_LENGTH = keccak(b"allPairsLength()")[:4]
_GET_PAIR = keccak(b"getPair(address,address)")[:4]
_SWAP = keccak(b"swap(uint256,uint256,address,bytes)")[:4]
_SWAP_DATA_OFFSET = (4 * WORD).to_bytes(WORD, "big")
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
    return _ALL_PAIRS + uint_word(place)


def get_pair_calldata(token_a: Address, token_b: Address) -> bytes:
    return _GET_PAIR + address_word(token_a) + address_word(token_b)


def swap_calldata(amount0_out: int, amount1_out: int, to: Address, data: bytes = b"") -> bytes:
    """`swap`; the pair calls `to` back exactly when `data` is not empty."""
    padding = bytes(-len(data) % WORD)
    head = _SWAP + uint_word(amount0_out) + uint_word(amount1_out) + address_word(to) + _SWAP_DATA_OFFSET
    return head + uint_word(len(data)) + data + padding


def decode_reserves(answer: bytes) -> tuple[int, int]:
    """(reserve0, reserve1) of getReserves(). Raises ValueError unless it is three words of uint112, uint112, uint32."""
    check_length(answer, 3 * WORD, "getReserves() answer")
    read_uint(answer, 2, _UINT32_MAX, "blockTimestampLast")
    return read_uint(answer, 0, UINT112_MAX, "reserve0"), read_uint(answer, 1, UINT112_MAX, "reserve1")


def decode_address(answer: bytes) -> Address:
    """The answer of token0, token1, factory, allPairs or getPair. Raises ValueError unless it is one address word."""
    check_length(answer, WORD, "address answer")
    return read_address(answer)


def decode_length(answer: bytes) -> int:
    """The answer of allPairsLength(). Raises ValueError unless it is one word."""
    check_length(answer, WORD, "allPairsLength() answer")
    return int.from_bytes(answer, "big")


def decode_sync(log: Log) -> tuple[int, int]:
    """(reserve0, reserve1) after the change. Raises ValueError for what is no Sync of a V2 pair."""
    if log.topics != (SYNC_TOPIC,):
        raise ValueError(f"{len(log.topics)} topics, expected Sync's one")
    check_length(log.data, 2 * WORD, "Sync data")
    return read_uint(log.data, 0, UINT112_MAX, "reserve0"), read_uint(log.data, 1, UINT112_MAX, "reserve1")


def decode_pair_created(log: Log) -> tuple[Address, Address, Address]:
    """(token0, token1, pair). Raises ValueError for what is no PairCreated, or whose tokens are not in order."""
    if len(log.topics) != 3 or log.topics[0] != PAIR_CREATED_TOPIC:
        raise ValueError(f"{len(log.topics)} topics, expected PairCreated's three")
    check_length(log.data, 2 * WORD, "PairCreated data")
    token0, token1, pair = (
        read_address(log.topics[1]),
        read_address(log.topics[2]),
        read_address(log.data[:WORD]),
    )
    if token0 >= token1:
        raise ValueError(f"token0 {to_checksum(token0)} is not below token1 {to_checksum(token1)}")
    return token0, token1, pair


def unpack_reserves_slot(word: bytes) -> tuple[int, int, int]:
    """(reserve0, reserve1, time of the last change in seconds mod 2**32) of storage slot RESERVES_SLOT, 32 bytes."""
    check_length(word, WORD, "storage word")
    packed = int.from_bytes(word, "big")
    return packed & UINT112_MAX, packed >> 112 & UINT112_MAX, packed >> 224

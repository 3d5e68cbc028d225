"""Uniswap V3 and its forks on the chain: pool addresses, logs, calldata and answers.

Sources: v3-core `UniswapV3Pool.sol`, `UniswapV3Factory.sol`, `IUniswapV3PoolEvents.sol`, `TickBitmap.sol`; of
PancakeSwap V3 `PancakeV3Pool.sol`. What a fork does otherwise is a row of FORKS. The formulas are in v3_pool.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from bot.core.identity import Address, keccak, to_checksum
from bot.core.messages import Log
from bot.core.profile import ProtocolName
from bot.protocols.v3_pool import TickLiquidity
from bot.protocols.v3_swap_math import MILLION
from bot.protocols.v3_tick_math import MAX_SQRT_PRICE, MAX_TICK, MIN_TICK, UINT128_MAX
from bot.protocols.words import (
    WORD,
    address_word,
    check_length,
    int_word,
    read_address,
    read_int,
    read_uint,
    uint_word,
)

INITIALIZE_TOPIC: Final = keccak(b"Initialize(uint160,int24)")
MINT_TOPIC: Final = keccak(b"Mint(address,address,int24,int24,uint128,uint256,uint256)")
BURN_TOPIC: Final = keccak(b"Burn(address,int24,int24,uint128,uint256,uint256)")
POOL_CREATED_TOPIC: Final = keccak(b"PoolCreated(address,address,uint24,int24,address)")


class V3Fork(msgspec.Struct, frozen=True):
    """Where the forks differ in what they write and answer."""

    swap_topic: bytes
    swap_words: int
    """Of Swap's data. The first five are everybody's; more are protocol fees, uint128."""
    fee_protocol_max: int
    """Of slot0's feeProtocol."""


FORKS: Final[Mapping[ProtocolName, V3Fork]] = MappingProxyType(
    {
        "uniswap_v3": V3Fork(
            keccak(b"Swap(address,address,int256,int256,uint160,uint128,int24)"), 5, (1 << 8) - 1
        ),
        "pancakeswap_v3": V3Fork(
            keccak(b"Swap(address,address,int256,int256,uint160,uint128,int24,uint128,uint128)"),
            7,
            (1 << 32) - 1,
        ),
    }
)
SWAP_WORDS: Final[Mapping[bytes, int]] = MappingProxyType(
    {fork.swap_topic: fork.swap_words for fork in FORKS.values()}
)
"""By topic: a Swap of any fork is a key of this."""

_INT128_MAX = (1 << 127) - 1
_SLOT0 = keccak(b"slot0()")[:4]
_LIQUIDITY = keccak(b"liquidity()")[:4]
_FEE = keccak(b"fee()")[:4]
_TICK_SPACING = keccak(b"tickSpacing()")[:4]
_TICK_BITMAP = keccak(b"tickBitmap(int16)")[:4]
_TICKS = keccak(b"ticks(int24)")[:4]
_GET_POOL = keccak(b"getPool(address,address,uint24)")[:4]


class V3Swap(msgspec.Struct, frozen=True, gc=False):
    """Amounts as the pool sees them, what it took in being positive; the rest stands after the swap."""

    amount0: int
    amount1: int
    sqrt_price: int
    liquidity: int
    tick: int


class V3LiquidityChange(msgspec.Struct, frozen=True, gc=False):
    tick_lower: int
    tick_upper: int
    delta: int
    """Above zero from a Mint, below from a Burn; 0 from the Burn that only collects fees."""


class V3PoolCreated(msgspec.Struct, frozen=True, gc=False):
    token0: Address
    token1: Address
    fee: int
    """In millionths."""
    tick_spacing: int
    pool: Address


class Slot0(msgspec.Struct, frozen=True, gc=False):
    sqrt_price: int
    """0: the pool is not initialised."""
    tick: int
    fee_protocol: int
    """What of the fee the protocol keeps, in the fork's own packing. No taker's amount depends on it."""


def pool_address(
    deployer: Address, token_a: Address, token_b: Address, fee: int, init_code_hash: bytes
) -> Address:
    """CREATE2 address of a pool, the tokens in whichever order; `deployer` is the factory but for PancakeSwap's."""
    token0, token1 = sorted((token_a, token_b))
    salt = keccak(address_word(token0) + address_word(token1) + uint_word(fee))
    return Address(keccak(b"\xff" + deployer + salt + init_code_hash)[12:])


def decode_swap(log: Log) -> V3Swap:
    """Of any fork, told by its topic. Raises ValueError for what is no Swap of a V3 pool."""
    topics, data = log.topics, log.data
    words = SWAP_WORDS.get(topics[0]) if len(topics) == 3 else None
    if words is None:
        raise ValueError(f"{len(topics)} topics, expected Swap's three")
    check_length(data, words * WORD, "Swap data")
    read_address(topics[1])
    read_address(topics[2])
    for place in range(5, words):
        read_uint(data, place, UINT128_MAX, "protocol fee")
    number = int.from_bytes
    sqrt_price, liquidity = number(data[64:96], "big"), number(data[96:128], "big")
    tick = number(data[128:160], "big", signed=True)
    if sqrt_price >= MAX_SQRT_PRICE or liquidity > UINT128_MAX or not MIN_TICK <= tick <= MAX_TICK:
        _read_price(data, 2)
        read_uint(data, 3, UINT128_MAX, "liquidity")
        _read_tick(data, 4)
    return V3Swap(
        number(data[:32], "big", signed=True),
        number(data[32:64], "big", signed=True),
        sqrt_price,
        liquidity,
        tick,
    )


def decode_initialize(log: Log) -> tuple[int, int]:
    """(square root price, tick). Raises ValueError for what is no Initialize."""
    if log.topics != (INITIALIZE_TOPIC,):
        raise ValueError(f"{len(log.topics)} topics, expected Initialize's one")
    check_length(log.data, 2 * WORD, "Initialize data")
    return _read_price(log.data, 0), _read_tick(log.data, 1)


def decode_mint(log: Log) -> V3LiquidityChange:
    """Raises ValueError for what is no Mint of a V3 pool."""
    change = _read_position(log, MINT_TOPIC, 4, "Mint")
    read_address(log.data[:WORD])
    amount = read_uint(log.data, 1, UINT128_MAX, "amount")
    return V3LiquidityChange(*change, amount)


def decode_burn(log: Log) -> V3LiquidityChange:
    """Raises ValueError for what is no Burn of a V3 pool."""
    change = _read_position(log, BURN_TOPIC, 3, "Burn")
    amount = read_uint(log.data, 0, UINT128_MAX, "amount")
    return V3LiquidityChange(*change, -amount)


def decode_pool_created(log: Log) -> V3PoolCreated:
    """Raises ValueError for what is no PoolCreated, or whose tokens are not in order."""
    if len(log.topics) != 4 or log.topics[0] != POOL_CREATED_TOPIC:
        raise ValueError(f"{len(log.topics)} topics, expected PoolCreated's four")
    check_length(log.data, 2 * WORD, "PoolCreated data")
    token0, token1 = read_address(log.topics[1]), read_address(log.topics[2])
    if token0 >= token1:
        raise ValueError(f"token0 {to_checksum(token0)} is not below token1 {to_checksum(token1)}")
    return V3PoolCreated(
        token0,
        token1,
        _read_fee(log.topics[3]),
        _read_spacing(log.data),
        read_address(log.data[WORD:]),
    )


def slot0_calldata() -> bytes:
    return _SLOT0


def liquidity_calldata() -> bytes:
    return _LIQUIDITY


def fee_calldata() -> bytes:
    return _FEE


def tick_spacing_calldata() -> bytes:
    return _TICK_SPACING


def tick_bitmap_calldata(word: int) -> bytes:
    """`word` counts from tick 0: word w holds the ticks of (256 w .. 256 w + 255) * tick spacing."""
    return _TICK_BITMAP + int_word(word)


def ticks_calldata(tick: int) -> bytes:
    return _TICKS + int_word(tick)


def get_pool_calldata(token_a: Address, token_b: Address, fee: int) -> bytes:
    return _GET_POOL + address_word(token_a) + address_word(token_b) + uint_word(fee)


def decode_slot0(answer: bytes, protocol: ProtocolName) -> Slot0:
    """Raises ValueError unless it is the seven words of that protocol's slot0(); KeyError for what is no V3."""
    check_length(answer, 7 * WORD, "slot0() answer")
    for place, name in enumerate(("observationIndex", "observationCardinality", "next cardinality"), 2):
        read_uint(answer, place, (1 << 16) - 1, name)
    fee_protocol = read_uint(answer, 5, FORKS[protocol].fee_protocol_max, "feeProtocol")
    read_uint(answer, 6, 1, "unlocked")
    # Before Initialize both are 0, and 0 is below every price.
    sqrt_price = read_uint(answer, 0, MAX_SQRT_PRICE - 1, "sqrtPriceX96")
    return Slot0(sqrt_price, _read_tick(answer, 1), fee_protocol)


def decode_liquidity(answer: bytes) -> int:
    """Raises ValueError unless it is one word of uint128."""
    check_length(answer, WORD, "liquidity() answer")
    return read_uint(answer, 0, UINT128_MAX, "liquidity")


def decode_fee(answer: bytes) -> int:
    """In millionths. Raises ValueError unless it is one word, below a million."""
    check_length(answer, WORD, "fee() answer")
    return _read_fee(answer)


def decode_tick_spacing(answer: bytes) -> int:
    """Raises ValueError unless it is one word, above zero and at most MAX_TICK."""
    check_length(answer, WORD, "tickSpacing() answer")
    return _read_spacing(answer)


def decode_tick_bitmap(answer: bytes, word: int, tick_spacing: int) -> list[int]:
    """The initialised ticks of tickBitmap(word), ascending. Raises ValueError unless it is one word."""
    check_length(answer, WORD, "tickBitmap() answer")
    bits = int.from_bytes(answer, "big")
    found = []
    while bits:
        lowest = bits & -bits
        found.append((word * 256 + lowest.bit_length() - 1) * tick_spacing)
        bits ^= lowest
    return found


def decode_tick(answer: bytes) -> TickLiquidity:
    """Gross and net of ticks(tick); both 0 where it is not initialised. Raises ValueError unless eight words."""
    check_length(answer, 8 * WORD, "ticks() answer")
    gross = read_uint(answer, 0, UINT128_MAX, "liquidityGross")
    if read_uint(answer, 7, 1, "initialized") != (gross > 0):
        raise ValueError(f"a tick of gross liquidity {gross} that is {'not ' if gross else ''}initialised")
    return TickLiquidity(gross, read_int(answer, 1, -_INT128_MAX - 1, _INT128_MAX, "liquidityNet"))


def _read_position(log: Log, topic: bytes, words: int, what: str) -> tuple[int, int]:
    if len(log.topics) != 4 or log.topics[0] != topic:
        raise ValueError(f"{len(log.topics)} topics, expected {what}'s four")
    check_length(log.data, words * WORD, f"{what} data")
    read_address(log.topics[1])
    for topic_word in log.topics[2:]:
        check_length(topic_word, WORD, "tick")
    lower, upper = _read_tick(log.topics[2], 0), _read_tick(log.topics[3], 0)
    if lower >= upper:
        raise ValueError(f"{what} from tick {lower} up to tick {upper}")
    return lower, upper


def _read_price(data: bytes, place: int) -> int:
    return read_uint(data, place, MAX_SQRT_PRICE - 1, "sqrtPriceX96")


def _read_tick(data: bytes, place: int) -> int:
    return read_int(data, place, MIN_TICK, MAX_TICK, "tick")


def _read_fee(word: bytes) -> int:
    check_length(word, WORD, "fee")
    return read_uint(word, 0, MILLION - 1, "fee")


def _read_spacing(data: bytes) -> int:
    return read_int(data, 0, 1, MAX_TICK, "tickSpacing")

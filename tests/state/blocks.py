"""Blocks made by hand for the pure tests: venues, pools, and the logs of V2 and V3 pools and factories."""

from bot.core.identity import Address, BlockHash, BlockRef, keccak
from bot.core.messages import BlockArrived, Head, Log
from bot.core.profile import Venue
from bot.protocols.uniswap_v2 import PAIR_CREATED_TOPIC, SYNC_TOPIC, pair_address
from bot.protocols.uniswap_v3 import (
    BURN_TOPIC,
    FORKS,
    INITIALIZE_TOPIC,
    MINT_TOPIC,
    POOL_CREATED_TOPIC,
    pool_address,
)

VENUE = Venue("venue", "uniswap_v2", Address(b"\xfa" * 20), b"\x1c" * 32, 997, 1000, 0)
OTHER_VENUE = Venue("other", "uniswap_v2", Address(b"\xfb" * 20), b"\x2c" * 32, 998, 1000, 0)
TOKENS = tuple(Address(bytes([16 + number]) * 20) for number in range(6))
GENESIS = BlockRef(100, BlockHash(b"\x99" * 32))


def word(value):
    return value.to_bytes(32, "big") if isinstance(value, int) else value.rjust(32, b"\0")


def address_of(token0, token1, venue=VENUE):
    return pair_address(venue.factory, token0, token1, venue.init_code_hash)


def sync(address, reserve0, reserve1):
    return (address, (SYNC_TOPIC,), word(reserve0) + word(reserve1))


def created(token0, token1, venue=VENUE, pair=None):
    pair = address_of(token0, token1, venue) if pair is None else pair
    return (venue.factory, (PAIR_CREATED_TOPIC, word(token0), word(token1)), word(pair) + word(1))


def block(parent, events, salt=0, **changes):
    logs = tuple(
        Log(address, topics, data, place, keccak(b"tx"))
        for place, (address, topics, data) in enumerate(events)
    )
    own = keccak(parent.hash + salt.to_bytes(32, "big"))
    head = Head(parent.number + 1, BlockHash(own), parent.hash, 0, 7, 0, 0, bytes(20))
    return BlockArrived(**({"head": head, "logs": logs, "seen_at": 0, "is_catch_up": False} | changes))


V3_VENUE = Venue(
    "v3",
    "uniswap_v3",
    Address(b"\xfc" * 20),
    b"\x3c" * 32,
    0,
    1_000_000,
    0,
    fee_tiers=((500, 10), (3000, 60)),
)
PANCAKE_VENUE = Venue(
    "cake",
    "pancakeswap_v3",
    Address(b"\xfd" * 20),
    b"\x4c" * 32,
    0,
    1_000_000,
    0,
    deployer=Address(b"\xfe" * 20),
    fee_tiers=((2500, 50),),
)
SOMEBODY = b"\x77" * 20


def v3_address(token0, token1, fee, venue=V3_VENUE):
    return pool_address(venue.deployer, token0, token1, fee, venue.init_code_hash)


def signed(value):
    return (value % 2**256).to_bytes(32, "big")


def pool_created(token0, token1, fee, spacing, venue=V3_VENUE, pool=None):
    pool = v3_address(token0, token1, fee, venue) if pool is None else pool
    topics = (POOL_CREATED_TOPIC, word(token0), word(token1), word(fee))
    return (venue.factory, topics, word(spacing) + word(pool))


def initialized(pool, price, tick):
    return (pool, (INITIALIZE_TOPIC,), word(price) + signed(tick))


def swapped(pool, price, tick, liquidity, venue=V3_VENUE):
    fork = FORKS[venue.protocol]
    data = signed(-5) + word(7) + word(price) + word(liquidity) + signed(tick)
    more = word(3) * (fork.swap_words - 5)
    return (pool, (fork.swap_topic, word(SOMEBODY), word(SOMEBODY)), data + more)


def minted(pool, lower, upper, amount):
    topics = (MINT_TOPIC, word(SOMEBODY), signed(lower), signed(upper))
    return (pool, topics, word(SOMEBODY) + word(amount) + word(1) + word(2))


def burnt(pool, lower, upper, amount):
    topics = (BURN_TOPIC, word(SOMEBODY), signed(lower), signed(upper))
    return (pool, topics, word(amount) + word(1) + word(2))

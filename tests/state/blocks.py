"""Blocks made by hand for the pure tests: venues, pools, Sync and PairCreated logs."""

from bot.core.identity import Address, BlockHash, BlockRef, keccak
from bot.core.messages import BlockArrived, Head, Log
from bot.core.profile import Venue
from bot.protocols.uniswap_v2 import PAIR_CREATED_TOPIC, SYNC_TOPIC, pair_address

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

"""Where things lie in a connection's arena of int64: one array holds all that the frame kernel reads and writes.

Header, tables of the dialect, symbols, records of the frame being read, then quotes, books and room for levels, the last
being largest: memory that is never written costs nothing.
"""

from typing import Final

from bot.feeds.cex.dialect import Role

HASH_MASK: Final = (1 << 63) - 1
HASH_BITS: Final = 63
HASH_PRIME: Final = 0x100000001B3
HASH_SEED: Final = 0x4BF29CE484222325
"""FNV-1a in 63 bits: texts of a frame are compared by it. Nobody who could choose a frame gains by a collision."""
CONTEXT_STEP: Final = 0x1E3779B97F4A7C15
"""Between the seeds of two contexts, so that one table holds the members of all."""

# header
TIME_FORMAT: Final = 0
CONTINUITY: Final = 1
QUOTE_ORDER: Final = 2
CHECKSUM_RULE: Final = 3
SNAPSHOT_HASH: Final = 4
UPDATE_HASH: Final = 5
BID_HASH: Final = 6
OFFER_HASH: Final = 7
PLAIN_HASH: Final = 8
"""Of the dialect's plain reply; 0: none."""
BOOK_NEEDS: Final = 9
QUOTE_NEEDS: Final = 10
ROUTE_SHIFT: Final = 11
"""A route's hash shifted right by it is its first place in the table of routes."""
ROUTES_AT: Final = 12
SYMBOLS_AT: Final = 13
SYMBOL_COUNT: Final = 14
TABLES_AT: Final = 15
"""Tables of bot.state.checksum_kernel; 0: no checksum."""
LEVELS_AT: Final = 16
LEVEL_ROOM: Final = 17
"""Levels that a frame may have."""
LEVEL_COUNT: Final = 18
"""Levels of the frame being read."""
FORCED: Final = 19
"""Index of the symbol whose REST snapshot is being read, and 1; 0: a frame of the stream."""
NEXT_SEQUENCE: Final = 20
"""SEQUENCE due; -1: the connection's first frame has not come."""
LEAST_DELAY: Final = 21
"""The zero of every lag; NO_DELAY: no frame with a time yet."""
LEAST_DELAY_AT: Final = 22
"""Monotonic nanoseconds at which LEAST_DELAY is what it says; later it is more, by 1 ns each LEAST_DELAY_RISES."""
LAST_LAG: Final = 23
CONTEXT_SEEDS: Final = 24
TEXT_SEED: Final = 28
FRAME_RECORD: Final = 29
"""RECORDS_AT, as a word: a constant argument would make numba compile its callees twice."""
START: Final = 30
"""0, as a word, likewise."""
HEADER_WORDS: Final = 32

NO_DELAY: Final = HASH_MASK
LEAST_DELAY_RISES: Final = 100
"""Nanoseconds in which the least delay may rise by one: a hundredth. An exchange's clock that jumped back by five seconds
is forgiven in minutes; a backlog that grows more slowly than this is for the limit on the whole delay (CexConfig.clock_limit)."""

# members, each a hash and a role
MEMBERS_AT: Final = HEADER_WORDS
MEMBER_PLACES: Final = 64
MEMBER_SHIFT: Final = HASH_BITS - 6
RECORDS_AT: Final = MEMBERS_AT + 2 * MEMBER_PLACES

# a record: what the frame, or one object of its list, says; a word for each role up to ASK_SIZE
SEEN: Final = 0
"""Bits of the roles met."""
INEXACT_BIT: Final = 1 << 40
"""In SEEN beside the roles: a number of the record is well-formed and cannot be held at the symbol's scale."""
DECIMALS: Final = 16
"""Added to the role of a price or size: digits behind its point."""
ROUTE: Final = 14
"""Index of the symbol times 4 and KIND; 0: none."""
FIRST_LEVEL: Final = 15
END_LEVEL: Final = 16
RECORD_WORDS: Final = 32
MOST_ELEMENTS: Final = 64
"""Objects in the list of one frame."""
RECORDS_END: Final = RECORDS_AT + (MOST_ELEMENTS + 1) * RECORD_WORDS

KIND_BOOK: Final = 1
KIND_QUOTE: Final = 2

ACTION_SNAPSHOT: Final = 1
ACTION_UPDATE: Final = 2
ACTION_UNKNOWN: Final = 3

# a level of the frame: before scaling the digits as an integer, and how many of them stand behind the point
LEVEL_SIDE: Final = 0
"""With the decimals of the price times 256 and those of the size times 65,536."""
LEVEL_PRICE: Final = 1
LEVEL_SIZE: Final = 2
LEVEL_TEXT: Final = 3
FRAME_LEVEL_WORDS: Final = 4

# symbols
BOOK_AT: Final = 0
QUOTE_AT: Final = 1
PRICE_SCALE: Final = 2
SIZE_SCALE: Final = 3
AWAITS_FIRST: Final = 4
"""1: the book is a REST snapshot that no frame of the stream has joined yet."""
SYMBOL_WORDS: Final = 8

# quotes
QUOTE_BID: Final = 0
QUOTE_BID_SIZE: Final = 1
QUOTE_ASK: Final = 2
QUOTE_ASK_SIZE: Final = 3
QUOTE_IS_SYNCED: Final = 4
QUOTE_LAST_ID: Final = 5
QUOTE_EXCHANGE_TIME: Final = 6
QUOTE_RECEIVED: Final = 7
QUOTE_LAG: Final = 8
QUOTE_WORDS: Final = 16

MOST_LEVELS: Final = 1 << 17

LEVEL_LISTS: Final = (1 << Role.BIDS) | (1 << Role.ASKS) | (1 << Role.LEVELS)
TOP_PRICES: Final = (
    (1 << Role.BID_PRICE) | (1 << Role.BID_SIZE) | (1 << Role.ASK_PRICE) | (1 << Role.ASK_SIZE)
)


def text_hash(text: str, seed: int = HASH_SEED) -> int:
    """As the kernel hashes a text of a frame; never 0 in practice, which marks an empty place."""
    value = seed
    for byte in text.encode():
        value = ((value ^ byte) * HASH_PRIME) & HASH_MASK
    return value


def context_seed(context: int) -> int:
    return (HASH_SEED + context * CONTEXT_STEP) & HASH_MASK


def route_hash(channel: int, symbol: int) -> int:
    """Of the hashes of both texts; 0 stands for a CHANNEL that the frame does not have."""
    return ((((channel * HASH_PRIME) & HASH_MASK) ^ symbol) * HASH_PRIME) & HASH_MASK

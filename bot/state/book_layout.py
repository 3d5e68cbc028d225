"""Where a book's words lie in an arena of int64, for the kernels that write it and the views that read it.

A book at offset `at` is BOOK_HEADER words, then the room of the bids, then the room of the asks. A level is
three words: price, size, text (bot.state.checksum_kernel says what a text is; 0 where the venue has no
checksum). Levels stand sorted, the best LAST, between start and start + count of their side's room: there is
room below and above, so that a level is put in or taken out by moving the fewer of those above it and those
below it.
"""

from typing import Final

from numpy import int64
from numpy.typing import NDArray

Words = NDArray[int64]

BIDS: Final = 0
ASKS: Final = 1

BOOK_HEADER: Final = 16
LEVEL_WORDS: Final = 3

BID_COUNT: Final = 0
ASK_COUNT: Final = 1
BID_START: Final = 2
ASK_START: Final = 3
CAPACITY: Final = 4
"""Most levels of a side."""
DEPTH: Final = 5
"""Levels of a side after `truncate`; 0: as many as there are."""
IS_SYNCED: Final = 6
LAST_ID: Final = 7
"""The venue's number of the last message applied; 0 where it has none."""
EXCHANGE_TIME: Final = 8
"""UTC nanoseconds by the exchange's clock; 0: the stream carries none."""
RECEIVED: Final = 9
"""Monotonic nanoseconds of the last frame applied; 0: none yet."""
LAG: Final = 10
"""Nanoseconds; means nothing where EXCHANGE_TIME is 0."""
PRICE_DECIMALS: Final = 11
SIZE_DECIMALS: Final = 12

LEAST_SLACK: Final = 16
CAPACITY_TO_SLACK: Final = 4


def room_of(capacity: int) -> int:
    """Levels for which a side has room: a quarter more than it may hold, so that they seldom need centring."""
    return capacity + max(LEAST_SLACK, capacity // CAPACITY_TO_SLACK)


def words_needed(capacity: int) -> int:
    """Words of a book of at most `capacity` levels a side."""
    return BOOK_HEADER + 2 * LEVEL_WORDS * room_of(capacity)


def lay_out(
    words: Words, at: int, capacity: int, depth: int, price_decimals: int, size_decimals: int
) -> None:
    """An empty book, not synced. Raises ValueError where the arena ends before it or depth exceeds capacity."""
    if capacity < 1 or not 0 <= depth <= capacity:
        raise ValueError(
            f"a book of {capacity} levels a side cut to {depth}: need 0 <= depth <= capacity >= 1"
        )
    end = at + words_needed(capacity)
    if at < 0 or end > len(words):
        raise ValueError(f"a book of {capacity} levels needs words {at} to {end}, and there are {len(words)}")
    words[at:end] = 0
    words[at + CAPACITY] = capacity
    words[at + DEPTH] = depth
    words[at + PRICE_DECIMALS] = price_decimals
    words[at + SIZE_DECIMALS] = size_decimals
    words[at + BID_START] = words[at + ASK_START] = room_of(capacity) // 2

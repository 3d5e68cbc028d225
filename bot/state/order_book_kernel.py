"""A book of price levels in flat words, compiled: put a level, take it out, cut to a depth.

Every function takes the arena and the offset of a book in it; bot.state.book_layout says what the words are, and
its `lay_out` must have made the book. Sizes are absolute, as all venues send them. Prices and sizes are not
negative: who calls has refused the others. Nothing here decides whether the book may be believed: IS_SYNCED
and what stands beside it in the header are the caller's.
"""

from numba import njit

from bot.state.book_layout import (
    ASK_COUNT,
    ASK_START,
    BID_COUNT,
    BID_START,
    BOOK_HEADER,
    CAPACITY,
    CAPACITY_TO_SLACK,
    DEPTH,
    LEAST_SLACK,
    LEVEL_WORDS,
    Words,
)


@njit(cache=True)
def room(words: Words, at: int) -> int:
    """Levels for which a side has room: as bot.state.book_layout.room_of."""
    capacity: int = words[at + CAPACITY]
    return capacity + max(LEAST_SLACK, capacity // CAPACITY_TO_SLACK)


@njit(cache=True)
def clear(words: Words, at: int) -> None:
    """No level on either side; the rest of the header stays as it is."""
    middle = room(words, at) // 2
    for side in range(2):
        words[at + BID_COUNT + side] = 0
        words[at + BID_START + side] = middle


@njit(cache=True)
def _last_not_better(words: Words, first: int, count: int, side: int, price: int) -> int:
    """Place of the best level not better than `price`; -1 where all are better. Gallops down from the best."""
    sign = 1 - 2 * side
    key = sign * price
    beyond, place, step = count, count - 1, 1
    while place >= 0 and sign * words[first + LEVEL_WORDS * place] > key:
        beyond = place
        place -= step
        step *= 2
    place = max(place, -1)
    while beyond - place > 1:
        middle = (beyond + place) >> 1
        if sign * words[first + LEVEL_WORDS * middle] > key:
            beyond = middle
        else:
            place = middle
    return place


@njit(cache=True)
def _move_up(words: Words, start: int, end: int) -> None:
    """Words `start` to `end` go up by one level."""
    moved = words[start : end + LEVEL_WORDS]
    for word in range(end - start - 1, -1, -1):
        moved[word + LEVEL_WORDS] = moved[word]


@njit(cache=True)
def _move_down(words: Words, start: int, end: int) -> None:
    """Words `start` to `end` go down by one level."""
    moved = words[start - LEVEL_WORDS : end]
    for word in range(end - start):
        moved[word] = moved[word + LEVEL_WORDS]


@njit(cache=True)
def _centre(words: Words, at: int, side: int, room_at: int) -> None:
    """As much room below the levels as above them."""
    start, count = words[at + BID_START + side], words[at + BID_COUNT + side]
    centred = (room(words, at) - count) // 2
    first = room_at + LEVEL_WORDS * start
    by = LEVEL_WORDS * (centred - start)
    if by < 0:
        for word in range(first, first + LEVEL_WORDS * count):
            words[word + by] = words[word]
    else:
        for word in range(first + LEVEL_WORDS * count - 1, first - 1, -1):
            words[word + by] = words[word]
    words[at + BID_START + side] = centred


@njit(cache=True)
def _remove(words: Words, at: int, side: int, room_at: int, place: int) -> None:
    start, count = words[at + BID_START + side], words[at + BID_COUNT + side]
    first = room_at + LEVEL_WORDS * start
    level = first + LEVEL_WORDS * place
    if place < count - 1 - place:
        _move_up(words, first, level)
        words[at + BID_START + side] = start + 1
    else:
        _move_down(words, level + LEVEL_WORDS, first + LEVEL_WORDS * count)
    words[at + BID_COUNT + side] = count - 1


@njit(cache=True)
def _open(words: Words, at: int, side: int, room_at: int, place: int) -> int:
    """Make room for a level before the one at `place` and give its first word. There are fewer than CAPACITY."""
    count = words[at + BID_COUNT + side]
    is_low = place < count - place
    end = words[at + BID_START + side] + count
    if (is_low and end == count) or (not is_low and end == room(words, at)):
        _centre(words, at, side, room_at)
    start = words[at + BID_START + side]
    first = room_at + LEVEL_WORDS * start
    level: int = first + LEVEL_WORDS * place
    words[at + BID_COUNT + side] = count + 1
    if is_low:
        _move_down(words, first, level)
        words[at + BID_START + side] = start - 1
        return level - LEVEL_WORDS
    _move_up(words, level, first + LEVEL_WORDS * count)
    return level


@njit(cache=True)
def put(words: Words, at: int, side: int, price: int, size: int, text: int) -> None:
    """The level at `price` has this size from now on; 0 takes it out, and is nothing where there is none.

    side: BIDS or ASKS. Where the side is full the deepest level goes, which may be the new one.
    """
    room_at = at + BOOK_HEADER + side * LEVEL_WORDS * room(words, at)
    count = words[at + BID_COUNT + side]
    first = room_at + LEVEL_WORDS * words[at + BID_START + side]
    place = _last_not_better(words, first, count, side, price)
    level = first + LEVEL_WORDS * place
    if place >= 0 and words[level] == price:
        if size == 0:
            _remove(words, at, side, room_at, place)
        else:
            words[level + 1] = size
            words[level + 2] = text
        return
    if size == 0:
        return
    if count == words[at + CAPACITY]:
        if place < 0:
            return
        words[at + BID_START + side] += 1
        words[at + BID_COUNT + side] -= 1
        place -= 1
    level = _open(words, at, side, room_at, place + 1)
    words[level] = price
    words[level + 1] = size
    words[level + 2] = text


@njit(cache=True)
def truncate(words: Words, at: int) -> None:
    """Cut both sides to the best DEPTH levels; nothing where DEPTH is 0."""
    depth = words[at + DEPTH]
    if depth == 0:
        return
    for side in range(2):
        beyond = words[at + BID_COUNT + side] - depth
        if beyond > 0:
            words[at + BID_START + side] += beyond
            words[at + BID_COUNT + side] = depth


@njit(cache=True)
def best(words: Words, at: int) -> tuple[int, int, int, int]:
    """(bid, bid size, ask, ask size); 0 and 0 for a side without levels."""
    room_at = at + BOOK_HEADER
    bid = room_at + LEVEL_WORDS * (words[at + BID_START] + words[at + BID_COUNT] - 1)
    room_at += LEVEL_WORDS * room(words, at)
    ask = room_at + LEVEL_WORDS * (words[at + ASK_START] + words[at + ASK_COUNT] - 1)
    has_bid, has_ask = words[at + BID_COUNT] > 0, words[at + ASK_COUNT] > 0
    return (
        words[bid] if has_bid else 0,
        words[bid + 1] if has_bid else 0,
        words[ask] if has_ask else 0,
        words[ask + 1] if has_ask else 0,
    )


@njit(cache=True)
def is_crossed(words: Words, at: int) -> bool:
    """The best bid is at or above the best ask: no venue leaves that unmatched, so an update was lost."""
    bid, _, ask, _ = best(words, at)
    return words[at + BID_COUNT] > 0 and words[at + ASK_COUNT] > 0 and bid >= ask

"""How late a frame is, compiled: by the exchange's own time in it and the quickest frames before it."""

from bot.feeds.cex.dialect import Role
from bot.feeds.cex.frame_layout import (
    FORCED,
    HASH_MASK,
    LAST_LAG,
    LEAST_DELAY,
    LEAST_DELAY_AT,
    LEAST_DELAY_RISES,
    NO_DELAY,
    SEEN,
)
from bot.feeds.cex.pointer_kernel import part
from bot.state.book_layout import Words

_TIME = int(Role.TIME)


@part
def lag_of(words: Words, record: int, received: int) -> int:
    """How much later than the quickest frames this one came.

    The quickest is the least delay of all frames, each taken to be longer by 1 ns for every LEAST_DELAY_RISES since it came:
    so that two clocks may drift apart and a backlog may not. A frame without a time has the lag of the connection's last one
    with it.
    """
    if words[record + SEEN] >> _TIME & 1 == 0 or words[FORCED] != 0:
        held: int = words[LAST_LAG]
        return held
    delay, least = received - words[record + _TIME], words[LEAST_DELAY]
    if least == NO_DELAY:
        least, words[LEAST_DELAY_AT] = delay, received
    else:
        # frames kept for a snapshot come with times that have passed: nothing falls back for them
        rise = max(received - words[LEAST_DELAY_AT], 0) // LEAST_DELAY_RISES
        least = min(least, NO_DELAY - 1 - rise) + rise
        # what is left of a hundred counts on: any number of frames a second lets it rise as fast
        words[LEAST_DELAY_AT] += rise * LEAST_DELAY_RISES
        if delay < least:
            least = delay
            words[LEAST_DELAY_AT] = max(received, words[LEAST_DELAY_AT])
    words[LEAST_DELAY] = least
    lag: int = delay - least
    if lag < 0:  # more than 63 bits: an exchange's clock went back by centuries
        lag = HASH_MASK
    words[LAST_LAG] = lag
    return lag

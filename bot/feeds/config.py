"""What the head feed is told, and what it counts."""

import msgspec

from bot.core.units import Nanoseconds

MILLISECOND = 10**6
SECOND = 10**9


class HeadFeedConfig(msgspec.Struct, frozen=True):
    """Times are of the Clock port."""

    heartbeat: Nanoseconds = Nanoseconds(15 * SECOND)
    """Without any message for this long the node is asked for its latest block."""
    allowed_silence: Nanoseconds = Nanoseconds(36 * SECOND)
    """Without a new block for longer, the feed is silent: three missed slots of mainnet."""
    queue_size: int = 64
    """Notifications kept between socket and consumer; the oldest are dropped, since parents are walked back."""
    longest_gap: int = 256
    """More missed blocks than this are not filled one by one: state is bootstrapped afresh."""
    first_backoff: Nanoseconds = Nanoseconds(200 * MILLISECOND)
    longest_backoff: Nanoseconds = Nanoseconds(10 * SECOND)
    retry_delay: Nanoseconds = Nanoseconds(20 * MILLISECOND)
    """Before a block or its logs are asked for again."""
    logs_attempts: int = 5
    """Times a block's logs are asked for when the node does not have them, or has none though the bloom says so."""
    follow_attempts: int = 10
    """Failures in a row to reach a head before the connection is given up."""
    patience: Nanoseconds = Nanoseconds(3 * SECOND)
    """A read that failed only after this long (a time-out) gives the connection up at once: it is half open."""


class FeedCounters(msgspec.Struct):
    """Since the feed was made; read by status and metrics, written by the feed alone."""

    connections: int = 0
    failed_connections: int = 0
    heads_heard: int = 0
    duplicate_heads: int = 0
    dropped_heads: int = 0
    """Notifications pushed out of the full queue."""
    malformed_heads: int = 0
    blocks: int = 0
    catch_up_blocks: int = 0
    gaps: int = 0
    reorgs: int = 0
    blocks_taken_back: int = 0
    abandoned_heads: int = 0
    """Heads that could not be followed: the node no longer had the block, a parent, or its logs."""
    logs_not_ready: int = 0
    """Answers without logs, or none, for a block whose bloom says that there are some."""
    logs_unconfirmed: int = 0
    """Blocks taken as empty against their bloom because the node offers no receipts to confirm it by."""
    probes: int = 0
    silences: int = 0
    continuity_lost: int = 0

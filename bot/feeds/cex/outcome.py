"""What became of a frame."""

from enum import IntEnum


class Outcome(IntEnum):
    """Low eight bits of FrameReader.read. Where the symbol matters, its index stands above them."""

    CONTROL = 0
    """Not of a book or quote: an answer, heartbeat, notice."""
    BOOK = 1
    QUOTE = 2
    AWAITS_SNAPSHOT = 3
    """An update of a book that is not synced: Binance's is to be kept until the REST snapshot is there."""
    DUPLICATE = 4
    """Old or repeated; ignored."""
    GAP = 5
    """Updates are missing before this one: the book, or Bybit's quote, is not synced any longer."""
    SEQUENCE_LOST = 6
    """Frames of the connection are missing: no book of it is synced any longer."""
    CHECKSUM = 7
    """The book differs from the exchange's: not synced any longer."""
    CROSSED = 8
    """The best bid is at or above the best ask: not synced any longer."""
    MALFORMED = 9
    """No frame of this dialect. Nothing of it was applied."""
    FOREIGN = 10
    """A symbol or stream that was not asked for."""
    INEXACT = 11
    """A price or size has digits beyond the symbol's decimals, or is too large for 63 bits at them: this symbol cannot be
    followed, the others can. Nothing of its record was applied; the book, or the quote, is not synced any longer.
    """

"""What goes wrong on an exchange: a schedule that follows from the seed, the exchange and the block numbers."""

from __future__ import annotations

import random
import re
from typing import Final, Literal, get_args

import msgspec

from bot.core.units import Nanoseconds

FaultKind = Literal[
    "gap",
    "duplicate",
    "out_of_order",
    "wrong_checksum",
    "malformed",
    "stall",
    "half_open",
    "too_many_requests",
    "clock_skew",
    "maintenance",
    "server_shutdown",
]
"""gap: an update is not sent. duplicate: it is sent twice. out_of_order: it changes places with the next one of its
stream. stall: no data while pings are answered; the backlog comes afterwards in bursts, late, or never. half_open: nothing is
sent or answered any more, the socket stays. too_many_requests: HTTP 429 for handshakes and REST. clock_skew: the
exchange's times jump and come back. maintenance: announced where the exchange announces, closed, HTTP 503 for a while.
server_shutdown: Binance's event, closed after it, open for new connections at once."""

FAULTS: Final[tuple[FaultKind, ...]] = get_args(FaultKind)
FRAME_FAULTS: Final = frozenset({"gap", "duplicate", "out_of_order", "wrong_checksum", "malformed"})
"""They befall one update of a book on each open connection."""
ANNOUNCED: Final = Nanoseconds(4 * 10**9)
"""Between a word of closing and the close."""


class FaultRates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often on each exchange, in blocks; 0 is never. Each number is the mean distance: the blocks are drawn."""

    gap_every: int = 0
    duplicate_every: int = 0
    out_of_order_every: int = 0
    wrong_checksum_every: int = 0
    malformed_every: int = 0
    stall_every: int = 0
    half_open_every: int = 0
    too_many_requests_every: int = 0
    clock_skew_every: int = 0
    maintenance_every: int = 0
    server_shutdown_every: int = 0


class Strike(msgspec.Struct, frozen=True):
    """One fault, with what was drawn for it."""

    kind: FaultKind
    duration: Nanoseconds = Nanoseconds(0)
    """Of those that last; a maintenance's begins at the close."""
    flushes: bool = False
    """After a stall the backlog is sent; else it is lost."""
    skew: Nanoseconds = Nanoseconds(0)
    """Added to the exchange's clock."""
    passing: int = 0
    """So many updates pass before one is struck."""


def every_fault(every: int) -> FaultRates:
    """All kinds, each at this mean distance."""
    return FaultRates(**{f"{kind}_every": every for kind in FAULTS})


def strikes_after(rates: FaultRates, seed: int, exchange: str, number: int) -> tuple[Strike, ...]:
    """What befalls `exchange` between block `number` and the next one."""
    draw = random.Random(f"exchange faults {seed} {exchange} {number}")  # noqa: S311  # a seeded market
    due: list[Strike] = []
    for kind in FAULTS:
        every: int = getattr(rates, f"{kind}_every")
        # Drawn even where it is never to strike, so that one fault's rate does not move the others.
        strikes, drawn = draw.random() * every < 1 and every > 0, _drawn(kind, draw)
        if strikes:
            due.append(drawn)
    return tuple(due)


def _drawn(kind: FaultKind, draw: random.Random) -> Strike:
    return Strike(
        kind,
        duration=Nanoseconds(draw.randint(2_000, 20_000) * 10**6),
        flushes=draw.random() < 0.5,
        skew=Nanoseconds(draw.choice((-1, 1)) * draw.randint(1_000, 5_000) * 10**6),
        passing=draw.randint(0, 5),
    )


def with_wrong_checksum(frame: str) -> str:
    """The same book with another checksum; never 0, which stands for none."""
    return re.sub(r'"checksum":(-?\d+)', lambda found: f'"checksum":{_other(int(found[1]))}', frame)


def _other(checksum: int) -> int:
    return checksum ^ 1 or 2


def malformed(frame: str, draw: random.Random) -> str:
    """What no reader may take for a book: cut off, or with a level of the wrong types."""
    if draw.random() < 0.5:
        return frame[: draw.randint(1, len(frame) - 1)]
    spoilt, count = re.subn(r'(\["[\d.]+",|"(?:price|price_level)":)[^,}\]]*', r"\1{}", frame, count=1)
    return spoilt if count else frame[:-1]

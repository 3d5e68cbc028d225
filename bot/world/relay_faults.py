"""What goes wrong at a relay, and when: a schedule from the seed and the block numbers, and orders on top of it.

A fault strikes one relay for whole blocks: everything asked of it while that block is being built meets it. The
competitor, who speaks to the relay without a socket, is spared.
"""

from __future__ import annotations

import random
from typing import Literal, get_args

import msgspec

from bot.world.relay_kinds import Endpoint

FaultKind = Literal[
    "latency",
    "no_answer",
    "rate_limited",
    "server_error",
    "silent_drop",
    "never_built",
    "uuid_ignored",
    "lying_simulation",
    "malformed",
    "wrong_type",
    "closed",
]
"""In turn: answers late; never; HTTP 429 with Retry-After; HTTP 503; says yes and forgets; says yes and lets no
builder see it; takes a bundle without its uuid, so that it neither replaces nor is cancelled; eth_callBundle says
what is not so; JSON cut short; a result of another type; the connection closed in the middle of the answer.
Of these only rate_limited, server_error and silent_drop keep nothing of what was sent."""

FAULT_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
TURNED_AWAY: dict[FaultKind, int] = {"rate_limited": 429, "server_error": 503}
"""Faults by which a request is not looked at, and their HTTP status."""


class RelayFaultRates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often each strikes, in blocks; 0 is never. Each number is the mean distance: the blocks themselves are drawn."""

    latency: int = 0
    no_answer: int = 0
    rate_limited: int = 0
    server_error: int = 0
    silent_drop: int = 0
    never_built: int = 0
    uuid_ignored: int = 0
    lying_simulation: int = 0
    malformed: int = 0
    wrong_type: int = 0
    closed: int = 0
    latency_ms: int = 300
    retry_after_s: int = 1


class Fault(msgspec.Struct, frozen=True):
    kind: FaultKind
    latency_ms: int = 300
    retry_after_s: int = 1


class RelayFaults:
    """`rates` by endpoint; "*" is for every endpoint that is not named."""

    def __init__(self, rates: dict[str, RelayFaultRates], seed: int) -> None:
        self._rates = rates
        self._seed = seed
        self._ordered: dict[tuple[Endpoint, int], Fault | None] = {}

    def order(self, endpoint: Endpoint, fault: Fault | None, first: int, blocks: int) -> None:
        """Let it strike while blocks `first` and following are built; None: nothing strikes then."""
        for number in range(first, first + blocks):
            self._ordered[(endpoint, number)] = fault

    def striking(self, endpoint: Endpoint, number: int) -> Fault | None:
        """The fault of a relay while block `number` is being built."""
        if (endpoint, number) in self._ordered:
            return self._ordered[(endpoint, number)]
        rates = self._rates.get(endpoint) or self._rates.get("*")
        if rates is None:
            return None
        draw = random.Random(f"relay faults {self._seed} {endpoint} {number}")  # noqa: S311  # a seeded market
        # Each is drawn, whatever came of the others: one's rate does not move another's blocks.
        due = [
            kind for kind in FAULT_KINDS if draw.random() * getattr(rates, kind) < 1 and getattr(rates, kind)
        ]
        return Fault(draw.choice(due), rates.latency_ms, rates.retry_after_s) if due else None


def fault_named(text: str) -> FaultKind:
    """Raises ValueError, with the faults there are, for any other."""
    for kind in FAULT_KINDS:
        if kind == text:
            return kind
    raise ValueError(f"{text!r} is no fault of a relay; known: {', '.join(FAULT_KINDS)}")

"""How a route to a builder has behaved, for whoever chooses routes and whoever shows them."""

from typing import Literal

import msgspec

from bot.core.units import Nanoseconds

BidBy = Literal["payment", "priority_fee"]
"""A bid is paid to the block's coinbase out of the profit, or as a tip for each gas."""


class RouteStanding(msgspec.Struct, frozen=True):
    """One route, since the start of the run."""

    name: str
    host: str
    """Of its address, without path or key."""
    drops_reverts: bool
    is_usable: bool
    problem: str = ""
    """Why it is not usable, or what was wrong last, in one line that says what to do. Empty: nothing."""
    sent: int = 0
    accepted: int = 0
    refused: int = 0
    unknown: int = 0
    """Time-outs, dead connections, answers nobody can read."""
    answer_p50: Nanoseconds | None = None
    answer_p99: Nanoseconds | None = None
    """Of the last answers, from handing over to the answer."""

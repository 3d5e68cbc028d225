"""`market_relayFault`: a fault of a relay on demand, by the market's node. No real node has such a method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.world.json_rpc import invalid_params
from bot.world.relay import Relay
from bot.world.relay_faults import Fault, RelayFaults, fault_named
from bot.world.relay_kinds import Endpoint

NO_FAULT = "none"
_MOST_BLOCKS = 100_000
_LONGEST_MS = 600_000


class RelayFaultOrders:
    """`open_endpoints`: those that can be named."""

    def __init__(self, faults: RelayFaults, relay: Relay, open_endpoints: Sequence[Endpoint]) -> None:
        self._faults = faults
        self._relay = relay
        self._open = {str(name): name for name in open_endpoints}

    async def answer(self, params: Sequence[Any]) -> list[int]:
        """[relay, fault or "none", blocks, latency in ms if any] -> [first, last] block while which it strikes.

        From the block being built on; it takes the place of what the schedule has for these blocks. Raises RpcError.
        """
        if not 2 <= len(params) <= 4:
            raise invalid_params("market_relayFault takes [relay, fault, blocks, latency in ms]")
        endpoint = self._open.get(str(params[0]))
        if endpoint is None:
            raise invalid_params(f"{params[0]!r} is no relay of this market; it has {', '.join(self._open)}")
        blocks = _number(params, 2, 1, _MOST_BLOCKS)
        latency_ms = _number(params, 3, 300, _LONGEST_MS)
        first = self._relay.building
        self._faults.order(endpoint, _fault(params[1], latency_ms), first, blocks)
        return [first, first + blocks - 1]


def _fault(name: Any, latency_ms: int) -> Fault | None:
    if name == NO_FAULT:
        return None
    try:
        return Fault(fault_named(str(name)), latency_ms)
    except ValueError as error:
        raise invalid_params(str(error)) from error


def _number(params: Sequence[Any], place: int, default: int, most: int) -> int:
    value = params[place] if len(params) > place else default
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise invalid_params(f"parameter {place} of market_relayFault must be 1 to {most}, got {value!r}")
    return value

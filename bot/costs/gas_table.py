"""Gas of an `execute` by its shape, for ranking and for the first gas limit; the simulation of the bytes decides.

A shape is the venues of one cycle's hops, in order. Figures: what the local market's receipts show for the shipped
bytecode (Osaka rules, tokens with plain balances), rounded up; tests/costs holds them against real executions.
Tokens behind a proxy cost more than these.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from bot.core.units import Gas

Shape = tuple[str, ...]


class GasTable(msgspec.Struct, frozen=True):
    transaction: Gas
    """Once: intrinsic gas without the cycles' words, the Executor's checks, the payment, the profit's transfer."""
    cycle: Gas
    """For each cycle: its words, its plan in transient storage, the callback."""
    hops: Mapping[str, Gas]
    """By venue: words of calldata, the pair's swap and the transfer of what it pays out."""
    other_hop: Gas
    """For a venue that is not in `hops`."""


V2_GAS_TABLE: Final = GasTable(
    transaction=Gas(62_000),
    cycle=Gas(20_000),
    hops=MappingProxyType(
        {"uniswap-v2": Gas(60_000), "sushiswap-v2": Gas(60_000), "pancakeswap-v1": Gas(60_000)}
    ),
    other_hop=Gas(75_000),
)


def estimate_gas(shapes: Sequence[Shape], table: GasTable = V2_GAS_TABLE) -> Gas:
    """Gas used by one `execute` of all these cycles. What several share is counted once."""
    hops = sum(table.hops.get(venue, table.other_hop) for shape in shapes for venue in shape)
    return Gas(table.transaction + len(shapes) * table.cycle + hops)

"""Gas of an `execute` by its shape, for ranking and for the first gas limit; the simulation of the bytes decides.

A shape is the hops of one cycle, in order. The figures are receipts of real executions on the local market
(Osaka rules, the shipped bytecode, plain tokens, builder and recipient paid before), rounded up by some 2 %;
tests/costs holds them against new ones. Not in them, because they come once: the first swap ever in a pair (34,200
more, for its price accumulators) and the first WETH of a recipient (17,100). Tokens behind a proxy cost more.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from bot.core.decisions import Leg
from bot.core.units import Gas


class HopShape(msgspec.Struct, frozen=True):
    """What the gas of one swap depends on."""

    venue: str
    ticks_crossed: int = 0
    """Initialised ticks passed; 0 for a V2 pair."""


Shape = tuple[HopShape, ...]
"""The hops of one cycle, in order."""


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
    transaction=Gas(60_000),
    cycle=Gas(6_000),
    hops=MappingProxyType(
        {"uniswap-v2": Gas(52_000), "sushiswap-v2": Gas(52_000), "pancakeswap-v1": Gas(52_000)}
    ),
    other_hop=Gas(65_000),
)


def estimate_gas(shapes: Sequence[Shape], table: GasTable = V2_GAS_TABLE) -> Gas:
    """Gas used by one `execute` of all these cycles. What several share is counted once."""
    hops = sum(table.hops.get(hop.venue, table.other_hop) for shape in shapes for hop in shape)
    return Gas(table.transaction + len(shapes) * table.cycle + hops)


def shape_of(legs: Sequence[Leg]) -> Shape:
    """The shape of the cycle that these legs make."""
    return tuple(HopShape(leg.venue, leg.ticks_crossed) for leg in legs)

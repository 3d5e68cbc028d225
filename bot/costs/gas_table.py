"""Gas of an `execute` by its shape, for ranking and for the first gas limit; the simulation of the bytes decides.

A shape is the hops of one cycle, in order. The figures are receipts of real executions (Osaka rules, the shipped
bytecode, plain tokens, builder and recipient paid before), after refunds, never under and at most 3.5 % over;
tests/executor/test_gas_by_shape.py holds them against new ones: every mix of two to four hops, merged cycles, ticks.
What a hop costs depends on its place, too, by less than that. Not in them, because they come once: the first swap ever
in a pair (34,200 more, for its price accumulators) or, in its direction, in a V3 pool, the first crossing of a tick,
and the first WETH of a recipient (17,100). Tokens behind a proxy cost more.

Before its refunds an execution needs more gas than it pays for: 19,900 for the Executor's balance, 2,800 for the lock
of each V2 pair; no more than 14 % of the estimate. A gas limit has to leave room for that.
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


class HopGas(msgspec.Struct, frozen=True):
    """One swap: its words of calldata, the pool's own gas, the transfer of what it pays out, a callback if it asks."""

    swap: Gas
    first_tick: Gas = Gas(0)
    """For the first initialised tick that is passed: the pool reads its oracle, too."""
    further_tick: Gas = Gas(0)

    def total(self, ticks_crossed: int) -> int:
        if ticks_crossed == 0:
            return self.swap
        return self.swap + self.first_tick + (ticks_crossed - 1) * self.further_tick


class GasTable(msgspec.Struct, frozen=True):
    transaction: Gas
    """Once: intrinsic gas without the cycles' words, the Executor's checks, the payment, the profit's transfer."""
    cycle: Gas
    """For each cycle: base token paid to its first pool, and to the Executor by its last."""
    hops: Mapping[str, HopGas]
    """By venue."""
    other_hop: HopGas
    """For a venue that is not in `hops`."""


_PAIR: Final = HopGas(Gas(50_250))

GAS_TABLE: Final = GasTable(
    transaction=Gas(59_200),
    cycle=Gas(4_000),
    hops=MappingProxyType(
        {
            "uniswap-v2": _PAIR,
            "sushiswap-v2": _PAIR,
            "pancakeswap-v1": _PAIR,
            "uniswap-v3": HopGas(Gas(58_800), Gas(28_900), Gas(23_500)),
        }
    ),
    other_hop=HopGas(Gas(75_000), Gas(32_000), Gas(26_000)),
)


def estimate_gas(shapes: Sequence[Shape], table: GasTable = GAS_TABLE) -> Gas:
    """Gas used by one `execute` of all these cycles. What several share is counted once."""
    hops = sum(
        table.hops.get(hop.venue, table.other_hop).total(hop.ticks_crossed)
        for shape in shapes
        for hop in shape
    )
    return Gas(table.transaction + len(shapes) * table.cycle + hops)


def shape_of(legs: Sequence[Leg]) -> Shape:
    """The shape of the cycle that these legs make."""
    return tuple(HopShape(leg.venue, leg.ticks_crossed) for leg in legs)

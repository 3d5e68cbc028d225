"""Gas of an `execute` by its shape: expected for ranking and bidding, and the first gas limit; the simulation decides.

A shape is the hops of one cycle, in order. The figures are receipts of real executions (Osaka rules, the shipped
bytecode, plain tokens, builder and recipient paid before), after refunds, never under and at most 3.5 % over;
tests/executor/test_gas_by_shape.py holds them against new ones: every mix of two to four hops, merged cycles, ticks,
words of the tick bitmap. What a hop costs depends on its place, too, by less than that.

Not in the expected gas, because what the bot knows of a pool does not tell, but in the limit, as its worst case:
34,200 for each tick on the way up that was never crossed before: its two fee growths outside are written from zero. On
the way down they were written when the tick was initialised, at or below the price, or when it was crossed before; only
in a pool without any fee yet were they not. In a V3 pool, 5,000 for the protocol's part of the fee where that is
switched on, 2,200 for a second slot of observations.
Not in the limit either, since they come once: the first swap ever in a pair (34,200, for its price accumulators) or,
in its direction, in a V3 pool (17,100 for the fee growth, as much for the protocol's first part), and the first WETH of
a recipient (17,100). These are left to the margin and to a second simulation. Tokens behind a proxy cost more.

Before its refunds an execution needs more gas than it pays for: 19,900 for the Executor's balance, 2,800 for the lock
of each V2 pair; no more than 14 % of the estimate. The margin has to leave room for that.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from bot.core.decisions import Leg
from bot.core.units import BPS_WHOLE, Bps, Gas, share_up


class HopShape(msgspec.Struct, frozen=True):
    """What the gas of one swap depends on."""

    venue: str
    ticks_crossed: int = 0
    """Initialised ticks passed; 0 for a V2 pair."""
    words_passed: int = 0
    """Ends of words of the tick bitmap passed; 0 for a V2 pair."""
    upwards: bool = True
    """token1 goes in, the tick rises; the worst case where it is not known."""


Shape = tuple[HopShape, ...]
"""The hops of one cycle, in order."""


class HopGas(msgspec.Struct, frozen=True):
    """One swap: its words of calldata, the pool's own gas, the transfer of what it pays out, a callback if it asks."""

    swap: Gas
    first_tick: Gas = Gas(0)
    """For the first initialised tick that is passed: the pool reads its oracle, too."""
    further_tick: Gas = Gas(0)
    word: Gas = Gas(0)
    """For each word of the tick bitmap that is read after the first, and the step to its end."""
    unseen_swap: Gas = Gas(0)
    """At worst, beyond `swap`, by what the pool's prices and liquidity do not tell."""
    unseen_tick: Gas = Gas(0)
    """At worst, for each tick on the way up."""

    def expected(self, hop: HopShape) -> int:
        ticks = self.first_tick + (hop.ticks_crossed - 1) * self.further_tick if hop.ticks_crossed else 0
        return self.swap + ticks + hop.words_passed * self.word

    def unseen(self, hop: HopShape) -> int:
        return self.unseen_swap + (hop.ticks_crossed * self.unseen_tick if hop.upwards else 0)


class GasTable(msgspec.Struct, frozen=True):
    transaction: Gas
    """Once: intrinsic gas without the cycles' words, the Executor's checks, the payment, the profit's transfer."""
    cycle: Gas
    """For each cycle: base token paid to its first pool, and to the Executor by its last."""
    hops: Mapping[str, HopGas]
    """By venue."""
    other_hop: HopGas
    """For a venue that is not in `hops`."""


BUILDER_ROOM: Final = Gas(33_000)
"""Another builder than the simulated one may take part: one that never held ether (25,000), or is a contract (the
30,000 it is called with, and the stipend of 2,300)."""

_PAIR: Final = HopGas(Gas(50_250))
_NEVER_CROSSED: Final = Gas(34_200)
_FEE_AND_OBSERVATION: Final = Gas(7_200)

GAS_TABLE: Final = GasTable(
    transaction=Gas(59_260),
    cycle=Gas(4_000),
    hops=MappingProxyType(
        {
            "uniswap-v2": _PAIR,
            "sushiswap-v2": _PAIR,
            "pancakeswap-v1": _PAIR,
            "uniswap-v3": HopGas(
                Gas(58_800), Gas(28_900), Gas(23_500), Gas(7_060), _FEE_AND_OBSERVATION, _NEVER_CROSSED
            ),
        }
    ),
    other_hop=HopGas(Gas(75_000), Gas(32_000), Gas(26_000), Gas(7_800), _FEE_AND_OBSERVATION, _NEVER_CROSSED),
)


def estimate_gas(shapes: Sequence[Shape], table: GasTable = GAS_TABLE) -> Gas:
    """Gas that one `execute` of all these cycles is expected to use. What several share is counted once."""
    hops = sum(table.hops.get(hop.venue, table.other_hop).expected(hop) for shape in shapes for hop in shape)
    return Gas(table.transaction + len(shapes) * table.cycle + hops)


def gas_limit_for(shapes: Sequence[Shape], margin: Bps, table: GasTable = GAS_TABLE) -> Gas:
    """The estimate and `margin` on it, rounded up, and room for the worst of what no estimate sees.

    `margin` is for what is refunded at the end; the worst case of each tick and pool comes on top, without margin.
    """
    unseen = sum(table.hops.get(hop.venue, table.other_hop).unseen(hop) for shape in shapes for hop in shape)
    return Gas(share_up(estimate_gas(shapes, table), Bps(BPS_WHOLE + margin)) + BUILDER_ROOM + unseen)


def shape_of(legs: Sequence[Leg]) -> Shape:
    """The shape of the cycle that these legs make."""
    return tuple(
        HopShape(leg.venue, leg.ticks_crossed, leg.words_passed, not leg.zero_for_one) for leg in legs
    )

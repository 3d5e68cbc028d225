"""The initialised ticks of a pool and the liquidity of the ranges between them.

Source: v3-core `libraries/Tick.sol`, `libraries/LiquidityMath.sol`. What a pool could not have come to is refused.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

from bot.protocols.v3_tick_math import MAX_TICK, MIN_TICK, UINT128_MAX, max_liquidity_per_tick


class TickLiquidity(msgspec.Struct, frozen=True, gc=False):
    """Of an initialised tick."""

    gross: int
    """Liquidity of all positions that begin or end here; above zero."""
    net: int
    """Liquidity that comes in when the price rises over the tick, and leaves when it falls below."""


NO_LIQUIDITY = TickLiquidity(0, 0)


class TickRanges:
    """`bounds` are the initialised ticks, ascending. Range k reaches from `bounds[k - 1]` up to `bounds[k]`.

    `liquidity[k]` is the liquidity of range k; there is one range more than bounds, and the outermost two hold 0.
    Everything is read only but for `change`.
    """

    def __init__(self, tick_spacing: int, ticks: Mapping[int, TickLiquidity]) -> None:
        """Raises ValueError where `ticks` cannot be all the initialised ticks of a pool."""
        self._tick_spacing = tick_spacing
        self._most_at_a_tick = max_liquidity_per_tick(tick_spacing)
        self._ticks = dict(ticks)
        self._bounds = sorted(ticks)
        self._liquidity = [0]
        self.ticks: Mapping[int, TickLiquidity] = MappingProxyType(self._ticks)
        self.bounds: Sequence[int] = self._bounds
        self.liquidity: Sequence[int] = self._liquidity
        for bound in self._bounds:
            self._check_place(bound)
            self._check_tick(bound, self._ticks[bound])
            running = self._liquidity[-1] + self._ticks[bound].net
            if not 0 <= running <= UINT128_MAX:
                raise ValueError(f"the liquidity above tick {bound} would be {running}: ticks are missing")
            self._liquidity.append(running)
        if self._liquidity[-1]:
            raise ValueError(
                f"the net liquidity of all ticks is {self._liquidity[-1]}, not 0: ticks are missing"
            )

    def at(self, tick: int) -> int:
        """The liquidity in service at `tick`."""
        return self._liquidity[bisect_right(self._bounds, tick)]

    def change(self, lower: int, upper: int, delta: int) -> None:
        """Positions from `lower` to `upper` gain or lose `delta`, not 0. Raises ValueError, nothing changed."""
        self._check_place(lower)
        self._check_place(upper)
        if lower >= upper:
            raise ValueError(f"there is no position from tick {lower} up to tick {upper}")
        after_lower, after_upper = self._after(lower, delta, delta), self._after(upper, delta, -delta)
        between = self._liquidity[bisect_right(self._bounds, lower) : bisect_left(self._bounds, upper) + 1]
        if min(between) + delta < 0 or max(between) + delta > UINT128_MAX:
            raise ValueError(
                f"liquidity {delta:+} from tick {lower} to tick {upper}, where it is {min(between)} to {max(between)}: "
                f"it has to stay within 0 and {UINT128_MAX}"
            )
        self._include(lower)
        self._include(upper)
        for place in range(bisect_right(self._bounds, lower), bisect_left(self._bounds, upper) + 1):
            self._liquidity[place] += delta
        self._put(lower, after_lower)
        self._put(upper, after_upper)

    def _after(self, tick: int, delta: int, net_delta: int) -> TickLiquidity:
        before = self._ticks.get(tick, NO_LIQUIDITY)
        after = TickLiquidity(before.gross + delta, before.net + net_delta)
        if after != NO_LIQUIDITY:
            self._check_tick(tick, after)
        return after

    def _include(self, tick: int) -> None:
        """Make `tick` a bound; the two ranges beside a new one are alike."""
        if tick not in self._ticks:
            place = bisect_left(self._bounds, tick)
            self._bounds.insert(place, tick)
            self._liquidity.insert(place, self._liquidity[place])

    def _put(self, tick: int, after: TickLiquidity) -> None:
        if after.gross:
            self._ticks[tick] = after
            return
        del self._ticks[tick]
        place = bisect_left(self._bounds, tick)
        del self._bounds[place]
        del self._liquidity[place]

    def _check_place(self, tick: int) -> None:
        if tick % self._tick_spacing or not MIN_TICK <= tick <= MAX_TICK:
            raise ValueError(
                f"tick {tick} is no multiple of {self._tick_spacing} within {MIN_TICK}..{MAX_TICK}"
            )

    def _check_tick(self, tick: int, after: TickLiquidity) -> None:
        # What begins here less what ends here is net, the sum is gross: both are whole numbers of liquidity.
        if (
            not abs(after.net) <= after.gross <= self._most_at_a_tick
            or not after.gross
            or (after.gross - after.net) % 2
        ):
            raise ValueError(
                f"tick {tick} with gross liquidity {after.gross} and net {after.net}: gross has to be within 1 and "
                f"{self._most_at_a_tick}, net within gross and odd or even as it is"
            )

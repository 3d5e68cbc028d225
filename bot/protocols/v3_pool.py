"""A Uniswap V3 pool with concentrated liquidity: exact quotes, and the state that its logs describe.

Source: v3-core `UniswapV3Pool.sol`, `libraries/SwapMath.sol`. The same for every fork that kept the formulas
(PancakeSwap V3): only fees and tick spacings differ. What the protocol keeps of the fee (feeProtocol) comes out of
the liquidity providers' part: a taker's amounts are the same whatever it is, and it is no state here.

A swap may go to the price limits MIN_SQRT_PRICE + 1 and MAX_SQRT_PRICE - 1, as far as a pool can go.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from bot.core.units import TokenUnits
from bot.protocols.v3_ladder import Ladder, full_step
from bot.protocols.v3_swap_math import (
    MILLION,
    fee_up,
    paid_down,
    price_after_input,
    price_after_output,
    taken_up,
)
from bot.protocols.v3_tick_math import MAX_TICK, sqrt_price_at_tick, tick_at_sqrt_price
from bot.protocols.v3_ticks import TickLiquidity, TickRanges

__all__ = ["ConcentratedPool", "SwapQuote", "TickLiquidity"]

INT256_MAX: Final = (1 << 255) - 1


class SwapQuote(msgspec.Struct, frozen=True, gc=False):
    amount_in: TokenUnits
    """Fee included."""
    amount_out: TokenUnits
    sqrt_price: int
    """After the swap, Q64.96."""
    tick: int
    """After the swap."""
    ticks_crossed: int
    """Initialised ones."""
    words_passed: int
    """Ends of words of the tick bitmap (256 ticks of the spacing), initialised or not: after each, one more is read."""


class _Entry(msgspec.Struct, frozen=True, gc=False):
    """How a swap from the current price comes onto the ladder."""

    first: int
    """Place of the first stop."""
    total_in: int
    """What the ladder's totals say at the current price: a swap of x ends where they say this + x."""
    total_out: int
    crossed: int
    is_at_limit: bool


class ConcentratedPool:
    """Exact and mutable. `sqrt_price` 0 stands for a pool that is not initialised.

    The attributes are read only. `bounds` and `range_liquidity` are those of TickRanges: range k reaches from
    `bounds[k - 1]` up to `bounds[k]`, the first and the last range hold nothing.
    """

    def __init__(
        self,
        fee: int,
        tick_spacing: int,
        sqrt_price: int = 0,
        tick: int = 0,
        liquidity: int = 0,
        ticks: Mapping[int, TickLiquidity] | TickRanges = MappingProxyType({}),
    ) -> None:
        """`fee` in millionths; all initialised ticks, copied unless they are another pool's own TickRanges.

        Raises ValueError where the parts contradict each other.
        """
        if not 0 <= fee < MILLION or not 0 < tick_spacing <= MAX_TICK:
            raise ValueError(f"no pool has a fee of {fee} millionths and a tick spacing of {tick_spacing}")
        self.fee = fee
        self.tick_spacing = tick_spacing
        self.sqrt_price = 0
        self.tick = 0
        self.liquidity = 0
        self._ranges = ticks if isinstance(ticks, TickRanges) else TickRanges(tick_spacing, ticks)
        self._up = Ladder(self._ranges, fee, tick_spacing, zero_for_one=False)
        self._down = Ladder(self._ranges, fee, tick_spacing, zero_for_one=True)
        self._entry_up: _Entry | None = None
        self._entry_down: _Entry | None = None
        self.set_price(sqrt_price, tick, liquidity)

    @property
    def ticks(self) -> Mapping[int, TickLiquidity]:
        return self._ranges.ticks

    @property
    def bounds(self) -> Sequence[int]:
        """The initialised ticks, ascending."""
        return self._ranges.bounds

    @property
    def range_liquidity(self) -> Sequence[int]:
        return self._ranges.liquidity

    def copy(self, *, shares_ticks: bool) -> "ConcentratedPool":
        """With `shares_ticks` in no time, to be moved by `set_price` alone: its ticks are this pool's own."""
        ticks = self._ranges if shares_ticks else self.ticks
        return ConcentratedPool(
            self.fee, self.tick_spacing, self.sqrt_price, self.tick, self.liquidity, ticks
        )

    def set_price(self, sqrt_price: int, tick: int, liquidity: int) -> None:
        """What Initialize (liquidity 0) or Swap says stands now; all zero: not initialised.

        Raises ValueError, and nothing changed, where it contradicts the ticks: a Mint or Burn was missed.
        """
        expected = self._ranges.at(tick)
        if liquidity != expected:
            raise ValueError(
                f"liquidity {liquidity} at tick {tick}: the initialised ticks make it {expected}"
            )
        if sqrt_price or tick or self._ranges.bounds:
            nearest = tick_at_sqrt_price(sqrt_price)
            # A swap down that ends on a stop has left it: the price is on the tick above the pool's own.
            left = tick == nearest - 1 and nearest % self.tick_spacing == 0
            if tick != nearest and not (left and sqrt_price == sqrt_price_at_tick(nearest)):
                raise ValueError(
                    f"tick {tick} with square root price {sqrt_price}, which is at tick {nearest}"
                )
        self.sqrt_price, self.tick, self.liquidity = sqrt_price, tick, liquidity
        self._entry_up = self._entry_down = None

    def change_liquidity(self, tick_lower: int, tick_upper: int, delta: int) -> None:
        """Mint (`delta` > 0) or Burn (< 0; 0 changes nothing); the active liquidity follows.

        Raises ValueError, and nothing changed, where the pool could not have done it.
        """
        if not self.sqrt_price:
            raise ValueError(f"liquidity {delta:+} in a pool that is not initialised")
        if not delta:
            return
        self._ranges.change(tick_lower, tick_upper, delta)
        self._up.cut(tick_lower, tick_upper)
        self._down.cut(tick_lower, tick_upper)
        if tick_lower <= self.tick < tick_upper:
            self.liquidity += delta
        self._entry_up = self._entry_down = None

    def quote_exact_in(self, amount_in: int, zero_for_one: bool) -> SwapQuote:
        """`swap` with a positive amountSpecified. Less than `amount_in` is taken where the price limit comes first.

        Raises ValueError for a pool that is not initialised and an amount outside 1..2**255 - 1.
        """
        _check_amount(amount_in)
        ladder, entry = self._on_ladder(zero_for_one)
        total = entry.total_in + amount_in
        totals = ladder.total_in
        if totals[-1] < total:
            ladder.reach_in(total)
        place = bisect_left(totals, total, entry.first)
        if place == len(totals):
            return self._at_limit(ladder, entry, zero_for_one)
        if totals[place] == total:
            return self._at_stop(ladder, entry, place, zero_for_one)
        if place == entry.first:
            price, tick, liquidity, left, paid, crossed = (
                self.sqrt_price, self.tick, self.liquidity, amount_in, 0, 0
            )  # fmt: skip
        else:
            before = place - 1
            price, tick, liquidity = (
                ladder.sqrt_prices[before],
                ladder.ticks_after[before],
                ladder.liquidity[before],
            )
            left, paid = total - totals[before], ladder.total_out[before] - entry.total_out
            crossed = ladder.crossed[place] - entry.crossed
        after = price_after_input(price, liquidity, left * (MILLION - self.fee) // MILLION, zero_for_one)
        if after != price:
            tick = tick_at_sqrt_price(after)
            paid += paid_down(price, after, liquidity, zero_for_one)
        words = 0 if place == entry.first else self._words_to(ladder.ticks_after[place - 1], zero_for_one)
        return SwapQuote(TokenUnits(amount_in), TokenUnits(paid), after, tick, crossed, words)

    def quote_exact_out(self, amount_out: int, zero_for_one: bool) -> SwapQuote:
        """`swap` with a negative amountSpecified. Less than `amount_out` is paid where the price limit comes first.

        Raises ValueError for a pool that is not initialised and an amount outside 1..2**255 - 1.
        """
        _check_amount(amount_out)
        ladder, entry = self._on_ladder(zero_for_one)
        total = entry.total_out + amount_out
        totals = ladder.total_out
        if totals[-1] < total:
            ladder.reach_out(total)
        place = bisect_left(totals, total, entry.first)
        if place == len(totals):
            return self._at_limit(ladder, entry, zero_for_one)
        if totals[place] == total:
            return self._at_stop(ladder, entry, place, zero_for_one)
        if place == entry.first:
            price, tick, liquidity, left, spent, crossed = (
                self.sqrt_price, self.tick, self.liquidity, amount_out, 0, 0
            )  # fmt: skip
        else:
            before = place - 1
            price, tick, liquidity = (
                ladder.sqrt_prices[before],
                ladder.ticks_after[before],
                ladder.liquidity[before],
            )
            left, spent = total - totals[before], ladder.total_in[before] - entry.total_in
            crossed = ladder.crossed[place] - entry.crossed
        after = price_after_output(price, liquidity, left, zero_for_one)
        taken = taken_up(price, after, liquidity, zero_for_one)
        spent += taken + fee_up(taken, self.fee)
        if after == ladder.sqrt_prices[place]:
            # Just short of the stop, the price that pays for it is rounded onto the stop.
            tick, crossed = ladder.ticks_after[place], crossed + ladder.crosses[place]
            place += 1
        elif after != price:
            tick = tick_at_sqrt_price(after)
        words = 0 if place == entry.first else self._words_to(ladder.ticks_after[place - 1], zero_for_one)
        return SwapQuote(TokenUnits(spent), TokenUnits(amount_out), after, tick, crossed, words)

    def paid_for(self, amount_in: int, zero_for_one: bool) -> int:
        """`quote_exact_in(...).amount_out` alone, without the tick after. Raises ValueError as that does."""
        _check_amount(amount_in)
        ladder, entry = self._on_ladder(zero_for_one)
        total, totals = entry.total_in + amount_in, ladder.total_in
        if totals[-1] < total:
            ladder.reach_in(total)
        place = bisect_left(totals, total, entry.first)
        if place == len(totals):
            return self._at_limit(ladder, entry, zero_for_one).amount_out
        if totals[place] == total:
            return ladder.total_out[place] - entry.total_out
        if place == entry.first:
            price, liquidity, left, paid = self.sqrt_price, self.liquidity, amount_in, 0
        else:
            before = place - 1
            price, liquidity = ladder.sqrt_prices[before], ladder.liquidity[before]
            left, paid = total - totals[before], ladder.total_out[before] - entry.total_out
        after = price_after_input(price, liquidity, left * (MILLION - self.fee) // MILLION, zero_for_one)
        return paid + paid_down(price, after, liquidity, zero_for_one)

    def asked_for(self, amount_out: int, zero_for_one: bool) -> tuple[int, int, int] | None:
        """(amount_in, ticks_crossed, words_passed) of `quote_exact_out`; None where it pays less.

        Raises ValueError as that does.
        """
        _check_amount(amount_out)
        ladder, entry = self._on_ladder(zero_for_one)
        total, totals = entry.total_out + amount_out, ladder.total_out
        if totals[-1] < total:
            ladder.reach_out(total)
        place = bisect_left(totals, total, entry.first)
        if place == len(totals):
            return None
        if totals[place] == total:
            crossed = ladder.crossed[place] + ladder.crosses[place] - entry.crossed
            words = self._words_to(ladder.ticks_after[place], zero_for_one)
            return ladder.total_in[place] - entry.total_in, crossed, words
        if place == entry.first:
            price, liquidity, left, spent, crossed = self.sqrt_price, self.liquidity, amount_out, 0, 0
        else:
            before = place - 1
            price, liquidity = ladder.sqrt_prices[before], ladder.liquidity[before]
            left, spent = total - totals[before], ladder.total_in[before] - entry.total_in
            crossed = ladder.crossed[place] - entry.crossed
        after = price_after_output(price, liquidity, left, zero_for_one)
        taken = taken_up(price, after, liquidity, zero_for_one)
        if after == ladder.sqrt_prices[place]:  # as in quote_exact_out
            crossed += ladder.crosses[place]
            place += 1
        words = 0 if place == entry.first else self._words_to(ladder.ticks_after[place - 1], zero_for_one)
        return spent + taken + fee_up(taken, self.fee), crossed, words

    def _on_ladder(self, zero_for_one: bool) -> tuple[Ladder, _Entry]:
        if zero_for_one:
            if self._entry_down is None:
                self._entry_down = self._enter(self._down, zero_for_one)
            return self._down, self._entry_down
        if self._entry_up is None:
            self._entry_up = self._enter(self._up, zero_for_one)
        return self._up, self._entry_up

    def _enter(self, ladder: Ladder, zero_for_one: bool) -> _Entry:
        if not self.sqrt_price:
            raise ValueError("the pool is not initialised: it has no price")
        first = ladder.first_from(self.tick)
        is_at_limit = self.sqrt_price <= ladder.limit if zero_for_one else self.sqrt_price >= ladder.limit
        took, paid = 0, 0
        if not is_at_limit:
            took, paid = full_step(
                self.sqrt_price, ladder.sqrt_prices[first], self.liquidity, self.fee, zero_for_one
            )
        return _Entry(
            first,
            ladder.total_in[first] - took,
            ladder.total_out[first] - paid,
            ladder.crossed[first],
            is_at_limit,
        )

    def _at_limit(self, ladder: Ladder, entry: _Entry, zero_for_one: bool) -> SwapQuote:
        if entry.is_at_limit:
            return SwapQuote(TokenUnits(0), TokenUnits(0), self.sqrt_price, self.tick, 0, 0)
        return self._at_stop(ladder, entry, len(ladder.total_in) - 1, zero_for_one)

    def _at_stop(self, ladder: Ladder, entry: _Entry, place: int, zero_for_one: bool) -> SwapQuote:
        return SwapQuote(
            TokenUnits(ladder.total_in[place] - entry.total_in),
            TokenUnits(ladder.total_out[place] - entry.total_out),
            ladder.sqrt_prices[place],
            ladder.ticks_after[place],
            ladder.crossed[place] + ladder.crosses[place] - entry.crossed,
            self._words_to(ladder.ticks_after[place], zero_for_one),
        )

    def _words_to(self, stop: int, zero_for_one: bool) -> int:
        """Words between the pool's tick and `stop`, the tick after a stop; those without liquidity count, too."""
        ahead = 0 if zero_for_one else 1  # going up, the search begins at the tick after
        began, ended = self.tick // self.tick_spacing + ahead, stop // self.tick_spacing + ahead
        return abs((ended >> 8) - (began >> 8))


def _check_amount(amount: int) -> None:
    if not 0 < amount <= INT256_MAX:
        raise ValueError(f"an amount of {amount}: a swap takes 1 to {INT256_MAX}")

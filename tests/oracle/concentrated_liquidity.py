"""Exact swaps on concentrated-liquidity pools: the loop of UniswapV3Pool.swap, step by step, and nothing cleverer.

Written from the contracts of v3-core 1.0.1: UniswapV3Pool.sol, SwapMath.sol, SqrtPriceMath.sol, TickMath.sol and
TickBitmap.sol. A step ends at the next initialised tick or at the end of the 256-tick word of the bitmap, whichever is
nearer: where steps end decides the rounding. `revert` in the contracts is SwapRefusedError here.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property, lru_cache

from oracle.facts import V3State

MIN_TICK, MAX_TICK = -887_272, 887_272
MIN_SQRT_PRICE = 4_295_128_739
MAX_SQRT_PRICE = 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_342
MILLION = 1_000_000
Q96 = 1 << 96
_UINT128, _UINT160, _UINT256 = (1 << 128) - 1, (1 << 160) - 1, (1 << 256) - 1
_MORE_THAN_ALL = 1 << 300
"""An input that passes any step."""
_FACTORS = (
    0xFFFCB933BD6FAD37AA2D162D1A594001,
    0xFFF97272373D413259A46990580E213A,
    0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0,
    0xFFCB9843D60F6159C9DB58835C926644,
    0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861,
    0xFE5DEE046A99A2A811C461F1969C3053,
    0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54,
    0xF3392B0822B70005940C7A398E4B70F3,
    0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825,
    0xA9F746462D870FDF8A65DC1F90E061E5,
    0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6,
    0x9AA508B5B7A84E1C677DE54F3E99BC9,
    0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98,
    0x48A170391F7DC42444E8FA2,
)
"""sqrt(1.0001 ** -(2 ** i)) in parts of 2 ** 128, of TickMath.getSqrtRatioAtTick."""


class SwapRefusedError(Exception):
    """The pool would revert."""


@dataclass(frozen=True)
class Swapped:
    """What a swap did. Where the price reached its limit it is filled in part only."""

    amount_in: int
    """The fee included."""
    amount_out: int
    sqrt_price: int
    liquidity: int
    ticks_crossed: int
    """Initialised ones."""
    end_of_step: int | None
    """The tick the pool stands on, known without looking where the last step was not cut short."""
    steps: int = 0
    """Rounds of the loop, each of which rounds."""

    @cached_property
    def tick(self) -> int:
        return tick_at(self.sqrt_price) if self.end_of_step is None else self.end_of_step


@lru_cache(maxsize=1 << 18)
def sqrt_price_at(tick: int) -> int:
    """Q64.96, TickMath.getSqrtRatioAtTick."""
    if not MIN_TICK <= tick <= MAX_TICK:
        raise SwapRefusedError(f"tick {tick} is beyond {MIN_TICK}..{MAX_TICK}")
    ratio = 1 << 128
    for bit, factor in enumerate(_FACTORS):
        if abs(tick) >> bit & 1:
            ratio = ratio * factor >> 128
    if tick > 0:
        ratio = _UINT256 // ratio
    return -(-ratio >> 32)


def tick_at(sqrt_price: int) -> int:
    """The greatest tick whose price is not above this one, by halving."""
    if not MIN_SQRT_PRICE <= sqrt_price < MAX_SQRT_PRICE:
        raise SwapRefusedError(f"sqrt price {sqrt_price} is out of range")
    low, high = MIN_TICK, MAX_TICK
    while low < high:
        middle = -(-(low + high) // 2)
        if sqrt_price_at(middle) <= sqrt_price:
            low = middle
        else:
            high = middle - 1
    return low


def swap(
    state: V3State, fee: int, spacing: int, zero_for_one: bool, specified: int, start: Swapped | None = None
) -> Swapped:
    """`specified` > 0: what goes in; < 0: what is to come out. The price may go as far as prices go.

    `start`: where the same swap of a smaller amount ended at the end of a step; what is left of `specified` goes on
    from there. Raises SwapRefusedError.
    """
    limit = _limit(zero_for_one)
    if specified == 0 or not (state.sqrt_price > limit if zero_for_one else state.sqrt_price < limit):
        raise SwapRefusedError(f"amount {specified} at sqrt price {state.sqrt_price}")
    at = start or _untouched(state)
    while at.sqrt_price != limit:
        left = specified - at.amount_in if specified > 0 else specified + at.amount_out
        if left == 0:
            break
        at = _go_on(state, fee, spacing, zero_for_one, at, left)
    return at


class Way:
    """A pool in one direction. The ends of steps that one swap passed are where the next one may start.

    A swap passes the end of a step exactly where it asks for more than the sum of all steps so far, for a step that is
    passed takes and gives the same whatever is left: SwapMath.computeSwapStep.
    """

    def __init__(self, state: V3State, fee: int, spacing: int, zero_for_one: bool) -> None:
        self._pool = (state, fee, spacing, zero_for_one)
        start = _untouched(state)
        self._ends, self._ins, self._outs = [start], [start.amount_in], [start.amount_out]

    def swap(self, specified: int) -> Swapped:
        """As the function `swap`, to which it adds nothing but memory."""
        sums = self._ins if specified > 0 else self._outs
        while sums[-1] < abs(specified) and self._extend():
            pass
        place = max(0, bisect_left(sums, abs(specified)) - 1)
        return swap(*self._pool, specified, self._ends[place])

    def _extend(self) -> bool:
        """One step more; False where there is none, or where the pool would revert."""
        if self._ends[-1].sqrt_price == _limit(self._pool[-1]):
            return False
        try:
            end = _go_on(*self._pool, self._ends[-1], _MORE_THAN_ALL)
        except SwapRefusedError:
            return False
        self._ends.append(end)
        self._ins.append(end.amount_in)
        self._outs.append(end.amount_out)
        return True


def _limit(zero_for_one: bool) -> int:
    return MIN_SQRT_PRICE + 1 if zero_for_one else MAX_SQRT_PRICE - 1


def _untouched(state: V3State) -> Swapped:
    return Swapped(0, 0, state.sqrt_price, state.liquidity, 0, state.tick)


def _go_on(state: V3State, fee: int, spacing: int, zero_for_one: bool, at: Swapped, left: int) -> Swapped:
    """One round of the contract's loop."""
    following, initialised = _next_tick(state.indices, at.tick, spacing, zero_for_one)
    following = min(max(following, MIN_TICK), MAX_TICK)
    next_price, limit = sqrt_price_at(following), _limit(zero_for_one)
    target = max(next_price, limit) if zero_for_one else min(next_price, limit)
    price, taken, given, charged = _step(at.sqrt_price, target, at.liquidity, left, fee)
    liquidity, crossed = at.liquidity, at.ticks_crossed
    end_of_step = at.end_of_step if price == at.sqrt_price else None
    if price == next_price:
        if initialised:
            net = state.ticks[following][1]
            liquidity += -net if zero_for_one else net
            if not 0 <= liquidity <= _UINT128:
                raise SwapRefusedError(f"liquidity {liquidity} beyond tick {following}")
            crossed += 1
        end_of_step = following - 1 if zero_for_one else following
    amount_in, amount_out = at.amount_in + taken + charged, at.amount_out + given
    return Swapped(amount_in, amount_out, price, liquidity, crossed, end_of_step, at.steps + 1)


def _next_tick(indices: tuple[int, ...], tick: int, spacing: int, zero_for_one: bool) -> tuple[int, bool]:
    """TickBitmap.nextInitializedTickWithinOneWord: the next tick of this word, and whether it is initialised."""
    compressed = tick // spacing
    if zero_for_one:
        first = (compressed >> 8 << 8) * spacing
        place = bisect_right(indices, compressed * spacing) - 1
        found = place >= 0 and indices[place] >= first
        return (indices[place], True) if found else (first, False)
    last = (((compressed + 1) >> 8 << 8) + 255) * spacing
    place = bisect_left(indices, (compressed + 1) * spacing)
    found = place < len(indices) and indices[place] <= last
    return (indices[place], True) if found else (last, False)


def _step(price: int, target: int, liquidity: int, left: int, fee: int) -> tuple[int, int, int, int]:
    """SwapMath.computeSwapStep: price after, amount in, amount out, fee."""
    falls, exact_in = price >= target, left >= 0
    if exact_in:
        counts = left * (MILLION - fee) // MILLION
        needed = _amount_in(price, target, liquidity, falls=falls)
        after = target if counts >= needed else _price_from_input(price, liquidity, counts, falls=falls)
    else:
        available = _amount_out(price, target, liquidity, falls=falls)
        after = target if -left >= available else _price_from_output(price, liquidity, -left, falls=falls)
    taken = _amount_in(price, after, liquidity, falls=falls)
    given = _amount_out(price, after, liquidity, falls=falls)
    if not exact_in:
        given = min(given, -left)
    charged = left - taken if exact_in and after != target else _up(taken * fee, MILLION - fee)
    return after, taken, given, charged


def _amount_in(price: int, after: int, liquidity: int, *, falls: bool) -> int:
    return _amount0_up(price, after, liquidity) if falls else _up(liquidity * abs(after - price), Q96)


def _amount_out(price: int, after: int, liquidity: int, *, falls: bool) -> int:
    return liquidity * abs(after - price) // Q96 if falls else _amount0_down(price, after, liquidity)


def _amount0_up(one: int, other: int, liquidity: int) -> int:
    """SqrtPriceMath.getAmount0Delta with roundUp."""
    low, high = sorted((one, other))
    return _up(_up((liquidity << 96) * (high - low), high), low)


def _amount0_down(one: int, other: int, liquidity: int) -> int:
    low, high = sorted((one, other))
    return (liquidity << 96) * (high - low) // high // low


def _price_from_input(price: int, liquidity: int, amount: int, *, falls: bool) -> int:
    """SqrtPriceMath.getNextSqrtPriceFromInput."""
    if not falls:
        return _fits(price + (amount << 96) // liquidity)
    if amount == 0:
        return price
    numerator, product = liquidity << 96, amount * price
    if product <= _UINT256 and numerator + product <= _UINT256:
        return _up(numerator * price, numerator + product)
    return _up(numerator, numerator // price + amount)


def _price_from_output(price: int, liquidity: int, amount: int, *, falls: bool) -> int:
    """SqrtPriceMath.getNextSqrtPriceFromOutput."""
    if falls:
        quotient = _up(amount << 96, liquidity)
        if price <= quotient:
            raise SwapRefusedError(f"{amount} of token1 is more than there is")
        return price - quotient
    if amount == 0:
        return price
    numerator, product = liquidity << 96, amount * price
    if product > _UINT256 or numerator <= product:
        raise SwapRefusedError(f"{amount} of token0 is more than there is")
    return _fits(_up(numerator * price, numerator - product))


def _fits(price: int) -> int:
    if price > _UINT160:
        raise SwapRefusedError(f"sqrt price {price} needs more than 160 bits")
    return price


def _up(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)

"""Float64 screen of cycles over V2 and V3 pools, compiled: what each would earn at its optimum, and at which input.

**A leg is a Moebius map.** A V2 pool with reserves X in, Y out and a fee that lets the part g of the input count pays
g·Y·x / (X + g·x). A V3 pool does the same within one liquidity range, in its virtual reserves, until the price is at
the range's bound. A chain of such maps is A·x / (1 + C·x), whose profit is greatest at x = (sqrt(A) - 1) / C, and then
(sqrt(A) - 1)² / C.

**A walk of pieces.** Where that x is more than a range takes, the chain goes as far as the leg whose range ends first,
that leg goes to its next range (one without liquidity is jumped over), and the rest is a chain like the first. Prices
only get worse on the way, so profit is concave in the input: the walk ends at the global optimum, at the end of a
pool's liquidity, or after MOST_PIECES, and then what was reached is a lower bound.

**Depth.** A leg counts with the virtual reserve of each of its tokens that has a price: the base token has one, and so
has a token that a leg next to base trades, at that leg's own price. Under `least_depth`, in base units, the cycle is
worth nothing here. Soundness does not need it, as no walk earns more than the pools hold; but the price of dust is
chance, and chance must not fill the places of what is worth sizing. NaN compares as shallow, and a value that is not
finite is 0. Floats screen here and decide nothing.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

MOST_LEGS: Final = 4
MOST_PIECES: Final = 256
_X, _K, _GAMMA, _ROOM, _ROOT, _DOWN = 0, 1, 2, 3, 4, 5
WORK_COLUMNS = 6

Floats = NDArray[np.float64]


class Market(NamedTuple):
    """The views of bot.state.screen_arrays that a walk reads."""

    gamma: Floats
    virtual0: Floats
    virtual1: Floats
    log_rate: Floats
    sqrt_price: Floats
    first_range: NDArray[np.int64]
    range_count: NDArray[np.int32]
    current_range: NDArray[np.int32]
    range_bound: Floats
    range_liquidity: Floats


@njit(cache=True)
def _enter_range(leg: int, pool: int, market: Market, work: Floats, place: NDArray[np.int64]) -> bool:
    """Put a V3 leg into the next range with liquidity at or beyond its price; False where there is none.

    Fills X, K = X·Y and the room, what of the counted input the range takes.
    """
    first, count = market.first_range[pool], market.range_count[pool]
    root, k = work[leg, _ROOT], place[leg]
    if work[leg, _DOWN] > 0.0:
        while k >= 0:
            liquidity, bound = market.range_liquidity[first + k], market.range_bound[first + k]
            root = min(root, market.range_bound[first + k + 1])
            if liquidity > 0.0 and root > bound:
                work[leg, _X], work[leg, _K] = liquidity / root, liquidity * liquidity
                work[leg, _ROOM] = liquidity * (root - bound) / (root * bound)
                work[leg, _ROOT], place[leg] = root, k
                return True
            k -= 1
        return False
    while k < count:
        liquidity, bound = market.range_liquidity[first + k], market.range_bound[first + k + 1]
        root = max(root, market.range_bound[first + k])
        if liquidity > 0.0 and root < bound:
            work[leg, _X], work[leg, _K] = liquidity * root, liquidity * liquidity
            work[leg, _ROOM] = liquidity * (bound - root)
            work[leg, _ROOT], place[leg] = root, k
            return True
        k += 1
    return False


@njit(cache=True)
def _enter(
    legs: NDArray[np.int32], count: int, market: Market, work: Floats, place: NDArray[np.int64]
) -> bool:
    """Put every leg where its pool stands."""
    for leg in range(count):
        edge = legs[leg]
        pool = edge >> 1
        down = (edge & 1) == 0
        work[leg, _GAMMA], work[leg, _DOWN] = market.gamma[pool], 1.0 if down else 0.0
        if market.range_count[pool] > 0:
            work[leg, _ROOT], place[leg] = market.sqrt_price[pool], market.current_range[pool]
            if not _enter_range(leg, pool, market, work, place):
                return False
        else:
            x = market.virtual0[pool] if down else market.virtual1[pool]
            y = market.virtual1[pool] if down else market.virtual0[pool]
            work[leg, _X], work[leg, _K], work[leg, _ROOM] = x, x * y, np.inf
            place[leg] = -1
        if not (work[leg, _X] > 0.0 and work[leg, _K] > 0.0 and work[leg, _GAMMA] > 0.0):
            return False
    return True


@njit(cache=True)
def _deep_enough(count: int, work: Floats, least_depth: float) -> bool:
    """The depth rule of the module. "not >=" rather than "<": a NaN is shallow too."""
    last = count - 1
    y_last = work[last, _K] / work[last, _X]
    if not (work[0, _X] >= least_depth and y_last >= least_depth):
        return False
    if count == 2:
        return True
    # Base token per unit of what the first leg pays out, and of what the last takes in.
    bought = work[0, _X] * work[0, _X] / work[0, _K]
    sold = y_last / work[last, _X]
    out_before_last = work[last - 1, _K] / work[last - 1, _X]
    return bool(work[1, _X] * bought >= least_depth and out_before_last * sold >= least_depth)


@njit(cache=True)
def _composite(count: int, work: Floats) -> tuple[float, float, float, int]:
    """(A, C, the input at which the first range ends, whose): infinite and -1 where no range ends."""
    a, c = 1.0, 0.0
    most, binding = np.inf, -1
    for leg in range(count):
        x, gamma, room = work[leg, _X], work[leg, _GAMMA], work[leg, _ROOM]
        if room < np.inf:
            taken = room / gamma
            rest = a - taken * c
            if rest > 0.0 and taken < most * rest:
                most, binding = taken / rest, leg
        share = gamma / x
        c += share * a
        a *= share * (work[leg, _K] / x)
    return a, c, most, binding


@njit(cache=True)
def _advance(count: int, work: Floats, amount: float) -> None:
    """Put `amount` through the chain."""
    for leg in range(count):
        x, counted = work[leg, _X], work[leg, _GAMMA] * amount
        amount = work[leg, _K] / x * counted / (x + counted)
        work[leg, _X] = x + counted
        work[leg, _ROOM] -= counted


@njit(cache=True)
def walk(
    legs: NDArray[np.int32],
    count: int,
    market: Market,
    least_depth: float,
    work: Floats,
    place: NDArray[np.int64],
) -> tuple[float, float]:
    """(profit, input) at the optimum of the cycle of the edges `legs[:count]`, in base units; (0, 0) for none."""
    if not (_enter(legs, count, market, work, place) and _deep_enough(count, work, least_depth)):
        return 0.0, 0.0
    profit, amount = 0.0, 0.0
    for _ in range(MOST_PIECES):
        a, c, most, binding = _composite(count, work)
        if not (a > 1.0 and c > 0.0):
            break
        gap = (a - 1.0) / (np.sqrt(a) + 1.0)
        best = gap / c
        if best <= most:
            profit += gap * best
            amount += best
            break
        profit += most * (a - 1.0 - c * most) / (1.0 + c * most)
        amount += most
        _advance(count, work, most)
        down = work[binding, _DOWN] > 0.0
        pool = legs[binding] >> 1
        first = market.first_range[pool] + place[binding]
        work[binding, _ROOT] = market.range_bound[first] if down else market.range_bound[first + 1]
        place[binding] += -1 if down else 1
        if not _enter_range(binding, pool, market, work, place):
            break
    if np.isfinite(profit) and np.isfinite(amount) and profit > 0.0:
        return profit, amount
    return 0.0, 0.0


@njit(cache=True)
def _keep(
    cycle: int, profitable: bool, promising: NDArray[np.int32], seat: NDArray[np.int32], size: int
) -> int:
    """Put the cycle into the sparse set, or take it out (the last one moves into its seat). The new size."""
    if profitable and seat[cycle] < 0:
        promising[size] = cycle
        seat[cycle] = size
        return size + 1
    if not profitable and seat[cycle] >= 0:
        last = promising[size - 1]
        promising[seat[cycle]] = last
        seat[last] = seat[cycle]
        seat[cycle] = -1
        return size - 1
    return size


@njit(cache=True)
def screen_pools(  # noqa: C901  # nested loops over flat arrays: a call a row would cost more than the row
    touched: NDArray[np.int32],
    is_touched: NDArray[np.bool_],
    offsets: NDArray[np.int64],
    incident: NDArray[np.int32],
    legs: NDArray[np.int32],
    market: Market,
    least_depth: float,
    values: Floats,
    inputs: Floats,
    promising: NDArray[np.int32],
    seat: NDArray[np.int32],
    size: int,
) -> tuple[int, int]:
    """Screen every cycle of the `touched` pools (each pool once) afresh, and keep the sparse set of the promising.

    `is_touched`, one a pool, comes and goes all False. `values[id]` is the profit and `inputs[id]` what goes in for
    it; `promising[:size]` are the ids with a profit, `seat[id]` where in it an id stands or -1. Returns how many
    cycles were screened and the new size.
    """
    work, place = np.zeros((MOST_LEGS, WORK_COLUMNS)), np.zeros(MOST_LEGS, np.int64)
    log_rate = market.log_rate
    screened = 0
    for pool in touched:
        is_touched[pool] = True
    for pool in touched:
        for at in range(offsets[pool], offsets[pool + 1]):
            cycle = incident[at]
            first, second, third = legs[cycle, 0], legs[cycle, 1], legs[cycle, 2]
            # With several of its pools touched it is screened once, from the lowest.
            if first >> 1 < pool and is_touched[first >> 1]:
                continue
            if second >> 1 < pool and is_touched[second >> 1]:
                continue
            rate, count = log_rate[first] + log_rate[second], 2
            if third >= 0:
                if third >> 1 < pool and is_touched[third >> 1]:
                    continue
                rate, count = rate + log_rate[third], 3
            screened += 1
            if rate > 0.0:
                value, amount = walk(legs[cycle], count, market, least_depth, work, place)
                values[cycle], inputs[cycle] = value, amount
                size = _keep(cycle, value > 0.0, promising, seat, size)
            elif seat[cycle] >= 0:
                values[cycle], inputs[cycle] = 0.0, 0.0
                size = _keep(cycle, False, promising, seat, size)
    for pool in touched:
        is_touched[pool] = False
    return screened, size


@njit(cache=True)
def value_rows(
    rows: NDArray[np.int32],
    legs: NDArray[np.int32],
    market: Market,
    least_depth: float,
    values: Floats,
    inputs: Floats,
    promising: NDArray[np.int32],
    seat: NDArray[np.int32],
    size: int,
) -> int:
    """The same for these rows of `legs`, cycles of four pools; a row that begins with -1 is empty. The new size."""
    work, place = np.zeros((MOST_LEGS, WORK_COLUMNS)), np.zeros(MOST_LEGS, np.int64)
    for row in rows:
        value, amount = 0.0, 0.0
        if legs[row, 0] >= 0:
            value, amount = walk(legs[row], MOST_LEGS, market, least_depth, work, place)
        values[row], inputs[row] = value, amount
        size = _keep(row, value > 0.0, promising, seat, size)
    return size


def warm_market() -> Market:
    """A V2 and a V3 pool, to compile for."""
    int32: Any = np.int32
    return Market(
        gamma=np.array([0.997, 0.998]),
        virtual0=np.array([1e18, 1e18]),
        virtual1=np.array([2e18, 1e18]),
        log_rate=np.array([0.69, -0.7, -0.1, 0.0]),
        sqrt_price=np.array([0.0, 1.0]),
        first_range=np.array([0, 0], np.int64),
        range_count=np.array([0, 1], int32),
        current_range=np.array([0, 0], int32),
        range_bound=np.array([0.5, 2.0]),
        range_liquidity=np.array([1e18]),
    )


def warm_screen() -> None:
    """Compile, or load from the cache, for the argument types of the hot path: a market of a V2 and a V3 pool."""
    int32: Any = np.int32
    market = warm_market()
    sets = np.zeros(1), np.zeros(1), np.zeros(1, int32), np.full(1, -1, int32)
    touched, is_touched = np.array([0], int32), np.zeros(2, np.bool_)
    offsets, incident = np.array([0, 1, 2], np.int64), np.array([0, 0], int32)
    legs = np.array([[0, 3, -1]], int32)
    _, size = screen_pools(touched, is_touched, offsets, incident, legs, market, 0.0, *sets, 0)
    empty = np.full((1, MOST_LEGS), -1, int32)
    value_rows(touched, empty, market, 0.0, *sets, size)

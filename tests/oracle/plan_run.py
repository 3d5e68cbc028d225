"""A plan run on a state, pool by pool, by what each pool demands for the amount it is asked for."""

from collections.abc import Mapping

from oracle.concentrated_liquidity import SwapRefusedError, swap
from oracle.constant_product import is_paid
from oracle.executor_calldata import Cycle, ExecuteCall
from oracle.facts import Pair, Pool, PoolState, V3Pool, V3State
from oracle.legs import PairLeg, leg

TicksCrossed = tuple[tuple[int, ...], ...]
"""By cycle, by hop; 0 for a pair."""


def run(
    call: ExecuteCall, pools: Mapping[bytes, Pool], states: Mapping[bytes, PoolState]
) -> TicksCrossed | None:
    """None where a swap is not paid for by the one before it, or the tokens do not meet."""
    return _run(call, pools, dict(states))


def run_on(
    call: ExecuteCall, pools: Mapping[bytes, Pool], states: Mapping[bytes, PoolState]
) -> dict[bytes, PoolState] | None:
    """The states after it; None as `run`."""
    now = dict(states)
    return None if _run(call, pools, now) is None else now


def _run(call: ExecuteCall, pools: Mapping[bytes, Pool], now: dict[bytes, PoolState]) -> TicksCrossed | None:
    crossed: list[tuple[int, ...]] = []
    for cycle in call.cycles:
        ticks = _run_cycle(cycle, call.base_token, pools, now)
        if ticks is None:
            return None
        crossed.append(ticks)
    return tuple(crossed)


def _run_cycle(
    cycle: Cycle, base_token: bytes, pools: Mapping[bytes, Pool], now: dict[bytes, PoolState]
) -> tuple[int, ...] | None:
    """Changes `now`."""
    token, amount, crossed = base_token, cycle.amount_in, []
    for hop in cycle.hops:
        pool = pools[hop.pool]
        if token != (pool.token0 if hop.zero_for_one else pool.token1):
            return None
        state = now[hop.pool]
        moved = (
            _after_v3(pool, state, hop.zero_for_one, amount, hop.amount_out)
            if isinstance(pool, V3Pool)
            else _after_pair(pool, state, token, amount, hop.amount_out)
        )
        if moved is None:
            return None
        now[hop.pool], ticks = moved
        crossed.append(ticks)
        token, amount = (pool.token1 if hop.zero_for_one else pool.token0), hop.amount_out
    return tuple(crossed) if token == base_token else None


def _after_pair(
    pool: Pair, state: PoolState, token_in: bytes, amount_in: int, amount_out: int
) -> tuple[PoolState, int] | None:
    """The pair keeps whatever it was sent."""
    seen = leg(pool, state, token_in)
    if not isinstance(seen, PairLeg) or not is_paid(seen.side, amount_in, amount_out):
        return None
    moved = (seen.side.reserve_in + amount_in, seen.side.reserve_out - amount_out)
    return (moved if token_in == pool.token0 else moved[::-1]), 0


def _after_v3(
    pool: V3Pool, state: PoolState, zero_for_one: bool, amount_in: int, amount_out: int
) -> tuple[PoolState, int] | None:
    """Asked by exact output; what it was sent beyond what it demanded changes nothing in it."""
    assert isinstance(state, V3State)
    try:
        swapped = swap(state, pool.fee, pool.tick_spacing, zero_for_one, -amount_out)
    except SwapRefusedError:
        return None
    if swapped.amount_out < amount_out or swapped.amount_in > amount_in:
        return None
    after = V3State(swapped.sqrt_price, swapped.tick, swapped.liquidity, state.ticks)
    return after, swapped.ticks_crossed

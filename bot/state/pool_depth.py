"""How much a pool can trade near its price: what it quotes as if it held, no more than what it holds. Floats, pure."""

import numpy as np

from bot.core.identity import Address
from bot.state.pool_table import PoolTable


def depth_down(table: PoolTable, index: int, token: Address) -> int:
    """Of `token`, in smallest units, from the screen's floats: it sizes a simulated trade and decides nothing.

    A V2 pool's reserve. A concentrated pool quotes as if it held far more than it does: here the lesser of what it
    holds of `token` and what its other side is worth in it; 0 where one side is empty.
    """
    virtual = float(table.screen.virtual0[index]), float(table.screen.virtual1[index])
    if min(virtual) <= 0:
        return 0
    held = virtual if table.concentrated[index] is None else _held(table, index)
    this, other = (0, 1) if table.pools[index].token0 == token else (1, 0)
    return int(min(held[this], held[other] * virtual[this] / virtual[other]))


def _held(table: PoolTable, index: int) -> tuple[float, float]:
    """Of token0 and token1 in all positions, without uncollected fees: token0 lies above the price, token1 below."""
    screen = table.screen
    first, count = int(screen.first_range[index]), int(screen.range_count[index])
    bounds = screen.range_bound[first : first + count + 1]
    liquidity = screen.range_liquidity[first : first + count]
    above = np.maximum(bounds, screen.sqrt_price[index])
    below = np.minimum(bounds, screen.sqrt_price[index])
    held0 = np.sum(liquidity * (1.0 / above[:-1] - 1.0 / above[1:]))
    held1 = np.sum(liquidity * (below[1:] - below[:-1]))
    return float(held0), float(held1)

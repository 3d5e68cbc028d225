"""How many cycles a second the screen rules on, by kind, and what the process holds in memory."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from bot.opportunities.cycles_kernel import cycles_by_pool
from bot.opportunities.screen_kernel import screen_pools

REPEATS = 20


def rates(search: Any, market: Any, touched: np.ndarray) -> dict[str, float]:
    """Cycles a second of two, of three and of four pools, best of REPEATS on one block's touched pools.

    Of four: pairs of a path in and a path out over every token that is looked at, which a bound rules on together.
    """
    cycles, rate = search._cycles, {}  # noqa: SLF001  # the bench times the parts
    for name, of_kind in (("two", cycles.legs[:, 2] < 0), ("three", cycles.legs[:, 2] >= 0)):
        legs = np.ascontiguousarray(cycles.legs[of_kind])
        offsets, incident = cycles_by_pool(legs, cycles.pool_count)
        state = (np.zeros(len(legs)), np.zeros(len(legs)), np.zeros(len(legs), np.int32))
        seats, size, best = np.full(len(legs), -1, np.int32), 0, float("inf")
        is_touched, screened = np.zeros(cycles.pool_count, np.bool_), 0
        for _ in range(REPEATS):
            start = time.perf_counter_ns()
            screened, size = screen_pools(
                touched, is_touched, offsets, incident, legs, market, 1e16, *state, seats, size
            )
            best = min(best, time.perf_counter_ns() - start)
        rate[name] = screened / best * 1e9
    if search._four is not None:  # noqa: SLF001  # as above
        rate["four"] = _rate_of_four(search._four, cycles, market, touched)  # noqa: SLF001  # as above
    return rate


def _rate_of_four(four: Any, cycles: Any, market: Any, touched: np.ndarray) -> float:
    best, count = float("inf"), 0
    for _ in range(REPEATS):
        start = time.perf_counter_ns()
        count = four.screen(touched, market, 1e16)
        best = min(best, time.perf_counter_ns() - start)
    to_base = np.diff(cycles.to_base[0][0])
    pairs = 0
    for token in four._affected[:count].tolist():  # noqa: SLF001  # as above
        edges = cycles.edges[cycles.edge_offsets[token] : cycles.edge_offsets[token + 1]]
        pairs += int(to_base[cycles.tokens[edges ^ 1]].sum()) ** 2
    return pairs / best * 1e9


def resident_bytes() -> int:
    """Of this process, all of it: interpreter, libraries, the pools themselves."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

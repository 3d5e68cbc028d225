"""How the pools that a hint tells of will stand, for their stand-in."""

from collections.abc import Sequence

from bot.chain.balance_slots import ConcentratedAfter, PairAfter, PoolAfter, StandIns
from bot.core.identity import to_checksum
from bot.core.messages import Log
from bot.core.pending import HintLog, StorageOverride
from bot.core.ports import JsonRpc
from bot.core.result import Ok, Unknown
from bot.protocols.uniswap_v3 import FORKS, decode_swap
from bot.state.market_state import MarketState
from bot.state.overlay import Overlay, as_log
from bot.state.pool_table import V2Pool


class HintStandIns:
    """Over one node: what stands in for a hidden transaction when ours is simulated behind it."""

    def __init__(self, rpc: JsonRpc) -> None:
        self._stand_ins = StandIns(rpc)

    async def stand_in(
        self, overlay: Overlay, state: MarketState, logs: Sequence[HintLog]
    ) -> Ok[tuple[StorageOverride, ...]] | Unknown:
        """The storage it will leave in every pool of the overlay; Unknown, with the reason, where one has none."""
        pools = pools_after(overlay, state, logs)
        return await self._stand_ins.stand_in(pools.value, overlay.ref) if isinstance(pools, Ok) else pools


def pools_after(
    overlay: Overlay, state: MarketState, logs: Sequence[HintLog]
) -> Ok[list[PoolAfter]] | Unknown:
    """Of every pool the overlay changed.

    Unknown where liquidity comes or goes, for ticks have no stand-in, and where a pool is said to write another event
    than its own: no state was moved by that.
    """
    found: list[PoolAfter] = []
    for index in overlay.changed:
        pool = overlay.pools[index]
        tokens = (pool.token0, pool.token1)
        if isinstance(pool, V2Pool):
            reserves = overlay.reserve0[index], overlay.reserve1[index]
            before = state.table.reserve0[index], state.table.reserve1[index]
            gained = reserves[0] - before[0], reserves[1] - before[1]
            found.append(PairAfter(pool.address, tokens, reserves, gained))
            continue
        swaps = [as_log(log) for log in logs if log.address == pool.address and log.topics]
        if any(log.topics[0] != FORKS[pool.protocol].swap_topic for log in swaps):
            told = f"pool {to_checksum(pool.address)} does more than swap: that has no stand-in"
            return Unknown(told)
        concentrated = overlay.concentrated[index]
        assert concentrated is not None
        found.append(
            ConcentratedAfter(
                pool.address,
                tokens,
                concentrated.sqrt_price,
                concentrated.tick,
                concentrated.liquidity,
                _paid_in(swaps),
                pool.protocol,
            )
        )
    return Ok(found)


def _paid_in(swaps: Sequence[Log]) -> tuple[int, int]:
    decoded = [decode_swap(log) for log in swaps]
    return sum(swap.amount0 for swap in decoded), sum(swap.amount1 for swap in decoded)

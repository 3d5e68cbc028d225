"""The V2 and V3 pools of one recorded mainnet block, read by the words of the file alone.

Of a V3 pool the net liquidity of each tick is recorded, not the gross: the net stands for it where it is not zero.
"""

import gzip
import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from oracle.concentrated_liquidity import sqrt_price_at
from oracle.facts import Fee, Pair, Pool, PoolState, V3Pool, V3State
from oracle.node import data

SPACINGS = {100: 1, 500: 10, 3000: 60, 10_000: 200}
_UNKNOWN = b"\0" * 20
"""The factory is not recorded."""


@dataclass(frozen=True)
class RecordedAuction:
    market: dict[bytes, tuple[Pool, PoolState]]
    """By pool, without those that contradict themselves."""
    contradictory: dict[bytes, str]
    """By pool: what is wrong with it."""
    native_token: bytes
    gas_price: int
    """Wei per gas."""


def read_auction(path: Path) -> RecordedAuction:
    """`path`: of the gzipped JSON."""
    document = json.loads(gzip.decompress(path.read_bytes()))
    market: dict[bytes, tuple[Pool, PoolState]] = {}
    contradictory: dict[bytes, str] = {}
    for amm in document["amms"].values():
        address = data(amm["address"])
        if amm["kind"] == "ConstantProduct":
            market[address] = _pair(address, amm)
        if amm["kind"] == "Concentrated":
            pool, state = _concentrated(address, amm)
            if wrong := contradiction(state):
                contradictory[address] = wrong
            else:
                market[address] = pool, state
    metadata = document["metadata"]
    return RecordedAuction(market, contradictory, data(metadata["native_token"]), int(metadata["gas_price"]))


def contradiction(state: V3State) -> str:
    """Empty where a pool can stand so: what is active is the sum of the nets at or below its tick, all of them
    together are zero, and the price lies in the tick or just on its upper end.
    """
    active = sum(net for tick, (_, net) in state.ticks.items() if tick <= state.tick)
    if active != state.liquidity:
        return f"liquidity {state.liquidity} is recorded, the ticks at or below {state.tick} make {active}"
    if left := sum(net for _, net in state.ticks.values()):
        return f"{left} of liquidity never ends"
    if not sqrt_price_at(state.tick) <= state.sqrt_price <= sqrt_price_at(state.tick + 1):
        return f"sqrt price {state.sqrt_price} is not that of tick {state.tick}"
    return ""


def _pair(address: bytes, amm: dict[str, Any]) -> tuple[Pair, tuple[int, int]]:
    (token0, reserve0), (token1, reserve1) = sorted(
        (data(token), int(amount)) for token, amount in amm["reserves"].items()
    )
    fee = Fee(int((1 - Decimal(amm["fee"])) * 10_000), 10_000)
    return Pair(address, _UNKNOWN, token0, token1, fee), (reserve0, reserve1)


def _concentrated(address: bytes, amm: dict[str, Any]) -> tuple[V3Pool, V3State]:
    token0, token1 = (data(token["id"]) for token in amm["pool"]["tokens"])
    fee, state = int(Decimal(amm["fee"]) * 1_000_000), amm["pool"]["state"]
    nets = {int(tick): int(net) for tick, net in state["liquidity_net"].items()}
    ticks = {tick: (abs(net), net) for tick, net in nets.items() if net}
    price, tick, liquidity = (int(state[name]) for name in ("sqrt_price", "tick", "liquidity"))
    pool = V3Pool(address, _UNKNOWN, token0, token1, fee, SPACINGS[fee])
    return pool, V3State(price, tick, liquidity, ticks)

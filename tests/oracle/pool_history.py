"""How pools moved inside a block: the state at its parent, then each log that changes one, in order.

UniswapV2Pair.sol tells its reserves by Sync; UniswapV3Pool.sol its price and active liquidity by Swap and Initialize,
and the liquidity of a range, which changes two ticks, by Mint and Burn.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from eth_utils import keccak

from oracle.facts import Block, Log, MinedTransaction, PoolState, V3State

SYNC = keccak(text="Sync(uint112,uint112)")
INITIALIZE = keccak(text="Initialize(uint160,int24)")
SWAP = keccak(text="Swap(address,address,int256,int256,uint160,uint128,int24)")
MINT = keccak(text="Mint(address,address,int24,int24,uint128,uint256,uint256)")
BURN = keccak(text="Burn(address,int24,int24,uint128,uint256,uint256)")
TRADED = frozenset((SYNC, SWAP))
CHANGED = TRADED | {INITIALIZE, MINT, BURN}


def pools_moved(tx: MinedTransaction) -> frozenset[bytes]:
    """Pools that the transaction traded on."""
    return frozenset(log.address for log in tx.logs if log.topics and log.topics[0] in TRADED)


def pools_changed(block: Block) -> frozenset[bytes]:
    """Pools in which anything happened in the block."""
    return frozenset(
        log.address for log in _logs(block.transactions) if log.topics and log.topics[0] in CHANGED
    )


def states_before(
    block: Block, index: int, at_parent: Mapping[bytes, PoolState], pools: Iterable[bytes]
) -> dict[bytes, PoolState]:
    """States of `pools` just before the transaction at `index`; len(block.transactions) means after the block."""
    now = {pool: at_parent[pool] for pool in pools}
    for log in _logs(block.transactions[:index]):
        if log.address in now:
            now[log.address] = after_log(now[log.address], log)
    return now


def after_log(state: PoolState, log: Log) -> PoolState:
    """The same state where the log says nothing of it."""
    topic = log.topics[0] if log.topics else b""
    if topic == SYNC:
        return word(log.data, 0), word(log.data, 1)
    if topic == INITIALIZE:
        assert isinstance(state, V3State)
        return replace(state, sqrt_price=word(log.data, 0), tick=signed(log.data, 1))
    if topic == SWAP:
        assert isinstance(state, V3State)
        return V3State(word(log.data, 2), signed(log.data, 4), word(log.data, 3), state.ticks)
    if topic in (MINT, BURN):
        assert isinstance(state, V3State)
        return _after_range(state, log)
    return state


def _after_range(state: V3State, log: Log) -> V3State:
    lower, upper = (int.from_bytes(topic, "big", signed=True) for topic in log.topics[2:4])
    return with_range(state, lower, upper, word(log.data, 1) if log.topics[0] == MINT else -word(log.data, 0))


def with_range(state: V3State, lower: int, upper: int, amount: int) -> V3State:
    """Tick.update: gross of both ends; net up at the lower, down at the upper end. Active liquidity if in range."""
    if amount == 0:  # a poke, which lets fees be collected
        return state
    ticks = dict(state.ticks)
    for tick, net_change in ((lower, amount), (upper, -amount)):
        gross, net = ticks.get(tick, (0, 0))
        ticks[tick] = (gross + amount, net + net_change)
        if ticks[tick][0] == 0:
            del ticks[tick]
    active = state.liquidity + (amount if lower <= state.tick < upper else 0)
    return V3State(state.sqrt_price, state.tick, active, ticks)


def word(data: bytes, index: int) -> int:
    return int.from_bytes(data[32 * index : 32 * index + 32], "big")


def signed(data: bytes, index: int) -> int:
    return int.from_bytes(data[32 * index : 32 * index + 32], "big", signed=True)


def _logs(transactions: Iterable[MinedTransaction]) -> Iterator[Log]:
    for tx in transactions:
        yield from tx.logs

"""What we would believe behind a transaction that is not in a block yet: a copy of the pools it moves. Pure.

The copies are moved by the very code that moves the state at a block, so the two cannot differ. The state itself, its
screen arrays and its undo ring are never written. An overlay holds as long as the state stands at its block.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Generic, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from bot.core.identity import ZERO_ADDRESS, ZERO_HASH, Address, BlockHash, BlockRef, TxHash, to_checksum
from bot.core.messages import BlockArrived, Head, Log
from bot.core.pending import HintLog
from bot.core.units import Gas, Nanoseconds, WeiPerGas
from bot.protocols.pool_events import FOLLOWED_TOPICS
from bot.protocols.uniswap_v2 import SWAP_TOPIC, SYNC_TOPIC
from bot.protocols.uniswap_v3 import BURN_TOPIC, MINT_TOPIC, SWAP_WORDS
from bot.protocols.v3_pool import ConcentratedPool
from bot.state.market_state import BlockRefused, MarketState
from bot.state.pool_table import Pool, PoolTable, V2Pool
from bot.state.screen_arrays import Floats, ScreenArrays

NOTHING_MOVED: Final = "moves no pool that is traded on"
HINT_SAYS_TOO_LITTLE: Final = "hint says too little"
NOT_AS_HELD: Final = "contradicts the state"

_TICKS_CHANGE = frozenset({MINT_TOPIC, BURN_TOPIC})
_HINTED_MOVES = frozenset({*FOLLOWED_TOPICS, SWAP_TOPIC})
_SWAP_TOPICS = 3
"""Of V3: sender and recipient, which nobody needs, come as zero or not at all."""

T = TypeVar("T")
S = TypeVar("S", bound=np.generic)


class NoOverlay(msgspec.Struct, frozen=True):
    """A short stable reason for counting, and what was seen."""

    reason: str
    detail: str = ""


class Laid(Generic[T]):
    """A list with some places changed."""

    def __init__(self, under: Sequence[T], changed: Mapping[int, T]) -> None:
        self._under = under
        self._changed = changed

    def __getitem__(self, index: int) -> T:
        return self._changed[index] if index in self._changed else self._under[index]


class LaidScreen:
    """ScreenArrays with some pools changed: what does not differ is the state's own arrays."""

    def __init__(self, under: ScreenArrays, moved: ScreenArrays, changed: Sequence[int]) -> None:
        at = np.array(changed, np.int64)
        edges = np.concatenate([2 * at, 2 * at + 1])
        moved_edges = np.concatenate([2 * np.arange(len(at)), 2 * np.arange(len(at)) + 1])
        self.gamma: Floats = under.gamma
        self.virtual0: Floats = _with(under.virtual0, at, moved.virtual0)
        self.virtual1: Floats = _with(under.virtual1, at, moved.virtual1)
        self.log_rate: Floats = _with(under.log_rate, edges, moved.log_rate[moved_edges])
        self.sqrt_price: Floats = _with(under.sqrt_price, at, moved.sqrt_price)
        self.range_count: NDArray[np.int32] = _with(under.range_count, at, moved.range_count)
        self.current_range: NDArray[np.int32] = _with(under.current_range, at, moved.current_range)
        self.first_range: NDArray[np.int64] = under.first_range
        self.range_bound: Floats = under.range_bound
        self.range_liquidity: Floats = under.range_liquidity
        if moved.range_count.any():
            first = moved.first_range + len(under.range_bound)
            self.first_range = _with(under.first_range, at, first)
            self.range_bound = np.concatenate([under.range_bound, moved.range_bound])
            self.range_liquidity = np.concatenate([under.range_liquidity, moved.range_liquidity])


class Overlay:
    """Indices are the table's own; everything is read only."""

    def __init__(self, state: MarketState, moved: PoolTable, changed: tuple[int, ...]) -> None:
        table = state.table
        self.ref: Final = state.ref
        """The block it stands on."""
        self.changed: Final = changed
        """Ascending."""
        self.pools: Final[Sequence[Pool]] = table.pools
        places = dict(enumerate(changed))
        self.reserve0: Final = Laid(table.reserve0, {at: moved.reserve0[one] for one, at in places.items()})
        self.reserve1: Final = Laid(table.reserve1, {at: moved.reserve1[one] for one, at in places.items()})
        self.concentrated: Final[Laid[ConcentratedPool | None]] = Laid(
            table.concentrated, {at: moved.concentrated[one] for one, at in places.items()}
        )
        self.screen: Final = LaidScreen(table.screen, moved.screen, changed)


def overlay_of(state: MarketState, logs: Iterable[Log]) -> Overlay | NoOverlay:
    """What these logs, of one transaction on top of the state's block, leave of the pools that are traded on.

    Pools that it creates are not among them, nor are those that are stopped or barred.
    """
    told = [log for log in logs if _followed(state.table, log.address) is not None]
    indices = sorted({index for log in told if (index := _followed(state.table, log.address)) is not None})
    ticks_change = {log.address for log in told if log.topics and log.topics[0] in _TICKS_CHANGE}
    moved = PoolTable(beside=state.table)
    for index in indices:
        _copy(state.table, index, moved, ticks_change)
    copies = MarketState(moved, (), state.ref)
    block = _block_of(told, state.ref)
    try:
        touched = copies.apply(block)
    except BlockRefused as error:
        return NoOverlay(NOT_AS_HELD, str(error))
    divergences = copies.take_divergences()
    if divergences:
        return NoOverlay(NOT_AS_HELD, "; ".join(f"{to_checksum(d.pool)}: {d.reason}" for d in divergences))
    if not touched:
        return NoOverlay(NOTHING_MOVED)
    if len(touched) < len(indices):  # followed pools that wrote logs without moving, a Collect for one
        moving = {indices[one] for one in touched}
        return overlay_of(state, [log for log in told if _followed(state.table, log.address) in moving])
    return Overlay(state, moved, tuple(indices))


def overlay_of_hint(state: MarketState, logs: Iterable[HintLog]) -> Overlay | NoOverlay:
    """As `overlay_of`, of what a hidden transaction is said to leave.

    A pair must tell its Sync, a V3 pool the data of its Swap. Where any pool that is traded on moves and hides how,
    nothing is known of what stands behind it.
    """
    told = [log for log in logs if _followed(state.table, log.address) is not None]
    moves = [log for log in told if log.topics and log.topics[0] in _HINTED_MOVES]
    if not moves:
        return NoOverlay(NOTHING_MOVED)
    open_pairs = {log.address for log in moves if log.topics[0] == SYNC_TOPIC and any(log.data)}
    hidden = [log for log in moves if _is_hidden(log, open_pairs)]
    if hidden:
        return NoOverlay(HINT_SAYS_TOO_LITTLE, f"{to_checksum(hidden[0].address)} moves, its data is hidden")
    return overlay_of(state, [as_log(log) for log in moves if log.topics[0] != SWAP_TOPIC])


def _is_hidden(log: HintLog, open_pairs: set[Address]) -> bool:
    topic = log.topics[0]
    if topic == SWAP_TOPIC:
        return log.address not in open_pairs
    if topic in _TICKS_CHANGE:
        return not any(log.data) or not any(any(more) for more in log.topics[1:])
    return not any(log.data)


def as_log(hint: HintLog) -> Log:
    """As its pool's decoder wants it; who swaps is left out, as most hints leave it."""
    topics = hint.topics
    if topics[0] in SWAP_WORDS:
        topics = (topics[0], *(bytes(32),) * (_SWAP_TOPICS - 1))
    return Log(hint.address, topics, hint.data, 0, _NO_TX)


def _followed(table: PoolTable, address: Address) -> int | None:
    index = table.index(address)
    if index is None or not table.in_service(index) or table.is_stopped(index):
        return None
    return None if table.why_barred(index) is not None else index


def _copy(table: PoolTable, index: int, into: PoolTable, ticks_change: set[Address]) -> None:
    pool, concentrated = table.pools[index], table.concentrated[index]
    if isinstance(pool, V2Pool):
        into.add(pool, table.reserve0[index], table.reserve1[index])
    else:
        assert concentrated is not None
        into.add_concentrated(pool, concentrated.copy(shares_ticks=pool.address not in ticks_change))


def _block_of(logs: Sequence[Log], on: BlockRef) -> BlockArrived:
    """As if the next block held these logs alone; nobody sees it."""
    head = Head(
        number=on.number + 1,
        hash=ZERO_HASH,
        parent_hash=BlockHash(on.hash),
        timestamp=0,
        base_fee=WeiPerGas(0),
        gas_used=Gas(0),
        gas_limit=Gas(0),
        coinbase=ZERO_ADDRESS,
    )
    renumbered = tuple(Log(one.address, one.topics, one.data, at, one.tx_hash) for at, one in enumerate(logs))
    return BlockArrived(head, renumbered, Nanoseconds(0), is_catch_up=False)


def _with(under: NDArray[S], at: NDArray[np.int64], values: NDArray[S]) -> NDArray[S]:
    laid = under.copy()
    laid[at] = values
    return laid


_NO_TX = TxHash(bytes(32))

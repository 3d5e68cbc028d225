"""What the chain says, as plain records."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

Reserves = tuple[int, int]
"""(token0, token1), smallest units."""


@dataclass(frozen=True)
class Log:
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class MinedTransaction:
    """One transaction of a block together with its receipt."""

    hash: bytes
    sender: bytes
    to: bytes | None
    nonce: int
    index: int
    data: bytes
    succeeded: bool
    gas_used: int
    gas_price: int
    """Effective, wei per gas."""
    logs: tuple[Log, ...]


@dataclass(frozen=True)
class Block:
    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    base_fee: int
    gas_limit: int
    gas_used: int
    coinbase: bytes
    transactions: tuple[MinedTransaction, ...]

    def transaction(self, tx_hash: bytes) -> MinedTransaction | None:
        return next((tx for tx in self.transactions if tx.hash == tx_hash), None)


@dataclass(frozen=True)
class Fee:
    """The part of a swap's input that counts: `numerator` of `denominator`."""

    numerator: int
    denominator: int


@dataclass(frozen=True)
class Pair:
    """A constant-product pair as its factory announced it."""

    address: bytes
    factory: bytes
    token0: bytes
    token1: bytes
    fee: Fee


@dataclass(frozen=True)
class V3Pool:
    """A concentrated-liquidity pool as its factory announced it."""

    address: bytes
    factory: bytes
    token0: bytes
    token1: bytes
    fee: int
    """Millionths of the input."""
    tick_spacing: int


@dataclass(frozen=True)
class V3State:
    """What a swap depends on. Compared by value, not hashable."""

    sqrt_price: int
    """Q64.96."""
    tick: int
    liquidity: int
    ticks: Mapping[int, tuple[int, int]]
    """Initialised ones: (gross, net)."""

    @cached_property
    def indices(self) -> tuple[int, ...]:
        return tuple(sorted(self.ticks))


Pool = Pair | V3Pool
PoolState = Reserves | V3State

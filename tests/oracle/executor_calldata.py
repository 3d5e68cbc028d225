"""What a call of the Executor asks for, decoded by eth_abi from the contract's ABI."""

from dataclasses import dataclass

from eth_abi import decode
from eth_utils import keccak

_TYPES = ("(uint256,uint256)[]", "address", "uint256", "uint256", "uint256", "uint256")
EXECUTE_SELECTOR = keccak(text=f"execute({','.join(_TYPES)})")[:4]


@dataclass(frozen=True)
class Hop:
    pool: bytes
    zero_for_one: bool
    amount_out: int
    is_v3: bool = False


@dataclass(frozen=True)
class Cycle:
    amount_in: int
    hops: tuple[Hop, ...]

    @property
    def gain(self) -> int:
        """In base token, before the builder's payment."""
        return self.hops[-1].amount_out - self.amount_in


@dataclass(frozen=True)
class ExecuteCall:
    cycles: tuple[Cycle, ...]
    base_token: bytes
    min_profit: int
    payment: int
    first_block: int
    last_block: int

    @property
    def pools(self) -> frozenset[bytes]:
        return frozenset(hop.pool for cycle in self.cycles for hop in cycle.hops)

    @property
    def gain(self) -> int:
        return sum(cycle.gain for cycle in self.cycles)

    @property
    def shape(self) -> tuple[int, ...]:
        """Hops of each cycle, in no particular order: what the gas depends on."""
        return tuple(sorted(len(cycle.hops) for cycle in self.cycles))


def is_execute(data: bytes) -> bool:
    return data[:4] == EXECUTE_SELECTOR


def decode_execute(data: bytes) -> ExecuteCall:
    """Raises ValueError for another selector, eth_abi's DecodingError for malformed arguments."""
    if not is_execute(data):
        raise ValueError(f"selector {data[:4].hex()} is not execute's ({EXECUTE_SELECTOR.hex()})")
    rows, base_token, min_profit, payment, first_block, last_block = decode(_TYPES, data[4:])
    return ExecuteCall(
        cycles=_cycles(rows),
        base_token=bytes.fromhex(base_token[2:]),
        min_profit=min_profit,
        payment=payment,
        first_block=first_block,
        last_block=last_block,
    )


def _cycles(rows: tuple[tuple[int, int], ...]) -> tuple[Cycle, ...]:
    """The pool's word holds address, direction, kind and end of cycle; the other one input (high) and output (low)."""
    cycles: list[Cycle] = []
    hops: list[Hop] = []
    amount_in = 0
    for pool, amounts in rows:
        amount_in += amounts >> 128
        hops.append(
            Hop(
                (pool % 2**160).to_bytes(20, "big"),
                zero_for_one=bool(pool >> 160 & 1),
                amount_out=amounts % 2**128,
                is_v3=bool(pool >> 161 & 1),
            )
        )
        if pool >> 162 & 1:
            cycles.append(Cycle(amount_in, tuple(hops)))
            hops, amount_in = [], 0
    if hops:
        raise ValueError(f"{len(hops)} hops belong to no cycle")
    return tuple(cycles)


def rows_of(cycles: tuple[Cycle, ...]) -> list[tuple[int, int]]:
    """The cycles as `execute` takes them."""
    return [
        (
            int.from_bytes(hop.pool, "big")
            | hop.zero_for_one << 160
            | hop.is_v3 << 161
            | (place == len(cycle.hops) - 1) << 162,
            hop.amount_out | (cycle.amount_in << 128 if place == 0 else 0),
        )
        for cycle in cycles
        for place, hop in enumerate(cycle.hops)
    ]

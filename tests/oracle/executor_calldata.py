"""What a call of the Executor asks for, decoded by eth_abi from the contract's ABI."""

from dataclasses import dataclass

from eth_abi import decode
from eth_utils import keccak

_TYPES = ("(uint256,(address,bool,uint256)[])[]", "address", "uint256", "uint256", "uint256", "uint256")
EXECUTE_SELECTOR = keccak(text=f"execute({','.join(_TYPES)})")[:4]


@dataclass(frozen=True)
class Hop:
    pool: bytes
    zero_for_one: bool
    amount_out: int


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
    cycles, base_token, min_profit, payment, first_block, last_block = decode(_TYPES, data[4:])
    return ExecuteCall(
        cycles=tuple(
            Cycle(amount_in, tuple(Hop(_raw(pool), direction, out) for pool, direction, out in hops))
            for amount_in, hops in cycles
        ),
        base_token=_raw(base_token),
        min_profit=min_profit,
        payment=payment,
        first_block=first_block,
        last_block=last_block,
    )


def _raw(address: str) -> bytes:
    return bytes.fromhex(address[2:])

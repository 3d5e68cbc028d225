"""What there was to gain and what was taken, block by block.

Definition. Block N+1 is *contested* when another searcher's execution landed in it on any pool of the best set that
brute force finds on the state of N. Over the uncontested blocks, `possible` is the best set's gain after gas;
`taken` is what our landed executions gained after their gas, before the builder's payment: what to leave to the
builder is the bot's own choice, so it is counted apart, as `paid`.

The bot may take longer cycles than brute force knows, and more than `possible` with them. What that could hide is
counted by itself: `left_lying` is, over the uncontested blocks, the cycles of the best set none of whose pools our
landed executions traded on, each worth its gain after its own gas.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from oracle.best_set import BestSet, GasModel, best_disjoint
from oracle.brute_force import Candidate
from oracle.executor_calldata import decode_execute, is_execute
from oracle.facts import Block, MinedTransaction
from oracle.judge import rival_executions
from oracle.pool_history import pools_moved


@dataclass(frozen=True)
class LeftLying:
    """A cycle of the best set that was passed over."""

    cycle: Candidate
    net: int
    """Wei, after its own gas, which others of the same transaction need not pay; above zero."""


@dataclass(frozen=True)
class BlockTakings:
    """Of one block, all in wei."""

    number: int
    """The block in which it could be taken; the state is that of the one before."""
    best: BestSet
    contested: bool
    taken: int
    """After gas, before the builder's payment."""
    paid: int
    left_lying: tuple[LeftLying, ...] = ()


@dataclass(frozen=True)
class Takings:
    blocks: tuple[BlockTakings, ...]

    @property
    def uncontested(self) -> tuple[BlockTakings, ...]:
        return tuple(block for block in self.blocks if not block.contested)

    @property
    def possible(self) -> int:
        return sum(block.best.net for block in self.uncontested)

    @property
    def taken(self) -> int:
        return sum(block.taken for block in self.uncontested)

    @property
    def shapes(self) -> Counter[str]:
        """Of the cycles in the best sets of uncontested blocks, as `v2-v3-v2`."""
        return Counter("-".join(one.protocols) for block in self.uncontested for one in block.best.cycles)

    @property
    def paid(self) -> int:
        return sum(block.paid for block in self.uncontested)

    @property
    def share_block_by_block(self) -> Fraction:
        """Taken of possible, where more than was possible in one block makes up for nothing in another."""
        return Fraction(sum(min(block.taken, block.best.net) for block in self.uncontested), self.possible)

    @property
    def left_lying(self) -> int:
        return sum(one.net for block in self.uncontested for one in block.left_lying)

    @property
    def share_left_lying(self) -> Fraction:
        """Of possible. Raises ZeroDivisionError where there was nothing."""
        return Fraction(self.left_lying, self.possible)

    @property
    def share(self) -> Fraction:
        """Taken of possible. Raises ZeroDivisionError where there was nothing."""
        return Fraction(self.taken, self.possible)

    @property
    def share_after_payment(self) -> Fraction:
        return Fraction(self.taken - self.paid, self.possible)


def account_for(block: Block, found: Iterable[Candidate], gas: GasModel, wallet: bytes) -> BlockTakings:
    """`found`: every cycle that gained on the state before `block`; gas costs the block's own base fee."""
    best = best_disjoint(found, gas, block.base_fee)
    ours = [tx for tx in block.transactions if tx.sender == wallet]
    return BlockTakings(
        number=block.number,
        best=best,
        contested=any(pools_moved(rival) & best.pools for rival in rival_executions(block, wallet)),
        taken=sum(map(_gain_after_gas, ours)),
        paid=sum(decode_execute(tx.data).payment for tx in ours if tx.succeeded and is_execute(tx.data)),
        left_lying=tuple(_left_lying(best, gas, block.base_fee, ours)),
    )


def _left_lying(
    best: BestSet, gas: GasModel, gas_price: int, ours: Iterable[MinedTransaction]
) -> Iterable[LeftLying]:
    traded = frozenset().union(*(pools_moved(tx) for tx in ours if tx.succeeded))
    for cycle in best.cycles:
        net = cycle.gain - gas.of_cycle(cycle) * gas_price
        if net > 0 and not cycle.pools & traded:
            yield LeftLying(cycle, net)


def _gain_after_gas(tx: MinedTransaction) -> int:
    """From the plan's exact amounts, which the pools enforce; the judge holds them against balances."""
    gain = decode_execute(tx.data).gain if tx.succeeded and is_execute(tx.data) else 0
    return gain - tx.gas_used * tx.gas_price

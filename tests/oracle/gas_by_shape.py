"""What cycles cost in gas, learnt from the transactions that landed: nobody's estimate, the receipts' figures."""

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction

from oracle.executor_calldata import decode_execute, is_execute
from oracle.facts import MinedTransaction


class GasByShape:
    """Mean gas of landed two-hop executions by their number of cycles; other numbers by the straight line.

    With one number of cycles seen alone, n cycles are taken as n such transactions: an upper bound, for they would
    share the 21,000 of one.
    """

    def __init__(self, landed: Iterable[MinedTransaction]) -> None:
        seen: dict[int, list[int]] = defaultdict(list)
        for tx in landed:
            if tx.succeeded and is_execute(tx.data):
                shape = decode_execute(tx.data).shape
                if set(shape) == {2}:
                    seen[len(shape)].append(tx.gas_used)
        if not seen:
            raise ValueError("no two-hop execution landed: there is no gas to learn from")
        self.samples = {count: len(gas) for count, gas in sorted(seen.items())}
        self.means = {count: Fraction(sum(gas), len(gas)) for count, gas in sorted(seen.items())}
        self._intercept, self._slope = _line(self.means, self.samples)

    def gas(self, cycles: int) -> int:
        """Of one execution of `cycles` two-hop cycles."""
        exact = self.means.get(cycles)
        return round(self._intercept + self._slope * cycles if exact is None else exact)


def _line(means: dict[int, Fraction], weights: dict[int, int]) -> tuple[Fraction, Fraction]:
    """Weighted least squares, exact."""
    if len(means) == 1:
        [(count, mean)] = means.items()
        return Fraction(0), mean / count
    total = sum(weights.values())
    x = Fraction(sum(weights[count] * count for count in means), total)
    y = sum(weights[count] * means[count] for count in means) / total
    across = sum(weights[count] * (count - x) ** 2 for count in means)
    slope = sum(weights[count] * (count - x) * (means[count] - y) for count in means) / across
    return y - slope * x, slope

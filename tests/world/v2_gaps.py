"""A second, slow opinion on the two-pool gaps of a plan's V2 pairs, in floats, with an arbitrageur who closes them."""

import math
from collections import defaultdict

from bot.world.market_plan import PairPlan


class PairBook:
    """Reserves of the pairs as swaps and arbitrage change them; nothing of the chain's rounding matters here."""

    def __init__(self, plan):
        self.pairs = {pair.address: pair for pair in plan.pairs}
        self.reserves = {pair.address: [pair.reserve0, pair.reserve1] for pair in plan.pairs}
        twins = defaultdict(list)
        for pair in plan.pairs:
            twins[pair.token0.token.address, pair.token1.token.address].append(pair)
        self.twins = [both for both in twins.values() if len(both) == 2]

    def swap(self, intent) -> bool:
        """Whether the swap met its bound; if so it is done."""
        if intent.pool not in self.pairs:
            return True
        out = self._quote(self.pairs[intent.pool], intent.zero_for_one, intent.amount_in)
        if out < intent.min_out:
            return False
        self._move(intent.pool, intent.zero_for_one, intent.amount_in, out)
        return True

    def close_gaps(self, worth_wei):
        """Take every gap worth more than this, best input in closed form; what each brought, in wei."""
        brought = []
        for both in self.twins:
            for first, second in (both, both[::-1]):
                gain = self._cycle(first, second, worth_wei)
                if gain:
                    brought.append(gain)
        return brought

    def drift(self):
        """The largest move of any price since the genesis, as a logarithm."""
        return max(
            abs(math.log(r[0] / p.reserve0) - math.log(r[1] / p.reserve1))
            for p, r in ((self.pairs[a], r) for a, r in self.reserves.items())
        )

    def _cycle(self, first: PairPlan, second: PairPlan, worth_wei):
        """token0 into `first`, token1 over to `second`, token0 out."""
        in0, out1 = self.reserves[first.address]
        out0, in1 = self.reserves[second.address]
        keep1, keep2 = first.venue.fee_numerator / 1000, second.venue.fee_numerator / 1000
        a, b, c = keep1 * keep2 * out1 * out0, in0 * in1, keep1 * (in1 + keep2 * out1)
        if a <= b:
            return 0
        amount = (math.sqrt(a * b) - b) / c
        middle = self._quote(first, True, amount)
        back = self._quote(second, False, middle)
        gain = (back - amount) * first.token0.wei_per_whole / 10**first.token0.token.decimals
        if gain < worth_wei:
            return 0
        self._move(first.address, True, amount, middle)
        self._move(second.address, False, middle, back)
        return gain

    def _quote(self, pair, zero_for_one, amount):
        ins, outs = (0, 1) if zero_for_one else (1, 0)
        r = self.reserves[pair.address]
        paid = amount * pair.venue.fee_numerator
        return paid * r[outs] / (r[ins] * 1000 + paid)

    def _move(self, address, zero_for_one, amount_in, out):
        ins, outs = (0, 1) if zero_for_one else (1, 0)
        self.reserves[address][ins] += amount_in
        self.reserves[address][outs] -= out

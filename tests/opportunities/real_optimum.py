"""The real-valued optimum of a two-pool cycle at 60 digits, by another way than the code's: the input is maximised."""

from mpmath import mp, mpf, sqrt

from bot.core.units import UINT112_MAX

DIGITS = 60


def real_optimum(first, second):
    """(profit, bound): the best over all real inputs within reach, and what the integers may lack of it at most.

    `bound` is the one stated in bot.opportunities.sizing, evaluated around the amount between the pools.
    """
    with mp.workdps(DIGITS):
        g1 = mpf(first.fee_numerator) / first.fee_denominator
        g2 = mpf(second.fee_numerator) / second.fee_denominator
        r1, s1, r2, s2 = first.reserve_in, first.reserve_out, second.reserve_in, second.reserve_out
        a, b, c = g1 * g2 * s1 * s2, mpf(r1) * r2, g1 * (r2 + g2 * s1)

        def between(x):
            return g1 * x * s1 / (r1 + g1 * x)

        def bought(x):
            return a * x / (b + c * x)

        def slope(y):
            return g2 * s2 * r2 / (r2 + g2 * y) ** 2 - mpf(r1) * s1 / (g1 * (s1 - y) ** 2)

        x = max(mpf(0), (sqrt(a * b) - b) / c)
        most = mpf(UINT112_MAX - r1)
        room = mpf(UINT112_MAX - r2)
        if room < s1:
            most = min(most, room * r1 / (g1 * (s1 - room)))
        reach = int(mp.floor(between(most)))
        x = min(x, most)
        before = int(mp.floor(between(x)))
        if before + 1 <= min(reach, s1 - 1):
            bound = 2 + (slope(before) - slope(before + 1)) / 4
        else:
            bound = 2 + max(mpf(0), slope(min(before, s1 - 1)))
        return bought(x) - x, bound

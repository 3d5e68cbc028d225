"""Predicted against observed, by decile of what was predicted, with bounds that follow from the numbers of cases alone."""

import math
from dataclasses import dataclass

import numpy as np

DECILES = 10
SIGMAS = 4.0
"""One false alarm in some 30,000 tables, if the errors were all chance."""


@dataclass(frozen=True)
class Decile:
    cases: int
    learned_from: int
    """Training cases whose prediction lies in the same decile."""
    predicted: float
    observed: float
    true: float | None
    """Mean of the law's own chance, where it is known."""


@dataclass(frozen=True)
class Calibration:
    """Expected calibration error (the deciles' mean distance, by cases) and what pure chance allows of it."""

    deciles: tuple[Decile, ...]
    error: float
    bound: float
    law_error: float | None
    law_bound: float
    brier: float
    base_brier: float
    """Of always predicting `base`."""

    def lines(self):
        yield "  predicted  observed      true     cases  learned from"
        for one in self.deciles:
            true = "         " if one.true is None else f"{one.true:9.3f}"
            yield f"  {one.predicted:9.3f} {one.observed:9.3f} {true} {one.cases:9,} {one.learned_from:13,}"
        yield f"  calibration error {self.error:.4f}, bound {self.bound:.4f}"
        if self.law_error is not None:
            yield f"  against the law's own chance {self.law_error:.4f}, bound {self.law_bound:.4f}"
        yield f"  Brier {self.brier:.4f}, base rate alone {self.base_brier:.4f}"


def calibration(predicted, happened, trained, true=None, base=None, per_block=1):
    """Arrays of chances, of bools, of the model's own chances for what it was trained on, of the law's chances.

    A decile's distance from perfect has the variance p(1-p)/n of its held-out cases, and p(1-p)/m of the m training
    cases it was learned from. `per_block`: so many cases of one block move together, and count as one.
    """
    predicted, happened = np.asarray(predicted), np.asarray(happened, dtype=float)
    bins, trained_bins = _bins(predicted), _bins(np.asarray(trained))
    deciles, weights, held_out, learned = [], [], [], []
    for decile in np.unique(bins):
        inside = bins == decile
        cases, learned_from = int(inside.sum()), int((trained_bins == decile).sum())
        mean = predicted[inside].mean()
        spread = (mean * cases + 1) / (cases + 2)
        spread *= 1 - spread
        weights.append(cases / len(predicted))
        learned.append(spread / max(learned_from / per_block, 1))
        held_out.append(spread / max(cases / per_block, 1) + learned[-1])
        law = None if true is None else float(np.asarray(true)[inside].mean())
        deciles.append(Decile(cases, learned_from, float(mean), float(happened[inside].mean()), law))
    rate = happened.mean() if base is None else base
    return Calibration(
        tuple(deciles),
        sum(w * abs(one.predicted - one.observed) for w, one in zip(weights, deciles, strict=True)),
        _bound(weights, held_out),
        None
        if true is None
        else sum(w * abs(one.predicted - one.true) for w, one in zip(weights, deciles, strict=True)),
        _bound(weights, learned),
        float(((predicted - happened) ** 2).mean()),
        float(((rate - happened) ** 2).mean()),
    )


def _bins(chances):
    return np.clip((chances * DECILES).astype(int), 0, DECILES - 1)


def _bound(weights, variances):
    """Mean and SIGMAS standard deviations of a weighted sum of half-normal distances."""
    mean = sum(w * math.sqrt(2 / math.pi * v) for w, v in zip(weights, variances, strict=True))
    return mean + SIGMAS * math.sqrt(
        sum(w * w * (1 - 2 / math.pi) * v for w, v in zip(weights, variances, strict=True))
    )

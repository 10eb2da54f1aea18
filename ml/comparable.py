"""What makes the accuracy on one group's data comparable with that on another's.

Lift and PR-AUC depend on how many do not return, the mean error on how many visits a year brings
and how much of them is chance: each is shown beside what the data allow and what simple rules reach
on the same customers.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from ml.scorecard import scorecard

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SHOWN = ("roc_auc", "pr_auc", "lift_10")


def churn_context(happened: Flags, rules: dict[str, Floats]) -> dict[str, Any]:
    """``rate``, ``largest_lift`` (a perfect ranking's, in the top tenth) and the cards of simple
    ``rules``: each (n,), higher where a customer is likelier to stay away."""
    rate = float(happened.mean())
    cards = {
        name: scorecard(happened, order / max(float(order.max()), 1e-9))
        for name, order in rules.items()
    }
    return {
        "rate": rate,
        "largest_lift": min(10.0, 1.0 / rate) if rate > 0 else None,
        "rules": {name: {key: card[key] for key in SHOWN} for name, card in cards.items()},
    }


def visits_context(actual: Floats, forecast: Floats) -> dict[str, Any]:
    """Of n customers with forecast mean visits.

    ``mean``; ``none``: share without a visit; ``mae_of_nothing``: of forecasting 0 for all;
    ``mae_if_chance``: the error that would be left if everybody came by a Poisson process at
    exactly the forecast rate; ``mae_of_median``: of the Poisson median in place of the mean, which
    lowers the error and makes the total ``bias_of_median`` wrong.
    """
    rate = np.maximum(forecast, 1e-9)
    median = poisson.median(rate)
    total = float(actual.sum())
    return {
        "mean": float(actual.mean()),
        "none": float((actual == 0).mean()),
        "mae_of_nothing": float(actual.mean()),
        "mae_if_chance": float(_mean_deviation(rate).mean()),
        "mae_of_median": float(np.abs(actual - median).mean()),
        "bias_of_median": float(median.sum() / total - 1.0) if total > 0 else None,
    }


def _mean_deviation(rate: Floats) -> Floats:
    """E|X − λ| of X ~ Poisson(λ): 2 λ^(⌊λ⌋+1) e^(−λ) / ⌊λ⌋! (Crow 1958, Biometrika 45)."""
    return np.asarray(2.0 * rate * poisson.pmf(np.floor(rate), rate))

"""The rule by which a cohort's forecast is chosen, and what it rests on.

Rungs: (1) BG/NBD or MBG/NBD with Gamma-Gamma; (2) MBG/CNBD-k, which knows that visits come
regularly; (3) trees that set the first years. On the held-out years of a cohort, by mean Poisson
deviance of the forecast visits:

- MBG/CNBD-k takes the place of rung 1 if its deviance is at least :data:`CLEARLY` lower;
- the trees anchor the first two years if theirs is lower than that of the transaction model in use;
- the trees set the money if the deviance of their revenue is lower than that of the trees' visits
  times the spend of the Gamma-Gamma (or of the transaction model's visits where those stand).

A cohort with fewer than :data:`MIN_JUDGED` customers in the held-out year takes what the group as a
whole takes. Where earlier back-tests are at hand, their deviances count beside the held-out year's,
each year alike.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MIN_JUDGED = 200
CLEARLY = 0.005

CANDIDATES = ("memoryless", "regular", "trees", "money_trees", "money_per_visit")


@dataclass(frozen=True)
class Choice:
    """What stands in a cohort; ``losses``: mean deviance of each of :data:`CANDIDATES`."""

    regular: bool
    trees: bool
    money_trees: bool
    losses: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        return {
            "regular": self.regular,
            "trees": self.trees,
            "money_trees": self.money_trees,
            "losses": self.losses,
        }


def poisson_deviance(actual: Floats, forecast: Floats) -> Floats:
    """Deviance of each customer, (n,); a forecast of nothing counts as one in a million."""
    expected = np.maximum(forecast, 1e-6)
    ratio = np.where(actual > 0, actual / expected, 1.0)
    return np.asarray(2 * (actual * np.log(ratio) - (actual - expected)))


def choose(losses: Mapping[str, float], earlier: Iterable[Mapping[str, float]] = ()) -> Choice:
    """Apply the rule to the mean deviances of a cohort, averaged with those of earlier years.

    Deviances of different years are not comparable in size, so each year's are taken relative to
    its ``memoryless`` one (money: to its ``money_per_visit``) before they are averaged.
    """
    years = [dict(losses), *(dict(one) for one in earlier)]

    def ratio(top: str, bottom: str) -> float:
        return float(np.mean([one[top] / max(one[bottom], 1e-12) for one in years]))

    regular = ratio("regular", "memoryless") < 1.0 - CLEARLY
    in_use = "regular" if regular else "memoryless"
    return Choice(
        regular,
        ratio("trees", in_use) < 1.0,
        ratio("money_trees", "money_per_visit") < 1.0,
        dict(losses),
    )

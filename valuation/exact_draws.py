"""Linear draws of a fit's parameters held against exact ones: the customers' curves anew.

The band's parameter layer is linear in the log parameters (`valuation.uncertainty`). Here the same
draws are valued exactly on a sample of the customers, and the two compared.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.transaction_models import AnyParameters
from valuation.sensitivities import (
    NAMES,
    Histories,
    ParameterRisk,
    portfolio_value,
    shifted,
)
from valuation.uncertainty import linear_error

Floats = NDArray[np.float64]

DRAWS = 50


@dataclass(frozen=True)
class Compared:
    """``error``: largest gap of a draw relative to the value; ``deviation_ratio``: standard
    deviation of the linear draws over that of the exact ones."""

    linear: Floats
    exact: Floats
    error: float
    deviation_ratio: float


def compare(
    params: AnyParameters,
    customers: Histories,
    discount: Floats,
    risk: ParameterRisk,
    *,
    seed: int,
    draws: int = DRAWS,
) -> Compared:
    """Draw the four log parameters from ``risk`` and value ``customers`` both ways."""
    size = len(NAMES)
    rng = np.random.default_rng(seed)
    covariance = risk.covariance[:size, :size]
    changes = rng.multivariate_normal(np.zeros(size), covariance, draws, method="eigh")
    base = portfolio_value(params, customers, discount)
    linear = base * (1.0 + changes @ risk.gradient[:size])
    exact = np.array(
        [portfolio_value(shifted(params, one), customers, discount) for one in changes]
    )
    spread = float(exact.std())
    ratio = float(linear.std()) / spread if spread else 1.0
    return Compared(linear, exact, linear_error(linear, exact, base), ratio)

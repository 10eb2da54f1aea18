"""From figures to the words on a page: risk in three steps, grade in four."""

import numpy as np
from numpy.typing import NDArray

RISK_FROM = {"high": 0.60, "medium": 0.35}
GRADE_SHARES = {"A": 0.10, "B": 0.30, "C": 0.40, "D": 0.20}


def risks(churn: NDArray[np.float64]) -> NDArray[np.str_]:
    """high, medium or low by the 12-month churn probability, shape (n,)."""
    return np.where(
        churn >= RISK_FROM["high"], "high", np.where(churn >= RISK_FROM["medium"], "medium", "low")
    )


def grades(value: NDArray[np.float64]) -> NDArray[np.str_]:
    """A to D by rank of value within the group: the shares of ``GRADE_SHARES``, shape (n,)."""
    order = np.argsort(-value, kind="stable")
    edges = np.round(np.cumsum(list(GRADE_SHARES.values())) * value.size).astype(int)
    letters = np.array(list(GRADE_SHARES))
    result = np.empty(value.size, dtype="U1")
    result[order] = letters[
        np.minimum(np.searchsorted(edges, np.arange(value.size), side="right"), len(letters) - 1)
    ]
    return result

"""What must hold before anybody sees a score set."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.churn import SUSPECTED_LEAK
from ml.lifetimes_adapter import REFUSED

LEAST_AUC = 0.55
LARGEST_BIAS = 0.15
ONE_SIDED_95 = 1.645


@dataclass(frozen=True)
class Gate:
    """Whether a score set may be shown: every check with what was found and what is asked."""

    checks: tuple[dict[str, Any], ...]

    @property
    def passed(self) -> bool:
        return all(check["passed"] for check in self.checks)

    def refusals(self) -> list[str]:
        return [str(check["message"]) for check in self.checks if not check["passed"]]

    def as_dict(self) -> dict[str, Any]:
        return {"passed": self.passed, "checks": list(self.checks)}


def judge(scores: pd.DataFrame, fit_statuses: Sequence[str], churn: Mapping[str, Any]) -> Gate:
    """Judge a score set.

    ``scores``: one row a customer, its numeric columns are looked at; ``fit_statuses``: that of
    the transaction model in use in each cohort; ``churn``: ``ChurnModel.report``.
    """
    card = churn["metrics"]
    figures = scores.select_dtypes("number").to_numpy(dtype=float)
    finite = bool(np.isfinite(figures).all())
    auc, bias = card["roc_auc"], abs(float(card["bias"]))
    surely = auc_at_least(auc, card["rows"], card["rate"]) if auc is not None else 0.0
    return Gate(
        (
            _check("all scores are numbers", finite, finite, "some scores are not finite numbers"),
            _check(
                "every cohort has a usable transaction model",
                list(fit_statuses),
                REFUSED not in fit_statuses,
                "a cohort has no usable transaction model",
            ),
            _check(
                "churn ranks better than chance",
                auc,
                auc is not None and auc > LEAST_AUC,
                f"churn ROC-AUC {auc} on the held-out year is not above {LEAST_AUC}",
            ),
            _check(
                "churn probabilities meet the rate",
                bias,
                bias < LARGEST_BIAS,
                f"mean churn probability misses the held-out rate by {bias:.3f}",
            ),
            _check(
                "churn features do not know the answer",
                surely,
                surely <= SUSPECTED_LEAK,
                f"churn ROC-AUC {auc} on the held-out year (surely above {surely:.3f}) is higher"
                f" than {SUSPECTED_LEAK}: some record dated before the year was written after it."
                " Look for visits, surveys or contracts that were loaded with a wrong day.",
            ),
        )
    )


def _check(name: str, found: Any, passed: bool, message: str) -> dict[str, Any]:
    return {"check": name, "found": found, "passed": passed, "message": message}


def auc_at_least(auc: float, rows: int, rate: float) -> float:
    """Lower end of the one-sided 95% interval of a ROC-AUC.

    Standard error of Hanley & McNeil (1982), Radiology 143(1), formula 1. ``rate`` is the share of
    the ``rows`` that are positive. In a small group an AUC lies high by chance.
    """
    positive = rows * rate
    negative = rows - positive
    if positive < 1 or negative < 1:
        return 0.0
    both_positive = auc / (2 - auc) - auc**2
    both_negative = 2 * auc**2 / (1 + auc) - auc**2
    variance = auc * (1 - auc) + (positive - 1) * both_positive + (negative - 1) * both_negative
    return auc - ONE_SIDED_95 * math.sqrt(variance / (positive * negative))

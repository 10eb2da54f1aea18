"""How good a set of probabilities was, held against what happened."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

CALIBRATION_BINS = 10


def scorecard(happened: Flags, probability: Floats) -> dict[str, Any]:
    """Discrimination and calibration of n forecasts.

    ``roc_auc``; ``pr_auc`` (average precision); ``lift_10``: rate among the highest tenth over the
    overall rate; ``brier``; ``ece``: mean absolute gap between forecast and rate over ten bins of
    equal count; ``bias``: mean forecast − rate. AUCs are None where only one class occurred.
    """
    n = int(happened.size)
    if n == 0:
        raise ValueError("no forecasts to judge")
    rate = float(happened.mean())
    both = 0.0 < rate < 1.0
    order = np.argsort(-probability, kind="stable")
    top = order[: max(n // 10, 1)]
    table = calibration_table(happened, probability)
    return {
        "rows": n,
        "rate": rate,
        "roc_auc": float(roc_auc_score(happened, probability)) if both else None,
        "pr_auc": float(average_precision_score(happened, probability)) if both else None,
        "lift_10": float(happened[top].mean() / rate) if rate > 0 else None,
        "brier": float(brier_score_loss(happened, np.clip(probability, 0.0, 1.0))),
        "ece": float(sum(row["rows"] * abs(row["forecast"] - row["rate"]) for row in table) / n),
        "bias": float(probability.mean() - rate),
    }


def calibration_table(happened: Flags, probability: Floats) -> list[dict[str, float]]:
    """Ten bins of equal count by forecast, lowest first: ``rows, forecast, rate``."""
    order = np.argsort(probability, kind="stable")
    return [
        {
            "rows": int(part.size),
            "forecast": float(probability[part].mean()),
            "rate": float(happened[part].mean()),
        }
        for part in np.array_split(order, CALIBRATION_BINS)
        if part.size
    ]

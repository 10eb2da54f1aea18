"""Challenger against champion on the same customers of the same year.

Both are asked as they were when they were judged: trained without the year in question. Whether one
is worse is a matter of the paired differences: customers are drawn with replacement and both
models' figures taken on the same draw (Efron & Tibshirani 1993, An Introduction to the Bootstrap,
chapter 13). A challenger loses only where it is surely worse, and by more than nobody would notice.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DRAWS = 300
MOST_ROWS = 50_000
CONFIDENCE = 0.95

MARGINS = {"roc_auc": 0.005, "brier": 0.002, "mae": 0.01, "deviance": 0.01}
"""How much worse goes unnoticed: absolute for ROC-AUC and Brier, relative for MAE and deviance."""


def recode_divisions(
    features: pd.DataFrame, theirs: Sequence[str], ours: Sequence[str]
) -> pd.DataFrame:
    """``features`` whose divisions are numbered as ``theirs``, numbered as ``ours`` instead."""
    places = np.array([ours.index(name) if name in ours else np.nan for name in theirs] + [np.nan])
    code = features["division_code"].to_numpy(dtype=float)
    at = np.where(np.isnan(code), len(theirs), code).astype(int)
    return features.assign(division_code=places[at])


def compare_churn(happened: NDArray[np.bool_], champion: Floats, challenger: Floats) -> Any:
    """``roc_auc`` and ``brier`` of both (n,) probabilities: see :func:`_paired`."""
    rows = _thinned(happened.size)
    label = happened[rows].astype(float)
    order = [np.argsort(p[rows], kind="stable") for p in (champion, challenger)]
    ranked = [_ties(p[rows][at]) for p, at in zip((champion, challenger), order, strict=True)]
    losses = [(p[rows] - label) ** 2 for p in (champion, challenger)]

    def roc(side: int, weight: Floats) -> float:
        return _weighted_auc(label[order[side]], weight[order[side]], ranked[side])

    def brier(side: int, weight: Floats) -> float:
        return float(np.average(losses[side], weights=weight))

    return {
        "roc_auc": _paired(rows.size, roc, MARGINS["roc_auc"], better="high", relative=False),
        "brier": _paired(rows.size, brier, MARGINS["brier"], better="low", relative=False),
    }


def compare_visits(visits: Floats, champion: Floats, challenger: Floats) -> Any:
    """``mae`` and mean Poisson ``deviance`` of both (n,) forecasts: see :func:`_paired`."""
    rows = _thinned(visits.size)
    actual = visits[rows]
    forecasts = [np.maximum(f[rows], 1e-6) for f in (champion, challenger)]
    apart = [np.abs(f - actual) for f in forecasts]
    deviances = [
        2 * (actual * np.log(np.where(actual > 0, actual / f, 1.0)) - (actual - f))
        for f in forecasts
    ]

    def mean_of(losses: list[Floats]) -> Callable[[int, Floats], float]:
        return lambda side, weight: float(np.average(losses[side], weights=weight))

    return {
        "mae": _paired(rows.size, mean_of(apart), MARGINS["mae"], better="low", relative=True),
        "deviance": _paired(
            rows.size, mean_of(deviances), MARGINS["deviance"], better="low", relative=True
        ),
    }


def _thinned(n: int) -> NDArray[np.intp]:
    return np.arange(0, n, max(-(-n // MOST_ROWS), 1))


def _paired(
    n: int,
    figure: Callable[[int, Floats], float],
    margin: float,
    *,
    better: str,
    relative: bool,
) -> dict[str, Any]:
    """``champion``, ``challenger`` (figures), ``worse_by`` (positive: the challenger is worse),
    its bootstrap interval ``low``–``high``, ``margin``, ``rows`` and ``passed``.

    ``figure(side, weights)``: side 0 is the champion, weights (n,) say how often each was drawn.
    """
    draw = np.random.default_rng(n)
    sign = -1.0 if better == "high" else 1.0
    whole = np.ones(n)
    champion, challenger = figure(0, whole), figure(1, whole)
    scale = max(abs(champion), 1e-12) if relative else 1.0
    gaps = np.empty(DRAWS)
    for number in range(DRAWS):
        weight = np.bincount(draw.integers(0, n, n), minlength=n).astype(float)
        gaps[number] = sign * (figure(1, weight) - figure(0, weight)) / scale
    low, high = np.quantile(gaps, [1 - CONFIDENCE, CONFIDENCE])
    return {
        "champion": champion,
        "challenger": challenger,
        "worse_by": sign * (challenger - champion) / scale,
        "low": float(low),
        "high": float(high),
        "margin": margin,
        "rows": n,
        "passed": bool(low <= margin),
    }


def _ties(ascending: Floats) -> NDArray[np.intp]:
    """Start of each run of equal values, for values in ascending order."""
    return np.flatnonzero(np.append(True, np.diff(ascending) > 0))


def _weighted_auc(label: Floats, weight: Floats, starts: NDArray[np.intp]) -> float:
    """ROC-AUC with case weights; rows in ascending order of the forecast, ties counting half."""
    positive = np.add.reduceat(weight * label, starts)
    negative = np.add.reduceat(weight * (1.0 - label), starts)
    below = np.cumsum(negative) - negative
    pairs = positive.sum() * negative.sum()
    if pairs == 0:
        return 0.5
    return float((positive * (below + 0.5 * negative)).sum() / pairs)

"""Population stability: are today's customers like those that the models were fitted on?

PSI = Σ (share now − share then) · ln(share now / share then) over ten bins of equal count at the
time of fitting and a bin of its own for what is missing (Siddiqi 2006, Credit Risk Scorecards,
chapter on monitoring). Below .1 nothing has changed, above .25 something has; a value above 1 is
hardly ever people and nearly always a file that is missing or a unit that changed.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BINS = 10
SHIFTED = 0.25
BROKEN = 1.0
LEAST_SHARE = 1e-4
SAMPLE = 50_000

# A group that opens or closes a store has not drifted: features of the place are left out.
LEFT_OUT = frozenset({"division_code"})


def reference(features: pd.DataFrame) -> dict[str, Any]:
    """Bin edges and shares of every feature, JSON-ready: ``edges`` ascending, ``shares`` one more
    than edges and one for missing values."""
    rows = _sample(features)
    found = {}
    for name in rows.columns:
        if name in LEFT_OUT:
            continue
        values = rows[name].to_numpy(dtype=float)
        known = values[np.isfinite(values)]
        quantiles = np.quantile(known, np.arange(1, BINS) / BINS) if known.size else np.empty(0)
        edges = np.unique(quantiles)
        found[name] = {"edges": edges.tolist(), "shares": _shares(values, edges).tolist()}
    return found


def stability(then: dict[str, Any], features: pd.DataFrame) -> dict[str, float]:
    """PSI of each feature of :func:`reference`, the largest first."""
    rows = _sample(features)
    found = {
        name: psi(
            np.array(card["shares"]), _shares(rows[name].to_numpy(float), np.array(card["edges"]))
        )
        for name, card in then.items()
        if name in rows.columns
    }
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def psi(then: Floats, now: Floats) -> float:
    """Population stability index of two distributions over the same bins."""
    then, now = np.maximum(then, LEAST_SHARE), np.maximum(now, LEAST_SHARE)
    return float(((now - then) * np.log(now / then)).sum())


def _shares(values: Floats, edges: Floats) -> Floats:
    known = values[np.isfinite(values)]
    bins = np.searchsorted(edges, known, side="left")
    counts = np.bincount(bins, minlength=edges.size + 1).astype(float)
    return np.append(counts, values.size - known.size) / max(values.size, 1)


def _sample(features: pd.DataFrame) -> pd.DataFrame:
    step = max(-(-len(features) // SAMPLE), 1)
    return features.iloc[::step]

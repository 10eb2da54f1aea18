"""Population stability: are today's customers like those that the models were fitted on?

PSI = Σ (share now − share then) · ln(share now / share then) over ten bins of equal count at the
time of fitting and a bin of its own for what is missing (Siddiqi 2006, Credit Risk Scorecards,
chapter on monitoring). Below .1 nothing has changed, above .25 something has; a value above 1 is
hardly ever people and nearly always a file that is missing or a unit that changed.

A group that starts to ask for surveys is the exception: a feature that was hardly known becomes
known. :func:`judge` tells such a beginning from an end, and leaves out what the trees do not use.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.model_files import Model

Floats = NDArray[np.float64]

BINS = 10
SHIFTED = 0.25
BROKEN = 1.0
LEAST_SHARE = 1e-4
SAMPLE = 50_000

LEAST_WEIGHT = 0.005
"""Share of the trees' gain below which a feature hardly moves a score."""

BEGAN = 0.10
"""Rise of the share of customers of whom a feature is known that only a new source explains."""

HARDLY_KNOWN = 0.05

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


@dataclass(frozen=True)
class Judgement:
    """``psi`` of the features that were judged, the largest first; ``began``: of these a source
    began since (judged on known values alone, or not at all where hardly any were known before);
    ``unused``: shifted, but hardly any tree asks for them."""

    psi: dict[str, float]
    began: tuple[str, ...]
    unused: tuple[str, ...]

    @property
    def broken(self) -> dict[str, float]:
        return {name: value for name, value in self.psi.items() if value > BROKEN}


def judge(
    then: Mapping[str, Any], features: pd.DataFrame, weights: Mapping[str, float]
) -> Judgement:
    """Today's ``features`` against :func:`reference`; ``weights``: share of the trees' gain by
    feature (:func:`tree_weights`), those that are not named count in full.

    Where a feature is known of more customers than before, its missing values say that a source
    began, not that people changed; where it is known of fewer, something was not delivered.
    """
    rows = _sample(features)
    found: dict[str, float] = {}
    began, unused = [], []
    for name, card in then.items():
        if name not in rows.columns:
            continue
        before = np.array(card["shares"])
        now = _shares(rows[name].to_numpy(float), np.array(card["edges"]))
        gained = before[-1] - now[-1]
        if weights.get(name, 1.0) < LEAST_WEIGHT:
            unused += [name] if psi(before, now) > BROKEN else []
        elif gained <= BEGAN:
            found[name] = psi(before, now)
        else:
            began.append(name)
            if 1.0 - before[-1] >= HARDLY_KNOWN:
                found[name] = psi(_known(before), _known(now))
    ordered = dict(sorted(found.items(), key=lambda item: -item[1]))
    return Judgement(ordered, tuple(began), tuple(unused))


def tree_weights(models: Sequence[Model], names: Sequence[str]) -> dict[str, float]:
    """Share of the gain of all splits that each feature has, the largest of the models; ``names``
    of the columns that they were fitted on."""
    weights = np.zeros(len(names))
    for model in models:
        gain = np.zeros(len(names))
        for trees in model._predictors:
            for tree in trees:
                splits = tree.nodes[~tree.nodes["is_leaf"].astype(bool)]
                np.add.at(gain, splits["feature_idx"], np.maximum(splits["gain"], 0.0))
        weights = np.maximum(weights, gain / max(float(gain.sum()), 1e-12))
    return {name: float(weight) for name, weight in zip(names, weights, strict=True)}


def _known(shares: Floats) -> Floats:
    """The distribution of the known values alone."""
    return np.asarray(shares[:-1] / max(float(shares[:-1].sum()), 1e-12))


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

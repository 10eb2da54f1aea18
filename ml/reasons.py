"""Why a customer is likely to stay away: at most three reasons, in codes and numbers.

A tree's answer for a customer is its root's mean plus, at each split of the path, the step from
the parent's mean to the child's (Saabas 2014; the means are over the training rows). Credited
to the feature of the split these steps add up to the model's log-odds exactly, which is asserted
on every call. Features are summed into the groups of :data:`ml.features.GROUPS`; within a group
a code is shown only if the customer's own numbers bear it out, so that no page states what is not
so.
A leaf fixes its whole path, hence one row of group credits per leaf.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from ml.features import FEATURES, GROUPS

Floats = NDArray[np.float64]

MOST_REASONS = 3
SMALLEST_CREDIT = 0.05
"""Log-odds below which a group is not worth a word."""

_GROUP_NAMES = tuple(GROUPS)
_GROUP_OF_FEATURE = np.array(
    [_GROUP_NAMES.index(group) for name in FEATURES for group in GROUPS if name in GROUPS[group]]
)


@dataclass(frozen=True)
class Reason:
    """A code, the group whose credit it speaks for, and the numbers that a page may quote.

    ``holds`` (frame of features) -> bool per row says where the code is true.
    """

    code: str
    group: str
    evidence: tuple[str, ...]
    holds: Callable[[pd.DataFrame], pd.Series]


REASONS: tuple[Reason, ...] = (
    Reason(
        "silent_beyond_rhythm",
        "rhythm",
        ("days_since_visit", "mean_gap"),
        lambda f: f["silence_to_gap"] > 1.25,
    ),
    Reason("never_came", "rhythm", ("tenure",), lambda f: f["never_visited"] == 1),
    Reason("long_silence", "rhythm", ("days_since_visit",), lambda f: f["days_since_visit"] > 270),
    Reason(
        "service_overdue",
        "due",
        ("days_past_due", "days_since_maintenance", "service_interval_days"),
        lambda f: f["days_past_due"] > 0,
    ),
    Reason(
        "long_interval",
        "due",
        ("service_interval_days", "km_per_day"),
        lambda f: f["service_interval_days"] >= 300,
    ),
    Reason("drives_little", "due", ("km_per_day",), lambda f: f["km_per_day"] < 20),
    Reason("sold_vehicle", "vehicle", ("vehicles",), lambda f: f["sold_all"] == 1),
    Reason("ageing_vehicle", "vehicle", ("vehicle_age",), lambda f: f["vehicle_age"] >= 4),
    Reason(
        "warranty_ended",
        "warranty",
        ("months_to_warranty_end",),
        lambda f: f["months_to_warranty_end"] <= 0,
    ),
    Reason(
        "warranty_ending",
        "warranty",
        ("months_to_warranty_end",),
        lambda f: (f["months_to_warranty_end"] > 0) & (f["months_to_warranty_end"] <= 12),
    ),
    Reason(
        "fewer_visits",
        "frequency",
        ("visits_12m", "visits_24m"),
        lambda f: f["visit_trend"] < 0,
    ),
    Reason("few_visits", "frequency", ("visits_all", "tenure"), lambda f: f["visits_per_year"] < 1),
    Reason(
        "seldom_pays",
        "spend",
        ("own_pay_share", "warranty_share", "insurer_share"),
        lambda f: f["own_pay_share"] < 0.2,
    ),
    Reason(
        "spends_less",
        "spend",
        ("revenue_12m", "revenue_24m"),
        lambda f: 2 * f["revenue_12m"] < f["revenue_24m"],
    ),
    Reason(
        "insurance_elsewhere",
        "loyalty",
        ("insured_days_left",),
        lambda f: f["insured_days_left"] < 0,
    ),
    Reason("new_customer", "loyalty", ("tenure",), lambda f: f["tenure"] < 1),
    Reason("lives_far_away", "distance", ("distance_km",), lambda f: f["distance_km"] > 20),
    Reason("complained", "experience", ("complaints_24m",), lambda f: f["complaints_24m"] > 0),
    Reason("rated_low", "experience", ("nps_last", "days_since_nps"), lambda f: f["nps_last"] <= 6),
    Reason("came_back", "experience", ("comebacks_24m",), lambda f: f["comebacks_24m"] > 0),
    Reason("declined_work", "experience", ("declined_24m",), lambda f: f["declined_24m"] > 0),
    Reason("missed_appointment", "experience", ("no_shows_24m",), lambda f: f["no_shows_24m"] > 0),
)


class AdditivityError(AssertionError):
    """Credits do not add up to the model's own answer: they must not be shown."""


def group_credits(
    classifier: HistGradientBoostingClassifier, features: pd.DataFrame
) -> tuple[pd.DataFrame, float]:
    """Log-odds credited to each group, shape (n, groups), and the common starting log-odds.

    Start + row sum equals the classifier's log-odds; AdditivityError if it does not.
    """
    values = features.to_numpy(dtype=np.float64)
    credits = np.zeros((len(values), len(_GROUP_NAMES)))
    start = float(np.ravel(classifier._baseline_prediction)[0])
    for (tree,) in classifier._predictors:
        root, per_leaf = _leaf_credits(tree.nodes)
        start += root
        credits += per_leaf[_leaves(tree.nodes, values)]
    if len(values):
        expected = classifier.decision_function(values)
        worst = float(np.abs(start + credits.sum(axis=1) - expected).max())
        if worst > 1e-6:
            raise AdditivityError(f"reasons miss the model's answer by {worst:.2e} log-odds")
    return pd.DataFrame(credits, index=features.index, columns=list(_GROUP_NAMES)), start


def _leaf_credits(nodes: NDArray[np.void]) -> tuple[float, Floats]:
    """The root's mean, and for each node number (leaves matter) its path's credits by group."""
    if nodes["is_categorical"].any():
        raise AdditivityError("native categorical splits cannot be credited: encode ordinally")
    mean = nodes["value"].astype(np.float64).copy()
    for node in range(len(nodes) - 1, -1, -1):  # children are numbered after their parent
        if not nodes["is_leaf"][node]:
            pair = [nodes["left"][node], nodes["right"][node]]
            mean[node] = np.average(mean[pair], weights=nodes["count"][pair].astype(np.float64))
    credits = np.zeros((len(nodes), len(_GROUP_NAMES)))
    for node in range(len(nodes)):
        if nodes["is_leaf"][node]:
            continue
        group = _GROUP_OF_FEATURE[nodes["feature_idx"][node]]
        for child in (nodes["left"][node], nodes["right"][node]):
            credits[child] = credits[node]
            credits[child, group] += mean[child] - mean[node]
    return float(mean[0]), credits


def _leaves(nodes: NDArray[np.void], values: Floats) -> NDArray[np.intp]:
    """Number of the leaf that each row ends in, shape (n,); all rows go down together."""
    at = np.zeros(len(values), dtype=np.intp)
    rows = np.flatnonzero(~nodes["is_leaf"][at].astype(bool))
    while rows.size:
        node = at[rows]
        value = values[rows, nodes["feature_idx"][node]]
        left = np.where(
            np.isnan(value),
            nodes["missing_go_to_left"][node].astype(bool),
            value <= nodes["num_threshold"][node],
        )
        at[rows] = np.where(left, nodes["left"][node], nodes["right"][node])
        rows = rows[~nodes["is_leaf"][at[rows]].astype(bool)]
    return at


def churn_reasons(
    classifier: HistGradientBoostingClassifier, features: pd.DataFrame
) -> pd.DataFrame:
    """Up to three reasons per customer, the weightiest first.

    Returns rows of ``customer`` int64, ``rank`` 1–3, ``code`` str (of :data:`REASONS`), ``credit``
    float64 (log-odds towards staying away, above the average customer) and ``evidence`` (object:
    dict of feature name → number or None). Customers without any reason have no row.
    """
    credits, _ = group_credits(classifier, features)
    return _strongest(credits, features)


def _strongest(credits: pd.DataFrame, features: pd.DataFrame) -> pd.DataFrame:
    codes = np.full(credits.shape, -1)
    for number in reversed(range(len(REASONS))):  # the first code of a group that holds wins
        reason = REASONS[number]
        true = reason.holds(features).to_numpy(dtype=bool)
        codes[true, _GROUP_NAMES.index(reason.group)] = number
    weight = np.where((codes >= 0) & (credits.to_numpy() >= SMALLEST_CREDIT), credits, -np.inf)
    order = np.argsort(-weight, axis=1, kind="stable")[:, :MOST_REASONS]
    rows = np.arange(len(credits))[:, None]
    chosen, shown = codes[rows, order], np.isfinite(weight[rows, order])
    row, rank = np.nonzero(shown)
    numbers = chosen[row, rank]
    evidence = features.to_numpy(dtype=np.float64)
    places = [[FEATURES.index(name) for name in reason.evidence] for reason in REASONS]
    return pd.DataFrame(
        {
            "customer": features.index.to_numpy()[row],
            "rank": rank + 1,
            "code": np.array([reason.code for reason in REASONS], dtype=object)[numbers],
            "credit": weight[rows, order][row, rank],
            "evidence": [
                _evidence(REASONS[number].evidence, evidence[r, places[number]])
                for r, number in zip(row, numbers, strict=True)
            ],
        }
    )


def _evidence(names: tuple[str, ...], values: Floats) -> dict[str, float | None]:
    return {
        name: None if np.isnan(value) else round(float(value), 2)
        for name, value in zip(names, values, strict=True)
    }

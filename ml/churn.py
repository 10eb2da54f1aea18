"""Who will not come within twelve months.

The label of a customer at a cut-off is: no visit day in the 365 days from it on. A model is
trained on yearly snapshots whose label windows closed before the as-of date. How good it is, is
measured on the latest of them with a model that saw only snapshots closed before that one's
features end; the model that scores then learns from the latest as well.
The label is not defection: many who stay away a year come back.
"""

import datetime
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.isotonic import IsotonicRegression

from ml.features import (
    FEATURES,
    churn_population,
    churned,
    customer_features,
    division_names,
    without_empty_columns,
)
from ml.pooling import fit_cohorts
from ml.records import Records
from ml.scorecard import calibration_table, scorecard
from ml.statistics import as_observed, one_row_a_day, sufficient_statistics, to_days
from ml.transaction_models import probability_alive

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

YEAR = datetime.timedelta(days=365)
HALF_YEAR = datetime.timedelta(days=182)
SUSPECTED_LEAK = 0.82
"""ROC-AUC beyond which features are thought to know the answer (models seen: .775; an oracle that
knows who is lost: .90)."""


class NotEnoughData(ValueError):
    """No churn model can be trained; the message says what is missing."""


@dataclass(frozen=True)
class ChurnConfig:
    """Everything that decides a churn model besides the data.

    ``snapshots``: yearly ones to learn from; where twice as many rows stay below ``dense_rows``,
    one year more and the half-years between as well. ``rows_per_tree``: rows of training that a
    tree needs, so that a small group gets fewer than ``trees``.
    """

    trees: int = 160
    leaves: int = 14
    learning_rate: float = 0.07
    min_leaf_rows: int = 150
    l2: float = 30.0
    # Each split looks at this share of the features: many of them say nearly the same.
    split_features: float = 0.3
    snapshots: int = 3
    dense_rows: int = 100_000
    max_rows: int = 300_000
    # The judged model never scores: beyond these rows its ROC-AUC rises by less than .001.
    judged_rows: int = 100_000
    min_rows: int = 120
    min_class_rows: int = 30
    rows_per_tree: int = 20
    seed: int = 7

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Snapshot:
    """Features (n × :data:`ml.features.FEATURES`) at a cut-off and what happened in the year."""

    cut_off: datetime.date
    features: pd.DataFrame
    churned: Flags


@dataclass(frozen=True)
class ChurnModel:
    """A trained classifier; ``divisions`` are the names behind the ordinal code, in order."""

    classifier: HistGradientBoostingClassifier
    divisions: tuple[str, ...]
    report: dict[str, Any]
    # As it was judged, and on what: for the comparison with another version (ml.comparison).
    trial: HistGradientBoostingClassifier | None = None
    held_out: Snapshot | None = None

    def probability(self, features: pd.DataFrame) -> Floats:
        """P(no visit within 12 months), shape (n,); refuses other columns than it was fitted on."""
        if tuple(features.columns) != FEATURES:
            raise ValueError("the features are not those that the churn model was trained on")
        if len(features) == 0:
            return np.empty(0)
        return np.asarray(self.classifier.predict_proba(features.to_numpy())[:, 1])


def snapshot(
    records: Records, cut_off: datetime.date, divisions: Sequence[str], config: ChurnConfig
) -> Snapshot:
    """The churn population at a cut-off with features and labels.

    A population above ``config.max_rows`` is thinned, both outcomes by the same share, before the
    features are made: memory stays bounded.
    """
    customers = churn_population(records, cut_off)
    label = churned(records, cut_off, customers)
    rows = _stratified(label.astype(np.int64), config)
    customers, label = customers[rows], label[rows]
    return Snapshot(cut_off, customer_features(records, cut_off, customers, divisions), label)


def train_churn(
    records: Records, as_of: datetime.date, config: ChurnConfig | None = None
) -> ChurnModel:
    """Train on what was known before ``as_of`` and report the held-out year.

    Raises :class:`NotEnoughData` when no snapshot holds enough customers of both outcomes.
    """
    config = config or ChurnConfig()
    records = _before(records, as_of)
    divisions = division_names(records)
    taken = _snapshots(records, as_of, divisions, config)
    latest, final = taken[0], taken[: config.snapshots]
    train = taken[1 : config.snapshots + 1]
    if 2 * sum(one.churned.size for one in taken) <= config.dense_rows:
        final = _with_half_years(records, taken, divisions, config)
        train = [one for one in final if one.cut_off <= latest.cut_off - YEAR]
    if train:
        test, split = latest, "time"
    else:
        learn, judge = _split_customers(latest)
        train, test, split = [learn], judge, "customers"
    judged = _fit(train, replace(config, max_rows=min(config.max_rows, config.judged_rows)))
    report = _report(records, judged, train, test, split)
    report |= {
        "as_of": as_of.isoformat(),
        "config": config.as_dict(),
        "trained_on": [_facts(one) for one in final],
        "features": list(FEATURES),
    }
    return ChurnModel(_fit(final, config), divisions, report, judged, test)


def _before(records: Records, as_of: datetime.date) -> Records:
    """Drop visits on or after the as-of date, so that no label can come from them; sort once."""
    past = records.visit_days["day"] < pd.Timestamp(as_of)
    return replace(records, visit_days=one_row_a_day(records.visit_days[past]))


def _snapshots(
    records: Records, as_of: datetime.date, divisions: Sequence[str], config: ChurnConfig
) -> list[Snapshot]:
    """Newest first: one more than the final model needs, so that the newest can be the test."""
    if len(records.visit_days) == 0:
        raise NotEnoughData("churn needs visits: there is none before the as-of date")
    oldest = int(to_days(records.visit_days["day"]).min())
    first_day = datetime.date(1970, 1, 1) + datetime.timedelta(days=oldest)
    taken, refusals = [], []
    for years in range(1, config.snapshots + 2):
        cut_off = as_of - years * YEAR
        if cut_off < first_day + YEAR / 2:
            refusals.append(f"{cut_off}: less than half a year of visits before it")
            break
        one = snapshot(records, cut_off, divisions, config)
        rows, lost = one.churned.size, int(one.churned.sum())
        if rows < config.min_rows or min(lost, rows - lost) < config.min_class_rows:
            refusals.append(f"{cut_off}: {rows} customers, {lost} of them did not come")
            break
        taken.append(one)
    if not taken:
        raise NotEnoughData(
            f"churn needs a snapshot a year before {as_of} with at least {config.min_rows} "
            f"customers and {config.min_class_rows} of each outcome; {'; '.join(refusals)}"
        )
    return taken


def _with_half_years(
    records: Records, taken: Sequence[Snapshot], divisions: Sequence[str], config: ChurnConfig
) -> list[Snapshot]:
    """The yearly snapshots and those half a year before each but the oldest, newest first."""
    between = [snapshot(records, one.cut_off - HALF_YEAR, divisions, config) for one in taken[:-1]]
    return sorted([*taken, *between], key=lambda one: one.cut_off, reverse=True)


def _split_customers(one: Snapshot) -> tuple[Snapshot, Snapshot]:
    """About two thirds to learn from, one third to judge, by customer number."""
    mixed = one.features.index.to_numpy().astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    judge = (mixed >> np.uint64(40)) % np.uint64(3) == 0
    return (
        Snapshot(one.cut_off, one.features[~judge], one.churned[~judge]),
        Snapshot(one.cut_off, one.features[judge], one.churned[judge]),
    )


def _fit(snapshots: Sequence[Snapshot], config: ChurnConfig) -> HistGradientBoostingClassifier:
    features = np.concatenate([one.features.to_numpy() for one in snapshots])
    label = np.concatenate([one.churned for one in snapshots])
    source = np.concatenate([np.full(one.churned.size, i) for i, one in enumerate(snapshots)])
    rows = _stratified(source * 2 + label, config)
    classifier = HistGradientBoostingClassifier(
        max_iter=int(np.clip(label[rows].size // config.rows_per_tree, 5, config.trees)),
        max_leaf_nodes=config.leaves,
        learning_rate=config.learning_rate,
        min_samples_leaf=config.min_leaf_rows,
        l2_regularization=config.l2,
        max_features=config.split_features,
        categorical_features=None,
        early_stopping=False,
        random_state=config.seed,
    )
    return classifier.fit(without_empty_columns(features[rows]), label[rows])


def _stratified(stratum: NDArray[np.int64], config: ChurnConfig) -> NDArray[np.intp]:
    """All rows, or the same share of every snapshot and outcome, ascending."""
    if stratum.size <= config.max_rows:
        return np.arange(stratum.size)
    share = config.max_rows / stratum.size
    draw = np.random.default_rng(config.seed)
    parts = []
    for value in np.unique(stratum):
        rows = np.flatnonzero(stratum == value)
        parts.append(draw.choice(rows, int(rows.size * share), replace=False))
    return np.sort(np.concatenate(parts))


def _facts(one: Snapshot) -> dict[str, Any]:
    return {
        "cut_off": one.cut_off.isoformat(),
        "rows": int(one.churned.size),
        "rate": float(one.churned.mean()),
    }


def _report(
    records: Records,
    classifier: HistGradientBoostingClassifier,
    train: Sequence[Snapshot],
    test: Snapshot,
    split: str,
) -> dict[str, Any]:
    probability = np.asarray(classifier.predict_proba(test.features.to_numpy())[:, 1])
    card = scorecard(test.churned, probability)
    warnings = []
    if card["roc_auc"] is not None and card["roc_auc"] > SUSPECTED_LEAK:
        warnings.append({"code": "suspected_leak", "roc_auc": card["roc_auc"]})
    if split == "customers":
        warnings.append({"code": "no_time_split", "cut_off": test.cut_off.isoformat()})
    return {
        "split": split,
        "judged_on": _facts(test),
        "judged_model_trained_on": [_facts(one) for one in train],
        "metrics": card,
        "calibration": calibration_table(test.churned, probability),
        "baselines": _baselines(records, train, test),
        "slices": _slices(test, probability),
        "warnings": warnings,
    }


def judge_probabilities(
    model: ChurnModel,
    features: pd.DataFrame,
    alive: pd.Series,
    division: pd.Series,
    records: Records,
    cut_off: datetime.date,
) -> dict[str | None, dict[str, Any]]:
    """A model's forecast of the year from ``cut_off`` on against what happened.

    ``features`` and ``division``: of the customers then; ``alive``: P(alive) of the transaction
    model; ``records``: with the year that followed. Per division, and under None for the group:
    ``metrics`` (scorecard), ``calibration``, ``slices`` and the ROC-AUC of ``baselines``, silence
    and 1 − P(alive). Divisions of fewer than 100 customers are left out.
    """
    population = churn_population(records, cut_off)
    population = population[population.isin(features.index)]
    seen = Snapshot(cut_off, features.loc[population], churned(records, cut_off, population))
    probability = model.probability(seen.features)
    silence, lost = _silence(seen.features), 1.0 - alive.loc[population].to_numpy()
    owner = division.loc[population].to_numpy()
    found: dict[str | None, dict[str, Any]] = {}
    for name in (None, *sorted({str(one) for one in owner})):
        rows = np.ones(owner.size, dtype=bool) if name is None else owner == name
        if rows.sum() < 100:
            continue
        happened = seen.churned[rows]
        part = Snapshot(cut_off, seen.features[rows], happened)
        found[name] = {
            "metrics": scorecard(happened, probability[rows]),
            "calibration": calibration_table(happened, probability[rows]),
            "slices": _slices(part, probability[rows]),
            "baselines": {
                "recency": scorecard(happened, silence[rows] / silence.max())["roc_auc"],
                "p_alive": scorecard(happened, lost[rows])["roc_auc"],
            },
        }
    return found


def _baselines(records: Records, train: Sequence[Snapshot], test: Snapshot) -> dict[str, Any]:
    """Recency with an isotonic rate, and 1 − P(alive) of the transaction model at the cut-off."""
    recency = [_silence(one.features) for one in train]
    label = np.concatenate([one.churned for one in train]).astype(float)
    rule = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    rule.fit(np.concatenate(recency), label)
    result = {"recency": scorecard(test.churned, rule.predict(_silence(test.features)))}
    statistics = sufficient_statistics(records.purchases, records.visit_days, test.cut_off)
    statistics = statistics.join(records.customers[["division", "segment"]], how="inner")
    statistics = as_observed(statistics)
    lost = pd.Series(np.nan, index=statistics.index)
    try:
        cohorts = fit_cohorts(statistics)
    except ValueError as refusal:
        return result | {"p_alive": {"refused": str(refusal)}}
    for key, rows in statistics.groupby(["division", "segment"]):
        alive = probability_alive(cohorts[key].params, rows["x"], rows["t_x"], rows["T"])
        lost[rows.index] = 1.0 - alive
    forecast = lost.reindex(test.features.index).to_numpy()
    known = ~np.isnan(forecast)
    return result | {"p_alive": scorecard(test.churned[known], forecast[known])}


def _silence(features: pd.DataFrame) -> Floats:
    """Days since the last visit, or since birth for those who never came."""
    silence = features["days_since_visit"].fillna(features["tenure"] * 365.25)
    return silence.to_numpy(dtype=np.float64)


def _slices(test: Snapshot, probability: Floats) -> dict[str, dict[str, Any]]:
    """Scorecards by service interval and by visits so far, where at least 100 customers are."""
    features = test.features
    interval, visits = features["service_interval_days"], features["visits_all"]
    masks = {
        "interval up to 200 days": interval <= 200,
        "interval 201 to 300 days": (interval > 200) & (interval <= 300),
        "interval above 300 days": interval > 300,
        "interval unknown": interval.isna(),
        "no visit yet": visits == 0,
        "one or two visits": (visits >= 1) & (visits <= 2),
        "three or more visits": visits >= 3,
    }
    return {
        name: scorecard(test.churned[mask.to_numpy()], probability[mask.to_numpy()])
        for name, mask in masks.items()
        if mask.sum() >= 100
    }

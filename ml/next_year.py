"""Visits of the next twelve months by boosted trees, and the anchoring of the curves to them.

A gradient-boosted Poisson forecast knows what a transaction model cannot (due dates, warranty,
distance); a transaction model knows how customers fade over years. So the trees set the visits of
months 1-12, a second set of trees those of months 13-24, and beyond that the transaction model's
shape goes on at the level of the second year. Where the trees did not beat the transaction model
on the held-out year, its forecast stays as it is.

The held-out year also tells by how much money per visit was missed: the Gamma-Gamma assumes that
spend does not depend on frequency, but regular visitors spend more and cars grow older. What
visits really brought in, over what was expected of the same visits, corrects each cohort.
"""

import datetime
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.ensemble import HistGradientBoostingRegressor

from ml.churn import YEAR, NotEnoughData
from ml.features import FEATURES, churn_population, customer_features, division_names
from ml.lifetime_value import Forecast, Key, fit_divisions, predict
from ml.records import Records
from ml.statistics import day_number, one_row_a_day, sufficient_statistics, to_days

Floats = NDArray[np.float64]

MIN_JUDGED = 200
"""Customers that a cohort needs in the held-out year to be judged by itself."""

PRIOR_VISITS = 200.0
SPEND_RANGE = (0.7, 1.4)
"""Factors beyond this are not drift but a fault in the data."""

_FADED = 1e-9


@dataclass(frozen=True)
class NextYearConfig:
    """Everything that decides the forecast besides the data."""

    trees: int = 140
    leaves: int = 14
    learning_rate: float = 0.07
    min_leaf_rows: int = 60
    l2: float = 1.0
    snapshots: int = 3
    max_rows: int = 300_000
    min_rows: int = 500
    seed: int = 7

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class NextYearModel:
    """``first`` forecasts visit days of months 1-12, ``second`` (None: history too short) those
    of 13-24; ``anchored``: per (division, segment), whether they beat the transaction model;
    ``spend_factors``: per (division, segment), regular revenue per visit of the held-out year over
    what was expected."""

    first: HistGradientBoostingRegressor
    second: HistGradientBoostingRegressor | None
    divisions: tuple[str, ...]
    anchored: dict[Key, bool]
    spend_factors: dict[Key, float]
    report: dict[str, Any]
    # As judged, with features and visits of the held-out year (ml.comparison).
    trial: HistGradientBoostingRegressor | None = None
    held_out: tuple[pd.DataFrame, Floats] | None = None


@dataclass(frozen=True)
class _Snapshot:
    cut_off: datetime.date
    features: pd.DataFrame
    visits: Floats
    later_visits: Floats | None


def visits_between(
    records: Records, start: datetime.date, end: datetime.date, customers: pd.Index
) -> Floats:
    """Visit days of each customer in [start, end), shape (n,)."""
    day = to_days(records.visit_days["day"])
    inside = (day >= day_number(start)) & (day < day_number(end))
    who = customers.get_indexer(records.visit_days["customer"].to_numpy()[inside])
    return np.bincount(who[who >= 0], minlength=len(customers)).astype(np.float64)


def train_next_year(
    records: Records, as_of: datetime.date, config: NextYearConfig | None = None
) -> NextYearModel:
    """Train on yearly snapshots of all customers born by then, judged on the latest one.

    Raises :class:`ml.churn.NotEnoughData` if there is less than two and a half years of history
    or fewer than ``config.min_rows`` customers in a snapshot.
    """
    config = config or NextYearConfig()
    past = records.visit_days["day"] < pd.Timestamp(as_of)
    records = replace(records, visit_days=one_row_a_day(records.visit_days[past]))
    divisions = division_names(records)
    taken = _snapshots(records, as_of, divisions, config)
    judged = _fit([(s.features, s.visits) for s in taken[1:]], config)
    report, anchored, spend_factors = _judge(records, taken[0], judged)
    final = taken[: config.snapshots]
    later = [(s.features, s.later_visits) for s in taken if s.later_visits is not None]
    report |= {
        "as_of": as_of.isoformat(),
        "config": config.as_dict(),
        "trained_on": [{"cut_off": s.cut_off.isoformat(), "rows": len(s.visits)} for s in final],
    }
    return NextYearModel(
        _fit([(s.features, s.visits) for s in final], config),
        _fit(later, config) if later else None,
        divisions,
        anchored,
        spend_factors,
        report,
        judged,
        (taken[0].features, taken[0].visits),
    )


def anchor(model: NextYearModel, forecast: Forecast, features: pd.DataFrame) -> Forecast:
    """``forecast`` with its visits set to the trees' where those won, and its spend corrected.

    ``features``: :func:`ml.features.customer_features` of the same customers in the same order,
    with the model's divisions. Vehicle life still caps the months.
    """
    if tuple(features.columns) != FEATURES or not features.index.equals(forecast.customers):
        raise ValueError("the features are not those of the forecast's customers")
    if len(features) == 0:
        return forecast
    month = np.arange(1, forecast.months + 1)
    uncapped = np.full(len(forecast.fit), forecast.months)
    own = [model.anchored.get(key, model.report["overall_anchored"]) for key in forecast.keys]
    won = np.array(own)[forecast.fit]
    plain = replace(forecast, anchor_first=np.ones(len(won)), anchor_later=np.ones(len(won)))
    values = features.to_numpy()
    first = plain.total_visits((month <= 12).astype(float), uncapped)
    factor = model.first.predict(values) / np.maximum(first, _FADED)
    later = np.ones(len(won))
    if model.second is not None and forecast.months >= 24:
        year = ((month > 12) & (month <= 24)).astype(float)
        second = plain.total_visits(year, uncapped)
        later = model.second.predict(values) / np.maximum(second, _FADED)
    general = float(model.report["overall_spend_factor"])
    money = np.array([model.spend_factors.get(key, general) for key in forecast.keys])
    return replace(
        forecast,
        anchor_first=np.where(won, factor, 1.0),
        anchor_later=np.where(won, later, 1.0),
        revenue_per_visit=forecast.revenue_per_visit * money[forecast.fit],
        margin_per_visit=forecast.margin_per_visit * money[forecast.fit],
    )


def _snapshots(
    records: Records, as_of: datetime.date, divisions: Sequence[str], config: NextYearConfig
) -> list[_Snapshot]:
    """Newest first; at least two, so that the newest can be held out."""
    if len(records.visit_days) == 0:
        raise NotEnoughData("a forecast of visits needs visits: there is none before the date")
    oldest = int(to_days(records.visit_days["day"]).min())
    taken: list[_Snapshot] = []
    for years in range(1, config.snapshots + 2):
        cut_off = as_of - years * YEAR
        if day_number(cut_off) < oldest + 182:
            break
        born = sufficient_statistics(records.purchases, records.visit_days, cut_off).index
        born = born[born.isin(records.customers.index)]
        if len(born) < config.min_rows:
            break
        if len(born) > config.max_rows:  # memory stays bounded
            draw = np.random.default_rng(config.seed)
            born = born[np.sort(draw.choice(len(born), config.max_rows, replace=False))]
        features = customer_features(records, cut_off, born, divisions)
        visits = visits_between(records, cut_off, cut_off + YEAR, born)
        later = (
            visits_between(records, cut_off + YEAR, cut_off + 2 * YEAR, born) if years > 1 else None
        )
        taken.append(_Snapshot(cut_off, features, visits, later))
    if len(taken) < 2:
        raise NotEnoughData(
            f"a forecast of visits needs two yearly snapshots before {as_of} with at least"
            f" {config.min_rows} customers each and half a year of visits before the earlier;"
            f" found {len(taken)}"
        )
    return taken


def _fit(
    parts: Sequence[tuple[pd.DataFrame, Floats]], config: NextYearConfig
) -> HistGradientBoostingRegressor:
    features = np.concatenate([part.to_numpy() for part, _ in parts])
    visits = np.concatenate([target for _, target in parts])
    if visits.size > config.max_rows:
        draw = np.random.default_rng(config.seed)
        rows = np.sort(draw.choice(visits.size, config.max_rows, replace=False))
        features, visits = features[rows], visits[rows]
    regressor = HistGradientBoostingRegressor(
        loss="poisson",
        max_iter=config.trees,
        max_leaf_nodes=config.leaves,
        learning_rate=config.learning_rate,
        min_samples_leaf=config.min_leaf_rows,
        l2_regularization=config.l2,
        categorical_features=None,
        early_stopping=False,
        random_state=config.seed,
    )
    return regressor.fit(features, visits)


def _judge(
    records: Records, test: _Snapshot, regressor: HistGradientBoostingRegressor
) -> tuple[dict[str, Any], dict[Key, bool], dict[Key, float]]:
    """Trees against the transaction model and against last year, on the held-out year."""
    statistics = sufficient_statistics(records.purchases, records.visit_days, test.cut_off)
    statistics = statistics.loc[test.features.index].join(
        records.customers[["division", "segment"]]
    )
    forecast = predict(fit_divisions(statistics), statistics, months=12)
    table = forecast.table()
    expected = test.visits * forecast.revenue_per_visit
    brought = _regular_revenue(records, test.cut_off, statistics.index)
    factor = _spend_factor(brought.sum(), expected.sum(), 0.0, 1.0)
    forecasts = {
        "trees": regressor.predict(test.features.to_numpy()),
        "transaction_model": table["expected_visits_12m"].to_numpy(),
        "last_year": test.features["visits_12m"].to_numpy(),
    }
    at_risk = test.features.index.isin(churn_population(records, test.cut_off))
    cards = {name: visit_card(test.visits, value) for name, value in forecasts.items()}
    loss = {name: _losses(test.visits, value) for name, value in forecasts.items()}
    better = loss["transaction_model"] - loss["trees"]
    overall = better.mean() > 0
    anchored, factors, cohorts = {}, {}, {}
    prior = PRIOR_VISITS * float(expected.sum() / max(test.visits.sum(), 1.0))
    for key, rows in statistics.groupby(["division", "segment"]).indices.items():
        if len(rows) < MIN_JUDGED:
            continue
        own = {name: visit_card(test.visits[rows], v[rows]) for name, v in forecasts.items()}
        division, segment = str(key[0]), str(key[1])
        anchored[division, segment] = bool(better[rows].mean() > 0)
        factors[division, segment] = _spend_factor(
            brought[rows].sum(), expected[rows].sum(), prior, factor
        )
        cohorts[f"{division}/{segment}"] = own
    return (
        {
            "judged_on": {"cut_off": test.cut_off.isoformat(), "rows": len(test.visits)},
            "overall_anchored": bool(overall),
            "overall_spend_factor": factor,
            "spend_factors": {"/".join(key): value for key, value in factors.items()},
            "everybody": cards,
            "churn_population": {
                name: visit_card(test.visits[at_risk], v[at_risk]) for name, v in forecasts.items()
            },
            "cohorts": cohorts,
        },
        anchored,
        factors,
    )


def _regular_revenue(records: Records, cut_off: datetime.date, customers: pd.Index) -> Floats:
    """What each customer's visits of the year from the cut-off on brought in without accidents."""
    visits = records.visit_days
    day = to_days(visits["day"])
    inside = (day >= day_number(cut_off)) & (day < day_number(cut_off + YEAR))
    who = customers.get_indexer(visits["customer"].to_numpy()[inside])
    money = (visits["revenue"] - visits["accident_revenue"]).to_numpy()[inside]
    return np.bincount(who[who >= 0], money[who >= 0], len(customers)).astype(np.float64)


def _spend_factor(brought: float, expected: float, prior: float, general: float) -> float:
    """Actual over expected money, shrunk to ``general`` by ``prior`` yuan, within SPEND_RANGE."""
    if expected + prior <= 0:
        return general
    return float(np.clip((brought + prior * general) / (expected + prior), *SPEND_RANGE))


def visit_card(actual: Floats, forecast: Floats) -> dict[str, float | None]:
    """``bias`` (total forecast/actual − 1), ``mae``, ``spearman``, mean Poisson ``deviance``."""
    varied = actual.size > 1 and np.ptp(actual) > 0 and np.ptp(forecast) > 0
    total = float(actual.sum())
    return {
        "bias": float(forecast.sum() / total - 1.0) if total > 0 else None,
        "mae": float(np.abs(forecast - actual).mean()) if actual.size else None,
        "spearman": float(spearmanr(actual, forecast)[0]) if varied else None,
        "deviance": float(_losses(actual, forecast).mean()) if actual.size else None,
    }


def _losses(actual: Floats, forecast: Floats) -> Floats:
    """Poisson deviance of each customer; forecasts of nothing count as one visit in a million."""
    expected = np.maximum(forecast, 1e-6)
    ratio = np.where(actual > 0, actual / expected, 1.0)
    return np.asarray(2 * (actual * np.log(ratio) - (actual - expected)))

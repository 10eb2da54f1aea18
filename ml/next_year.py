"""Visits and money of the next twelve months by boosted trees, and the anchoring of the curves.

Boosted trees know what a transaction model cannot (due dates, warranty, distance); a transaction
model knows how customers fade over years. So the trees set the visits of months 1-12, a second set
of trees those of months 13-24, and beyond that the transaction model's shape goes on at the level
of the second year. A third set forecasts the regular revenue of the year: the Gamma-Gamma assumes
that spend does not depend on frequency, but regular visitors spend more and cars grow older.

What stands in which cohort is decided on the held-out year, by the rule of :mod:`ml.rungs`.
Earlier years' money is brought to the coming year's prices first (:mod:`ml.prices`). The forecast's
total is not corrected by the held-out year's error: on simulated groups that error did not persist
(a year of recalls is followed by one without), and correcting by it made the next year worse.
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.ensemble import HistGradientBoostingRegressor

from ml.churn import YEAR, NotEnoughData
from ml.features import (
    FEATURES,
    churn_population,
    division_names,
    without_empty_columns,
)
from ml.lifetime_value import Forecast, Key, fit_divisions, predict
from ml.recalls import recall_factors
from ml.records import Records
from ml.rungs import CANDIDATES, MIN_JUDGED, Choice, choose, poisson_deviance
from ml.statistics import one_row_a_day, sufficient_statistics
from ml.year_snapshots import (
    YearSnapshot,
    half_years,
    price_levels,
    yearly_snapshots,
)

Floats = NDArray[np.float64]

PRIOR_VISITS = 200.0
SPEND_RANGE = (0.7, 1.4)
"""Factors beyond this are not drift but a fault in the data."""

LARGEST_RATIO = 5.0
"""Between a customer's revenue per visit by the trees and by the Gamma-Gamma."""

_FADED = 1e-9


@dataclass(frozen=True)
class NextYearConfig:
    """Everything that decides the forecast besides the data.

    ``snapshots``: yearly ones to learn from; where twice as many rows stay below ``dense_rows``,
    one year more and the half-years between as well.
    """

    trees: int = 140
    leaves: int = 14
    learning_rate: float = 0.07
    # Rows of training that a tree needs beyond the first: more trees learn a small group by heart.
    rows_per_tree: int = 150
    fewest_trees: int = 60
    min_leaf_rows: int = 60
    l2: float = 10.0
    snapshots: int = 3
    dense_rows: int = 100_000
    max_rows: int = 300_000
    # The judged models never score: beyond these rows their deviance falls by less than 0.3%.
    judged_rows: int = 100_000
    min_rows: int = 500
    seed: int = 7

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class NextYearModel:
    """``first`` forecasts visit days of months 1-12, ``second`` (None: history too short) those
    of 13-24, ``money`` regular revenue of months 1-12 in units of ``money_unit`` yuan;
    ``choices``: per (division, segment) what stands there, ``overall`` for any other;
    ``spend_factors``: per (division, segment), regular revenue per visit of the held-out year over
    what the Gamma-Gamma expected, for cohorts where it stands."""

    first: HistGradientBoostingRegressor
    second: HistGradientBoostingRegressor | None
    money: HistGradientBoostingRegressor
    money_unit: float
    divisions: tuple[str, ...]
    choices: dict[Key, Choice]
    overall: Choice
    spend_factors: dict[Key, float]
    overall_spend_factor: float
    report: dict[str, Any]
    # As judged, with features and visits of the held-out year (ml.comparison).
    trial: HistGradientBoostingRegressor | None = None
    held_out: tuple[pd.DataFrame, Floats] | None = None

    def choice(self, key: Key) -> Choice:
        return self.choices.get(key, self.overall)

    def regular_keys(self, keys: Iterable[Key]) -> set[Key]:
        """Those of ``keys`` in which MBG/CNBD-k stands."""
        return {key for key in keys if self.choice(key).regular}


def train_next_year(
    records: Records,
    as_of: datetime.date,
    config: NextYearConfig | None = None,
    earlier: Mapping[Key, Sequence[Mapping[str, float]]] | None = None,
) -> NextYearModel:
    """Train on yearly snapshots of all customers born by then, judged on the latest one.

    ``earlier``: per cohort the deviances of earlier back-tests, which count in the choice.
    Raises :class:`ml.churn.NotEnoughData` if there is less than two and a half years of history
    or fewer than ``config.min_rows`` customers in a snapshot.
    """
    config = config or NextYearConfig()
    past = records.visit_days["day"] < pd.Timestamp(as_of)
    records = replace(records, visit_days=one_row_a_day(records.visit_days[past]))
    divisions = division_names(records)
    taken = yearly_snapshots(records, as_of, divisions, config)
    latest, final = taken[0], taken[: config.snapshots]
    train = taken[1 : config.snapshots + 1]
    if 2 * sum(one.visits.size for one in taken) <= config.dense_rows:
        taken = final = [*taken, *half_years(records, taken, divisions, config)]
        train = [one for one in final if one.cut_off <= latest.cut_off - YEAR]
    # What the judged model may know of prices ends where its features end.
    before = price_levels(records, latest.cut_off, [one.years - 1 for one in train])
    judged = replace(config, max_rows=min(config.max_rows, config.judged_rows))
    learnt = [(s.features, s.visits, s.recalls) for s in train]
    trial = _fit(_at_the_long_run(records, latest.cut_off, learnt, divisions), judged)
    held_out = _judge(
        records, latest, trial, *_fit_money(train, before, divisions, judged), earlier or {}
    )
    learnt = [(s.features, s.visits, s.recalls) for s in final]
    later = [
        (s.features, s.later_visits, s.later_recalls)
        for s in taken
        if s.later_visits is not None and s.later_recalls is not None
    ]
    levels = price_levels(records, as_of, [one.years for one in final])
    money, unit = _fit_money(final, levels, divisions, config)
    report = held_out.report | {
        "as_of": as_of.isoformat(),
        "config": config.as_dict(),
        "trained_on": [{"cut_off": s.cut_off.isoformat(), "rows": len(s.visits)} for s in final],
        "price_levels": [{k: round(v, 4) for k, v in one.items()} for one in levels],
    }
    return NextYearModel(
        _fit(_at_the_long_run(records, as_of, learnt, divisions), config),
        _fit(_at_the_long_run(records, as_of, later, divisions), config) if later else None,
        money,
        unit,
        divisions,
        held_out.choices,
        held_out.overall,
        held_out.spend_factors,
        held_out.overall_spend_factor,
        report,
        trial,
        (latest.features, latest.visits),
    )


def anchor(model: NextYearModel, forecast: Forecast, features: pd.DataFrame) -> Forecast:
    """``forecast`` with its visits and money set to the trees' where those stand.

    ``features``: :func:`ml.features.customer_features` of the same customers in the same order,
    with the model's divisions. Vehicle life still caps the months.
    """
    if tuple(features.columns) != FEATURES or not features.index.equals(forecast.customers):
        raise ValueError("the features are not those of the forecast's customers")
    if len(features) == 0:
        return forecast
    choices = [model.choice(key) for key in forecast.keys]
    won = np.array([choice.trees for choice in choices])[forecast.fit]
    month = np.arange(1, forecast.months + 1)
    uncapped = np.full(len(forecast.fit), forecast.months)
    plain = replace(forecast, anchor_first=np.ones(len(won)), anchor_later=np.ones(len(won)))
    values = features.to_numpy()
    first = plain.total_visits((month <= 12).astype(float), uncapped)
    trees = model.first.predict(values)
    later = np.ones(len(won))
    if model.second is not None and forecast.months >= 24:
        year = ((month > 12) & (month <= 24)).astype(float)
        second = plain.total_visits(year, uncapped)
        later = model.second.predict(values) / np.maximum(second, _FADED)
    per_visit = forecast.revenue_per_visit * _per_cohort(
        forecast, model.spend_factors, model.overall_spend_factor
    )
    paid = np.array([choice.money_trees for choice in choices])[forecast.fit]
    visits = np.maximum(np.where(won, trees, first), _FADED)
    revenue = model.money.predict(values) * model.money_unit / visits
    # Of someone who hardly ever comes the quotient says little, and later years rest on it.
    revenue = np.clip(revenue, per_visit / LARGEST_RATIO, per_visit * LARGEST_RATIO)
    revenue = np.where(paid, revenue, per_visit)
    rate = forecast.margin_per_visit / np.maximum(forecast.revenue_per_visit, _FADED)
    return replace(
        forecast,
        anchor_first=np.where(won, trees / np.maximum(first, _FADED), 1.0),
        anchor_later=np.where(won, later, 1.0),
        revenue_per_visit=revenue,
        margin_per_visit=revenue * rate,
    )


def _per_cohort(forecast: Forecast, factors: Mapping[Key, float], general: float) -> Floats:
    return np.array([factors.get(key, general) for key in forecast.keys])[forecast.fit]


def _at_the_long_run(
    records: Records,
    as_of: datetime.date,
    learnt: Sequence[tuple[pd.DataFrame, Floats, Floats]],
    divisions: Sequence[str],
) -> list[tuple[pd.DataFrame, Floats]]:
    """Features and visits to learn from: of ``learnt`` (features, visits, of them those by recalls)
    the recalls count by the factor of :mod:`ml.recalls`, as known at ``as_of``."""
    codes = [
        part["division_code"].fillna(len(divisions)).to_numpy(dtype=int) for part, _, _ in learnt
    ]
    size = len(divisions) + 1
    recalls, visits = np.zeros(size), np.zeros(size)
    for code, (_, came, called) in zip(codes, learnt, strict=True):
        recalls += np.bincount(code, called, size)
        visits += np.bincount(code, came, size)
    sums = {name: (recalls[i], visits[i] - recalls[i]) for i, name in enumerate(divisions)}
    factors = recall_factors(records, as_of, sums, divisions)
    by_code = np.array([*(factors[name] for name in divisions), 1.0])
    return [
        (part, came + (by_code[code] - 1.0) * called)
        for code, (part, came, called) in zip(codes, learnt, strict=True)
    ]


def _fit_money(
    snapshots: Sequence[YearSnapshot],
    levels: Sequence[Mapping[str, float]],
    divisions: Sequence[str],
    config: NextYearConfig,
) -> tuple[HistGradientBoostingRegressor, float]:
    """Trees of the year's regular revenue at the coming year's prices, and their unit in yuan."""
    parts = []
    for one, level in zip(snapshots, levels, strict=True):
        by_code = np.array([*(level.get(name, 1.0) for name in divisions), 1.0])
        code = one.features["division_code"].fillna(len(divisions)).to_numpy(dtype=int)
        parts.append((one.features, one.revenue * by_code[code]))
    unit = float(np.concatenate([revenue for _, revenue in parts]).mean())
    if unit <= 0:
        raise NotEnoughData("a forecast of revenue needs visits that somebody paid for")
    return _fit([(features, revenue / unit) for features, revenue in parts], config), unit


def _fit(
    parts: Sequence[tuple[pd.DataFrame, Floats]], config: NextYearConfig
) -> HistGradientBoostingRegressor:
    features = np.concatenate([part.to_numpy() for part, _ in parts])
    target = np.concatenate([target for _, target in parts])
    if target.size > config.max_rows:
        draw = np.random.default_rng(config.seed)
        rows = np.sort(draw.choice(target.size, config.max_rows, replace=False))
        features, target = features[rows], target[rows]
    regressor = HistGradientBoostingRegressor(
        loss="poisson",
        max_iter=min(config.trees, max(config.fewest_trees, target.size // config.rows_per_tree)),
        max_leaf_nodes=config.leaves,
        learning_rate=config.learning_rate,
        min_samples_leaf=config.min_leaf_rows,
        l2_regularization=config.l2,
        categorical_features=None,
        early_stopping=False,
        random_state=config.seed,
    )
    return regressor.fit(without_empty_columns(features), target)


@dataclass(frozen=True)
class _HeldOut:
    choices: dict[Key, Choice]
    overall: Choice
    spend_factors: dict[Key, float]
    overall_spend_factor: float
    report: dict[str, Any]


def _judge(
    records: Records,
    test: YearSnapshot,
    regressor: HistGradientBoostingRegressor,
    money: HistGradientBoostingRegressor,
    unit: float,
    earlier: Mapping[Key, Sequence[Mapping[str, float]]],
) -> _HeldOut:
    """Every rung on the held-out year, and what stands where."""
    statistics = sufficient_statistics(records.purchases, records.visit_days, test.cut_off)
    statistics = statistics.loc[test.features.index].join(
        records.customers[["division", "segment"]]
    )
    fitted = fit_divisions(statistics, regular=True)
    plain = predict(fitted, statistics, months=12)
    regular = predict(fitted.with_regular(set(fitted.cohorts)), statistics, months=12)
    values = test.features.to_numpy()
    visits = {
        "memoryless": plain.total_visits(np.ones(12)),
        "regular": regular.total_visits(np.ones(12)),
        "trees": regressor.predict(values),
        "last_year": test.features["visits_12m"].to_numpy(),
    }
    expected = test.visits * plain.revenue_per_visit
    factor = _spend_factor(test.revenue.sum(), expected.sum(), 0.0, 1.0)
    revenue = {
        "money_trees": money.predict(values) * unit,
        "money_per_visit": visits["trees"] * plain.revenue_per_visit * factor,
    }
    scale = max(float(test.revenue.mean()), 1.0)
    losses = {name: poisson_deviance(test.visits, v) for name, v in visits.items()}
    losses |= {n: poisson_deviance(test.revenue / scale, v / scale) for n, v in revenue.items()}
    choices, factors, cohorts = {}, {}, {}
    prior = PRIOR_VISITS * float(expected.sum() / max(test.visits.sum(), 1.0))
    for (division, segment), rows in statistics.groupby(["division", "segment"]).indices.items():
        if len(rows) < MIN_JUDGED:
            continue
        key = str(division), str(segment)
        own = {name: float(losses[name][rows].mean()) for name in CANDIDATES}
        choices[key] = choose(own, earlier.get(key, ()))
        factors[key] = _spend_factor(test.revenue[rows].sum(), expected[rows].sum(), prior, factor)
        cohorts["/".join(key)] = {
            "choice": choices[key].as_dict(),
            "visits": {name: visit_card(test.visits[rows], v[rows]) for name, v in visits.items()},
            "revenue": {
                name: visit_card(test.revenue[rows], v[rows]) for name, v in revenue.items()
            },
        }
    overall = choose({name: float(losses[name].mean()) for name in CANDIDATES})
    at_risk = test.features.index.isin(churn_population(records, test.cut_off))
    return _HeldOut(
        choices,
        overall,
        factors,
        factor,
        {
            "judged_on": {"cut_off": test.cut_off.isoformat(), "rows": len(test.visits)},
            "overall": overall.as_dict(),
            "everybody": {name: visit_card(test.visits, v) for name, v in visits.items()},
            "churn_population": {
                name: visit_card(test.visits[at_risk], v[at_risk]) for name, v in visits.items()
            },
            "revenue": {name: visit_card(test.revenue, v) for name, v in revenue.items()},
            "cohorts": cohorts,
        },
    )


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
        "deviance": float(poisson_deviance(actual, forecast).mean()) if actual.size else None,
    }

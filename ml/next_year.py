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
    customer_features,
    division_names,
    without_empty_columns,
)
from ml.lifetime_value import Forecast, Key, fit_divisions, predict
from ml.prices import price_growth
from ml.records import Records
from ml.rungs import CANDIDATES, MIN_JUDGED, Choice, choose, poisson_deviance
from ml.statistics import day_number, one_row_a_day, sufficient_statistics, to_days

Floats = NDArray[np.float64]

PRIOR_VISITS = 200.0
SPEND_RANGE = (0.7, 1.4)
"""Factors beyond this are not drift but a fault in the data."""

PRICE_TREND_KEPT = 0.5
"""Of the last yearly rise of prices, what is expected to go on (as in :mod:`ml.spend`)."""

LARGEST_RATIO = 5.0
"""Between a customer's revenue per visit by the trees and by the Gamma-Gamma."""

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


@dataclass(frozen=True)
class _Snapshot:
    """Customers at a cut-off ``years`` before the as-of date and what the year after it brought."""

    cut_off: datetime.date
    years: int
    features: pd.DataFrame
    visits: Floats
    revenue: Floats
    later_visits: Floats | None


def between(
    records: Records,
    start: datetime.date,
    end: datetime.date,
    customers: pd.Index,
    amount: Floats | None = None,
) -> Floats:
    """Visit days of each customer in [start, end), or the sum of ``amount`` (one a visit day)."""
    day = to_days(records.visit_days["day"])
    inside = (day >= day_number(start)) & (day < day_number(end))
    who = customers.get_indexer(records.visit_days["customer"].to_numpy()[inside])
    weights = None if amount is None else amount[inside][who >= 0]
    return np.bincount(who[who >= 0], weights, len(customers)).astype(np.float64)


def regular_revenue(records: Records) -> Floats:
    """Revenue of each visit day without accident work, never below 0."""
    visits = records.visit_days
    money = (visits["revenue"] - visits["accident_revenue"]).to_numpy(dtype=float)
    return np.maximum(money, 0.0)


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
    taken = _snapshots(records, as_of, divisions, config)
    # What the judged model may know of prices ends where its features end.
    before = _price_levels(records, taken[0].cut_off, [one.years - 1 for one in taken[1:]])
    judged = replace(config, max_rows=min(config.max_rows, config.judged_rows))
    trial = _fit([(s.features, s.visits) for s in taken[1:]], judged)
    held_out = _judge(
        records,
        taken[0],
        trial,
        *_fit_money(taken[1:], before, divisions, judged),
        earlier or {},
    )
    final = taken[: config.snapshots]
    later = [(s.features, s.later_visits) for s in taken if s.later_visits is not None]
    levels = _price_levels(records, as_of, [one.years for one in final])
    money, unit = _fit_money(final, levels, divisions, config)
    report = held_out.report | {
        "as_of": as_of.isoformat(),
        "config": config.as_dict(),
        "trained_on": [{"cut_off": s.cut_off.isoformat(), "rows": len(s.visits)} for s in final],
        "price_levels": [{k: round(v, 4) for k, v in one.items()} for one in levels],
    }
    return NextYearModel(
        _fit([(s.features, s.visits) for s in final], config),
        _fit(later, config) if later else None,
        money,
        unit,
        divisions,
        held_out.choices,
        held_out.overall,
        held_out.spend_factors,
        held_out.overall_spend_factor,
        report,
        trial,
        (taken[0].features, taken[0].visits),
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


def _snapshots(
    records: Records, as_of: datetime.date, divisions: Sequence[str], config: NextYearConfig
) -> list[_Snapshot]:
    """Newest first; at least two, so that the newest can be held out."""
    if len(records.visit_days) == 0:
        raise NotEnoughData("a forecast of visits needs visits: there is none before the date")
    oldest = int(to_days(records.visit_days["day"]).min())
    money = regular_revenue(records)
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
        end = cut_off + YEAR
        taken.append(
            _Snapshot(
                cut_off,
                years,
                customer_features(records, cut_off, born, divisions),
                between(records, cut_off, end, born),
                between(records, cut_off, end, born, money),
                between(records, end, end + YEAR, born) if years > 1 else None,
            )
        )
    if len(taken) < 2:
        raise NotEnoughData(
            f"a forecast of visits needs two yearly snapshots before {as_of} with at least"
            f" {config.min_rows} customers each and half a year of visits before the earlier;"
            f" found {len(taken)}"
        )
    return taken


def _price_levels(
    records: Records, as_of: datetime.date, years: Sequence[int]
) -> list[dict[str, float]]:
    """Per number of years back: each division's prices of the coming year over those of the year
    that a snapshot so long before ``as_of`` was followed by."""
    growth = [price_growth(records, as_of - back * YEAR) for back in range(max(years))]
    levels = []
    for back in years:
        log_level: dict[str, float] = {}
        for step, of_year in enumerate([growth[0], *growth[: back - 1]]):
            for division, rise in of_year.items():
                share = PRICE_TREND_KEPT if step == 0 else 1.0
                log_level[division] = log_level.get(division, 0.0) + share * rise
        levels.append({name: float(np.exp(value)) for name, value in log_level.items()})
    return levels


def _fit_money(
    snapshots: Sequence[_Snapshot],
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
        max_iter=config.trees,
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
    test: _Snapshot,
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

"""What the models would have said a year or more ago, held against what happened.

At an origin the product's own way is gone on the records of that day alone, and its forecast of
the following months is compared with them: for the customers known then, who are all that it
spoke about. Both rungs of transaction models are judged beside the champion.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.churn import YEAR, ChurnConfig, judge_probabilities
from ml.comparable import churn_context, visits_context
from ml.curves import DAYS_PER_MONTH
from ml.drift import reference, stability
from ml.earlier import as_of_earlier
from ml.extraction import Extract
from ml.features import churn_population, churned, customer_features
from ml.forecasting import Ladder, ladder
from ml.lifetime_value import Forecast
from ml.next_year import NextYearConfig, visit_card
from ml.rungs import CANDIDATES
from ml.statistics import day_number, to_days

Floats = NDArray[np.float64]

RUNGS = ("memoryless", "regular", "champion")
MEASURES = ("visits", "revenue", "margin")
LONGEST_MONTHS = 36
TENURE_YEARS = (1.0, 3.0, 5.0)
DECILES = 10


@dataclass(frozen=True)
class DivisionResult:
    """One division (None: the whole group) and rung at one origin; ``result`` is JSON-ready."""

    division: str | None
    rung: str
    result: dict[str, Any]


@dataclass(frozen=True)
class Actual:
    """Per customer of the forecast and whole month since the origin, each (n, months)."""

    visits: Floats
    revenue: Floats
    margin: Floats

    def year(self, name: str) -> Floats:
        table: Floats = getattr(self, name)
        return np.asarray(table[:, :12].sum(axis=1))


def back_test(
    data: Extract,
    origin: datetime.date,
    config: dict[str, Any],
    next_year: NextYearConfig | None = None,
    churn_config: ChurnConfig | None = None,
) -> list[DivisionResult]:
    """Judge every rung at ``origin``, which lies at least a year before ``data.as_of``.

    Raises ValueError for a later origin, and what :func:`ml.forecasting.ladder` raises.
    """
    if origin > data.as_of - YEAR:
        raise ValueError(f"the year after {origin} has not passed on {data.as_of}")
    past = as_of_earlier(data, origin)
    found = ladder(past, config, next_year, churn_config)
    # A year of 365 days lacks a quarter of a day of twelve months; that much may be missing.
    months = min(int(((data.as_of - origin).days + 1) / DAYS_PER_MONTH), LONGEST_MONTHS)
    actual = what_happened(data.records.visit_days, origin, months, found.statistics.index)
    slices = _slices(found)
    at_risk = found.statistics.index.isin(churn_population(past.records, origin))
    groups: dict[str | None, NDArray[np.intp]] = {None: np.arange(len(found.statistics))}
    by_division = found.statistics.groupby("division").indices
    groups |= {str(name): np.asarray(rows) for name, rows in by_division.items()}
    alive = pd.Series(found.memoryless.p_alive, index=found.statistics.index)
    churn = judge_probabilities(
        found.churn, found.features, alive, found.statistics["division"], data.records, origin
    )
    results = []
    for rung in RUNGS:
        forecast: Forecast = getattr(found, rung)
        monthly = forecast.monthly()
        for division, rows in groups.items():
            result = _judged(monthly, actual, rows, slices, months) | {
                "at_risk": _cards(monthly, actual, rows[at_risk[rows]])
            }
            if rung == "champion":
                result |= {"churn": churn.get(division), "choices": _choices(found, division)}
            if rung == "champion" and division is None:
                result["stability"] = _stability(found, past)
                result["comparable"] = _comparable(found, data, origin, actual, at_risk)
            results.append(DivisionResult(division, rung, result))
    return results


def _comparable(
    found: Ladder,
    data: Extract,
    origin: datetime.date,
    actual: Actual,
    at_risk: NDArray[np.bool_],
) -> dict[str, Any]:
    """Of the customers at risk: what the data allow, and what simple rules reach."""
    features = found.features[at_risk]
    silence = features["days_since_visit"].fillna(features["tenure"] * 365.25).to_numpy()
    visits = actual.year("visits")[at_risk]
    forecast = found.champion.monthly()["visits"][at_risk, :12].sum(axis=1)
    return {
        "churn": churn_context(
            churned(data.records, origin, features.index),
            {"recency": silence, "p_alive": 1.0 - found.memoryless.p_alive[at_risk]},
        ),
        "visits": visits_context(visits, forecast)
        | {"last_year_repeated": visit_card(visits, features["visits_12m"].to_numpy())},
        "revenue": {
            "mean": float(actual.year("revenue")[at_risk].mean()),
            "last_year_repeated": visit_card(
                actual.year("revenue")[at_risk], features["revenue_12m"].to_numpy()
            ),
        },
    }


def what_happened(
    visit_days: pd.DataFrame, origin: datetime.date, months: int, customers: pd.Index
) -> Actual:
    """Visit days, revenue and margin (yuan) of ``customers`` by month of 30.4375 days."""
    ago = to_days(visit_days["day"]) - day_number(origin)
    month = np.floor(ago / DAYS_PER_MONTH).astype(np.int64)
    who = customers.get_indexer(visit_days["customer"].to_numpy())
    kept = (ago >= 0) & (month < months) & (who >= 0)
    # Several stores on one day are one visit day.
    place = pd.DataFrame({"who": who[kept], "day": ago[kept]})
    first = ~place.duplicated().to_numpy()
    cell = who[kept] * months + month[kept]

    def table(weights: Floats) -> Floats:
        size = len(customers) * months
        sums = np.bincount(cell, weights, size).astype(np.float64)
        return sums.reshape(len(customers), months)

    return Actual(
        table(first.astype(float)),
        table(visit_days["revenue"].to_numpy(dtype=float)[kept]),
        table(visit_days["margin"].to_numpy(dtype=float)[kept]),
    )


def _cards(
    monthly: Mapping[str, Floats], actual: Actual, rows: NDArray[np.intp]
) -> dict[str, dict[str, float | None]]:
    """Cards of the first year of every measure."""
    return {
        name: visit_card(actual.year(name)[rows], monthly[name][rows, :12].sum(axis=1))
        for name in MEASURES
    }


def _judged(
    monthly: Mapping[str, Floats],
    actual: Actual,
    rows: NDArray[np.intp],
    slices: Mapping[str, NDArray[np.object_]],
    months: int,
) -> dict[str, Any]:
    """Cards of the year, both series by month, and totals by slice."""
    year = {name: monthly[name][rows, :12].sum(axis=1) for name in MEASURES}
    came = {name: actual.year(name)[rows] for name in MEASURES}
    order = np.argsort(np.argsort(-year["margin"], kind="stable"), kind="stable")
    decile = (order * DECILES // max(rows.size, 1) + 1).astype(str).astype(object)
    return {
        "customers": int(rows.size),
        "cards": _cards(monthly, actual, rows),
        "months": {
            name: {
                "forecast": monthly[name][rows, :months].sum(axis=0).round(2).tolist(),
                "actual": getattr(actual, name)[rows].sum(axis=0).round(2).tolist(),
            }
            for name in MEASURES
        },
        "slices": {
            title: _totals(labels, year, came)
            for title, labels in (
                *((title, labels[rows]) for title, labels in slices.items()),
                ("decile", decile),
            )
        },
    }


def _totals(
    labels: NDArray[np.object_], year: Mapping[str, Floats], came: Mapping[str, Floats]
) -> list[dict[str, Any]]:
    """Per label: customers, and forecast and actual of every measure in the year."""
    frame = pd.DataFrame({"label": labels})
    for name in MEASURES:
        frame[f"{name}_forecast"], frame[f"{name}_actual"] = year[name], came[name]
    sums = frame.groupby("label", sort=True).sum().round(2)
    sums.insert(0, "customers", frame.groupby("label", sort=True).size())
    return [{"label": label, **row} for label, row in sums.to_dict("index").items()]


def _slices(found: Ladder) -> dict[str, NDArray[np.object_]]:
    """Labels of every customer: division, store, years known, service interval."""
    statistics, interval = found.statistics, found.features["service_interval_days"]
    tenure = np.searchsorted(TENURE_YEARS, statistics["T"].to_numpy() / 365.25, side="right")
    names = np.array(["under_1", "1_to_3", "3_to_5", "from_5"], dtype=object)
    classes = np.array(["to_200", "to_300", "above_300", "unknown"], dtype=object)
    place = np.searchsorted([200.5, 300.5], interval.fillna(0.0).to_numpy())
    return {
        "division": statistics["division"].to_numpy(dtype=object),
        "store": statistics["store"].to_numpy().astype(np.int64).astype(str).astype(object),
        "tenure": names[tenure],
        "interval": classes[np.where(interval.isna(), 3, place)],
    }


def _choices(found: Ladder, division: str | None) -> dict[str, Any]:
    """What stood in each cohort, and the losses that speak to later choices."""
    if found.next_year is None:
        return {}
    return {
        "/".join(key): choice.as_dict()
        for key, choice in found.next_year.choices.items()
        if division in (None, key[0]) and set(choice.losses) >= set(CANDIDATES)
    }


def _stability(found: Ladder, past: Extract) -> dict[str, float]:
    """Features at the origin against those of a year earlier; store-level ones are not among
    them."""
    before = past.as_of - YEAR
    known = found.statistics.index[found.statistics["T"] > YEAR.days]
    earlier = customer_features(past.records, before, known, found.churn.divisions)
    return stability(reference(earlier), found.features)

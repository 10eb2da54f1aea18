"""From a group's extract to fitted models and forecasts: the pure middle of a training run.

A back-test and an accuracy bench go the same way on the records of an earlier day, so that what
they judge is what the product does.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from ml.churn import ChurnConfig, ChurnModel, train_churn
from ml.churn import NotEnoughData as NotEnoughForModel
from ml.extraction import Extract
from ml.features import customer_features
from ml.lifetime_value import Forecast, LifetimeModel, fit_divisions, predict
from ml.next_year import NextYearConfig, NextYearModel, anchor, train_next_year
from ml.preparation import statistics_of
from ml.vehicle_life import cap_months


@dataclass(frozen=True)
class Ladder:
    """Everything that the rungs forecast for the customers of ``statistics`` (its index)."""

    statistics: pd.DataFrame
    features: pd.DataFrame
    lifetime: LifetimeModel
    churn: ChurnModel
    next_year: NextYearModel | None
    memoryless: Forecast
    regular: Forecast
    champion: Forecast


def ladder(
    data: Extract,
    config: dict[str, Any],
    next_year: NextYearConfig | None = None,
    churn: ChurnConfig | None = None,
) -> Ladder:
    """Fit every rung on ``data`` and forecast.

    Raises :class:`ml.extraction.NotEnoughData`, ValueError or :class:`ml.churn.NotEnoughData`
    where there is too little to learn from; without two and a half years of history the champion
    is the transaction model.
    """
    statistics = statistics_of(data)
    lifetime = fit_divisions(statistics, regular=True)
    lost = train_churn(data.records, data.as_of, churn or ChurnConfig())
    features = customer_features(data.records, data.as_of, statistics.index, lost.divisions)
    memoryless = forecast_of(lifetime, statistics, data, config)
    every = lifetime.with_regular(set(lifetime.cohorts))
    regular = forecast_of(every, statistics, data, config)
    try:
        trees = train_next_year(data.records, data.as_of, next_year)
    except NotEnoughForModel:
        return Ladder(statistics, features, lifetime, lost, None, memoryless, regular, memoryless)
    in_use = lifetime.with_regular(trees.regular_keys(lifetime.cohorts))
    champion = anchor(trees, forecast_of(in_use, statistics, data, config), features)
    return Ladder(statistics, features, lifetime, lost, trees, memoryless, regular, champion)


def forecast_of(
    lifetime: LifetimeModel, statistics: pd.DataFrame, data: Extract, config: dict[str, Any]
) -> Forecast:
    horizon = int(config["horizon_months"])
    cap = cap_months(
        data.records.vehicles,
        statistics,
        data.as_of,
        life_years=int(config["vehicle_life_years"]),
        horizon=horizon,
    )
    return predict(
        lifetime,
        statistics,
        months=horizon,
        discount_rate=float(config["discount_rate"]),
        cap_months=cap,
    )

"""Groups of many shapes go the whole way from records to scores; none is like the demonstration."""

import datetime
from dataclasses import replace

import numpy as np
import pytest

from ml.backtest import what_happened
from ml.churn import NotEnoughData as NotEnoughForModel
from ml.configuration import DEFAULTS
from ml.earlier import as_of_earlier
from ml.extraction import NotEnoughData
from ml.features import churn_population, churned
from ml.forecasting import ladder
from ml.lifetimes_adapter import REFUSED
from ml.scorecard import scorecard
from tests.ml.varied_world import BRANDS, END, Brand, Shape, varied_world

ORIGIN = END - datetime.timedelta(days=365)
MONEY = ["expected_revenue_12m", "expected_margin_12m", "ltv"]

SHORT = Brand(120, 4_000, 400, 0.10, 0.30, 0.30)
LONG = Brand(730, 20_000, 2500, 0.04, 0.10, 0.10)

# Each with what differs from three brands, six years of records and nine of sales.
SHAPES = {
    "usual": Shape(),
    "one brand": Shape(brands={"ONLY": BRANDS["BETA"]}),
    "six brands": Shape(brands={f"B{i}": BRANDS["BETA"] for i in range(6)}),
    "intervals of four months and of two years": Shape(brands={"SHORT": SHORT, "LONG": LONG}),
    "many leave": Shape(leaving=3.0),
    "few leave": Shape(leaving=0.2, skip=0.05),
    "growing": Shape(growth=0.5),
    "prices rise": Shape(prices=0.10),
    "three years old": Shape(history=3.0, sales=3.0),
    "three years of records": Shape(history=3.0),
    "500 customers": Shape(customers=500),
    "no surveys": Shape(surveys=0.0),
    "no mileage": Shape(mileage=False),
    "no intervals": Shape(intervals=False, mileage=False),
    "no purchases": Shape(purchases=False),
    "no vehicles": Shape(purchases=False, vehicles=False),
    "no costs": Shape(costs=False),
    "no prices": Shape(money=False, costs=False),
    "no accidents": Shape(accidents=0.0),
    "hardly anything but accidents": Shape(accidents=1.5, skip=0.8),
    "companies": Shape(companies=0.9),
    "nobody bought here": Shape(bought_here=0.0),
    "recalls all the time": Shape(recalls=4.0),
}
QUICK = ("usual", "three years of records", "500 customers", "no vehicles", "no prices")


def forecast_of(shape: Shape, seed: int):
    data = varied_world(shape, seed=seed).extract
    return data, ladder(as_of_earlier(data, ORIGIN), DEFAULTS)


def assert_sane(data, found, most_bias: float, most_ece: float) -> None:
    """Numbers everywhere, no negative money, totals and probabilities near what came."""
    for rung in ("memoryless", "regular", "champion"):
        table = getattr(found, rung).table()
        numbers = table.select_dtypes("number").to_numpy()
        assert np.isfinite(numbers).all(), rung
        assert (table[MONEY].to_numpy() >= -1e-6).all(), rung
        assert table["p_alive"].between(0.0, 1.0).all(), rung
    statuses = {cohort.chosen.status for cohort in found.lifetime.cohorts.values()}
    assert REFUSED not in statuses
    happened = what_happened(data.records.visit_days, ORIGIN, 11, found.statistics.index)
    monthly = found.champion.monthly()
    for name in ("visits", "revenue", "margin"):
        came = getattr(happened, name).sum()
        expected = monthly[name][:, :11].sum()
        assert abs(expected - came) <= most_bias * came, (name, expected, came)
    assert monthly["margin"].sum() <= monthly["revenue"].sum() + 1e-6
    population = churn_population(data.records, ORIGIN)
    population = population[population.isin(found.features.index)]
    probability = found.churn.probability(found.features.loc[population])
    card = scorecard(churned(data.records, ORIGIN, population), probability)
    assert card["roc_auc"] > 0.65
    assert card["ece"] < most_ece


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_small_groups_of_many_shapes_get_sane_scores(name):
    """1,200 customers: a year's total errs by some 10% through chance alone."""
    shape = SHAPES[name]
    data, found = forecast_of(replace(shape, customers=min(shape.customers, 1_200)), seed=3)
    assert_sane(data, found, most_bias=0.25, most_ece=0.12)


@pytest.mark.soak
@pytest.mark.parametrize("seed", [11, 12, 13])
@pytest.mark.parametrize("name", SHAPES)
def test_groups_of_many_shapes_get_sane_scores(name, seed):
    shape = SHAPES[name]
    customers = 8_000 if shape.customers > 500 else shape.customers
    data, found = forecast_of(replace(shape, customers=customers), seed)
    small = customers == 500
    assert_sane(data, found, most_bias=0.30 if small else 0.15, most_ece=0.12 if small else 0.05)


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        (Shape(customers=60), "at least 100 are needed"),
        (Shape(customers=600, history=2.0, sales=2.0), "churn needs a snapshot"),
    ],
)
def test_too_little_to_learn_from_is_said(shape, why):
    with pytest.raises((NotEnoughData, NotEnoughForModel, ValueError), match=why):
        forecast_of(shape, seed=1)

import datetime
import json

import numpy as np
import pandas as pd
import pytest

from ml.bgnbd import expected_transactions
from ml.curves import DAYS_PER_MONTH
from ml.lifetime_value import fit_divisions, predict
from ml.spend import ShrunkMean
from ml.statistics import sufficient_statistics
from tests.ml.cdnow import cdnow
from tests.ml.dealer_world import dealer_world

CUT = datetime.date(2024, 7, 1)


def statistics_of(x, t_x, age, division="north", segment="person", spend=1000.0):
    x = np.asarray(x)
    visits = x + 1
    return pd.DataFrame(
        {
            "x": x.astype(np.int64),
            "t_x": np.asarray(t_x, dtype=float),
            "T": np.asarray(age, dtype=float),
            "visit_days": visits,
            "paid_days": visits,
            "spend": spend,
            "revenue": visits * spend,
            "margin": visits * spend * 0.4,
            **{
                f"{when}_{kind}": amount
                for when in ("last", "before")
                for kind, amount in (
                    ("revenue", visits * spend * 0.2),
                    ("margin", visits * spend * 0.08),
                    ("accident_revenue", 500.0),
                    ("accident_margin", 200.0),
                )
            },
            "accidents": np.where(np.arange(x.size) % 10 == 0, 1, 0),
            "accident_revenue": np.where(np.arange(x.size) % 10 == 0, 5000.0, 0.0),
            "accident_margin": np.where(np.arange(x.size) % 10 == 0, 2000.0, 0.0),
            "division": division,
            "segment": segment,
        },
        index=pd.Index(np.arange(x.size), name="customer"),
    )


@pytest.fixture(scope="module")
def shoppers():
    """CDNOW in days, spend from the data: a cohort on which BG/NBD converges."""
    data = cdnow()
    rng = np.random.default_rng(2)
    spend = 900.0 * rng.gamma(8, 1 / 8, len(data)) / rng.gamma(4, 1 / 3, len(data))
    return statistics_of(data["x"], data["t_x"] * 7, data["T"] * 7, spend=spend)


@pytest.fixture(scope="module")
def world():
    records = dealer_world(12_000, seed=4)
    frame = sufficient_statistics(records.purchases, records.visit_days, CUT)
    return records, frame.join(records.customers[["division", "segment"]])


def renumbered(*frames):
    frame = pd.concat(frames)
    return frame.set_axis(pd.Index(np.arange(len(frame)), name="customer"))


def test_visits_of_the_year_equal_the_formula(shoppers):
    model = fit_divisions(shoppers)
    got = predict(model, shoppers).table()["expected_visits_12m"]
    params = model.cohorts["north", "person"].params
    want = expected_transactions(
        params, shoppers["x"], shoppers["t_x"], shoppers["T"], 12 * DAYS_PER_MONTH
    )[:, 0]
    np.testing.assert_allclose(got, want, rtol=1e-5)


def test_value_is_the_discounted_sum_of_the_monthly_margins(shoppers):
    forecast = predict(fit_divisions(shoppers), shoppers, discount_rate=0.1)
    monthly = forecast.monthly()["margin"]
    want = monthly @ 1.1 ** (-np.arange(1, 61) / 12)
    np.testing.assert_allclose(forecast.table()["ltv"], want, rtol=1e-10)


def test_nothing_is_worth_anything_past_the_life_of_the_vehicle(shoppers):
    model = fit_divisions(shoppers)
    cap = np.arange(len(shoppers)) % 61
    monthly = predict(model, shoppers, cap_months=cap).monthly()["margin"]
    assert (monthly[np.arange(1, 61)[None, :] > cap[:, None]] == 0).all()
    table = predict(model, shoppers, cap_months=cap).table()
    assert (table.loc[cap == 0, ["ltv", "expected_visits_12m"]] == 0).all(axis=None)
    whole = predict(model, shoppers).table()
    early = cap >= 12
    np.testing.assert_allclose(
        table["expected_margin_12m"][early], whole["expected_margin_12m"][early]
    )


def test_accidents_are_a_rate_while_alive_times_their_margin(shoppers):
    model = fit_divisions(shoppers)
    monthly = predict(model, shoppers).monthly()
    forecast = predict(model, shoppers)
    regular = monthly["visits"] * forecast.margin_per_visit[:, None]
    accident = model.worths["north", "person"].accidents
    np.testing.assert_allclose(
        monthly["margin"] - regular, monthly["alive"] * accident.rate / 12 * accident.margin
    )


def test_two_cars_have_twice_the_accidents(shoppers):
    model = fit_divisions(shoppers)
    one = predict(model, shoppers).accident_margin
    two = predict(model, shoppers.assign(vehicles=2.0)).accident_margin
    np.testing.assert_allclose(two, 2 * one)


def test_dealer_data_runs_to_the_bound_and_says_so(world):
    _, statistics = world
    cohort = fit_divisions(statistics).cohorts["joint", "person"]
    assert cohort.baseline.status == "at the bound"
    assert cohort.chosen.model == "MBG/NBD"
    assert "BG/NBD at the bound" in cohort.status


def test_next_year_of_the_dealer_world_is_forecast_without_much_bias(world):
    records, statistics = world
    forecast = predict(fit_divisions(statistics), statistics).table()
    day = records.visit_days["day"]
    year = records.visit_days[(day >= pd.Timestamp(CUT)) & (day < pd.Timestamp("2025-07-01"))]
    year = year[year["customer"].isin(statistics.index)]
    assert forecast["expected_visits_12m"].sum() == pytest.approx(len(year), rel=0.05)
    assert forecast["expected_revenue_12m"].sum() == pytest.approx(year["revenue"].sum(), rel=0.10)


def test_small_division_takes_the_parameters_of_the_group(shoppers):
    small = shoppers.iloc[:20].assign(division="south")
    model = fit_divisions(renumbered(shoppers, small))
    cohort = model.cohorts["south", "person"]
    assert cohort.pooling == "the group's"
    assert "20 customers" in cohort.status
    assert cohort.chosen.status == "converged"


def test_middling_division_leans_on_the_group_but_keeps_its_own_tendency(shoppers):
    eager = shoppers[shoppers["x"] >= 1].iloc[:400].assign(division="south")
    model = fit_divisions(renumbered(shoppers, eager))
    assert model.cohorts["south", "person"].pooling == "leaning on the group"
    newcomer = statistics_of([0], [0.0], [0.0])
    south = predict(model, newcomer.assign(division="south")).table()["expected_visits_12m"][0]
    north = predict(model, newcomer).table()["expected_visits_12m"][0]
    assert south > 1.2 * north


def test_division_where_nobody_came_back_takes_the_groups(shoppers):
    lost = statistics_of(np.zeros(300), np.zeros(300), np.full(300, 200.0), division="west")
    table = predict(*_fit_and_rows(renumbered(shoppers, lost))).table()
    assert np.isfinite(table.loc[table["division"] == "west", "ltv"]).all()


def _fit_and_rows(statistics):
    return fit_divisions(statistics), statistics


def test_fleets_are_fitted_apart_and_few_of_them_by_a_shrunk_rate(shoppers):
    fleet = statistics_of(
        [120, 300, 80], [350.0, 360, 340], [365.0, 365, 365], "north", "organisation"
    )
    alone = fit_divisions(shoppers).cohorts["north", "person"].params
    statistics = renumbered(shoppers, fleet)
    model = fit_divisions(statistics)
    together = model.cohorts["north", "person"].params
    assert together.r == pytest.approx(alone.r, rel=0.02)
    assert model.cohorts["north", "organisation"].pooling == "shrunk rate"
    visits = predict(model, statistics).table()["expected_visits_12m"].to_numpy()[-3:]
    assert (visits > 15).all()
    assert visits[1] > 150


def test_one_time_customers_only_are_refused_with_the_reason():
    once = statistics_of(np.zeros(300), np.zeros(300), np.full(300, 200.0))
    with pytest.raises(ValueError, match="0 customers came back"):
        fit_divisions(once)


def test_no_customers_are_refused():
    with pytest.raises(ValueError, match="there are no customers"):
        fit_divisions(statistics_of([], [], []))


def test_one_customer_is_refused():
    with pytest.raises(ValueError, match="came back"):
        fit_divisions(statistics_of([3], [100.0], [300.0]))


def test_predicting_nobody_gives_an_empty_table(shoppers):
    assert len(predict(fit_divisions(shoppers), shoppers.iloc[:0]).table()) == 0


def test_unknown_division_is_named(shoppers):
    with pytest.raises(ValueError, match="moon"):
        predict(fit_divisions(shoppers), shoppers.assign(division="moon"))


def test_customer_without_a_division_is_refused(shoppers):
    lost = shoppers.assign(division=shoppers["division"].where(shoppers.index > 2))
    with pytest.raises(ValueError, match="3 customers have no division"):
        fit_divisions(lost)


def test_same_data_give_identical_scores(world):
    _, statistics = world
    first = predict(fit_divisions(statistics), statistics).table()
    again = predict(fit_divisions(statistics.copy()), statistics.copy()).table()
    pd.testing.assert_frame_equal(first, again, check_exact=True)


def test_description_of_the_model_is_json(shoppers):
    told = json.loads(json.dumps(fit_divisions(shoppers).as_dict()))
    assert told[0]["chosen"]["params"]["r"] > 0
    assert told[0]["worth"]["status"].startswith("Gamma-Gamma")


def test_shrunk_mean_finds_how_much_a_visit_tells():
    rng = np.random.default_rng(3)
    paid = rng.integers(1, 12, 40_000).astype(float)
    own = rng.normal(1000, 100, paid.size)
    spend = own + rng.normal(0, 300, paid.size) / np.sqrt(paid)
    assert ShrunkMean.of(paid, spend).visits == pytest.approx(9.0, rel=0.15)

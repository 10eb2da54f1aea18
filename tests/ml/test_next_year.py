import datetime
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.churn import NotEnoughData
from ml.features import customer_features
from ml.lifetime_value import fit_divisions, predict
from ml.next_year import NextYearConfig, anchor, train_next_year, visit_card
from ml.rungs import Choice
from ml.statistics import sufficient_statistics
from ml.year_snapshots import between
from tests.ml.dealer_world import dealer_world

CUT = datetime.date(2024, 7, 1)
QUICK = NextYearConfig(trees=60)


@pytest.fixture(scope="module")
def world():
    records = dealer_world(8_000, seed=6)
    statistics = sufficient_statistics(records.purchases, records.visit_days, CUT)
    statistics = statistics.join(records.customers[["division", "segment"]])
    model = train_next_year(records, CUT, QUICK)
    features = customer_features(records, CUT, statistics.index, model.divisions)
    plain = predict(fit_divisions(statistics), statistics)
    return records, model, features, plain


def test_first_year_of_an_anchored_forecast_is_the_trees(world):
    _, model, features, plain = world
    won = np.array([model.choice(key).trees for key in plain.keys])[plain.fit]
    got = anchor(model, plain, features).table()["expected_visits_12m"].to_numpy()
    np.testing.assert_allclose(got[won], model.first.predict(features.to_numpy())[won], rtol=1e-9)
    assert won.any()


def test_months_of_the_anchored_forecast_add_up_to_its_totals(world):
    _, model, features, plain = world
    cap = np.arange(len(features)) % 61
    forecast = anchor(model, replace(plain, cap=cap), features)
    monthly = forecast.monthly()
    table = forecast.table()
    np.testing.assert_allclose(monthly["visits"][:, :12].sum(axis=1), table["expected_visits_12m"])
    discount = 1.08 ** (-np.arange(1, 61) / 12)
    np.testing.assert_allclose(monthly["margin"] @ discount, table["ltv"])


def test_trees_beat_the_transaction_model_on_the_year_that_followed(world):
    records, model, features, plain = world
    actual = between(records, CUT, datetime.date(2025, 7, 1), features.index)
    trees = visit_card(actual, anchor(model, plain, features).table()["expected_visits_12m"])
    own = visit_card(actual, plain.table()["expected_visits_12m"].to_numpy())
    assert trees["mae"] < own["mae"]
    assert trees["spearman"] > own["spearman"]
    assert abs(trees["bias"]) < 0.05


def test_cohort_where_the_trees_lost_keeps_its_own_curve(world):
    _, model, features, plain = world
    nothing = Choice(regular=False, trees=False, money_trees=False, losses={})
    lost = replace(
        model,
        choices={},
        overall=nothing,
        spend_factors={},
        overall_spend_factor=1.0,
    )
    pd.testing.assert_frame_equal(anchor(lost, plain, features).table(), plain.table())


def test_money_trees_set_the_revenue_of_the_year_whatever_sets_the_visits(world):
    _, model, features, plain = world
    year = np.ones(12)
    for trees in (True, False):
        choice = Choice(regular=False, trees=trees, money_trees=True, losses={})
        forecast = anchor(replace(model, choices={}, overall=choice), plain, features)
        short = replace(forecast, cap=np.full(len(features), 60))
        visits = short.total_visits(np.concatenate([year, np.zeros(48)]))
        want = model.money.predict(features.to_numpy()) * model.money_unit
        got = visits * forecast.revenue_per_visit
        # Of people who hardly come, revenue per visit is held near that of the Gamma-Gamma.
        ratio = forecast.revenue_per_visit / plain.revenue_per_visit
        free = (ratio > 0.25) & (ratio < 4.0)
        np.testing.assert_allclose(got[free], want[free])
        assert free.mean() > 0.5
        assert got.sum() == pytest.approx(want.sum(), rel=0.02)


def test_margin_rate_of_the_forecast_is_untouched_by_the_anchoring(world):
    _, model, features, plain = world
    forecast = anchor(model, plain, features)
    np.testing.assert_allclose(
        forecast.margin_per_visit / forecast.revenue_per_visit,
        plain.margin_per_visit / plain.revenue_per_visit,
    )


def test_training_does_not_see_the_as_of_date_or_later(world):
    records, model, features, _ = world
    later = records.visit_days["day"] >= pd.Timestamp(CUT)
    absurd = records.visit_days[later]
    blind = replace(
        records, visit_days=pd.concat([records.visit_days[~later], absurd, absurd, absurd])
    )
    again = train_next_year(blind, CUT, QUICK)
    np.testing.assert_array_equal(
        model.first.predict(features.to_numpy()), again.first.predict(features.to_numpy())
    )


def test_history_of_a_year_is_refused(world):
    records = world[0]
    young = records.visit_days[records.visit_days["day"] >= "2023-06-01"]
    with pytest.raises(NotEnoughData, match="two yearly snapshots"):
        train_next_year(replace(records, visit_days=young), CUT, QUICK)


def test_features_of_other_customers_are_refused(world):
    _, model, features, plain = world
    with pytest.raises(ValueError, match="not those"):
        anchor(model, plain, features.iloc[::-1])


def test_card_by_hand():
    card = visit_card(np.array([0.0, 1.0, 3.0]), np.array([0.5, 1.0, 2.0]))
    assert card["bias"] == pytest.approx(-0.125)
    assert card["mae"] == pytest.approx(0.5)
    assert card["spearman"] == pytest.approx(1.0)


def test_a_small_group_gets_fewer_trees_than_it_would_learn_by_heart():
    config = NextYearConfig()
    model = train_next_year(dealer_world(900, seed=3), CUT, config)
    assert model.first.n_iter_ == config.fewest_trees < config.trees

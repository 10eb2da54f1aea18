import datetime
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.churn import ChurnConfig, NotEnoughData, train_churn
from ml.features import FEATURES, GROUPS, churn_population, churned, customer_features
from ml.scorecard import scorecard
from tests.ml.dealer_world import dealer_world

AS_OF = datetime.date(2025, 7, 1)
QUICK = ChurnConfig(trees=40)


@pytest.fixture(scope="module")
def records():
    return dealer_world(5_000, seed=8)


@pytest.fixture(scope="module")
def model(records):
    return train_churn(records, AS_OF, QUICK)


def features_now(records, model, as_of=AS_OF):
    return customer_features(records, as_of, records.customers.index, model.divisions)


def poisoned(records, from_day):
    """Everything that happens from a day on, replaced by absurd rows."""
    edge = pd.Timestamp(from_day)
    later = edge + pd.Timedelta(days=1)
    ids = records.customers.index.to_numpy()
    visits = records.visit_days[records.visit_days["day"] < edge]
    absurd = visits.groupby("customer").head(1).assign(day=edge, revenue=9e9, mileage_km=9e9)
    surveys = records.surveys[records.surveys["day"] < edge]
    events = records.events[records.events["day"] < edge]
    contracts = records.contracts[records.contracts["starts_on"] < edge]
    vehicles = records.vehicles[records.vehicles["owned_from"] < edge]
    return replace(
        records,
        purchases=pd.concat(
            [records.purchases[records.purchases["day"] < edge],
             pd.DataFrame({"customer": ids, "day": later})]
        ),
        visit_days=pd.concat([visits, absurd]),
        surveys=pd.concat([surveys, pd.DataFrame({"customer": ids, "day": later, "score": 0.0})]),
        events=pd.concat(
            [events, pd.DataFrame({"customer": ids, "day": edge, "kind": "complaint"})]
        ),
        contracts=pd.concat(
            [contracts, pd.DataFrame(
                {"customer": ids, "type": "insurance", "starts_on": edge,
                 "ends_on": edge + pd.Timedelta(days=999)})]
        ),
        vehicles=pd.concat(
            [vehicles.assign(owned_to=later),
             vehicles.assign(owned_from=edge, owned_to=pd.NaT, warranty_until=later)]
        ),
    )  # fmt: skip


def test_features_do_not_see_anything_from_the_cut_off_on(records):
    cut = datetime.date(2023, 7, 1)
    who = churn_population(records, cut)
    pd.testing.assert_index_equal(churn_population(poisoned(records, cut), cut), who)
    pd.testing.assert_frame_equal(
        customer_features(records, cut, who), customer_features(poisoned(records, cut), cut, who)
    )


def test_scores_do_not_see_anything_from_the_as_of_date_on(records):
    cut = datetime.date(2024, 7, 1)
    clean, dirty = (train_churn(r, cut, QUICK) for r in (records, poisoned(records, cut)))
    np.testing.assert_array_equal(
        clean.probability(features_now(records, clean, cut)),
        dirty.probability(features_now(poisoned(records, cut), dirty, cut)),
    )


def test_every_label_closes_before_the_features_of_the_test_end(model):
    tested = datetime.date.fromisoformat(model.report["judged_on"]["cut_off"])
    assert tested + datetime.timedelta(days=365) <= AS_OF
    for one in model.report["judged_model_trained_on"]:
        assert datetime.date.fromisoformat(one["cut_off"]) + datetime.timedelta(days=365) <= tested


def test_label_is_no_visit_day_in_the_year_from_the_cut_off_on(records):
    cut = datetime.date(2024, 7, 1)
    who = churn_population(records, cut)
    day = records.visit_days["day"]
    year = (day >= pd.Timestamp(cut)) & (day < pd.Timestamp(cut) + pd.Timedelta(days=365))
    came = set(records.visit_days.loc[year, "customer"])
    np.testing.assert_array_equal(churned(records, cut, who), [c not in came for c in who])


def test_same_data_and_configuration_give_identical_scores(records, model):
    again = train_churn(records, AS_OF, QUICK)
    now = features_now(records, model)
    np.testing.assert_array_equal(model.probability(now), again.probability(now))
    assert model.report == again.report


def test_order_of_rows_does_not_matter(records, model):
    mixed = replace(
        records,
        visit_days=records.visit_days.sample(frac=1.0, random_state=1),
        surveys=records.surveys.sample(frac=1.0, random_state=1),
        vehicles=records.vehicles.sample(frac=1.0, random_state=1),
    )
    pd.testing.assert_frame_equal(
        features_now(records, model), features_now(mixed, model), check_exact=True
    )


def test_model_beats_recency_and_p_alive_on_the_held_out_year(model):
    report = model.report
    assert report["split"] == "time"
    own = report["metrics"]["roc_auc"]
    assert own > report["baselines"]["recency"]["roc_auc"] + 0.02
    assert own > report["baselines"]["p_alive"]["roc_auc"] + 0.02
    assert abs(report["metrics"]["bias"]) < 0.03


def test_feature_that_knows_the_answer_raises_the_alarm(records):
    """A rank of the customers by what they will do, smuggled in as their distance."""
    going = churned(records, datetime.date(2024, 7, 1), records.customers.index)
    leaky = replace(
        records, customers=records.customers.assign(distance_km=np.where(going, 90.0, 1.0))
    )
    codes = [w["code"] for w in train_churn(leaky, AS_OF, QUICK).report["warnings"]]
    assert "suspected_leak" in codes


def test_short_history_is_split_by_customers_and_says_so(records):
    start = pd.Timestamp("2023-09-01")
    visits = records.visit_days[records.visit_days["day"] >= start]
    report = train_churn(replace(records, visit_days=visits), AS_OF, QUICK).report
    assert report["split"] == "customers"
    assert [w["code"] for w in report["warnings"]].count("no_time_split") == 1


def test_too_few_customers_are_refused_with_the_numbers(records):
    few = records.visit_days[records.visit_days["customer"] < 60]
    bought = records.purchases[records.purchases["customer"] < 60]
    with pytest.raises(NotEnoughData, match="at least 120 customers"):
        train_churn(replace(records, visit_days=few, purchases=bought), AS_OF, QUICK)


def test_no_visits_are_refused(records):
    with pytest.raises(NotEnoughData, match="needs visits"):
        train_churn(replace(records, visit_days=records.visit_days.iloc[:0]), AS_OF, QUICK)


def test_other_columns_are_refused(records, model):
    with pytest.raises(ValueError, match="not those"):
        model.probability(features_now(records, model).iloc[:, ::-1])


def test_training_rows_are_capped_in_equal_shares(records):
    capped = train_churn(records, AS_OF, ChurnConfig(trees=20, max_rows=2_000))
    whole = train_churn(records, AS_OF, ChurnConfig(trees=20))
    now = features_now(records, capped).loc[churn_population(records, AS_OF)]
    assert capped.probability(now).mean() == pytest.approx(whole.probability(now).mean(), abs=0.02)


def test_every_feature_belongs_to_one_group():
    assert len(FEATURES) == len(set(FEATURES)) == sum(map(len, GROUPS.values()))


def test_features_of_one_customer_by_hand(records):
    customer = 17
    cut = pd.Timestamp("2024-07-01")
    own = records.visit_days.query("customer == @customer and day < @cut")
    car = records.vehicles.set_index("customer").loc[customer]
    got = customer_features(records, cut.date(), pd.Index([customer], name="customer")).iloc[0]
    assert len(own) >= 3
    assert got["days_since_visit"] == (cut - own["day"].max()).days
    assert got["mean_gap"] == pytest.approx(own["day"].diff().dt.days.mean())
    assert got["visits_24m"] == (own["day"] >= cut - pd.Timedelta(days=730)).sum()
    assert got["revenue_24m"] == pytest.approx(
        own.loc[own["day"] >= cut - pd.Timedelta(days=730), "revenue"].sum()
    )
    assert got["months_to_warranty_end"] == pytest.approx(
        (car["warranty_until"] - cut).days / 30.4375
    )
    assert got["tenure"] == pytest.approx((cut - car["sold_on"]).days / 365.25)


def test_nobody_has_no_features(records):
    empty = records.customers.index[:0]
    assert customer_features(records, AS_OF, empty).shape == (0, len(FEATURES))


def test_scorecard_of_a_perfect_and_a_constant_forecast():
    happened = np.arange(100) < 20
    perfect = scorecard(happened, happened.astype(float))
    assert (perfect["roc_auc"], perfect["brier"], perfect["lift_10"]) == (1.0, 0.0, 5.0)
    constant = scorecard(happened, np.full(100, 0.2))
    assert constant["roc_auc"] == 0.5
    assert constant["bias"] == pytest.approx(0.0)

"""One row per customer out of models trained on a small simulated group."""

import json
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pytest

from customers.tags import BY_CODE
from ml.churn import ChurnConfig, train_churn
from ml.extraction import Extract
from ml.features import churn_population, customer_features
from ml.lifetime_value import fit_divisions, predict
from ml.scoring import Scored, due_dates, score_frame
from ml.training import statistics_of
from tests.ml.dealer_world import dealer_world

AS_OF = date(2025, 1, 1)
NO_POLICIES = pd.DataFrame(
    columns=[
        *("division", "model", "valid_from", "service_interval_days", "service_interval_km"),
        *("first_service_days", "first_service_km", "margin_rate_fallback"),
    ]
)


@dataclass(frozen=True)
class World:
    data: Extract
    scored: Scored
    population: set[int]


@pytest.fixture(scope="module")
def world() -> World:
    records = dealer_world(1_500, seed=3, end=AS_OF)
    records.customers["store"] = 1
    records.customers["kind"] = np.where(
        records.customers["segment"] == "organisation", "fleet", "person"
    )
    vehicles = records.vehicles
    for name, value in {"vehicle": vehicles.index, "division": 1, "model": ""}.items():
        vehicles[name] = value
    served = records.visit_days[["customer", "day", "mileage_km", "maintenance"]]
    readings = served.rename(columns={"customer": "vehicle_id", "mileage_km": "km"})
    data = Extract(AS_OF, records, pd.DataFrame(), readings, NO_POLICIES)
    statistics = statistics_of(data)
    forecast = predict(fit_divisions(statistics), statistics, months=60, discount_rate=0.08)
    churn = train_churn(records, AS_OF, ChurnConfig(trees=20))
    features = customer_features(records, AS_OF, statistics.index, churn.divisions)
    return World(
        data,
        score_frame(data, statistics, forecast, churn, features),
        set(churn_population(records, AS_OF).tolist()),
    )


@pytest.fixture(scope="module")
def frame(world: World) -> pd.DataFrame:
    return world.scored.frame.set_index("customer_id", drop=False)


def test_every_customer_born_before_the_day_has_one_row(world: World, frame: pd.DataFrame) -> None:
    assert frame.index.is_unique
    assert set(frame.index) == set(world.data.records.customers.index)


def test_every_figure_is_a_number_in_its_range(frame: pd.DataFrame) -> None:
    numbers = frame.select_dtypes("number").to_numpy(dtype=float)
    assert np.isfinite(numbers).all()
    for name in ("p_alive", "churn_12m"):
        assert frame[name].between(0.0, 1.0).all()
    assert (frame["expected_visits_12m"] >= 0).all()
    assert (frame["cap_month"].between(0, 60)).all()
    assert {len(nodes) for nodes in frame["visits_at_nodes"]} == {8}


def test_money_is_whole_fen(frame: pd.DataFrame) -> None:
    for name in ("ltv_fen", "expected_revenue_12m_fen", "expected_margin_12m_fen"):
        assert frame[name].dtype == np.int64


def test_reasons_are_given_to_those_who_may_still_leave(world: World, frame: pd.DataFrame) -> None:
    explained = frame["reasons"].map(len)
    assert set(frame.index[frame["in_churn_population"]]) == world.population
    assert (explained[~frame["in_churn_population"]] == 0).all()
    assert explained.max() <= 3
    assert (explained > 0).any()


def test_grade_and_risk_follow_value_and_churn(frame: pd.DataFrame) -> None:
    best, worst = (frame.loc[frame["grade"] == letter, "ltv_fen"] for letter in "AD")
    assert best.min() >= worst.max()
    assert (frame["risk"] == "high").equals(frame["churn_12m"] >= 0.6)


def test_overdue_is_who_should_have_come_and_still_counts(frame: pd.DataFrame) -> None:
    late = frame["due_on"] < pd.Timestamp(AS_OF)
    assert (frame["overdue"] == (late & frame["in_churn_population"])).all()
    assert frame["overdue"].any()


def test_tags_of_rows_counts_and_evidence_are_the_same(world: World, frame: pd.DataFrame) -> None:
    held = frame["tags"].explode().dropna()
    tagged = world.scored.tagged
    assert set(zip(held.index, held, strict=True)) == set(
        zip(tagged["customer_id"], tagged["code"], strict=True)
    )
    counts = {code: count for code, count in world.scored.tag_counts.items() if count}
    assert tagged["code"].value_counts().to_dict() == counts
    assert set(counts) <= set(BY_CODE)


def test_evidence_is_the_customer_s_own_figure(world: World, frame: pd.DataFrame) -> None:
    tagged = world.scored.tagged
    risky = tagged[tagged["code"] == "at_risk"].set_index("customer_id")["evidence"].map(json.loads)
    assert len(risky) > 0
    for customer, evidence in risky.items():
        assert evidence["churn_12m"] == frame.at[customer, "churn_12m"]
        assert evidence["churn_12m"] >= evidence["threshold"]
    valued = tagged[tagged["code"] == "high_value"]["evidence"].map(json.loads)
    assert all(one["ltv_fen"] >= one["threshold_fen"] for one in valued)


def test_the_order_of_records_does_not_matter(world: World) -> None:
    records = world.data.records
    shuffled = records.visit_days.sample(frac=1.0, random_state=1)
    again = Extract(
        AS_OF,
        type(records)(**{**vars(records), "visit_days": shuffled}),
        world.data.margin_factors,
        world.data.readings.sample(frac=1.0, random_state=1),
        NO_POLICIES,
    )
    pd.testing.assert_series_equal(due_dates(again), due_dates(world.data))
    pd.testing.assert_frame_equal(statistics_of(again), statistics_of(world.data))

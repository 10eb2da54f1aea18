"""One row per customer out of models trained on a small simulated group."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from customers.tags import BY_CODE
from ml.churn import ChurnConfig, train_churn
from ml.extraction import Extract
from ml.features import churn_population, customer_features
from ml.lifetime_value import fit_divisions
from ml.next_year import NextYearConfig, train_next_year
from ml.preparation import statistics_of
from ml.records import Records
from ml.registry import Trained
from ml.scoring import Scored, Terms, due_dates, facts_of, forecasts, score_rows, with_grades
from ml.statistics import sufficient_statistics
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
    facts: pd.DataFrame
    features: pd.DataFrame
    models: Trained
    terms: Terms


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
    models = trained(records)
    facts = facts_of(data, statistics_of(data))
    facts["cap_month"] = 60
    features = customer_features(records, AS_OF, facts.index, models.churn.divisions)
    nobody = Terms(AS_OF, 60, 0.08, (float("inf"), float("inf")))
    value = forecasts(facts, features, models, nobody)[1].table()["ltv"]
    facts, limits = with_grades(facts, value)
    terms = replace(nobody, high_value_from=limits)
    return World(
        data,
        score_rows(facts, features, models, terms),
        set(churn_population(records, AS_OF).tolist()),
        facts,
        features,
        models,
        terms,
    )


def trained(records: Records) -> Trained:
    statistics = sufficient_statistics(records.purchases, records.visit_days, AS_OF)
    statistics = statistics.join(records.customers[["division", "segment"]])
    return Trained(
        fit_divisions(statistics),
        train_churn(records, AS_OF, ChurnConfig(trees=20)),
        train_next_year(records, AS_OF, NextYearConfig(trees=20)),
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
    assert [list(one) for one in frame["evidence"]] == list(frame["tags"])
    counts = {code: count for code, count in world.scored.summary["tags"].items() if count}
    assert held.value_counts().to_dict() == counts
    assert set(counts) <= set(BY_CODE)


def test_evidence_is_the_customer_s_own_figure(frame: pd.DataFrame) -> None:
    risky = frame[frame["tags"].map(lambda tags: "at_risk" in tags)]
    assert len(risky) > 0
    for row in risky.itertuples():
        assert row.evidence["at_risk"]["churn_12m"] == row.churn_12m
        assert row.churn_12m >= row.evidence["at_risk"]["threshold"]
    valued = [one["high_value"] for one in frame["evidence"] if "high_value" in one]
    assert valued
    assert all(one["ltv_fen"] >= one["threshold_fen"] for one in valued)


@pytest.mark.parametrize("size", [1, 7, 400])
def test_a_customer_s_row_does_not_depend_on_the_chunk(
    world: World, frame: pd.DataFrame, size: int
) -> None:
    some = slice(100, 100 + size)
    alone = score_rows(world.facts.iloc[some], world.features.iloc[some], world.models, world.terms)
    together = frame.iloc[some].reset_index(drop=True)
    exact = ["customer_id", "ltv_fen", "grade", "risk", "tags", "reasons", "evidence", "cap_month"]
    pd.testing.assert_frame_equal(alone.frame[exact], together[exact])
    for name in ("p_alive", "churn_12m", "expected_visits_12m", "anchor_first"):
        np.testing.assert_allclose(alone.frame[name], together[name], rtol=1e-12)


def test_high_value_is_a_rank_in_the_group_not_in_the_chunk(world: World) -> None:
    worst = world.facts["grade"].to_numpy() == "D"
    scored = score_rows(world.facts[worst], world.features[worst], world.models, world.terms)
    assert scored.summary["tags"]["high_value"] == 0


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

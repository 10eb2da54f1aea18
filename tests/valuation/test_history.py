"""Counting what customers did: windows, cohorts, peers, on cases small enough to count by hand."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuation import figures, history

AS_OF = date(2025, 1, 1)
CUSTOMERS = np.array([11, 12, 13])


def visits(*rows: tuple[int, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer", "day", "revenue"])
    frame["day"] = pd.to_datetime(frame["day"]).astype("datetime64[s]")
    return frame.assign(margin=frame["revenue"] * 0.4)


NOBODY_BOUGHT = pd.DataFrame(
    {"customer": pd.Series(dtype="int64"), "day": pd.Series(dtype="M8[s]")}
)


def past_of(frame: pd.DataFrame, bought: pd.DataFrame = NOBODY_BOUGHT) -> history.History:
    return history.history(CUSTOMERS, frame, bought, AS_OF)


def counters(frame: pd.DataFrame, bought: pd.DataFrame = NOBODY_BOUGHT) -> dict[str, int]:
    past = past_of(frame, bought)
    everybody = np.ones(3, dtype=bool)
    table = history.store_counters(past, everybody, np.full(3, 100), np.zeros(3, dtype=int), 1)
    return {name: int(value) for name, value in table.iloc[0].items()}


class TestWindows:
    def test_the_day_of_the_as_of_a_year_ago_belongs_to_the_last_year(self):
        found = past_of(visits((11, "2024-01-01", 1.0), (12, "2023-12-31", 1.0)))
        assert found.visits[0].tolist() == [1, 0, 0, 0, 0]
        assert found.visits[1].tolist() == [0, 1, 0, 0, 0]

    def test_two_stores_on_one_day_are_one_visit_day(self):
        found = past_of(visits((11, "2024-05-01", 100.0), (11, "2024-05-01", 50.0)))
        assert found.visits[0, 0] == 1
        assert found.revenue_fen[0, 0] == 150_00

    def test_visits_of_people_who_are_not_scored_are_left_out(self):
        assert past_of(visits((99, "2024-05-01", 100.0))).visits.sum() == 0


class TestRetentionAndRevenue:
    FRAME = visits(
        (11, "2023-06-01", 1000.0),
        (11, "2024-06-01", 1500.0),
        (12, "2023-07-01", 500.0),
        (13, "2024-08-01", 700.0),
    )

    def test_one_of_two_came_again(self):
        found = counters(self.FRAME)
        assert (found["retained"], found["opening"]) == (1, 2)
        assert figures.indicators.retention(found["opening"], found["retained"]) == 0.5

    def test_ndr_leaves_new_customers_out(self):
        found = counters(self.FRAME)
        assert found["ndr_now_fen"] / found["ndr_opening_fen"] == 1.0

    def test_who_is_new(self):
        found = counters(self.FRAME)
        assert found["new"] == 1
        assert found["new_value_fen"] == 100

    def test_a_visit_before_all_windows_is_no_novelty(self):
        found = counters(visits((11, "2015-01-01", 1.0), (11, "2024-06-01", 1.0)))
        assert found["new"] == 0

    def test_buyers_belong_to_the_base(self):
        bought = NOBODY_BOUGHT.copy()
        bought.loc[0] = [13, pd.Timestamp("2023-03-01")]
        found = counters(self.FRAME, bought)
        # Base: 11 and 12 by their visits, 13 by the purchase; 11 and 13 came.
        assert (found["returned"], found["base"]) == (2, 3)


class TestCohorts:
    def test_a_triangle(self):
        frame = visits(
            (11, "2024-02-01", 100.0),
            (11, "2024-08-01", 60.0),
            (12, "2024-03-01", 40.0),
            (12, "2024-03-15", 40.0),
            (13, "2024-11-01", 10.0),
        )
        past = past_of(frame)
        cube = history.cohort_cube(
            CUSTOMERS, frame, past.first_quarter, np.array([5, 6, 7]), np.array([0, 1, 0]), 2, AS_OF
        )
        whole = cube.of(np.array([0, 1]))
        assert whole["quarters"] == ["2024-Q1", "2024-Q2", "2024-Q3", "2024-Q4"]
        assert whole["customers"] == [2, 0, 0, 1]
        assert whole["active"][0] == [2, 0, 1, 0]
        assert whole["revenue_fen"][0] == [180_00, 0, 60_00, 0]
        assert whole["value_fen"] == [11, 0, 0, 7]
        assert whole["complete"]
        assert cube.of(np.array([1]))["active"][0] == [1, 0, 0, 0]

    def test_someone_who_never_came_is_in_no_cohort(self):
        frame = visits((11, "2024-02-01", 100.0))
        past = past_of(frame)
        cube = history.cohort_cube(
            CUSTOMERS, frame, past.first_quarter, np.array([5, 6, 7]), np.zeros(3, int), 1, AS_OF
        )
        assert cube.of(np.array([0]))["unseen_customers"] == 2
        assert cube.of(np.array([0]))["unseen_value_fen"] == 13

    def test_nobody_at_all(self):
        frame = visits()
        past = past_of(frame.astype({"customer": "int64", "revenue": float, "margin": float}))
        assert (past.first_quarter == -1).all()


class TestPeers:
    def test_place_is_the_share_of_others_that_are_worse(self):
        assert figures.quantile(0.7, [0.5, 0.6, 0.7]) == 1.0
        assert figures.quantile(0.5, [0.5, 0.6, 0.7]) == 0.0
        assert figures.quantile(0.6, [0.5, 0.6, 0.7, None]) == 0.5

    def test_ties_share(self):
        assert figures.quantile(0.6, [0.6, 0.6, 0.6]) == 0.5

    def test_two_are_no_peer_group(self):
        assert figures.quantile(0.6, [0.6, 0.7]) is None

    def test_an_old_fleet_is_not_held_against_a_store(self):
        # Both stores keep 90% of the young and 50% of the old; one has more of the old.
        opening = np.array([[80, 20], [20, 80]])
        retained = np.array([[72, 10], [18, 40]])
        assert figures.adjusted_retention(opening, retained) == pytest.approx([1.0, 1.0])

    @given(st.lists(st.floats(0, 1), min_size=3, max_size=12, unique=True))
    def test_places_run_from_worst_to_best(self, values):
        places = [figures.quantile(one, values) for one in sorted(values)]
        assert places == pytest.approx(np.linspace(0, 1, len(values)))


class TestSeedInputs:
    COUNTERS = dict.fromkeys(history.COUNTERS, 0) | {
        "population": 4,
        "population_revenue_fen": 8_000_00,
        "population_margin_fen": 2_000_00,
        "opening": 8,
        "retained": 6,
    }

    def test_measured(self):
        found = figures.measured_seed(self.COUNTERS, 5, 0.08).inputs
        assert (found.annual_spend, found.gross_margin, found.retention) == (2000.0, 0.25, 0.75)

    def test_a_loss_making_unit_takes_the_group_s_margin(self):
        group = figures.measured_seed(self.COUNTERS, 5, 0.08)
        loss = self.COUNTERS | {"population_margin_fen": -5}
        found = figures.measured_seed(loss, 5, 0.08, group)
        assert found.inputs.gross_margin == 0.25
        assert found.sources["gross_margin"] == "group"

"""Cohorts by first visit, by hand and by invariants."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from valuation.cohorts import cohort_table, new_and_existing

AS_OF = dt.date(2024, 1, 1)


def visits(*rows: tuple[str, str, int]) -> pd.DataFrame:
    """(customer, day, revenue in fen); margin is 40% of revenue."""
    frame = pd.DataFrame(rows, columns=["customer", "day", "revenue_fen"])
    frame["day"] = pd.to_datetime(frame["day"])
    frame["margin_fen"] = frame["revenue_fen"] * 2 // 5
    return frame


FOUR = visits(
    ("Li", "2023-01-10", 1_000),
    ("Li", "2023-03-31", 2_000),
    ("Li", "2023-08-01", 3_000),
    ("Wang", "2023-02-01", 5_000),
    ("Zhao", "2023-07-15", 4_000),
    ("Zhao", "2023-12-31", 6_000),
    ("Late", "2024-01-01", 9_000),
)


class TestCohortTable:
    def test_first_quarter_of_2023(self):
        table = cohort_table(FOUR, AS_OF)
        first = table[table["cohort"] == "2023-Q1"]
        assert first["customers"].tolist() == [2, 2, 2, 2]
        assert first["active"].tolist() == [2, 0, 1, 0]
        assert first["retention"].tolist() == [1.0, 0.0, 0.5, 0.0]
        assert first["remaining"].tolist() == [1.0, 0.5, 0.5, 0.0]
        assert first["revenue_fen"].tolist() == [8_000, 0, 3_000, 0]
        assert first["cumulative_margin_fen"].tolist() == [3_200, 3_200, 4_400, 4_400]
        assert first["margin_per_customer_fen"].tolist() == [1_600, 1_600, 2_200, 2_200]

    def test_visits_on_the_day_itself_are_left_out(self):
        assert "2024-Q1" not in set(cohort_table(FOUR, AS_OF)["cohort"])

    def test_a_quarter_that_has_just_ended_is_complete(self):
        assert cohort_table(FOUR, AS_OF)["complete"].all()

    def test_a_quarter_under_way_is_not_complete(self):
        table = cohort_table(FOUR, dt.date(2023, 12, 31))
        last = table[(table["cohort"] == "2023-Q1") & (table["elapsed"] == 3)]
        assert last["complete"].tolist() == [False]

    def test_months_and_years(self):
        assert cohort_table(FOUR, AS_OF, "M")["cohort"].iloc[0] == "2023-01"
        yearly = cohort_table(FOUR, AS_OF, "Y")
        assert yearly[["cohort", "customers", "revenue_fen"]].values.tolist() == [
            ["2023", 3, 21_000]
        ]

    def test_nobody_yet(self):
        table = cohort_table(FOUR.iloc[:0], AS_OF)
        assert table.empty
        assert set(table) == set(cohort_table(FOUR, AS_OF))

    def test_money_and_customers_are_all_there_whatever_the_order(self):
        rng = np.random.default_rng(3)
        days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1_400, 3_000), "D")
        frame = pd.DataFrame({"customer": rng.integers(0, 500, 3_000), "day": days})
        frame["revenue_fen"] = rng.integers(-1_000, 100_000, 3_000)
        frame["margin_fen"] = frame["revenue_fen"] // 3
        table = cohort_table(frame, AS_OF)
        assert table["revenue_fen"].sum() == frame["revenue_fen"].sum()
        assert table[table["elapsed"] == 0]["customers"].sum() == frame["customer"].nunique()
        shuffled = cohort_table(frame.sample(frac=1, random_state=1), AS_OF)
        pd.testing.assert_frame_equal(table, shuffled)


class TestNewAndExisting:
    def test_third_quarter_of_2023(self):
        table = new_and_existing(FOUR, AS_OF).set_index("period")
        third = table.loc["2023-Q3"]
        assert (third["new_customers"], third["existing_customers"]) == (1, 1)
        assert third["new_share"] == 0.5
        assert third["new_revenue_share"] == pytest.approx(4 / 7)

    def test_revenue_is_split_without_remainder(self):
        table = new_and_existing(FOUR, AS_OF)
        assert (table["new_revenue_fen"] + table["existing_revenue_fen"]).sum() == 21_000


class TestRefusals:
    def test_a_missing_column(self):
        with pytest.raises(ValueError, match="margin_fen"):
            cohort_table(FOUR.drop(columns="margin_fen"), AS_OF)

    def test_money_in_floats(self):
        with pytest.raises(ValueError, match="integer fen"):
            cohort_table(FOUR.assign(revenue_fen=1.5), AS_OF)

    def test_days_as_text(self):
        with pytest.raises(ValueError, match="datetime64"):
            cohort_table(FOUR.assign(day="2023-01-01"), AS_OF)

"""Next service by time and mileage, on hand-computed cars."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.due import Policy, intervals, mileage_habits, next_due

TODAY = date(2026, 11, 20)
DIVISION = 7
POLICY = Policy(DIVISION, "", date(2020, 1, 1), 180, 10_000, 90, 5_000)


def car(**values: Any) -> pd.DataFrame:
    row = {
        "division_id": DIVISION,
        "model": "A4L",
        "own_days": np.nan,
        "own_km": np.nan,
        "serviced": True,
        "start_on": pd.Timestamp("2026-04-01"),
        "start_km": 40_000.0,
    } | values
    return pd.DataFrame([row], index=pd.Index([1], name="vehicle_id"))


def habits(*readings: tuple[str, int]) -> pd.DataFrame:
    frame = pd.DataFrame(
        [(1, pd.Timestamp(day), km) for day, km in readings], columns=["vehicle_id", "day", "km"]
    )
    return mileage_habits(frame)


NO_READINGS = habits()


def test_due_by_time_is_the_last_service_plus_the_interval() -> None:
    due = next_due(car(), NO_READINGS, [POLICY], TODAY).loc[1]
    # 1 April + 180 days = 28 September; 20 November is 53 days later.
    assert due["due_on"] == pd.Timestamp("2026-09-28")
    assert (due["due_by"], due["overdue_days"], due["due_km"]) == ("time", 53, 50_000)


def test_due_by_mileage_comes_first_for_a_car_that_drives_much() -> None:
    habit = habits(("2026-01-01", 22_000), ("2026-04-01", 40_000))  # 18,000 km in 90 days
    assert habit.loc[1, "km_per_day"] == 200
    due = next_due(car(), habit, [POLICY], date(2026, 5, 1)).loc[1]
    # 10,000 km at 200 a day are 50 days: 21 May, before 28 September.
    assert (due["due_on"], due["due_by"]) == (pd.Timestamp("2026-05-21"), "mileage")
    assert (due["overdue_days"], due["km_today"]) == (-20, 46_000)


def test_a_first_service_is_counted_from_the_purchase() -> None:
    bought = car(serviced=False, start_on=pd.Timestamp("2026-10-01"), start_km=10.0)
    due = next_due(bought, NO_READINGS, [POLICY], TODAY).loc[1]
    assert (due["due_on"], due["due_km"]) == (pd.Timestamp("2026-12-30"), 5_010)


@pytest.mark.parametrize(
    ("own", "policies", "days", "source"),
    [
        (365.0, [POLICY], 365, "vehicle"),
        (np.nan, [POLICY, Policy(DIVISION, "A4L", date(2021, 1, 1), 270)], 270, "model"),
        (np.nan, [POLICY], 180, "division"),
        (np.nan, [Policy(8, "", date(2020, 1, 1), 99)], np.nan, ""),
    ],
)
def test_the_car_outranks_its_model_and_the_model_the_division(
    own: float, policies: list[Policy], days: float, source: str
) -> None:
    rule = intervals(car(own_days=own), policies, TODAY).loc[1]
    assert rule["days_from"] == source
    assert rule["interval_days"] == days or np.isnan(days)


def test_the_latest_policy_begun_is_in_force() -> None:
    later = Policy(DIVISION, "", date(2026, 1, 1), 365)
    to_come = Policy(DIVISION, "", date(2027, 1, 1), 30)
    rule = intervals(car(), [to_come, later, POLICY], TODAY).loc[1]
    assert rule["interval_days"] == 365


def test_nothing_is_due_where_nobody_says_how_often() -> None:
    due = next_due(car(), NO_READINGS, [], TODAY).loc[1]
    assert pd.isna(due["due_on"])
    assert np.isnan(due["overdue_days"])
    assert due["due_by"] == ""


@pytest.mark.parametrize(
    "readings",
    [
        [("2026-03-01", 30_000), ("2026-04-01", 33_000)],  # 31 days apart
        [("2025-04-01", 50_000), ("2026-04-01", 40_000)],  # runs backwards
        [("2026-01-01", 1_000), ("2026-04-01", 400_000)],  # 4,433 km a day
        [("2026-04-01", 40_000)],
    ],
)
def test_readings_that_say_nothing_give_no_rate(readings: list[tuple[str, int]]) -> None:
    habit = habits(*readings)
    assert np.isnan(habit.loc[1, "km_per_day"])
    due = next_due(car(), habit, [POLICY], TODAY).loc[1]
    assert due["km_today"] == habit.loc[1, "last_km"]
    assert due["due_by"] == "time"


def test_old_habits_do_not_count() -> None:
    habit = habits(("2020-01-01", 0), ("2025-04-01", 30_000), ("2026-04-01", 40_950))
    assert habit.loc[1, "km_per_day"] == 30  # 10,950 km in the last 365 days


@given(
    started=st.dates(date(2020, 1, 1), date(2026, 11, 20)),
    days=st.integers(30, 730),
    km=st.integers(1_000, 30_000),
    rate=st.integers(0, 400),
)
def test_due_is_never_before_the_last_service_nor_later_than_by_time(
    started: date, days: int, km: int, rate: int
) -> None:
    start = pd.Timestamp(started)
    frame = car(start_on=start, own_days=float(days), own_km=float(km))
    habit = pd.DataFrame(
        {"last_on": [start], "last_km": [40_000.0], "km_per_day": [float(rate)]},
        index=pd.Index([1], name="vehicle_id"),
    )
    due_on = next_due(frame, habit, [], TODAY).loc[1, "due_on"]
    assert start <= due_on <= start + pd.Timedelta(days=days)

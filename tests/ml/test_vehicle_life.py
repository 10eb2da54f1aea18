"""How many months of a forecast count: by the vehicles that the customer still drives."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from ml.vehicle_life import cap_months, owned_today

AS_OF = date(2025, 1, 1)


def cars(*rows: tuple[int, str | None, str | None, str | None]) -> pd.DataFrame:
    """customer, built, owned from, owned to."""
    frame = pd.DataFrame(rows, columns=["customer", "built_on", "owned_from", "owned_to"])
    for name in ("built_on", "owned_from", "owned_to"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    return frame.assign(sold_on=frame["owned_from"])


def caps(vehicles: pd.DataFrame, last_visits: dict[int, str | None]) -> dict[int, int]:
    """Months by customer: vehicles live ten years, the horizon is 60 months."""
    statistics = pd.DataFrame(
        {"last_visit": pd.to_datetime(pd.Series(last_visits, dtype=object))},
        index=pd.Index(list(last_visits), name="customer"),
    )
    found = cap_months(vehicles, statistics, AS_OF, life_years=10, horizon=60)
    return dict(zip(last_visits, found.tolist(), strict=True))


def test_a_new_vehicle_lasts_beyond_the_horizon() -> None:
    assert caps(cars((1, "2024-12-01", "2024-12-20", None)), {1: "2024-12-20"}) == {1: 60}


def test_an_old_vehicle_ends_the_forecast() -> None:
    # Built 8 years and a day (2,923 days = 96.03 months) ago: 120 − 96.03 months are left.
    assert caps(cars((1, "2016-12-31", "2017-02-01", None)), {1: "2024-12-01"}) == {1: 23}


def test_past_its_life_but_still_seen_it_is_given_a_year() -> None:
    vehicles = cars((1, "2010-01-01", "2010-02-01", None))
    assert caps(vehicles, {1: "2024-06-01"}) == {1: 12}


def test_past_its_life_and_not_seen_for_two_years_nothing_is_left() -> None:
    vehicles = cars((1, "2010-01-01", "2010-02-01", None))
    assert caps(vehicles, {1: "2022-06-01"}) == {1: 0}
    assert caps(vehicles, {1: None}) == {1: 0}


def test_the_youngest_of_several_counts() -> None:
    vehicles = cars((1, "2012-01-01", "2012-02-01", None), (1, "2024-01-01", "2024-02-01", None))
    assert caps(vehicles, {1: "2024-06-01"}) == {1: 60}


def test_a_vehicle_sold_on_no_longer_counts() -> None:
    vehicles = cars(
        (1, "2016-12-31", "2017-02-01", None), (1, "2024-01-01", "2024-02-01", "2024-09-01")
    )
    assert caps(vehicles, {1: "2024-12-01"}) == {1: 23}


def test_who_parted_with_every_vehicle_and_did_not_come_again_is_worth_nothing() -> None:
    vehicles = cars((1, "2022-01-01", "2022-02-01", "2024-06-01"))
    assert caps(vehicles, {1: "2024-05-01"}) == {1: 0}
    assert caps(vehicles, {1: None}) == {1: 0}


def test_who_came_after_parting_has_a_vehicle_that_is_not_known() -> None:
    vehicles = cars((1, "2022-01-01", "2022-02-01", "2024-06-01"))
    assert caps(vehicles, {1: "2024-07-01"}) == {1: 60}


def test_without_any_known_vehicle_the_horizon_counts() -> None:
    assert caps(cars(), {1: "2024-07-01"}) == {1: 60}


def test_the_day_of_purchase_stands_in_for_an_unknown_day_of_building() -> None:
    assert caps(cars((1, None, "2016-12-31", None)), {1: "2024-12-01"}) == {1: 23}


@pytest.mark.parametrize(
    ("ended", "owned"), [("2024-12-31", 0), ("2025-01-01", 0), ("2025-01-02", 1)]
)
def test_ownership_ends_on_the_day_that_it_names(ended: str, owned: int) -> None:
    assert len(owned_today(cars((1, None, "2020-01-01", ended)), AS_OF)) == owned


def test_months_stay_between_nothing_and_the_horizon() -> None:
    years = range(1990, 2025)
    vehicles = cars(*((y, f"{y}-01-01", f"{y}-02-01", None) for y in years))
    found = np.array(list(caps(vehicles, dict.fromkeys(years, "2020-01-01")).values()))
    assert found.min() == 0
    assert found.max() == 60
    assert (np.diff(found) >= 0).all()

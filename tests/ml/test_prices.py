import datetime
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.prices import price_growth
from tests.ml.dealer_world import END, dealer_world


@pytest.fixture(scope="module")
def records():
    return dealer_world(15_000, seed=9)


def dearer(records, growth, since):
    """All money multiplied by (1 + growth) per year since ``since``."""
    days = (records.visit_days["day"] - pd.Timestamp(since)).dt.days.clip(lower=0)
    factor = (1 + growth) ** (days / 365.25)
    money = ["revenue", "margin", "accident_revenue", "accident_margin"]
    visits = records.visit_days
    return replace(
        records, visit_days=visits.assign(**{name: visits[name] * factor for name in money})
    )


def test_prices_that_stand_still_show_no_growth(records):
    for growth in price_growth(records, END).values():
        assert abs(growth) < 0.02


def test_prices_that_rise_by_five_percent_show_most_of_it(records):
    before = price_growth(records, END)
    after = price_growth(dearer(records, 0.05, "2019-01-01"), END)
    for division, growth in after.items():
        assert 0.02 < growth - before[division] < 0.06


def test_one_dear_year_is_not_carried_on_for_ever(records):
    step = datetime.date(2023, 7, 1)
    later = records.visit_days["day"] >= pd.Timestamp(step)
    visits = records.visit_days.assign(
        revenue=np.where(later, 1.1, 1.0) * records.visit_days["revenue"]
    )
    growth = price_growth(replace(records, visit_days=visits), END)
    assert max(abs(value) for value in growth.values()) < 0.02


def test_too_few_visits_say_nothing():
    assert price_growth(dealer_world(60, seed=1), END) == {}

"""Poison customers are found one by one; a fault of everybody is nobody's quarantine."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.db import OperationalError
from hypothesis import given
from hypothesis import strategies as st

from ml.quarantine import TooManyQuarantined, check_share, isolated, screen


def statistics(**figures: Any) -> pd.DataFrame:
    """Two ordinary customers and a third with these figures."""
    plain = {"T": 900.0, "t_x": 300.0, "spend": 800.0, "revenue": 4e3, "margin": 1e3}
    plain |= {"accident_revenue": 0.0, "accident_margin": 0.0}
    rows = pd.DataFrame([plain, plain | {"spend": np.nan}, plain | figures])
    rows.index = pd.Index([11, 12, 13], name="customer")
    return rows


@pytest.mark.parametrize(
    ("figures", "reason"),
    [
        ({"t_x": 901.0}, "order of time"),
        ({"T": -1.0, "t_x": 0.0}, "order of time"),
        ({"T": np.nan}, "not numbers"),
        ({"T": 40_000.0}, "hundred years"),
        ({"revenue": 1e12}, "revenue is beyond belief"),
        ({"margin": -np.inf}, "margin is beyond belief"),
    ],
)
def test_figures_that_nobody_can_have(figures: dict[str, Any], reason: str) -> None:
    found = screen(statistics(**figures))
    assert list(found) == [13]
    assert reason in found[13]


def test_ordinary_customers_and_those_who_never_spent_stay() -> None:
    assert screen(statistics()) == {}


@given(st.sets(st.integers(0, 199), max_size=20))
def test_exactly_the_poisoned_are_left_out(poison: set[int]) -> None:
    def work(part: pd.Index) -> list[int]:
        if poison & set(part):
            raise ValueError("poison")
        return [int(one) for one in part]

    results, failed = isolated(pd.RangeIndex(200), work)
    assert set(failed) == poison
    assert [one for part in results for one in part] == sorted(set(range(200)) - poison)


def test_sound_customers_are_worked_on_together() -> None:
    sizes: list[int] = []
    isolated(pd.RangeIndex(1000), lambda part: sizes.append(len(part)))
    assert sizes == [1000]


def test_a_fault_of_the_program_is_raised() -> None:
    def work(part: pd.Index) -> None:
        raise KeyError("a column is gone")

    with pytest.raises(KeyError, match="a column is gone"):
        isolated(pd.RangeIndex(10_000), work)


def test_a_lost_database_is_not_the_customers_fault() -> None:
    def work(part: pd.Index) -> None:
        raise OperationalError("server closed the connection")

    with pytest.raises(OperationalError):
        isolated(pd.RangeIndex(10), work)


def test_a_few_bad_rows_are_borne_and_many_are_not() -> None:
    check_share(20, 100)
    check_share(1_000, 100_000)
    with pytest.raises(TooManyQuarantined, match="21 of 100 customers"):
        check_share(21, 100)

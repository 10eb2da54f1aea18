"""Risk in three steps, grade by rank of value."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.grades import grades, risks


@pytest.mark.parametrize(
    ("churn", "risk"),
    [(0, "low"), (0.3499, "low"), (0.35, "medium"), (0.5999, "medium"), (0.6, "high")],
)
def test_risk_begins_at_its_lower_bound(churn: float, risk: str) -> None:
    assert risks(np.array([churn])).tolist() == [risk]


def test_of_ten_customers_one_is_A_three_B_four_C_and_two_D() -> None:
    value = np.array([5.0, 90, 10, 80, 20, 70, 30, 60, 40, 50])
    assert "".join(grades(value)) == "DADBCBCBCC"


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_handful_of_customers_is_graded_too(count: int) -> None:
    assert len(grades(np.arange(float(count)))) == count


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=200))
def test_nobody_of_a_lower_value_has_a_better_grade(values: list[float]) -> None:
    value = np.array(values)
    letter = grades(value)
    assert set(letter) <= set("ABCD")
    by_value = letter[np.argsort(-value, kind="stable")]
    assert list(by_value) == sorted(by_value)

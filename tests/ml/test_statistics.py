import datetime
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.statistics import as_observed, sufficient_statistics

AS_OF = datetime.date(2025, 1, 1)


def purchases(*rows: tuple[int, str]) -> pd.DataFrame:
    return pd.DataFrame(
        {"customer": [r[0] for r in rows], "day": pd.to_datetime([r[1] for r in rows])}
    )


def visits(*rows: tuple[int, str, float], accident: float = 0.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer": np.array([r[0] for r in rows], dtype=np.int64),
            "day": pd.to_datetime([r[1] for r in rows]),
            "revenue": [float(r[2]) for r in rows],
            "margin": [0.4 * r[2] for r in rows],
            "accident_revenue": accident,
            "accident_margin": accident / 2,
        }
    )


def test_buyer_is_born_with_the_purchase_and_every_visit_day_counts():
    got = sufficient_statistics(
        purchases((1, "2024-01-01")),
        visits((1, "2024-03-01", 500), (1, "2024-07-01", 700)),
        AS_OF,
    ).loc[1]
    assert (got["x"], got["t_x"], got["T"]) == (2, 182, 366)
    assert got["spend"] == 600


def test_stranger_is_born_with_the_first_visit_day_which_is_no_repeat():
    got = sufficient_statistics(
        purchases(), visits((1, "2024-03-01", 500), (1, "2024-03-31", 500)), AS_OF
    ).loc[1]
    assert (got["x"], got["t_x"], got["T"], got["visit_days"]) == (1, 30, 306, 2)
    assert not got["bought"]


def test_visit_before_the_purchase_is_the_birth():
    got = sufficient_statistics(
        purchases((1, "2024-06-01")), visits((1, "2024-03-01", 1), (1, "2024-07-01", 1)), AS_OF
    ).loc[1]
    assert got["birth"] == pd.Timestamp("2024-03-01")
    assert got["x"] == 1


def test_buyer_who_never_came_stays_in_with_x_zero():
    got = sufficient_statistics(purchases((9, "2024-06-01")), visits(), AS_OF)
    assert list(got.index) == [9]
    assert (got.loc[9, "x"], got.loc[9, "t_x"], got.loc[9, "T"]) == (0, 0, 214)
    assert pd.isna(got.loc[9, "last_visit"])
    assert pd.isna(got.loc[9, "spend"])


def test_several_orders_of_one_day_are_one_visit_day_with_their_sum():
    got = sufficient_statistics(
        purchases((1, "2024-01-01")),
        visits((1, "2024-03-01", 100), (1, "2024-03-01", 300), (1, "2024-04-01", 200)),
        AS_OF,
    ).loc[1]
    assert (got["x"], got["spend"]) == (2, 300)


def test_as_of_day_itself_has_not_happened():
    got = sufficient_statistics(
        purchases((1, "2024-01-01"), (2, "2025-01-01")), visits((1, "2025-01-01", 100)), AS_OF
    )
    assert list(got.index) == [1]
    assert got.loc[1, "x"] == 0


def test_litt_adds_the_logs_of_the_gaps_from_birth_on():
    got = sufficient_statistics(
        purchases((1, "2024-01-01")), visits((1, "2024-01-11", 1), (1, "2024-01-31", 1)), AS_OF
    ).loc[1]
    assert got["litt"] == pytest.approx(math.log(10) + math.log(20))


def test_accident_money_is_kept_out_of_spend():
    frame = visits((1, "2024-03-01", 5000), accident=4000.0)
    got = sufficient_statistics(purchases((1, "2024-01-01")), frame, AS_OF).loc[1]
    assert (got["spend"], got["accidents"], got["accident_revenue"]) == (1000, 1, 4000)


def test_missing_column_is_named():
    with pytest.raises(ValueError, match="accident_margin"):
        sufficient_statistics(
            purchases(), visits((1, "2024-03-01", 1)).drop(columns="accident_margin"), AS_OF
        )


@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(0, 60), st.integers(1, 900)),
        min_size=1,
        max_size=30,
    ),
    st.randoms(),
)
def test_order_of_rows_does_not_matter(rows, shuffler):
    def frame(items):
        day = pd.Timestamp("2024-10-20")
        return visits(*[(c, str((day + pd.Timedelta(days=d)).date()), m) for c, d, m in items])

    mixed = list(rows)
    shuffler.shuffle(mixed)
    first = sufficient_statistics(purchases(), frame(rows), AS_OF)
    second = sufficient_statistics(purchases(), frame(mixed), AS_OF)
    pd.testing.assert_frame_equal(first, second)
    assert (first["t_x"] <= first["T"]).all()


def bought_long_before_the_records():
    """Records begin with the first of 2022; customer 1 bought in 2018, customer 2 in 2023."""
    purchases = pd.DataFrame(
        {"customer": [1, 2, 3], "day": pd.to_datetime(["2018-01-01", "2023-01-01", "2017-01-01"])}
    )
    days = {1: ["2022-03-02", "2023-03-02"], 2: ["2023-06-01"], 4: ["2022-01-01", "2022-06-01"]}
    rows = [(one, day) for one, found in days.items() for day in found]
    visits = pd.DataFrame(rows, columns=["customer", "day"]).assign(
        day=lambda f: pd.to_datetime(f["day"]),
        **dict.fromkeys(["revenue", "margin", "accident_revenue", "accident_margin"], 1.0),
    )
    return sufficient_statistics(purchases, visits, datetime.date(2024, 1, 1))


def test_years_before_the_records_are_not_taken_for_silence():
    seen = as_observed(bought_long_before_the_records())
    assert seen.loc[1, ["x", "t_x", "T"]].tolist() == [2, 425.0, 730.0]
    assert seen.at[1, "litt"] == pytest.approx(np.log(60) + np.log(365))
    assert seen.loc[3, ["x", "t_x", "T"]].tolist() == [0, 0.0, 730.0]


def test_who_was_born_within_the_records_is_seen_whole():
    whole = bought_long_before_the_records()
    columns = ["x", "t_x", "T", "litt"]
    pd.testing.assert_frame_equal(
        as_observed(whole).loc[[2, 4], columns], whole.loc[[2, 4], columns]
    )


def test_birth_stays_that_of_the_purchase():
    whole = bought_long_before_the_records()
    assert whole.at[1, "birth"] == pd.Timestamp("2018-01-01")
    assert as_observed(whole).at[1, "birth"] == pd.Timestamp("2018-01-01")
    assert whole.at[1, "T"] == (pd.Timestamp("2024-01-01") - pd.Timestamp("2018-01-01")).days

"""The data-confidence score on figures computed by hand."""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.quality.rules import FIELDS, KINDS, PARTS
from customers.quality.scoring import (
    completeness,
    confidence_of,
    field_shares,
    gaps,
    kinds_supplied,
    ledger_basis,
    ledger_gap,
    not_known_since,
    reconciliation,
    timeliness,
    validity,
)

AS_OF = date(2026, 11, 20)


def fields(*rows: tuple[str, int, int, int]) -> pd.DataFrame:
    return pd.DataFrame(
        [(1, *row) for row in rows], columns=["store", "field", "records", "filled", "valid"]
    )


def of_fields(part: Callable[[pd.DataFrame], float], frame: pd.DataFrame) -> float:
    return part(field_shares(frame))


def months(*rows: tuple[str, float, float | None]) -> pd.DataFrame:
    frame = pd.DataFrame(
        [(1, pd.Timestamp(month), orders, ledger) for month, orders, ledger in rows],
        columns=["store", "month", "orders_fen", "ledger_fen"],
    )
    return frame.astype({"month": "datetime64[s]", "orders_fen": float, "ledger_fen": float})


def kinds(*rows: tuple[int, str, int, str | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["store", "kind", "rows", "through"])
    return frame.assign(through=pd.to_datetime(frame["through"]).astype("datetime64[s]"))


def test_the_weights_of_the_parts_sum_to_100() -> None:
    assert sum(part.weight for part in PARTS) == 100


def test_completeness_weighs_fields_by_what_rests_on_them() -> None:
    # mobile counts 3, birth date .5: (3 × 0.5 + 0.5 × 1.0) / 3.5
    frame = fields(("mobile", 100, 50, 50), ("birth_date", 10, 10, 10))
    assert of_fields(completeness, frame) == pytest.approx(2.0 / 3.5)


def test_three_answered_surveys_of_ten_are_enough() -> None:
    assert of_fields(completeness, fields(("nps_answered", 100, 30, 30))) == 1.0
    assert of_fields(completeness, fields(("nps_answered", 100, 15, 15))) == pytest.approx(0.5)


def test_a_field_that_cannot_be_empty_says_nothing_of_completeness() -> None:
    assert of_fields(
        completeness, fields(("owner", 10, 10, 10), ("mobile", 10, 4, 4))
    ) == pytest.approx(0.4)


@pytest.mark.parametrize(("bad", "part"), [(0, 1.0), (2, 0.8), (5, 0.5), (10, 0.0), (60, 0.0)])
def test_a_tenth_of_bad_values_makes_a_field_worthless(bad: int, part: float) -> None:
    assert of_fields(validity, fields(("mobile", 200, 100, 100 - bad))) == pytest.approx(part)


def test_stores_are_pooled_by_their_counts_not_by_their_shares() -> None:
    frame = pd.DataFrame(
        [(1, "mobile", 900, 900, 900), (2, "mobile", 100, 0, 0)],
        columns=["store", "field", "records", "filled", "valid"],
    )
    assert of_fields(completeness, frame) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("orders", "part"), [(100, 1.0), (98, 1.0), (102, 1.0), (94, 0.5), (106, 0.5), (90, 0.0)]
)
def test_a_gap_is_borne_up_to_2_and_worthless_from_10_percent(orders: int, part: float) -> None:
    assert reconciliation(months(("2026-06-01", orders, 100)), AS_OF) == pytest.approx(part)


def test_months_count_by_their_revenue() -> None:
    frame = months(("2026-05-01", 300, 300), ("2026-06-01", 100, 50))
    assert reconciliation(frame, AS_OF) == pytest.approx(0.75)


def test_a_month_without_books_counts_nothing_once_they_are_due() -> None:
    # Books of September were due on 31 October, those of October on 1 December.
    booked = ("2026-08-01", 100, 100)
    assert reconciliation(months(booked, ("2026-09-01", 100, None)), AS_OF) == pytest.approx(0.5)
    assert reconciliation(months(booked, ("2026-10-01", 100, None)), AS_OF) == 1.0


def test_orders_that_are_not_delivered_are_a_gap_of_the_whole_month() -> None:
    frame = months(("2026-06-01", 0, 100), ("2026-07-01", 100, 100))
    assert gaps(frame).tolist() == [-1.0, 0.0]
    assert reconciliation(frame, AS_OF) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("through", "part"),
    # 7 days are tolerated; 90 days later the kind counts nothing.
    [("2026-11-19", 1.0), ("2026-11-12", 1.0), ("2026-09-28", 0.5), ("2026-08-14", 0.0)],
)
def test_visits_grow_late_after_a_week(through: str, part: float) -> None:
    assert timeliness(kinds((1, "visits", 9, through)), AS_OF) == pytest.approx(part)


def test_a_store_that_never_delivers_what_others_deliver_gets_nothing_for_it() -> None:
    frame = kinds((1, "visits", 9, "2026-11-19"), (2, "visits", 0, None))
    assert timeliness(frame, AS_OF) == pytest.approx(0.5)


def test_a_kind_that_nobody_delivers_is_named_and_leaves_timeliness_alone() -> None:
    frame = kinds((1, "visits", 9, "2026-11-19"), (1, "surveys", 0, None))
    assert timeliness(frame, AS_OF) == 1.0
    share, missing = kinds_supplied(frame)
    assert share == pytest.approx(3 / 18)
    assert missing == tuple(kind.code for kind in KINDS if kind.code != "visits")


def test_a_surplus_of_one_month_does_not_make_up_for_the_want_of_another() -> None:
    # |110 − 100| + |90 − 100| of 200 booked; the month without books says nothing.
    frame = months(("2026-04-01", 110, 100), ("2026-05-01", 90, 100), ("2026-06-01", 500, None))
    assert ledger_gap(frame) == pytest.approx(0.10)
    assert ledger_gap(frame[frame["ledger_fen"].isna()]) is None


def test_the_score_is_the_weighted_sum_of_its_parts() -> None:
    found = confidence_of(
        fields(("mobile", 100, 80, 76)),
        kinds((1, "visits", 9, "2026-11-19"), (1, "policies", 1, None)),
        months(("2026-06-01", 94, 100)),
        AS_OF,
    )
    assert found.parts == pytest.approx(
        {
            "completeness": 0.8,
            "validity": 0.5,  # 5% bad
            "reconciliation": 0.5,  # 6% apart
            "timeliness": 1.0,
            "kinds": 5 / 18,
        }
    )
    # 30 × .8 + 20 × .5 + 25 × .5 + 15 + 10 × 5/18
    assert found.score == pytest.approx(24 + 10 + 12.5 + 15 + 2.78, abs=0.005)


def test_nothing_known_is_worth_nothing() -> None:
    found = confidence_of(fields(), kinds(), months(), AS_OF)
    assert found.score == 0
    assert len(found.missing_kinds) == len(KINDS)


def test_not_known_since_begins_the_day_after_the_last_row() -> None:
    assert not_known_since(date(2026, 11, 12), 7, AS_OF) is None
    assert not_known_since(date(2026, 11, 11), 7, AS_OF) == date(2026, 11, 12)
    assert not_known_since(None, 7, AS_OF) is None


def test_the_basis_of_the_books_is_chosen_once_for_the_group() -> None:
    frame = months(("2026-05-01", 90, 100), ("2026-06-01", 90, 100), ("2026-07-01", 100, 100))
    assert ledger_basis(frame.assign(internal_fen=[10, 10, 10])) == "with_internal"
    assert ledger_basis(frame.assign(internal_fen=[30, 30, 30])) == "outside"
    assert ledger_basis(months().assign(internal_fen=[])) == "outside"


COUNTS = st.lists(
    st.tuples(
        st.sampled_from([field.code for field in FIELDS]),
        st.integers(0, 1000),
        st.floats(0, 1),
        st.floats(0, 1),
    ),
    max_size=30,
)


def counted(rows: list[tuple[str, int, float, float]]) -> pd.DataFrame:
    made: list[tuple[Any, ...]] = []
    for code, records, filled_share, valid_share in rows:
        filled = int(records * filled_share)
        made.append((code, records, filled, int(filled * valid_share)))
    return fields(*made)


@given(rows=COUNTS, seed=st.integers(0, 99))
def test_parts_stay_between_0_and_1_and_the_order_of_rows_is_no_matter(
    rows: list[tuple[str, int, float, float]], seed: int
) -> None:
    frame = counted(rows)
    shuffled = frame.iloc[np.random.default_rng(seed).permutation(len(frame))]
    for part in (completeness, validity):
        assert 0.0 <= of_fields(part, frame) <= 1.0
        assert of_fields(part, frame) == pytest.approx(of_fields(part, shuffled))


@given(rows=COUNTS, more=st.integers(1, 50))
def test_filling_a_field_never_lowers_completeness(
    rows: list[tuple[str, int, float, float]], more: int
) -> None:
    frame = counted(rows)
    filled = frame.assign(filled=(frame["filled"] + more).clip(upper=frame["records"]))
    assert of_fields(completeness, filled) >= of_fields(completeness, frame) - 1e-12

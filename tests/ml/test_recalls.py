import datetime
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ml.recalls import NO_NOTICE, answered_notices, long_run, recall_factors, yearly_shares
from ml.records import Records
from ml.statistics import day_number
from tests.ml.dealer_world import dealer_world

AS_OF = datetime.date(2025, 1, 1)
NOTICE = pd.Timestamp("2024-03-01")


def visit(customer: int, day: str, **work: float) -> dict[str, object]:
    nothing = {"warranty_work": 1.0, "maintenance": 0.0, "repair": 0.0, "accident_revenue": 0.0}
    return {"customer": customer, "day": pd.Timestamp(day)} | nothing | work


def called(visits: list[dict[str, object]], notices: list[tuple[int, object]]) -> Records:
    events = pd.DataFrame(notices, columns=["customer", "day"])
    events["day"] = pd.to_datetime(events["day"])
    people = pd.DataFrame(
        {"division": ["A", "A", "B"], "segment": "person", "distance_km": 1.0},
        index=pd.Index([1, 2, 3], name="customer"),
    )
    world = dealer_world(20, seed=1)
    return replace(
        world,
        customers=people,
        visit_days=pd.DataFrame(visits),
        events=events.assign(kind="recall_notice"),
    )


def test_warranty_work_within_150_days_answers_the_last_notice() -> None:
    records = called(
        [visit(1, "2024-03-20"), visit(1, "2024-07-29"), visit(1, "2024-07-30")],
        [(1, "2023-01-01"), (1, NOTICE)],
    )
    sent = day_number(NOTICE.date())
    assert answered_notices(records).tolist() == [sent, sent, NO_NOTICE]


@pytest.mark.parametrize(
    "other",
    [
        visit(2, "2024-03-20"),
        visit(1, "2024-02-29"),
        visit(1, "2024-03-20", warranty_work=0.0),
        visit(1, "2024-03-20", maintenance=1.0),
        visit(1, "2024-03-20", repair=1.0),
        visit(1, "2024-03-20", accident_revenue=900.0),
    ],
)
def test_what_would_have_come_anyway_answers_nothing(other: dict[str, object]) -> None:
    assert answered_notices(called([other], [(1, NOTICE)])).tolist() == [NO_NOTICE]


def test_a_feed_without_notices_changes_nothing() -> None:
    records = called([visit(1, "2023-05-01"), visit(3, "2024-03-20")], [])
    learnt = {"A": (0.0, 5.0), "B": (0.0, 5.0)}
    assert recall_factors(records, AS_OF, learnt, ("A", "B")) == {"A": 1.0, "B": 1.0}


def test_shares_are_of_the_year_in_which_the_notice_was_sent() -> None:
    plain = [visit(1, f"2024-0{month}-01", warranty_work=0.0) for month in (5, 6)]
    records = called(
        [
            visit(3, "2023-01-02", warranty_work=0.0),
            visit(2, "2024-01-20"),  # its notice is of the year before: foreseeable
            visit(1, "2024-03-20"),
            *plain,
        ],
        [(2, "2023-12-01"), (1, NOTICE)],
    )
    # 2024 and the year before; one answer beside three other visits.
    shares = yearly_shares(records, AS_OF, ("A", "B"))
    np.testing.assert_allclose(shares, [[1 / 3, 0.0], [0.0, 0.0]])


def test_years_before_the_first_notice_are_not_years_without_recalls() -> None:
    came = [visit(1, f"20{year}-06-01", warranty_work=0.0) for year in range(16, 25)]
    records = called([*came, visit(1, "2024-03-20")], [(1, NOTICE)])
    np.testing.assert_allclose(yearly_shares(records, AS_OF, ("A",)), [[1.0]])


def test_notices_of_after_the_date_alone_change_nothing() -> None:
    records = called([visit(1, "2020-05-01"), visit(3, "2024-03-20")], [(1, "2026-03-01")])
    learnt = {"A": (0.0, 5.0), "B": (0.0, 5.0)}
    assert recall_factors(records, AS_OF, learnt, ("A", "B")) == {"A": 1.0, "B": 1.0}


def test_divisions_that_differ_no_more_than_years_do_share_one_level() -> None:
    np.testing.assert_allclose(long_run(np.array([[0.0, 0.2], [0.2, 0.0]])), [0.1, 0.1])


def test_divisions_that_differ_every_year_keep_their_own() -> None:
    own = np.array([[0.01, 0.01, 0.01], [0.20, 0.20, 0.20]])
    np.testing.assert_allclose(long_run(own), [0.01, 0.20])


@given(arrays(np.float64, (3, 5), elements=st.floats(0, 1)))
def test_the_mean_of_all_divisions_stays_and_none_moves_beyond_it(shares: np.ndarray) -> None:
    drawn, own = long_run(shares), shares.mean(axis=1)
    assert drawn.mean() == pytest.approx(own.mean())
    assert (np.abs(drawn - own.mean()) <= np.abs(own - own.mean()) + 1e-12).all()


def test_recalls_count_less_where_the_years_learnt_from_were_full_of_them() -> None:
    quiet = [visit(1, f"202{year}-06-01", warranty_work=0.0) for year in (0, 1, 2, 3)]
    came = [*quiet, visit(2, "2024-05-01", warranty_work=0.0), visit(1, "2024-03-20")]
    records = called(came, [(1, NOTICE), (3, "2021-03-01")])
    factors = recall_factors(records, AS_OF, {"A": (1.0, 1.0)}, ("A",))
    assert factors["A"] == pytest.approx(1 / 3)  # a quarter in the long run, but not below a third

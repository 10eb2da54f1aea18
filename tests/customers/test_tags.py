"""Each tag at its border, and on what is not known."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from customers.tags import RULES, evaluate, evidence

TODAY = date(2026, 11, 20)


def days(offset: int) -> pd.Timestamp:
    return pd.Timestamp(TODAY + timedelta(days=offset))


def customers(*rows: dict[str, Any]) -> pd.DataFrame:
    plain = {
        "kind": "person",
        "born_on": days(-1000),
        "last_visit_on": days(-100),
        "due_on": pd.NaT,
        "warranty_until": pd.NaT,
        "last_nps_score": np.nan,
        "last_nps_on": pd.NaT,
        "visits_24m": 3,
        "ltv_fen": np.nan,
        "churn_12m": np.nan,
        "in_churn_population": True,
        "p_alive": np.nan,
    }
    return pd.DataFrame([plain | row for row in rows])


def tagged(**values: Any) -> set[str]:
    return {code for code, mask in evaluate(customers(values), TODAY).items() if mask[0]}


@pytest.mark.parametrize(
    ("values", "code", "expected"),
    [
        ({"due_on": days(-1)}, "overdue", True),
        ({"due_on": days(0)}, "overdue", False),
        ({"due_on": days(-900), "in_churn_population": False}, "overdue", False),
        ({"due_on": days(0)}, "due_soon", True),
        ({"due_on": days(30)}, "due_soon", True),
        ({"due_on": days(31)}, "due_soon", False),
        ({"due_on": days(-1)}, "due_soon", False),
        ({"warranty_until": days(60)}, "warranty_ending", True),
        ({"warranty_until": days(61)}, "warranty_ending", False),
        ({"warranty_until": days(-1)}, "warranty_ending", False),
        ({"churn_12m": 0.60}, "at_risk", True),
        ({"churn_12m": 0.59}, "at_risk", False),
        ({"churn_12m": 0.99, "in_churn_population": False}, "at_risk", False),
        ({"last_visit_on": days(-365)}, "lost", True),
        ({"last_visit_on": days(-364)}, "lost", False),
        ({"last_visit_on": pd.NaT, "born_on": days(-365)}, "lost", True),
        ({"last_visit_on": pd.NaT, "born_on": days(-20)}, "lost", False),
        ({"last_nps_score": 9, "last_nps_on": days(-365)}, "promoter", True),
        ({"last_nps_score": 9, "last_nps_on": days(-366)}, "promoter", False),
        ({"last_nps_score": 8, "last_nps_on": days(-1)}, "promoter", False),
        ({"last_nps_score": 6, "last_nps_on": days(-1)}, "detractor", True),
        ({"last_nps_score": 7, "last_nps_on": days(-1)}, "detractor", False),
        ({"born_on": days(-179)}, "new", True),
        ({"born_on": days(-180)}, "new", False),
        ({"kind": "company"}, "fleet", True),
        ({"kind": "employee"}, "fleet", False),
    ],
)
def test_a_rule_at_its_border(values: dict[str, Any], code: str, expected: bool) -> None:
    assert (code in tagged(**values)) is expected


def test_what_is_not_known_sets_no_tag() -> None:
    unknown = dict.fromkeys(("born_on", "last_visit_on"), pd.NaT)
    assert tagged(**unknown) == set()


def test_high_value_is_the_top_tenth_and_people_are_ranked_apart_from_fleets() -> None:
    people = [{"ltv_fen": v} for v in range(1, 21)]
    fleets = [{"kind": "fleet", "ltv_fen": v} for v in (10_000, 20_000)]
    mask = evaluate(customers(*people, *fleets), TODAY)["high_value"]
    # Of 20 people the 18.1th of the order is rounded up to the 19th: 19 and 20 are in.
    assert np.flatnonzero(mask).tolist() == [18, 19, 21]


def test_evidence_carries_the_threshold_and_is_plain_json() -> None:
    frame = customers({"ltv_fen": 500}, {"ltv_fen": 900})
    assert evidence(frame, "high_value") == [
        {"ltv_fen": 500, "threshold_fen": 900},
        {"ltv_fen": 900, "threshold_fen": 900},
    ]
    assert evidence(customers({"due_on": days(-3)}), "overdue") == [{"due_on": "2026-11-17"}]


def test_a_missing_column_is_named() -> None:
    with pytest.raises(KeyError, match="due_on"):
        evaluate(customers({}).drop(columns="due_on"), TODAY)


def test_order_of_rows_does_not_matter() -> None:
    rng = np.random.default_rng(4)
    frame = customers(*({"ltv_fen": float(v), "churn_12m": v / 50} for v in range(50)))
    shuffled = rng.permutation(50)
    straight, mixed = evaluate(frame, TODAY), evaluate(frame.iloc[shuffled], TODAY)
    for rule in RULES:
        assert (straight[rule.code][shuffled] == mixed[rule.code]).all()

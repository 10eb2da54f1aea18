"""Flows by payer and kind of work: shares by hand, parts that sum to the flow."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from valuation.contracted import ContractBook, contracted
from valuation.mix import KINDS, PAYERS, SMALLEST, Shares, shares, split

AS_OF = date(2025, 1, 1)


def visits(rows: list[tuple]) -> pd.DataFrame:
    names = ["customer", "day", "margin", "accident_revenue", "revenue_customer"]
    names += ["revenue_insurer", "revenue_manufacturer", "warranty_work", "repair", "maintenance"]
    frame = pd.DataFrame(rows, columns=names)
    frame["day"] = pd.to_datetime(frame["day"])
    return frame


REGULAR = (11, "2024-05-01", 40.0, 0.0, 75.0, 0.0, 25.0, 0, 0, 1)
ACCIDENT = (11, "2024-06-01", 30.0, 100.0, 10.0, 90.0, 0.0, 0, 1, 0)
OLD = (11, "2020-05-01", 40.0, 0.0, 0.0, 0.0, 500.0, 1, 0, 0)


def test_shares_of_the_last_three_years_with_accidents_apart():
    frame = visits([REGULAR] * SMALLEST + [ACCIDENT] * SMALLEST + [OLD] * SMALLEST)
    found = shares(frame, np.array([11]), np.array([0]), 2, AS_OF)
    assert found.payer[0].tolist() == [0.75, 0.0, 0.25]
    assert found.accident_payer[0] == pytest.approx([0.1, 0.9, 0.0])
    assert found.kind[0].tolist() == [0.0, 0.0, 1.0, 0.0]
    # The other store has no days: it takes the group's.
    assert found.payer[1].tolist() == [0.75, 0.0, 0.25]


def test_a_group_without_visits():
    found = shares(
        visits([]).astype({"customer": "int64"}), np.array([11]), np.array([0]), 1, AS_OF
    )
    assert found.payer.tolist() == [[1.0, 0.0, 0.0]]


@given(
    arrays.arrays(np.int64, (2, 6), elements=st.integers(-10_000, 10_000_000)),
    st.floats(0, 1),
)
def test_parts_sum_to_every_month_to_the_fen(whole, accident_share):
    accident = np.rint(whole * accident_share).astype(np.int64)
    even = np.full((2, 3), 1 / 3)
    found = Shares(even, np.tile([0.2, 0.8, 0.0], (2, 1)), np.full((2, 4), 0.25))
    payers, kinds = split(found, whole, accident)
    assert list(payers) == list(PAYERS)
    assert list(kinds) == list(KINDS)
    assert (sum(payers.values()) == whole).all()
    assert (sum(kinds.values()) == whole).all()


class TestContracts:
    def book(self, **values) -> ContractBook:
        empty = np.zeros((1, 24), np.int64)
        none = np.zeros(1)
        fields = {
            "balance_fen": empty,
            "contracts": np.zeros(1, np.int64),
            "policies": empty,
            "ending_warranties": empty,
            "renewal_rate": none,
            "renewal_fen": none,
            "warranty_rate": none,
            "warranty_fen": none,
        }
        return ContractBook(**fields | values)

    def test_a_prepaid_balance_is_a_liability_that_work_releases(self):
        balance = np.zeros((1, 24), np.int64)
        balance[0, :10] = 1_000_00
        found = contracted(
            self.book(balance_fen=balance), np.ones((1, 24)), np.ones((1, 24)), np.array([0.4])
        )
        assert found["prepaid_liability"].tolist() == [10_000_00]
        assert found["prepaid_cost"].tolist() == [6_000_00]
        assert found["prepaid_margin"].tolist() == [4_000_00]

    def test_a_policy_is_renewed_every_year_with_what_is_left(self):
        policies = np.zeros((1, 24), np.int64)
        policies[0, 5] = 100
        book = self.book(
            policies=policies, renewal_rate=np.array([0.5]), renewal_fen=np.array([200_00.0])
        )
        found = contracted(book, np.ones((1, 24)), np.ones((1, 24)), np.array([0.4]))
        # Month 6: 50 of them; month 18: 25.
        assert found["renewals"].tolist() == [75 * 200_00]

    def test_extended_warranties_are_sold_to_who_is_still_there(self):
        ending = np.zeros((1, 24), np.int64)
        ending[0, 11] = 40
        alive = np.linspace(100, 45, 24)[None]
        book = self.book(
            ending_warranties=ending,
            warranty_rate=np.array([0.1]),
            warranty_fen=np.array([1_000_00.0]),
        )
        found = contracted(book, np.ones((1, 24)), alive, np.array([0.4]))
        expected = 40 * 0.1 * 1_000_00 * alive[0, 11] / alive[0, 0]
        assert found["warranties"][0] == pytest.approx(expected, abs=1)

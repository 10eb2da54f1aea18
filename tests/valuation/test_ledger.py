"""Counters of the books: windows by hand, gaps said and never filled in."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuation.indicators.definitions import DEFINITIONS
from valuation.indicators.ledger import COLUMNS, REACH, Ledger, ledger_counters, month_number

LAST = month_number(2025, 12)
COST = 100.0


def books(store: int, months: range, **other: float) -> pd.DataFrame:
    """Months back from LAST: revenue 1,000 less 10 a month back, every cost 100."""
    rows = []
    for back in months:
        row = dict.fromkeys(COLUMNS, COST) | {"revenue_fen": 2_000.0 - 10 * back}
        row |= {
            "fixed_assets_fen": 900.0,
            "working_capital_fen": 100.0,
            "total_assets_fen": 4_000.0,
        }
        rows.append({"store": store, "month": LAST - back, **row, **other})
    return pd.DataFrame(rows)


def counters(*frames: pd.DataFrame, stores: list[int]) -> list[dict[str, int]]:
    found = ledger_counters(Ledger.of(pd.concat(frames), stores, LAST, REACH + 12), LAST)
    return [{name: int(column[i]) for name, column in found.items()} for i in range(len(stores))]


def figure(key: str, one: dict[str, int]) -> float | None:
    return DEFINITIONS[key].value(one)


class TestWholeBooks:
    @pytest.fixture
    def one(self) -> dict[str, int]:
        return counters(books(1, range(80)), stores=[1])[0]

    def test_growth_of_twelve_months(self, one):
        now, before = 12 * 2_000 - 10 * 66, 12 * 2_000 - 10 * 210
        assert figure("revenue_growth", one) == pytest.approx(now / before - 1)
        assert figure("organic_growth", one) == figure("revenue_growth", one)

    def test_compound_rates(self, one):
        now, then = 12 * 2_000 - 10 * 66, 12 * 2_000 - 10 * sum(range(36, 48))
        assert figure("cagr_3", one) == pytest.approx((now / then) ** (1 / 3) - 1)

    def test_profit_steps(self, one):
        revenue = 12 * 2_000 - 660
        assert figure("gross_margin", one) == pytest.approx((revenue - 3_600) / revenue)
        assert figure("ebitda_margin", one) == pytest.approx((revenue - 6_000) / revenue)
        assert figure("net_margin", one) == pytest.approx((revenue - 9_600) / revenue)

    def test_capital(self, one):
        revenue = 12 * 2_000 - 660
        assert figure("roic", one) == pytest.approx((revenue - 9_600) / 1_000)
        assert figure("asset_turnover", one) == pytest.approx(revenue / 4_000)


class TestGaps:
    def test_a_missing_month_takes_the_store_out_and_is_no_estimate(self):
        whole, holed = counters(
            books(1, range(80)),
            books(2, [b for b in range(80) if b != 5]),
            stores=[1, 2],
        )
        assert figure("gross_margin", holed) is None
        assert (holed["gap_gross"], whole["gap_gross"]) == (1, 0)
        both = {name: whole[name] + holed[name] for name in whole}
        assert figure("gross_margin", both) == figure("gross_margin", whole)

    def test_a_missing_cost_takes_it_out_of_the_margin_but_not_of_growth(self):
        (one,) = counters(books(1, range(80), site_cost_fen=float("nan")), stores=[1])
        assert figure("gross_margin", one) is None
        assert figure("revenue_growth", one) is not None

    def test_a_store_opened_in_between_counts_in_all_stores_but_not_in_the_same(self):
        old, young = counters(books(1, range(80)), books(2, range(18)), stores=[1, 2])
        assert young["gap_growth"] == 0
        both = {name: old[name] + young[name] for name in old}
        assert figure("organic_growth", both) == figure("organic_growth", old)
        assert figure("revenue_growth", both) > figure("revenue_growth", old)
        assert figure("asset_turnover", young) is not None

    def test_a_year_that_is_not_full_has_no_return_on_capital(self):
        (one,) = counters(books(1, range(7)), stores=[1])
        assert figure("roic", one) is None
        assert figure("gross_margin", one) is not None

    def test_books_that_end_early_are_a_gap(self):
        (one,) = counters(books(1, range(1, 80)), stores=[1])
        assert one["gap_growth"] == one["gap_gross"] == 1

    def test_no_books_at_all(self):
        nothing = counters(books(1, range(80)), stores=[1, 2])[1]
        assert all(v == 1 for name, v in nothing.items() if name.startswith("gap_c"))
        assert figure("revenue_growth", nothing) is None

    def test_two_rows_of_one_month_are_refused(self):
        with pytest.raises(ValueError, match="two rows"):
            counters(books(1, range(3)), books(1, range(3)), stores=[1])


@given(st.permutations(range(40)), st.integers(0, 39))
def test_the_order_of_rows_does_not_matter(order, missing):
    rows = books(1, [back for back in range(40) if back != missing])
    shuffled = rows.iloc[[one for one in order if one < len(rows)]]
    assert counters(rows, stores=[1]) == counters(shuffled, stores=[1])

"""From monthly books to counters of a store: pure, arrays in, integers out.

A month is missing where the books have no row, or no figure in a column that the indicator needs,
after the store's first booked month. Nothing is filled in: a store with a gap in the window is left
out of the indicator, numerator and denominator alike, and counted as left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

YEARS_OF_COMPOUND = (3, 5)
REACH = 12 * max(YEARS_OF_COMPOUND) + 12
"""Months back that the longest compound rate looks at."""

GROSS = ("revenue_fen", "parts_cost_fen", "labour_cost_fen", "site_cost_fen")
EBITDA = (*GROSS, "admin_expense_fen", "selling_expense_fen")
NET = (*EBITDA, "depreciation_fen", "amortisation_fen", "tax_fen")
BALANCES = ("fixed_assets_fen", "working_capital_fen", "total_assets_fen")
COLUMNS = (*NET, *BALANCES)


def month_number(year: int, month: int) -> int:
    """Months since year 0."""
    return year * 12 + month - 1


def month_name(number: int) -> str:
    return f"{number // 12}-{number % 12 + 1:02d}"


@dataclass(frozen=True)
class Ledger:
    """After-sales books of S stores: ``columns`` by name as (S, M) fen, not a number where missing.

    ``start``: number of the first month.
    """

    start: int
    columns: Mapping[str, Floats]

    @classmethod
    def of(cls, rows: pd.DataFrame, stores: Sequence[int], last: int, months: int) -> "Ledger":
        """``rows``: ``store`` (unit id), ``month`` (number) and COLUMNS, in any order.

        Keeps the ``months`` months that end with ``last``. Raises ``ValueError`` for two rows of
        one store and month.
        """
        if rows.duplicated(["store", "month"]).any():
            raise ValueError("the books have two rows of one store and month")
        start = last - months + 1
        index = pd.MultiIndex.from_product([stores, range(start, last + 1)])
        table = rows.set_index(["store", "month"]).reindex(index)
        shape = (len(stores), months)
        return cls(start, {c: table[c].to_numpy(dtype=np.float64).reshape(shape) for c in COLUMNS})

    def window(self, column: str, last: int, months: int) -> Floats:
        """(S, months) up to and with ``last``; months before the first column are missing."""
        end = last - self.start + 1
        begin = end - months
        found = self.columns[column]
        if begin >= 0:
            return found[:, begin:end]
        before = np.full((found.shape[0], -begin), np.nan)
        return np.concatenate([before, found[:, : max(end, 0)]], axis=1)

    def first_month(self) -> Integers:
        """Number of each store's first month with a revenue; far in the future for none."""
        known = ~np.isnan(self.columns["revenue_fen"])
        first = np.where(known.any(axis=1), known.argmax(axis=1), 10**6)
        return np.asarray(first + self.start, dtype=np.int64)

    def missing(self, last: int, months: int, columns: Sequence[str]) -> Bools:
        """(S, months): a figure of ``columns`` is missing after the store's first booked month."""
        number = np.arange(last - months + 1, last + 1)
        begun = number[None, :] >= self.first_month()[:, None]
        holes = np.zeros(begun.shape, dtype=bool)
        for column in columns:
            holes |= np.isnan(self.window(column, last, months))
        return np.asarray(holes & begun)

    def total(self, columns: Sequence[str], last: int, months: int, sound: Bools) -> Integers:
        """Sum of the first column less the others, 0 for stores that are not ``sound``."""
        sums = [np.nansum(self.window(one, last, months), axis=1) for one in columns]
        return np.where(sound, sums[0] - sum(sums[1:]), 0.0).astype(np.int64)


def ledger_counters(ledger: Ledger, last: int) -> dict[str, Integers]:
    """Counters of the year that ends with month ``last``, (S,) each; ``gap_…`` is 1 for left out.

    A store that has no books at all is left out everywhere.
    """
    nothing = ledger.first_month() > last
    return {
        **_growth(ledger, last, nothing),
        **_compound(ledger, last, nothing),
        **_profit(ledger, last, nothing),
        **_capital(ledger, last, nothing),
    }


def _growth(ledger: Ledger, last: int, nothing: Bools) -> dict[str, Integers]:
    gap = ledger.missing(last, 24, ["revenue_fen"]).any(axis=1) | nothing
    old = ledger.first_month() <= last - 23
    revenue = ["revenue_fen"]
    return {
        "gap_growth": gap.astype(np.int64),
        "total_now_fen": ledger.total(revenue, last, 12, ~gap),
        "total_before_fen": ledger.total(revenue, last - 12, 12, ~gap),
        "same_now_fen": ledger.total(revenue, last, 12, ~gap & old),
        "same_before_fen": ledger.total(revenue, last - 12, 12, ~gap & old),
    }


def _compound(ledger: Ledger, last: int, nothing: Bools) -> dict[str, Integers]:
    found: dict[str, Integers] = {}
    for years in YEARS_OF_COMPOUND:
        then = last - 12 * years
        gap = ledger.missing(last, 12, ["revenue_fen"]).any(axis=1) | nothing
        gap |= ledger.missing(then, 12, ["revenue_fen"]).any(axis=1)
        sound = ~gap & (ledger.first_month() <= then - 11)
        found |= {
            f"gap_cagr_{years}": gap.astype(np.int64),
            f"cagr_{years}_end_fen": ledger.total(["revenue_fen"], last, 12, sound),
            f"cagr_{years}_begin_fen": ledger.total(["revenue_fen"], then, 12, sound),
        }
    return found


def _profit(ledger: Ledger, last: int, nothing: Bools) -> dict[str, Integers]:
    found: dict[str, Integers] = {}
    for name, columns in (("gross", GROSS), ("ebitda", EBITDA), ("net", NET)):
        gap = ledger.missing(last, 12, columns).any(axis=1) | nothing
        found |= {
            f"gap_{name}": gap.astype(np.int64),
            f"{name}_profit_fen": ledger.total(columns, last, 12, ~gap),
            f"{name}_revenue_fen": ledger.total(["revenue_fen"], last, 12, ~gap),
        }
    return found


def _capital(ledger: Ledger, last: int, nothing: Bools) -> dict[str, Integers]:
    """Flows need the whole year: a year that is not full would make the return too small."""
    short = ledger.first_month() > last - 11

    def balance(column: str, month: int) -> Floats:
        return ledger.window(column, month, 1)[:, 0]

    capital = balance("fixed_assets_fen", last) + balance("working_capital_fen", last)
    unsound = ledger.missing(last, 12, NET).any(axis=1) | nothing | short | np.isnan(capital)
    found = {
        "gap_capital": unsound.astype(np.int64),
        "return_fen": ledger.total(NET, last, 12, ~unsound),
        "capital_fen": np.where(unsound, 0.0, capital).astype(np.int64),
    }
    late = ledger.missing(last, 12, ["revenue_fen"]).any(axis=1) | nothing | short
    for column, gap, turned, ends_name in (
        ("total_assets_fen", "gap_assets", "turned_fen", "assets_ends_fen"),
        ("fixed_assets_fen", "gap_fixed", "fixed_turned_fen", "fixed_ends_fen"),
    ):
        ends = balance(column, last) + balance(column, last - 12)
        left = late | np.isnan(ends)
        found |= {
            gap: left.astype(np.int64),
            turned: ledger.total(["revenue_fen"], last, 12, ~left),
            ends_name: np.where(left, 0.0, ends).astype(np.int64),
        }
    return found

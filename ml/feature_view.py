"""Customers seen from a day: what the makers of features share.

``last_of`` and ``pick`` take, for each customer, the value of the last of rows that are sorted by
customer and day; missing is NaN.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.statistics import to_days

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class View:
    """The customers under view, ascending, and the cut-off."""

    customers: Ints
    end: int

    @property
    def n(self) -> int:
        return int(self.customers.size)

    def rows(self, customer: Ints) -> tuple[Places, NDArray[np.bool_]]:
        """Place of each customer, and whether it is under view at all."""
        at = np.searchsorted(self.customers, customer)
        at = np.minimum(at, max(self.n - 1, 0))
        return at, (
            self.customers[at] == customer if self.n else np.zeros(customer.size, dtype=bool)
        )

    def count(self, at: Places, weights: Floats | None = None) -> Floats:
        return np.bincount(at, weights, self.n).astype(np.float64)


def divide(top: Floats, bottom: Floats) -> Floats:
    """NaN where there is nothing to divide by."""
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)


def last_of(at: Places, n: int) -> Places:
    """Row number of each customer's last row in rows sorted by customer and day; −1 if none."""
    last = np.full(n, -1, dtype=np.intp)
    last[at] = np.arange(at.size)
    return last


def pick(values: Floats, rows: Places) -> Floats:
    if values.size == 0:
        return np.full(rows.size, np.nan)
    return np.where(rows >= 0, values[np.maximum(rows, 0)], np.nan)


def past_rows(view: View, rows: pd.DataFrame) -> tuple[Places, Floats, Places]:
    """Rows before the cut-off of customers under view: place, days ago, row number; in order."""
    day = to_days(rows["day"])
    at, known = view.rows(rows["customer"].to_numpy(dtype=np.int64))
    kept = np.flatnonzero(known & (day < view.end) & rows["day"].notna().to_numpy())
    kept = kept[np.lexsort((day[kept], at[kept]))]
    return at[kept], (view.end - day[kept]).astype(np.float64), kept

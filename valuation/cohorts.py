"""Customers by the period of their first visit, followed through the periods since.

A visit day is one row: ``customer``, ``day`` (datetime64), ``revenue_fen``, ``margin_fen``. Money
stays integer fen throughout. A period is a calendar month, quarter or year; elapsed period 0 is
the one of the first visit.
"""

import datetime as dt
from typing import Literal

import numpy as np
import pandas as pd

Period = Literal["M", "Q", "Y"]

VISIT_COLUMNS = ("customer", "day", "revenue_fen", "margin_fen")
TABLE_COLUMNS = (
    "cohort",
    "elapsed",
    "customers",
    "active",
    "retention",
    "remaining",
    "revenue_fen",
    "margin_fen",
    "cumulative_revenue_fen",
    "cumulative_margin_fen",
    "margin_per_customer_fen",
    "complete",
)
_PER_YEAR: dict[Period, int] = {"M": 12, "Q": 4, "Y": 1}


def _ordinal(days: pd.Series, period: Period) -> pd.Series:
    """Periods counted from year 0, so that differences are elapsed periods."""
    per_year = _PER_YEAR[period]
    return days.dt.year * per_year + (days.dt.month - 1) // (12 // per_year)


def period_name(ordinal: int, period: Period) -> str:
    """2023, 2023-Q4 or 2023-11."""
    year, part = divmod(int(ordinal), _PER_YEAR[period])
    names = {"M": f"{year}-{part + 1:02d}", "Q": f"{year}-Q{part + 1}", "Y": f"{year}"}
    return names[period]


def _checked(visits: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    missing = [name for name in VISIT_COLUMNS if name not in visits]
    if missing:
        raise ValueError(f"visits lack the column {', '.join(missing)}")
    if not pd.api.types.is_datetime64_any_dtype(visits["day"]):
        raise ValueError(f"day must be datetime64, not {visits['day'].dtype}")
    for name in ("revenue_fen", "margin_fen"):
        if not pd.api.types.is_integer_dtype(visits[name]):
            raise ValueError(f"{name} must be integer fen, not {visits[name].dtype}")
    if visits[["customer", "day"]].isna().any(axis=None):
        raise ValueError("visits without a customer or a day cannot be put into a cohort")
    return visits.loc[visits["day"] < pd.Timestamp(as_of), list(VISIT_COLUMNS)]


def cohort_table(visits: pd.DataFrame, as_of: dt.date, period: Period = "Q") -> pd.DataFrame:
    """One row per cohort and elapsed period, up to the period in which ``as_of`` falls.

    Visits on ``as_of`` and later are left out. Columns: ``cohort`` (name), ``elapsed``,
    ``customers`` (size of the cohort), ``active`` (with a visit in the period), ``retention``
    (active / customers), ``remaining`` (share with a visit in this or a later period; its
    complement is cumulative attrition, understated for recent periods), ``revenue_fen``,
    ``margin_fen``, ``cumulative_revenue_fen``, ``cumulative_margin_fen``,
    ``margin_per_customer_fen`` (cumulative) and ``complete`` (the period had ended by ``as_of``).

    Raises ``ValueError`` for missing columns, money that is not integer, or a missing day.
    """
    rows = _checked(visits, as_of)
    if rows.empty:
        return pd.DataFrame(columns=list(TABLE_COLUMNS))
    ordinal = _ordinal(rows["day"], period)
    first = ordinal.groupby(rows["customer"]).transform("min")
    rows = rows.assign(first=first, elapsed=ordinal - first)
    size = rows.groupby("first")["customer"].nunique()
    figures = rows.groupby(["first", "elapsed"]).agg(
        active=("customer", "nunique"),
        revenue_fen=("revenue_fen", "sum"),
        margin_fen=("margin_fen", "sum"),
    )
    last = rows.groupby(["first", "customer"])["elapsed"].max()
    lasting = last.groupby(level="first").value_counts().rename("last_seen")
    lasting.index = lasting.index.set_names(["first", "elapsed"])
    table = _grid(size, as_of, period).join(figures, on=["first", "elapsed"])
    table = table.join(lasting, on=["first", "elapsed"])
    counted = ["active", "revenue_fen", "margin_fen", "last_seen"]
    table[counted] = table[counted].fillna(0).astype("int64")
    return _with_ratios(table)


def _grid(size: pd.Series, as_of: dt.date, period: Period) -> pd.DataFrame:
    """Every cohort with every elapsed period up to now, also those in which nobody came."""
    last_day = pd.Timestamp(as_of) - pd.Timedelta(days=1)
    now = int(_ordinal(pd.Series([last_day]), period).iloc[0])
    ended = int(_ordinal(pd.Series([pd.Timestamp(as_of)]), period).iloc[0])
    pairs = [(int(first), step) for first in size.index for step in range(now - int(first) + 1)]
    grid = pd.DataFrame(pairs, columns=["first", "elapsed"], dtype="int64")
    grid["cohort"] = [period_name(first, period) for first in grid["first"]]
    grid["customers"] = grid["first"].map(size).astype("int64")
    grid["complete"] = grid["first"] + grid["elapsed"] < ended
    return grid


def _with_ratios(table: pd.DataFrame) -> pd.DataFrame:
    cohort = table.groupby("first")
    gone_before = cohort["last_seen"].cumsum() - table["last_seen"]
    table["retention"] = table["active"] / table["customers"]
    table["remaining"] = 1.0 - gone_before / table["customers"]
    table["cumulative_revenue_fen"] = cohort["revenue_fen"].cumsum()
    table["cumulative_margin_fen"] = cohort["margin_fen"].cumsum()
    table["margin_per_customer_fen"] = table["cumulative_margin_fen"] / table["customers"]
    return table[list(TABLE_COLUMNS)]


def new_and_existing(visits: pd.DataFrame, as_of: dt.date, period: Period = "Q") -> pd.DataFrame:
    """Per period: customers and revenue of those first seen in it and of those seen before.

    Columns: ``period``, ``new_customers``, ``existing_customers``, ``new_revenue_fen``,
    ``existing_revenue_fen``, ``new_share`` (of customers), ``new_revenue_share`` (not a number
    in a period without revenue).
    """
    rows = _checked(visits, as_of)
    ordinal = _ordinal(rows["day"], period)
    new = ordinal == ordinal.groupby(rows["customer"]).transform("min")
    rows = rows.assign(ordinal=ordinal, kind=np.where(new, "new", "existing"))
    grouped = rows.groupby(["ordinal", "kind"])
    customers = _by_kind(grouped["customer"].nunique())
    revenue = _by_kind(grouped["revenue_fen"].sum())
    result = pd.DataFrame(
        {
            "period": [period_name(one, period) for one in customers.index],
            "new_customers": customers["new"],
            "existing_customers": customers["existing"],
            "new_revenue_fen": revenue["new"],
            "existing_revenue_fen": revenue["existing"],
        }
    )
    result["new_share"] = customers["new"] / customers.sum(axis=1)
    turnover = revenue.sum(axis=1)
    result["new_revenue_share"] = revenue["new"] / turnover.where(turnover != 0)
    return result.reset_index(drop=True)


def _by_kind(series: pd.Series) -> pd.DataFrame:
    table = series.unstack("kind", fill_value=0)
    return table.reindex(columns=["new", "existing"], fill_value=0)

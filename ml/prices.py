"""How fast the price of the same work rises, like held against like.

Plain routine visits of vehicles of the same age class and division are compared between the last
year and the year before, so that an ageing base or a richer mix does not count as a rise in price.
What is compared is the 30th percentile of a cell: every few visits there is a major service, and
where its share grows the mean rises without any price having changed (by up to 6% a year on the
demonstration group, whose prices stand still; the percentile stayed within 2%).
"""

import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.records import Records
from ml.statistics import day_number, to_days

Floats = NDArray[np.float64]

PERCENTILE = 0.3
# Variance of that percentile of n values of a normal distribution, times n, over their variance.
_VARIANCE = 1.74
MIN_VISITS = 30
"""Routine visits that a cell needs in both years."""
GROUP_SPREAD, DIVISION_SPREAD = 0.02, 0.01
"""Standard deviations before any data: of yearly growth, and of a division's from the group's."""
LARGEST_GROWTH = 0.12


def price_growth(records: Records, as_of: datetime.date) -> dict[str, float]:
    """Yearly growth of the price of routine work per division, as a log difference.

    The growth of the cells (division and year of the vehicle's age) is weighed by the inverse of
    its variance; the group's is shrunk towards 0 by its own standard error, a division's towards
    the group's. Divisions without a cell of enough visits are left out.
    """
    cells = _cells(records, as_of)
    if cells.empty:
        return {}
    weight, rise = cells["weight"], cells["rise"]
    total = float(weight.sum())
    group = float((weight * rise).sum()) / total * _believed(GROUP_SPREAD, 1.0 / total)
    found = {}
    for division, rows in cells.groupby(level="division"):
        own = float(rows["weight"].sum())
        mean = float((rows["weight"] * rows["rise"]).sum()) / own
        growth = group + (mean - group) * _believed(DIVISION_SPREAD, 1.0 / own)
        found[str(division)] = float(np.clip(growth, -LARGEST_GROWTH, LARGEST_GROWTH))
    return found


def _believed(spread: float, variance: float) -> float:
    return spread**2 / (spread**2 + variance)


def _cells(records: Records, as_of: datetime.date) -> pd.DataFrame:
    """Per division and year of age: ``rise`` between the two years and ``weight``, its inverse
    variance."""
    visits = records.visit_days
    day = to_days(visits["day"])
    ago = day_number(as_of) - day
    accident = visits["accident_revenue"].to_numpy(dtype=float)
    money = visits["revenue"].to_numpy(dtype=float) - accident
    other = visits[["repair", "warranty_work"]].to_numpy(dtype=float).sum(axis=1)
    plain = (visits["maintenance"].to_numpy(dtype=float) > 0) & (other == 0) & (accident == 0)
    plain &= (money > 0) & (ago > 0) & (ago <= 730)
    owner = visits["customer"].to_numpy()[plain]
    rows = pd.DataFrame(
        {
            "division": records.customers["division"].reindex(owner).to_numpy(),
            "age": _age(records, owner, day[plain]),
            "late": ago[plain] <= 365,
            "value": np.log(money[plain]),
        }
    )
    values = rows.groupby(["division", "age", "late"])["value"]
    level = values.quantile(PERCENTILE).unstack("late")
    count, spread = values.size().unstack("late"), values.var().unstack("late")
    if not {True, False} <= set(level.columns):
        return pd.DataFrame()
    kept = (count >= MIN_VISITS).all(axis=1)
    variance = (_VARIANCE * spread / count).sum(axis=1).clip(lower=1e-8)
    return pd.DataFrame({"rise": level[True] - level[False], "weight": 1.0 / variance})[kept]


def _age(records: Records, owner: NDArray[np.int64], day: NDArray[np.int64]) -> Floats:
    """Whole years of age of the customer's youngest vehicle on the day; −1 unknown."""
    vehicles = records.vehicles
    start = vehicles["built_on"].fillna(vehicles["sold_on"]).fillna(vehicles["owned_from"])
    built = pd.Series(to_days(start), index=vehicles["customer"].to_numpy())
    built = built[start.notna().to_numpy()].groupby(level=0).max().reindex(owner)
    years = np.floor((day - built.to_numpy(dtype=float)) / 365.25)
    return np.where(np.isnan(years), -1.0, np.clip(years, -1.0, 12.0))

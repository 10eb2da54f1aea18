"""What trees of the coming year learn from: customers on earlier days and the year after each.

A snapshot lies whole years before the as-of date, in small groups also half a year between: their
years overlap, but more of them steady the trees. Every year closes before the as-of date.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.churn import HALF_YEAR, YEAR, NotEnoughData
from ml.features import customer_features
from ml.prices import price_growth
from ml.recalls import answered_notices
from ml.records import Records
from ml.statistics import day_number, sufficient_statistics, to_days

if TYPE_CHECKING:
    from ml.next_year import NextYearConfig

Floats = NDArray[np.float64]

PRICE_TREND_KEPT = 0.5
"""Of the last yearly rise of prices, what is expected to go on (as in :mod:`ml.spend`)."""


@dataclass(frozen=True)
class YearSnapshot:
    """Customers at a cut-off ``years`` (whole or half) before the as-of date: features, and what
    the year after it brought; ``recalls``: those of the visits that answer a notice sent after the
    cut-off; ``later_…``: the year after that, None where it is not over."""

    cut_off: datetime.date
    years: float
    features: pd.DataFrame
    visits: Floats
    recalls: Floats
    revenue: Floats
    later_visits: Floats | None
    later_recalls: Floats | None


def between(
    records: Records,
    start: datetime.date,
    end: datetime.date,
    customers: pd.Index,
    amount: Floats | None = None,
) -> Floats:
    """Visit days of each customer in [start, end), or the sum of ``amount`` (one a visit day)."""
    day = to_days(records.visit_days["day"])
    inside = (day >= day_number(start)) & (day < day_number(end))
    who = customers.get_indexer(records.visit_days["customer"].to_numpy()[inside])
    weights = None if amount is None else amount[inside][who >= 0]
    return np.bincount(who[who >= 0], weights, len(customers)).astype(np.float64)


def regular_revenue(records: Records) -> Floats:
    """Revenue of each visit day without accident work, never below 0."""
    visits = records.visit_days
    money = (visits["revenue"] - visits["accident_revenue"]).to_numpy(dtype=float)
    return np.maximum(money, 0.0)


def yearly_snapshots(
    records: Records, as_of: datetime.date, divisions: Sequence[str], config: "NextYearConfig"
) -> list[YearSnapshot]:
    """Newest first; at least two, so that the newest can be held out.

    Raises :class:`ml.churn.NotEnoughData` for less.
    """
    if len(records.visit_days) == 0:
        raise NotEnoughData("a forecast of visits needs visits: there is none before the date")
    oldest = int(to_days(records.visit_days["day"]).min())
    answered = answered_notices(records)
    taken: list[YearSnapshot] = []
    for years in range(1, config.snapshots + 2):
        cut_off = as_of - years * YEAR
        if day_number(cut_off) < oldest + HALF_YEAR.days:
            break
        one = _snapshot(records, answered, cut_off, years, divisions, config)
        if len(one.visits) < config.min_rows:
            break
        taken.append(one)
    if len(taken) < 2:
        raise NotEnoughData(
            f"a forecast of visits needs two yearly snapshots before {as_of} with at least"
            f" {config.min_rows} customers each and half a year of visits before the earlier;"
            f" found {len(taken)}"
        )
    return taken


def half_years(
    records: Records,
    yearly: Sequence[YearSnapshot],
    divisions: Sequence[str],
    config: "NextYearConfig",
) -> list[YearSnapshot]:
    """Those half a year before each of ``yearly`` but the oldest."""
    answered = answered_notices(records)
    return [
        _snapshot(records, answered, one.cut_off - HALF_YEAR, one.years + 0.5, divisions, config)
        for one in yearly[:-1]
    ]


def _snapshot(
    records: Records,
    answered: NDArray[np.int64],
    cut_off: datetime.date,
    years: float,
    divisions: Sequence[str],
    config: "NextYearConfig",
) -> YearSnapshot:
    born = sufficient_statistics(records.purchases, records.visit_days, cut_off).index
    born = born[born.isin(records.customers.index)]
    if len(born) > config.max_rows:  # memory stays bounded
        draw = np.random.default_rng(config.seed)
        born = born[np.sort(draw.choice(len(born), config.max_rows, replace=False))]
    end = cut_off + YEAR
    called = (answered >= day_number(cut_off)).astype(np.float64)
    over = years >= 2
    return YearSnapshot(
        cut_off,
        years,
        customer_features(records, cut_off, born, divisions),
        between(records, cut_off, end, born),
        between(records, cut_off, end, born, called),
        between(records, cut_off, end, born, regular_revenue(records)),
        between(records, end, end + YEAR, born) if over else None,
        between(records, end, end + YEAR, born, called) if over else None,
    )


def price_levels(
    records: Records, as_of: datetime.date, years: Sequence[float]
) -> list[dict[str, float]]:
    """Per number of years back: each division's prices of the coming year over those of the year
    that a snapshot so long before ``as_of`` was followed by."""
    growth = [
        price_growth(records, as_of - back * YEAR) for back in range(int(np.ceil(max(years))))
    ]
    whole = [_log_levels(growth, back) for back in range(len(growth) + 1)]
    levels = []
    for back in years:
        low, high = whole[int(np.floor(back))], whole[int(np.ceil(back))]
        names = {*low, *high}
        middle = {name: (low.get(name, 0.0) + high.get(name, 0.0)) / 2 for name in names}
        levels.append({name: float(np.exp(value)) for name, value in middle.items()})
    return levels


def _log_levels(growth: Sequence[Mapping[str, float]], back: int) -> dict[str, float]:
    """Log of the prices of the coming year over those of ``back`` years before."""
    total: dict[str, float] = {}
    if back == 0:
        return total
    for step, of_year in enumerate([growth[0], *growth[: back - 1]]):
        for division, rise in of_year.items():
            share = PRICE_TREND_KEPT if step == 0 else 1.0
            total[division] = total.get(division, 0.0) + share * rise
    return total

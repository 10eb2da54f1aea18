"""What customers did up to a day, counted so that stores add up: pure, frames in, arrays out.

Windows are years ending at the as-of date: window 0 is the last year, 1 the one before it. All
counts belong to the home store of today, so each customer counts once and units are sums.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from valuation.cohorts import period_name

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

WINDOWS = 5


@dataclass(frozen=True)
class History:
    """Per customer (N rows, in the order given) and window (W): visit days, money, purchases.

    ``first_quarter`` (N,): ordinal of the quarter of the first visit, -1 for nobody yet.
    """

    visits: Integers
    revenue_fen: Integers
    margin_fen: Integers
    bought: Bools
    first_quarter: Integers
    older: Bools

    @property
    def active(self) -> Bools:
        return np.asarray(self.visits > 0)

    def base(self, window: int) -> Bools:
        """Bought or visited in the 24 months before ``window``: those who should come in it."""
        earlier = slice(window + 1, window + 3)
        return np.asarray(self.active[:, earlier].any(axis=1) | self.bought[:, earlier].any(axis=1))

    def first_seen_in(self, window: int) -> Bools:
        before = self.active[:, window + 1 :].any(axis=1) | self.older
        return np.asarray(self.active[:, window] & ~before)


def _window(days: pd.Series, as_of: dt.date) -> Integers:
    """Number of the year-long window of each day, WINDOWS for anything older."""
    cut = pd.Timestamp(as_of)
    ends = [cut - pd.DateOffset(years=back) for back in range(WINDOWS + 1)]
    starts = np.array([end.to_datetime64() for end in ends[1:]], dtype="datetime64[s]")
    days_ = days.to_numpy(dtype="datetime64[s]")
    return np.asarray((days_[:, None] < starts[None, :]).sum(axis=1), dtype=np.int64)


def quarter_ordinal(days: pd.Series) -> Integers:
    return np.asarray(days.dt.year * 4 + (days.dt.month - 1) // 3, dtype=np.int64)


def to_position(customers: Integers, ids: pd.Series) -> Integers:
    """Row of each id in the ascending ``customers``; -1 for one that is not among them."""
    values = ids.to_numpy(dtype=np.int64)
    if not len(customers):
        return np.full(len(values), -1, dtype=np.int64)
    place = np.searchsorted(customers, values).clip(max=len(customers) - 1)
    return np.where(customers[place] == values, place, -1)


def history(
    customers: Integers, visits: pd.DataFrame, purchases: pd.DataFrame, as_of: dt.date
) -> History:
    """``customers`` (N,) ascending ids; ``visits``: ``customer, day, revenue, margin`` (yuan), one
    row a customer, day and store; ``purchases``: ``customer, day``. Rows of others are left out.
    """
    size = len(customers)
    place = to_position(customers, visits["customer"])
    visits, place = visits[place >= 0], place[place >= 0]
    days = np.zeros((size, WINDOWS + 1), dtype=np.int64)
    money = [np.zeros((size, WINDOWS + 1), dtype=np.int64) for _ in range(2)]
    window = _window(visits["day"], as_of)
    single = ~visits.assign(row=place).duplicated(["row", "day"]).to_numpy()
    np.add.at(days, (place[single], window[single]), 1)
    for table, name in zip(money, ("revenue", "margin"), strict=True):
        fen = np.rint(visits[name].to_numpy(dtype=float) * 100).astype(np.int64)
        np.add.at(table, (place, window), fen)
    first = np.full(size, np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(first, place, quarter_ordinal(visits["day"]))
    bought = np.zeros((size, WINDOWS + 1), dtype=bool)
    buyer = to_position(customers, purchases["customer"])
    known = (buyer >= 0) & (purchases["day"] < pd.Timestamp(as_of)).to_numpy()
    bought[buyer[known], _window(purchases["day"][known], as_of)] = True
    return History(
        visits=days[:, :WINDOWS],
        revenue_fen=money[0][:, :WINDOWS],
        margin_fen=money[1][:, :WINDOWS],
        bought=bought[:, :WINDOWS],
        first_quarter=np.where(first == np.iinfo(np.int64).max, -1, first),
        older=days[:, WINDOWS] > 0,
    )


COUNTERS = (
    *("customers", "population", "population_revenue_fen", "population_margin_fen"),
    *("active", "active_before", "new", "new_before"),
    *("opening", "retained", "opening_before", "retained_before"),
    *("base", "returned", "base_before", "returned_before"),
    *("ndr_opening_fen", "ndr_now_fen", "ndr_opening_before_fen", "ndr_now_before_fen"),
    *("revenue_fen", "revenue_before_fen", "margin_fen", "margin_before_fen"),
    "new_value_fen",
)


def store_counters(
    past: History, population: Bools, value_fen: Integers, store: Integers, stores: int
) -> pd.DataFrame:
    """Integer counters of COUNTERS per store (S rows); every one of them adds up over stores."""
    frame = pd.DataFrame(index=range(stores))

    def put(name: str, values: Integers | Bools) -> None:
        total = np.zeros(stores, dtype=np.int64)
        np.add.at(total, store, values.astype(np.int64))
        frame[name] = total

    put("customers", np.ones(len(store), dtype=np.int64))
    put("population", population)
    put("population_revenue_fen", past.revenue_fen[:, 0] * population)
    put("population_margin_fen", past.margin_fen[:, 0] * population)
    put("new_value_fen", value_fen * past.first_seen_in(0))
    for window, suffix in ((0, ""), (1, "_before")):
        opening, came = past.active[:, window + 1], past.active[:, window]
        base = past.base(window)
        money = suffix + "_fen"
        put("active" + suffix, came)
        put("new" + suffix, past.first_seen_in(window))
        put("opening" + suffix, opening)
        put("retained" + suffix, opening & came)
        put("base" + suffix, base)
        put("returned" + suffix, base & came)
        put("ndr_opening" + money, past.revenue_fen[:, window + 1] * opening)
        put("ndr_now" + money, past.revenue_fen[:, window] * opening)
        put("revenue" + money, past.revenue_fen[:, window])
        put("margin" + money, past.margin_fen[:, window])
    return frame[list(COUNTERS)]


@dataclass(frozen=True)
class CohortCube:
    """Quarterly first-visit cohorts by home store: (S, Q) and (S, Q, Q) by elapsed quarter.

    ``first``: ordinal of the first quarter, ``last``: of the quarter of the day before the as-of
    date, ``complete``: whether that quarter had ended. ``unseen``: (2, S) customers and value of
    those who never came.
    """

    first: int
    customers: Integers
    active: Integers
    revenue_fen: Integers
    margin_fen: Integers
    value_fen: Integers
    unseen: Integers
    complete: bool

    @property
    def quarters(self) -> list[str]:
        return [period_name(self.first + i, "Q") for i in range(self.customers.shape[1])]

    def of(self, stores: Integers) -> "dict[str, object]":
        """The table of a unit, its stores added up, as plain JSON."""
        size = self.customers.shape[1]

        def triangle(cube: Integers) -> list[list[int]]:
            total = cube[stores].sum(axis=0)
            return [[int(v) for v in total[q, : size - q]] for q in range(size)]

        return {
            "quarters": self.quarters,
            "customers": [int(v) for v in self.customers[stores].sum(axis=0)],
            "value_fen": [int(v) for v in self.value_fen[stores].sum(axis=0)],
            "active": triangle(self.active),
            "revenue_fen": triangle(self.revenue_fen),
            "margin_fen": triangle(self.margin_fen),
            "unseen_customers": int(self.unseen[0, stores].sum()),
            "unseen_value_fen": int(self.unseen[1, stores].sum()),
            "complete": self.complete,
        }


def cohort_cube(
    customers: Integers,
    visits: pd.DataFrame,
    first_quarter: Integers,
    value_fen: Integers,
    store: Integers,
    stores: int,
    as_of: dt.date,
) -> CohortCube:
    """Cohorts of all stores at once; arrays and frame as for :func:`history`."""
    place = to_position(customers, visits["customer"])
    visits, place = visits[place >= 0], place[place >= 0]
    seen = first_quarter >= 0
    yesterday = pd.Series([pd.Timestamp(as_of) - pd.Timedelta(days=1), pd.Timestamp(as_of)])
    last, today = (int(one) for one in quarter_ordinal(yesterday))
    first = int(first_quarter[seen].min()) if seen.any() else last
    size = last - first + 1
    sizes, values = np.zeros((stores, size), np.int64), np.zeros((stores, size), np.int64)
    np.add.at(sizes, (store[seen], first_quarter[seen] - first), 1)
    np.add.at(values, (store[seen], first_quarter[seen] - first), value_fen[seen])
    unseen = np.zeros((2, stores), np.int64)
    np.add.at(unseen[0], store[~seen], 1)
    np.add.at(unseen[1], store[~seen], value_fen[~seen])
    cube = [np.zeros((stores, size, size), np.int64) for _ in range(3)]
    cohort = first_quarter[place] - first
    elapsed = quarter_ordinal(visits["day"]) - first - cohort
    at = (store[place], cohort, elapsed)
    for table, name in zip(cube[1:], ("revenue", "margin"), strict=True):
        np.add.at(table, at, np.rint(visits[name].to_numpy(dtype=float) * 100).astype(np.int64))
    once = np.unique(place * np.int64(size) + elapsed, return_index=True)[1]
    np.add.at(cube[0], tuple(index[once] for index in at), 1)
    active, revenue, margin = cube
    return CohortCube(
        first=first,
        customers=sizes,
        active=active,
        revenue_fen=revenue,
        margin_fen=margin,
        value_fen=values,
        unseen=unseen,
        complete=today > last,
    )

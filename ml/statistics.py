"""Sufficient statistics of a customer's visit days.

One transaction is one *visit day*: a day on which a vehicle of the customer was served and someone
outside the group paid. A customer is born with the first purchase of a vehicle from the group or
with the first visit day, whichever comes first; frequency x counts the visit days after birth,
recency t_x is last visit day − birth, T is as-of − birth, all in days. The as-of date is
exclusive: what happened on it has not happened yet.
"""

import datetime
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Days = NDArray[np.int64]

PAYERS = ("customer", "insurer", "manufacturer")

VISIT_DAY_COLUMNS = ("customer", "day", "revenue", "margin", "accident_revenue", "accident_margin")
"""``revenue`` and ``margin`` are those of all outside payers, net of VAT, in yuan, accident work
included; ``accident_*`` is the accident part of them."""


def to_days(values: pd.Series) -> Days:
    """Days since 1970-01-01, int64; missing dates become the smallest int64."""
    return values.to_numpy(dtype="datetime64[D]").astype(np.int64)


def day_number(date: datetime.date) -> int:
    """The same count of days for one date."""
    return int(np.datetime64(date, "D").astype(np.int64))


RECENT_COLUMNS = tuple(
    f"{when}_{kind}"
    for when in ("last", "before")
    for kind in ("revenue", "margin", "accident_revenue", "accident_margin")
)
"""Money of the last 365 days (``last_``) and of the 365 before them (``before_``); ``revenue`` and
``margin`` are those of regular work."""

BEGINNING = 0.001
"""Share of all visit days that may lie before the beginning of the records."""

_LARGEST_OF_DAY = frozenset(
    ("mileage_km", "wait_minutes", "maintenance", "repair", "warranty_work", "comeback", "declined")
)
"""Of several rows of one day these count once, by their largest; all else is added up."""


@dataclass(frozen=True)
class VisitDays:
    """Visit days before the as-of date, one row per (customer, day), sorted by both.

    ``customer`` int64, ``day`` int64 (days since 1970-01-01), ``amounts`` one float64 column each.
    """

    customer: NDArray[np.int64]
    day: Days
    amounts: pd.DataFrame


def one_row_a_day(visit_days: pd.DataFrame) -> pd.DataFrame:
    """The frame sorted by customer and day, rows of one customer and day made one.

    ``customer`` int64, ``day`` datetime64[s], and the numeric columns as float64 (money and counts
    added up, flags and readings by their largest). A frame that is so already costs one look.
    Raises ValueError if a column of :data:`VISIT_DAY_COLUMNS` or a date is missing.
    """
    missing = [name for name in VISIT_DAY_COLUMNS if name not in visit_days.columns]
    if missing:
        raise ValueError(f"visit days lack the columns {', '.join(missing)}")
    if visit_days["day"].isna().any():
        raise ValueError("every visit day needs a date in the column day")
    customer, day = visit_days["customer"].to_numpy(dtype=np.int64), to_days(visit_days["day"])
    step = np.diff(customer)
    if ((step > 0) | ((step == 0) & (np.diff(day) > 0))).all():
        return visit_days
    names = [
        name
        for name in visit_days.columns
        if name not in ("customer", "day") and pd.api.types.is_numeric_dtype(visit_days[name])
    ]
    order = np.lexsort((day, customer))
    customer, day = customer[order], day[order]
    new = np.ones(day.size, dtype=bool)
    new[1:] = (np.diff(customer) != 0) | (np.diff(day) != 0)
    start = np.flatnonzero(new)
    columns: dict[str, object] = {
        "customer": customer[new],
        "day": day[new].astype("datetime64[D]").astype("datetime64[s]"),
    }
    for name in names:
        values = visit_days[name].to_numpy(dtype=np.float64, na_value=np.nan)[order]
        if name in _LARGEST_OF_DAY:
            columns[name] = np.fmax.reduceat(values, start)
        else:
            columns[name] = np.add.reduceat(np.nan_to_num(values), start)
    return pd.DataFrame(columns)


def visit_days_before(visit_days: pd.DataFrame, as_of: datetime.date) -> VisitDays:
    """One row per customer and day, sorted, cut at the as-of date."""
    merged = one_row_a_day(visit_days)
    day = to_days(merged["day"])
    kept = day < day_number(as_of)
    names = [
        name
        for name in merged.columns
        if name not in ("customer", "day") and pd.api.types.is_numeric_dtype(merged[name])
    ]
    return VisitDays(
        merged["customer"].to_numpy(dtype=np.int64)[kept],
        day[kept],
        merged.loc[kept, names].astype(np.float64).reset_index(drop=True),
    )


def records_begin(days: Days) -> int:
    """The day on which visits began to be recorded: that of the thousandth part of them, so that
    a few mistyped years do not count. 0 where there is none."""
    return int(np.quantile(days, BEGINNING, method="lower")) if days.size else 0


def as_observed(statistics: pd.DataFrame) -> pd.DataFrame:
    """``statistics`` as transaction models are to see them: from the beginning of the records on.

    Vehicles were sold for longer than visits are kept. Of the years between, nothing is known;
    taken for silence they would make customers look lost that came regularly. So whoever was born
    before enters with the beginning of the records (or the first visit, if that was earlier): T
    and t_x lose the unseen days, and the first gap its unseen part. Frames without ``unseen`` are
    returned as they are.
    """
    if "unseen" not in statistics.columns:
        return statistics
    unseen = statistics["unseen"].to_numpy(dtype=float)
    if not (unseen > 0).any():
        return statistics
    x, gap = statistics["x"].to_numpy(), statistics["first_gap"].to_numpy(dtype=float)
    cut = (unseen > 0) & (x > 0)
    # A visit on the very day on which a customer enters is the birth, no transaction.
    fewer = x - (cut & (gap <= unseen))
    seen = np.where(cut, np.maximum(gap - unseen, 1.0), 1.0)
    lost = np.where(cut, np.log(np.maximum(gap, 1.0)) - np.log(seen), 0.0)
    litt = statistics["litt"].to_numpy(dtype=float) - lost
    came = fewer > 0
    return statistics.assign(
        x=fewer,
        t_x=np.where(came, statistics["t_x"].to_numpy(dtype=float) - unseen, 0.0),
        T=statistics["T"].to_numpy(dtype=float) - unseen,
        litt=np.where(came, np.where(unseen > 0, litt, statistics["litt"]), 0.0),
    )


def sufficient_statistics(
    purchases: pd.DataFrame, visit_days: pd.DataFrame, as_of: datetime.date
) -> pd.DataFrame:
    """One row per customer born before the as-of date, indexed by ``customer`` (int64, sorted).

    Parameters
    ----------
    purchases: ``customer`` int64, ``day`` datetime64 of a vehicle bought from the group (several
        rows of one customer: the earliest counts).
    visit_days: see :data:`VISIT_DAY_COLUMNS`; several rows of one day are added up.

    Returns
    -------
    ``birth`` datetime64[s], ``bought`` bool, ``x`` int64, ``t_x`` and ``T`` float64 days, ``litt``
    float64 (Σ log of the gaps between visit days from birth on, days), ``unseen`` float64 (days
    between birth and the beginning of the records), ``first_gap`` float64 (days from birth to the
    first visit day, 0 if none), ``visit_days`` int64 (the first included), ``last_visit``
    datetime64[s] (NaT: never), ``paid_days`` int64 (visit days with regular revenue above 0),
    ``spend`` float64 yuan (mean regular revenue of those days, NaN if none), ``revenue``,
    ``margin`` (regular, all days), ``accidents`` int64 (days with accident revenue above 0),
    ``accident_revenue``, ``accident_margin`` float64 yuan. Of the last 365 days and of the 365
    before: :data:`RECENT_COLUMNS`, float64 yuan.
    """
    visits = visit_days_before(visit_days, as_of)
    end = day_number(as_of)
    if purchases["day"].isna().any():
        raise ValueError("every purchase needs a date in the column day")
    bought_on = to_days(purchases["day"])
    buyer = purchases["customer"].to_numpy(dtype=np.int64)
    past = bought_on < end
    bought_on, buyer = bought_on[past], buyer[past]

    customers = np.union1d(buyer, visits.customer)
    n = customers.size
    never = np.iinfo(np.int64).max
    purchase = np.full(n, never)
    np.minimum.at(purchase, np.searchsorted(customers, buyer), bought_on)
    at = np.searchsorted(customers, visits.customer)
    first = np.full(n, never)
    np.minimum.at(first, at, visits.day)
    last = np.full(n, np.iinfo(np.int64).min)
    np.maximum.at(last, at, visits.day)
    count = np.bincount(at, minlength=n)
    birth = np.minimum(purchase, first)

    after_birth = visits.day > birth[at]
    x = np.bincount(at[after_birth], minlength=n)
    before = np.empty_like(visits.day)
    before[1:] = visits.day[:-1]
    new = np.ones(at.size, dtype=bool)
    new[1:] = np.diff(at) != 0
    before[new] = birth[at[new]]
    gap = np.maximum(visits.day - before, 1)
    litt = np.bincount(at, np.where(after_birth, np.log(gap), 0.0), minlength=n)

    begun = np.minimum(records_begin(visits.day), first)
    unseen = np.maximum(begun - birth, 0)
    frame = pd.DataFrame(
        {
            "birth": birth.astype("datetime64[D]").astype("datetime64[s]"),
            "bought": purchase < never,
            "x": x.astype(np.int64),
            "t_x": np.where(x > 0, last - birth, 0).astype(np.float64),
            "T": (end - birth).astype(np.float64),
            "litt": litt,
            "unseen": np.where(unseen < end - birth, unseen, 0).astype(np.float64),
            "first_gap": np.where(count > 0, first - birth, 0).astype(np.float64),
            "visit_days": count.astype(np.int64),
            "last_visit": _dates(np.where(count > 0, last, 0), count > 0),
        },
        index=pd.Index(customers, name="customer"),
    )
    return _with_amounts(frame, at, visits.amounts, end - visits.day)


def _with_amounts(
    frame: pd.DataFrame, at: NDArray[np.intp], amounts: pd.DataFrame, ago: Days
) -> pd.DataFrame:
    n = len(frame)
    accident_revenue = amounts["accident_revenue"].to_numpy()
    accident_margin = amounts["accident_margin"].to_numpy()
    revenue = amounts["revenue"].to_numpy() - accident_revenue
    margin = amounts["margin"].to_numpy() - accident_margin
    paid = revenue > 0
    paid_days = np.bincount(at[paid], minlength=n)
    paid_sum = np.bincount(at[paid], revenue[paid], minlength=n)
    spend = np.divide(paid_sum, paid_days, out=np.full(n, np.nan), where=paid_days > 0)
    kinds = {
        "revenue": revenue,
        "margin": margin,
        "accident_revenue": accident_revenue,
        "accident_margin": accident_margin,
    }
    recent = {
        f"{when}_{kind}": np.bincount(at[within], values[within], minlength=n)
        for when, within in (("last", ago <= 365), ("before", (ago > 365) & (ago <= 730)))
        for kind, values in kinds.items()
    }
    return frame.assign(
        **recent,
        paid_days=paid_days.astype(np.int64),
        spend=spend,
        revenue=np.bincount(at, revenue, minlength=n),
        margin=np.bincount(at, margin, minlength=n),
        accidents=np.bincount(at[accident_revenue > 0], minlength=n).astype(np.int64),
        accident_revenue=np.bincount(at, accident_revenue, minlength=n),
        accident_margin=np.bincount(at, accident_margin, minlength=n),
    )


def _dates(days: Days, known: NDArray[np.bool_]) -> NDArray[np.datetime64]:
    dates = days.astype("datetime64[D]").astype("datetime64[s]")
    dates[~known] = np.datetime64("NaT")
    return dates

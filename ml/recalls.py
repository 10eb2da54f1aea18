"""Visits that recall campaigns bring: brought to the level of the long run before trees learn.

Which cars a brand will call in next year stands in no record, and the years that a forecast learns
from held many campaigns of one brand and none of another: taken as they are, chance becomes the
brand's level. So visits that answer a notice sent within their own year count in the target by a
factor, the division's long-run share of such visits over their share in the years learnt from.
What answers a notice that stood open at the cut-off can be foreseen (a feature says so) and counts
whole. A division's long-run share is drawn towards the group's as far as divisions differ no more
than years do (empirical Bayes; Morris 1983, Journal of the American Statistical Association 78).
Where a feed has no notices nothing is changed.
"""

import datetime
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.records import Records
from ml.statistics import day_number, to_days

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ANSWERED_DAYS = 150
"""A visit later than this after the last notice does not answer it."""
LARGEST_FACTOR = 3.0
"""Few campaigns say little about whom the next one calls: they are not made to stand for more."""
NO_NOTICE = -1
_YEAR = 365
_SPAN = 1_000_000


def answered_notices(records: Records) -> Ints:
    """Per row of ``visit_days`` the day (since 1970) of the recall notice that it answers, (n,).

    :data:`NO_NOTICE` for any visit without warranty work, with work that would have brought the
    customer anyway, or without a notice in the :data:`ANSWERED_DAYS` before it.
    """
    visits, notices = records.visit_days, _notices(records)
    answered = np.full(len(visits), NO_NOTICE, dtype=np.int64)
    alone = visits["warranty_work"].to_numpy() > 0
    for other in ("maintenance", "repair", "accident_revenue"):
        alone &= ~(visits[other].to_numpy() > 0)
    rows = np.flatnonzero(alone)
    if notices.empty or rows.size == 0:
        return answered
    # Customer and day as one ascending number: the last notice up to each visit is one look-up.
    sent = np.unique(_placed(notices["customer"].to_numpy(), to_days(notices["day"])))
    visit = _placed(visits["customer"].to_numpy()[rows], to_days(visits["day"])[rows])
    last = sent[np.maximum(np.searchsorted(sent, visit, side="right") - 1, 0)]
    # Another customer's notice lies a whole _SPAN away.
    known = (visit - last >= 0) & (visit - last <= ANSWERED_DAYS)
    answered[rows[known]] = last[known] % _SPAN
    return answered


def _notices(records: Records) -> pd.DataFrame:
    events = records.events
    return events[(events["kind"] == "recall_notice") & events["day"].notna()]


def _placed(customer: NDArray[np.int64], day: Ints) -> Ints:
    return np.asarray(customer.astype(np.int64) * _SPAN + day)


def yearly_shares(records: Records, as_of: datetime.date, divisions: Sequence[str]) -> Floats:
    """Visits that answered a notice of their own year, over all others: (divisions, years).

    Whole years of 365 days before ``as_of`` in which there are records, newest first, back to that
    of the first notice: a feed of notices may have begun long after that of visits.
    """
    answered = answered_notices(records)
    ago = day_number(as_of) - to_days(records.visit_days["day"])
    year = (ago - 1) // _YEAR
    told = day_number(as_of) - to_days(_notices(records)["day"])
    years = min(int(ago.max()) // _YEAR, (int(told.max()) - 1) // _YEAR + 1) if told.size else 0
    years = max(years, 0)  # notices, or visits, of after ``as_of`` alone
    called = answered >= day_number(as_of) - (year + 1) * _YEAR
    owner = records.customers["division"].reindex(records.visit_days["customer"])
    code = owner.map({name: place for place, name in enumerate(divisions)}).to_numpy(dtype=float)
    kept = (ago > 0) & (year < years) & ~np.isnan(code)
    cell = code[kept].astype(np.int64) * years + year[kept]
    size = len(divisions) * years
    recalls = np.bincount(cell, called[kept].astype(float), size)
    others = np.bincount(cell, ~called[kept], size)
    return np.asarray((recalls / np.maximum(others, 1.0)).reshape(len(divisions), years))


def long_run(shares: Floats) -> Floats:
    """The share to expect of each division, (n,), from ``shares`` (n, years)."""
    divisions, years = shares.shape
    own = shares.mean(axis=1)
    if divisions < 2 or years < 2:
        return np.asarray(own)
    of_chance = float(shares.var(axis=1, ddof=1).mean()) / years
    between = max(float(own.var(ddof=1)) - of_chance, 0.0)
    if between + of_chance == 0.0:
        return np.asarray(own)
    group = own.mean()
    return np.asarray(group + between / (between + of_chance) * (own - group))


def recall_factors(
    records: Records,
    as_of: datetime.date,
    learnt: Mapping[str, tuple[float, float]],
    divisions: Sequence[str],
) -> dict[str, float]:
    """Per division, by how much visits that answer a notice count in the years learnt from.

    ``learnt``: their number and that of all other visits in those years. 1 where there were none.
    """
    shares = yearly_shares(records, as_of, divisions)
    if shares.shape[1] == 0:
        return dict.fromkeys(divisions, 1.0)
    factors = {}
    for name, expected in zip(divisions, long_run(shares), strict=True):
        recalls, others = learnt[name]
        factor = expected / (recalls / others) if recalls > 0 and others > 0 else 1.0
        factors[name] = float(np.clip(factor, 1.0 / LARGEST_FACTOR, LARGEST_FACTOR))
    return factors

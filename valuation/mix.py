"""By whom and for what the expected flows are paid: last years' shares laid on the flows.

A model for each payer and kind of work would learn from too little; shares by home store are stable
from year to year. Margin by payer is not known to repair orders, so both lines follow the shares of
revenue; those of work follow the shares of margin. Accident flows follow the accident work's own
payers. Parts sum to the flow of every month to the fen (largest remainder).
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from valuation.history import to_position
from valuation.refusals import gettext_noop
from valuation.rounding import fit_to_total

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

YEARS = 3
PAYERS = {
    "customer": gettext_noop("Customer-pay"),
    "insurer": gettext_noop("Insurer"),
    "manufacturer": gettext_noop("Manufacturer"),
}
KINDS = {
    "accident": gettext_noop("Accident work"),
    "warranty": gettext_noop("Warranty and recall"),
    "repair": gettext_noop("Repair, body and paint"),
    "maintenance": gettext_noop("Maintenance"),
    "other": gettext_noop("Other work"),
}
SMALLEST = 30
"""Visit days below which a store takes its group's shares."""


@dataclass(frozen=True)
class Shares:
    """By store: of regular and of accident revenue by payer (S, 3) each, of regular margin by
    kind of work other than accident (S, 4)."""

    payer: Floats
    accident_payer: Floats
    kind: Floats


def shares(
    visits: pd.DataFrame, customers: Integers, store: Integers, stores: int, as_of: dt.date
) -> Shares:
    """Shares of the last YEARS years by home store. ``visits`` has ``customer, day, margin,
    accident_revenue, revenue_customer, revenue_insurer, revenue_manufacturer, warranty_work,
    repair, maintenance``; ``customers`` (N,) ascending ids with their home ``store`` (N,).

    A day with accident work counts to it; of other kinds on one day the first named counts.
    """
    since = np.datetime64(pd.Timestamp(as_of) - pd.DateOffset(years=YEARS), "s")
    place = to_position(customers, visits["customer"])
    # Rows by number instead of frames cut out of each other: millions of them would be copied.
    rows = np.flatnonzero((visits["day"].to_numpy(dtype="datetime64[s]") >= since) & (place >= 0))
    home = store[place[rows]]
    accident = visits["accident_revenue"].to_numpy()[rows] > 0
    regular = rows[~accident]
    marks = [
        visits[name].to_numpy()[regular] > 0 for name in ("warranty_work", "repair", "maintenance")
    ]
    kind = np.select(marks, [0, 1, 2], default=3)
    margin = visits["margin"].to_numpy()[regular].clip(min=0.0)
    by_kind = np.zeros((stores, len(KINDS) - 1))
    np.add.at(by_kind, (home[~accident], kind), margin)
    return Shares(
        _of_payers(visits, regular, home[~accident], stores),
        _of_payers(visits, rows[accident], home[accident], stores),
        _shares(by_kind, home[~accident]),
    )


def _of_payers(visits: pd.DataFrame, rows: Integers, home: Integers, stores: int) -> Floats:
    columns = [
        np.bincount(home, visits[f"revenue_{payer}"].to_numpy()[rows].clip(min=0.0), stores)
        for payer in PAYERS
    ]
    return _shares(np.stack(columns, axis=1), home)


def _shares(sums: Floats, home: Integers) -> Floats:
    """(S, C) shares; a store with few days has the group's, and a group with none the first."""
    stores = len(sums)
    whole = sums.sum(axis=0)
    fallback = whole / whole.sum() if whole.sum() > 0 else np.eye(1, len(whole))[0]
    enough = (np.bincount(home, minlength=stores) >= SMALLEST) & (sums.sum(axis=1) > 0)
    total = np.where(enough, sums.sum(axis=1), 1.0)
    return np.where(enough[:, None], sums / total[:, None], fallback)


def split(
    found: Shares, whole: Integers, accident: Integers
) -> tuple[dict[str, Integers], dict[str, Integers]]:
    """Lines (S, M) of each payer and each kind of work, which sum to ``whole`` (S, M) in fen.

    ``accident`` (S, M) is the part of ``whole`` that accident work makes.
    """
    regular = whole - accident
    payer = (
        found.payer[:, None, :] * regular[:, :, None]
        + found.accident_payer[:, None, :] * accident[:, :, None]
    )
    of_payer = fit_to_total(payer, whole)
    kind = np.concatenate(
        [accident[:, :, None].astype(float), found.kind[:, None, :] * regular[:, :, None]], axis=2
    )
    of_kind = fit_to_total(kind, whole)
    return (
        {name: of_payer[:, :, i] for i, name in enumerate(PAYERS)},
        {name: of_kind[:, :, i] for i, name in enumerate(KINDS)},
    )

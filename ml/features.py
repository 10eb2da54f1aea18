"""What is known of a customer the day before a cut-off, as numbers.

Every reader below cuts its view at the cut-off (exclusive); a contract or ownership that ends
after it counts as open with its end unknown unless the end was agreed beforehand. Missing is NaN:
the trees treat it as a value of its own. Store-level features are left out on purpose (they drift).
"""

import datetime
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.experience import experience, open_recall
from ml.feature_view import Floats, Places, View, divide, last_of, pick
from ml.records import Records
from ml.rhythm import after_warranty, counts_of, due, gaps
from ml.statistics import VisitDays, day_number, to_days, visit_days_before

ACTIVE_DAYS = 730
"""The churn population bought or visited in the last 24 months."""

FEWEST_KNOWN = 20
"""Rows in which a feature must be known to be learnt from."""

GROUPS: dict[str, tuple[str, ...]] = {
    "rhythm": (
        "days_since_visit",
        "silence_to_gap",
        "mean_gap",
        "last_gap",
        "gap_variation",
        "longest_gap",
        "silence_to_longest_gap",
        "never_visited",
    ),
    "due": (
        "days_since_maintenance",
        "days_past_due",
        "due_ratio_time",
        "due_ratio_km",
        "km_per_day",
        "service_interval_days",
        "own_service_gap",
        "service_silence",
        "service_share",
    ),
    "frequency": (
        "visits_12m",
        "visits_24m",
        "visits_36m",
        "visits_all",
        "visits_per_year",
        "visit_trend",
        "maintenance_24m",
        "repairs_24m",
        "services_all",
    ),
    "vehicle": ("vehicle_age", "odometer", "vehicles", "bought_here", "sold_all"),
    "warranty": (
        "months_to_warranty_end",
        "extended_warranty",
        "last_visit_to_warranty_end",
        "visits_after_warranty",
        "own_visits_after_warranty",
        "recall_open",
    ),
    "spend": (
        "revenue_12m",
        "revenue_24m",
        "spend_per_visit",
        "last_spend",
        "own_pay_share",
        "warranty_share",
        "insurer_share",
        "accidents_24m",
        "days_since_accident",
    ),
    "loyalty": ("tenure", "insured_days_left", "other_contracts", "segment_code", "division_code"),
    "distance": ("distance_km",),
    "experience": (
        "nps_last",
        "days_since_nps",
        "complaints_24m",
        "no_shows_24m",
        "comebacks_24m",
        "declined_24m",
        "wait_last",
        "comeback_last",
        "complaint_after_last",
        "nps_of_last",
        "nps_lowest",
    ),
}
FEATURES: tuple[str, ...] = tuple(name for names in GROUPS.values() for name in names)


def without_empty_columns(features: Floats) -> Floats:
    """``features`` (n, k) to fit trees on: a column that is known of hardly anybody (a group that
    asks no NPS) is 0 throughout. scikit-learn bins a sample of the rows and cannot bin a column
    that is empty there; no tree can split on it, so that whatever it holds later changes no
    forecast."""
    empty = np.flatnonzero((~np.isnan(features)).sum(axis=0) < FEWEST_KNOWN)
    if empty.size == 0:
        return features
    filled = features.copy()
    filled[:, empty] = 0.0
    return filled


def churn_population(records: Records, cut_off: datetime.date) -> pd.Index:
    """Customers who bought or visited in the 24 months before the cut-off, ascending."""
    end = day_number(cut_off)
    seen = []
    for view in (records.purchases, records.visit_days):
        day = to_days(view["day"])
        recent = (day < end) & (day >= end - ACTIVE_DAYS)
        seen.append(view["customer"].to_numpy(dtype=np.int64)[recent])
    return pd.Index(np.unique(np.concatenate(seen)), name="customer")


def churned(records: Records, cut_off: datetime.date, customers: pd.Index) -> NDArray[np.bool_]:
    """The label: no visit day in the 365 days from the cut-off on, shape (n,)."""
    start = day_number(cut_off)
    day = to_days(records.visit_days["day"])
    came = records.visit_days["customer"].to_numpy(dtype=np.int64)[
        (day >= start) & (day < start + 365)
    ]
    return ~np.isin(customers.to_numpy(), came)


def customer_features(
    records: Records,
    cut_off: datetime.date,
    customers: pd.Index,
    divisions: Sequence[str] | None = None,
) -> pd.DataFrame:
    """:data:`FEATURES` of the customers, float64, as known before the cut-off.

    ``customers``: int64, ascending, unique. ``divisions``: the names that a model was trained on,
    in its order (default: those of the records, alphabetical); others are NaN. Days and km as
    named, ages and tenure in years, money in yuan, shares as fractions. Raises ValueError for an
    unsorted index.
    """
    ids = customers.to_numpy(dtype=np.int64)
    if ids.size and not (np.diff(ids) > 0).all():
        raise ValueError("customers must be ascending and unique")
    divisions = division_names(records) if divisions is None else divisions
    view = View(ids, day_number(cut_off))
    visits = visit_days_before(records.visit_days, cut_off)
    at, known = view.rows(visits.customer)
    visits = VisitDays(
        visits.customer[known], visits.day[known], visits.amounts[known].reset_index(drop=True)
    )
    at = at[known]
    columns: dict[str, Floats] = {}
    columns |= _vehicles(view, records.vehicles)
    columns |= _tenure(view, records.purchases, visits, at)
    columns |= gaps(view, visits, at)
    columns |= counts_of(view, visits, at, columns)
    columns |= due(view, visits, at, columns)
    columns |= _spend(view, visits, at)
    columns |= after_warranty(view, visits, at, columns)
    columns |= experience(view, records, visits, at)
    columns |= open_recall(view, records, visits, at)
    columns |= _contracts(view, records.contracts)
    columns |= _traits(records.customers, customers, divisions)
    return pd.DataFrame({name: columns[name] for name in FEATURES}, index=customers)


def _tenure(
    view: View, purchases: pd.DataFrame, visits: VisitDays, at: Places
) -> dict[str, Floats]:
    birth = np.full(view.n, np.iinfo(np.int64).max)
    day = to_days(purchases["day"])
    buyer, known = view.rows(purchases["customer"].to_numpy(dtype=np.int64))
    known &= day < view.end
    np.minimum.at(birth, buyer[known], day[known])
    bought = birth < np.iinfo(np.int64).max
    np.minimum.at(birth, at, visits.day)
    born = birth < np.iinfo(np.int64).max
    tenure = np.where(born, (view.end - birth) / 365.25, np.nan)
    return {"tenure": tenure, "bought_here": bought.astype(np.float64)}


def _vehicles(view: View, vehicles: pd.DataFrame) -> dict[str, Floats]:
    """Of several vehicles owned at the cut-off the youngest ownership speaks for the customer."""
    start, stop = to_days(vehicles["owned_from"]), to_days(vehicles["owned_to"])
    start = np.where(vehicles["owned_from"].isna(), to_days(vehicles["sold_on"]), start)
    at, known = view.rows(vehicles["customer"].to_numpy(dtype=np.int64))
    known &= start < view.end
    gone = vehicles["owned_to"].notna().to_numpy() & (stop < view.end)
    owned = known & ~gone
    rows = np.flatnonzero(owned)
    rows = rows[np.lexsort((start[rows], at[rows]))]
    youngest = last_of(at[rows], view.n)
    youngest = np.where(youngest >= 0, rows[np.maximum(youngest, 0)] if rows.size else -1, -1)

    def of(column: str) -> Floats:
        return pick(vehicles[column].to_numpy(dtype=np.float64), youngest)

    def day_of(column: str) -> Floats:
        days = to_days(vehicles[column]).astype(np.float64)
        return pick(np.where(vehicles[column].notna(), days, np.nan), youngest)

    new_on = np.fmax(day_of("sold_on"), day_of("built_on"))
    built = np.where(np.isnan(day_of("built_on")), new_on, day_of("built_on"))
    built = np.where(built < view.end, built, np.nan)
    return {
        "vehicle_age": (view.end - built) / 365.25,
        "months_to_warranty_end": (day_of("warranty_until") - view.end) / 30.4375,
        "extended_warranty": of("extended_warranty"),
        "service_interval_days": of("service_interval_days"),
        "vehicles": view.count(at[owned]),
        "sold_all": ((view.count(at[owned]) == 0) & (view.count(at[known]) > 0)).astype(float),
        "_new_on": np.where(new_on < view.end, new_on, np.nan),
        "_interval_km": of("service_interval_km"),
        "_km_at_sale": of("km_at_sale"),
    }


def _spend(view: View, visits: VisitDays, at: Places) -> dict[str, Floats]:
    money = visits.amounts
    ago = view.end - visits.day
    revenue = money["revenue"].to_numpy()
    total = view.count(at, revenue)
    crash = np.flatnonzero(money["accident_revenue"].to_numpy() > 0)
    regular = revenue - money["accident_revenue"].to_numpy()
    last_crash = pick(visits.day[crash].astype(np.float64), last_of(at[crash], view.n))
    return {
        "revenue_12m": view.count(at, revenue * (ago <= 365)),
        "revenue_24m": view.count(at, revenue * (ago <= 730)),
        "spend_per_visit": divide(view.count(at, regular), view.count(at)),
        "last_spend": pick(revenue, last_of(at, view.n)),
        "own_pay_share": divide(view.count(at, money["revenue_customer"].to_numpy()), total),
        "warranty_share": divide(view.count(at, money["revenue_manufacturer"].to_numpy()), total),
        "insurer_share": divide(view.count(at, money["revenue_insurer"].to_numpy()), total),
        "accidents_24m": view.count(at[crash], (ago[crash] <= 730).astype(float)),
        "days_since_accident": view.end - last_crash,
    }


def _contracts(view: View, contracts: pd.DataFrame) -> dict[str, Floats]:
    """Contracts begun before the cut-off and not ended by it; their end was agreed at the start."""
    start, stop = to_days(contracts["starts_on"]), to_days(contracts["ends_on"])
    stop = np.where(contracts["ends_on"].isna(), view.end + 3650, stop)
    at, known = view.rows(contracts["customer"].to_numpy(dtype=np.int64))
    known &= contracts["starts_on"].notna().to_numpy() & (start < view.end)
    insured = known & (contracts["type"] == "insurance").to_numpy()
    left = np.full(view.n, -np.inf)
    np.maximum.at(left, at[insured], (stop[insured] - view.end).astype(np.float64))
    others = known & ~insured & (stop >= view.end)
    return {
        "insured_days_left": np.where(np.isfinite(left), left, np.nan),
        "other_contracts": view.count(at[others]),
    }


def division_names(records: Records) -> tuple[str, ...]:
    """The divisions of the group in alphabetical order: what an ordinal code counts."""
    return tuple(sorted(str(name) for name in records.customers["division"].dropna().unique()))


def _traits(
    people: pd.DataFrame, customers: pd.Index, divisions: Sequence[str]
) -> dict[str, Floats]:
    known = people.reindex(customers)
    code = {name: float(number) for number, name in enumerate(divisions)}
    return {
        "division_code": known["division"].map(code).to_numpy(dtype=np.float64),
        "segment_code": (known["segment"] == "organisation").to_numpy(dtype=np.float64),
        "distance_km": known["distance_km"].to_numpy(dtype=np.float64),
    }

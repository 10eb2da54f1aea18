"""What is known of a customer the day before a cut-off, as numbers.

Every reader below cuts its frame at the cut-off (exclusive); a contract or ownership that ends
after it counts as open with its end unknown unless the end was agreed beforehand. Missing is NaN:
the trees treat it as a value of its own. Store-level features are left out on purpose (they drift).
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.records import Records
from ml.statistics import VisitDays, day_number, to_days, visit_days_before

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ACTIVE_DAYS = 730
"""The churn population bought or visited in the last 24 months."""

GROUPS: dict[str, tuple[str, ...]] = {
    "rhythm": (
        "days_since_visit",
        "silence_to_gap",
        "mean_gap",
        "last_gap",
        "gap_variation",
        "never_visited",
    ),
    "due": (
        "days_since_maintenance",
        "days_past_due",
        "due_ratio_time",
        "due_ratio_km",
        "km_per_day",
        "service_interval_days",
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
    ),
    "vehicle": ("vehicle_age", "odometer", "vehicles", "bought_here", "sold_all"),
    "warranty": ("months_to_warranty_end", "extended_warranty"),
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
    ),
}
FEATURES: tuple[str, ...] = tuple(name for names in GROUPS.values() for name in names)


@dataclass(frozen=True)
class _Frame:
    """The customers under view, ascending, and the cut-off."""

    customers: Ints
    end: int

    @property
    def n(self) -> int:
        return int(self.customers.size)

    def rows(self, customer: Ints) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Place of each customer, and whether it is under view at all."""
        at = np.searchsorted(self.customers, customer)
        at = np.minimum(at, max(self.n - 1, 0))
        return at, (
            self.customers[at] == customer if self.n else np.zeros(customer.size, dtype=bool)
        )

    def count(self, at: NDArray[np.intp], weights: Floats | None = None) -> Floats:
        return np.bincount(at, weights, self.n).astype(np.float64)


def without_empty_columns(features: Floats) -> Floats:
    """``features`` (n, k) to fit trees on: a column that is not known of anybody (a group that asks
    no NPS) is 0 throughout. scikit-learn cannot bin it otherwise; no tree can split on it, so that
    whatever it holds later changes no forecast."""
    empty = np.flatnonzero(np.isnan(features).all(axis=0))
    if empty.size == 0:
        return features
    filled = features.copy()
    filled[:, empty] = 0.0
    return filled


def churn_population(records: Records, cut_off: datetime.date) -> pd.Index:
    """Customers who bought or visited in the 24 months before the cut-off, ascending."""
    end = day_number(cut_off)
    seen = []
    for frame in (records.purchases, records.visit_days):
        day = to_days(frame["day"])
        recent = (day < end) & (day >= end - ACTIVE_DAYS)
        seen.append(frame["customer"].to_numpy(dtype=np.int64)[recent])
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
    frame = _Frame(ids, day_number(cut_off))
    visits = visit_days_before(records.visit_days, cut_off)
    at, known = frame.rows(visits.customer)
    visits = VisitDays(
        visits.customer[known], visits.day[known], visits.amounts[known].reset_index(drop=True)
    )
    at = at[known]
    columns: dict[str, Floats] = {}
    columns |= _vehicles(frame, records.vehicles)
    columns |= _tenure(frame, records.purchases, visits, at)
    columns |= _rhythm(frame, visits, at)
    columns |= _counts(frame, visits, at, columns)
    columns |= _due(frame, visits, at, columns)
    columns |= _spend(frame, visits, at)
    columns |= _experience(frame, records, visits, at)
    columns |= _contracts(frame, records.contracts)
    columns |= _traits(records.customers, customers, divisions)
    return pd.DataFrame({name: columns[name] for name in FEATURES}, index=customers)


def _divide(top: Floats, bottom: Floats) -> Floats:
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)


def _last_of(at: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    """Row number of each customer's last row in rows sorted by customer and day; −1 if none."""
    last = np.full(n, -1, dtype=np.intp)
    last[at] = np.arange(at.size)
    return last


def _pick(values: Floats, rows: NDArray[np.intp]) -> Floats:
    if values.size == 0:
        return np.full(rows.size, np.nan)
    return np.where(rows >= 0, values[np.maximum(rows, 0)], np.nan)


def _tenure(
    frame: _Frame, purchases: pd.DataFrame, visits: VisitDays, at: NDArray[np.intp]
) -> dict[str, Floats]:
    birth = np.full(frame.n, np.iinfo(np.int64).max)
    day = to_days(purchases["day"])
    buyer, known = frame.rows(purchases["customer"].to_numpy(dtype=np.int64))
    known &= day < frame.end
    np.minimum.at(birth, buyer[known], day[known])
    bought = birth < np.iinfo(np.int64).max
    np.minimum.at(birth, at, visits.day)
    born = birth < np.iinfo(np.int64).max
    tenure = np.where(born, (frame.end - birth) / 365.25, np.nan)
    return {"tenure": tenure, "bought_here": bought.astype(np.float64)}


def _rhythm(frame: _Frame, visits: VisitDays, at: NDArray[np.intp]) -> dict[str, Floats]:
    count, day = frame.count(at), visits.day.astype(np.float64)
    last = _last_of(at, frame.n)
    silence = frame.end - _pick(day, last)
    same = np.diff(at) == 0
    gap, owner = np.diff(day)[same], at[1:][same]
    gaps = frame.count(owner)
    mean_gap = _divide(frame.count(owner, gap), gaps)
    square = _divide(frame.count(owner, gap**2), gaps)
    deviation = np.sqrt(np.maximum(square - mean_gap**2, 0.0))
    return {
        "days_since_visit": silence,
        "never_visited": (count == 0).astype(np.float64),
        "mean_gap": mean_gap,
        "last_gap": _pick(gap, _last_of(owner, frame.n)),
        "gap_variation": np.where(gaps >= 2, _divide(deviation, mean_gap), np.nan),
        "silence_to_gap": _divide(silence, mean_gap),
    }


def _counts(
    frame: _Frame, visits: VisitDays, at: NDArray[np.intp], known: dict[str, Floats]
) -> dict[str, Floats]:
    ago = frame.end - visits.day
    recent = {months: ago <= days for months, days in ((12, 365), (24, 730), (36, 1095))}
    counts = {f"visits_{months}m": frame.count(at[near]) for months, near in recent.items()}
    flags = visits.amounts
    return counts | {
        "visits_all": frame.count(at),
        "visits_per_year": frame.count(at) / np.maximum(known["tenure"], 0.25),
        "visit_trend": 2 * counts["visits_12m"] - counts["visits_24m"],
        "maintenance_24m": frame.count(at, flags["maintenance"].to_numpy() * recent[24]),
        "repairs_24m": frame.count(at, flags["repair"].to_numpy() * recent[24]),
    }


def _vehicles(frame: _Frame, vehicles: pd.DataFrame) -> dict[str, Floats]:
    """Of several vehicles owned at the cut-off the youngest ownership speaks for the customer."""
    start, stop = to_days(vehicles["owned_from"]), to_days(vehicles["owned_to"])
    start = np.where(vehicles["owned_from"].isna(), to_days(vehicles["sold_on"]), start)
    at, known = frame.rows(vehicles["customer"].to_numpy(dtype=np.int64))
    known &= start < frame.end
    gone = vehicles["owned_to"].notna().to_numpy() & (stop < frame.end)
    owned = known & ~gone
    rows = np.flatnonzero(owned)
    rows = rows[np.lexsort((start[rows], at[rows]))]
    youngest = _last_of(at[rows], frame.n)
    youngest = np.where(youngest >= 0, rows[np.maximum(youngest, 0)] if rows.size else -1, -1)

    def of(column: str) -> Floats:
        return _pick(vehicles[column].to_numpy(dtype=np.float64), youngest)

    def day_of(column: str) -> Floats:
        days = to_days(vehicles[column]).astype(np.float64)
        return _pick(np.where(vehicles[column].notna(), days, np.nan), youngest)

    new_on = np.fmax(day_of("sold_on"), day_of("built_on"))
    built = np.where(np.isnan(day_of("built_on")), new_on, day_of("built_on"))
    built = np.where(built < frame.end, built, np.nan)
    return {
        "vehicle_age": (frame.end - built) / 365.25,
        "months_to_warranty_end": (day_of("warranty_until") - frame.end) / 30.4375,
        "extended_warranty": of("extended_warranty"),
        "service_interval_days": of("service_interval_days"),
        "vehicles": frame.count(at[owned]),
        "sold_all": ((frame.count(at[owned]) == 0) & (frame.count(at[known]) > 0)).astype(float),
        "_new_on": np.where(new_on < frame.end, new_on, np.nan),
        "_interval_km": of("service_interval_km"),
        "_km_at_sale": of("km_at_sale"),
    }


def _due(
    frame: _Frame, visits: VisitDays, at: NDArray[np.intp], known: dict[str, Floats]
) -> dict[str, Floats]:
    day, km = visits.day.astype(np.float64), visits.amounts["mileage_km"].to_numpy()
    served = np.flatnonzero(visits.amounts["maintenance"].to_numpy() > 0)
    last_service = _last_of(at[served], frame.n)
    service_day, service_km = _pick(day[served], last_service), _pick(km[served], last_service)
    read = np.flatnonzero(~np.isnan(km))
    last_read = _last_of(at[read], frame.n)
    read_day, read_km = _pick(day[read], last_read), _pick(km[read], last_read)
    start_day, start_km = known["_new_on"], np.nan_to_num(known["_km_at_sale"])
    per_day = _divide(read_km - start_km, read_day - start_day)
    per_day = np.where((per_day > 0) & (per_day < 2000), per_day, np.nan)
    odometer = read_km + per_day * (frame.end - read_day)
    since = frame.end - np.where(np.isnan(service_day), start_day, service_day)
    km_since = odometer - np.where(np.isnan(service_km), start_km, service_km)
    interval = known["service_interval_days"]
    km_interval = known["_interval_km"]
    return {
        "days_since_maintenance": since,
        "days_past_due": since - np.fmin(interval, _divide(km_interval, per_day)),
        "due_ratio_time": _divide(since, interval),
        "due_ratio_km": _divide(km_since, km_interval),
        "km_per_day": per_day,
        "odometer": odometer,
    }


def _spend(frame: _Frame, visits: VisitDays, at: NDArray[np.intp]) -> dict[str, Floats]:
    money = visits.amounts
    ago = frame.end - visits.day
    revenue = money["revenue"].to_numpy()
    total = frame.count(at, revenue)
    crash = np.flatnonzero(money["accident_revenue"].to_numpy() > 0)
    regular = revenue - money["accident_revenue"].to_numpy()
    last_crash = _pick(visits.day[crash].astype(np.float64), _last_of(at[crash], frame.n))
    return {
        "revenue_12m": frame.count(at, revenue * (ago <= 365)),
        "revenue_24m": frame.count(at, revenue * (ago <= 730)),
        "spend_per_visit": _divide(frame.count(at, regular), frame.count(at)),
        "last_spend": _pick(revenue, _last_of(at, frame.n)),
        "own_pay_share": _divide(frame.count(at, money["revenue_customer"].to_numpy()), total),
        "warranty_share": _divide(frame.count(at, money["revenue_manufacturer"].to_numpy()), total),
        "insurer_share": _divide(frame.count(at, money["revenue_insurer"].to_numpy()), total),
        "accidents_24m": frame.count(at[crash], (ago[crash] <= 730).astype(float)),
        "days_since_accident": frame.end - last_crash,
    }


def _past(frame: _Frame, rows: pd.DataFrame) -> tuple[NDArray[np.intp], Floats, NDArray[np.intp]]:
    """Rows before the cut-off of customers under view: place, days ago, row number; in order."""
    day = to_days(rows["day"])
    at, known = frame.rows(rows["customer"].to_numpy(dtype=np.int64))
    kept = np.flatnonzero(known & (day < frame.end) & rows["day"].notna().to_numpy())
    kept = kept[np.lexsort((day[kept], at[kept]))]
    return at[kept], (frame.end - day[kept]).astype(np.float64), kept


def _experience(
    frame: _Frame, records: Records, visits: VisitDays, at: NDArray[np.intp]
) -> dict[str, Floats]:
    asked, asked_ago, row = _past(frame, records.surveys)
    score = records.surveys["score"].to_numpy(dtype=np.float64)[row]
    last = _last_of(asked, frame.n)
    event, event_ago, row = _past(frame, records.events)
    kind = records.events["kind"].to_numpy(dtype=object)[row]
    near = event_ago <= 730
    recent = (frame.end - visits.day) <= 730
    wait = visits.amounts["wait_minutes"].to_numpy()
    timed = np.flatnonzero(~np.isnan(wait))
    return {
        "nps_last": _pick(score, last),
        "days_since_nps": _pick(asked_ago, last),
        "complaints_24m": frame.count(event[near & (kind == "complaint")]),
        "no_shows_24m": frame.count(event[near & (kind == "no_show")]),
        "comebacks_24m": frame.count(at, visits.amounts["comeback"].to_numpy() * recent),
        "declined_24m": frame.count(at, visits.amounts["declined"].to_numpy() * recent),
        "wait_last": _pick(wait[timed], _last_of(at[timed], frame.n)),
    }


def _contracts(frame: _Frame, contracts: pd.DataFrame) -> dict[str, Floats]:
    """Contracts begun before the cut-off and not ended by it; their end was agreed at the start."""
    start, stop = to_days(contracts["starts_on"]), to_days(contracts["ends_on"])
    stop = np.where(contracts["ends_on"].isna(), frame.end + 3650, stop)
    at, known = frame.rows(contracts["customer"].to_numpy(dtype=np.int64))
    known &= contracts["starts_on"].notna().to_numpy() & (start < frame.end)
    insured = known & (contracts["type"] == "insurance").to_numpy()
    left = np.full(frame.n, -np.inf)
    np.maximum.at(left, at[insured], (stop[insured] - frame.end).astype(np.float64))
    others = known & ~insured & (stop >= frame.end)
    return {
        "insured_days_left": np.where(np.isfinite(left), left, np.nan),
        "other_contracts": frame.count(at[others]),
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

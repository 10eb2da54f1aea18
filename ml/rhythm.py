"""Features of a customer's own rhythm: gaps, counts, what is due by time and by mileage.

A service is due after the nominal interval, but people have intervals of their own: a customer's
mean gap between services, drawn to the nominal one, says better when silence is long.
"""

import numpy as np

from ml.feature_view import Floats, Places, View, divide, last_of, pick
from ml.statistics import VisitDays

DAYS_PER_MONTH = 30.4375
USUAL_INTERVAL_DAYS = 300.0
"""Between services of a vehicle whose interval is unknown."""
PRIOR_GAPS = 1.5


def gaps(view: View, visits: VisitDays, at: Places) -> dict[str, Floats]:
    count, day = view.count(at), visits.day.astype(np.float64)
    last = last_of(at, view.n)
    silence = view.end - pick(day, last)
    same = np.diff(at) == 0
    gap, owner = np.diff(day)[same], at[1:][same]
    gaps = view.count(owner)
    mean_gap = divide(view.count(owner, gap), gaps)
    square = divide(view.count(owner, gap**2), gaps)
    longest = np.full(view.n, np.nan)
    np.fmax.at(longest, owner, gap)
    deviation = np.sqrt(np.maximum(square - mean_gap**2, 0.0))
    return {
        "days_since_visit": silence,
        "never_visited": (count == 0).astype(np.float64),
        "mean_gap": mean_gap,
        "last_gap": pick(gap, last_of(owner, view.n)),
        "gap_variation": np.where(gaps >= 2, divide(deviation, mean_gap), np.nan),
        "silence_to_gap": divide(silence, mean_gap),
        "longest_gap": longest,
        "silence_to_longest_gap": divide(silence, longest),
    }


def counts_of(
    view: View, visits: VisitDays, at: Places, known: dict[str, Floats]
) -> dict[str, Floats]:
    ago = view.end - visits.day
    recent = {months: ago <= days for months, days in ((12, 365), (24, 730), (36, 1095))}
    counts = {f"visits_{months}m": view.count(at[near]) for months, near in recent.items()}
    flags = visits.amounts
    return counts | {
        "visits_all": view.count(at),
        "visits_per_year": view.count(at) / np.maximum(known["tenure"], 0.25),
        "visit_trend": 2 * counts["visits_12m"] - counts["visits_24m"],
        "maintenance_24m": view.count(at, flags["maintenance"].to_numpy() * recent[24]),
        "repairs_24m": view.count(at, flags["repair"].to_numpy() * recent[24]),
    }


def due(view: View, visits: VisitDays, at: Places, known: dict[str, Floats]) -> dict[str, Floats]:
    day, km = visits.day.astype(np.float64), visits.amounts["mileage_km"].to_numpy()
    served = np.flatnonzero(visits.amounts["maintenance"].to_numpy() > 0)
    last_service = last_of(at[served], view.n)
    service_day, service_km = pick(day[served], last_service), pick(km[served], last_service)
    read = np.flatnonzero(~np.isnan(km))
    last_read = last_of(at[read], view.n)
    read_day, read_km = pick(day[read], last_read), pick(km[read], last_read)
    start_day, start_km = known["_new_on"], np.nan_to_num(known["_km_at_sale"])
    per_day = divide(read_km - start_km, read_day - start_day)
    per_day = np.where((per_day > 0) & (per_day < 2000), per_day, np.nan)
    odometer = read_km + per_day * (view.end - read_day)
    since = view.end - np.where(np.isnan(service_day), start_day, service_day)
    km_since = odometer - np.where(np.isnan(service_km), start_km, service_km)
    interval = known["service_interval_days"]
    km_interval = known["_interval_km"]
    nominal = np.fmin(interval, divide(km_interval, per_day))
    usual = np.where(np.isnan(nominal), USUAL_INTERVAL_DAYS, nominal)
    own_gap = _own_gap(view, at[served], day[served], usual)
    services = view.count(at[served])
    due_so_far = np.fmax(known["tenure"] * 365.25 / usual, 0.5)
    return {
        "days_since_maintenance": since,
        "days_past_due": since - nominal,
        "own_service_gap": own_gap,
        "service_silence": since / own_gap,
        "services_all": services,
        "service_share": services / due_so_far,
        "due_ratio_time": divide(since, interval),
        "due_ratio_km": divide(km_since, km_interval),
        "km_per_day": per_day,
        "odometer": odometer,
    }


def _own_gap(view: View, at: Places, day: Floats, usual: Floats) -> Floats:
    """Mean days between a customer's services, ``usual`` weighing like :data:`PRIOR_GAPS` gaps."""
    same = np.diff(at) == 0
    gap, owner = np.diff(day)[same], at[1:][same]
    return (view.count(owner, gap) + PRIOR_GAPS * usual) / (view.count(owner) + PRIOR_GAPS)


def after_warranty(
    view: View, visits: VisitDays, at: Places, known: dict[str, Floats]
) -> dict[str, Floats]:
    """Who came on after the warranty of the vehicle had ended: the step at which many leave."""
    day = visits.day.astype(np.float64)
    ended = view.end + known["months_to_warranty_end"] * DAYS_PER_MONTH
    later = day > ended[at]
    own = (visits.amounts["revenue_customer"].to_numpy() > 0) & later
    own &= visits.amounts["accident_revenue"].to_numpy() <= 0
    return {
        "last_visit_to_warranty_end": pick(day, last_of(at, view.n)) - ended,
        "visits_after_warranty": view.count(at[later]),
        "own_visits_after_warranty": view.count(at[own]),
    }

"""When a vehicle is next due for periodic service: by time, by mileage, whichever comes first.

Pure: frames in, frames out, one row a vehicle; a page that shows one car uses the same functions on
a frame of one row. The interval is the car's own, else the brand policy's for its model, else the
division's policy for all models, and the result says which (``days_from``, ``km_from``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

# Two readings closer together than this say little about how far a car is driven.
SHORTEST_SPAN_DAYS = 60
# Habits change: only readings of the last two years before the newest count, where there are any.
LONGEST_SPAN_DAYS = 730
# Beyond 1,000 km every day for months a reading is wrong, not a habit.
FASTEST_KM_PER_DAY = 1_000.0
DAY = np.timedelta64(1, "D")

DUE_COLUMNS = ("due_on", "due_km", "due_by", "km_today", "overdue_days", "days_from", "km_from")


@dataclass(frozen=True)
class Policy:
    """A division's rule for one model (empty: all models) from ``valid_from`` on."""

    division_id: int
    model: str
    valid_from: date
    service_interval_days: int | None = None
    service_interval_km: int | None = None
    first_service_days: int | None = None
    first_service_km: int | None = None


def mileage_habits(readings: pd.DataFrame) -> pd.DataFrame:
    """Last reading and kilometres a day of each vehicle.

    Args:
        readings: columns vehicle_id, day (datetime64), km; any order, several a day allowed.

    Returns:
        Indexed by vehicle_id: last_on, last_km, km_per_day. The rate is that between the newest
        reading and the oldest one of the two years before it; NaN where the two lie less than
        60 days apart, run backwards, or are impossibly far apart.
    """
    known = readings.dropna(subset=["vehicle_id", "day", "km"])
    vehicle = known["vehicle_id"].to_numpy(dtype=np.int64)
    day = known["day"].to_numpy(dtype="datetime64[D]").astype(np.int64)
    km = known["km"].to_numpy(dtype=float)
    order = np.lexsort((km, day, vehicle))
    vehicle, day, km = vehicle[order], day[order], km[order]
    # Of a day's readings the largest; then each vehicle's rows stand together, oldest first.
    largest = np.append((vehicle[1:] != vehicle[:-1]) | (day[1:] != day[:-1]), True)[: len(km)]
    vehicle, day, km = vehicle[largest], day[largest], km[largest]
    last = np.flatnonzero(np.append(vehicle[1:] != vehicle[:-1], True)[: len(km)])
    rows = np.diff(last, prepend=-1)
    recent = day >= np.repeat(day[last], rows) - LONGEST_SPAN_DAYS
    first = last + 1 - np.add.reduceat(recent.astype(int), last - rows + 1) if len(last) else last
    span = (day[last] - day[first]).astype(float)
    span[span < SHORTEST_SPAN_DAYS] = np.nan
    rate = (km[last] - km[first]) / span
    rate[~((rate >= 0) & (rate <= FASTEST_KM_PER_DAY))] = np.nan
    return pd.DataFrame(
        {"last_on": day[last].astype("datetime64[D]"), "last_km": km[last], "km_per_day": rate},
        index=pd.Index(vehicle[last], name="vehicle_id"),
    )


def _in_force(policies: Iterable[Policy], as_of: date) -> dict[tuple[int, str], Policy]:
    """The policy of each division and model that is valid on ``as_of``: the latest begun."""
    begun = [p for p in policies if p.valid_from <= as_of]
    return {(p.division_id, p.model): p for p in sorted(begun, key=lambda p: p.valid_from)}


def intervals(vehicles: pd.DataFrame, policies: Iterable[Policy], as_of: date) -> pd.DataFrame:
    """The interval that applies to each vehicle, and where it comes from.

    Args:
        vehicles: columns division_id, model, own_days, own_km, serviced (bool: false = the first
            service is still ahead).
        policies: of any division and date.

    Returns:
        Same index: interval_days, interval_km (float, NaN = nobody says), days_from, km_from
        ("vehicle", "model", "division" or "").
    """
    rules = _in_force(policies, as_of)
    # Few distinct pairs among a million vehicles: the rule is looked up once a pair.
    keys = list(zip(vehicles["division_id"], vehicles["model"], strict=True))
    places = {pair: place for place, pair in enumerate(dict.fromkeys(keys))}
    pairs, position = list(places), np.array([places[key] for key in keys], dtype=np.intp)
    result = pd.DataFrame(index=vehicles.index)
    for unit in ("days", "km"):
        own = vehicles[f"own_{unit}"].to_numpy(dtype=float)
        choices = [("vehicle", own, own)]
        for source, of_all in (("model", False), ("division", True)):
            regular, first = (
                np.array(
                    [
                        _rule_value(rules.get((d, "" if of_all else m)), f"{kind}_{unit}")
                        for d, m in pairs
                    ],
                    dtype=float,
                )[position]
                for kind in ("service_interval", "first_service")
            )
            choices.append((source, regular, np.where(np.isnan(first), regular, first)))
        value, origin = _first_known(choices, vehicles["serviced"].to_numpy(dtype=bool))
        result[f"interval_{unit}"], result[f"{unit}_from"] = value, origin
    return result


def _rule_value(policy: Policy | None, name: str) -> float:
    value = getattr(policy, name) if policy else None
    return float("nan") if value is None else float(value)


def _first_known(
    choices: list[tuple[str, np.ndarray, np.ndarray]], serviced: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    value = np.full(len(serviced), np.nan)
    origin = np.full(len(serviced), "", dtype=object)
    for source, regular, first in choices:
        offered = np.where(serviced, regular, first)
        taken = np.isnan(value) & ~np.isnan(offered)
        value[taken], origin[taken] = offered[taken], source
    return value, origin


def next_due(
    vehicles: pd.DataFrame, habits: pd.DataFrame, policies: Iterable[Policy], as_of: date
) -> pd.DataFrame:
    """Next service of every vehicle.

    Args:
        vehicles: indexed by vehicle_id; columns division_id, model, own_days, own_km, serviced, and
            start_on, start_km: day and mileage of the last periodic service, or of the purchase
            where there was none yet (NaT, NaN = not known).
        habits: of :func:`mileage_habits`; vehicles may be missing from it.
        as_of: the day that "today" and "overdue" refer to.

    Returns:
        Same index: due_on (the earlier of both), due_km, due_by ("time", "mileage" or ""),
        km_today (estimate, floats), overdue_days (positive once past; NaN where nothing is due),
        days_from, km_from.
    """
    rule = intervals(vehicles, policies, as_of)
    habit = habits.reindex(vehicles.index)
    today = np.datetime64(as_of, "D")
    start_on = vehicles["start_on"].to_numpy(dtype="datetime64[D]")
    by_time = start_on + _days(rule["interval_days"].to_numpy())
    due_km = vehicles["start_km"].to_numpy(dtype=float) + rule["interval_km"].to_numpy()
    last_on = habit["last_on"].to_numpy(dtype="datetime64[D]")
    last_km, rate = habit["last_km"].to_numpy(dtype=float), habit["km_per_day"].to_numpy(float)
    elapsed = np.where(np.isnat(last_on), np.nan, (today - last_on) / DAY)
    with np.errstate(divide="ignore", invalid="ignore"):
        days_to_km = np.where(rate > 0, (due_km - last_km) / rate, np.nan)
    # A car that hardly moves is due by time; the date by mileage may lie beyond any calendar.
    days_to_km = np.where(days_to_km < 36_525, days_to_km, np.nan)
    # Mileage cannot make a car due before the service from which it is counted.
    by_km = np.maximum(last_on + _days(np.ceil(days_to_km)), start_on)
    due_on = np.where(np.isnat(by_time), by_km, np.fmin(by_time, by_km))
    mileage_first = ~np.isnat(by_km) & (np.isnat(by_time) | (by_km < by_time))
    return pd.DataFrame(
        {
            "due_on": due_on,
            "due_km": due_km,
            "due_by": np.where(np.isnat(due_on), "", np.where(mileage_first, "mileage", "time")),
            "km_today": last_km + np.where(np.isnan(rate), 0.0, rate) * np.maximum(elapsed, 0),
            "overdue_days": np.where(np.isnat(due_on), np.nan, (today - due_on) / DAY),
            "days_from": rule["days_from"],
            "km_from": rule["km_from"],
        },
        index=vehicles.index,
    )


def _days(count: np.ndarray) -> np.ndarray:
    """Float day counts as timedelta64[D]; NaN becomes NaT."""
    known = ~np.isnan(count)
    out = np.full(count.shape, np.timedelta64("NaT"), dtype="timedelta64[D]")
    out[known] = count[known].astype("int64").astype("timedelta64[D]")
    return out

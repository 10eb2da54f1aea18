"""A small seeded world of a dealer group that is not a BG/NBD sampler.

Regular maintenance by time, skipped services, repairs, accidents, drop-out after bad visits, after
the warranty and by moving away. Made in whole columns, one round of events at a time.
"""

import datetime
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.records import Records

END = datetime.date(2025, 7, 1)

_DIVISIONS = {  # interval in days, spend, share, yearly drop-out, after warranty
    "luxury": (330.0, 2800.0, 0.4, 0.07, 0.22),
    "joint": (210.0, 1200.0, 0.4, 0.10, 0.30),
    "domestic": (180.0, 800.0, 0.2, 0.13, 0.40),
}


@dataclass(frozen=True)
class _Traits:
    interval: np.ndarray
    spend: np.ndarray
    leave: np.ndarray
    leave_later: np.ndarray
    skip: np.ndarray
    km_per_day: np.ndarray
    distance: np.ndarray


def dealer_world(customers: int, seed: int = 1, end: datetime.date = END) -> Records:
    """Records of ``customers`` buyers over the nine years before ``end``."""
    rng = np.random.default_rng(seed)
    n = customers
    stop = (end - datetime.date(1970, 1, 1)).days
    names = np.array(list(_DIVISIONS))
    division = rng.choice(len(names), n, p=[v[2] for v in _DIVISIONS.values()])
    base = np.array(list(_DIVISIONS.values()))[division]
    distance = rng.lognormal(2.2, 0.8, n)
    traits = _Traits(
        base[:, 0] * rng.lognormal(0, 0.15, n),
        base[:, 1] * rng.lognormal(0, 0.4, n),
        base[:, 3] * rng.gamma(2, 0.5, n) * (1 + distance / 40),
        base[:, 4] * rng.gamma(2, 0.5, n) * (1 + distance / 40),
        rng.beta(1.5, 6, n),
        rng.lognormal(3.6, 0.4, n),
        distance,
    )
    sold = rng.integers(stop - 9 * 365, stop, n)
    warranty = sold + np.where(rng.random(n) < 0.2, 5, 3) * 365
    visits = _visits(rng, traits, sold, warranty, stop)
    people = pd.DataFrame(
        {
            "division": names[division],
            "segment": np.where(rng.random(n) < 0.03, "organisation", "person"),
            "distance_km": np.where(rng.random(n) < 0.1, np.nan, distance),
        },
        index=pd.Index(np.arange(n, dtype=np.int64), name="customer"),
    )
    vehicles = pd.DataFrame(
        {
            "customer": np.arange(n, dtype=np.int64),
            "owned_from": _dates(sold),
            "owned_to": pd.Series(np.full(n, np.datetime64("NaT"), dtype="datetime64[s]")),
            "sold_on": _dates(sold),
            "built_on": _dates(sold - 60),
            "warranty_until": _dates(warranty),
            "extended_warranty": warranty - sold > 4 * 365,
            "service_interval_days": base[:, 0],
            "service_interval_km": np.full(n, 10000.0),
            "km_at_sale": np.zeros(n),
        }
    )
    surveys, events = _voices(rng, visits)
    contracts = pd.DataFrame(
        {
            "customer": np.arange(n, dtype=np.int64),
            "type": "insurance",
            "starts_on": _dates(sold),
            "ends_on": _dates(sold + 365 * rng.integers(1, 4, n)),
        }
    )
    return Records(
        customers=people,
        purchases=pd.DataFrame({"customer": vehicles["customer"], "day": vehicles["sold_on"]}),
        vehicles=vehicles,
        visit_days=visits.drop(columns="bad"),
        surveys=surveys,
        events=events,
        contracts=contracts,
    )


def _dates(days: np.ndarray) -> pd.Series:
    return pd.Series(days.astype("datetime64[D]").astype("datetime64[s]"))


def _visits(
    rng: np.random.Generator, traits: _Traits, sold: np.ndarray, warranty: np.ndarray, stop: int
) -> pd.DataFrame:
    parts = []
    who = np.arange(sold.size)
    now, due = sold.astype(float), sold + traits.interval * rng.lognormal(0, 0.15, sold.size)
    while who.size:
        unplanned = now + rng.exponential(365 / (0.25 + 0.08 * (now - sold[who]) / 365))
        crash = now + rng.exponential(365 / 0.19, who.size)
        skipped = rng.random(who.size) < traits.skip[who]
        planned = np.where(skipped, due + traits.interval[who], due)
        at = np.minimum(np.minimum(planned, unplanned), crash)
        rate = np.where(at > warranty[who], traits.leave_later[who], traits.leave[who])
        stays = (rng.random(who.size) < np.exp(-rate * (at - now) / 365)) & (at < stop)
        who, at, planned, unplanned, crash, due = (
            v[stays] for v in (who, at, planned, unplanned, crash, due)
        )
        kind = np.where(at == crash, 2, np.where(at == unplanned, 1, 0))
        bad = rng.random(who.size) < 0.06
        parts.append(_one_round(rng, traits, sold, warranty, who, np.floor(at), kind, bad))
        fresh = at + traits.interval[who] * rng.lognormal(0, 0.15, who.size)
        due = np.where(kind == 0, fresh, np.maximum(due, at + 1))
        stays = ~bad | (rng.random(who.size) > 0.4)
        who, now, due = who[stays], at[stays] + 1, due[stays]
    frame = pd.concat(parts, ignore_index=True).sort_values(["customer", "day"], kind="stable")
    return frame.drop_duplicates(["customer", "day"]).reset_index(drop=True)


def _one_round(
    rng: np.random.Generator,
    traits: _Traits,
    sold: np.ndarray,
    warranty: np.ndarray,
    who: np.ndarray,
    at: np.ndarray,
    kind: np.ndarray,
    bad: np.ndarray,
) -> pd.DataFrame:
    money = traits.spend[who] * rng.gamma(3, 1 / 3, who.size) * np.where(kind == 2, 4.0, 1.0)
    covered = (kind == 1) & (at < warranty[who])
    crash = kind == 2
    margin = money * np.where(crash, 0.5, np.where(covered, 0.3, 0.42))
    return pd.DataFrame(
        {
            "customer": who.astype(np.int64),
            "day": at.astype(np.int64).astype("datetime64[D]").astype("datetime64[s]"),
            "revenue": money,
            "margin": margin,
            "accident_revenue": np.where(crash, money, 0.0),
            "accident_margin": np.where(crash, margin, 0.0),
            "revenue_customer": np.where(crash | covered, 0.0, money),
            "revenue_insurer": np.where(crash, money, 0.0),
            "revenue_manufacturer": np.where(covered, money, 0.0),
            "mileage_km": (at - sold[who]) * traits.km_per_day[who],
            "maintenance": (kind == 0).astype(float),
            "repair": (kind == 1).astype(float),
            "warranty_work": covered.astype(float),
            "comeback": (bad & (rng.random(who.size) < 0.3)).astype(float),
            "declined": rng.poisson(0.2, who.size).astype(float),
            "wait_minutes": rng.gamma(4, 20, who.size) * np.where(bad, 1.5, 1.0),
            "bad": bad,
        }
    )


def _voices(rng: np.random.Generator, visits: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    asked = rng.random(len(visits)) < 0.15
    score = np.where(
        visits["bad"], rng.integers(0, 8, len(visits)), rng.integers(7, 11, len(visits))
    )
    surveys = pd.DataFrame(
        {
            "customer": visits.loc[asked, "customer"].to_numpy(),
            "day": visits.loc[asked, "day"].to_numpy() + np.timedelta64(3 * 86400, "s"),
            "score": score[asked].astype(float),
        }
    )
    angry = visits["bad"].to_numpy() & (rng.random(len(visits)) < 0.3)
    events = pd.DataFrame(
        {
            "customer": visits.loc[angry, "customer"].to_numpy(),
            "day": visits.loc[angry, "day"].to_numpy(),
            "kind": "complaint",
        }
    )
    return surveys, events

"""Simulated worlds that a band is tested on: customers of stores under common yearly shocks.

Each year and store draws the logs of three factors, N(0, v) with a share rho of variance common to
all stores: attrition (scales the chance of dropping out after a visit), volume (scales the rate of
visits) and margin (scales the margin of a visit). Rates and drop-out chances differ between
customers as in BG/NBD (Fader, Hardie & Lee 2005). Rates are constant within a year, so visits are
drawn in the store's operational time and mapped back.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation.uncertainty import CommonShocks

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DAYS = 365.25
HISTORY_YEARS = 5


DRAWN = CommonShocks(0.12, 0.05, 0.08, 0.5, "drawn by the simulator")


@dataclass(frozen=True)
class Nature:
    """The truth of a family of worlds; days, yuan."""

    customers: int = 5_000
    stores: int = 10
    r: float = 1.2
    alpha: float = 160.0
    a: float = 0.9
    b: float = 7.0
    margin: float = 400.0
    spend_variation: float = 0.8
    shocks: CommonShocks = DRAWN


@dataclass(frozen=True)
class World:
    """What is known on the day, per customer (N,): ``store, x, t_x, age`` (days), and the mean
    margin of a visit so far; and what comes: margin of the next year by customer, visits."""

    store: Integers
    x: Floats
    t_x: Floats
    age: Floats
    mean_margin: float
    future_visits: Integers
    future_margin: Floats


def draw_world(nature: Nature, seed: int) -> World:
    """One world, the same for the same seed."""
    rng = np.random.default_rng(seed)
    years = HISTORY_YEARS + 1
    factors = _factors(nature, years, rng)
    count = nature.customers
    store = rng.integers(0, nature.stores, count)
    today = HISTORY_YEARS * DAYS
    born = today - rng.uniform(60.0, today, count)
    rate = rng.gamma(nature.r, 1.0 / nature.alpha, count)
    leaving = rng.beta(nature.a, nature.b, count)
    clock = np.concatenate(
        [np.zeros((nature.stores, 1)), np.cumsum(factors["volume"] * DAYS, axis=1)], axis=1
    )
    operational = _to_operational(clock, store, born)
    end = np.full(count, today + DAYS)
    x, last = np.zeros(count), born.copy()
    margin_seen, visits_seen = 0.0, 0
    future_visits, future_margin = np.zeros(count, np.int64), np.zeros(count)
    active = np.ones(count, dtype=bool)
    while active.any():
        rows = np.flatnonzero(active)
        operational[rows] += rng.exponential(1.0, len(rows)) / rate[rows]
        day = _to_calendar(clock, store[rows], operational[rows])
        inside = day < end[rows]
        active[rows[~inside]] = False
        rows, day = rows[inside], day[inside]
        year = np.minimum((day / DAYS).astype(int), years - 1)
        money = nature.margin * factors["margin"][store[rows], year]
        shape = 1.0 / nature.spend_variation**2
        money = money * rng.gamma(shape, 1.0 / shape, len(rows))
        past = day < today
        x[rows[past]] += 1
        last[rows[past]] = day[past]
        margin_seen += float(money[past].sum())
        visits_seen += int(past.sum())
        future_visits[rows[~past]] += 1
        future_margin[rows[~past]] += money[~past]
        chance = np.minimum(leaving[rows] * factors["attrition"][store[rows], year], 1.0)
        active[rows[rng.random(len(rows)) < chance]] = False
    t_x = np.where(x > 0, last - born, 0.0)
    mean = margin_seen / max(visits_seen, 1)
    return World(store, x, t_x, today - born, mean, future_visits, future_margin)


def _factors(nature: Nature, years: int, rng: np.random.Generator) -> dict[str, Floats]:
    """By name (S, Y)."""
    terms = nature.shocks
    rho = terms.store_correlation
    found = {}
    for name in ("attrition", "margin", "volume"):
        shared = rng.standard_normal((1, years))
        own = rng.standard_normal((nature.stores, years))
        log = getattr(terms, name) * (np.sqrt(rho) * shared + np.sqrt(1.0 - rho) * own)
        found[name] = np.exp(log)
    return found


def _to_operational(clock: Floats, store: Integers, day: Floats) -> Floats:
    ends = np.arange(clock.shape[1]) * DAYS
    found = np.empty(len(day))
    for one in range(len(clock)):
        rows = store == one
        found[rows] = np.interp(day[rows], ends, clock[one])
    return found


def _to_calendar(clock: Floats, store: Integers, operational: Floats) -> Floats:
    ends = np.arange(clock.shape[1]) * DAYS
    found = np.empty(len(operational))
    for one in range(len(clock)):
        rows = store == one
        found[rows] = np.interp(operational[rows], clock[one], ends, right=np.inf)
    return found

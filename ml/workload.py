"""Expected visits of workshops by store, kind of work and week, with an interval.

The level of a store comes from the curves of its customers (:mod:`ml.curves`), which know who is
due, alive and insured but not that a year has seasons. Here it is spread over weeks:

expected visits = pace of the store's customers in the week × store factor × share of the kind of
work × season of the kind in the week.

* *Store factor*: visit days at the store over visit days of those of its customers who were known
  at the start of each quarter of the last year. It brings in newcomers and guests.
* *Season*: Poisson regression of the group's weekly visits on three yearly waves, a linear trend
  (left out of the factor) and the days before, in and after the holidays, with a normal prior
  (McCullagh & Nelder 1989, ch. 4; iteratively reweighted least squares).
* *Interval*: negative binomial with variance m + φ·m². φ is the least at which at least 80% of the
  visits of the last four quarters would have lain inside, each quarter forecast from the weeks
  before it alone; with φ = 0 it is the Poisson distribution. Sums of stores have a φ of their own,
  because stores err together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.stats import nbinom, poisson

Floats = NDArray[np.float64]

WEEKS = 13
YEAR_WEEKS = 52
QUARTERS = 4
HISTORY_WEEKS = 156
LEAST_HISTORY = YEAR_WEEKS + WEEKS
INSIDE = 0.80

WORK = {
    "planned": ("first_service", "maintenance"),
    "repair": ("repair", "comeback"),
    "body": ("body_paint", "accident"),
    "warranty": ("warranty", "recall"),
    "other": ("tyre", "accessories", "other", "pdi"),
}
"""Kinds of work and the kinds of repair order that they hold."""

# First day of the lunar new year.
_SPRING_FESTIVALS = """
2012-01-23 2013-02-10 2014-01-31 2015-02-19 2016-02-08 2017-01-28 2018-02-16 2019-02-05
2020-01-25 2021-02-12 2022-02-01 2023-01-22 2024-02-10 2025-01-29 2026-02-17 2027-02-06
2028-01-26 2029-02-13 2030-02-03 2031-01-23 2032-02-11 2033-01-31 2034-02-19 2035-02-08
2036-01-28 2037-02-15 2038-02-04 2039-01-24 2040-02-12
"""
SPRING_FESTIVAL = tuple(date.fromisoformat(day) for day in _SPRING_FESTIVALS.split())
# Days from the new year, first and last; closures and rushes of at most a week each.
_AROUND_FESTIVAL = ((-24, -15), (-14, -3), (-2, 5), (6, 12), (13, 20))
_HOLIDAYS = (((10, 1), (10, 7)), ((5, 1), (5, 5)))
_WAVES = 3
_YEAR_DAYS = 365.25
_PRIOR_DEVIATION = 0.7
"""Of the log of a season's factor."""

_FEW = 300
"""Visits of a kind below which it takes the season of all work."""

_PRIOR_VISITS = 50.0
_PRIOR_MIX = 30.0
_LARGEST_DISPERSION = 4.0


@dataclass(frozen=True)
class Load:
    """Visits of S stores, K kinds of work and W weeks from ``first`` (a Monday) on.

    ``expected`` (S, K, W); ``held_out`` and ``came`` (S, K, 4·13) are the forecasts of the last
    four quarters, oldest first, from the weeks before each, and what came.
    """

    first: date
    expected: Floats
    held_out: Floats
    came: Floats


def monday_of(day: date) -> date:
    """The Monday of the week of ``day``."""
    return day - timedelta(days=day.weekday())


def week_features(first: date, weeks: int) -> Floats:
    """Waves of the year and shares of the week's days around holidays, shape (weeks, 13)."""
    start = first.toordinal()
    days = [date.fromordinal(start + i) for i in range(7 * weeks)]
    number = np.arange(start, start + 7 * weeks)
    columns = []
    for wave in range(1, _WAVES + 1):
        angle = 2.0 * np.pi * wave * number / _YEAR_DAYS
        columns += [np.sin(angle), np.cos(angle)]
    festivals = np.array([one.toordinal() for one in SPRING_FESTIVAL])
    distance = number[:, None] - festivals[None, :]
    for begin, end in _AROUND_FESTIVAL:
        columns.append(((distance >= begin) & (distance <= end)).any(axis=1).astype(float))
    for begin_day, end_day in _HOLIDAYS:
        columns.append(
            np.array([begin_day <= (one.month, one.day) <= end_day for one in days], dtype=float)
        )
    return np.asarray(np.column_stack(columns).reshape(weeks, 7, -1).mean(axis=1))


def season(counts: Floats, first: date, ahead: int = WEEKS) -> Floats:
    """Factors of the ``ahead`` weeks after ``counts`` (weekly visits from ``first``, a Monday).

    They have mean 1 over the 52 weeks after ``counts``. Without a visit they are all 1.
    """
    weeks = len(counts)
    if counts.sum() <= 0:
        return np.ones(ahead)
    features = week_features(first, weeks + max(ahead, YEAR_WEEKS))
    trend = (np.arange(weeks) - weeks / 2.0) / YEAR_WEEKS
    design = np.column_stack([np.ones(weeks), trend, features[:weeks]])
    beta = _poisson_regression(design, counts)
    factors = np.exp(features[weeks:] @ beta[2:])
    return np.asarray(factors[:ahead] / factors[:YEAR_WEEKS].mean())


def _poisson_regression(design: Floats, counts: Floats, steps: int = 25) -> Floats:
    """Coefficients, the intercept first; the others are shrunk by a normal prior, whose weight
    against the data allows for counts that spread more than Poisson ones."""
    precision = np.full(design.shape[1], _PRIOR_DEVIATION**-2)
    precision[0] = 0.0
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(counts.mean())
    spread = 1.0
    for _step in range(steps):
        mean = np.exp(np.clip(design @ beta, -20.0, 20.0))
        information = (design.T * (mean / spread)) @ design + np.diag(precision)
        slope = design.T @ ((counts - mean) / spread) - precision * beta
        move = np.linalg.solve(information, slope)
        beta = beta + np.clip(move, -1.0, 1.0)
        mean = np.exp(np.clip(design @ beta, -20.0, 20.0))
        freedom = max(len(counts) - design.shape[1], 1)
        spread = max(float((((counts - mean) ** 2) / mean).sum() / freedom), 1.0)
        if np.abs(move).max() < 1e-8:
            break
    return beta


def seasons(history: Floats, first: date, ahead: int = WEEKS) -> Floats:
    """Factors by kind, shape (K, ahead), of ``history`` (S, K, weeks)."""
    by_kind = history.sum(axis=0)
    general = season(by_kind.sum(axis=0), first, ahead)
    return np.stack(
        [season(counts, first, ahead) if counts.sum() >= _FEW else general for counts in by_kind]
    )


def mixes(history: Floats) -> Floats:
    """Share of each kind in a store's last 52 weeks, drawn to the group's; (S, K), sums 1."""
    last = history[:, :, -YEAR_WEEKS:].sum(axis=2)
    total = last.sum()
    kinds = last.shape[1]
    group = last.sum(axis=0) / total if total > 0 else np.full(kinds, 1.0 / kinds)
    drawn = last + _PRIOR_MIX * group
    return np.asarray(drawn / drawn.sum(axis=1, keepdims=True))


def store_factors(came: Floats, of_known: Floats) -> Floats:
    """Visit days at each store over those of its customers already known, (S,), drawn to the
    group's quotient at the weight of 50 visits."""
    total = of_known.sum()
    general = came.sum() / total if total > 0 else 1.0
    return np.asarray((came + _PRIOR_VISITS * general) / (of_known + _PRIOR_VISITS))


def spread(pace: Floats, mix: Floats, factors: Floats) -> Floats:
    """Expected visits (S, K, W) of pace (S, W) a week, mix (S, K) and season (K, W)."""
    return np.asarray(pace[:, None, :] * mix[:, :, None] * factors[None, :, :])


def held_out(history: Floats, first: date) -> tuple[Floats, Floats]:
    """Forecasts of the last quarters from the weeks before each, and what came, (S, K, 13·n).

    The level is that of the 52 weeks before. n is 4, less where history has under 117 weeks, and
    0 under 65.
    """
    weeks = history.shape[2]
    quarters = max(min(QUARTERS, (weeks - YEAR_WEEKS) // WEEKS), 0)
    parts = [np.zeros((*history.shape[:2], 0))]
    for back in range(quarters, 0, -1):
        before = history[:, :, : weeks - back * WEEKS]
        level = before[:, :, -YEAR_WEEKS:].sum(axis=(1, 2)) / YEAR_WEEKS
        pace = np.repeat(level[:, None], WEEKS, axis=1)
        parts.append(spread(pace, mixes(before), seasons(before, first)))
    return np.concatenate(parts, axis=2), history[:, :, weeks - quarters * WEEKS :]


def work_ahead(history: Floats, first: date, pace: Floats, came: Floats, of_known: Floats) -> Load:
    """The next weeks of every store.

    ``history`` (S, K, T) visits a week from ``first`` (a Monday) on; ``pace`` (S, 13) expected
    visit days of each store's customers in the weeks that follow, without season; ``came`` and
    ``of_known`` (S,) as :func:`store_factors` wants them. Raises ``ValueError`` for shapes that do
    not fit, a first day that is no Monday, or figures that are negative or not finite.
    """
    stores, kinds, weeks = history.shape
    if pace.shape != (stores, WEEKS) or came.shape != (stores,) or of_known.shape != (stores,):
        raise ValueError("pace, came and of_known must have a row for each store of the history")
    if kinds != len(WORK) or first.weekday() != 0:
        raise ValueError("history must have every kind of work and begin on a Monday")
    for figures in (history, pace, came, of_known):
        if not (np.isfinite(figures).all() and (figures >= 0).all()):
            raise ValueError("visits must be finite and not negative")
    level = pace * store_factors(came, of_known)[:, None]
    expected = spread(level, mixes(history), seasons(history, first))
    return Load(first + timedelta(weeks=weeks), expected, *held_out(history, first))


def interval(expected: Floats, dispersion: float) -> tuple[Floats, Floats]:
    """The 10% and 90% quantiles of visits with variance m + ``dispersion``·m², shapes as given."""
    outside = (1.0 - INSIDE) / 2.0
    mean = np.maximum(expected, 1e-12)
    if dispersion <= 0.0:
        low, high = poisson.ppf(outside, mean), poisson.ppf(1.0 - outside, mean)
    else:
        size = 1.0 / dispersion
        chance = size / (size + mean)
        low, high = nbinom.ppf(outside, size, chance), nbinom.ppf(1.0 - outside, size, chance)
    return np.asarray(low, dtype=float), np.asarray(high, dtype=float)


def share_inside(came: Floats, expected: Floats, dispersion: float) -> float:
    """Share of visits that lie inside their interval; not a number where there are none."""
    if came.size == 0:
        return float("nan")
    low, high = interval(expected, dispersion)
    return float(((came >= low) & (came <= high)).mean())


def least_dispersion(came: Floats, expected: Floats) -> float:
    """The smallest φ with 80% of ``came`` inside the interval around ``expected``; at least 0
    (Poisson) and at most 4. Without anything that came, 0."""
    if came.size == 0 or share_inside(came, expected, 0.0) >= INSIDE:
        return 0.0
    low, high = 0.0, _LARGEST_DISPERSION
    for _step in range(20):
        middle = (low + high) / 2.0
        if share_inside(came, expected, middle) >= INSIDE:
            high = middle
        else:
            low = middle
    return high


@dataclass(frozen=True)
class Estimate:
    """One row a line (a store, or a unit): ``expected``, ``low``, ``high`` (n, 13).

    ``dispersion``: φ; ``inside``: share of the visits of the last quarter that lay inside the
    interval of a φ from the quarters before, not a number with less than two quarters.
    """

    expected: Floats
    low: Floats
    high: Floats
    dispersion: float
    inside: float


def estimate(expected: Floats, forecast: Floats, came: Floats) -> Estimate:
    """With the interval that ``forecast`` and ``came`` (n, 13·quarters) of the past ask for."""
    phi = least_dispersion(came, forecast)
    low, high = interval(expected, phi)
    inside = float("nan")
    if came.shape[1] >= 2 * WEEKS:
        earlier = least_dispersion(came[:, :-WEEKS], forecast[:, :-WEEKS])
        inside = share_inside(came[:, -WEEKS:], forecast[:, -WEEKS:], earlier)
    return Estimate(expected, low, high, phi, inside)


def of_stores(load: Load, kind: int | None = None) -> Estimate:
    """Every store by itself, of one kind of work or of all together."""
    return estimate(*(_of_kind(one, kind) for one in (load.expected, load.held_out, load.came)))


def of_unit(load: Load, stores: Sequence[int], kind: int | None = None) -> Estimate:
    """The sum of some stores (their positions) as one line; one store has the stores' interval."""
    if len(stores) == 1:
        every = of_stores(load, kind)
        only = slice(stores[0], stores[0] + 1)
        own = _of_kind(load.expected, kind)[only]
        return Estimate(own, every.low[only], every.high[only], every.dispersion, every.inside)
    chosen = list(stores)
    sums = (
        _of_kind(one[chosen], kind).sum(axis=0, keepdims=True)
        for one in (load.expected, load.held_out, load.came)
    )
    return estimate(*sums)


def _of_kind(figures: Floats, kind: int | None) -> Floats:
    return np.asarray(figures.sum(axis=1) if kind is None else figures[:, kind])

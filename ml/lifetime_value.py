"""Lifetime value: expected visits, revenue and margin of every customer, month by month.

    margin of month k = visits of k × spend per visit × margin rate
                        + P(alive in k) × vehicles × accident rate / 12 × accident margin
    value             = Σ margin of k · (1 + d)^(−k/12),   k = 1 … min(horizon, cap)

The expected visits contain survival already. The cap is the remaining life of the vehicle in
months; it is a hard cut and therefore kept apart from the eight numbers of the curve.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ml.curves import HORIZON_MONTHS, NODES, CurveMap, curves
from ml.pooling import CohortFit, fit_cohorts
from ml.restoring import restore
from ml.spend import VisitWorth, visit_worths
from ml.statistics import as_observed
from ml.transaction_models import probability_alive

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DEFAULT_DISCOUNT_RATE = 0.08

Key = tuple[str, str]


@dataclass(frozen=True)
class LifetimeModel:
    """Fitted transaction models and money per (division, segment)."""

    cohorts: dict[Key, CohortFit]
    worths: dict[Key, VisitWorth]

    def memoryless(self) -> "LifetimeModel":
        """The same model without MBG/CNBD-k in use; itself where it is not."""
        if all(cohort.memoryless is None for cohort in self.cohorts.values()):
            return self
        cohorts = {key: cohort.without_regular() for key, cohort in self.cohorts.items()}
        return replace(self, cohorts=cohorts)

    def with_regular(self, keys: Collection[Key]) -> "LifetimeModel":
        """The same model with MBG/CNBD-k in use for the cohorts of ``keys``."""
        cohorts = {
            key: cohort.with_regular() if key in keys else cohort
            for key, cohort in self.cohorts.items()
        }
        return replace(self, cohorts=cohorts)

    def as_dict(self) -> list[dict[str, Any]]:
        """One JSON-ready object per cohort, for the model page and the registry."""
        return [
            self.cohorts[key].as_dict() | {"worth": self.worths[key].as_dict()}
            for key in sorted(self.cohorts)
        ]

    @classmethod
    def from_dict(cls, rows: Sequence[dict[str, Any]]) -> Self:
        """The model that :meth:`as_dict` described; it forecasts the same to the last bit."""
        keys = [(str(row["division"]), str(row["segment"])) for row in rows]
        return cls(
            {key: restore(CohortFit, row) for key, row in zip(keys, rows, strict=True)},
            {key: restore(VisitWorth, row["worth"]) for key, row in zip(keys, rows, strict=True)},
        )


@dataclass(frozen=True)
class Forecast:
    """Futures of n customers in the order of ``customers``; all money in yuan net of VAT.

    ``fit`` (n,): number of the customer's cohort in ``keys`` and of its map in ``maps``;
    ``p_alive`` (n,); ``visits`` and ``alive`` (n, 8) at the map's nodes, uncapped; ``cap`` (n,)
    months that count; ``revenue_per_visit``, ``margin_per_visit`` (n,) regular work;
    ``accident_revenue``, ``accident_margin`` (n,) per month alive. ``anchor_first`` (months 1-12)
    and ``anchor_later`` (n,) multiply the visits; 1 leaves the transaction model's own
    (:mod:`ml.next_year` sets others).
    """

    customers: pd.Index
    keys: list[Key]
    maps: list[CurveMap]
    fit: Ints
    p_alive: Floats
    visits: Floats
    alive: Floats
    cap: Ints
    revenue_per_visit: Floats
    margin_per_visit: Floats
    accident_revenue: Floats
    accident_margin: Floats
    discount_rate: float
    anchor_first: Floats
    anchor_later: Floats

    @property
    def months(self) -> int:
        return self.maps[0].months if self.maps else HORIZON_MONTHS

    @cached_property
    def _alive9(self) -> Floats:
        return np.column_stack([self.p_alive, self.alive])

    def total_visits(self, weights: Floats, cap: Ints | None = None) -> Floats:
        """Σ over months of ``weights`` (months,) × expected visits, within the cap, shape (n,)."""
        maps = [m.monthly for m in self.maps]
        first = np.arange(1, self.months + 1) <= 12
        early = self._weighted(self.visits, maps, np.where(first, weights, 0.0), cap)
        late = self._weighted(self.visits, maps, np.where(first, 0.0, weights), cap)
        return early * self.anchor_first + late * self.anchor_later

    def total_alive(self, weights: Floats, cap: Ints | None = None) -> Floats:
        """Σ over months of ``weights`` × mean P(alive) in the month, within the cap, (n,)."""
        return self._weighted(self._alive9, [alive_months(m) for m in self.maps], weights, cap)

    def _weighted(
        self, nodes: Floats, maps: Sequence[Floats], weights: Floats, cap: Ints | None
    ) -> Floats:
        """Row i: nodes[i] · (Σ_{k ≤ cap_i} weights_k · map[k]), one table row per cap month."""
        cap = self.cap if cap is None else cap
        result = np.zeros(len(nodes))
        for number, linear in enumerate(maps):
            rows = np.flatnonzero(self.fit == number)
            table = np.zeros((self.months + 1, linear.shape[1]))
            table[1:] = np.cumsum(weights[:, None] * linear, axis=0)
            result[rows] = np.einsum("ij,ij->i", nodes[rows], table[cap[rows]])
        return result

    def table(self) -> pd.DataFrame:
        """One row per customer: ``p_alive, expected_visits_12m, expected_revenue_12m,
        expected_margin_12m, ltv, division, segment``, all float64 but the last two (str)."""
        k = np.arange(1, self.months + 1)
        year = (k <= 12).astype(float)
        discount = (1.0 + self.discount_rate) ** (-k / 12.0)
        visits, alive = self.total_visits(year), self.total_alive(year)
        present_visits, present_alive = self.total_visits(discount), self.total_alive(discount)
        frame = pd.DataFrame(
            {
                "p_alive": self.p_alive,
                "expected_visits_12m": visits,
                "expected_revenue_12m": visits * self.revenue_per_visit
                + alive * self.accident_revenue,
                "expected_margin_12m": visits * self.margin_per_visit
                + alive * self.accident_margin,
                "ltv": present_visits * self.margin_per_visit
                + present_alive * self.accident_margin,
            },
            index=self.customers,
        )
        if not np.isfinite(frame.to_numpy()).all():
            bad = int((~np.isfinite(frame.to_numpy())).any(axis=1).sum())
            raise FloatingPointError(f"{bad} customers have a forecast that is not a number")
        frame["division"] = [self.keys[number][0] for number in self.fit]
        frame["segment"] = [self.keys[number][1] for number in self.fit]
        return frame

    def monthly(self) -> dict[str, Floats]:
        """``visits``, ``alive``, ``revenue``, ``margin``: (n, months) each, zero past the cap.

        ``alive`` is the mean probability alive in the month.
        """
        visits, alive = (
            np.empty((len(self.fit), self.months)),
            np.empty((len(self.fit), self.months)),
        )
        for number, curve_map in enumerate(self.maps):
            rows = self.fit == number
            visits[rows] = self.visits[rows] @ curve_map.monthly.T
            alive[rows] = self._alive9[rows] @ alive_months(curve_map).T
        month = np.arange(1, self.months + 1)[None, :]
        counted = month <= self.cap[:, None]
        visits *= np.where(month <= 12, self.anchor_first[:, None], self.anchor_later[:, None])
        visits, alive = visits * counted, alive * counted
        return {
            "visits": visits,
            "alive": alive,
            "revenue": visits * self.revenue_per_visit[:, None]
            + alive * self.accident_revenue[:, None],
            "margin": visits * self.margin_per_visit[:, None]
            + alive * self.accident_margin[:, None],
        }


def alive_months(curve_map: CurveMap) -> Floats:
    """(months, 9): mean of P(alive) at a month's two ends, from [P(alive), alive nodes]."""
    ends = np.vstack([np.eye(1, NODES + 1), curve_map.alive])
    return (ends[1:] + ends[:-1]) / 2.0


def fit_divisions(statistics: pd.DataFrame, *, regular: bool = False) -> LifetimeModel:
    """Fit transactions and money of every division; MBG/CNBD-k beside BG/NBD where ``regular``.

    ``statistics``: the frame of :func:`ml.statistics.sufficient_statistics` with ``division``
    (str), ``segment`` ("person" or "organisation") and, if known, ``vehicles`` (number owned
    today, default 1). Raises ValueError if the group as a whole gives no model.
    """
    seen = as_observed(statistics)
    groups = _rows_of(seen)
    cohorts = fit_cohorts(seen, regular=regular)
    p_alive = np.empty(len(seen))
    for key, rows in groups.items():
        p_alive[rows] = probability_alive(cohorts[key].params, *_history(seen.iloc[rows]))
    # Who left was exposed to accidents for longer than up to the last visit. That unseen years
    # count as exposure makes up for it: accident revenue of the next year was +1, -5, 0 and +7%
    # off on four groups, and +14, +6, +11 and +25% with the years of the records alone.
    return LifetimeModel(cohorts, visit_worths(statistics, p_alive, _vehicles(statistics)))


def predict(
    model: LifetimeModel,
    statistics: pd.DataFrame,
    *,
    months: int = HORIZON_MONTHS,
    discount_rate: float = DEFAULT_DISCOUNT_RATE,
    cap_months: ArrayLike | None = None,
) -> Forecast:
    """Forecast every row of ``statistics`` (columns as for :func:`fit_divisions`).

    ``cap_months`` (n,): whole months of life left to the vehicle, default the horizon.
    Raises ValueError for a (division, segment) that the model was not fitted on.
    """
    n = len(statistics)
    cap = np.full(n, months) if cap_months is None else np.asarray(cap_months, dtype=np.int64)
    if cap.shape != (n,) or (cap < 0).any():
        raise ValueError("cap_months must give every customer a whole number not below 0")
    statistics = as_observed(statistics)
    groups = _rows_of(statistics)
    unknown = sorted(set(groups) - set(model.cohorts))
    if unknown:
        raise ValueError(f"the lifetime model was not fitted on {unknown}")
    keys = sorted(groups)
    fit, p_alive, money = np.empty(n, dtype=np.int64), np.empty(n), np.empty((4, n))
    visits, alive = np.empty((n, NODES)), np.empty((n, NODES))
    maps = []
    for number, key in enumerate(keys):
        rows, worth = groups[key], model.worths[key]
        part = statistics.iloc[rows]
        future = curves(model.cohorts[key].params, *_history(part), months=months)
        maps.append(future.map)
        fit[rows], p_alive[rows] = number, future.p_alive
        visits[rows], alive[rows] = future.visits, future.alive
        spend = worth.expected_spend(part)
        monthly_accidents = _vehicles(part) * worth.accidents.rate / 12.0
        money[:, rows] = (
            spend,
            spend * worth.margin_rate,
            monthly_accidents * worth.accidents.revenue,
            monthly_accidents * worth.accidents.margin,
        )
    return Forecast(
        statistics.index,
        keys,
        maps,
        fit,
        p_alive,
        visits,
        alive,
        np.minimum(cap, months),
        revenue_per_visit=money[0],
        margin_per_visit=money[1],
        accident_revenue=money[2],
        accident_margin=money[3],
        discount_rate=discount_rate,
        anchor_first=np.ones(n),
        anchor_later=np.ones(n),
    )


def _rows_of(statistics: pd.DataFrame) -> dict[Key, Ints]:
    homeless = int(statistics[["division", "segment"]].isna().any(axis=1).sum())
    if homeless:
        raise ValueError(f"{homeless} customers have no division or no segment")
    grouped = statistics.groupby(["division", "segment"]).indices
    return {(str(d), str(s)): np.asarray(rows) for (d, s), rows in grouped.items()}


def _history(statistics: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    return (
        statistics["x"].to_numpy(dtype=float),
        statistics["t_x"].to_numpy(dtype=float),
        statistics["T"].to_numpy(dtype=float),
    )


def _vehicles(statistics: pd.DataFrame) -> Floats:
    if "vehicles" not in statistics.columns:
        return np.ones(len(statistics))
    return statistics["vehicles"].to_numpy(dtype=float)

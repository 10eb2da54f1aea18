"""What a visit day is worth: spend per visit, margin rate, and the accident stream apart.

Accident work (about 9% of orders, a third of the value) would ruin the Gamma-Gamma; it is a rate
per vehicle-year while the customer is alive, times its mean revenue and margin.

Margin rates are those of the last year, continued by half of their change since the year before (a
damped trend: Gardner & McKenzie 1985, Management Science 31(10)). A rate over all years lags: once
orders are scaled to the ledger, fixed costs weigh less as a store grows, and on the demonstration
group the average of six years understated next year's margin by 9%.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.gamma_gamma import expected_spend
from ml.lifetimes_adapter import REFUSED, SpendFit, fit_gamma_gamma

Floats = NDArray[np.float64]

MIN_SPENDERS = 200
PRIOR_VISITS = 50.0
PRIOR_ACCIDENTS = 20.0
DAYS_PER_YEAR = 365.25
TREND_KEPT = 0.5
LARGEST_TREND = 0.10
"""Relative change of a margin rate between two years beyond which it is not drift."""


@dataclass(frozen=True)
class ShrunkMean:
    """E[spend] = (n·z̄ + k·mean)/(n + k); ``visits`` is k, the visits that the mean weighs."""

    mean: float
    visits: float

    @classmethod
    def of(cls, paid_days: Floats, spend: Floats) -> "ShrunkMean":
        """Variance of z̄ over customers is τ² + σ²/n: k = σ²/τ² by least squares on 1/n."""
        mean = float(np.average(spend, weights=paid_days))
        inverse = 1.0 / paid_days
        square = (spend - mean) ** 2
        apart = inverse - inverse.mean()
        spread = float((apart**2).mean())
        within = float((apart * (square - square.mean())).mean() / spread) if spread > 0 else 0.0
        between = float(square.mean() - within * inverse.mean())
        if within <= 0 or between <= 0:
            return cls(mean, 3.0)
        return cls(mean, float(np.clip(within / between, 0.2, 50.0)))

    def expect(self, paid_days: Floats, spend: Floats) -> Floats:
        known = np.where(paid_days > 0, paid_days * spend, 0.0)
        return (known + self.visits * self.mean) / (paid_days + self.visits)


@dataclass(frozen=True)
class Accidents:
    """``rate`` per vehicle-year while alive; revenue and margin in yuan each, net of VAT."""

    rate: float
    revenue: float
    margin: float


@dataclass(frozen=True)
class VisitWorth:
    """Money of one (division, segment).

    ``spend``: the Gamma-Gamma fit, possibly the group's (``pooled``) or refused, in which case
    ``shrunk`` is in use. ``paid_share``: share of visit days with regular revenue.
    ``margin_rate``: expected regular margin ÷ regular revenue of the coming year, shrunk to the
    group's.
    """

    spend: SpendFit
    pooled: bool
    shrunk: ShrunkMean
    paid_share: float
    margin_rate: float
    accidents: Accidents

    @property
    def status(self) -> str:
        if self.spend.status == REFUSED:
            return f"shrunk mean (Gamma-Gamma refused: {self.spend.reason})"
        return f"Gamma-Gamma {self.spend.status}" + (", the group's" if self.pooled else "")

    def expected_spend(self, statistics: pd.DataFrame) -> Floats:
        """Expected regular revenue per visit day, yuan, shape (n,)."""
        paid_days = statistics["paid_days"].to_numpy(dtype=float)
        spend = np.where(paid_days > 0, statistics["spend"].to_numpy(dtype=float), 0.0)
        if self.spend.params is None:
            per_paid_day = self.shrunk.expect(paid_days, spend)
        else:
            per_paid_day = expected_spend(self.spend.params, paid_days, spend)
        return np.asarray(per_paid_day * self.paid_share)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"status": self.status}


def visit_worths(
    statistics: pd.DataFrame, p_alive: Floats, vehicles: Floats
) -> dict[tuple[str, str], VisitWorth]:
    """Fit the money of every (division, segment) of ``statistics``.

    ``p_alive`` and ``vehicles`` (n,) serve the exposure to accidents: in these models a customer
    drops out right after a visit, so was alive up to the last one and, with P(alive), until now.
    """
    silent = statistics["T"] - statistics["t_x"]
    years = vehicles * (statistics["t_x"] + silent * p_alive) / DAYS_PER_YEAR
    rows = statistics.assign(vehicle_years=years)
    group_accidents = _accidents(rows, None)
    group = {
        str(segment): _worth(part, group_accidents, None)
        for segment, part in rows.groupby("segment")
    }
    return {
        (str(division), str(segment)): _worth(part, group_accidents, group[str(segment)])
        for (division, segment), part in rows.groupby(["division", "segment"])
    }


def _worth(rows: pd.DataFrame, group_accidents: Accidents, group: VisitWorth | None) -> VisitWorth:
    known = (rows["paid_days"] > 0) & (rows["spend"] > 0)
    paid_days = rows.loc[known, "paid_days"].to_numpy(dtype=float)
    spend = rows.loc[known, "spend"].to_numpy(dtype=float)
    pooled = group is not None and paid_days.size < MIN_SPENDERS
    if pooled and group is not None:
        fit, shrunk = group.spend, group.shrunk
    else:
        fit = fit_gamma_gamma(paid_days, spend)
        shrunk = ShrunkMean.of(paid_days, spend) if paid_days.size else ShrunkMean(0.0, 3.0)
    visits = float(rows["visit_days"].sum())
    paid = float(rows["paid_days"].sum())
    paid_share = group.paid_share if group else (paid / visits if visits else 0.0)
    if group:
        paid_share = (paid + PRIOR_VISITS * paid_share) / (visits + PRIOR_VISITS)
    margin_rate = coming_rate(
        rows, "", PRIOR_VISITS * shrunk.mean, group.margin_rate if group else None
    )
    return VisitWorth(
        fit, pooled, shrunk, paid_share, margin_rate, _accidents(rows, group_accidents)
    )


def coming_rate(rows: pd.DataFrame, kind: str, prior: float, general: float | None) -> float:
    """Margin ÷ revenue to be expected of the coming year.

    ``kind``: "" or "accident_", the stream's columns in ``rows``; ``prior``: yuan at which
    ``general``, the rate of a larger group, weighs against last year's. Falls back on all years
    where last year brought nothing, and on 0 where nothing ever did.
    """

    def of(when: str) -> tuple[float, float]:
        return float(rows[f"{when}{kind}revenue"].sum()), float(rows[f"{when}{kind}margin"].sum())

    revenue, margin = of("last_")
    if revenue <= 0:
        revenue, margin = of("")
    earlier, earlier_margin = of("before_")
    if revenue <= 0:
        return 0.0 if general is None else general
    rate = margin / revenue
    if min(revenue, earlier) > 0 and min(rate, earlier_margin) > 0:
        trend = rate / (earlier_margin / earlier) - 1.0
        # Two short years differ by chance: the smaller the cohort, the less of it is believed.
        believed = min(revenue, earlier) / (min(revenue, earlier) + prior)
        rate *= 1.0 + TREND_KEPT * believed * float(np.clip(trend, -LARGEST_TREND, LARGEST_TREND))
    if general is None:
        return rate
    return (revenue * rate + prior * general) / (revenue + prior)


def _accidents(rows: pd.DataFrame, group: Accidents | None) -> Accidents:
    events, years = float(rows["accidents"].sum()), float(rows["vehicle_years"].sum())
    revenue = float(rows["accident_revenue"].sum())
    if group is None or group.rate == 0.0:
        if events == 0 or years == 0:
            return Accidents(0.0, 0.0, 0.0)
        mean = revenue / events
        rate = coming_rate(rows, "accident_", PRIOR_ACCIDENTS * mean, None)
        return Accidents(events / years, mean, mean * rate)
    seen = events + PRIOR_ACCIDENTS
    mean = (revenue + PRIOR_ACCIDENTS * group.revenue) / seen
    general = group.margin / group.revenue if group.revenue > 0 else 0.0
    rate = coming_rate(rows, "accident_", PRIOR_ACCIDENTS * group.revenue, general)
    return Accidents(seen / (years + PRIOR_ACCIDENTS / group.rate), mean, mean * rate)

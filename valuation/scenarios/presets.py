"""Scenarios that every group has, the tornado's two sides of each assumption, and the levers."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from valuation.assumptions import Terms
from valuation.pool_flows import flows_by_fit, monthly_flows
from valuation.pools.basis import Basis
from valuation.pools.selection import PoolSums
from valuation.refusals import gettext_noop
from valuation.regimes import regimes_of
from valuation.scenarios.changes import Change, valued
from web.formats import points

KINDS = {
    "optimistic": gettext_noop("Optimistic"),
    "base": gettext_noop("Base"),
    "pessimistic": gettext_noop("Pessimistic"),
    "custom": gettext_noop("Custom"),
}
INPUTS = {
    "attrition": gettext_noop("Attrition, times"),
    "margin": gettext_noop("Margin, times"),
    "volume": gettext_noop("Volume of visits, times"),
    "discount_points": gettext_noop("Discount rate, points more"),
    "service_cost_points": gettext_noop("Service cost, points more"),
    "retention_cost": gettext_noop("Retention cost, times"),
}
PRESET_REASON = gettext_noop("one deviation of each shock of the assumption set")


def preset(kind: str, terms: Terms) -> Change:
    """One declared deviation of attrition, margin and volume each way; the discount rate ±1 point.

    All three at once is rarer than one in six: the band, not this, says what is likely.
    """
    shocks = terms.shocks
    if kind == "base":
        return Change()
    way = 1.0 if kind == "optimistic" else -1.0
    lowest = min(terms.discount.rate, *(terms.discount_of(c).rate for c in terms.premiums), 1.0)
    return Change(
        attrition=1.0 - way * shocks.attrition,
        margin=1.0 + way * shocks.margin,
        volume=1.0 + way * shocks.volume,
        discount_points=-way * min(1.0, 100.0 * lowest),
    )


@dataclass(frozen=True)
class Swing:
    """One assumption of the tornado: its two values in words, and the value of the pool at each."""

    name: str
    low: str
    high: str
    value_at_low: float
    value_at_high: float

    @property
    def width(self) -> float:
        return abs(self.value_at_high - self.value_at_low)


TORNADO = {
    "attrition": gettext_noop("Attrition"),
    "margin": gettext_noop("Margin"),
    "volume": gettext_noop("Volume of visits"),
    "discount_rate": gettext_noop("Discount rate"),
    "service_cost_rate": gettext_noop("Variable service cost"),
    "retention_cost": gettext_noop("Retention cost"),
    "renewal_probability": gettext_noop("Renewal of the brand's authorisation"),
    "tax_rate": gettext_noop("Tax"),
    "horizon": gettext_noop("Horizon"),
}
POINTS = 0.02
CORPORATE_TAX = 0.25


def tornado(basis: Basis, found: PoolSums) -> list[Swing]:
    """Every assumption moved to either side on its own, the widest first.

    Shocks by one declared deviation, rates by two points, costs by a quarter, tax between none and
    the standard 25%, the horizon between all months and a year less.
    """
    terms, shocks = basis.terms, basis.terms.shocks

    def at(change: Change, other: Basis = basis) -> float:
        return valued(found.sums, found.cells, basis.maps, other.flows, change).value

    def both(name: str, low: float, high: float, field: str) -> Swing:
        def words(value: float) -> str:
            return points(value / 100, 0) if field.endswith("_points") else f"×{value:.2f}"

        sides = [at(Change(**{field: value})) for value in (low, high)]
        return Swing(name, words(low), words(high), *sides)

    def termed(name: str, low: float, high: float) -> Swing:
        changed: list[dict[str, Any]] = [{name: value} for value in (low, high)]
        sides = [at(Change(), _with_terms(basis, replace(terms, **one))) for one in changed]
        return Swing(name, f"{low:.0%}", f"{high:.0%}", *sides)

    cost = terms.service_cost_rate
    lowest = 100 * min(POINTS, float(basis.regimes.rate.min()))
    swings = [
        both("attrition", 1 - shocks.attrition, 1 + shocks.attrition, "attrition"),
        both("margin", 1 - shocks.margin, 1 + shocks.margin, "margin"),
        both("volume", 1 - shocks.volume, 1 + shocks.volume, "volume"),
        both("discount_rate", -lowest, 100 * POINTS, "discount_points"),
        both("service_cost_rate", -100 * min(POINTS, cost), 100 * POINTS, "service_cost_points"),
        both("retention_cost", 0.75, 1.25, "retention_cost"),
        termed("renewal_probability", 0.8, 1.0),
        termed("tax_rate", 0.0, CORPORATE_TAX),
        _horizon(basis, found),
    ]
    return sorted(swings, key=lambda one: -one.width)


def _with_terms(basis: Basis, terms: Terms) -> Basis:
    months = basis.maps.months
    regimes = regimes_of(basis.tree, terms, basis.valuation.as_of, months)
    return replace(basis, terms=terms, regimes=regimes)


def _horizon(basis: Basis, found: PoolSums) -> Swing:
    months = basis.maps.months
    shorter = max(months - 12, 1)
    flows = basis.flows
    within = np.arange(1, months + 1) <= shorter
    cut = replace(flows, discount=flows.by_regime * within, standing=flows.standing_by_regime)
    value = 0.0
    for one in flows_by_fit(found.sums, found.cells, basis.maps, cut):
        value += float(((one.margin - one.cost) * one.discount).sum())
    whole = valued(found.sums, found.cells, basis.maps, flows, Change()).value
    low, high = (_("%(count)s months") % {"count": m} for m in (shorter, months))
    return Swing("horizon", low, high, value, whole)


@dataclass(frozen=True)
class Lever:
    """One lever: the change of value, in yuan, when it moves by 1% in the good direction.

    ``takes``: what that means in the lever's own unit, a number to be put into its sentence.
    """

    name: str
    gain: float
    takes: float


LEVERS = {
    "customers": (
        gettext_noop("Customers"),
        gettext_noop("%(takes)s more customers like these"),
    ),
    "visits": (
        gettext_noop("Visits"),
        gettext_noop("%(takes)s more visits in the next 12 months"),
    ),
    "spend": (
        gettext_noop("Spend at the same margin rate"),
        gettext_noop("%(takes)s yuan more a visit"),
    ),
    "margin": (
        gettext_noop("Margin rate"),
        gettext_noop("%(takes)s points more margin on output"),
    ),
    "retention": (
        gettext_noop("Retention"),
        gettext_noop("%(takes)s more of those who come today are still there in a year"),
    ),
    "life": (
        gettext_noop("Life of a customer"),
        gettext_noop("%(takes)s months longer on average, by less attrition"),
    ),
    "discount_rate": (
        gettext_noop("Discount rate"),
        gettext_noop("%(takes)s points less"),
    ),
}


def levers(basis: Basis, found: PoolSums) -> list[Lever]:
    """What 1% of each lever is worth to the pool, the best first."""
    value = valued(found.sums, found.cells, basis.maps, basis.flows, Change()).value

    def gain(change: Change) -> float:
        return valued(found.sums, found.cells, basis.maps, basis.flows, change).value - value

    total = np.array([found.value_fen])
    lines = monthly_flows(found.sums, found.cells, basis.maps, basis.flows, total)
    year = slice(0, 12)
    visits = float(lines.visits[0][year].sum())
    revenue, margin = float(lines.revenue[0][year].sum()), float(lines.margin[0][year].sum())
    alive_now = float(found.sums.alive[:, 0].sum()) / 1e6
    alive_year = float(lines.alive[0][min(11, basis.maps.months - 1)])
    kept = alive_year / alive_now if alive_now else 0.0
    # 1% more kept after a year by S^m with S = kept: m = 1 + ln 1.01 / ln S.
    fewer = _solved(lambda m: kept**m, kept * 1.01) if 0 < kept < 0.99 else 1.0
    life = float(lines.alive[0].sum()) / alive_now if alive_now else 0.0
    longer = _longer_life(basis, found, life)
    rate = float(basis.regimes.rate.mean())
    spend = revenue / 100.0 / visits if visits else 0.0
    rows = [
        Lever("customers", value * 0.01, found.customers * 0.01),
        Lever("visits", gain(Change(volume=1.01)), visits * 0.01),
        Lever("spend", gain(Change(margin=1.01)), spend * 0.01),
        Lever("margin", gain(Change(margin=1.01)), margin / revenue if revenue else 0.0),
        Lever("retention", gain(Change(attrition=fewer)), (alive_year * 0.01)),
        Lever("life", gain(Change(attrition=longer)), life * 0.01),
        Lever("discount_rate", gain(Change(discount_points=-rate)), rate),
    ]
    return sorted(rows, key=lambda one: -one.gain)


def _solved(curve: Callable[[float], float], wanted: float) -> float:
    """The m in [0.1, 1] at which a falling ``curve`` reaches ``wanted``, by bisection."""
    low, high = 0.1, 1.0
    for _halving in range(50):
        middle = (low + high) / 2.0
        low, high = (middle, high) if curve(middle) > wanted else (low, middle)
    return (low + high) / 2.0


def _longer_life(basis: Basis, found: PoolSums, life: float) -> float:
    def months(attrition: float) -> float:
        total = now_total = 0.0
        for one in flows_by_fit(found.sums, found.cells, basis.maps, basis.flows):
            now = found.sums.alive[one.cells, 0][:, None] / 1e6
            left = (one.alive / now.clip(min=1e-12)).clip(1e-12, 1.0)
            total += float((now * left**attrition * (one.alive > 0)).sum())
            now_total += float(now.sum())
        return total / now_total if now_total else 0.0

    return _solved(months, life * 1.01) if life else 1.0

"""The capital market's five dimensions as plain formulas: growth, profit, capital, customer, moat.

Rates are fractions (NPS is in points), money is in one unit throughout a call. A figure that does
not exist, because what it is divided by is zero or negative, is ``None`` and never 0.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from valuation.refusals import Refusal, Refused, gettext_noop

BAD_SCORE = gettext_noop("%(field)s must be whole numbers from 0 to 10, not %(value)s.")


def ratio(numerator: float, denominator: float) -> float | None:
    """``numerator / denominator``, ``None`` where the denominator is not positive."""
    return numerator / denominator if denominator > 0 else None


# Growth


def growth(now: float, before: float) -> float | None:
    """Relative change from ``before`` to ``now``; also a price premium of one over another."""
    return (now - before) / before if before > 0 else None


def organic_growth(now: float, before: float, acquired: float) -> float | None:
    """Growth without what was ``acquired`` (part of ``now``) in the period."""
    return growth(now - acquired, before)


def cagr(begin: float, end: float, years: float) -> float | None:
    """Compound annual growth over ``years`` intervals: 2019 to 2023 are 4."""
    if begin <= 0 or end < 0 or years <= 0:
        return None
    return float((end / begin) ** (1.0 / years) - 1.0)


def retention(opening: float, still_active: float) -> float | None:
    """Opening customers that are still active, by opening customers."""
    return ratio(still_active, opening)


def retention_from_lost(opening: float, lost: float) -> float | None:
    return retention(opening, opening - lost)


def closing_customers(opening: float, lost: float, new: float) -> float:
    """The customer reconciliation: what a report must agree with."""
    return opening - lost + new


def new_customer_share(new: float, closing: float) -> float | None:
    return ratio(new, closing)


def net_revenue_retention(opening_revenue: float, same_customers_now: float) -> float | None:
    """NDR: revenue now of the customers of the opening, without any new ones."""
    return ratio(same_customers_now, opening_revenue)


# Profit


def gross_margin(
    revenue: float, parts: float, labour: float = 0.0, site: float = 0.0
) -> float | None:
    """(revenue - parts - labour - site) / revenue."""
    return ratio(revenue - parts - labour - site, revenue)


def ebitda(ebit: float, depreciation: float, amortisation: float) -> float:
    return ebit + depreciation + amortisation


def ebitda_from_gross(gross_profit: float, operating_cost: float) -> float:
    """Gross profit less operating cost; EBITDA only where that cost leaves out depreciation."""
    return gross_profit - operating_cost


def margin_on(profit: float, revenue: float) -> float | None:
    """EBITDA margin or net margin, by the profit given."""
    return ratio(profit, revenue)


# Capital


def roic(nopat: float, fixed_assets: float, working_capital: float) -> float | None:
    """NOPAT / (fixed assets + working capital)."""
    return ratio(nopat, fixed_assets + working_capital)


def value_spread(return_on_capital: float, wacc: float) -> float:
    """ROIC - WACC: above 0 creates value, below destroys it."""
    return return_on_capital - wacc


def value_creation(
    return_on_capital: float, wacc: float
) -> Literal["creates", "neutral", "destroys"]:
    spread = value_spread(return_on_capital, wacc)
    if spread == 0:
        return "neutral"
    return "creates" if spread > 0 else "destroys"


def asset_turnover(revenue: float, opening: float, closing: float) -> float | None:
    """Revenue by the average of opening and closing assets (total or fixed)."""
    return ratio(revenue, (opening + closing) / 2.0)


# Customer


def acquisition_cost(marketing: float, new_customers: float) -> float | None:
    """CAC: marketing for new customers by new after-sales customers."""
    return ratio(marketing, new_customers)


def ltv_to_cac(lifetime_value: float, cac: float) -> float | None:
    return ratio(lifetime_value, cac)


def payback_months(
    cac: float, monthly_margin: Sequence[float], discount: Sequence[float] | None = None
) -> int | None:
    """First month whose cumulative discounted margin covers ``cac``; ``None`` if none does.

    Both lists are (M,) per customer; without ``discount`` factors nothing is discounted.
    """
    margin = np.asarray(monthly_margin, dtype=np.float64)
    factors = np.ones_like(margin) if discount is None else np.asarray(discount, dtype=np.float64)
    covered = np.flatnonzero(np.cumsum(margin * factors) >= cac)
    return int(covered[0]) + 1 if len(covered) else None


def net_promoter_score(scores: Iterable[int]) -> float | None:
    """Share of 9 and 10 less share of 0 to 6, in points from -100 to 100.

    Raises :class:`valuation.refusals.Refused` for a score that is not a whole number of 0 to 10.
    """
    answers = list(scores)
    for score in answers:
        if isinstance(score, bool) or score not in range(11):
            raise Refused([Refusal("scores", BAD_SCORE, {"value": repr(score)})])
    if not answers:
        return None
    promoters = sum(score >= 9 for score in answers)
    detractors = sum(score <= 6 for score in answers)
    return 100.0 * (promoters - detractors) / len(answers)


def absorption(after_sales_gross_profit: float, fixed_cost: float) -> float | None:
    """Share of a store's fixed cost that after-sales gross profit carries."""
    return ratio(after_sales_gross_profit, fixed_cost)


def return_rate(returned: float, due: float) -> float | None:
    """Customers that came to the group's stores, by customers due in the period."""
    return ratio(returned, due)


def renewal_rate(renewed: float, expiring: float) -> float | None:
    """Contracts renewed, by contracts that expired in the period."""
    return ratio(renewed, expiring)


# Moat


def price_premium(own: float, peer: float) -> float | None:
    """Own price against that of peers for the same work."""
    return growth(own, peer)


def switching_cost(priced_items: Iterable[float]) -> float:
    """Yuan a year that a customer loses by leaving: the sum of the priced items only."""
    return float(sum(priced_items))


def referral_rate(referred: float, new_customers: float) -> float | None:
    return ratio(referred, new_customers)


def network_density(vehicles: float, outlets: float) -> float | None:
    """Vehicles an outlet: fewer is more convenient."""
    return ratio(vehicles, outlets)


# Multiples


def price_to_sales(value: float, revenue: float) -> float | None:
    return ratio(value, revenue)


def price_to_earnings(value: float, profit: float) -> float | None:
    return ratio(value, profit)

"""Discount factors, and the discount rate built up from parts that each have a source.

Rates are annual effective: month k is discounted by (1 + d)^(-k/12), never by d/12.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation.refusals import MISSING, Refusal, Refused, as_fraction, gettext_noop, refuse_any

BELOW_WACC = gettext_noop(
    "The discount rate of %(rate)s lies below the cost of capital (WACC) of %(wacc)s: the value "
    "is higher than that of the group's other uses of money."
)


def discount_factors(rate: float, months: int, *, mid_month: bool = False) -> NDArray[np.float64]:
    """(1 + rate)^(-k/12) for k = 1..months; ``mid_month`` moves each flow half a month earlier.

    Raises :class:`valuation.refusals.Refused` where the rate is not a fraction in [0, 1).
    """
    refuse_any([as_fraction("discount_rate", rate)])
    if months < 1:
        raise ValueError(f"months must be at least 1, not {months}")
    ends = np.arange(1, months + 1) - (0.5 if mid_month else 0.0)
    return np.asarray((1.0 + rate) ** (-ends / 12.0))


def mean_annual_factor(rate: float, years: int) -> float:
    """Mean of (1 + rate)^-t over t = 1..years: the source's average discount factor."""
    return float(np.mean((1.0 + rate) ** -np.arange(1.0, years + 1)))


@dataclass(frozen=True)
class RatePart:
    """One part of a discount rate: an annual fraction, where it is from, and as of when."""

    name: str
    rate: float
    source: str
    dated: dt.date
    reason: str = ""

    def __post_init__(self) -> None:
        refuse_any([as_fraction(self.name, self.rate)])
        if not self.source.strip():
            raise Refused([Refusal(f"{self.name}.source", MISSING)])


@dataclass(frozen=True)
class DiscountRate:
    """Risk-free rate + risk premium, the premium possibly its own per division or segment."""

    risk_free: RatePart
    premium: RatePart
    wacc: float | None = None

    def __post_init__(self) -> None:
        checked = [as_fraction("discount_rate", self.rate)]
        if self.wacc is not None:
            checked.append(as_fraction("wacc", self.wacc))
        refuse_any(checked)

    @property
    def rate(self) -> float:
        # Rounded so that 3% + 5% is 8% and not a neighbour of it.
        return round(self.risk_free.rate + self.premium.rate, 12)

    def parts(self) -> Sequence[RatePart]:
        return (self.risk_free, self.premium)

    def warnings(self) -> tuple[Refusal, ...]:
        """What an auditor would ask about; nothing here prevents a valuation."""
        if self.wacc is None or self.rate >= self.wacc:
            return ()
        params = {"rate": f"{self.rate:.2%}", "wacc": f"{self.wacc:.2%}"}
        return (Refusal("discount_rate", BELOW_WACC, params),)


def course_preset(dated: dt.date) -> DiscountRate:
    """The 3% + 5% of the source course, beside the 12% cost of capital that it names itself."""
    source = "after-sales asset course, worked example"
    return DiscountRate(
        RatePart("risk_free", 0.03, source, dated),
        RatePart("premium", 0.05, source, dated, reason="group-wide, not measured"),
        wacc=0.12,
    )

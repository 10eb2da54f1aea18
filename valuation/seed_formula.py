"""The source course's closed form, and the same inputs read as proper survival.

value = customers x annual spend x gross margin x years x retention x mean discount factor

The retention rate is applied once, flat; as compounding survival the same inputs are worth less.
All variants are shown beside each other (`variants`), in yuan.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from valuation.discounting import discount_factors, mean_annual_factor
from valuation.refusals import as_fraction, refuse_any, whole, within

PRINTED_DECIMALS = 3
MAX_YEARS = 50


@dataclass(frozen=True)
class SeedInputs:
    """Customers, yuan a customer and year, and rates as fractions; whole years only.

    Raises :class:`valuation.refusals.Refused` naming each field at fault and its range.
    """

    customers: int
    annual_spend: float
    gross_margin: float
    years: int
    retention: float
    discount_rate: float

    def __post_init__(self) -> None:
        refuse_any(
            [
                whole("customers", self.customers, 0, 1_000_000_000),
                within("annual_spend", self.annual_spend, 0.0, 1e7),
                as_fraction("gross_margin", self.gross_margin),
                whole("years", self.years, 1, MAX_YEARS),
                as_fraction("retention", self.retention, closed=True),
                as_fraction("discount_rate", self.discount_rate),
            ]
        )

    @property
    def annual_margin(self) -> float:
        """Gross margin a year of all customers while they stay, in yuan."""
        return self.customers * self.annual_spend * self.gross_margin


def lifetime_margin(inputs: SeedInputs) -> float:
    """Undiscounted margin of one customer: spend x margin x years x flat retention."""
    per_year = inputs.annual_spend * inputs.gross_margin
    return per_year * inputs.years * inputs.retention


def undiscounted(inputs: SeedInputs) -> float:
    return inputs.customers * lifetime_margin(inputs)


def closed_form(inputs: SeedInputs) -> float:
    """The source's value with the exact mean discount factor."""
    return undiscounted(inputs) * mean_annual_factor(inputs.discount_rate, inputs.years)


def printed_form(inputs: SeedInputs) -> float:
    """As the source prints it: the factor of each year and their mean rounded to 3 decimals."""
    years = np.arange(1.0, inputs.years + 1)
    yearly = np.round((1.0 + inputs.discount_rate) ** -years, PRINTED_DECIMALS)
    factor = round(float(yearly.mean()), PRINTED_DECIMALS)
    return undiscounted(inputs) * factor


def annual_survival(inputs: SeedInputs, *, first_year_certain: bool = False) -> float:
    """Margin of year t x retention^t (or ^(t-1)), discounted at year ends."""
    years = np.arange(1.0, inputs.years + 1)
    alive = inputs.retention ** (years - 1.0 if first_year_certain else years)
    factors = (1.0 + inputs.discount_rate) ** -years
    return float(inputs.annual_margin * (alive * factors).sum())


def monthly_survival(inputs: SeedInputs) -> float:
    """A twelfth of the margin each month x retention^(k/12), discounted at month ends."""
    return inputs.annual_margin / 12.0 * discounted_months(inputs)


def discounted_months(inputs: SeedInputs) -> float:
    """Sum over the months of retention^(k/12) x (1 + d)^(-k/12): expected discounted months."""
    months = np.arange(1.0, 12 * inputs.years + 1)
    factors = discount_factors(inputs.discount_rate, 12 * inputs.years)
    return float((inputs.retention ** (months / 12.0) * factors).sum())


def variants(inputs: SeedInputs) -> dict[str, float]:
    """Every reading of the same inputs, in yuan, in the order in which they are shown."""
    return {
        "undiscounted": undiscounted(inputs),
        "printed": printed_form(inputs),
        "closed_form": closed_form(inputs),
        "survival_year_end": annual_survival(inputs),
        "survival_first_year_certain": annual_survival(inputs, first_year_certain=True),
        "survival_monthly": monthly_survival(inputs),
    }


def equivalent_retention(inputs: SeedInputs, *, first_year_certain: bool = False) -> float:
    """The annual retention whose average survival over the years equals the flat rate."""
    years = np.arange(1.0, inputs.years + 1)
    exponents = years - 1.0 if first_year_certain else years

    def excess(retention: float) -> float:
        return float(np.mean(retention**exponents)) - inputs.retention

    if excess(0.0) >= 0.0:
        return 0.0
    return float(brentq(excess, 0.0, 1.0, xtol=1e-15))

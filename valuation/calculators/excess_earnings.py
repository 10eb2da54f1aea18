"""Multi-period excess earnings: the post-tax view of a customer base that auditors know. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from valuation.calculators.decisions import annuity_factor
from valuation.refusals import as_fraction, refuse_any, within


def tax_amortisation_factor(tax: float, rate: float, years: int) -> float:
    """1 / (1 - tax / years x annuity): what buying the asset and writing it off adds."""
    refuse_any([as_fraction("tax", tax), as_fraction("rate", rate), within("years", years, 1, 50)])
    return 1.0 / (1.0 - tax / years * annuity_factor(rate, years))


def excess_earnings(
    revenue: Sequence[float],
    survival: Sequence[float],
    charges: Sequence[float],
    *,
    ebita_margin: float,
    tax: float,
    rate: float,
) -> float:
    """Multi-period excess earnings of the customer base, before the tax-amortisation benefit.

    Yearly lists of equal length: revenue of today's customers, their survival, contributory asset
    charges. EE_t = revenue_t S_t EBITA% (1 - tax) - charges_t, discounted mid-period.
    """
    names = {"ebita_margin": ebita_margin, "tax": tax, "rate": rate}
    refuse_any([as_fraction(name, value) for name, value in names.items()])
    return float(
        sum(
            year.present_value
            for year in excess_earnings_by_year(
                *(revenue, survival, charges), ebita_margin=ebita_margin, tax=tax, rate=rate
            )
        )
    )


@dataclass(frozen=True)
class Year:
    """One year of the excess-earnings view, in yuan."""

    revenue: float
    after_tax: float
    charge: float
    excess: float
    present_value: float


def excess_earnings_by_year(
    revenue: Sequence[float],
    survival: Sequence[float],
    charges: Sequence[float],
    *,
    ebita_margin: float,
    tax: float,
    rate: float,
) -> list[Year]:
    """The years behind :func:`excess_earnings`, whose present values are its sum."""
    if not len(revenue) == len(survival) == len(charges):
        raise ValueError("revenue, survival and charges must cover the same years")
    found = []
    for t, (sales, alive, charge) in enumerate(zip(revenue, survival, charges, strict=True)):
        kept = sales * alive
        after_tax = kept * ebita_margin * (1.0 - tax)
        excess = after_tax - charge
        found.append(Year(kept, after_tax, charge, excess, excess * (1.0 + rate) ** -(t + 0.5)))
    return found

"""Discount factors and standing by store: a division's premium, the brand's authorisation.

Stores with the same rate and the same last month of authorisation share a regime, so that a
hundred stores of one division cost no more than one.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valuation.assumptions import Terms
from valuation.discounting import discount_factors
from valuation.pool_flows import FlowAssumptions
from valuation.units import Tree

Integers = NDArray[np.int64]

DAYS_PER_MONTH = 30.4375


@dataclass(frozen=True)
class Regimes:
    """``rate`` (R,) a year, ``months_left`` (R,) of authorisation (the horizon where it does not
    end), ``of_store`` (S,) the regime of each store in the order of the tree."""

    rate: NDArray[np.float64]
    months_left: Integers
    of_store: Integers
    months: int

    def assumptions(self, terms: Terms, yearly_cost: float) -> FlowAssumptions:
        """Discount factors after tax and standing by regime, with the costs of ``terms``."""
        factors = [discount_factors(r, self.months, mid_month=terms.mid_month) for r in self.rate]
        month = np.arange(1, self.months + 1)
        ended = month[None, :] > self.months_left[:, None]
        return FlowAssumptions(
            np.stack(factors) * (1.0 - terms.tax_rate),
            terms.service_cost_rate,
            yearly_cost,
            np.where(ended, terms.renewal_probability, 1.0),
        )


def months_of_authorisation(until: dt.date | None, as_of: dt.date, horizon: int) -> int:
    """Whole months in which a store is certainly authorised; the horizon where no end is known."""
    if until is None:
        return horizon
    return int(np.clip(((until - as_of).days + 1) // DAYS_PER_MONTH, 0, horizon))


def regimes_of(tree: Tree, terms: Terms, as_of: dt.date, months: int) -> Regimes:
    """The regimes of a group's stores as of a day."""
    keys = []
    for store in tree.stores:
        rate = terms.discount_of(tree.division_of(store).code).rate
        left = months_of_authorisation(store.authorised_until, as_of, months)
        keys.append((rate, left))
    distinct = sorted(set(keys)) or [(terms.discount.rate, months)]
    return Regimes(
        np.array([rate for rate, _ in distinct]),
        np.array([left for _, left in distinct], dtype=np.int64),
        np.array([distinct.index(key) for key in keys], dtype=np.int64),
        months,
    )

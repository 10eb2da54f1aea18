"""What a decision is worth: campaigns, lock-in programmes, excess earnings. Money in yuan."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from valuation.bands import LTV_CAC, Band
from valuation.refusals import as_fraction, refuse_any, within


def annuity_factor(rate: float, periods: int) -> float:
    """Present value of 1 at the end of each of ``periods``, at ``rate`` a period."""
    return float(np.sum((1.0 + rate) ** -np.arange(1.0, periods + 1)))


def implied_rate(present_value: float, payment: float, periods: int) -> float:
    """The rate a period at which ``periods`` payments are worth ``present_value``.

    Raises ``ValueError`` where the payments do not even add up to it, or it is not positive.
    """
    if not 0 < present_value <= payment * periods:
        raise ValueError(f"{periods} payments of {payment} are not worth {present_value}")

    def excess(rate: float) -> float:
        return payment * annuity_factor(rate, periods) - present_value

    high = payment / present_value
    return float(brentq(excess, 0.0, high, xtol=1e-16, rtol=1e-14))


@dataclass(frozen=True)
class Campaign:
    """What a campaign brought: the result of :func:`campaign`."""

    present_value: float
    net: float
    cac: float | None
    ltv_cac: float | None
    band: Band | None
    break_even_customers: int | None


def campaign(
    customers: int,
    lifetime_value: float,
    cost: float,
    *,
    discount_factor: float = 1.0,
    incrementality: float = 1.0,
) -> Campaign:
    """Net value = customers x incrementality x lifetime value x discount factor - cost.

    ``incrementality`` is the share that would not have come anyway; ``discount_factor`` is 1 where
    ``lifetime_value`` is discounted already. The band is that of LTV/CAC, which may well say
    "barely profitable" to a positive net.
    """
    refuse_any(
        [
            within("customers", customers, 0, 1e9),
            within("lifetime_value", lifetime_value, 0.0, 1e8),
            within("cost", cost, 0.0, 1e12),
            as_fraction("discount_factor", discount_factor, closed=True),
            as_fraction("incrementality", incrementality, closed=True),
        ]
    )
    each = lifetime_value * discount_factor
    gained = customers * incrementality
    cac = cost / gained if gained > 0 else None
    multiple = each / cac if cac else None
    needed = math.ceil(cost / (each * incrementality)) if each * incrementality > 0 else None
    return Campaign(
        present_value=gained * each,
        net=gained * each - cost,
        cac=cac,
        ltv_cac=multiple,
        band=LTV_CAC.find(multiple),
        break_even_customers=needed,
    )


@dataclass(frozen=True)
class LockIn:
    """Value of a programme that keeps customers: effects add up to the increment."""

    before: float
    after: float
    retention_effect: float
    value_effect: float
    joint_effect: float
    break_even_cost: float
    net: float

    @property
    def increment(self) -> float:
        return self.after - self.before


def lock_in(
    customers: float,
    value: tuple[float, float],
    retention: tuple[float, float],
    cost_per_car: float = 0.0,
) -> LockIn:
    """A lifetime warranty or the like: ``value`` a customer and ``retention``, (before, after).

    ``break_even_cost`` is the programme's cost a car at which nothing is gained. Raises
    :class:`valuation.refusals.Refused` for rates that are no fractions.
    """
    refuse_any(
        [
            within("customers", customers, 0.01, 1e9),
            *(within("value", one, 0.0, 1e8) for one in value),
            *(as_fraction("retention", one, closed=True) for one in retention),
            within("cost_per_car", cost_per_car, 0.0, 1e8),
        ]
    )
    before = customers * value[0] * retention[0]
    after = customers * value[1] * retention[1]
    more_value, more_kept = value[1] - value[0], retention[1] - retention[0]
    return LockIn(
        before=before,
        after=after,
        retention_effect=customers * value[0] * more_kept,
        value_effect=customers * more_value * retention[0],
        joint_effect=customers * more_value * more_kept,
        break_even_cost=(after - before) / customers,
        net=after - before - customers * cost_per_car,
    )


@dataclass(frozen=True)
class Acquisition:
    """What another dealer's customer base is worth to a buyer: the result of :func:`acquisition`.

    ``implied_pe``: price by the target's yearly profit. Never added to an enterprise value: the
    base's flows are part of that already.
    """

    transferred: float
    worth: float
    net: float
    implied_pe: float | None
    highest_price: float


def acquisition(
    pool_value: float,
    survival_of_transfer: float,
    *,
    synergies: float = 0.0,
    integration: float = 0.0,
    price: float = 0.0,
    yearly_profit: float = 0.0,
) -> Acquisition:
    """Worth = pool value x survival of the transfer + synergies - integration; net of the price.

    ``survival_of_transfer``: share of the pool's value that is still there once another owner's
    name stands over the door. Raises :class:`valuation.refusals.Refused` for what is out of range.
    """
    refuse_any(
        [
            within("pool_value", pool_value, 0.0, 1e12),
            as_fraction("survival_of_transfer", survival_of_transfer, closed=True),
            within("synergies", synergies, 0.0, 1e12),
            within("integration", integration, 0.0, 1e12),
            within("price", price, 0.0, 1e12),
            within("yearly_profit", yearly_profit, -1e12, 1e12),
        ]
    )
    transferred = pool_value * survival_of_transfer
    worth = transferred + synergies - integration
    return Acquisition(
        transferred=transferred,
        worth=worth,
        net=worth - price,
        implied_pe=price / yearly_profit if yearly_profit > 0.0 and price > 0.0 else None,
        highest_price=max(worth, 0.0),
    )

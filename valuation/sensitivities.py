"""How a portfolio's value reacts: to the models' parameters, to chance, to common shocks.

All of it is linear algebra on what a valuation has at hand; `valuation.uncertainty` draws from it.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ml.curves import CurveMap, curves
from ml.lifetime_value import alive_months
from ml.transaction_models import AnyParameters, log_likelihood
from valuation.pool_flows import ANCHOR_MONTHS

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NAMES = ("r", "alpha", "a", "b")
SAMPLE = 3_000
STEP = 0.01
# A direction in which the data hardly bend the likelihood is held to this deviation of its log.
LARGEST_DEVIATION = 0.5


@dataclass(frozen=True)
class Histories:
    """Customers of one fit: x, t_x, T in days, months that count, yuan a visit and month alive."""

    x: Floats
    t_x: Floats
    age: Floats
    cap_month: Integers
    margin_per_visit: Floats
    margin_per_month: Floats

    def __len__(self) -> int:
        return len(self.x)

    def sample(self, largest: int) -> "Histories":
        """Every k-th customer, at most ``largest`` of them."""
        step = max(-(-len(self) // largest), 1)
        return Histories(*(column[::step] for column in vars(self).values()))


@dataclass(frozen=True)
class Exposure:
    """What ``n`` customers of one fit are expected to do, by the transaction model alone.

    Discounted and up to each cap: visits of months 1 to 12 ``early`` and of those after ``late``,
    ``months`` alive; undiscounted and without cap: visits of the ``first`` and ``second`` year
    (what anchors are measured against). All (n,).
    """

    early: Floats
    late: Floats
    months: Floats
    first: Floats
    second: Floats


def exposure(params: AnyParameters, customers: Histories, discount: Floats) -> Exposure:
    """Of ``customers`` under ``params``; ``discount`` (months,)."""
    count = len(discount)
    future = curves(params, customers.x, customers.t_x, customers.age, count)
    in_first = np.arange(1, count + 1) <= ANCHOR_MONTHS

    def up_to_cap(weights: Floats, linear: Floats, nodes: Floats) -> Floats:
        table = np.pad(np.cumsum(weights[:, None] * linear, axis=0), ((1, 0), (0, 0)))
        return np.asarray(np.einsum("nk,nk->n", table[customers.cap_month], nodes))

    by_year = [future.visits @ year.sum(axis=0) for year in _years(future.map.monthly)]
    return Exposure(
        up_to_cap(np.where(in_first, discount, 0.0), future.map.monthly, future.visits),
        up_to_cap(np.where(in_first, 0.0, discount), future.map.monthly, future.visits),
        up_to_cap(
            discount,
            alive_months(future.map),
            np.column_stack([future.p_alive, future.alive]),
        ),
        *by_year,
    )


def _years(monthly: Floats) -> tuple[Floats, Floats]:
    return monthly[:ANCHOR_MONTHS], monthly[ANCHOR_MONTHS : 2 * ANCHOR_MONTHS]


def portfolio_value(params: AnyParameters, customers: Histories, discount: Floats) -> float:
    """Discounted margin in yuan of ``customers`` under ``params``; ``discount`` (months,)."""
    seen = exposure(params, customers, discount)
    value = (seen.early + seen.late) * customers.margin_per_visit
    return float((value + seen.months * customers.margin_per_month).sum())


def shifted(params: AnyParameters, change: Floats) -> AnyParameters:
    """``params`` with the logs of its four rates changed by ``change`` (4,)."""
    moved = {name: getattr(params, name) * np.exp(c) for name, c in zip(NAMES, change, strict=True)}
    return replace(params, **moved)


def relative_gradient(params: AnyParameters, customers: Histories, discount: Floats) -> Floats:
    """∂ log value / ∂ log (r, α, a, b) by central differences on a sample, (4,)."""
    some = customers.sample(SAMPLE)
    base = portfolio_value(params, some, discount)
    if base == 0:
        return np.zeros(len(NAMES))
    steps = np.eye(len(NAMES)) * STEP
    return np.array(
        [
            portfolio_value(shifted(params, step), some, discount)
            - portfolio_value(shifted(params, -step), some, discount)
            for step in steps
        ]
    ) / (2 * STEP * base)


def log_covariance(params: AnyParameters, customers: Histories) -> Floats:
    """Laplace: inverse of minus the Hessian of the log-likelihood in the log parameters, (4, 4).

    The Hessian is taken on a sample and scaled to all customers of the fit.
    """
    some = customers.sample(SAMPLE)
    scale = len(customers) / max(len(some), 1)

    def total(change: Floats) -> float:
        moved = shifted(params, change)
        return float(log_likelihood(moved, some.x, some.t_x, some.age).sum()) * scale

    size, step = len(NAMES), 2 * STEP
    unit = np.eye(size) * step
    hessian = np.empty((size, size))
    for i in range(size):
        for j in range(i, size):
            around = (
                total(unit[i] + unit[j])
                - total(unit[i] - unit[j])
                - total(unit[j] - unit[i])
                + total(-unit[i] - unit[j])
            )
            hessian[i, j] = hessian[j, i] = around / (4 * step**2)
    bend, directions = np.linalg.eigh(-hessian)
    variance = 1.0 / np.maximum(bend, 1.0 / LARGEST_DEVIATION**2)
    return np.asarray((directions * variance) @ directions.T)


@dataclass(frozen=True)
class ParameterRisk:
    """Per fit: relative gradient (P,) and covariance (P, P), parameters the four of the model and
    the mean margin of a visit."""

    gradient: Floats
    covariance: Floats


def parameter_risk(
    params: AnyParameters, customers: Histories, discount: Floats, spend_variation: float
) -> ParameterRisk:
    """Risk of one fit; the mean margin's relative error is cv/√visits."""
    size = len(NAMES)
    gradient = np.append(relative_gradient(params, customers, discount), 1.0)
    covariance = np.zeros((size + 1, size + 1))
    covariance[:size, :size] = log_covariance(params, customers)
    covariance[size, size] = spend_variation**2 / max(float(customers.x.sum()), 1.0)
    return ParameterRisk(gradient, covariance)


def stacked(risks: list[ParameterRisk], value: Floats) -> tuple[Floats, Floats]:
    """Gradient (F·P,) in money and block covariance of fits whose parts of the value are given."""
    size = len(risks[0].gradient) if risks else 0
    gradient = np.zeros(size * len(risks))
    covariance = np.zeros((len(gradient), len(gradient)))
    for number, risk in enumerate(risks):
        part = slice(number * size, (number + 1) * size)
        gradient[part] = risk.gradient * value[number]
        covariance[part, part] = risk.covariance
    return gradient, covariance


def process_variance(
    maps: list[CurveMap],
    fit: Integers,
    alive: Floats,
    evidence: Floats,
    present_visits: Floats,
    margin_per_visit: Floats,
    accident_value: Floats,
    accident_margin: float,
    spend_variation: float,
) -> Floats:
    """Variance of each customer's value in yuan², (N,).

    With c_d the squared variation of the time that the customer stays, from the alive curve
    (E[τ] = ΣS_k, E[τ²] = Σ(2k−1)S_k), and c_r = 1/evidence that of the visit rate given r + x
    ``evidence``: number of visits Poisson around a mean of variation (1 + c_d)(1 + c_r) − 1, each
    worth its margin with ``spend_variation``; accidents Poisson at ``accident_margin`` each. An
    approximation: discounting within the stay is left out, which slightly overstates it.
    """
    stay, square = np.zeros(len(fit)), np.zeros(len(fit))
    for number, one in enumerate(maps):
        rows = fit == number
        linear = alive_months(one)
        weights = 2.0 * np.arange(1, len(linear) + 1) - 1.0
        stay[rows] = alive[rows] @ linear.sum(axis=0)
        square[rows] = alive[rows] @ (weights[:, None] * linear).sum(axis=0)
    of_stay = np.divide(square, stay**2, out=np.ones_like(stay), where=stay > 1e-9)
    apart = np.maximum(of_stay, 1.0) * (1.0 + 1.0 / np.maximum(evidence, 0.1)) - 1.0
    visits_value = present_visits * margin_per_visit
    poisson = visits_value * margin_per_visit * (1.0 + spend_variation**2)
    accidents = np.abs(accident_value) * accident_margin * (1.0 + spend_variation**2)
    return np.asarray(poisson + visits_value**2 * apart + accidents)


def monthly_reactions(
    margin: Floats, cost: Floats, alive: Floats, discount: Floats, service_cost_rate: float
) -> Floats:
    """Present value of each month's flow by log of attrition, margin and volume, (S, M, 3).

    ``margin``, ``cost`` (S, M) of the stores, not discounted; ``discount`` (M,) or (S, M);
    ``alive`` (S, M) customers at month ends. As ``pool_flows.shock_sensitivities``, but on a
    store's average survival: it gives the width of the band around a month, not around the value.
    """
    start = np.maximum(alive[:, :1], 1e-12)
    log_survival = np.log(np.maximum(alive / start, 1e-12))
    earned = margin * (1.0 - service_cost_rate)
    months = np.stack([(margin - cost) * log_survival, earned, earned], axis=2)
    return np.asarray(months * np.atleast_2d(discount)[:, :, None])


def monthly_deviation(by_month: Floats, volatilities: Floats, correlation: float) -> Floats:
    """Standard deviation of each month's flow from the common shocks alone, (M,).

    ``by_month`` (S, M, 3): reactions of the stores of a unit.
    """
    scaled = by_month * volatilities
    shared = (scaled.sum(axis=0) ** 2).sum(axis=1)
    own = (scaled**2).sum(axis=(0, 2))
    return np.asarray(np.sqrt(correlation * shared + (1.0 - correlation) * own))

"""The value of a pool's node sums under changed assumptions; pure, exact for every change.

Attrition m turns each cell's survival S(k) = A_k / A_0 into S(k)^m, so its flows are multiplied by
S(k)^(m-1). Volume scales visits with their revenue and margin, margin the margin alone; accident
work counts to both. Rates are added to, costs are scaled.
"""

from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from valuation.pool_flows import Cells, CurveMaps, FlowAssumptions, NodeSums, flows_by_fit
from valuation.refusals import refuse_any, within

Floats = NDArray[np.float64]

RANGES = {
    "attrition": (0.1, 5.0),
    "margin": (0.1, 3.0),
    "volume": (0.1, 3.0),
    "discount_points": (-20.0, 20.0),
    "service_cost_points": (-50.0, 50.0),
    "retention_cost": (0.0, 10.0),
}
"""Factors from 1 (no change); points are percentage points added, 1 meaning 1%."""


@dataclass(frozen=True)
class Change:
    """Factors on attrition, margin, volume and retention cost; points on the rates."""

    attrition: float = 1.0
    margin: float = 1.0
    volume: float = 1.0
    discount_points: float = 0.0
    service_cost_points: float = 0.0
    retention_cost: float = 1.0

    def __post_init__(self) -> None:
        refuse_any(within(name, getattr(self, name), *RANGES[name]) for name in RANGES)

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


@dataclass(frozen=True)
class Outcome:
    """Value in yuan and the undiscounted lines of margin after cost by month, (M,)."""

    value: float
    net: Floats


def changed_terms(terms: FlowAssumptions, change: Change) -> FlowAssumptions:
    """Discount factors for rates moved by points, and other costs.

    The factor of month k of an annual rate d is moved by ((1 + d)/(1 + d + p))^(k/12), d read back
    from the first year of the regime, so that tax and mid-month stay what they were.

    Raises :class:`valuation.refusals.Refused` where the service cost leaves [0, 1) or the discount
    rate falls below zero.
    """
    factors = terms.by_regime
    months = np.arange(1, factors.shape[1] + 1)
    step = change.discount_points / 100.0
    # Between months 1 and 2 tax and the middle of the month cancel.
    grown = (factors[:, 0] / factors[:, 1]) ** 12 if factors.shape[1] > 1 else 1 / factors[:, 0]
    lowest = float((grown - 1.0 + step).min())
    refuse_any(
        [within("discount_rate", round(lowest, 9), 0.0, 0.99)] if change.discount_points else []
    )
    shift = (grown[:, None] / (grown[:, None] + step)) ** (months / 12.0)
    return replace(
        terms,
        discount=factors * shift,
        standing=terms.standing_by_regime,
        service_cost_rate=terms.service_cost_rate + change.service_cost_points / 100.0,
        retention_cost=terms.retention_cost * change.retention_cost,
    )


def valued(
    sums: NodeSums, cells: Cells, maps: CurveMaps, terms: FlowAssumptions, change: Change
) -> Outcome:
    """The value of all cells under ``change``; with none, their value as it is."""
    moved = changed_terms(terms, change)
    value, net = 0.0, np.zeros(maps.months)
    for flows in flows_by_fit(sums, cells, maps, terms):
        now = sums.alive[flows.cells, 0][:, None] / 1e6
        left = np.divide(flows.alive, now, out=np.ones_like(flows.alive), where=flows.alive > 0)
        kept = np.clip(left, 1e-12, 1.0) ** (change.attrition - 1.0)
        margin = flows.margin * kept * change.volume * change.margin
        standing = moved.standing_by_regime[cells.regimes[flows.cells]]
        upkeep = moved.retention_cost / 12.0 * flows.alive * kept * standing
        line = margin * (1.0 - moved.service_cost_rate) - upkeep
        value += float((line * moved.by_regime[cells.regimes[flows.cells]]).sum())
        net += line.sum(axis=0)
    return Outcome(value, net)

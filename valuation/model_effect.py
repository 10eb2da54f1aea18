"""What another fit makes of the same customers: the part of a change of value that is the model's.

Expected visits are a transaction model's, times the anchors that trees set for the first year and
for those after (:func:`ml.next_year.anchor`). Trees that are kept set other anchors upon another
transaction model: those that give the first and the second year the same visits as before.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.transaction_models import AnyParameters
from valuation.sensitivities import Exposure, Histories, exposure

Floats = NDArray[np.float64]

FADED = 1e-9


@dataclass(frozen=True)
class Effect:
    """In discounted yuan of margin: the ``value`` under the newer parameters; the ``change`` from
    the older ones; of it, what comes ``by_rate``, in visits a month alive."""

    value: float
    change: float
    by_rate: float

    def __add__(self, other: "Effect") -> "Effect":
        return Effect(
            self.value + other.value, self.change + other.change, self.by_rate + other.by_rate
        )


def effect(
    older: AnyParameters,
    newer: AnyParameters,
    customers: Histories,
    anchors: Floats,
    discount: Floats,
    *,
    anchored_before: bool,
) -> Effect:
    """Of ``customers`` (n,) with the newer ``anchors`` (n, 2); ``discount`` (months,).

    ``anchored_before``: whether trees stood for the fit in the older valuation too.
    """
    now, then = (exposure(params, customers, discount) for params in (newer, older))
    visits = _anchored(now, anchors)
    were = _anchored(then, _carried(anchors, now, then) if anchored_before else 1.0)
    rate = np.divide(were, then.months, out=np.zeros_like(were), where=then.months > 0)
    margin, per_month = customers.margin_per_visit, customers.margin_per_month
    return Effect(
        float((visits * margin + now.months * per_month).sum()),
        float(((visits - were) * margin + (now.months - then.months) * per_month).sum()),
        float(((visits - now.months * rate) * margin).sum()),
    )


def _anchored(seen: Exposure, anchors: Floats | float) -> Floats:
    first, later = np.broadcast_to(anchors, (len(seen.early), 2)).T
    return np.asarray(seen.early * first + seen.late * later)


def _carried(anchors: Floats, now: Exposure, then: Exposure) -> Floats:
    """The anchors that the same trees would have set upon the older model; ones stay ones."""
    ratio = np.column_stack([_over(now.first, then.first), _over(now.second, then.second)])
    return np.asarray(np.where(anchors == 1.0, 1.0, anchors * ratio))


def _over(newer: Floats, older: Floats) -> Floats:
    return np.asarray(newer / np.maximum(older, FADED))

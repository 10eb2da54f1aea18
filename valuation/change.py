"""From the former valuation to this one: what time did, who came and went, and the rest."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from valuation.history import to_position
from valuation.refusals import gettext_noop
from valuation.rounding import to_fen

if TYPE_CHECKING:
    from valuation.archive import Former
    from valuation.engine import Inputs

Integers = NDArray[np.int64]

STEPS = {
    "opening": gettext_noop("Former valuation"),
    "unwinding": gettext_noop("Unwinding of the discount"),
    "expected_cash": gettext_noop("Margin that fell due since"),
    "customers_out": gettext_noop("Customers no longer counted"),
    "customers_in": gettext_noop("Customers new here"),
    "experience_and_model": gettext_noop("Experience, models, assumptions, corrections"),
}
"""In the order shown; they sum to this valuation."""


def store_changes(
    inputs: "Inputs", value_fen: Integers, former: "Former | None"
) -> list[dict[str, int]]:
    """Bars of STEPS for each store in fen; empty dictionaries where there is no former one.

    Unwinding: opening × ((1 + d)^t − 1) with the former discount rate; cash: the former monthly
    lines that have fallen due, compounded to today; out: former value of customers who are now at
    another store or nowhere; in: value of customers who were not at this store before.
    """
    stores = inputs.tree.stores
    if former is None:
        return [{} for _ in stores]
    position = {store.id: i for i, store in enumerate(stores)}
    before = np.array([position.get(int(one), -1) for one in former.stores], dtype=np.int64)
    count = len(stores)

    def by_store(store: Integers, values: Integers) -> Integers:
        total = np.zeros(count, dtype=np.int64)
        np.add.at(total, store[store >= 0], values[store >= 0])
        return total

    customers = inputs.scores["customer"]
    place = to_position(former.customers, pd.Series(customers))
    was = np.where(place >= 0, before[place.clip(min=0)], -1) if len(before) else place
    now = to_position(customers, pd.Series(former.customers))
    is_at = np.where(now >= 0, inputs.store[now.clip(min=0)], -1)
    opening = by_store(before, former.value_fen)
    out = by_store(np.where(is_at == before, -1, before), former.value_fen)
    came = by_store(np.where(was == inputs.store, -1, inputs.store), value_fen)
    closing = by_store(inputs.store, value_fen)
    years = (inputs.as_of - former.as_of).days / 365.25
    growth = (1.0 + former.discount_rate) ** years
    due = np.array([_due(former.monthly.get(store.id, []), years * 12.0) for store in stores])
    unwinding, cash = to_fen(opening * (growth - 1.0) / 100.0), to_fen(-due * growth / 100.0)
    rest = closing - (opening + unwinding + cash - out + came)
    columns = (opening, unwinding, cash, -out, came, rest)
    return [
        {step: int(column[i]) for step, column in zip(STEPS, columns, strict=True)}
        for i in range(count)
    ]


def _due(lines: list[int], months: float) -> float:
    """Sum of the first ``months`` lines, the last of them in part."""
    whole = int(months)
    part = lines[whole] * (months - whole) if whole < len(lines) else 0.0
    return float(sum(lines[:whole]) + part)

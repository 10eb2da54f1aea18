"""The factors that scale orders' margin to the books', kept with the valuation that used them."""

from typing import Any

import numpy as np
import pandas as pd

from valuation.units import Tree

MONTHS_KEPT = 24


def factors_by_store(
    factors: pd.DataFrame, tree: Tree, last_month: pd.Timestamp
) -> dict[int, list[dict[str, Any]]]:
    """Per store id the last MONTHS_KEPT months with books: rates of orders and ledger, factor.

    ``factor`` is None where it lies outside the range that scaling may cover: the store's median
    is used there.
    """
    since = last_month - pd.DateOffset(months=MONTHS_KEPT - 1)
    found: dict[int, list[dict[str, Any]]] = {store.id: [] for store in tree.stores}
    recent = factors[factors["month"] >= since].sort_values("month")
    columns = ["store", "month", "order_rate", "ledger_rate", "factor"]
    for store, month, order, ledger, factor in recent[columns].itertuples(index=False):
        if int(store) in found:
            found[int(store)].append(
                {
                    "month": f"{month:%Y-%m}",
                    "order_rate": _known(order),
                    "ledger_rate": _known(ledger),
                    "factor": _known(factor),
                }
            )
    return found


def _known(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None

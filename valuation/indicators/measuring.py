"""Counters of every store at the end of a month: arrays in, integers out.

The windows are years that end with the month, counted by :mod:`valuation.history` as for a
valuation, at the customers' home stores of the valuation; visits, output and margin of the month
are the serving store's.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from valuation.history import COUNTERS, History, history, store_counters

Integers = NDArray[np.int64]

FROM_VALUATION = ("customers", "population", "population_revenue_fen", "population_margin_fen")


@dataclass(frozen=True)
class Customers:
    """N customers of the valuation in ascending order of id.

    ``store``: position of the home store; ``value_fen``: None where the month has no valuation.
    """

    ids: Integers
    store: Integers
    value_fen: Integers | None


def month_end(month: dt.date) -> dt.date:
    """The first day of the month after: windows end before it."""
    return (month.replace(day=28) + dt.timedelta(days=4)).replace(day=1)


def past_until(
    customers: Integers, visits: pd.DataFrame, purchases: pd.DataFrame, end: dt.date
) -> History:
    """What was known before ``end``; see :func:`valuation.history.history`."""
    cut = pd.Timestamp(end)
    before, bought = visits[visits["day"] < cut], purchases[purchases["day"] < cut]
    return history(customers, before, bought, end)


def customer_counters(past: History, who: Customers, stores: int) -> pd.DataFrame:
    """Counters of loyalty and of new customers, one row a store."""
    nothing = np.zeros(len(who.ids), dtype=np.int64)
    value = nothing if who.value_fen is None else who.value_fen
    found = store_counters(past, nothing.astype(bool), value, who.store, stores)
    found = found[[name for name in COUNTERS if name not in FROM_VALUATION]]
    if who.value_fen is None:
        return found.drop(columns="new_value_fen")
    return found.assign(new_valued=found["new"])

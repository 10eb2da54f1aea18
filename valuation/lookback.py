"""A valuation of about a year ago held against what has come in since: pure.

Forecast are the former valuation's monthly lines of margin, before its costs; realised is the
margin, scaled to the ledger's, that the customers valued then have brought since, at whichever
store, counted at the home store of then. Months are 30.4375 days from the former date; only whole
months are compared. Customers erased since are missing on the realised side.
"""

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from valuation.history import to_position

if TYPE_CHECKING:
    from valuation.archive import Former

Integers = NDArray[np.int64]

DAYS_PER_MONTH = 30.4375
MOST_MONTHS = 12


def whole_months(since: dt.date, until: dt.date) -> int:
    """Whole months between two days, at most a year."""
    return min(int((until - since).days / DAYS_PER_MONTH + 1e-9), MOST_MONTHS)


def held_against(
    former: "Former", visits: pd.DataFrame, stores: list[int], as_of: dt.date
) -> dict[str, Integers]:
    """``forecast_fen`` and ``realised_fen``, (S, E) by store and elapsed month.

    ``visits``: ``customer, day, margin`` (yuan); ``stores``: unit ids in the order of the result.
    """
    months = whole_months(former.as_of, as_of)
    forecast = np.zeros((len(stores), months), dtype=np.int64)
    for row, store in enumerate(stores):
        lines = former.margin.get(store, [])[:months]
        forecast[row, : len(lines)] = lines
    realised = np.zeros((len(stores), months), dtype=np.int64)
    position = {store: i for i, store in enumerate(stores)}
    home = np.array([position.get(int(one), -1) for one in former.stores], dtype=np.int64)
    since = visits[visits["day"] >= pd.Timestamp(former.as_of)]
    place = to_position(former.customers, since["customer"])
    month = ((since["day"] - pd.Timestamp(former.as_of)).dt.days / DAYS_PER_MONTH).astype(int)
    served = home[place.clip(min=0)] if len(home) else np.full(len(place), -1)
    counted = (place >= 0) & (served >= 0) & (month.to_numpy() < months)
    fen = np.rint(since["margin"].to_numpy(dtype=float) * 100).astype(np.int64)
    np.add.at(realised, (served[counted], month.to_numpy()[counted]), fen[counted])
    return {"forecast_fen": forecast, "realised_fen": realised}

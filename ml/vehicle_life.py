"""How long a customer's vehicles will still be driven: the cap on every forecast."""

from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.curves import DAYS_PER_MONTH

# A vehicle past its assumed life that still comes in is given this long.
SHORTEST_MONTHS = 12
STILL_SEEN_DAYS = 730


def owned_today(vehicles: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """The rows of ``vehicles`` whose ownership has not ended before ``as_of``."""
    ended = vehicles["owned_to"].notna() & (vehicles["owned_to"] <= pd.Timestamp(as_of))
    return vehicles[~ended]


def cap_months(
    vehicles: pd.DataFrame,
    statistics: pd.DataFrame,
    as_of: date,
    *,
    life_years: int,
    horizon: int,
) -> NDArray[np.int64]:
    """Months that count for each row of ``statistics`` (index customer; ``last_visit`` day).

    The youngest vehicle still owned sets the cap; a customer without any known vehicle has the
    horizon; one whose vehicles were all sold on before the last visit was paid has none.
    """
    cut = pd.Timestamp(as_of)
    owned = owned_today(vehicles, as_of)
    start = owned["built_on"].fillna(owned["owned_from"]).fillna(owned["sold_on"])
    youngest = start.groupby(owned["customer"]).max().reindex(statistics.index)
    age_months = (cut - youngest).dt.days / DAYS_PER_MONTH
    cap = (life_years * 12 - age_months).fillna(horizon)
    silence = (cut - statistics["last_visit"]).dt.days
    seen = (silence <= STILL_SEEN_DAYS).to_numpy()
    cap = np.where(seen, np.maximum(cap, SHORTEST_MONTHS), cap)
    ever = statistics.index.isin(vehicles["customer"])
    owns = statistics.index.isin(owned["customer"])
    last_end = vehicles.groupby("customer")["owned_to"].max().reindex(statistics.index)
    came_since = (statistics["last_visit"] > last_end).to_numpy()
    cap = np.where(ever & ~owns & ~came_since, 0, cap)
    return np.clip(np.floor(cap), 0, horizon).astype(np.int64)

"""The records that indicators are measured from, read set by set."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from django.db import connection
from numpy.typing import NDArray

from organization.access import current_access
from valuation.indicators.ledger import COLUMNS, month_number

Integers = NDArray[np.int64]

# The customers of a valuation with their home store; people erased since have no link any more.
VALUED = """
select p.customer_id, c.store_id, c.value_fen from valuation_valuedcustomer c
join valuation_pseudonym p on p.pseudonym = c.pseudonym
where c.valuation_id = %(valuation)s and (%(stores)s::bigint[] is null
    or c.store_id = any(%(stores)s::bigint[])) order by 1
"""
UNDISCOUNTED = """
select p.customer_id, c.undiscounted_fen from valuation_valuedcustomer c
join valuation_pseudonym p on p.pseudonym = c.pseudonym
where c.valuation_id = %(valuation)s and p.customer_id = any(%(customers)s) order by 1
"""
BOOKS = f"""
select unit_id, month, {", ".join(COLUMNS)} from customers_monthlyfinancials
where scope = 'after_sales' and month >= %(first)s and month <= %(last)s
"""  # noqa: S608
TARGETS = """
select unit_id, month, metric, value from customers_target
where month >= %(first)s and month <= %(last)s
"""


def _rows(query: str, **parameters: Any) -> list[tuple[Any, ...]]:
    current_access()
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


def valued_customers(
    valuation_id: int, stores: Sequence[int] | None = None
) -> tuple[Integers, Integers, Integers]:
    """Ascending customer ids, their home stores and values in fen; of ``stores`` alone if given."""
    rows = _rows(VALUED, valuation=valuation_id, stores=None if stores is None else list(stores))
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def books(first: dt.date, last: dt.date) -> pd.DataFrame:
    """Rows for :class:`valuation.indicators.ledger.Ledger`, in any order."""
    rows = _rows(BOOKS, first=first, last=last)
    frame = pd.DataFrame(rows, columns=["store", "day", *COLUMNS])
    frame["month"] = [month_number(day.year, day.month) for day in frame["day"]]
    return frame.drop(columns="day")


def targets(first: dt.date, last: dt.date) -> dict[tuple[int, dt.date, str], float]:
    """Declared targets by unit, month and metric; money in yuan."""
    return {(u, day, m): float(v) for u, day, m, v in _rows(TARGETS, first=first, last=last)}


def undiscounted(valuation_id: int, customers: Integers) -> Integers:
    """Undiscounted values in fen of ``customers``, in their order."""
    rows = _rows(UNDISCOUNTED, valuation=valuation_id, customers=customers.tolist())
    return np.array([fen for _customer, fen in rows], dtype=np.int64)

"""Visit days out of millions of orders: netted by the server, added up here.

The server reads orders in parallel and in no order; sorting and adding them up there would take one
process twice as long. They come by binary COPY into arrays, block by block, so that they are never
whole in memory as text.
"""

from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from django.db import connection
from numpy.typing import NDArray

Integers = NDArray[np.int64]

NO_COST = -(2**63)
_HEADER, _TRAILER = 19, 2
# 56 KB a time: the client's messages and the parsing stay in the processor's cache.
_ROWS = 512
_EPOCH = date(1970, 1, 1)
# Each order's work as a bit, in this order.
_WORK = {
    "maintenance": "v.kind in ('maintenance', 'first_service')",
    "repair": "v.kind in ('repair', 'body_paint')",
    "warranty_work": "v.kind in ('warranty', 'recall')",
    "comeback": "coalesce(v.comeback, false) or v.kind = 'comeback'",
    "accident": "v.kind = 'accident'",
}
_FIELDS = {
    "customer": "v.customer_id",
    "store": "v.store_id",
    "day": f"(v.day - date '{_EPOCH}')::bigint",
    "revenue_customer": "v.pay_customer_fen - coalesce(c.customer, 0)",
    "revenue_insurer": "v.pay_insurance_fen - coalesce(c.insurer, 0)",
    "revenue_manufacturer": "v.pay_warranty_fen - coalesce(c.manufacturer, 0)",
    "internal": "v.pay_internal_fen",
    "cost": f"coalesce(v.cost_fen - coalesce(c.cost, 0), {NO_COST})",
    # Neither is below 0: less than 2^31 each, so that the two and the work share a field.
    "marks": "((coalesce(v.mileage_km, -1)::bigint + 1) << 31)"
    " + (least(coalesce(v.wait_minutes, -1), 33554430) + 1 << 6)::bigint + ("
    + " + ".join(f"(({sql})::int << {bit})" for bit, sql in enumerate(_WORK.values()))
    + ")",
}
_ORDERS = """
with credit as (
    select store_id, original_ro_no as ro_no, sum(abs(pay_customer_fen))::bigint as customer,
        sum(abs(pay_insurance_fen))::bigint as insurer,
        sum(abs(pay_warranty_fen))::bigint as manufacturer, sum(abs(cost_fen))::bigint as cost
    from customers_visit where status = 'credit' and original_ro_no <> '' group by 1, 2
)
select {fields}
from customers_visit v left join credit c on c.store_id = v.store_id and c.ro_no = v.ro_no
where v.status in ('open', 'closed') and v.day < {as_of} and v.customer_id <> all({left_out})
    and {only}
    and v.pay_customer_fen - coalesce(c.customer, 0) + v.pay_insurance_fen
        - coalesce(c.insurer, 0) + v.pay_warranty_fen - coalesce(c.manufacturer, 0) > 0
"""
_LEFT_OUT = """select id from customers_customer
    where is_test or kind in ('insurer', 'internal')"""
_ADDED = (
    *("revenue_customer", "revenue_insurer", "revenue_manufacturer", "internal"),
    *("cost", "revenue_without_cost", "accident_revenue", "accident_cost"),
)
_HIGHEST = ("mileage_km", "wait_minutes", "maintenance", "repair", "warranty_work", "comeback")
_KEYS = ("customer", "day", "store")


def read_visit_days(as_of: date, only: str = "true") -> pd.DataFrame:
    """One row per customer, day and store before ``as_of``, ascending, inside an entered access.

    Money in fen: ``revenue_customer, revenue_insurer, revenue_manufacturer, internal, cost`` (NaN
    where no order has one), ``revenue_without_cost, accident_revenue, accident_cost``; the day's
    highest ``mileage_km`` and ``wait_minutes`` (NaN unknown); 1 or 0 for ``maintenance, repair,
    warranty_work, comeback``. ``only``: SQL of our own making that narrows the orders ``v``.
    """
    orders = _orders(as_of, only)
    outside = orders["revenue_customer"] + orders["revenue_insurer"]
    outside += orders["revenue_manufacturer"]
    marks, cost = orders.pop("marks"), orders["cost"]
    known = cost != NO_COST
    work = {name: marks >> bit & 1 for bit, name in enumerate(_WORK)}
    accident = work.pop("accident").astype(bool)
    orders["mileage_km"] = (marks >> 31) - 1
    orders["wait_minutes"] = (marks >> 6 & (1 << 25) - 1) - 1
    cost[~known] = 0
    orders["revenue_without_cost"] = np.where(known, 0, outside)
    orders["accident_revenue"] = np.where(accident, outside, 0)
    orders["accident_cost"] = np.where(accident, cost, 0)
    # What has a cost, and what has a cost of accidents: 0 where it is not one.
    counted = {"cost": known, "accident_cost": known | ~accident}
    del outside, marks
    return _added_up(orders | work, counted)


def _orders(as_of: date, only: str) -> dict[str, Integers]:
    """The netted orders, one array a field."""
    with connection.cursor() as cursor:
        cursor.execute(_LEFT_OUT)
        left_out = ",".join(str(row[0]) for row in cursor.fetchall())
        query = _ORDERS.format(
            fields=", ".join(_FIELDS.values()),
            as_of=f"date '{as_of:%Y-%m-%d}'",
            left_out=f"array[{left_out}]::bigint[]",
            only=only,
        )
        with cursor.copy(f"copy ({query}) to stdout (format binary)") as copy:
            parts = list(_columns(iter(copy)))
    if not parts:
        return {name: np.zeros(0, dtype=np.int64) for name in _FIELDS}
    found = {}
    for position, name in enumerate(_FIELDS):
        found[name] = np.concatenate([part[position] for part in parts])
        for part in parts:
            part[position] = np.zeros(0, dtype=np.int64)
    return found


def _columns(rows: Iterator[Any]) -> Iterator[list[Integers]]:
    """Rows of eight-byte integers out of a binary COPY, one message each, column by column.

    The header comes with the first row; the trailer is two bytes.
    """
    row = np.dtype([("fields", ">i2"), *((name, ">i4,>i8") for name in _FIELDS)])
    start = _HEADER
    while block := b"".join(islice(rows, _ROWS)):
        whole, rest = divmod(len(block) - start, row.itemsize)
        if rest not in (0, _TRAILER):
            raise ValueError("an order has a field that is not known")
        table = np.frombuffer(block, dtype=row, count=whole, offset=start)
        yield [table[name]["f1"].astype(np.int64) for name in _FIELDS]
        start = 0


def _order(orders: dict[str, Integers]) -> Integers:
    """The rows by customer, day, store: sorted as one number where the three fit into 63 bits."""
    customer, day, store = (orders[name] for name in _KEYS)
    lows = [int(column.min()) for column in (customer, day, store)]
    spans = [int(c.max()) - low for c, low in zip((customer, day, store), lows, strict=True)]
    bits = [span.bit_length() for span in spans]
    if sum(bits) > 63:
        return np.lexsort((store, day, customer))
    key = (customer - lows[0]) << bits[1] | (day - lows[1])
    key = key << bits[2] | (store - lows[2])
    return np.argsort(key)


def _added_up(orders: dict[str, Integers], counted: dict[str, NDArray[np.bool_]]) -> pd.DataFrame:
    """Orders to rows of one customer, day and store; ``counted``: which orders' cost is known."""
    size = len(orders["customer"])
    order = _order(orders) if size else np.zeros(0, dtype=np.int64)
    keys = [orders.pop(name)[order] for name in _KEYS]
    new = np.ones(size, dtype=bool)
    if size:
        new[1:] = np.any([column[1:] != column[:-1] for column in keys], axis=0)
    starts = np.flatnonzero(new)
    single = len(starts) == size

    def taken(column: NDArray[Any], how: np.ufunc) -> NDArray[Any]:
        ordered = column[order]
        return ordered if single else how.reduceat(ordered, starts)

    frame: dict[str, Any] = {name: key[starts] for name, key in zip(_KEYS, keys, strict=True)}
    frame["day"] = frame["day"].astype("datetime64[D]").astype("datetime64[s]")
    for name in _ADDED:
        frame[name] = taken(orders.pop(name), np.add)
        if name in counted:
            known = taken(counted[name], np.logical_or)
            frame[name] = np.where(known, frame[name], np.nan)
    for name in _HIGHEST:
        frame[name] = taken(orders.pop(name), np.maximum)
        if name in ("mileage_km", "wait_minutes"):
            frame[name] = np.where(frame[name] < 0, np.nan, frame[name])
    return pd.DataFrame(frame, copy=False)

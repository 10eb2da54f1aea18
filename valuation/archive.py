"""Writing a valuation once, and reading that of a year before."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from organization.access import Access
from valuation.inputs import binary_row
from valuation.models import Valuation, ValuedUnit
from valuation.pools import candidates

if TYPE_CHECKING:
    from valuation.assembly import Assembled
    from valuation.engine import Inputs, Portfolio
    from valuation.history import History

Integers = NDArray[np.int64]

SCALARS = (
    *("discounted_visits", "discounted_months", "visits", "months"),
    *("margin_per_visit", "accident_margin_per_month", "revenue_per_visit"),
    *("accident_revenue_per_month", "p_alive", "cap_month"),
)
"""ValuedCustomer.scalars, in order. With the assumptions of the valuation they recompute the value:
(discounted_visits × margin_per_visit + discounted_months × accident_margin_per_month)
× (1 − service cost rate) − discounted_months × retention cost per month."""

_WHOLE = ("customer_id", "store_id", "organisation", "quarter", "value_fen", "undiscounted_fen")

PSEUDONYMS = """
insert into valuation_pseudonym (tenant_id, customer_id, pseudonym)
select %s, v.customer_id, gen_random_uuid() from valued v
left join valuation_pseudonym p on p.customer_id = v.customer_id where p.id is null
"""
LINES = """
insert into valuation_valuedcustomer (tenant_id, store_id, valuation_id, pseudonym, segment,
    first_quarter, value_fen, undiscounted_fen, scalars)
select %s, v.store_id, %s, p.pseudonym,
    case v.organisation when 1 then 'organisation' else 'person' end,
    case when v.quarter < 0 then '' else (v.quarter / 4)::text || '-Q' || (v.quarter %% 4 + 1) end,
    v.value_fen, v.undiscounted_fen, array[{scalars}]
from valued v join valuation_pseudonym p on p.customer_id = v.customer_id
"""
FORMER = """
select p.customer_id, c.store_id from valuation_valuedcustomer c
join valuation_pseudonym p on p.pseudonym = c.pseudonym where c.valuation_id = %s order by 1
"""


@dataclass(frozen=True)
class Former:
    """An earlier valuation: its customers (ascending ids), their stores, units' lines of margin."""

    valuation_id: int
    as_of: dt.date
    customers: Integers
    stores: Integers
    margin: dict[int, list[int]]


def year_ago(as_of: dt.date) -> Former | None:
    """The valuation nearest to a year before, between 6 and 18 months; customers erased since are
    left out."""
    wanted = as_of - dt.timedelta(days=365)
    around = (wanted - dt.timedelta(days=183), wanted + dt.timedelta(days=183))
    rows = Valuation.objects.filter(as_of__range=around)
    nearest = min(rows, key=lambda one: (abs((one.as_of - wanted).days), -one.pk), default=None)
    return None if nearest is None else _read(nearest)


def _read(last: Valuation) -> Former:
    with connection.cursor() as cursor:
        cursor.execute(FORMER, [last.pk])
        rows = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 2)
    units = list(ValuedUnit.objects.filter(valuation=last).values_list("unit_id", "monthly"))
    return Former(
        last.pk,
        last.as_of,
        rows[:, 0],
        rows[:, 1],
        {unit: monthly["margin_fen"] for unit, monthly in units},
    )


def write(
    access: Access,
    inputs: "Inputs",
    portfolio: "Portfolio",
    past: "History",
    assembled: "Assembled",
    digest: str,
) -> Valuation:
    """Store valuation, units and customers, inside an entered access."""
    from organization.models import Tenant

    valuation: Valuation = Valuation.objects.create(
        tenant_id=access.tenant_id,
        as_of=inputs.as_of,
        score_set=inputs.score_set,
        assumptions=inputs.assumptions,
        model_version=inputs.score_set.model_version,
        currency=Tenant.objects.get(pk=access.tenant_id).currency,
        input_hash=digest,
        customers=len(inputs.scores),
        excluded=inputs.excluded,
        confidence=assembled.confidence,
        notes=assembled.notes,
        author=access.label[:80],
    )
    ValuedUnit.objects.bulk_create(
        ValuedUnit(tenant_id=access.tenant_id, valuation=valuation, unit_id=unit, **values)
        for unit, values in assembled.units.items()
    )
    _write_customers(access, valuation, inputs, portfolio, past)
    return valuation


def _write_customers(
    access: Access,
    valuation: Valuation,
    inputs: "Inputs",
    portfolio: "Portfolio",
    past: "History",
) -> None:
    scores = inputs.scores
    columns: dict[str, NDArray[Any]] = {
        "customer_id": scores["customer"],
        "store_id": scores["store"],
        "organisation": scores["organisation"],
        "quarter": past.first_quarter,
        "value_fen": portfolio.discounted.value_fen,
        "undiscounted_fen": portfolio.undiscounted.value_fen,
        "discounted_visits": portfolio.discounted.visits,
        "discounted_months": portfolio.discounted.months_alive,
        "visits": portfolio.undiscounted.visits,
        "months": portfolio.undiscounted.months_alive,
        "margin_per_visit": scores["margin_per_visit"],
        "accident_margin_per_month": scores["accident_margin"],
        "revenue_per_visit": scores["revenue_per_visit"],
        "accident_revenue_per_month": scores["accident_revenue"],
        "p_alive": scores["p_alive"],
        "cap_month": scores["cap_month"],
        "variance": portfolio.variance,
    }
    floats = [*SCALARS, "variance"]
    definition = [f"{name} bigint" for name in _WHOLE] + [f"{name} float8" for name in floats]
    with connection.cursor() as cursor:
        # Joins of everybody with everybody's pseudonym: in memory, for this transaction alone.
        cursor.execute("set local work_mem = '128MB'")
        cursor.execute(f"create temp table valued ({', '.join(definition)}) on commit drop")
        with cursor.copy("copy valued from stdin (format binary)") as copy:
            for block in _blocks(columns):
                copy.write(block)
        cursor.execute("analyze valued")
        cursor.execute(PSEUDONYMS, [access.tenant_id])
        cursor.execute("select valuation_refresh_statistics()")
        scalars = ", ".join(f"v.{name}" for name in SCALARS)
        cursor.execute(LINES.format(scalars=scalars), [access.tenant_id, valuation.pk])
        candidates.renew(cursor, valuation)
        cursor.execute("drop table valued")


def _blocks(columns: dict[str, NDArray[Any]], rows: int = 50_000) -> Iterator[bytes]:
    """Binary COPY of the columns: signature, blocks of rows, end mark."""
    kinds = {name: "i8" if name in _WHOLE else "f8" for name in columns}
    layout = binary_row(kinds)
    size = len(columns["customer_id"])
    yield b"PGCOPY\n\xff\r\n\x00" + b"\x00" * 8
    for start in range(0, size, rows):
        table = np.empty(min(rows, size - start), dtype=layout)
        table["fields"] = len(columns)
        for name, column in columns.items():
            table[f"#{name}"] = 8
            table[name] = column[start : start + rows]
        yield table.tobytes()
    yield b"\xff\xff"

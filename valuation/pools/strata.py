"""Stratification of a pool that is being cut, from its temporary table ``pool_kept``."""

from typing import Any

from django.db import connection

from valuation.pools.basis import Basis
from valuation.refusals import gettext_noop

DIMENSIONS = {
    "vehicle_age": gettext_noop("Age of the vehicle"),
    "recency": gettext_noop("Months since the last visit"),
    "frequency": gettext_noop("Repeat visits"),
    "warranty": gettext_noop("Warranty status"),
    "kind": gettext_noop("Kind of customer"),
    "grade": gettext_noop("Customer grade"),
    "risk": gettext_noop("Churn risk"),
    "cohort": gettext_noop("Year of the first visit"),
    "division": gettext_noop("Brand division"),
    "region": gettext_noop("Region"),
    "store": gettext_noop("Store"),
}
NOT_KNOWN = ""


def _classes(column: str, bounds: tuple[int, ...], unit: int = 1) -> str:
    """SQL of the class of a column: ``0–2``, ``3–4``, ``5+``; bounds are lower ends."""
    cases = []
    for number, low in enumerate(bounds):
        last = number == len(bounds) - 1
        label = f"{low}+" if last else f"{low}–{bounds[number + 1] - 1}"
        if not last and bounds[number + 1] == low + 1:
            label = str(low)
        when = "" if last else f"when {column} < {bounds[number + 1] * unit} then "
        cases.append(f"{when}'{number:02d}|{label}'" if when else f"else '{number:02d}|{label}'")
    return f"case when {column} is null then '99|' {' '.join(cases)} end"


_SQL = {
    "vehicle_age": _classes("k.vehicle_months", (0, 1, 2, 3, 4, 5, 7, 10), 12),
    "recency": _classes("k.months_since_visit", (0, 3, 6, 12, 24)),
    "frequency": _classes("k.frequency", (0, 1, 2, 3, 5, 10)),
    "warranty": "case when k.in_warranty then 'in' else 'out' end",
    "kind": "k.kind",
    "grade": "k.grade",
    "risk": "k.risk",
    "cohort": "left(k.first_quarter, 4)",
    "store": "k.store_id::text",
}
_STRATUM = """
select {label}, count(*), sum(k.value_fen)::bigint,
    sum(k.value_fen * k.p_alive) / nullif(sum(k.value_fen), 0),
    sum(k.value_fen * k.amounts[4] / nullif(k.amounts[3], 0)) / nullif(sum(k.value_fen), 0)
from pool_kept k group by 1 order by 1
"""


def stratify(basis: Basis) -> dict[str, Any]:
    """Tables by dimension: label, customers, value, P(alive) and margin rate weighted by value.

    Vehicle ages are in years, recency in months. Inside the transaction that cuts the pool.
    """
    tables: dict[str, Any] = {}
    with connection.cursor() as cursor:
        for name, sql in _SQL.items():
            cursor.execute(_STRATUM.format(label=sql))
            tables[name] = [_row(str(label).split("|")[-1], *rest) for label, *rest in cursor]
    stores = {str(store.id): store for store in basis.tree.stores}
    rows = tables["store"]
    tables["store"] = [row | {"label": stores[row["label"]].name} for row in rows]
    tables["region"] = _merged(rows, lambda one: basis.tree.region_of(stores[one]).name)
    tables["division"] = _merged(rows, lambda one: basis.tree.division_of(stores[one]).name)
    return {name: tables[name] for name in DIMENSIONS}


def _row(label: str, customers: int, value: int, alive: Any, margin: Any) -> dict[str, Any]:
    return {
        "label": label,
        "customers": int(customers),
        "value_fen": int(value),
        "p_alive": None if alive is None else round(float(alive), 6),
        "margin_rate": None if margin is None else round(float(margin), 6),
    }


def _merged(rows: list[dict[str, Any]], above: Any) -> list[dict[str, Any]]:
    """Rows of stores added up by the unit above them; weighted means stay weighted by value."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(above(row["label"]), []).append(row)
    merged = []
    for label, parts in sorted(found.items()):
        value = sum(part["value_fen"] for part in parts)

        def mean(name: str, parts: list[dict[str, Any]] = parts, value: int = value) -> Any:
            known = [part for part in parts if part[name] is not None]
            return sum(p[name] * p["value_fen"] for p in known) / value if value else None

        count = sum(part["customers"] for part in parts)
        merged.append(_row(label, count, value, mean("p_alive"), mean("margin_rate")))
    return merged

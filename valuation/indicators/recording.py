"""Recording: measure months for every unit and write down what is new or has changed.

A month that was recorded stays as it was; where late records or a changed definition give another
figure, a further row is added and both are kept.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from django.db import connection

from ml.extraction import visit_days
from organization.access import Access, entered
from valuation import books
from valuation.history import History
from valuation.indicators import formulas, reading
from valuation.indicators.definitions import DEFINITIONS, figures_of, versions
from valuation.indicators.ledger import (
    NET,
    REACH,
    Ledger,
    ledger_counters,
    month_name,
    month_number,
)
from valuation.indicators.measuring import (
    Customers,
    customer_counters,
    month_end,
    past_until,
)
from valuation.indicators.records import IndicatorRun, MoatInput, UnitIndicators
from valuation.inputs import read_cars
from valuation.models import Valuation, ValuedUnit
from valuation.peers import (
    METHOD,
    Cars,
    a_year_before,
    age_mix,
    car_age_class,
    main_age,
    places,
)
from valuation.units import Node, Tree

MONTHS = 25
"""Months that the first recording looks back: two years and the month to compare with."""

RESTATED = 4
"""Months that every later recording measures again, for orders and books that come late."""

NAMED = 12
"""Stores left out that are named one by one; the counter has their number."""

COMPARED = tuple(
    key for key, one in DEFINITIONS.items() if one.shape != "sum" and one.better != "none"
)
"""Figures that units are compared by, and those of them that are better when lower."""

FALLING = frozenset(key for key, one in DEFINITIONS.items() if one.better == "down")

_BOOK_COUNTERS = (
    *("promoters", "detractors", "answers", "renewed", "expired"),
    *("profit_fen", "fixed_cost_fen", "cac_spend_fen"),
)


class NothingToRecord(Exception):
    """There is no valuation whose customers could be measured; the message says what to do."""


@dataclass(frozen=True)
class Recorded:
    """``run`` is None where every month was as it had been recorded before."""

    run: IndicatorRun | None
    months: int
    rows: int


def record(
    access: Access, *, reason: str, months: int = MONTHS, restate_all: bool = False
) -> Recorded:
    """Measure the months that need it and add the rows that differ from the newest ones.

    Raises:
        NothingToRecord: the group has no valuation yet.
    """
    with entered(access):
        valuation = (
            Valuation.objects.visible_to(access)
            .select_related("assumptions")
            .order_by("-as_of", "-created_at")
            .first()
        )
        if valuation is None:
            raise NothingToRecord("The group has no valuation yet: run `manage.py value` first.")
        with connection.cursor() as cursor:
            # The night, a load and the button may ask at once: the second finds nothing new.
            cursor.execute(
                "select pg_advisory_xact_lock(hashtext('indicators'), %s::int)", [access.tenant_id]
            )
        source = Source.read(valuation)
        wanted = list(_months_before(valuation.as_of, months))
        newest = _newest(access, wanted)
        if not restate_all:
            wanted = [m for i, m in enumerate(wanted) if i < RESTATED or not _complete(newest, m)]
        measured = {month: _measure(source, month) for month in wanted}
        return _write(access, valuation, measured, newest, reason)


@dataclass(frozen=True)
class Source:
    """Everything that months are measured from, read once."""

    valuation: Valuation
    tree: Tree
    customers: Customers
    visits: pd.DataFrame
    purchases: pd.DataFrame
    cars: Cars
    ledger: Ledger
    operations: dict[str, Any]
    moat: list[MoatInput]
    curves: dict[int, np.ndarray]

    @classmethod
    def read(cls, valuation: Valuation) -> "Source":
        tree, as_of = Tree.read(), valuation.as_of
        ids, store, value = reading.valued_customers(valuation.pk)
        visits, _factors = visit_days(as_of)
        visits = visits[["customer", "store", "day", "revenue", "margin"]]
        position = {node.id: i for i, node in enumerate(tree.stores)}
        serving = visits["store"].map(position).fillna(-1).to_numpy(dtype=np.int64)
        last = books.last_complete_month(as_of)
        number = month_number(last.year, last.month)
        reach = REACH + MONTHS
        rows = reading.books(_month_of(number - reach), last)
        stores = [node.id for node in tree.stores]
        return cls(
            valuation=valuation,
            tree=tree,
            customers=Customers(ids, tree.store_index(store), value),
            visits=visits,
            purchases=books.purchases(as_of),
            cars=read_cars(),
            ledger=Ledger.of(rows[rows["store"].isin(stores)], stores, number, reach),
            operations=books.monthly_operations(visits, serving, len(stores), as_of),
            moat=list(
                MoatInput.objects.filter(month__lte=last, indicator__in=DEFINITIONS).order_by(
                    "month", "pk"
                )
            ),
            curves=_curves(valuation),
        )

    @property
    def last(self) -> dt.date:
        return books.last_complete_month(self.valuation.as_of)


def _month_of(number: int) -> dt.date:
    return dt.date(number // 12, number % 12 + 1, 1)


def _months_before(as_of: dt.date, months: int) -> list[dt.date]:
    """First days of the complete months before ``as_of``, the newest first."""
    last = books.last_complete_month(as_of)
    number = month_number(last.year, last.month)
    return [_month_of(number - back) for back in range(min(months, books.MONTHS_SHOWN))]


def _curves(valuation: Valuation) -> dict[int, np.ndarray]:
    """Present value by month of a mean customer, by unit id."""
    rows = ValuedUnit.objects.filter(valuation=valuation).values_list(
        "unit_id", "customers", "monthly"
    )
    return {
        unit: np.array(monthly["present_value_fen"], dtype=float) / count
        for unit, count, monthly in rows
        if count
    }


@dataclass(frozen=True)
class Month:
    """The figures of every unit for one month, as they would be stored, by unit id."""

    counters: dict[int, dict[str, int]]
    figures: dict[int, dict[str, float | None]]
    left_out: dict[int, dict[str, list[str]]]
    peers: dict[int, dict[str, list[float]]]


def _measure(source: Source, month: dt.date) -> Month:
    tree, end = source.tree, month_end(month)
    stores = len(tree.stores)
    number = month_number(month.year, month.month)
    valued = month == source.last
    who = source.customers
    who = Customers(who.ids, who.store, who.value_fen if valued else None)
    past = past_until(who.ids, source.visits, source.purchases, end)
    table = customer_counters(past, who, stores)
    table = table.join(books.book_counters(tree, end)[list(_BOOK_COUNTERS)])
    for name, column in ledger_counters(source.ledger, number).items():
        table[name] = column
    place = source.operations["months"].index(month_name(number))
    for name in ("visits", "revenue_fen", "margin_fen"):
        table[f"month_{name}"] = source.operations[name][:, place]
    if valued:
        table["spend_of_valued_fen"] = table["cac_spend_fen"]
    own = [{name: int(v) for name, v in row.items()} for row in table.to_dict("records")]
    counters = tree.rolled_up(own.__getitem__, _sum)
    counters = {unit: one | _moat(source, unit, month) for unit, one in counters.items()}
    figures = {unit: figures_of(one) for unit, one in counters.items()}
    for unit, one in figures.items():
        one["payback"] = _payback(source, unit, one) if valued else None
    return Month(
        counters,
        figures,
        {node.id: _left_out(source, node, table, number) for node in tree.nodes},
        _peers(source, figures, past, end),
    )


def _sum(children: Any) -> dict[str, int]:
    total: dict[str, int] = {}
    for child in children:
        for name, value in child.items():
            total[name] = total.get(name, 0) + value
    return total


def _moat(source: Source, unit: int, month: dt.date) -> dict[str, int]:
    """The newest input of each moat indicator that was valid in the month, as counters."""
    found: dict[str, int] = {}
    for one in source.moat:
        if one.unit_id == unit and one.month <= month:
            definition = DEFINITIONS[one.indicator]
            found |= dict.fromkeys(definition.numerator, one.above)
            if one.below is not None:
                found |= dict.fromkeys(definition.denominator, one.below)
    return found


def _payback(source: Source, unit: int, figures: Mapping[str, float | None]) -> float | None:
    cac, curve = figures["cac"], source.curves.get(unit)
    if cac is None or cac <= 0 or curve is None:
        return None
    return formulas.payback_months(cac, curve.tolist())


def _left_out(source: Source, node: Node, table: pd.DataFrame, number: int) -> dict[str, list[str]]:
    """Stores left out by gap counter; of a store the months that its books lack."""
    below = source.tree.stores_below(node.id)
    found = {}
    for name in (column for column in table.columns if column.startswith("gap_")):
        out = [i for i in below if table[name].iat[i]]
        if out:
            found[name] = [source.tree.stores[i].code for i in out[:NAMED]]
    if found and len(below) == 1 and node.level == "store":
        holes = source.ledger.missing(number, 24, ["revenue_fen"])[below[0]]
        found["months"] = [month_name(number - 23 + int(i)) for i in np.flatnonzero(holes)]
        partial = source.ledger.missing(number, 12, NET)[below[0]] & ~holes[12:]
        found["partial"] = [month_name(number - 11 + int(i)) for i in np.flatnonzero(partial)]
    return found


def _peers(
    source: Source, figures: Mapping[int, dict[str, float | None]], past: History, end: dt.date
) -> dict[int, dict[str, Any]]:
    """By figure the place among peers (:mod:`valuation.peers`) and how many have the figure."""
    tree, who = source.tree, source.customers
    classes = car_age_class(who.ids, source.cars, a_year_before(end))
    opening, retained = age_mix(past, classes, who.store, len(tree.stores))
    found = places(tree, figures, COMPARED, opening, retained, FALLING)
    return {
        unit: {
            **{
                key: [round(share, 4), one.known[key]]
                for key, share in one.shares.items()
                if share is not None
            },
            "car_age": main_age(one.opening),
        }
        for unit, one in found.items()
    }


def _newest(access: Access, months: list[dt.date]) -> dict[tuple[int, dt.date], str]:
    """Digest of the newest row of each unit and month."""
    rows = (
        UnitIndicators.objects.visible_to(access)
        .filter(month__in=months)
        .order_by("unit_id", "month", "-run_id")
        .distinct("unit_id", "month")
        .values_list("unit_id", "month", "digest")
    )
    return {(unit, month): digest for unit, month, digest in rows}


def _complete(newest: Mapping[tuple[int, dt.date], str], month: dt.date) -> bool:
    """Whether the month was recorded by today's definitions."""
    mark = _definitions_mark()
    digests = [digest for (_unit, other), digest in newest.items() if other == month]
    return bool(digests) and all(digest.startswith(mark) for digest in digests)


def _definitions_mark() -> str:
    mark = {**versions(), "peers": METHOD}
    return hashlib.sha256(json.dumps(mark, sort_keys=True).encode()).hexdigest()[:16]


def _digest(*parts: Any) -> str:
    body = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return f"{_definitions_mark()}{body[:48]}"


def _write(
    access: Access,
    valuation: Valuation,
    measured: Mapping[dt.date, Month],
    newest: Mapping[tuple[int, dt.date], str],
    reason: str,
) -> Recorded:
    changed = []
    for month, found in measured.items():
        for unit, counters in found.counters.items():
            figures = {
                k: None if v is None else round(v, 8) for k, v in found.figures[unit].items()
            }
            parts = (counters, figures, found.left_out[unit], found.peers[unit])
            digest = _digest(*parts)
            if newest.get((unit, month)) != digest:
                changed.append((unit, month, parts, digest))
    if not changed:
        return Recorded(None, len(measured), 0)
    run = IndicatorRun.objects.create(
        tenant_id=access.tenant_id,
        valuation=valuation,
        first_month=min(measured),
        last_month=max(measured),
        definitions=versions(),
        rows=len(changed),
        author=access.label[:80],
        reason=reason[:80],
    )
    UnitIndicators.objects.bulk_create(
        [
            UnitIndicators(
                tenant_id=access.tenant_id,
                run=run,
                unit_id=unit,
                month=month,
                counters=parts[0],
                figures=parts[1],
                left_out=parts[2],
                peers=parts[3],
                digest=digest,
            )
            for unit, month, parts, digest in changed
        ],
        batch_size=500,
    )
    return Recorded(run, len(measured), len(changed))

"""The page on which margins meet the books: the factor of every store and month, shown.

Repair orders rarely know every cost. Each month's margin of the orders is scaled to the ledger's
margin rate (``customers.margins``); a factor far from one says that one of the two is incomplete.
"""

import numpy as np
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from organization.requests import SignedInRequest
from valuation.models import ValuedUnit
from valuation.shown import Shown, access_of, shown_unit
from web.tables import Column, Table


@require_safe
def reconciliation(request: SignedInRequest, code: str) -> HttpResponse:
    """A store's factors by month; any other unit's stores with their median."""
    access = access_of(request)
    shown = shown_unit(access, code)
    if shown is None:
        return redirect("valuation_dashboard")
    is_store = shown.unit.level == "store"
    table = _of_store(shown) if is_store else _of_stores(shown)
    context = {"shown": shown, "table": table, "notes": shown.valuation.notes}
    return render(request, "valuation/reconciliation.html", context)


def _columns(first: str) -> list[Column]:
    return [
        Column("label", first),
        Column("order_rate", _("Margin rate of orders"), "percent"),
        Column("ledger_rate", _("Margin rate of the books"), "percent"),
        Column("factor", _("Factor"), "ratio"),
    ]


def _of_store(shown: Shown) -> Table:
    rows = [
        {**row, "label": row["month"]}
        for row in reversed(shown.valued.operations.get("margin_factors", []))
    ]
    empty = _("No books of this store: margins are those of the orders.")
    return Table(_columns(_("Month")), rows, _("Orders and books by month"), empty=empty)


def _of_stores(shown: Shown) -> Table:
    ids = {one.unit.pk: one.unit.name for one in shown.stores}
    units = (
        ValuedUnit.objects.visible_to(shown.access)
        .filter(valuation=shown.valuation, unit_id__in=ids)
        .only("unit_id", "operations")
        .order_by("unit_id")
    )
    rows = []
    for unit in units:
        known = unit.operations.get("margin_factors", [])
        medians = {
            name: _median([row[name] for row in known])
            for name in ("order_rate", "ledger_rate", "factor")
        }
        rows.append({"label": ids[unit.unit_id], "months": len(known), **medians})
    columns = [*_columns(_("Store")), Column("months", _("Months with books"), "integer")]
    return Table(columns, rows, _("Orders and books by store, median of the months"))


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None

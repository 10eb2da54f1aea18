"""The indicators page of a unit: every dimension with trend, target, band, peers; alarms; parts."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from organization.access import Access, Capability
from organization.models import Unit
from organization.requests import SignedInRequest
from valuation import tasks
from valuation.indicators import wording
from valuation.indicators.definition import DIMENSIONS, Definition
from valuation.indicators.definitions import of_dimension
from valuation.indicators.lines import alarms_of, figure_href, lines_of, open_tasks
from valuation.indicators.unit_months import (
    UnitMonths,
    recorded_months,
    unit_months,
)
from valuation.lineage.anchors import newest_rows
from valuation.shown import access_of, chosen_unit, crumbs_of, visible_units
from web.components import Tab
from web.tables import Column, Table


@require_safe
def unit_indicators(request: SignedInRequest, code: str | None = None) -> HttpResponse:
    """The page of a unit, by default the person's own; 404 outside the access."""
    access = access_of(request)
    units = visible_units(access)
    unit = chosen_unit(access, units, code)
    context: dict[str, Any] = {
        "unit": unit,
        "crumbs": crumbs_of(unit, units, "unit_indicators"),
        "may_record": access.may_everywhere(Capability.CREATE_VALUATION),
        "may_create_task": access.may(Capability.CREATE_TASK, unit.pk),
        "may_enter": access.may(Capability.CREATE_VALUATION, unit.pk),
    }
    months = recorded_months(access, unit)
    month = chosen_month(request.GET.get("month", ""), months)
    found = unit_months(access, unit, month) if month else None
    if found is None:
        return render(request, "valuation/indicators/nothing_yet.html", context)
    lines = lines_of(access, units, found)
    chosen = request.GET.get("by", "operations")
    chosen = chosen if chosen in DIMENSIONS else "operations"
    context |= {
        "found": found,
        "month": month,
        "months": [(one, f"{one:%Y-%m}") for one in months],
        "sections": [(DIMENSIONS[name], rows) for name, rows in lines.items()],  # type: ignore[index]
        "anomalies": [one for rows in lines.values() for one in rows if one.anomaly],
        "alarms": alarms_of(access, found),
        "tasks": open_tasks(access, unit).order_by("due_on", "pk")[:6],
        "parts": parts_table(access, units, found, chosen),
        "tabs": _tabs(month, chosen) if unit.level != Unit.Level.STORE else [],
        "missing": found.last.left_out.get("months", []),
    }
    return render(request, "valuation/indicators/unit.html", context)


def chosen_month(asked: str, months: list[dt.date]) -> dt.date | None:
    """The month of the address, by default the latest; 404 for one that was not recorded."""
    if not asked:
        return months[0] if months else None
    found = next((one for one in months if f"{one:%Y-%m}" == asked), None)
    if found is None:
        raise Http404(_("No indicators were recorded for that month."))
    return found


def _tabs(month: dt.date | None, chosen: str) -> list[Tab]:
    return [
        Tab(label, f"?by={name}&month={month:%Y-%m}#parts", name == chosen)
        for name, label in DIMENSIONS.items()
    ]


@dataclass(frozen=True)
class Part:
    """A child of the unit (or the unit itself, as the foot) with its figures of the month."""

    unit: Unit
    figures: Mapping[str, float | None]
    month: dt.date


def parts_table(
    access: Access, units: Mapping[int, Unit], found: UnitMonths, dimension: str
) -> Table | None:
    """Children side by side; the foot is the unit: sums add up to it, rates are made of sums."""
    below = [one for one in units.values() if one.parent_id == found.unit.pk]
    if not below:
        return None
    month = found.last.month
    rows = newest_rows(access, [one.pk for one in below], [month])
    parts = [Part(units[row.unit_id], row.figures, month) for row in rows]
    parts.sort(key=lambda one: one.unit.code)
    columns = [
        Column(
            "unit",
            _("Unit"),
            value=lambda row: row.unit.name,
            link=lambda row: f"{reverse('unit_indicators', args=[row.unit.code])}",
        ),
        *(_part_column(one) for one in of_dimension(dimension)),  # type: ignore[arg-type]
    ]
    total = Part(found.unit, found.last.figures, month)
    return Table(columns, parts, _("Parts of this unit"), total=total, tight=True, css="wide")


def _part_column(definition: Definition) -> Column:
    return Column(
        definition.key,
        definition.label,
        "figure",
        value=lambda row: wording.written(definition, row.figures.get(definition.key)),
        link=lambda row: figure_href(row.unit, definition.key, row.month),
    )


@require_POST
def record_now(request: SignedInRequest) -> HttpResponse:
    """Let the worker record the indicators of the group."""
    access = access_of(request)
    access.require_everywhere(Capability.CREATE_VALUATION)
    tenant_id, asked_by = access.tenant_id, access.label
    transaction.on_commit(lambda: tasks.record_indicators.delay(tenant_id, asked_by))
    messages.info(request, _("The indicators are being recorded; reload this page in a moment."))
    return redirect("indicators")

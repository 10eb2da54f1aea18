"""The load of the workshops by week, store and kind of work, as a page and as CSV."""

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from math import isfinite
from typing import Any

import numpy as np
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from ml.workload import LEAST_HISTORY, WEEKS, WORK, Estimate, of_stores, of_unit
from organization import audit
from organization.access import Capability
from organization.models import Unit
from organization.requests import SignedInRequest
from valuation.pictures import address
from valuation.segments.reading import Workshops, workshops
from valuation.segments.scope import Scope, scope_of
from web import charts, formats
from web.components import Tab
from web.spreadsheets import inert
from web.tables import Column, Table

KINDS: dict[str, Promise] = {
    "planned": gettext_lazy("Periodic service"),
    "repair": gettext_lazy("Repair"),
    "body": gettext_lazy("Body, paint and accidents"),
    "warranty": gettext_lazy("Warranty and recalls"),
    "other": gettext_lazy("Tyres, accessories, other"),
}
NAMES = tuple(WORK)


@require_safe
def workload(request: SignedInRequest, code: str) -> HttpResponse:
    """Thirteen weeks of a unit; ``?work=`` chooses one kind."""
    scope = scope_of(request, code, "workload")
    context: dict[str, Any] = {"scope": scope, "weeks": WEEKS, "least": LEAST_HISTORY}
    if scope.score_set is not None:
        found = workshops(scope.access, scope.score_set)
        places = _places(scope, found)
        context["short"] = found.history_weeks < LEAST_HISTORY
        if places and not context["short"]:
            context |= _figures(request, scope, found, places)
    return render(request, "valuation/segments/workload.html", context)


def _places(scope: Scope, found: Workshops) -> dict[int, Unit]:
    """Position in the arrays → store, of the visible stores with visits or customers."""
    stores = {store.pk: store for store in scope.stores}
    return {place: stores[pk] for place, pk in enumerate(found.ids) if pk in stores}


def _figures(
    request: SignedInRequest, scope: Scope, found: Workshops, places: Mapping[int, Unit]
) -> dict[str, Any]:
    work = request.GET.get("work", "")
    kind = NAMES.index(work) if work in NAMES else None
    own = of_unit(found.load, list(places), kind)
    mondays = _mondays(found)
    return {
        "works": [
            Tab(_("All work"), address(request.GET, work=None), kind is None),
            *(
                Tab(str(label), address(request.GET, work=name), name == work)
                for name, label in KINDS.items()
            ),
        ],
        "chart": _chart(own, mondays),
        "weeks_table": _weeks_table(found, own, list(places), kind, mondays),
        "stores_table": _stores_table(found, places, kind, mondays) if len(places) > 1 else None,
        "total": float(own.expected.sum()),
        "dispersion": own.dispersion,
        "inside": own.inside if isfinite(own.inside) else None,
    }


def _mondays(found: Workshops) -> list[date]:
    return [found.load.first + timedelta(weeks=week) for week in range(WEEKS)]


def _chart(own: Estimate, mondays: list[date]) -> charts.Figure:
    return charts.lines(
        _("Expected visits by week"),
        [f"{monday:%m-%d}" for monday in mondays],
        [(_("Expected visits"), [float(v) for v in own.expected[0]])],
        band=(
            _("80% interval"),
            [float(v) for v in own.low[0]],
            [float(v) for v in own.high[0]],
        ),
        noun=_("visits"),
        description=_("Weeks by their Monday; the first is the running one."),
    )


def _weeks_table(
    found: Workshops, own: Estimate, places: list[int], kind: int | None, mondays: list[date]
) -> Table:
    """A week a row: expected, interval, and (for all work) each kind."""
    shown = NAMES if kind is None else ()
    columns = [
        Column("monday", gettext_lazy("Week of"), "date"),
        Column("expected", gettext_lazy("Expected visits"), "decimal"),
        Column("low", gettext_lazy("Low (10%)"), "integer"),
        Column("high", gettext_lazy("High (90%)"), "integer"),
        *(Column(name, KINDS[name], "decimal", hide_on_phone=True) for name in shown),
    ]
    by_kind = found.load.expected[places].sum(axis=0)
    rows = [
        {
            "monday": monday,
            "expected": float(own.expected[0, week]),
            "low": float(own.low[0, week]),
            "high": float(own.high[0, week]),
            **{name: float(by_kind[NAMES.index(name), week]) for name in shown},
        }
        for week, monday in enumerate(mondays)
    ]
    return Table(columns, rows, _("By week"), tight=True)


def _stores_table(
    found: Workshops, places: Mapping[int, Unit], kind: int | None, mondays: list[date]
) -> Table:
    """A store a row, a week a column: expected visits and the interval beneath."""
    every = of_stores(found.load, kind)
    columns = [
        Column("store", gettext_lazy("Store")),
        *(Column(f"w{n}", f"{monday:%m-%d}", "figure") for n, monday in enumerate(mondays)),
    ]
    rows = [
        {"store": store.name, **{f"w{n}": _with_interval(every, place, n) for n in range(WEEKS)}}
        for place, store in places.items()
    ]
    return Table(columns, rows, _("By store, with the 80% interval"), tight=True, css="wide")


def _with_interval(every: Estimate, place: int, week: int) -> str:
    """ "23 (17–29)"."""
    expected, low, high = (
        formats.integer(float(one[place, week])) for one in (every.expected, every.low, every.high)
    )
    return f"{expected} ({low}–{high})"


@require_safe
def workload_csv(request: SignedInRequest, code: str) -> HttpResponse:
    """Every store, week and kind of work of the unit; recorded in the audit trail."""
    scope = scope_of(request, code, "workload", Capability.EXPORT_VALUE)
    if scope.score_set is None:
        raise Http404(_("There are no scores yet."))
    found = workshops(scope.access, scope.score_set)
    places = _places(scope, found)
    if not places or found.history_weeks < LEAST_HISTORY:
        raise Http404(_("There are too few weeks of visits for an interval."))
    out = io.StringIO()
    out.write("\ufeff")  # the mark that makes spreadsheets read UTF-8
    writer = csv.writer(out)
    writer.writerow(["store", "week", "work", "expected", "low_10", "high_90"])
    rows = list(_records(found, places))
    writer.writerows(rows)
    audit.record(
        scope.access,
        "workload.exported",
        f"score_set:{scope.score_set.pk}",
        unit=scope.unit.code,
        rows=len(rows),
    )
    response = HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8")
    name = f"{scope.unit.code}-workload-{scope.score_set.as_of}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _records(found: Workshops, places: Mapping[int, Unit]) -> Iterator[list[str]]:
    """One row a store, week and kind, and one for all kinds together."""
    mondays = _mondays(found)
    for number, name in [*enumerate(NAMES), (None, "all")]:
        every = of_stores(found.load, number)
        for place, store in places.items():
            for week, monday in enumerate(mondays):
                figures = (every.expected, every.low, every.high)
                written = [f"{np.round(one[place, week], 2):g}" for one in figures]
                yield [str(inert(store.code)), monday.isoformat(), name, *written]

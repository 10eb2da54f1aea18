"""Risk by value and the due calendar of a unit; every cell leads to its customers."""

from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from organization.requests import SignedInRequest
from valuation.pictures import address
from valuation.segments import cells
from valuation.segments.cells import Cell, DueCalendar
from valuation.segments.scope import Scope, scope_of
from web import charts
from web.components import Tab
from web.tables import Column, Table

MEASURES = {
    "value_fen": gettext_lazy("Lifetime value"),
    "margin_fen": gettext_lazy("12-month margin"),
    "customers": gettext_lazy("Customers"),
    "visits": gettext_lazy("Expected visits"),
}
_FIGURES = [
    Column("customers", gettext_lazy("Customers"), "integer"),
    Column("visits", gettext_lazy("Expected visits, 12 months"), "decimal", hide_on_phone=True),
    Column("margin_fen", gettext_lazy("12-month margin"), "money", hide_on_phone=True),
    Column("value_fen", gettext_lazy("Lifetime value"), "money"),
]
CELL_COLUMNS = [
    Column("risk", gettext_lazy("Churn risk"), link=lambda row: row["href"], wrap=True),
    Column("grade", gettext_lazy("Grade")),
    *_FIGURES,
]
DUE_COLUMNS = [
    Column("label", gettext_lazy("Next service due"), link=lambda row: row["href"], wrap=True),
    *_FIGURES,
]


@require_safe
def start(request: SignedInRequest) -> HttpResponse:
    """The own unit's page."""
    return redirect("segments", code=scope_of(request, None, "segments").unit.code)


@require_safe
def segments(request: SignedInRequest, code: str) -> HttpResponse:
    """Risk by grade: customers, expected visits, margin and value of each cell."""
    scope = scope_of(request, code, "segments")
    context: dict[str, Any] = {"scope": scope}
    if scope.score_set is not None:
        stores = [store.pk for store in scope.stores]
        grid = cells.risk_by_grade(cells.scores_of(scope.access, scope.score_set, stores))
        measure = request.GET.get("measure", "")
        measure = measure if measure in MEASURES else "value_fen"
        context |= {
            "map": heat_map(scope, grid, measure),
            "table": grid_table(scope, grid),
            "measures": [
                Tab(str(label), address(request.GET, measure=name), name == measure)
                for name, label in MEASURES.items()
            ],
        }
    return render(request, "valuation/segments/segments.html", context)


def total_of(found: list[Cell]) -> Cell:
    total = Cell()
    for cell in found:
        total.add(cell.as_row())
    return total


def heat_map(scope: Scope, grid: dict[tuple[str, str], Cell], measure: str) -> charts.HeatMap:
    """One measure of every cell; counts as shares of the unit's."""
    money = measure.endswith("_fen")
    whole = getattr(total_of(list(grid.values())), measure) or 1
    risk_of = {str(label): risk for risk, label in cells.RISKS.items()}
    rows = []
    for label, risk in risk_of.items():
        row = [grid[risk, grade] for grade in cells.GRADES]
        figures = [
            (getattr(cell, measure) / (1 if money else whole)) if cell.customers else None
            for cell in row
        ]
        rows.append((label, sum(cell.customers for cell in row), figures))

    def href(label: str, column: int) -> str:
        return scope.list_href(f"risk={risk_of[label]}&grade={cells.GRADES[column]}")

    return charts.HeatMap(
        _("Churn risk by customer grade"),
        [_("Grade %(grade)s") % {"grade": grade} for grade in cells.GRADES],
        rows,
        row_label=_("Churn risk"),
        size_label=_("Customers"),
        low=0.0,
        digits=1,
        kind="money" if money else "percent",
        href=href,
    )


def grid_table(scope: Scope, grid: dict[tuple[str, str], Cell]) -> Table:
    """Every cell with somebody in it; the foot is the unit, to which they sum."""
    rows = [
        {
            # A word that this version does not know is shown as it stands in the scores.
            "risk": str(cells.RISKS.get(risk, risk)),
            "grade": grade,
            "href": scope.list_href(f"risk={risk}&grade={grade}"),
            **cell.as_row(),
        }
        for (risk, grade), cell in grid.items()
        if cell.customers
    ]
    total = {"risk": _("Total"), "grade": " ", "href": "", **total_of(list(grid.values())).as_row()}
    return Table(CELL_COLUMNS, rows, _("Every cell"), total=total, tight=True)


@require_safe
def due_calendar(request: SignedInRequest, code: str) -> HttpResponse:
    """Whose next service is due in which week, and who is overdue for how long; by unit below."""
    scope = scope_of(request, code, "due_calendar")
    context: dict[str, Any] = {"scope": scope}
    if scope.score_set is not None:
        stores = [store.pk for store in scope.stores]
        rows = cells.scores_of(scope.access, scope.score_set, stores)
        calendar = cells.due_calendar(rows, scope.score_set.as_of)
        context |= {
            "chart": due_chart(calendar),
            "table": due_table(scope, calendar),
            "below": below_table(scope, calendar) if scope.children else None,
        }
    return render(request, "valuation/segments/due.html", context)


def short_label(calendar: DueCalendar, name: str) -> str:
    """The class in as few signs as a column has room for."""
    if name in cells.OVERDUE:
        first, last = cells.OVERDUE[name]
        return f"−{first}…{last}" if last else f"> {first - 1}"
    if name in cells.DUE_LABELS:
        return str(cells.DUE_LABELS[name])
    week = int(name.removeprefix("week"))
    return f"{calendar.monday + timedelta(weeks=week):%m-%d}"


def due_chart(calendar: DueCalendar) -> charts.Figure:
    weeks = [name for name in calendar.whole if name.startswith("week")]
    return charts.bars(
        _("Services due by week"),
        [short_label(calendar, name) for name in weeks],
        [calendar.whole[name].customers for name in weeks],
        noun=_("customers"),
        description=_("Weeks by their Monday; the first is the running one."),
    )


def due_table(scope: Scope, calendar: DueCalendar) -> Table:
    rows = [
        {
            "name": name,
            "label": cells.due_label(name, calendar.monday),
            "href": scope.list_href(f"due={name}"),
            **cell.as_row(),
        }
        for name, cell in calendar.whole.items()
    ]
    total = {"name": "", "label": _("Total"), "href": ""}
    total |= total_of(list(calendar.whole.values())).as_row()
    return Table(
        DUE_COLUMNS,
        rows,
        _("By next due service"),
        total=total,
        tone=lambda row: "bad" if row["name"] in cells.OVERDUE and row["customers"] else "",
        tight=True,
    )


def below_table(scope: Scope, calendar: DueCalendar) -> Table:
    """Customers of each unit below by class; the foot is the unit."""

    def words(name: str) -> str:
        return cells.due_label(name, calendar.monday)

    columns = [
        Column("unit", gettext_lazy("Unit"), link=lambda row: row["href"]),
        *(
            Column(
                name,
                short_label(calendar, name),
                "integer",
                help=cells.due_label(name, calendar.monday),
            )
            for name in calendar.whole
        ),
    ]
    rows = []
    for child in scope.children:
        own = calendar.of_stores([store.pk for store in scope.stores_of(child)])
        counts = {name: cell.customers for name, cell in own.items()}
        rows.append({"unit": child.name, "href": _page_of(child.code), **counts})
    total = {name: cell.customers for name, cell in calendar.whole.items()}
    foot = {"unit": _("Total"), **total}
    return Table(columns, rows, _("Customers by unit"), total=foot, tight=True, css="wide")


def _page_of(code: str) -> str:
    return reverse("due_calendar", args=[code])

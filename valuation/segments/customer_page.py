"""The customers of one cell, masked as the reader's role has it, as a page and as CSV."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.http import Http404, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from customers.contact import shown_name
from customers.models import Customer
from ml.models import Score
from organization import audit
from organization.access import Capability
from organization.requests import SignedInRequest
from valuation.segments.cells import Filter, scores_of
from valuation.segments.scope import Scope, scope_of
from web.paging import page_number, slice_page
from web.spreadsheets import inert
from web.tables import Column, Table

PAGE = 50
LARGEST_FILE = 100_000
_CHUNK = 5000


@dataclass(frozen=True)
class Line:
    name: str
    uid: str
    store: str
    last_visit_on: date | None
    due_on: date | None
    churn_12m: float
    grade: str
    visits: float
    margin_fen: int
    value_fen: int

    @property
    def href(self) -> str:
        return reverse("customer", args=[self.uid])


COLUMNS = [
    Column("name", gettext_lazy("Customer"), link=lambda row: row.href),
    Column("store", gettext_lazy("Home store"), hide_on_phone=True),
    Column("last_visit_on", gettext_lazy("Last visit"), "date", hide_on_phone=True),
    Column("due_on", gettext_lazy("Service due"), "date", hide_on_phone=True),
    Column("churn_12m", gettext_lazy("Churn, 12 months"), "whole_percent"),
    Column("grade", gettext_lazy("Grade"), hide_on_phone=True),
    Column("visits", gettext_lazy("Expected visits, 12 months"), "decimal", hide_on_phone=True),
    Column("margin_fen", gettext_lazy("12-month margin"), "money_exact", hide_on_phone=True),
    Column("value_fen", gettext_lazy("Lifetime value"), "money_exact"),
]


def lines_of(scope: Scope, scores: Iterable[Score]) -> list[Line]:
    """In the order of ``scores``, without customers that the access does not see."""
    scores = list(scores)
    people = Customer.objects.visible_to(scope.access, Capability.SEE_CUSTOMERS).in_bulk(
        [one.customer_id for one in scores]
    )
    return [
        Line(
            shown_name(scope.access, people[one.customer_id]),
            str(people[one.customer_id].uid),
            scope.units[one.store_id].name,
            one.last_visit_on,
            one.due_on,
            one.churn_12m,
            one.grade,
            one.expected_visits_12m,
            one.expected_margin_12m_fen,
            one.ltv_fen,
        )
        for one in scores
        if one.customer_id in people
    ]


@require_safe
def customers(request: SignedInRequest, code: str) -> HttpResponse:
    """Customers of a cell by value; ``?risk=``, ``?grade=`` and ``?due=`` choose it."""
    scope = scope_of(request, code, "segment_customers", Capability.SEE_CUSTOMERS)
    chosen = Filter.of(request.GET)
    context: dict[str, object] = {"scope": scope, "chosen": chosen}
    if scope.score_set is not None:
        rows = scores_of(scope.access, scope.score_set, [store.pk for store in scope.stores])
        rows = chosen.chosen(rows, scope.score_set.as_of).order_by("-ltv_fen", "customer_id")
        page = slice_page(rows.defer("reasons", "evidence"), page_number(request.GET.get("page")))
        context |= {
            "page": page,
            "table": Table(COLUMNS, lines_of(scope, page.object_list), _("Customers")),
            "words": chosen.words(scope.score_set.as_of),
            "csv_href": f"{reverse('segment_csv', args=[code])}?{chosen.query}",
        }
    return render(request, "valuation/segments/customers.html", context)


@require_safe
def customers_csv(request: SignedInRequest, code: str) -> HttpResponse:
    """The same customers as a file, masked as on the page; recorded in the audit trail."""
    needed = (Capability.SEE_CUSTOMERS, Capability.EXPORT_VALUE)
    scope = scope_of(request, code, "segment_customers", *needed)
    if scope.score_set is None:
        raise Http404(_("There are no scores yet."))
    chosen = Filter.of(request.GET)
    rows = scores_of(scope.access, scope.score_set, [store.pk for store in scope.stores])
    rows = chosen.chosen(rows, scope.score_set.as_of).order_by("-ltv_fen", "customer_id")
    found = list(rows.defer("reasons", "evidence", "tags")[: LARGEST_FILE + 1])
    if len(found) > LARGEST_FILE:
        return HttpResponseBadRequest(
            _("A file holds at most %(limit)s customers: choose a smaller unit or cell.")
            % {"limit": LARGEST_FILE}
        )
    out = io.StringIO()
    out.write("\ufeff")  # the mark that makes spreadsheets read UTF-8
    writer = csv.writer(out)
    writer.writerow([str(column.label) for column in COLUMNS] + ["ID"])
    written = 0
    for start in range(0, len(found), _CHUNK):
        lines = lines_of(scope, found[start : start + _CHUNK])
        writer.writerows(_record(line) for line in lines)
        written += len(lines)
    audit.record(
        scope.access,
        "segment.exported",
        f"score_set:{scope.score_set.pk}",
        unit=scope.unit.code,
        cell=chosen.query,
        rows=written,
    )
    response = HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8")
    name = f"{scope.unit.code}-customers-{scope.score_set.as_of}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _record(line: Line) -> list[object]:
    return [
        inert(line.name),
        inert(line.store),
        line.last_visit_on or "",
        line.due_on or "",
        f"{line.churn_12m:.4f}",
        line.grade,
        f"{line.visits:.3f}",
        f"{line.margin_fen / 100:.2f}",
        f"{line.value_fen / 100:.2f}",
        line.uid,
    ]

"""Valued customers without anything that names or singles out a person: for auditors.

A row has the valuation's random pseudonym, its figures, and of the person two coarse facts: city
and decade of birth. Where fewer than ``FEWEST`` customers of the group share both, the city is left
out; where fewer share the decade, that too (k-anonymity, Sweeney 2002). Store, vehicle, dates and
contact data are not in it at all; of an erased person only the figures are left.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import ExtractYear
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from customers.models import Customer
from organization.access import Access, entered
from organization.requests import SignedInRequest
from valuation.drilldown import SEGMENTS
from valuation.models import Pseudonym, Valuation, ValuedCustomer
from valuation.shown import access_of, newest_valuation
from web.paging import page_number, slice_page
from web.tables import Column, Table

FEWEST = 5
PAGE = 50
_KEPT_SECONDS = 3600


@dataclass(frozen=True)
class Cells:
    """How many customers of the group share a city and decade, and a decade."""

    both: dict[tuple[str, int], int]
    decades: dict[int, int]

    def shown(self, city: str, year: int | None) -> tuple[str, str]:
        """City and decade ("1980s") as far as enough others share them."""
        if year is None:
            return "", ""
        decade = year // 10 * 10
        if self.both.get((city, decade), 0) >= FEWEST:
            return city, f"{decade}s"
        return "", f"{decade}s" if self.decades.get(decade, 0) >= FEWEST else ""


def cells_of(access: Access) -> Cells:
    """Counted over the whole group, whatever part of it ``access`` sees; kept for an hour."""
    key = f"deidentified-cells-{access.tenant_id}"
    counted = cache.get(key)
    if counted is None:
        with entered(Access.system(access.tenant_id, "sizes of de-identified cells")) as system:
            people = Customer.objects.visible_to(system).filter(birth_date__isnull=False)
            counted = list(
                people.values_list("city", ExtractYear("birth_date")).annotate(n=Count("pk"))
            )
        cache.set(key, counted, _KEPT_SECONDS)
    both: Counter[tuple[str, int]] = Counter()
    decades: Counter[int] = Counter()
    for city, year, n in counted:
        both[city, year // 10 * 10] += n
        decades[year // 10 * 10] += n
    return Cells(dict(both), dict(decades))


def deidentified_rows(access: Access, valuation: Valuation) -> QuerySet[Any]:
    """Rows of the valuation that ``access`` sees; ``city`` and ``year`` are not to be shown raw."""
    person = Pseudonym.objects.visible_to(access).filter(pseudonym=OuterRef("pseudonym"))
    found: QuerySet[Any] = (
        ValuedCustomer.objects.visible_to(access)
        .filter(valuation=valuation)
        .annotate(
            city=Subquery(person.values("customer__city")[:1]),
            year=Subquery(person.values(y=ExtractYear("customer__birth_date"))[:1]),
        )
    )
    return found


@dataclass(frozen=True)
class Line:
    """One row as a page or the API shows it."""

    pseudonym: str
    segment: str
    first_quarter: str
    city: str
    generation: str
    value_fen: int
    undiscounted_fen: int


def line_of(row: Any, cells: Cells) -> Line:
    city, generation = cells.shown(row.city or "", row.year)
    return Line(
        str(row.pseudonym),
        row.segment,
        row.first_quarter,
        city,
        generation,
        row.value_fen,
        row.undiscounted_fen,
    )


COLUMNS = [
    Column("pseudonym", gettext_lazy("Pseudonym"), wrap=True),
    Column("segment", gettext_lazy("Kind"), value=lambda line: SEGMENTS[line.segment]),
    Column("first_quarter", gettext_lazy("First visit"), hide_on_phone=True),
    Column("city", gettext_lazy("City"), hide_on_phone=True),
    Column("generation", gettext_lazy("Born in the"), hide_on_phone=True),
    Column("undiscounted_fen", gettext_lazy("Undiscounted"), "money_exact", hide_on_phone=True),
    Column("value_fen", gettext_lazy("Value"), "money_exact"),
]


@require_safe
def deidentified(request: SignedInRequest) -> HttpResponse:
    """The newest valuation's rows, ordered by pseudonym: an order that says nothing."""
    access = access_of(request)
    valuation = newest_valuation(access)
    if valuation is None:
        return redirect("valuation_dashboard")
    rows = deidentified_rows(access, valuation).order_by("pseudonym")
    page = slice_page(rows, page_number(request.GET.get("page")), PAGE)
    cells = cells_of(access)
    table = Table(COLUMNS, [line_of(row, cells) for row in page.object_list], _("Rows"))
    return render(
        request,
        "valuation/deidentified.html",
        {
            "valuation": valuation,
            "table": table,
            "page": page,
            "fewest": FEWEST,
            "crumbs": [(_("Valuation"), reverse("valuation_dashboard"))],
        },
    )

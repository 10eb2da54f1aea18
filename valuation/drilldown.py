"""From a unit to its cohorts and, below them, to masked customers by value."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from customers.contact import shown_name
from customers.models import Customer
from organization.access import Access, Capability
from organization.requests import SignedInRequest
from valuation import pictures
from valuation.models import Pseudonym, ValuedCustomer
from valuation.shown import Shown, access_of, shown_unit
from web.paging import page_number, slice_page
from web.tables import Column, Table

PAGE = 50
NEVER = "never"
"""The cohort of customers who bought but have not come yet, in addresses."""


@dataclass(frozen=True)
class CohortLine:
    name: str
    label: str
    customers: int
    value_fen: int
    href: str

    @property
    def each_fen(self) -> int | None:
        return round(self.value_fen / self.customers) if self.customers else None


COHORT_COLUMNS = [
    Column("label", gettext_lazy("First visit"), link=lambda row: row.href),
    Column("customers", gettext_lazy("Customers"), "integer"),
    Column("value_fen", gettext_lazy("Value"), "money"),
    Column("each_fen", gettext_lazy("Value per customer"), "money"),
]


def cohort_lines(shown: Shown) -> list[CohortLine]:
    """Every cohort, and those who never came: they sum to the unit."""
    stored = shown.valued.cohorts
    base = reverse("valued_customers", args=[shown.unit.code])
    rows = zip(stored["quarters"], stored["customers"], stored["value_fen"], strict=True)
    found = [
        CohortLine(name, name, customers, value, f"{base}?cohort={name}")
        for name, customers, value in rows
        if customers
    ]
    found.reverse()
    if stored["unseen_customers"]:
        unseen = (stored["unseen_customers"], stored["unseen_value_fen"])
        found.append(CohortLine(NEVER, _("never came"), *unseen, f"{base}?cohort={NEVER}"))
    return found


def cohort_table(shown: Shown) -> Table:
    """Cohorts with their value; the foot is the unit, to which they sum."""
    total = CohortLine("", _("Total"), shown.valued.customers, shown.valued.expected_fen, "")
    lines = cohort_lines(shown)
    return Table(COHORT_COLUMNS, lines, _("Value by cohort"), total=total, tight=True, css="tall")


@require_safe
def cohorts(request: SignedInRequest, code: str) -> HttpResponse:
    """All cohorts of a unit: the whole heat map, and a table that sums to the unit."""
    shown = shown_unit(access_of(request), code)
    if shown is None:
        return redirect("valuation_dashboard")
    measure = pictures.chosen_measure(request.GET)
    return render(
        request,
        "valuation/cohorts.html",
        {
            "shown": shown,
            "table": cohort_table(shown),
            "tabs": pictures.measure_tabs(request.GET),
            "map": pictures.cohort_map(shown, measure, None),
        },
    )


@dataclass(frozen=True)
class CustomerLine:
    """A valued customer: under a name where the access may see customers, else a pseudonym."""

    label: str
    href: str
    store: str
    first_quarter: str
    segment: str
    p_alive: float
    visits: float
    value_fen: int


CUSTOMER_COLUMNS = [
    Column("label", gettext_lazy("Customer"), link=lambda row: row.href, wrap=True),
    Column("store", gettext_lazy("Home store"), hide_on_phone=True),
    Column("first_quarter", gettext_lazy("First visit"), hide_on_phone=True),
    Column("segment", gettext_lazy("Kind"), hide_on_phone=True),
    Column("visits", gettext_lazy("Expected visits"), "decimal", hide_on_phone=True),
    Column("value_fen", gettext_lazy("Value"), "money_exact"),
]
SEGMENTS = {"person": gettext_lazy("Person"), "organisation": gettext_lazy("Organisation")}


@require_safe
def customers(request: SignedInRequest, code: str) -> HttpResponse:
    """Customers of a unit, or of one of its cohorts, by value; pseudonyms for auditors."""
    access = access_of(request)
    shown = shown_unit(access, code)
    if shown is None:
        return redirect("valuation_dashboard")
    cohort = request.GET.get("cohort", "")
    stores = [
        one for one in shown.units.values() if one.level == "store" and shown.unit.pk in one.path
    ]
    rows = ValuedCustomer.objects.visible_to(access).filter(
        valuation=shown.valuation, store_id__in=[store.pk for store in stores]
    )
    if cohort:
        rows = rows.filter(first_quarter="" if cohort == NEVER else cohort)
    page = slice_page(
        rows.order_by("-value_fen", "pseudonym"), page_number(request.GET.get("page")), PAGE
    )
    names = {store.pk: store.name for store in stores}
    table = Table(CUSTOMER_COLUMNS, _lines(access, page.object_list, names), _("Customers"))
    return render(
        request,
        "valuation/customers.html",
        {
            "shown": shown,
            "cohort": _("never came") if cohort == NEVER else cohort,
            "page": page,
            "table": table,
            "identified": access.may(Capability.SEE_CUSTOMERS),
        },
    )


def _lines(access: Access, rows: Any, stores: dict[int, str]) -> list[CustomerLine]:
    known = _known(access, [row.pseudonym for row in rows])
    found = []
    for row in rows:
        customer = known.get(row.pseudonym)
        _dv, _dm, visits, *_rest, p_alive, _cap = row.scalars
        found.append(
            CustomerLine(
                shown_name(access, customer) if customer else str(row.pseudonym)[:8],
                reverse("customer", args=[customer.uid]) if customer else "",
                stores.get(row.store_id, ""),
                row.first_quarter or _("never came"),
                str(SEGMENTS[row.segment]),
                p_alive,
                visits,
                row.value_fen,
            )
        )
    return found


def _known(access: Access, pseudonyms: list[Any]) -> dict[Any, Customer]:
    """The people behind pseudonyms, of stores whose customers the access sees, if not erased."""
    links = dict(
        Pseudonym.objects.visible_to(access)
        .filter(pseudonym__in=pseudonyms)
        .values_list("customer_id", "pseudonym")
    )
    people = Customer.objects.visible_to(access, Capability.SEE_CUSTOMERS).filter(pk__in=links)
    return {links[one.pk]: one for one in people}

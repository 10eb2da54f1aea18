"""The page of customers: search, filter by tag and store, order, page."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.db.models import Max
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from customers import scores, tags
from customers.contact import shown_name, shown_plate, shown_vin
from customers.follow_up_list import chosen_store, visible_stores
from customers.known_elsewhere import known_elsewhere
from customers.models import Customer, CustomerTag, Ownership, Visit
from customers.search import Listing, Query, customer_ids, sees_masked
from organization.access import Access, Capability, acting
from organization.models import Unit
from organization.requests import SignedInRequest
from web.components import Badge
from web.paging import Slice, page_number

PAGE = 50


@dataclass(frozen=True)
class Line:
    """One row of the list."""

    customer: Customer
    name: str
    car: str
    cars: int
    last_visit_on: date | None
    tags: list[Badge]
    ltv_fen: int | None = None

    @property
    def href(self) -> str:
        return reverse("customer", args=[self.customer.uid])


class FilterForm(forms.Form):
    """The filters of the list; all optional."""

    def __init__(self, access: Access, stores: list[Unit], *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        self.fields["q"] = forms.CharField(
            label=_("Plate, mobile, VIN or name"),
            required=False,
            widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
        )
        self.fields["tag"] = forms.ChoiceField(
            label=_("Tag"),
            required=False,
            choices=[("", _("All")), *((r.code, r.label) for r in tags.RULES)],
        )
        if len(stores) > 1:
            self.fields["store"] = forms.ChoiceField(
                label=_("Home store"),
                required=False,
                choices=[("", _("All")), *((s.code, s.name) for s in stores)],
            )
        sorts = [("last_visit", _("Last visit")), ("name", _("Name"))]
        if access.may(Capability.SEE_PROBABILITIES):
            sorts.append(("value", _("Lifetime value")))
        self.fields["sort"] = forms.ChoiceField(label=_("Order"), required=False, choices=sorts)


@require_safe
def customers(request: SignedInRequest) -> HttpResponse:
    """The list; a search with a single hit goes straight to that customer."""
    access = acting(request.access, Capability.SEE_CUSTOMERS)
    stores = visible_stores(access)
    tag = request.GET.get("tag", "")
    listing = Listing(
        Query.of(request.GET.get("q", "")),
        tag if tag in tags.BY_CODE else "",
        chosen_store(request, stores),
        request.GET.get("sort", "") or "last_visit",
    )
    number = page_number(request.GET.get("page"))
    too_short = listing.query.too_short
    ids = [] if too_short else customer_ids(access, listing, number, PAGE)
    if listing.query.code and len(ids) == 1 and number == 1:
        only = Customer.objects.visible_to(access).get(pk=ids[0])
        return redirect("customer", uid=only.uid)
    lines = lines_of(access, ids[:PAGE])
    tenant = request.tenant
    return render(
        request,
        "customers/customers.html",
        {
            "lines": lines,
            "page": Slice(lines, number, PAGE, len(ids) > PAGE),
            "form": FilterForm(access, stores, request.GET),
            "listing": listing,
            "too_short": too_short,
            "elsewhere": not ids and known_elsewhere(access, tenant, listing.query) is not None,
            "filtered": bool(listing.query.raw or listing.tag or listing.store),
            "masked": sees_masked(access),
            "may_import": access.may_everywhere(Capability.IMPORT_DATA),
            "show_value": access.may(Capability.SEE_PROBABILITIES),
        },
    )


def lines_of(access: Access, ids: list[int]) -> list[Line]:
    """The rows in the order of ``ids``, in a constant number of queries."""
    found = Customer.objects.visible_to(access).select_related("home_store", "advisor").in_bulk(ids)
    cars: dict[int, list[Ownership]] = {}
    for ownership in (
        Ownership.objects.visible_to(access)
        .filter(customer_id__in=ids, owned_to=None)
        .select_related("vehicle")
        .order_by("pk")
    ):
        cars.setdefault(ownership.customer_id, []).append(ownership)
    last = dict(
        Visit.objects.visible_to(access)
        .filter(customer_id__in=ids, status__in=("open", "closed"))
        .values_list("customer_id")
        .annotate(last=Max("day"))
    )
    badges: dict[int, list[Badge]] = {}
    for tag in CustomerTag.objects.visible_to(access).filter(customer_id__in=ids):
        if rule := tags.BY_CODE.get(tag.code):
            badge = Badge(rule.label, rule.tone, title=rule.rule)  # type: ignore[arg-type]
            badges.setdefault(tag.customer_id, []).append(badge)
    values = _values(access, ids)
    return [
        Line(
            found[pk],
            shown_name(access, found[pk]),
            _car(access, cars.get(pk, [])),
            len(cars.get(pk, [])),
            last.get(pk),
            badges.get(pk, []),
            values.get(pk),
        )
        for pk in ids
        if pk in found
    ]


def _values(access: Access, ids: list[int]) -> dict[int, int]:
    """Lifetime value (fen) by customer, for those who may see it."""
    if not access.may(Capability.SEE_PROBABILITIES):
        return {}
    score_set = scores.current_set(access)
    if score_set is None:
        return {}
    rows = scores.scores_in(access, score_set, Capability.SEE_PROBABILITIES)
    rows = rows.filter(customer_id__in=ids)
    return dict(rows.values_list("customer_id", "ltv_fen"))


def _car(access: Access, owned: list[Ownership]) -> str:
    if not owned:
        return ""
    vehicle = owned[-1].vehicle
    plate = shown_plate(access, vehicle) if vehicle.plate else shown_vin(access, vehicle)
    return " · ".join(part for part in (plate, vehicle.series or vehicle.model) if part)

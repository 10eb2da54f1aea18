"""The follow-up list: whom to call, why, and what came of it by one key."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import (
    Count,
    F,
    FloatField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from customers import contacting, reasons, scores
from customers.actions import reasons_to_act
from customers.contact import (
    REVEAL_REASONS,
    customer_or_404,
    main_number,
    masked_number,
    may_reveal,
    shown_name,
    shown_plate,
    shown_vin,
)
from customers.dossier import dossier, facts_of
from customers.models import ContactPoint, Customer, FollowUp, Ownership, Vehicle
from customers.outcomes import BY_OUTCOME, RULES, OutcomeRefused, Rule, is_quiet, log_outcome
from customers.service_history import service_due
from organization.access import Access, Capability, acting
from organization.models import Unit
from organization.requests import SignedInRequest
from web import formats
from web.components import Tab
from web.paging import page_number, slice_page

VIEWS = {
    "now": gettext_lazy("To call now"),
    "overdue": gettext_lazy("Overdue"),
    "mine": gettext_lazy("Mine"),
    "later": gettext_lazy("Later"),
    "all": gettext_lazy("All open"),
}
SORTS = {"value": "-value_at_risk", "due": "due_on", "attempts": "-attempts"}
PAGE = 25


@dataclass(frozen=True)
class Line:
    """One row of the list, in words and figures."""

    follow_up: FollowUp
    name: str
    phone: str
    car: str
    series: str
    km_today: float | None
    last_service_on: date | None
    why: str
    overdue: bool
    value_at_risk_fen: float | None
    address: str = ""

    @property
    def label(self) -> Any:
        return reasons.kind_of(self.follow_up.reason).label


def open_rows(access: Access) -> QuerySet[Any]:
    """The open follow-ups that ``access`` covers, each marked ``blocked`` where the customer must
    not be contacted for it: do-not-contact, or marketing refused, duties apart."""
    rows: QuerySet[Any] = FollowUp.objects.visible_to(access).filter(closed_at=None)
    return rows.annotate(blocked=contacting.blocked(access))


def in_view(view: str, access: Access, today: date) -> Q:
    """The filter of a saved view."""
    ready = Q(next_on=None) | Q(next_on__lte=today)
    return {
        "now": ready & Q(due_on__lte=today),
        "overdue": ready & Q(due_on__lt=today),
        "mine": ready & Q(assigned_to_id=access.staff_id),
        "later": Q(next_on__gt=today) | Q(next_on=None, due_on__gt=today),
        "all": Q(),
    }[view]


def with_value_at_risk(access: Access, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Each row with ``value_at_risk`` (fen, float) of its customer in the current score set."""
    score_set = scores.current_set(access)
    if score_set is None:
        return rows.annotate(value_at_risk=Value(None, output_field=FloatField()))
    mine = scores.scores_in(access, score_set).filter(customer_id=OuterRef("customer_id"))
    at_risk = mine.annotate(at_risk=scores.value_at_risk_fen()).values("at_risk")[:1]
    return rows.annotate(value_at_risk=Subquery(at_risk, output_field=FloatField()))


def lines_of(access: Access, rows: Iterable[FollowUp], today: date) -> list[Line]:
    """Words and figures of the rows of one page, in a constant number of queries."""
    rows = list(rows)
    contacts: dict[int, list[ContactPoint]] = {}
    for contact in ContactPoint.objects.visible_to(access).filter(
        customer_id__in={r.customer_id for r in rows}
    ):
        contacts.setdefault(contact.customer_id, []).append(contact)
    due = service_due(access, today, sorted({r.vehicle_id for r in rows if r.vehicle_id}))
    return [_line(access, row, contacts.get(row.customer_id, []), due, today) for row in rows]


def _line(
    access: Access, row: FollowUp, contacts: list[ContactPoint], due: Any, today: date
) -> Line:
    vehicle = row.vehicle
    known = due.loc[row.vehicle_id] if row.vehicle_id in due.index else None
    km = None if known is None or known["km_today"] != known["km_today"] else known["km_today"]
    last = None if known is None else known["last_service_on"]
    car = ""
    if vehicle is not None:
        car = shown_plate(access, vehicle) if vehicle.plate else shown_vin(access, vehicle)
    return Line(
        row,
        shown_name(access, row.customer),
        masked_number(main_number(contacts)),
        car,
        vehicle.series or vehicle.model if vehicle else "",
        km,
        None if last is None or last != last else last.date(),
        reasons.evidence_text(row.reason, row.evidence, today),
        row.due_on < today,
        row.value_at_risk,  # type: ignore[attr-defined]
    )


def _caller(request: SignedInRequest) -> Access:
    """The access at the stores where the person sees customers and follows them up."""
    access = request.access
    return acting(access, Capability.SEE_CUSTOMERS, Capability.FOLLOW_UP)


@require_safe
def follow_ups(request: SignedInRequest) -> HttpResponse:
    access = _caller(request)
    today = timezone.localdate()
    view = request.GET.get("view", "now")
    if view not in VIEWS:
        view = "now"
    base = open_rows(access)
    reason = request.GET.get("reason", "")
    if reason in reasons.BY_CODE:
        base = base.filter(reason=reason)
    stores = visible_stores(access)
    store = chosen_store(request, stores)
    if store is not None:
        base = base.filter(store=store)
    callable_rows = base.filter(held_out=False, blocked=False)
    sort = request.GET.get("sort", "value")
    order = SORTS.get(sort, SORTS["value"])
    rows = with_value_at_risk(access, callable_rows.filter(in_view(view, access, today)))
    page = slice_page(
        rows.select_related("customer", "vehicle", "contacted_by").order_by(
            F(order.removeprefix("-")).desc(nulls_last=True) if order[0] == "-" else order,
            "due_on",
            "pk",
        ),
        page_number(request.GET.get("page")),
        PAGE,
    )
    lines = lines_of(access, page.object_list, today)
    return render(
        request,
        "customers/follow_ups.html",
        {
            "view": view,
            "page": page,
            "counts": _counts(base, access, today),
            "tabs": _tabs(request, view),
            "reason": reason,
            "reasons": reasons.KINDS,
            "stores": stores,
            "store": store,
            "sort": sort if sort in SORTS else "value",
            "quiet": is_quiet(timezone.now()),
            "rules": RULES,
            "today": today,
            **_selection(request, lines, today),
            "reveal_reasons": REVEAL_REASONS,
        },
    )


def _counts(base: QuerySet[Any], access: Access, today: date) -> dict[str, int]:
    """How many are to be called, blocked and held out, under the list's filters."""
    free = Q(blocked=False, held_out=False)
    found = base.aggregate(
        waiting=Count("pk", filter=free & in_view("now", access, today)),
        late=Count("pk", filter=free & in_view("overdue", access, today)),
        left_out=Count("pk", filter=Q(blocked=True)),
        left_alone=Count("pk", filter=Q(held_out=True, blocked=False)),
    )
    return dict(found)


def _tabs(request: SignedInRequest, view: str) -> list[Tab]:
    query = request.GET.copy()
    tabs = []
    for code, label in VIEWS.items():
        for name in ("page", "row"):
            query.pop(name, None)
        query["view"] = code
        tabs.append(Tab(label, f"?{query.urlencode()}", code == view))
    return tabs


def _selection(request: SignedInRequest, lines: list[Line], today: date) -> dict[str, Any]:
    """The row in hand and the addresses of its neighbours; the first row where none is chosen."""
    if not lines:
        return {"lines": lines, "chosen": None}
    asked = request.GET.get("row", "")
    keys = [str(line.follow_up.pk) for line in lines]
    at = keys.index(asked) if asked in keys else 0
    query = request.GET.copy()

    def address(place: int) -> str:
        query["row"] = keys[place]
        return f"?{query.urlencode()}"

    following = at + 1 < len(keys)
    row = lines[at].follow_up
    row_phone_known = lines[at].phone != formats.NOT_KNOWN
    return {
        "lines": [replace(line, address=address(place)) for place, line in enumerate(lines)],
        "chosen": lines[at],
        "may_reveal": row_phone_known and may_reveal(request.access, row.customer),
        "opening": reasons.opening_line(row.reason, row.evidence, today),
        "before": address(at - 1) if at else "",
        "after": address(at + 1) if following else "",
        # After logging, the same place of the list shows the next one.
        "back": reverse("follow_ups") + address(at + 1 if following else 0),
    }


def visible_stores(access: Access) -> list[Unit]:
    """The stores that a person may choose among; one store is no choice."""
    stores = Unit.objects.visible_to(access).filter(level=Unit.Level.STORE).order_by("code")
    return [s for s in stores if access.covers(s.pk)]


def chosen_store(request: SignedInRequest, stores: list[Unit]) -> Unit | None:
    code = request.GET.get("store", "")
    return next((s for s in stores if s.code == code), None)


@require_POST
def follow_up_outcome(request: SignedInRequest, pk: int) -> HttpResponse:
    """Log what came of a call and go on to the next."""
    return _answer(request, pk, fallback=reverse("follow_ups"))


@require_POST
def customer_outcome(request: SignedInRequest, uid: UUID) -> HttpResponse:
    """Log a contact from the profile page, on the open follow-up of that reason or a new one."""
    access = _caller(request)
    customer = customer_or_404(access, uid)
    code = request.POST.get("reason", "")
    if code not in reasons.BY_CODE:
        return HttpResponseBadRequest(_("Choose the reason of the contact."))
    if request.POST.get("outcome") not in BY_OUTCOME:
        return HttpResponseBadRequest(_("Choose one of the outcomes shown."))
    if _needs_confirmation(request):
        return _confirm(request, access, customer, _asked_vehicle(request, access, customer))
    follow_up = _open_or_new(request, access, customer, code)
    return _answer(request, follow_up.pk, fallback=reverse("customer", args=[uid]))


def _asked_vehicle(request: SignedInRequest, access: Access, customer: Customer) -> Vehicle | None:
    """The customer's vehicle that the form names; None where it names none."""
    asked = request.POST.get("vehicle", "")
    if not asked.isdecimal() or len(asked) > 18:
        return None
    held = Ownership.objects.visible_to(access).filter(customer=customer, vehicle=int(asked))
    one = held.select_related("vehicle").first()
    return one.vehicle if one else None


def _open_or_new(
    request: SignedInRequest, access: Access, customer: Customer, code: str
) -> FollowUp:
    """The open follow-up of the reason; else one with the evidence as of today."""
    found: FollowUp | None = (
        FollowUp.objects.visible_to(access)
        .filter(customer=customer, reason=code, closed_at=None)
        .first()
    )
    today = timezone.localdate()
    if found is not None:
        if found.held_out:
            # The customer came or called by himself: the contact is logged, and he leaves the
            # hold-out, which counts only those left alone.
            FollowUp.objects.visible_to(access).filter(pk=found.pk).update(held_out=False)
        return found
    tenant = request.tenant
    record = dossier(access, tenant, customer, today)
    reason = next((r for r in reasons_to_act(facts_of(record)) if r.code == code), None)
    owned = {o.vehicle_id for o in record.owned}
    asked = request.POST.get("vehicle", "")
    vehicle_id = int(asked) if asked.isdecimal() and int(asked) in owned else None
    new: FollowUp = FollowUp.objects.create(
        tenant_id=access.tenant_id,
        store_id=_store_of(access, customer),
        customer=customer,
        vehicle_id=vehicle_id or (reason.vehicle_id if reason else None),
        reason=code,
        evidence=reason.evidence if reason else {},
        due_on=today,
        assigned_to_id=access.staff_id,
    )
    return new


def _store_of(access: Access, customer: Customer) -> int:
    """Where the follow-up belongs: the home store, or the store whose eyes the person has."""
    if access.covers(customer.home_store_id):
        return customer.home_store_id
    return next(store for store in customer.stores if access.covers(store))


def _rule(request: SignedInRequest) -> Rule | None:
    return BY_OUTCOME.get(request.POST.get("outcome", ""))


def _needs_confirmation(request: SignedInRequest) -> bool:
    rule = _rule(request)
    return bool(rule and rule.ends_ownership and request.POST.get("confirmed") != "yes")


def _confirm(
    request: SignedInRequest, access: Access, customer: Customer, vehicle: Vehicle | None
) -> HttpResponse:
    """Asks once more, and says whose ownership of which vehicle would end."""
    rule = _rule(request)
    kept = [
        (name, value)
        for name, value in request.POST.items()
        if name not in ("csrfmiddlewaretoken", "confirmed")
    ]
    return render(
        request,
        "customers/outcome_confirm.html",
        {
            "rule": rule,
            "kept": kept,
            "name": shown_name(access, customer),
            "car": f"{shown_plate(access, vehicle)} {vehicle.series}" if vehicle else "",
            "back": _back(request, reverse("follow_ups")),
        },
    )


def _answer(request: SignedInRequest, pk: int, fallback: str) -> HttpResponse:
    access = _caller(request)
    if _needs_confirmation(request):
        known = FollowUp.objects.visible_to(access).select_related("customer", "vehicle")
        row = get_object_or_404(known, pk=pk)
        return _confirm(request, access, row.customer, row.vehicle)
    raw = request.POST.get("next_on", "")
    try:
        next_on = parse_date(raw) if raw else None
        if raw and next_on is None:
            raise ValueError(raw)
    except ValueError:
        return HttpResponseBadRequest(_("The next date must be written YYYY-MM-DD."))
    try:
        follow_up = log_outcome(
            access,
            pk,
            request.POST.get("outcome", ""),
            now=timezone.now(),
            next_on=next_on,
            note=request.POST.get("note", ""),
        )
    except OutcomeRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(
            request,
            _("Logged: %(outcome)s.") % {"outcome": follow_up.get_outcome_display()},
        )
    return redirect(_back(request, fallback))


def _back(request: SignedInRequest, fallback: str) -> str:
    asked = request.POST.get("back", "")
    fine = url_has_allowed_host_and_scheme(
        asked, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    # Only a path: `redirect` takes a bare word for the name of a page.
    return asked if asked.startswith("/") and fine else fallback

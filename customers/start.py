"""The first page after sign-in: what this person does first today."""

from datetime import timedelta
from typing import Any

from django.db.models import Count, F, Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from customers import reasons
from customers.contact import shown_name, shown_plate
from customers.customer_list import visible_stores
from customers.follow_up_list import in_view, lines_of, open_rows, with_value_at_risk
from customers.models import Event, FollowUp, Survey, Task, Visit
from customers.outcomes import is_quiet
from customers.staffing import staff_label
from customers.task_owners import own_first
from organization.access import Access, Capability, acting
from organization.models import Role, Unit
from organization.requests import SignedInRequest

FIRST_CALLS = 10
WORST = 5
# Roles that begin elsewhere, in order of precedence: the address they are sent to.
ELSEWHERE = (
    (Role.EXECUTIVE, "valuation_dashboard"),
    (Role.MANAGER, "valuation_dashboard"),
    (Role.ANALYST, "valuation_dashboard"),
    (Role.AUDITOR, "valuation_dashboard"),
    (Role.DATA_STEWARD, "imports"),
    (Role.ADMINISTRATOR, "people"),
)


@require_safe
def start(request: SignedInRequest) -> HttpResponse:
    """The start page of the role; a person with several roles gets the one that works hands-on."""
    access = request.access
    if Role.ADVISOR in access.roles:
        return _advisor(request, access)
    if Role.MANAGER in access.roles and _leads_a_store(access):
        return _store_manager(request, access)
    for role, url_name in ELSEWHERE:
        if role in access.roles:
            return redirect(url_name)
    return render(request, "customers/start_nobody.html", status=403)


def _leads_a_store(access: Access) -> bool:
    home = Unit.objects.visible_to(access).filter(pk=access.home_unit_id).first()
    return home is not None and home.level == Unit.Level.STORE


def _today(access: Access) -> dict[str, Any]:
    """Appointments and arrivals of today at the stores in view."""
    today = timezone.localdate()
    appointments = (
        Event.objects.visible_to(access)
        .filter(kind=Event.Kind.APPOINTMENT, day=today)
        .exclude(status="cancelled")
        .select_related("customer", "vehicle")
        .annotate(staff_label=staff_label(access, "staff_name"))
        .order_by("happened_at", "pk")[:50]
    )
    arrivals = (
        Visit.objects.visible_to(access)
        .filter(day=today)
        .exclude(status__in=("cancelled", "credit"))
        .select_related("customer", "vehicle", "advisor")
        .order_by("-opened_at", "-pk")[:50]
    )
    return {
        "today": today,
        "appointments": [_row(access, a, a.staff_label) for a in appointments],
        "arrivals": [_row(access, v, v.advisor_label) for v in arrivals],
        "quiet": is_quiet(timezone.now()),
    }


def _row(access: Access, row: Any, advisor: str) -> dict[str, Any]:
    vehicle, customer = row.vehicle, row.customer
    return {
        "row": row,
        "customer": customer,
        "name": shown_name(access, customer) if customer else "",
        "plate": shown_plate(access, vehicle) if vehicle else "",
        "series": (vehicle.series or vehicle.model) if vehicle else "",
        "advisor": advisor,
    }


def _advisor(request: SignedInRequest, access: Access) -> HttpResponse:
    access = acting(access, Capability.SEE_CUSTOMERS, Capability.FOLLOW_UP)
    today = timezone.localdate()
    ready = open_rows(access).filter(in_view("now", access, today), held_out=False, blocked=False)
    first = with_value_at_risk(access, ready).select_related("customer", "vehicle", "contacted_by")
    by_value = first.order_by(F("value_at_risk").desc(nulls_last=True), "due_on", "pk")
    lines = lines_of(access, by_value[:FIRST_CALLS], today)
    return render(
        request,
        "customers/start_advisor.html",
        {**_today(access), "lines": lines, "waiting": ready.count()},
    )


def _store_manager(request: SignedInRequest, access: Access) -> HttpResponse:
    access = acting(access, Capability.SEE_CUSTOMERS, Capability.FOLLOW_UP)
    today = timezone.localdate()
    rows = open_rows(access).filter(held_out=False, blocked=False)
    totals = (
        rows.values("reason")
        .annotate(
            open=Count("pk"),
            overdue=Count("pk", filter=in_view("overdue", access, today)),
            untouched=Count("pk", filter=Q(attempts=0)),
        )
        .order_by("-overdue", "reason")
    )
    to_do = Task.objects.visible_to(access, Capability.CREATE_TASK).filter(
        status__in=(Task.Status.OPEN, Task.Status.REOPENED)
    )
    tasks = own_first(to_do.select_related("unit", "owner"), access)[:10]
    return render(
        request,
        "customers/start_store.html",
        {
            **_today(access),
            "tasks": tasks,
            "totals": [{**row, "label": reasons.kind_of(row["reason"]).label} for row in totals],
            "worst": _worst(access),
            "outcomes": _outcomes(access),
            "stores": visible_stores(access),
        },
    )


def _worst(access: Access) -> dict[str, Any]:
    """What a manager looks at himself: open complaints and the lowest answers of 30 days."""
    today = timezone.localdate()
    month = timedelta(days=30)
    complaints = (
        Event.objects.visible_to(access)
        .filter(kind=Event.Kind.COMPLAINT, status="open")
        .select_related("customer", "vehicle")
        .annotate(staff_label=staff_label(access, "staff_name"))
        .order_by("day", "pk")[:WORST]
    )
    answers = (
        Survey.objects.visible_to(access)
        .filter(day__gt=today - month, score__lte=6, customer__isnull=False)
        .select_related("customer", "vehicle")
        .order_by("score", "-day", "-pk")[:WORST]
    )
    return {
        "complaints": [_row(access, e, e.staff_label) for e in complaints],
        "answers": [_row(access, s, "") for s in answers],
    }


def _outcomes(access: Access) -> list[tuple[Any, int]]:
    """What came of the contacts of the last 30 days."""
    since = timezone.now() - timedelta(days=30)
    found = (
        FollowUp.objects.visible_to(access)
        .filter(contacted_at__gte=since)
        .values_list("outcome")
        .annotate(count=Count("pk"))
        .order_by("-count")
    )
    return [(FollowUp.Outcome(code).label, count) for code, count in found if code]

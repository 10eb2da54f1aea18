"""Pages of identity: the queue of proposals, the history of decisions, one customer's numbers.

For those who answer for the data of the stores concerned: who imports, and sees customers there.
Stores are usually companies of their own, so a decision about a customer takes somebody who covers
all of his stores; to everybody else the proposal does not exist.
"""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from customers.contact import customer_or_404, shown_name
from customers.identity.comparison import compare
from customers.identity.decisions import (
    LATER_DAYS,
    DecisionRefused,
    covers,
    keep_apart,
    merge,
    own_customer,
    put_off,
    split,
    undo,
)
from customers.identity.queue import next_waiting, undecided, waiting
from customers.identity.words import AGAINST, EVIDENCE
from customers.models import Customer, CustomerSource, MergeDecision
from organization.access import Access, Capability, acting
from organization.requests import SignedInRequest
from web.components import Badge, Tab
from web.paging import page_number, slice_page

PAGE = 30
MOST_COUNTED = 1_000


def _stewarding(request: SignedInRequest) -> Access:
    return acting(request.access, Capability.SEE_CUSTOMERS, Capability.IMPORT_DATA)


def _evidence(codes: Any) -> list[Badge]:
    """What was observed, in words; what speaks against it stands out."""
    return [
        Badge(EVIDENCE[code], "warn" if code in AGAINST else "good")
        for code in codes
        if code in EVIDENCE
    ]


@require_safe
def review(request: SignedInRequest) -> HttpResponse:
    """One proposal at a time, both customers side by side."""
    access = _stewarding(request)
    asked = request.GET.get("proposal", "")
    today = timezone.localdate()
    found = next_waiting(access, today, int(asked) if asked.isdecimal() else None)
    context: dict[str, Any] = {"waiting": None}
    if found is not None:
        left = waiting(access, today)[: MOST_COUNTED + 1].count()
        context = {
            "waiting": found,
            "left": min(left, MOST_COUNTED),
            "more": left > MOST_COUNTED,
            "evidence": _evidence(found.proposal.evidence),
            "rows": compare(access, found.a, found.b),
            "names": [shown_name(access, c) for c in (found.a, found.b)],
            "later_days": LATER_DAYS,
        }
    context["put_off"] = found is None and undecided(access).exists()
    return render(request, "customers/identity/review.html", context)


@require_POST
def decide(request: SignedInRequest, pk: int) -> HttpResponse:
    """Merge, keep apart or put off; then the next one at once."""
    access = _stewarding(request)
    proposal = get_object_or_404(undecided(access), pk=pk)
    said = request.POST.get("decision", "")
    if said == "later":
        put_off(access, proposal)
        return redirect("identity_review")
    if said not in ("one", "two"):
        return HttpResponseBadRequest(_("Choose: one customer, two, or later."))
    a, b = (
        get_object_or_404(Customer.objects.visible_to(access), pk=customer)
        for customer in (proposal.customer_a, proposal.customer_b)  # type: ignore[attr-defined]
    )
    act = merge if said == "one" else keep_apart
    try:
        act(access, a, b, proposal.evidence)
    except DecisionRefused as refusal:
        messages.error(request, str(refusal))
    else:
        text = _("Merged.") if said == "one" else _("Kept apart.")
        messages.success(request, text + " " + _("The history has it, with an undo."))
    return redirect("identity_review")


@require_safe
def history(request: SignedInRequest) -> HttpResponse:
    """Decisions, newest first: those of people, or those made without asking."""
    access = _stewarding(request)
    by_rule = request.GET.get("by") == "rule"
    rows = _visible(access).order_by("-pk")
    if by_rule:
        rows = rows.filter(automatic=True, undone_at=None)
    else:
        rows = rows.filter(Q(automatic=False) | Q(undone_at__isnull=False))
    page = slice_page(rows, page_number(request.GET.get("page")), PAGE)
    lines = [
        {
            "decision": decision,
            "evidence": _evidence(decision.evidence.get("by", ())),
            "numbers": [_number(access, n) for n in (decision.source_a, decision.source_b)],
        }
        for decision in page.object_list
    ]
    tabs = [
        Tab(_("Decided by people"), "?", not by_rule),
        Tab(_("Merged by rule"), "?by=rule", by_rule),
    ]
    return render(
        request, "customers/identity/history.html", {"lines": lines, "page": page, "tabs": tabs}
    )


def _visible(access: Access) -> Any:
    """Decisions about numbers of stores that ``access`` covers, both of them."""
    rows = MergeDecision.objects.visible_to(access).select_related(
        *("source_a__store", "source_b__store", "source_a__customer", "source_b__customer")
    )
    if access.reach.everything:
        return rows
    mine = sorted(access.reach.ids)
    return rows.filter(source_a__store__in=mine, source_b__store__in=mine)


def _number(access: Access, number: CustomerSource) -> dict[str, Any]:
    return {
        "name": _number_name(access, number),
        "where": f"{number.store.name} · {number.customer_no}",
        "uid": number.customer.uid,
    }


@require_POST
def undo_decision(request: SignedInRequest, pk: int) -> HttpResponse:
    access = _stewarding(request)
    decision = get_object_or_404(_visible(access), pk=pk)
    try:
        undo(access, decision)
    except DecisionRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Undone: the records are as the other decisions leave them."))
    return redirect("identity_history")


@require_safe
def numbers(request: SignedInRequest, uid: UUID) -> HttpResponse:
    """One customer's numbers, what merged them, and a way to take one out."""
    access = _stewarding(request)
    customer = customer_or_404(access, uid)
    mine = list(
        CustomerSource.objects.visible_to(access)
        .filter(customer=customer)
        .select_related("store")
        .order_by("pk")
    )
    own = {number.pk: own_customer(number) for number in mine}
    by_number: dict[int, list[MergeDecision]] = {}
    keys = list(own)
    merges = (
        MergeDecision.objects.visible_to(access)
        .filter(Q(source_a__in=keys) | Q(source_b__in=keys), kind="merge", undone_at=None)
        .order_by("pk")
    )
    for decision in merges:
        for number in (decision.source_a_id, decision.source_b_id):
            by_number.setdefault(number, []).append(decision)
    lines = [
        {
            "number": number,
            "name": _number_name(access, number),
            "decisions": [
                (d, _evidence(d.evidence.get("by", ()))) for d in by_number.get(number.pk, ())
            ],
        }
        for number in mine
    ]
    return render(
        request,
        "customers/identity/numbers.html",
        {
            "customer": customer,
            "name": shown_name(access, customer),
            "lines": lines,
            "hidden": not covers(access, customer.stores),
            "may_split": len(set(own.values())) > 1 and covers(access, customer.stores),
            "crumbs": [(shown_name(access, customer), reverse("customer", args=[uid]))],
        },
    )


def _number_name(access: Access, number: CustomerSource) -> str:
    return shown_name(
        access, Customer(name=number.name, kind=number.kind, stores=[number.store_id])
    )


@require_POST
def split_number(request: SignedInRequest, uid: UUID, pk: int) -> HttpResponse:
    access = _stewarding(request)
    customer = customer_or_404(access, uid)
    number = CustomerSource.objects.visible_to(access).filter(customer=customer, pk=pk).first()
    if number is None:
        raise Http404(_("This customer has no such number."))
    try:
        split(access, number)
    except DecisionRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("customer_numbers", uid=uid)
    messages.success(request, _("Split off.") + " " + _("The history has it, with an undo."))
    now = CustomerSource.objects.visible_to(access).select_related("customer").get(pk=pk)
    return redirect("customer_numbers", uid=now.customer.uid)

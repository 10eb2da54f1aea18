"""The people of a group: who has which role where, and whether they may sign in."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from organization.access import Access, Capability
from organization.audit import record
from organization.models import Account, Assignment, Role, Staff
from organization.requests import SignedInRequest
from organization.roles import valid_on
from web import formats
from web.paging import page_number, slice_page
from web.tables import Column, Sorting, Table

PAGE = 50


class PeopleFilter(forms.Form):
    q = forms.CharField(label=gettext_lazy("Name or login"), required=False, max_length=80)
    role = forms.ChoiceField(label=gettext_lazy("Role"), required=False)
    state = forms.ChoiceField(label=gettext_lazy("Account"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        everything = [("", _("All"))]
        self.fields["role"].choices = everything + list(Role.choices)  # type: ignore[attr-defined]
        self.fields["state"].choices = [  # type: ignore[attr-defined]
            *everything,
            ("open", _("May sign in")),
            ("closed", _("Account closed")),
            ("none", _("No account")),
        ]


class AssignmentEnd(forms.Form):
    valid_to = forms.DateField(
        label=gettext_lazy("Ends before"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, assignment: Assignment, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"valid_to": assignment.valid_to})
        kwargs["auto_id"] = f"end_{assignment.pk}_%s"
        super().__init__(*args, **kwargs)
        self.assignment = assignment

    @property
    def holds(self) -> bool:
        """Whether there is something left to end or to transfer."""
        return self.assignment.valid_to is None or self.assignment.valid_to > timezone.localdate()

    def clean_valid_to(self) -> date | None:
        chosen: date | None = self.cleaned_data["valid_to"]
        if chosen is not None and chosen <= self.assignment.valid_from:
            raise forms.ValidationError(
                _("The end must be after the start, %(day)s."),
                params={"day": formats.date(self.assignment.valid_from)},
            )
        return chosen


def administered(access: Access) -> QuerySet[Staff]:
    """The staff that ``access`` may administer.

    Below the group these are the people all of whose assignments, now or later, lie in its units:
    an administrator of one division cannot shut out somebody who also works in another.
    """
    access.require(Capability.ADMINISTER)
    staff: QuerySet[Staff] = Staff.objects.visible_to(access)
    units = access.units_for(Capability.ADMINISTER)
    if units.everything:
        return staff
    still = Assignment.objects.filter(
        Q(valid_to=None) | Q(valid_to__gt=timezone.localdate()), staff=OuterRef("pk")
    )
    return staff.filter(
        Exists(still.filter(unit__in=units.ids)), ~Exists(still.exclude(unit__in=units.ids))
    )


def _filtered(staff: QuerySet[Staff], form: PeopleFilter) -> QuerySet[Staff]:
    if not form.is_valid():
        return staff.none()
    chosen = form.cleaned_data
    if text := chosen["q"].strip():
        staff = staff.filter(Q(name__icontains=text) | Q(username__icontains=text))
    if role := chosen["role"]:
        held = Assignment.objects.filter(
            valid_on(timezone.localdate()), staff=OuterRef("pk"), role=role
        )
        staff = staff.filter(Exists(held))
    match chosen["state"]:
        case "open":
            staff = staff.filter(account__is_active=True)
        case "closed":
            staff = staff.filter(account__is_active=False)
        case "none":
            staff = staff.filter(account=None)
    return staff


def _assignments(person: Staff) -> SafeString:
    return format_html_join(
        "",
        '<div>{} · {} <span class="muted nowrap">{}</span></div>',
        (
            (a.get_role_display(), a.unit.name, period(a.valid_from, a.valid_to))
            for a in person.assignments.all()
        ),
    )


def period(start: date, end: date | None) -> str:
    """``2024-01-01 – 2025-01-01`` or, open, ``since 2024-01-01``."""
    if end is None:
        return _("since %(day)s") % {"day": formats.date(start)}
    return f"{formats.date(start)} – {formats.date(end)}"


def account_state(person: Staff) -> str:
    if person.account is None:
        return _("No account")
    return _("May sign in") if person.account.is_active else _("Account closed")


def columns() -> list[Column]:
    return [
        Column(
            *("name", gettext_lazy("Name")),
            order="name",
            value=lambda p: p.name or p.username,
            link=lambda p: reverse("person", args=[p.pk]),
        ),
        Column("username", gettext_lazy("Login"), order="username", hide_on_phone=True),
        Column(
            *("assignments", gettext_lazy("Role, unit and time")),
            format="html",
            value=_assignments,
            wrap=True,
        ),
        Column("account", gettext_lazy("Account"), value=account_state),
        Column(
            *("last_login", gettext_lazy("Last sign-in")),
            format="instant",
            order="account__last_login",
            value=lambda p: p.account and p.account.last_login,
            hide_on_phone=True,
        ),
    ]


@require_safe
def people(request: SignedInRequest) -> HttpResponse:
    access = request.access
    form = PeopleFilter(request.GET)
    sorting = Sorting.of(request, columns(), "name")
    rows = (
        _filtered(administered(access), form)
        .select_related("account")
        .prefetch_related("assignments__unit")
        .order_by(sorting.order_by(columns()), "pk")
    )
    page = slice_page(rows, page_number(request.GET.get("page")), PAGE)
    table = Table(
        columns(),
        page.object_list,
        _("People"),
        sorting,
        tone=lambda p: "warn" if p.account and not p.account.is_active else "",
        empty=_("Nobody fits this filter"),
    )
    return render(request, "organization/people.html", {"table": table, "page": page, "form": form})


def person_or_404(access: Access, pk: int) -> Staff:
    """One of the people that ``access`` administers; of others the answer is 404."""
    return get_object_or_404(administered(access).select_related("account"), pk=pk)


def _page(
    request: SignedInRequest, person: Staff, refused: AssignmentEnd | None = None
) -> HttpResponse:
    access = request.access
    held = person.assignments.select_related("unit").order_by("-valid_from", "pk")
    ends = [
        refused if refused and refused.assignment.pk == a.pk else AssignmentEnd(a) for a in held
    ]
    context = {
        "person": person,
        "oneself": person.pk == access.staff_id,
        "ends": ends,
        "state": account_state(person),
        "may_see_audit": access.may(Capability.SEE_AUDIT),
    }
    return render(request, "organization/person.html", context, status=400 if refused else 200)


@require_safe
def person(request: SignedInRequest, pk: int) -> HttpResponse:
    return _page(request, person_or_404(request.access, pk))


@require_POST
def set_account(request: SignedInRequest, pk: int) -> HttpResponse:
    """Close or open the account; a closed one loses its open sessions with their next request."""
    access = request.access
    found = person_or_404(access, pk)
    opened = request.POST.get("open") == "1"
    if found.account is None:
        messages.error(request, _("This person has no account."))
    elif found.pk == access.staff_id:
        messages.error(request, _("You cannot close your own account; ask a second person."))
    elif found.account.is_active != opened:
        Account.objects.filter(pk=found.account.pk).update(is_active=opened)
        record(access, "account_opened" if opened else "account_closed", found.username)
        messages.success(
            request, _("The account is open.") if opened else _("The account is closed.")
        )
    return redirect("person", pk)


@require_POST
def end_assignment(request: SignedInRequest, pk: int, assignment_pk: int) -> HttpResponse:
    """Set the first day on which an assignment no longer holds; empty leaves it open."""
    access = request.access
    found = person_or_404(access, pk)
    assignment = get_object_or_404(
        Assignment.objects.select_for_update(of=("self",)).select_related("unit"),
        pk=assignment_pk,
        staff=found,
    )
    if found.pk == access.staff_id:
        messages.error(request, _("You cannot change your own assignments; ask a second person."))
        return redirect("person", pk)
    form = AssignmentEnd(assignment, request.POST)
    if not form.is_valid():
        return _page(request, found, refused=form)
    before, after = assignment.valid_to, form.cleaned_data["valid_to"]
    if before != after:
        assignment.valid_to = after
        assignment.save(update_fields=["valid_to"])
        record(
            *(access, "assignment_end_set", found.username),
            role=assignment.role,
            unit=assignment.unit.code,
            before=before and before.isoformat(),
            after=after and after.isoformat(),
        )
        messages.success(request, _("The end of the assignment is saved."))
    return redirect("person", pk)

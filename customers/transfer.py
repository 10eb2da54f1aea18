"""Transfer of a person to another store on a day: the work stays, the history keeps the name."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from customers.handover import hand_over
from organization.access import Access, Capability, acting
from organization.audit import record
from organization.models import Assignment, Staff, Unit
from organization.people import person_or_404
from organization.requests import SignedInRequest
from organization.roles import valid_on
from organization.tree import kind_of
from web import formats


class TransferForm(forms.Form):
    """Where to, from which day on, and who takes over what is open."""

    unit = forms.ChoiceField(label=gettext_lazy("New organization unit"))
    day = forms.DateField(
        label=gettext_lazy("First day there"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    successor = forms.ChoiceField(
        label=gettext_lazy("Who takes over the open work"),
        required=False,
        help_text=gettext_lazy(
            "Open follow-ups and the customers in the person's care stay with the store. Contacts"
            " logged so far keep the person's name."
        ),
    )

    def __init__(self, assignment: Assignment, units: list[Unit], *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.assignment = assignment
        self.units = {str(unit.pk): unit for unit in units}
        self.colleagues = {str(one.pk): one for one in colleagues(assignment)}
        self.fields["unit"].choices = [  # type: ignore[attr-defined]
            (key, f"{unit.name} · {kind_of(unit)}") for key, unit in self.units.items()
        ]
        self.fields["successor"].choices = [  # type: ignore[attr-defined]
            ("", _("Nobody yet: it stays with the store")),
            *((key, one.name or one.username) for key, one in self.colleagues.items()),
        ]

    def clean_day(self) -> date:
        day: date = self.cleaned_data["day"]
        start, end = self.assignment.valid_from, self.assignment.valid_to
        if day <= start or (end is not None and day >= end):
            raise forms.ValidationError(
                _("The day must lie after the start of the assignment, %(start)s, before its end."),
                params={"start": formats.date(start)},
            )
        return day


def colleagues(assignment: Assignment) -> list[Staff]:
    """Those who work at the same unit today, by name."""
    there = Assignment.objects.filter(valid_on(timezone.localdate()), unit=assignment.unit_id)
    staff = Staff.objects.filter(pk__in=there.values("staff_id"), account__is_active=True)
    return list(staff.exclude(pk=assignment.staff_id).order_by("name", "pk"))


@require_http_methods(["GET", "HEAD", "POST"])
def transfer(request: SignedInRequest, pk: int, assignment_pk: int) -> HttpResponse:
    """Ask for store, day and successor; then end one assignment and begin the other."""
    access = acting(request.access, Capability.ADMINISTER)
    person = person_or_404(access, pk)
    assignment = get_object_or_404(
        Assignment.objects.select_for_update(of=("self",)).select_related("unit", "staff"),
        pk=assignment_pk,
        staff=person,
    )
    if person.pk == access.staff_id:
        raise PermissionDenied(_("You cannot change your own assignments; ask a second person."))
    data = request.POST if request.method == "POST" else None
    form = TransferForm(
        assignment, _targets(access, assignment), data, initial={"day": timezone.localdate()}
    )
    if form.is_valid() and _moved(access, form):
        messages.success(
            request,
            _("%(person)s works at %(unit)s from %(day)s on.")
            % {
                "person": person.name,
                "unit": form.units[form.cleaned_data["unit"]].name,
                "day": formats.date(form.cleaned_data["day"]),
            },
        )
        return redirect("person", pk)
    return render(
        request,
        "customers/transfer.html",
        {"person": person, "assignment": assignment, "form": form},
        status=400 if form.errors else 200,
    )


def _targets(access: Access, assignment: Assignment) -> list[Unit]:
    """The other units of the same level that the person asking administers."""
    reach = access.units_for(Capability.ADMINISTER)
    units = Unit.objects.visible_to(access).filter(level=assignment.unit.level).order_by("code")
    return [unit for unit in units if unit.pk in reach and unit.pk != assignment.unit_id]


def _moved(access: Access, form: TransferForm) -> bool:
    """Write the transfer; what is open is handed over now, or by the morning run of the day."""
    old, today = form.assignment, timezone.localdate()
    unit, day = form.units[form.cleaned_data["unit"]], form.cleaned_data["day"]
    new = Assignment(
        tenant_id=access.tenant_id,
        staff=old.staff,
        role=old.role,
        unit=unit,
        valid_from=day,
        valid_to=old.valid_to,
    )
    same = Assignment.objects.filter(staff=old.staff, role=old.role, unit=unit, valid_from=day)
    if same.exists():
        form.add_error("day", _("The person begins there on that day already."))
        return False
    old.valid_to = day
    old.successor = form.colleagues.get(form.cleaned_data["successor"])
    old.save(update_fields=["valid_to", "successor"])
    new.save()
    record(
        *(access, "assignment_transferred", old.staff.username),
        role=old.role,
        unit=old.unit.code,
        to=unit.code,
        valid_from=day.isoformat(),
        successor=old.successor.username if old.successor else None,
    )
    if day <= today:
        hand_over(access, old, today)
    return True

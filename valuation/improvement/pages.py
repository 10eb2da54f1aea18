"""The pages of tasks: making one of a figure, the list with outcomes, one task with its effect."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers.deliveries import set_aside
from customers.models import Task, TaskMeasurement
from customers.task_owners import candidates, own_first, without_their_owner
from organization import audit
from organization.access import Access, Capability, acting
from organization.models import Staff, Unit
from organization.requests import SignedInRequest
from valuation.improvement.measuring import change_written
from valuation.improvement.owning import OwnerForm, choices_of, hand_on, owner_form
from valuation.indicators import wording
from valuation.indicators.definition import Definition
from valuation.indicators.definitions import DEFINITIONS
from valuation.indicators.unit_months import recorded_months, unit_months
from valuation.shown import access_of, chosen_unit, visible_units
from web import formats
from web.components import Tab
from web.paging import page_number, slice_page
from web.shell import Text, Tone

DUE_DAYS, MEASURE_DAYS, PAGE = 14, 90, 50
REASONS = {
    "limits": gettext_lazy("off its own control limits"),
    "peers": gettext_lazy("lowest tenth of its peers"),
    "alarm": gettext_lazy("a trap of capital reports"),
    "laggard": gettext_lazy("lowest retention among peers"),
    "delivery": gettext_lazy("a delivery of the drop folder could not be loaded"),
}
TONES: dict[str, Tone] = {
    Task.Status.OPEN: "accent",
    Task.Status.DONE: "neutral",
    Task.Status.REOPENED: "warn",
    Task.Status.CLOSED: "good",
}
VIEWS = {
    "open": gettext_lazy("Open"),
    "measured": gettext_lazy("Measured"),
    "closed": gettext_lazy("Closed"),
}


def _day_input() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class TaskForm(forms.Form):
    """Owner, dates and target of a task about a figure."""

    title = forms.CharField(label=gettext_lazy("What is to be done"), max_length=200)
    owner = forms.ChoiceField(label=gettext_lazy("Owner"), required=False)
    due_on = forms.DateField(label=gettext_lazy("Due"), widget=_day_input())
    measure_on = forms.DateField(
        label=gettext_lazy("Measured again"),
        help_text=gettext_lazy("On that day the figure is held against peers without such a task"),
        widget=_day_input(),
    )
    target = forms.DecimalField(
        label=gettext_lazy("Target"),
        required=False,
        max_digits=16,
        decimal_places=6,
        help_text=gettext_lazy("In the figure's own unit: 80% is 0.8; money in yuan"),
    )
    note = forms.CharField(
        label=gettext_lazy("Note"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, owners: Mapping[str, str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        nobody = () if owners else (("", "—"),)
        self.fields["owner"].required = bool(owners)
        self.fields["owner"].choices = [*nobody, *owners.items()]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        due, again = given.get("due_on"), given.get("measure_on")
        if due and due < timezone.localdate():
            self.add_error("due_on", _("The day is past."))
        if due and again and again <= due:
            self.add_error("measure_on", _("Measure after the day by which it is to be done."))
        return given


@dataclass(frozen=True)
class Subject:
    """The figure that a task is about: a unit's indicator in its last recorded month."""

    unit: Unit
    definition: Definition
    month: dt.date | None
    value: float | None


def _subject(access: Access, code: str, key: str) -> Subject:
    unit = chosen_unit(access, visible_units(access), code)
    if key not in DEFINITIONS:
        raise Http404(_("There is no indicator of that name."))
    months = recorded_months(access, unit)
    found = unit_months(access, unit, months[0]) if months else None
    value = found.last.figures.get(key) if found else None
    return Subject(unit, DEFINITIONS[key], months[0] if months else None, value)


@require_http_methods(["GET", "HEAD", "POST"])
def new_task(request: SignedInRequest, code: str, key: str) -> HttpResponse:
    """Make a figure of a unit a task; there is one at a time for a figure and unit."""
    access = access_of(request)
    access.require(Capability.CREATE_TASK)
    subject = _subject(access, code, key)
    access.require(Capability.CREATE_TASK, subject.unit.pk)
    known = (
        Task.objects.visible_to(access)
        .filter(unit=subject.unit, metric=key)
        .exclude(status=Task.Status.CLOSED)
        .first()
    )
    if known is not None:
        messages.info(
            request,
            _("There is an open task for %(unit)s already.") % {"unit": subject.unit.name},
        )
        return redirect("task", pk=known.pk)
    why = request.GET.get("why", "")
    owners = choices_of(candidates(access, subject.unit))
    if request.method == "POST":
        form = TaskForm(owners, request.POST)
        if form.is_valid():
            task = _create(access, subject, form.cleaned_data, why if why in REASONS else "")
            messages.success(request, _("The task is made."))
            return redirect("task", pk=task.pk)
    else:
        form = TaskForm(owners, initial=_initial(subject, next(iter(owners), "")))
    return render(
        request,
        "valuation/improvement/new.html",
        {
            "form": form,
            "subject": subject,
            "value": wording.written(subject.definition, subject.value),
            "why": REASONS.get(why, ""),
        },
        status=400 if form.errors else 200,
    )


def _initial(subject: Subject, owner: str) -> dict[str, Any]:
    today = timezone.localdate()
    return {
        "title": _("Improve %(figure)s of %(unit)s")
        % {"figure": subject.definition.label, "unit": subject.unit.name},
        "owner": owner,
        "due_on": today + dt.timedelta(days=DUE_DAYS),
        "measure_on": today + dt.timedelta(days=MEASURE_DAYS),
    }


def _create(access: Access, subject: Subject, given: Mapping[str, Any], why: str) -> Task:
    target = given["target"]
    if target is not None and subject.definition.kind == "money":
        target = target * 100
    task: Task = Task.objects.create(
        tenant_id=access.tenant_id,
        unit=subject.unit,
        title=given["title"],
        metric=subject.definition.key,
        baseline=None if subject.value is None else round(subject.value, 6),
        baseline_month=subject.month,
        target=target,
        owner_id=int(given["owner"]) if given["owner"] else None,
        created_by=Staff.objects.filter(pk=access.staff_id).first(),
        due_on=given["due_on"],
        measure_on=given["measure_on"],
        anomaly=why,
        note=given["note"],
    )
    audit.record(
        access,
        "task.created",
        f"task:{task.pk}",
        unit=subject.unit.code,
        metric=task.metric,
        owner=task.owner.username if task.owner else None,
    )
    return task


@dataclass(frozen=True)
class TaskLine:
    """A task as list and page show it."""

    task: Task
    last: TaskMeasurement | None
    today: dt.date
    owner_left: bool

    @property
    def definition(self) -> Definition | None:
        return DEFINITIONS.get(self.task.metric)

    @property
    def metric(self) -> Text:
        if self.task.anomaly == set_aside.RULE:
            return _("Deliveries")
        return self.definition.label if self.definition else self.task.metric

    @property
    def tone(self) -> Tone:
        return TONES[self.task.status]

    @property
    def overdue(self) -> bool:
        return self.task.status in (Task.Status.OPEN, Task.Status.REOPENED) and (
            self.task.due_on < self.today
        )

    def _written(self, value: Any) -> str:
        if self.definition is None or value is None:
            return formats.NOT_KNOWN
        return wording.written(self.definition, float(value))

    @property
    def baseline(self) -> str:
        return self._written(self.task.baseline)

    @property
    def measured(self) -> str:
        return self._written(self.task.measured)

    @property
    def target(self) -> str:
        return self._written(self.task.target)

    def change(self, value: float | None) -> str:
        return change_written(self.definition, value)

    @property
    def effect(self) -> str:
        return self.change(self.last.effect if self.last else None)

    @property
    def verdict(self) -> str:
        return str(self.last.get_verdict_display()) if self.last else ""

    @property
    def why(self) -> Text:
        return REASONS.get(self.task.anomaly, "")


def _lines(access: Access, tasks: list[Task]) -> list[TaskLine]:
    today = timezone.localdate()
    newest: dict[int, TaskMeasurement] = {}
    measured = TaskMeasurement.objects.visible_to(access).filter(task__in=tasks)
    for one in measured.order_by("measured_on"):
        newest[one.task_id] = one
    left = without_their_owner(access, tasks)
    return [TaskLine(task, newest.get(task.pk), today, task.pk in left) for task in tasks]


def task_access(request: SignedInRequest) -> Access:
    return acting(request.access, Capability.SEE_VALUE)


@require_safe
def task_list(request: SignedInRequest) -> HttpResponse:
    """Tasks of the units that one sees: open ones by date and one's own before the others,
    measured and closed ones with their outcome."""
    access = task_access(request)
    view = request.GET.get("view", "open")
    view = view if view in VIEWS else "open"
    rows = Task.objects.visible_to(access).select_related("unit", "owner")
    chosen = {
        "open": own_first(rows.exclude(status=Task.Status.CLOSED), access),
        "measured": rows.filter(measurements__isnull=False).distinct().order_by("-pk"),
        "closed": rows.filter(status=Task.Status.CLOSED).order_by("-closed_at", "-pk"),
    }[view]
    page = slice_page(chosen, page_number(request.GET.get("page")), PAGE)
    return render(
        request,
        "valuation/improvement/list.html",
        {
            "lines": _lines(access, list(page.object_list)),
            "page": page,
            "tabs": [Tab(label, f"?view={name}", name == view) for name, label in VIEWS.items()],
            "view": view,
            "oneself": access.staff_id,
        },
    )


def _task(access: Access, pk: int) -> Task:
    found: Task | None = (
        Task.objects.visible_to(access).select_related("unit", "owner").filter(pk=pk).first()
    )
    if found is None:
        raise Http404(_("There is no such task at the units that you may see."))
    return found


@require_safe
def task_page(request: SignedInRequest, pk: int) -> HttpResponse:
    """One task: what was found, what was agreed, what it did against untreated peers."""
    access = task_access(request)
    task = _task(access, pk)
    return _shown(request, access, task, owner_form(access, task))


def _shown(
    request: SignedInRequest, access: Access, task: Task, owners: OwnerForm | None
) -> HttpResponse:
    measurements = list(task.measurements.order_by("-measured_on"))
    (line,) = _lines(access, [task])
    definition = line.definition
    rows = [
        {
            "one": one,
            "before": wording.written(definition, one.before) if definition else "",
            "after": wording.written(definition, one.after) if definition else "",
            "peers_change": line.change(one.peers_change),
            "effect": line.change(one.effect),
            "low": line.change(one.effect_low),
            "high": line.change(one.effect_high),
        }
        for one in measurements
    ]
    return render(
        request,
        "valuation/improvement/task.html",
        {
            "line": line,
            "task": task,
            "rows": rows,
            "owner_form": owners,
            "figure_href": reverse("figure", args=[task.unit.code, task.metric])
            if definition
            else "",
            # Work on a delivery is done where it is loaded.
            "may_change": definition is not None
            and access.may(Capability.CREATE_TASK, task.unit_id),
        },
        status=400 if owners is not None and owners.errors else 200,
    )


def _to_work_on(request: SignedInRequest, pk: int) -> tuple[Access, Task]:
    access = task_access(request)
    access.require(Capability.CREATE_TASK)
    task = _task(access, pk)
    access.require(Capability.CREATE_TASK, task.unit_id)
    return access, task


@require_POST
def task_owner(request: SignedInRequest, pk: int) -> HttpResponse:
    """Set or change the owner; whoever the page does not offer is refused."""
    access, task = _to_work_on(request, pk)
    form = owner_form(access, task, request.POST)
    if form is None:
        messages.error(request, _("This task is closed, or nobody there can take it on."))
        return redirect("task", pk=task.pk)
    if not form.is_valid():
        return _shown(request, access, task, form)
    if hand_on(access, task, form.chosen):
        messages.success(request, _("The owner is now %(name)s.") % {"name": form.chosen.name})
    return redirect("task", pk=task.pk)


@require_POST
def task_done(request: SignedInRequest, pk: int) -> HttpResponse:
    """Say that the work is done; the figure is measured on its day all the same."""
    access, task = _to_work_on(request, pk)
    if task.status in (Task.Status.OPEN, Task.Status.REOPENED):
        task.status, task.done_at = Task.Status.DONE, timezone.now()
        task.save(update_fields=["status", "done_at"])
        audit.record(access, "task.done", f"task:{task.pk}", unit=task.unit.code)
        messages.success(
            request,
            _("Done. The figure is measured on %(day)s.") % {"day": formats.date(task.measure_on)},
        )
    return redirect("task", pk=task.pk)

"""Units under a unit: what each is worth, its place among peers, and tasks for the worst."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from customers.models import Task
from customers.task_owners import proposed_owner
from organization import audit
from organization.access import Capability
from organization.models import Staff, Unit
from organization.requests import SignedInRequest
from valuation import figures
from valuation.books import last_complete_month
from valuation.shown import Listed, Shown, access_of, shown_unit
from web import formats
from web.tables import Column, Table

WORST = 3
# The address of the league with all units.
ALL = "league"
# More rows than this scroll in their place.
LONG = 12
# Units beyond this many stand in one line until they are asked for: each costs a millisecond.
MOST = 60
METRIC = "retention"
DUE_DAYS, MEASURE_DAYS = 14, 90

COLUMNS = [
    Column(
        "name", gettext_lazy("Unit"), value=lambda row: row.unit.name, link=lambda row: row.href
    ),
    Column(
        "customers",
        gettext_lazy("Customers"),
        "integer",
        value=lambda row: row.valued.customers,
        link=lambda row: row.figure_href("customers"),
    ),
    Column(
        "value",
        gettext_lazy("Value"),
        "money",
        value=lambda row: row.valued.expected_fen,
        link=lambda row: row.figure_href("value"),
    ),
    Column(
        "each",
        gettext_lazy("Per customer"),
        "money",
        value=lambda row: _whole(row.ratios["value_per_customer_fen"]),
        link=lambda row: row.figure_href("value_per_customer"),
        hide_on_phone=True,
    ),
    Column(
        "retention",
        gettext_lazy("Retention"),
        "percent",
        value=lambda row: row.ratios["retention"],
        link=lambda row: row.figure_href("retention"),
    ),
    Column(
        "quantile",
        gettext_lazy("Peers"),
        "whole_percent",
        value=lambda row: row.quantile(METRIC),
        help=gettext_lazy(
            "Share of peers (same brand, made comparable by the age of cars) whose"
            " retention is lower"
        ),
    ),
    Column(
        "nps",
        gettext_lazy("NPS"),
        "integer",
        value=lambda row: row.ratios["nps"],
        link=lambda row: row.figure_href("nps"),
        hide_on_phone=True,
    ),
]


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


@dataclass(frozen=True)
class Total:
    """The parent as the foot of its children: their customers and values sum to it exactly."""

    unit: Unit
    valued: object
    ratios: dict[str, float | None]

    @property
    def href(self) -> str:
        return ""

    def quantile(self, name: str) -> None:
        return None


@dataclass(frozen=True)
class _Name:
    name: str
    pk: int = 0


@dataclass(frozen=True)
class _Sums:
    customers: int
    expected_fen: int


@dataclass(frozen=True)
class Rest:
    """The units that a long league does not show, as one line: with it the league still sums."""

    unit: _Name
    valued: _Sums
    ratios: dict[str, float | None]
    href: str = f"?{ALL}=all"

    @classmethod
    def of(cls, rows: Sequence[Listed]) -> "Rest":
        counters: Counter[str] = Counter()
        for one in rows:
            counters.update(one.valued.counters)
        customers = sum(one.valued.customers for one in rows)
        expected = sum(one.valued.expected_fen for one in rows)
        name = _("%(count)s others: show all") % {"count": formats.integer(len(rows))}
        return cls(_Name(name), _Sums(customers, expected), figures.ratios(counters))

    def quantile(self, name: str) -> None:
        return None

    def figure_href(self, key: str) -> str:
        return ""


def league_table(shown: Shown, rows: list[Listed], caption: str, *, whole: bool) -> Table:
    """Units with their sum; of more than MOST, unless the ``whole`` is asked for, those of the most
    value, the worst, and one line for the others."""
    total = Total(shown.unit, shown.valued, shown.ratios)
    worst = {one.unit.pk for one in worst_of(rows)}
    listed: list[Listed | Rest] = list(rows)
    if len(rows) > MOST and not whole:
        shown_ids = {one.unit.pk for one in rows[: MOST - len(worst)]} | worst
        listed = [one for one in rows if one.unit.pk in shown_ids]
        listed.append(Rest.of([one for one in rows if one.unit.pk not in shown_ids]))
    return Table(
        COLUMNS,
        listed,
        caption,
        total=total,
        tone=lambda row: "bad" if row.unit.pk in worst else "",
        tight=True,
        css="tall" if len(rows) > LONG else "wide",
    )


def worst_of(rows: list[Listed]) -> list[Listed]:
    """At most three units in the lower half of their peers, the worst first."""
    placed = [(one.quantile(METRIC), one) for one in rows]
    low = [(place, one) for place, one in placed if place is not None and place < 0.5]
    return [one for _place, one in sorted(low, key=lambda pair: pair[0])[:WORST]]


@dataclass(frozen=True)
class Laggard:
    """One of the worst, with the open task there may be."""

    row: Listed
    open_task: Task | None
    may_create_task: bool

    @property
    def text(self) -> str:
        place = _("peers %(place)s") % {"place": formats.percent(self.row.quantile(METRIC), 0)}
        return f"{formats.percent(self.row.ratios[METRIC])} · {place}"


def laggards(shown: Shown) -> list[Laggard]:
    worst = worst_of(shown.stores)
    if not worst:
        return []
    tasks = (
        Task.objects.visible_to(shown.access)
        .filter(
            unit_id__in=[one.unit.pk for one in worst],
            metric=METRIC,
        )
        .exclude(status=Task.Status.CLOSED)
    )
    by_unit = {task.unit_id: task for task in tasks}
    units = shown.access.units_for(Capability.CREATE_TASK)
    return [Laggard(one, by_unit.get(one.unit.pk), one.unit.pk in units) for one in worst]


@require_POST
def create_task(request: SignedInRequest, code: str) -> HttpResponse:
    """Make the retention of a unit a task: due in two weeks, measured again in three months.

    A second press finds the task that is open and makes no other.
    """
    access = access_of(request)
    access.require(Capability.CREATE_TASK)
    shown = shown_unit(access, code)
    if shown is None:
        return redirect("valuation_dashboard")
    access.require(Capability.CREATE_TASK, shown.unit.pk)
    known = (
        Task.objects.visible_to(access)
        .filter(unit=shown.unit, metric=METRIC)
        .exclude(status=Task.Status.CLOSED)
    )
    if known.exists():
        messages.info(
            request, _("There is an open task for %(unit)s already.") % {"unit": shown.unit.name}
        )
        return redirect("valued_unit", code=shown.unit.code)
    task = _new_task(shown)
    audit.record(
        *(access, "task.created", f"task:{task.pk}"),
        unit=shown.unit.code,
        metric=METRIC,
        owner=task.owner.username if task.owner else None,
    )
    messages.success(
        request,
        _("Task created for %(unit)s: due %(due)s, measured again %(measure)s.")
        % {
            "unit": shown.unit.name,
            "due": formats.date(task.due_on),
            "measure": formats.date(task.measure_on),
        },
    )
    return redirect("valued_unit", code=shown.unit.code)


def _new_task(shown: Shown) -> Task:
    today = timezone.localdate()
    rate = shown.ratios[METRIC]
    staff = Staff.objects.filter(pk=shown.access.staff_id).first()
    task: Task = Task.objects.create(
        tenant_id=shown.access.tenant_id,
        unit=shown.unit,
        title=_("Raise 12-month retention of %(unit)s") % {"unit": shown.unit.name},
        metric=METRIC,
        baseline=None if rate is None else round(rate, 6),
        baseline_month=last_complete_month(shown.valuation.as_of),
        anomaly="laggard",
        owner=proposed_owner(shown.access, shown.unit),
        created_by=staff,
        due_on=today + dt.timedelta(days=DUE_DAYS),
        measure_on=today + dt.timedelta(days=MEASURE_DAYS),
        note=_("Valuation as of %(day)s: place among peers %(place)s.")
        % {
            "day": formats.date(shown.valuation.as_of),
            "place": formats.percent(shown.quantile(METRIC), 0),
        },
    )
    return task

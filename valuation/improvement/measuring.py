"""Measuring tasks on their day: close what worked, reopen what did not, say what cannot be told."""

import datetime as dt
from collections.abc import Iterable

from django.utils import timezone

from customers.models import Task, TaskMeasurement
from organization import audit
from organization.access import Access, entered
from organization.models import Unit
from valuation.improvement.effect import Effect, effect_of
from valuation.indicators.definition import Definition
from valuation.indicators.definitions import DEFINITIONS
from valuation.indicators.unit_months import recorded_months
from valuation.lineage.anchors import newest_rows
from valuation.units import Tree
from web import formats

AGAIN_DAYS = 90
RELATIVE = ("money", "integer", "decimal")


def measure_due_tasks(access: Access, today: dt.date) -> list[TaskMeasurement]:
    """Measure every task of the group whose day has come and that is not closed."""
    with entered(access):
        due = (
            Task.objects.visible_to(access)
            .exclude(status=Task.Status.CLOSED)
            .filter(measure_on__lte=today, metric__in=list(DEFINITIONS))
            .select_related("unit")
            .order_by("pk")
        )
        return [measure(access, task, today) for task in due]


def measure(access: Access, task: Task, today: dt.date) -> TaskMeasurement:
    """One measurement, written down; the task closes where its figure did better than its peers.

    The baseline is the last month recorded before the task was made, the result the last one
    recorded before ``today``; both as they stand by now, so that late records count on both sides.
    """
    definition = DEFINITIONS[task.metric]
    months = recorded_months(access, task.unit)
    first = task.baseline_month or _last_before(months, task.created_at.date())
    last = _last_before(months, today)
    found, before, after = Effect("no_figure", 0), None, None
    if first is not None and last is not None and last > first:
        units = [task.unit_id, *untreated_peers(access, task)]
        figures = {
            (row.unit_id, row.month): row.figures.get(task.metric)
            for row in newest_rows(access, units, [first, last])
        }
        before, after = figures.get((task.unit_id, first)), figures.get((task.unit_id, last))
        found = effect_of(
            before,
            after,
            [(figures.get((one, first)), figures.get((one, last))) for one in units[1:]],
            better="down" if definition.better == "down" else "up",
            relative=definition.kind in RELATIVE,
        )
    measurement, _created = TaskMeasurement.objects.get_or_create(
        tenant_id=access.tenant_id,
        task=task,
        measured_on=today,
        defaults={
            "unit_id": task.unit_id,
            "month_before": first,
            "month_after": last,
            "before": before,
            "after": after,
            "peers": found.peers,
            "peers_change": found.peers_change,
            "effect": found.effect,
            "effect_low": found.low,
            "effect_high": found.high,
            "verdict": found.verdict,
        },
    )
    _settle(access, task, definition, measurement, today)
    return measurement


def _settle(
    access: Access,
    task: Task,
    definition: Definition,
    measurement: TaskMeasurement,
    today: dt.date,
) -> None:
    """Close a task that worked or reached its target ahead of its peers; else open it again."""
    task.measured = None if measurement.after is None else round(measurement.after, 6)
    if measurement.verdict == TaskMeasurement.Verdict.WORKED or _reached(
        task, definition, measurement
    ):
        task.status, task.closed_at = Task.Status.CLOSED, timezone.now()
    else:
        task.status = Task.Status.REOPENED
        task.measure_on = today + dt.timedelta(days=AGAIN_DAYS)
    task.save(update_fields=["measured", "status", "closed_at", "measure_on"])
    audit.record(
        access,
        "task.measured",
        f"task:{task.pk}",
        unit=task.unit.code,
        metric=task.metric,
        verdict=measurement.verdict,
        status=task.status,
    )


def _reached(task: Task, definition: Definition, measurement: TaskMeasurement) -> bool:
    """The target is met, and peers without the task did not do as well."""
    if task.target is None or measurement.after is None or measurement.effect is None:
        return False
    sign = -1.0 if definition.better == "down" else 1.0
    return sign * measurement.after >= sign * float(task.target) and sign * measurement.effect > 0.0


def _last_before(months: Iterable[dt.date], day: dt.date) -> dt.date | None:
    """The last recorded month that had ended by ``day``."""
    return next((month for month in months if month < day.replace(day=1)), None)


def untreated_peers(access: Access, task: Task) -> list[int]:
    """Units like the task's (stores of the division, else units of the level) that had no task on
    the figure since this one was made."""
    tree = Tree.read()
    own = tree.by_id[task.unit_id]

    def like(other_id: int) -> bool:
        other = tree.by_id[other_id]
        if other.level != own.level or other.id == own.id:
            return False
        if own.level != Unit.Level.STORE:
            return True
        return tree.division_of(other).id == tree.division_of(own).id

    treated = set(
        Task.objects.visible_to(access)
        .filter(metric=task.metric)
        .exclude(closed_at__lt=task.created_at)
        .values_list("unit_id", flat=True)
    )
    return [one.id for one in tree.nodes if like(one.id) and one.id not in treated]


def change_written(definition: Definition | None, value: float | None) -> str:
    """A change as the effect is measured: relative for amounts, points for rates."""
    if definition is None or value is None:
        return formats.NOT_KNOWN
    if definition.kind in RELATIVE:
        return formats.signed(formats.percent(value))
    if definition.kind == "percent":
        return formats.points(value)
    return formats.signed(formats.decimal(value, 1))

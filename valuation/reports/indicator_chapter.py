"""Indicators with bands, peers and targets; traps that the figures fall into; tasks and effects."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from customers.models import Task, TaskMeasurement
from organization.access import current_access
from valuation.bands import Scale
from valuation.books import last_complete_month
from valuation.improvement.measuring import change_written
from valuation.indicators import wording
from valuation.indicators.alarms import Alarm
from valuation.indicators.band_choice import Bands, division_of
from valuation.indicators.definition import DIMENSIONS, Definition
from valuation.indicators.definitions import DEFINITIONS
from valuation.indicators.lines import Line, alarms_of, lines_of
from valuation.indicators.unit_months import UnitMonths, unit_months
from valuation.reports.document import Grid, Kind, Section
from valuation.reports.subject import Subject
from web import formats

SHOWN_TASKS = 40
TRAPS = {
    "leaky_bucket": lambda: _("Leaky bucket"),
    "vanity": lambda: _("Vanity total"),
    "redefined": lambda: _("Definition changed"),
    "forecast": lambda: _("Forecast beyond the cohorts"),
    "comparables": lambda: _("Too few comparables"),
}


def recorded(subject: Subject) -> UnitMonths | None:
    """The months of the unit up to the report's last one; None where it was not recorded."""
    month = last_complete_month(subject.valuation.as_of)
    return unit_months(current_access(), subject.unit, month)


def indicator_section(subject: Subject) -> Section:
    """Every indicator of the report's month, by dimension, weak ones and unknown ones too."""
    found = recorded(subject)
    title = _("Indicators")
    if found is None:
        note = _("The indicators of this month have not been recorded yet.")
        return Section(title, notes=[note])
    access = current_access()
    bands = Bands.read(access)
    division = division_of(subject.unit, subject.units)
    age = str(found.last.peers.get("car_age", ""))
    lines = lines_of(access, subject.units, found)
    heads: list[tuple[str, Kind]] = [
        *((_("Indicator"), "text"), (_("Value"), "figure"), (_("YoY"), "figure")),
        *((_("Target"), "figure"), (_("Band"), "text"), (_("Good from"), "figure")),
        *((_("Peers"), "figure"), (_("Formula"), "text")),
    ]
    grids = []
    for name, rows in lines.items():
        cells = [_row(one, bands.scale(one.definition.key, division, age)) for one in rows]
        grids.append(Grid(str(DIMENSIONS[name]), heads, cells))  # type: ignore[index]
    return Section(
        title,
        (),
        grids,
        [
            _("Good: where the band “good” begins. Peers: share of peers that the unit beats."),
            _(
                "Indicators are of whole months and of the after-sales books. The chapters before"
                " count up to the as-of date, and whole stores where they say so: figures of the"
                " same name differ by that."
            ),
            *_missing(lines),
        ],
        lead=_indicator_lead(lines),
    )


def _row(line: Line, scale: Scale | None) -> list[str]:
    change = line.change
    kind = wording.delta_kind(line.definition)
    if change is None:
        moved = formats.NOT_KNOWN
    elif kind == "points":
        moved = formats.points(change)
    elif kind == "integer":
        moved = formats.signed(formats.decimal(change, 1))
    else:
        moved = formats.signed(formats.percent(change))
    place = formats.NOT_KNOWN if line.place is None else formats.percent(line.place, 0)
    return [
        str(line.definition.label),
        line.text,
        moved,
        line.target_text,
        line.band_name,
        _good(line.definition, scale),
        place,
        str(line.definition.formula),
    ]


def _good(definition: Definition, scale: Scale | None) -> str:
    """Where the band of level "good" begins, as a text such as "≥ 80%"."""
    if scale is None:
        return ""
    good = [one for one in scale.bands if one.level == "good"]
    if not good:
        return ""
    low, high = min(one.low for one in good), max(one.high for one in good)
    if low > float("-inf"):
        return f"≥ {wording.written(definition, low)}"
    return f"< {wording.written(definition, high)}" if high < float("inf") else ""


def _missing(lines: Mapping[str, Sequence[Line]]) -> list[str]:
    return [
        _("%(figure)s is not known: %(why)s.")
        % {"figure": one.definition.label, "why": one.why_none}
        for rows in lines.values()
        for one in rows
        if one.value is None and one.why_none
    ]


def _indicator_lead(lines: Mapping[str, Sequence[Line]]) -> str:
    known = [one for rows in lines.values() for one in rows if one.band is not None]
    levels = [one.band.level for one in known if one.band is not None]
    off = [one for rows in lines.values() for one in rows if one.anomaly]
    text = _("%(good)s good, %(fair)s fair, %(improve)s to improve.") % {
        name: formats.integer(levels.count(name)) for name in ("good", "fair", "improve")
    }
    if off:
        names = _("; ").join(f"{one.definition.label} ({one.anomaly_text})" for one in off)
        text += " " + _("Out of the ordinary: %(names)s.") % {"names": names}
    return text


def alarm_grid(subject: Subject) -> Grid:
    """Traps of capital reports that the unit's own figures fall into."""
    found = recorded(subject)
    alarms: list[Alarm] = [] if found is None else alarms_of(current_access(), found)
    tasks = set(_tasks(subject).values_list("metric", flat=True))
    rows = [
        [
            TRAPS[one.trap](),
            one.text,
            _("yes") if one.metric in tasks else _("no") if one.metric else "",
        ]
        for one in alarms
    ]
    heads: list[tuple[str, Kind]] = [
        *((_("Alarm"), "text"), (_("Why"), "text"), (_("Task open"), "text")),
    ]
    note = "" if rows else _("None of the traps was found in this month's figures.")
    return Grid(_("Traps of capital reports"), heads, rows, note=note)


def _tasks(subject: Subject) -> Any:
    access = current_access()
    return (
        Task.objects.visible_to(access)
        .filter(unit_id__in=subject.below)
        .exclude(status=Task.Status.CLOSED)
    )


def task_section(subject: Subject) -> Section:
    """What was done about bad figures, and what it brought against peers without such a task."""
    access = current_access()
    year = subject.valuation.as_of - dt.timedelta(days=366)
    rows = (
        Task.objects.visible_to(access)
        .filter(unit_id__in=subject.below, metric__in=list(DEFINITIONS))
        .exclude(closed_at__date__lt=year)
        .select_related("unit", "owner")
        .order_by("due_on", "pk")[:SHOWN_TASKS]
    )
    tasks = list(rows)
    newest: dict[int, TaskMeasurement] = {}
    measured = TaskMeasurement.objects.visible_to(access).filter(task__in=tasks)
    for one in measured.order_by("measured_on"):
        newest[one.task_id] = one
    heads: list[tuple[str, Kind]] = [
        *((_("Task"), "text"), (_("Unit"), "text"), (_("Indicator"), "text")),
        *((_("Baseline"), "figure"), (_("Due"), "figure"), (_("State"), "text")),
        *(
            (_("Measured"), "figure"),
            (_("Effect against peers"), "figure"),
            (_("90% interval"), "figure"),
        ),
        (_("Verdict"), "text"),
    ]
    cells = [_task_row(subject, task, newest.get(task.pk)) for task in tasks]
    notes = [
        _(
            "Effect: own change less the mean change of peers without such a task, with the 90%"
            " interval of their spread."
        )
    ]
    if not tasks:
        notes.insert(0, _("No task was made of a figure in the last year."))
    return Section(
        _("Tasks and their measured effect"),
        (),
        [Grid(_("Tasks"), heads, cells)] if tasks else [],
        notes,
        lead=_task_lead(tasks, newest),
    )


def _task_row(subject: Subject, task: Task, last: TaskMeasurement | None) -> list[str]:
    definition = DEFINITIONS[task.metric]
    baseline = None if task.baseline is None else float(task.baseline)
    interval = ""
    if last is not None and last.effect_low is not None and last.effect_high is not None:
        low = change_written(definition, last.effect_low)
        interval = f"{low} – {change_written(definition, last.effect_high)}"
    return [
        task.title,
        subject.named(task.unit_id),
        str(definition.label),
        wording.written(definition, baseline),
        task.due_on.isoformat(),
        str(task.get_status_display()),
        last.measured_on.isoformat() if last else task.measure_on.isoformat(),
        change_written(definition, last.effect if last else None),
        interval,
        str(last.get_verdict_display()) if last else _("not measured yet"),
    ]


def _task_lead(tasks: Sequence[Task], newest: Mapping[int, TaskMeasurement]) -> str:
    if not tasks:
        return ""
    worked = [one for one in newest.values() if one.verdict == TaskMeasurement.Verdict.WORKED]
    return _("%(tasks)s tasks, %(measured)s measured, %(worked)s with a shown effect.") % {
        "tasks": formats.integer(len(tasks)),
        "measured": formats.integer(len(newest)),
        "worked": formats.integer(len(worked)),
    }

"""Cut pools and structures in the report: actual against forecast, triggers with their headroom."""

from typing import Any

from django.utils.translation import gettext as _

from organization.access import current_access
from valuation.models import Pool, Structure
from valuation.pools.actuals import actuals_of
from valuation.refusals import Refused
from valuation.reports.document import Grid, Kind, Picture, Section
from valuation.reports.forecast import PLAN_LEVEL, compared, forecast_grid, status
from valuation.reports.outturn import paid_by_valued, windows
from valuation.reports.subject import Subject
from valuation.structure.sources import collections_of
from valuation.structure.study import CONSEQUENCE_NAMES, TRIGGER_NAMES, Study
from valuation.structure.terms import parse_terms
from web import charts, formats

SHOWN_POOLS = 12
SHOWN_STRUCTURES = 5
OLDEST_DAYS = 400
DETAILED_POOLS = 3


def forecast_section(subject: Subject) -> Section:
    """The oldest valuation of the last year against what its customers paid since."""
    grid = actual_against_forecast(subject)
    found = []
    if len(grid.rows) > 1:
        chart = charts.lines(
            _("Revenue expected and paid"),
            [row[0] for row in grid.rows],
            [
                (_("Expected"), [round(row[1] * 100) for row in grid.rows]),
                (_("Actual"), [round(row[2] * 100) for row in grid.rows]),
            ],
            kind="money",
        )
        found.append(Picture(chart, "lines"))
    lead = ""
    if grid.rows:
        last = grid.rows[-1]
        lead = _("Since then %(share)s of what was expected was paid; the trigger %(state)s.") % {
            "share": formats.percent(last[4]),
            "state": last[6],
        }
    return Section(_("Actual against forecast"), (), [grid], (), found, lead)


def actual_against_forecast(subject: Subject) -> Grid:
    """Months of the forecast that have ended since the oldest valuation of the last year."""
    level = plan_level(subject)
    recent = [
        one
        for one in subject.former
        if (subject.valuation.as_of - one.valuation.as_of).days <= OLDEST_DAYS
    ]
    if not recent:
        return forecast_grid([], None, level)
    oldest = recent[-1]
    expected = oldest.monthly["revenue_fen"]
    months = windows(oldest.valuation.as_of, subject.valuation.as_of, len(expected))
    paid = paid_by_valued(oldest.valuation_id, subject.stores, months)
    lines = compared(
        [start for start, _end in months],
        [fen / 100 for fen in expected[: len(months)]],
        [fen / 100 for fen in paid],
    )
    return forecast_grid(lines, oldest.valuation.as_of, level)


def plan_level(subject: Subject) -> float:
    """Of the unit's newest structure that watches it, else the preset."""
    rows = Structure.objects.visible_to(current_access()).filter(unit=subject.unit)
    for one in rows.order_by("-created_at")[:20]:
        level = parse_terms(one.terms).plan
        if level > 0:
            return level
    return PLAN_LEVEL


def pool_section(subject: Subject) -> Section:
    """Pools cut at the unit or below it, and structures laid over the unit's flows."""
    pools = list(
        Pool.objects.visible_to(current_access())
        .filter(unit_id__in=subject.below, valuation__as_of__lte=subject.valuation.as_of)
        .select_related("valuation", "unit")
        .order_by("-created_at")[:SHOWN_POOLS]
    )
    tracked = [(pool, *_tracked(subject, pool)) for pool in pools]
    grids = []
    if pools:
        grids.append(_pools_grid(subject, tracked))
        grids += [grid for _pool, lines, grid in tracked[:DETAILED_POOLS] if lines]
    structures = _structures_grid(subject)
    if structures.rows:
        grids.append(structures)
    notes = []
    if not pools:
        notes.append(_("No pool has been cut at this unit or below it."))
    if not structures.rows:
        notes.append(_("No structure has been saved for this unit."))
    return Section(_("Pools and structures"), (), grids, notes)


def _tracked(subject: Subject, pool: Pool) -> tuple[list[Any], Grid]:
    expected = pool.monthly["revenue_fen"]
    cut = pool.valuation.as_of
    paid = actuals_of(pool).revenue_fen
    months = windows(cut, subject.valuation.as_of, len(paid))
    lines = compared(
        [start for start, _end in months],
        [fen / 100 for fen in expected[: len(months)]],
        [fen / 100 for fen in paid[: len(months)]],
    )
    grid = forecast_grid(lines, cut, PLAN_LEVEL, title=pool.name)
    return lines, grid


def _pools_grid(subject: Subject, tracked: list[tuple[Pool, list[Any], Grid]]) -> Grid:
    rows: list[list[Any]] = []
    for pool, lines, _grid in tracked:
        last = lines[-1] if lines else None
        rows.append(
            [
                pool.name,
                subject.named(pool.unit_id),
                pool.valuation.as_of.isoformat(),
                pool.customers,
                pool.value_fen / 100,
                pool.p5_fen / 100,
                pool.p95_fen / 100,
                len(lines),
                None if last is None else last.cumulative,
                _("no month has ended yet") if last is None else status(last, PLAN_LEVEL),
            ]
        )
    heads: list[tuple[str, Kind]] = [
        *((_("Pool"), "text"), (_("Unit"), "text"), (_("Cut-off"), "text")),
        *((_("Customers"), "integer"), (_("Value"), "money"), ("P5", "money"), ("P95", "money")),
        *((_("Months since"), "integer"), (_("Actual ÷ expected"), "percent")),
        (_("Trigger"), "text"),
    ]
    return Grid(_("Cut pools"), heads, rows)


def _structures_grid(subject: Subject) -> Grid:
    """Triggers of the newest version of each structure, in its base case."""
    stored = (
        Structure.objects.visible_to(current_access())
        .filter(unit=subject.unit)
        .order_by("name", "-version")
        .distinct("name")[:SHOWN_STRUCTURES]
    )
    rows: list[list[Any]] = []
    for one in stored:
        try:
            collections = collections_of(current_access(), one.source)
            triggers = Study(parse_terms(one.terms), collections).triggers
        except Refused:
            rows.append([f"{one.name} v{one.version}", _("cannot be laid over today's flows")])
            rows[-1] += [None] * 4 + [""]
            continue
        rows += [
            [
                f"{one.name} v{one.version}",
                _(TRIGGER_NAMES[trigger.measure]),
                trigger.level,
                trigger.lowest,
                trigger.headroom,
                trigger.first,
                _(CONSEQUENCE_NAMES[trigger.consequence]),
            ]
            for trigger in triggers
        ]
    heads: list[tuple[str, Kind]] = [
        *((_("Structure"), "text"), (_("Trigger"), "text"), (_("Level"), "ratio")),
        *((_("Lowest"), "ratio"), (_("Headroom"), "ratio")),
        *((_("Tripped in month"), "integer"), (_("Consequence"), "text")),
    ]
    return Grid(_("Triggers of structures, base case"), heads, rows)

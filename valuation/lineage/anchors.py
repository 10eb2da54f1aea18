"""Where a figure was stored: a recorded month of a unit, or a valuation's unit."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from organization.access import Access
from organization.models import Unit
from valuation.changes import steps_between
from valuation.indicators.definition import Definition
from valuation.indicators.measuring import month_end
from valuation.indicators.records import UnitIndicators
from valuation.lineage.registry import AT_VALUATION, with_valuation_names
from valuation.lineage.value_parts import STEP_FIGURES, part_counters
from valuation.models import Valuation, ValuedUnit
from valuation.shown import Shown
from web import formats

COHORT_COUNTERS = ("cohort_customers", "cohort_active", "cohort_revenue_fen", "cohort_margin_fen")


@dataclass(frozen=True)
class Anchor:
    """The stored counters of a unit and of its children, and until when rows count.

    ``end``: windows end before this day. ``definition``: version and digest of the definition by
    which it was made. ``shown``: the stored figure where it does not follow from counters.
    """

    unit: Unit
    valuation: Valuation
    end: dt.date
    counters: Mapping[str, int]
    children: list[tuple[Unit, Mapping[str, int]]]
    month: dt.date | None
    definition: str
    left_out: Mapping[str, list[str]]
    figure: float | None
    recorded: dt.datetime
    peers: Mapping[str, Any]

    @property
    def at(self) -> str:
        return "valuation" if self.month is None else f"{self.month:%Y-%m}"

    @property
    def at_text(self) -> str:
        return formats.date(self.end) if self.month is None else formats.month(self.month)


def newest_rows(access: Access, units: list[int], months: list[dt.date]) -> list[UnitIndicators]:
    """The newest recording of each unit and month, with its run."""
    found: list[UnitIndicators] = list(
        UnitIndicators.objects.visible_to(access)
        .filter(unit_id__in=units, month__in=months)
        .order_by("unit_id", "month", "-run_id")
        .distinct("unit_id", "month")
        .select_related("run", "run__valuation")
    )
    return found


def month_anchor(
    access: Access, unit: Unit, units: Mapping[int, Unit], definition: Definition, month: dt.date
) -> Anchor | None:
    """The recorded month; None where it was not recorded."""
    below = [one for one in units.values() if one.parent_id == unit.pk]
    rows = {r.unit_id: r for r in newest_rows(access, [unit.pk, *(u.pk for u in below)], [month])}
    own = rows.get(unit.pk)
    if own is None:
        return None
    children = [(one, rows[one.pk].counters) for one in below if one.pk in rows]
    return Anchor(
        unit=unit,
        valuation=own.run.valuation,
        end=month_end(month),
        counters=own.counters,
        children=children,
        month=month,
        definition=own.run.definitions.get(definition.key, ""),
        left_out=own.left_out,
        figure=own.figures.get(definition.key),
        recorded=own.run.created_at,
        peers=own.peers,
    )


def valuation_anchor(
    access: Access,
    unit: Unit,
    units: Mapping[int, Unit],
    definition: Definition,
    valuation: Valuation,
    cohort: tuple[str, int] | None = None,
) -> Anchor | None:
    """The valuation's unit; None where it has none or the figure is no figure of a valuation."""
    if definition.key not in AT_VALUATION and definition.key not in STEP_FIGURES:
        return None
    below = [one for one in units.values() if one.parent_id == unit.pk]
    rows = {
        one.unit_id: one
        for one in ValuedUnit.objects.visible_to(access).filter(
            valuation=valuation, unit_id__in=[unit.pk, *(u.pk for u in below)]
        )
    }
    own = rows.get(unit.pk)
    if own is None:
        return None
    counters = _counters(own, cohort)
    if definition.key in STEP_FIGURES:
        former = former_of(valuation, unit.pk)
        if former is None:
            return None
        steps = steps_between(former, valuation, Shown(access, valuation, unit, own, dict(units)))
        counters |= {f"change_{one.step}_fen": one.amount_fen for one in steps}
    return Anchor(
        unit=unit,
        valuation=valuation,
        end=valuation.as_of,
        counters=counters,
        children=[(one, _counters(rows[one.pk], cohort)) for one in below if one.pk in rows],
        month=None,
        definition=f"{definition.version}·{definition.digest}",
        left_out={},
        figure=definition.value(counters),
        recorded=valuation.created_at,
        peers=own.peers.get("quantiles", {}),
    )


def former_of(valuation: Valuation, unit_id: int) -> Valuation | None:
    """The newest valuation of an earlier date that has the unit; None for the first."""
    rows = ValuedUnit.objects.filter(unit_id=unit_id, valuation__as_of__lt=valuation.as_of)
    found = (
        rows.select_related("valuation__assumptions", "valuation__score_set")
        .only("valuation")
        .order_by("-valuation__as_of", "-valuation__created_at")
        .first()
    )
    return None if found is None else found.valuation


def _counters(row: ValuedUnit, cohort: tuple[str, int] | None) -> dict[str, int]:
    found = with_valuation_names(row.counters)
    found |= {"undiscounted_fen": row.undiscounted_fen} | part_counters(row)
    for name in ("visits", "revenue_fen", "margin_fen"):
        if row.operations.get(name):
            found[f"month_{name}"] = row.operations[name][-1]
    return found | (_cohort(row.cohorts, *cohort) if cohort else {})


def _cohort(stored: Mapping[str, Any], quarter: str, elapsed: int) -> dict[str, int]:
    """Counters of one cell of the heat map; a cohort that a unit does not have is empty."""
    if quarter not in stored["quarters"]:
        return dict.fromkeys(COHORT_COUNTERS, 0)
    number = stored["quarters"].index(quarter)
    active = stored["active"][number]
    inside = elapsed < len(active)
    return {
        "cohort_customers": stored["customers"][number],
        "cohort_active": active[elapsed] if inside else 0,
        "cohort_revenue_fen": stored["revenue_fen"][number][elapsed] if inside else 0,
        "cohort_margin_fen": sum(stored["margin_fen"][number][: elapsed + 1]),
    }

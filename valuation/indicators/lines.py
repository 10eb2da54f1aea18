"""The indicators of a unit's month as lines: value, change, trend, target, band, peers, alarms."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from customers.models import Comparable, Task
from organization.access import Access
from organization.models import Unit
from valuation.bands import Band
from valuation.indicators import alarms, control, reading, wording
from valuation.indicators.alarms import Alarm
from valuation.indicators.band_choice import Bands, division_of
from valuation.indicators.definition import DIMENSIONS, MONTH, Definition
from valuation.indicators.definitions import of_dimension
from valuation.indicators.unit_months import UnitMonths, change_of_year
from valuation.models import ValuedUnit
from web import formats
from web.shell import Text, Tone

TREND = 13


@dataclass(frozen=True)
class Line:
    """One indicator of the unit's month, as the table shows it."""

    definition: Definition
    value: float | None
    href: str
    change: float | None
    trend: list[float | None]
    target: float | None
    band: Band | None
    place: float | None
    peers: int
    lacking: list[str]
    why_none: Text
    anomaly: str
    has_task: bool
    task_href: str

    @property
    def text(self) -> str:
        return wording.written(self.definition, self.value)

    @property
    def target_text(self) -> str:
        return "" if self.target is None else wording.written(self.definition, self.target)

    @property
    def missed(self) -> bool:
        if self.target is None or self.value is None or self.target <= 0:
            return False
        if self.definition.better == "down":
            return self.value > 1.1 * self.target
        return self.value < 0.9 * self.target

    @property
    def band_name(self) -> str:
        return _(self.band.name) if self.band else ""

    @property
    def anomaly_text(self) -> str:
        return {
            "limits": _("off its own control limits"),
            "peers": _("lowest tenth of its peers"),
        }.get(self.anomaly, "")

    @property
    def benchmark_text(self) -> str:
        known = self.definition.benchmark
        return "" if known is None else wording.written(self.definition, known[0])

    @property
    def band_tone(self) -> Tone:
        return wording.LEVEL_TONES[self.band.level] if self.band else "neutral"

    @property
    def delta_kind(self) -> str:
        return wording.delta_kind(self.definition)

    @property
    def place_text(self) -> str:
        return formats.percent(self.place, 0)

    @property
    def lacking_text(self) -> str:
        return _("without %(stores)s: gaps in the books") % {
            "stores": wording.code_list(self.lacking)
        }


def lines_of(access: Access, units: Mapping[int, Unit], found: UnitMonths) -> dict[str, list[Line]]:
    """The indicators by dimension, in the order of the definitions."""
    unit, last = found.unit, found.last
    division, age = division_of(unit, units), str(last.peers.get("car_age", ""))
    bands, before = Bands.read(access), found.year_before
    goals = reading.targets(last.month, last.month)
    with_task = set(open_tasks(access, unit).values_list("metric", flat=True))

    def line(definition: Definition) -> Line:
        key = definition.key
        value = last.figures.get(key)
        place, peers = found.place(key)
        declared = goals.get((unit.pk, last.month, definition.target))
        return Line(
            definition=definition,
            value=value,
            href=figure_href(unit, key, last.month),
            change=change_of_year(definition, value, before.figures.get(key) if before else None),
            trend=found.series(key, TREND),
            target=wording.target_value(definition, declared),
            band=bands.band(key, value, division, age),
            place=place,
            peers=peers,
            lacking=found.lacking(definition) if unit.level != Unit.Level.STORE else [],
            why_none="" if value is not None else why_none(found, definition),
            anomaly=control.anomaly(
                found.series(key),
                monthly=definition.window is MONTH,
                better=definition.better,
                place=place,
                peers=peers,
            )
            or "",
            has_task=key in with_task,
            task_href=reverse("new_task", args=[unit.code, key]),
        )

    return {name: [line(one) for one in of_dimension(name)] for name in DIMENSIONS}


def figure_href(unit: Unit, key: str, month: dt.date) -> str:
    return f"{reverse('figure', args=[unit.code, key])}?at={month:%Y-%m}"


def why_none(found: UnitMonths, definition: Definition) -> Text:
    """Why there is no figure, in words a person can act on."""
    left = found.last.left_out
    if definition.gaps and left.get(definition.gaps):
        if left.get("months"):
            return _("books lack %(months)s") % {"months": wording.code_list(left["months"])}
        if left.get("partial"):
            return _("a cost is missing in %(months)s") % {
                "months": wording.code_list(left["partial"][:3])
            }
        return _("no books for the whole window")
    if definition.key == "payback" and found.last.figures.get("ltv_cac") is not None:
        return _("not within the horizon of the valuation")
    return {
        "inputs": _("not entered yet"),
        "valued": _("only for the month of a valuation, with new customers and marketing"),
        "books": _("books do not reach far enough back"),
        "surveys": _("no answers in the window"),
        "policies": _("no policies ended in the window"),
        "marketing": _("no new customers, or no marketing spend"),
    }.get(definition.evidence, _("nobody in the window"))


def open_tasks(access: Access, unit: Unit) -> Any:
    return Task.objects.visible_to(access).filter(unit=unit).exclude(status=Task.Status.CLOSED)


def alarms_of(access: Access, found: UnitMonths) -> list[Alarm]:
    """Every trap that the unit's figures fall into."""
    now = found.last.figures
    before = found.year_before.figures if found.year_before else {}
    valued = ValuedUnit.objects.visible_to(access).filter(
        valuation_id=found.last.run.valuation_id, unit=found.unit
    )
    monthly = valued.values_list("monthly", flat=True).first() or {}
    comparables = Comparable.objects.visible_to(access).filter(ps_multiple__gt=0)
    return [
        *alarms.leaking(now, before),
        *alarms.vanity(now),
        *alarms.changed_definitions(found.rows),
        *alarms.forecast(monthly),
        *alarms.too_few_comparables(comparables.values("name").distinct().count()),
    ]

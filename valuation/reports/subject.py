"""What a report is about: a unit, its approved valuation, the valuations before, its records."""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from organization.access import Access, current_access
from organization.models import Unit
from valuation.models import Approval, Valuation, ValuedUnit
from valuation.reports.records import Reading, months_before
from valuation.shown import Shown
from valuation.units import Tree

MONTH_DAYS = (20, 45)
YEAR_DAYS = (330, 400)
HISTORY = 36


@dataclass(frozen=True)
class Subject:
    """The unit, its approved valuation, its stores and the records of its months."""

    valued: ValuedUnit
    approval: Approval
    stores: list[int]
    units: dict[int, Unit]
    language: str

    @classmethod
    def of(cls, access: Access, valuation: Valuation, unit: Unit, language: str) -> "Subject":
        """Read inside an entered access; raises Approval.DoesNotExist for one not approved."""
        rows = ValuedUnit.objects.visible_to(access).filter(valuation=valuation)
        valued = rows.select_related("unit", "valuation__assumptions").get(unit=unit)
        approval = Approval.objects.visible_to(access).get(valuation=valuation)
        tree = Tree.read()
        stores = [one.id for one in tree.stores if unit.pk in one.path]
        units = {one.pk: one for one in Unit.objects.visible_to(access).order_by("code")}
        return cls(valued, approval, stores, units, language)

    @property
    def unit(self) -> Unit:
        unit: Unit = self.valued.unit
        return unit

    @property
    def valuation(self) -> Valuation:
        valuation: Valuation = self.valued.valuation
        return valuation

    @property
    def approved_by(self) -> str:
        return f"{self.approval.approved_by} · {self.approval.approved_at:%Y-%m-%d}"

    @property
    def months(self) -> list[dt.date]:
        return months_before(self.valuation.as_of)

    @property
    def reading(self) -> Reading:
        return Reading(self.stores, self.months, self.valuation.pk)

    @cached_property
    def shown(self) -> Shown:
        """The same as pages of the valuation know it, for their charts."""
        return Shown(current_access(), self.valuation, self.unit, self.valued, self.units)

    @cached_property
    def former(self) -> list[ValuedUnit]:
        """The unit in earlier valuations, one a date (the one made last), the newest first."""
        rows = (
            ValuedUnit.objects.visible_to(current_access())
            .filter(unit=self.unit, valuation__as_of__lt=self.valuation.as_of)
            .select_related("valuation__assumptions")
            .order_by("-valuation__as_of", "-valuation__created_at")
            .defer("cohorts", "mix", "seed_formula", "bridge", "peers")
        )
        by_day: dict[dt.date, ValuedUnit] = {}
        for one in rows[: 2 * HISTORY]:
            by_day.setdefault(one.valuation.as_of, one)
        return list(by_day.values())[:HISTORY]

    def _between(self, days: tuple[int, int]) -> ValuedUnit | None:
        def age(one: ValuedUnit) -> int:
            since: dt.timedelta = self.valuation.as_of - one.valuation.as_of
            return since.days

        middle = sum(days) / 2
        near = [one for one in self.former if days[0] <= age(one) <= days[1]]
        return min(near, key=lambda one: abs(age(one) - middle), default=None)

    @cached_property
    def month_before(self) -> ValuedUnit | None:
        """The unit about a month before; None where nothing was valued then."""
        return self._between(MONTH_DAYS)

    @cached_property
    def year_before(self) -> ValuedUnit | None:
        """The unit about a year before; None where nothing was valued then."""
        return self._between(YEAR_DAYS)

    def named(self, unit_id: int) -> str:
        """A unit's name; its number where it is not visible."""
        return self.units[unit_id].name if unit_id in self.units else str(unit_id)

    @property
    def below(self) -> list[int]:
        """The unit and all units under it."""
        return [pk for pk, one in self.units.items() if self.unit.pk in one.path]


def identity_of(subject: Subject) -> dict[str, Any]:
    """What identifies the edition of a report: unit, date, valuation, input."""
    valuation = subject.valuation
    return {
        "unit": subject.unit.code,
        "as_of": valuation.as_of.isoformat(),
        "input_hash": valuation.input_hash,
    }

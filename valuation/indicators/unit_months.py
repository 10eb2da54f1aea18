"""A unit's recorded months as pages read them: the newest row of each, figures by month."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from organization.access import Access
from organization.models import Unit
from valuation.indicators.definition import Definition
from valuation.indicators.records import UnitIndicators
from valuation.lineage.anchors import newest_rows

SHOWN = 25


@dataclass(frozen=True)
class UnitMonths:
    """Recorded months of a unit up to the one shown, oldest first; at most two years and one."""

    unit: Unit
    rows: list[UnitIndicators]

    @property
    def last(self) -> UnitIndicators:
        return self.rows[-1]

    @cached_property
    def by_month(self) -> Mapping[dt.date, UnitIndicators]:
        return {row.month: row for row in self.rows}

    @property
    def year_before(self) -> UnitIndicators | None:
        return self.by_month.get(year_before(self.last.month))

    def series(self, key: str, months: int = SHOWN) -> list[float | None]:
        """Figures of the last ``months`` calendar months; None for one that was not recorded."""
        return [
            self.by_month[month].figures.get(key) if month in self.by_month else None
            for month in months_until(self.last.month, months)
        ]

    def place(self, key: str) -> tuple[float | None, int]:
        """Share of peers that the unit beats, and how many peers there are."""
        stored = self.last.peers.get(key)
        return (float(stored[0]), int(stored[1])) if stored else (None, 0)

    def lacking(self, definition: Definition) -> list[str]:
        """Codes of stores left out of a figure, because of gaps in their books."""
        return list(self.last.left_out.get(definition.gaps, ())) if definition.gaps else []


def year_before(month: dt.date) -> dt.date:
    return month.replace(year=month.year - 1)


def months_until(last: dt.date, count: int) -> list[dt.date]:
    number = last.year * 12 + last.month - 1
    return [dt.date((number - b) // 12, (number - b) % 12 + 1, 1) for b in range(count - 1, -1, -1)]


def recorded_months(access: Access, unit: Unit) -> list[dt.date]:
    """Months that a unit has a recording of, the newest first."""
    return list(
        UnitIndicators.objects.visible_to(access)
        .filter(unit=unit)
        .order_by("-month")
        .values_list("month", flat=True)
        .distinct()[:60]
    )


def unit_months(access: Access, unit: Unit, month: dt.date) -> UnitMonths | None:
    """Two years up to ``month``; None where that month was not recorded."""
    rows = newest_rows(access, [unit.pk], months_until(month, SHOWN))
    rows.sort(key=lambda row: row.month)
    if not rows or rows[-1].month != month:
        return None
    return UnitMonths(unit, rows)


def change_of_year(definition: Definition, now: float | None, before: float | None) -> float | None:
    """Relative change of amounts, difference of rates; None without either."""
    if now is None or before is None:
        return None
    if definition.kind in ("percent", "points", "times", "months"):
        return now - before
    return now / before - 1.0 if before > 0 else None

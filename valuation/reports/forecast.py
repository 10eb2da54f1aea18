"""What a former valuation expected of each month since, against what its customers then paid."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from valuation.reports.document import Grid

PLAN_LEVEL = 0.85


@dataclass(frozen=True)
class Month:
    """One month: revenue expected and paid in yuan, and the running ratio of both."""

    month: dt.date
    expected: float
    actual: float
    cumulative: float

    @property
    def ratio(self) -> float | None:
        return self.actual / self.expected if self.expected > 0 else None


def compared(
    months: Sequence[dt.date], expected: Sequence[float], actual: Sequence[float]
) -> list[Month]:
    """Months since the forecast, with the ratio of all that was paid to all that was expected."""
    found = []
    due = paid = 0.0
    for month, plan, real in zip(months, expected, actual, strict=True):
        due, paid = due + plan, paid + real
        found.append(Month(month, plan, real, paid / due if due > 0 else 1.0))
    return found


def status(line: Month, level: float = PLAN_LEVEL) -> str:
    """Words for the state of the trigger on collections against plan."""
    headroom = line.cumulative - level
    return _("passes") if headroom >= 0 else _("breached")


def forecast_grid(
    lines: Sequence[Month], former: dt.date | None, level: float, title: str = ""
) -> Grid:
    """The table; without an earlier valuation it says so and stays empty."""
    if former is None:
        note = _("There is no earlier valuation yet to hold against what came.")
    else:
        note = _("Revenue expected by the valuation as of %(day)s; trigger at %(level)s.") % {
            "day": former.isoformat(),
            "level": f"{level:.2f}",
        }
    rows = [
        [
            one.month.isoformat(),
            one.expected,
            one.actual,
            one.ratio,
            one.cumulative,
            one.cumulative - level,
            status(one, level),
        ]
        for one in lines
    ]
    return Grid(
        f"{_('Actual against forecast')}: {title}" if title else _("Actual against forecast"),
        [
            (_("Month from"), "text"),
            (_("Expected"), "money"),
            (_("Actual"), "money"),
            (_("Actual ÷ expected"), "percent"),
            (_("Cumulative"), "percent"),
            (_("Headroom"), "percent"),
            (_("Trigger"), "text"),
        ],
        rows,
        note=note,
    )

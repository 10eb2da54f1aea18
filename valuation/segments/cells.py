"""Scored customers by risk and grade, and by the week in which their next service is due."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import TruncWeek
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ml.grades import GRADE_SHARES
from ml.models import Score, ScoreSet
from ml.workload import monday_of
from organization.access import Access
from web import formats

LOST = "lost"
"""Not seen for 24 months: outside the churn population."""

RISKS: dict[str, Promise] = {
    "high": gettext_lazy("High"),
    "medium": gettext_lazy("Medium"),
    "low": gettext_lazy("Low"),
    LOST: gettext_lazy("Lost (24 months without a visit)"),
}
GRADES = tuple(GRADE_SHARES)
DUE_WEEKS = 12
# Weeks overdue, first and last.
OVERDUE: dict[str, tuple[int, int | None]] = {
    "over52": (53, None),
    "over26": (27, 52),
    "over13": (14, 26),
    "over4": (5, 13),
    "over0": (1, 4),
}
LATER, UNKNOWN = "later", "unknown"
DUE_LABELS: dict[str, Promise] = {
    "over52": gettext_lazy("Overdue by more than 52 weeks"),
    "over26": gettext_lazy("Overdue by 27 to 52 weeks"),
    "over13": gettext_lazy("Overdue by 14 to 26 weeks"),
    "over4": gettext_lazy("Overdue by 5 to 13 weeks"),
    "over0": gettext_lazy("Overdue by 1 to 4 weeks"),
    LATER: gettext_lazy("Later"),
    UNKNOWN: gettext_lazy("No due date known"),
}
_SUMS = {
    "customers": Count("customer_id"),
    "visits": Sum("expected_visits_12m"),
    "margin_fen": Sum("expected_margin_12m_fen"),
    "value_fen": Sum("ltv_fen"),
}


@dataclass
class Cell:
    """Customers with their expected visits and margin of 12 months, and their value."""

    customers: int = 0
    visits: float = 0.0
    margin_fen: int = 0
    value_fen: int = 0

    def add(self, row: Mapping[str, Any]) -> None:
        self.customers += row["customers"]
        self.visits += row["visits"]
        self.margin_fen += row["margin_fen"]
        self.value_fen += row["value_fen"]

    def as_row(self) -> dict[str, Any]:
        return dict(vars(self))


def scores_of(access: Access, score_set: ScoreSet, stores: Sequence[int]) -> QuerySet[Score]:
    """The visible scores of home customers of these stores."""
    rows: QuerySet[Score] = Score.objects.visible_to(access)
    return rows.filter(score_set=score_set, store_id__in=stores)


def risk_by_grade(rows: QuerySet[Score]) -> dict[tuple[str, str], Cell]:
    """A cell for every risk of ``RISKS`` and grade; together they are all of ``rows``."""
    found = {(risk, grade): Cell() for risk in RISKS for grade in GRADES}
    grouped = rows.order_by().values("in_churn_population", "risk", "grade").annotate(**_SUMS)
    for row in grouped:
        risk = row["risk"] if row["in_churn_population"] else LOST
        found.setdefault((risk, row["grade"]), Cell()).add(row)
    return found


@dataclass
class DueCalendar:
    """``whole``: by class of ``due_classes``; ``by_store``: the same by store id."""

    monday: date
    whole: dict[str, Cell]
    by_store: dict[int, dict[str, Cell]] = field(default_factory=dict)

    def of_stores(self, stores: Sequence[int]) -> dict[str, Cell]:
        """The classes of some stores together."""
        found = {name: Cell() for name in self.whole}
        for store in stores:
            for name, cell in self.by_store.get(store, {}).items():
                found[name].add(cell.as_row())
        return found


def due_classes() -> tuple[str, ...]:
    """Overdue classes, the longest first, then weeks ``week0`` (the running one) and on."""
    return (*OVERDUE, *(f"week{n}" for n in range(DUE_WEEKS)), LATER, UNKNOWN)


def due_class(week: date | None, monday: date) -> str:
    """The class of a due date by the Monday of its week; ``monday`` is that of the as-of date."""
    if week is None:
        return UNKNOWN
    ahead = (week - monday).days // 7
    if ahead >= DUE_WEEKS:
        return LATER
    if ahead >= 0:
        return f"week{ahead}"
    return next(name for name, (first, _last) in OVERDUE.items() if first <= -ahead)


def due_range(name: str, monday: date) -> tuple[date | None, date | None] | None:
    """First day and the day after the last of a class with dates; None for any other name."""
    if name in OVERDUE:
        first, last = OVERDUE[name]
        start = None if last is None else monday - timedelta(weeks=last)
        return start, monday - timedelta(weeks=first - 1)
    if name == LATER:
        return monday + timedelta(weeks=DUE_WEEKS), None
    number = name.removeprefix("week")
    if name in due_classes() and number.isdecimal():
        start = monday + timedelta(weeks=int(number))
        return start, start + timedelta(weeks=1)
    return None


def due_label(name: str, monday: date) -> str:
    """The class in words; weeks by their Monday."""
    if name in DUE_LABELS:
        return str(DUE_LABELS[name])
    start = monday + timedelta(weeks=int(name.removeprefix("week")))
    return _("Due in the week of %(monday)s") % {"monday": formats.date(start)}


def due_calendar(rows: QuerySet[Score], as_of: date) -> DueCalendar:
    """Customers who bought or came in the last 24 months by the week of their next service."""
    monday = monday_of(as_of)
    found = DueCalendar(monday, {name: Cell() for name in due_classes()})
    grouped = (
        rows.filter(in_churn_population=True)
        .order_by()
        .annotate(week=TruncWeek("due_on"))
        .values("store_id", "week")
        .annotate(**_SUMS)
    )
    for row in grouped:
        name = due_class(row["week"], monday)
        found.whole[name].add(row)
        own = found.by_store.setdefault(row["store_id"], {})
        own.setdefault(name, Cell()).add(row)
    return found


@dataclass(frozen=True)
class Filter:
    """Which customers a list shows; as it stands in the address. Unknown words are left out."""

    risk: str = ""
    grade: str = ""
    due: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Filter":
        risk, grade, due = (query.get(name, "") for name in ("risk", "grade", "due"))
        return cls(
            risk if risk in RISKS else "",
            grade if grade in GRADES else "",
            due if due in due_classes() else "",
        )

    @property
    def query(self) -> str:
        return "&".join(f"{name}={value}" for name, value in vars(self).items() if value)

    def words(self, as_of: date) -> list[str]:
        """What the list is of, for people."""
        found = []
        if self.risk:
            found.append(_("Risk: %(risk)s") % {"risk": RISKS[self.risk]})
        if self.grade:
            found.append(_("Grade %(grade)s") % {"grade": self.grade})
        if self.due:
            found.append(due_label(self.due, monday_of(as_of)))
        return found

    def chosen(self, rows: QuerySet[Score], as_of: date) -> QuerySet[Score]:
        if self.risk == LOST:
            rows = rows.filter(in_churn_population=False)
        elif self.risk:
            rows = rows.filter(in_churn_population=True, risk=self.risk)
        if self.grade:
            rows = rows.filter(grade=self.grade)
        if self.due:
            rows = self._due(rows.filter(in_churn_population=True), as_of)
        return rows

    def _due(self, rows: QuerySet[Score], as_of: date) -> QuerySet[Score]:
        days = due_range(self.due, monday_of(as_of))
        if days is None:
            return rows.filter(due_on=None)
        start, end = days
        if start is not None:
            rows = rows.filter(due_on__gte=start)
        return rows.filter(due_on__lt=end) if end is not None else rows

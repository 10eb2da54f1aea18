"""Tables described by columns: cell formats, sorting by links, totals."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest

from web import formats
from web.shell import Text

FORMATS: dict[str, Callable[[Any], str]] = {
    "text": lambda value: formats.NOT_KNOWN if value in (None, "") else str(value),
    "integer": formats.integer,
    "decimal": formats.decimal,
    "ratio": lambda value: formats.decimal(value, 3),
    "compact": formats.compact,
    "money": formats.money,
    "money_exact": formats.money_exact,
    "percent": formats.percent,
    "whole_percent": lambda share: formats.percent(share, 0),
    "points": formats.points,
    "change": formats.change,
    "km": formats.km,
    "date": formats.date,
    "instant": formats.instant,
    "month": formats.month,
    "days_ago": formats.days_ago,
    "phone": formats.masked_phone,
    # A figure that the page has written already.
    "figure": str,
}
NUMERIC = {
    "integer",
    "decimal",
    "ratio",
    "compact",
    "money",
    "money_exact",
    "percent",
    "whole_percent",
    "points",
    "change",
    "km",
    "figure",
}


@dataclass(frozen=True)
class Column:
    """``key`` names the attribute or mapping key; ``value`` (a callable) overrides it.

    ``format`` is a key of :data:`FORMATS`, or ``"html"`` for a value that is safe markup already.
    ``order`` is the ORM field to sort by (default: not sortable). ``link`` gives a row's address.
    """

    key: str
    label: Text
    format: str = "text"
    order: str = ""
    value: Callable[[Any], Any] | None = None
    link: Callable[[Any], str] | None = None
    hide_on_phone: bool = False
    wrap: bool = False
    help: Text = ""

    @property
    def css(self) -> str:
        classes = ["num"] if self.format in NUMERIC else ["wrap"] if self.wrap else ["nowrap"]
        return " ".join([*classes, *(["hide-phone"] if self.hide_on_phone else [])])

    def raw(self, row: Any) -> Any:
        if self.value is not None:
            return self.value(row)
        return row[self.key] if isinstance(row, Mapping) else getattr(row, self.key)

    def text(self, row: Any) -> Any:
        raw = self.raw(row)
        return raw if self.format == "html" else FORMATS[self.format](raw)


@dataclass(frozen=True)
class Cell:
    text: Any
    css: str
    href: str = ""


@dataclass(frozen=True)
class Row:
    cells: list[Cell]
    tone: str


@dataclass(frozen=True)
class Sorting:
    """A column key and a direction, as it stands in the address (``?sort=-visits``)."""

    key: str
    descending: bool = False

    @classmethod
    def of(cls, request: HttpRequest, columns: Iterable[Column], default: str) -> "Sorting":
        """Read ``?sort=``; a column that cannot be sorted by falls back to ``default``."""
        sortable = {column.key for column in columns if column.order}
        asked = request.GET.get("sort", "")
        chosen = asked if asked.removeprefix("-") in sortable else default
        return cls(chosen.removeprefix("-"), chosen.startswith("-"))

    def order_by(self, columns: Iterable[Column]) -> str:
        """The ORM ordering expression of the chosen column."""
        field_name = next(column.order for column in columns if column.key == self.key)
        return f"-{field_name}" if self.descending else field_name


@dataclass(frozen=True)
class Table:
    """Rows (mappings or objects) under columns. ``tone`` marks a row ``"bad"`` or ``"warn"``;
    ``total`` is one more row for the foot; ``caption`` is read out before the table. ``css``:
    ``wide`` scrolls sideways in its place, ``tall`` also scrolls down."""

    columns: Sequence[Column]
    rows: Iterable[Any]
    caption: Text = ""
    sorting: Sorting | None = None
    tone: Callable[[Any], str] | None = None
    total: Any = None
    empty: Text = ""
    tight: bool = False
    css: str = field(default="")

    def body(self) -> list[Row]:
        return [self._row(row) for row in self.rows]

    def foot(self) -> Row | None:
        return None if self.total is None else self._row(self.total, links=False)

    def _row(self, row: Any, *, links: bool = True) -> Row:
        cells = [
            Cell(c.text(row), c.css, c.link(row) if links and c.link else "") for c in self.columns
        ]
        return Row(cells, self.tone(row) if links and self.tone else "")

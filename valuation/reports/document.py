"""A report as data: sections of figures and tables, written by others as XLSX, PDF or HTML."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from web import formats
from web.charts import Figure as Chart

# A "figure" has been written already; it stands where numbers stand.
Kind = Literal["text", "money", "integer", "percent", "ratio", "points", "months", "figure"]

# A formula of a cell: told where the cells of the data sheet are, it answers what stands after "=".
Formula = Callable[["Cells"], str]


@dataclass(frozen=True)
class Figure:
    """One line of the report. Values are None where something is not known: never left out.

    ``before`` is the month before, ``year`` the same month a year before (ratios: the same window
    then). ``formula`` is the figure in words, ``rows`` what it was counted from, ``excel`` the live
    formulas of value, month before and year before on the data sheet.
    """

    label: str
    value: float | None
    kind: Kind
    formula: str
    rows: str = ""
    before: float | None = None
    year: float | None = None
    target: str = ""
    status: str = ""
    excel: tuple[Formula | None, Formula | None, Formula | None] = (None, None, None)


@dataclass(frozen=True)
class Grid:
    """A table: heads with the kind of each column, rows, and whether a total of its columns is to
    stand below them."""

    title: str
    heads: Sequence[tuple[str, Kind]]
    rows: Sequence[Sequence[Any]]
    summed: bool = False
    note: str = ""
    # A chart on the same page shows every figure of it: the table stands in the workbook alone.
    on_paper: bool = True


@dataclass(frozen=True)
class Picture:
    """A chart and how a spreadsheet may draw it from its numbers: lines, bars, or not at all."""

    chart: Chart
    shape: Literal["lines", "bars", ""] = ""
    kind: Kind = "money"


@dataclass(frozen=True)
class Section:
    """``lead``: what a reader should take from it, in one or two sentences."""

    title: str
    figures: Sequence[Figure] = ()
    grids: Sequence[Grid] = ()
    notes: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    lead: str = ""


@dataclass(frozen=True)
class Document:
    """``facts``: as-of, version, approval and the like, for the head; ``notice`` is on every page;
    ``headline``: the figures of the cover, (label, value, what stands below it); ``stamp``: what
    identifies the edition, at the foot of every page; ``data``: the series that live formulas
    point at, label → (key, values), with their months."""

    title: str
    subtitle: str
    notice: str
    facts: Sequence[tuple[str, str]]
    sections: Sequence[Section]
    months: Sequence[str] = ()
    data: dict[str, tuple[str, Sequence[float | None]]] = field(default_factory=dict)
    headline: Sequence[tuple[str, str, str]] = ()
    stamp: str = ""


class Cells:
    """Addresses on the data sheet: series by key, months by position."""

    def __init__(self, rows: dict[str, int], first_column: int, sheet: str) -> None:
        self.rows = rows
        self.first_column = first_column
        self.sheet = sheet

    def span(self, key: str, last: int, window: int = 1) -> str:
        """The cells of ``window`` months up to position ``last`` of a series."""
        row = self.rows[key]
        end = column_name(self.first_column + last)
        if window == 1:
            return f"'{self.sheet}'!{end}{row}"
        begin = column_name(self.first_column + last - window + 1)
        return f"SUM('{self.sheet}'!{begin}{row}:{end}{row})"


def column_name(number: int) -> str:
    """1 → A, 27 → AA."""
    name = ""
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(65 + rest) + name
    return name


def written(value: Any, kind: Kind) -> str:
    """A value as text of a page or PDF; money is in yuan."""
    if value is None:
        return formats.NOT_KNOWN
    writers: dict[str, Callable[[Any], str]] = {
        "text": str,
        "figure": str,
        "money": lambda v: formats.money(round(v * 100)),
        "integer": formats.integer,
        "percent": formats.percent,
        "ratio": lambda v: formats.decimal(v, 2),
        "points": lambda v: formats.decimal(v, 1),
        "months": lambda v: formats.decimal(v, 0),
    }
    return writers[kind](value)


def change(figure: Figure, against: float | None) -> str:
    """MoM or YoY as text: relative for amounts, in points for shares and scores."""
    if figure.value is None or against is None:
        return formats.NOT_KNOWN
    if figure.kind == "percent":
        return formats.points(figure.value - against)
    if figure.kind in ("points", "months"):
        return formats.signed(formats.decimal(figure.value - against, 1))
    if against == 0:
        return formats.NOT_KNOWN
    return formats.signed(formats.percent(figure.value / against - 1.0))

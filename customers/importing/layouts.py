"""Foreign layouts: how a dealer-management system's own file becomes a file of the exchange format.

A layout renames and picks columns, adds constants, turns dates round, splits multi-values. Its
result is a table like any other, so checks, refusals and loading are those of the format; and the
refusal file speaks the format's column names, so that corrected it loads without the layout.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat

from customers.importing.columns import REMEMBERED, Column, normalised_header
from customers.importing.kinds.kind import Kind
from customers.importing.messages import FileRefused
from customers.importing.tables import MOST_COLUMNS, PARTS, Chunk, Table, nearest_titles
from customers.importing.text_files import NOTHING_KNOWN, Hints

# Orders of a date's parts: pattern and the groups of year, month and day.
_TIME = r"(?P<time>[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
_ORDERS = {
    "dmy": re.compile(rf"(?P<d>\d{{1,2}})[/.\- ](?P<m>\d{{1,2}})[/.\- ](?P<y>\d{{4}}){_TIME}"),
    "mdy": re.compile(rf"(?P<m>\d{{1,2}})[/.\- ](?P<d>\d{{1,2}})[/.\- ](?P<y>\d{{4}}){_TIME}"),
    "compact": re.compile(
        r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)(?:[ T]?(?P<H>\d\d):?(?P<M>\d\d)(?::?(?P<S>\d\d))?)?"
    ),
}
_DATED = ("date", "date and time", "month")
# The file of which one foreign row may become several: the jobs of one repair order.
_MULTIPLE = "visit_lines"


@dataclass(frozen=True)
class Layout:
    """How files of one foreign layout are read.

    Attributes:
        columns: column of the format → title in the file.
        constants: column of the format → text that every row gets where the file has nothing.
        dates: ``dmy``, ``mdy`` or ``compact`` (20260131, also with 1530); empty: as in the format.
        separator: what joins several values in one cell, ``^`` for instance. In ``visit_lines`` a
            row becomes as many as there are values; elsewhere the first value counts, and a second
            mobile number becomes ``phone2``.
    """

    kind: Kind
    columns: Mapping[str, str]
    constants: Mapping[str, str] = field(default_factory=dict)
    dates: str = ""
    separator: str = ""
    hints: Hints = NOTHING_KNOWN

    def table(self, foreign: Table) -> Table:
        """``foreign`` as a table of the format.

        Raises:
            FileRefused: a mapped title is missing or stands twice, or there are too many columns.
        """
        places = self._places(foreign)
        header = tuple(dict.fromkeys((*places, *self._added(places))))
        return replace(
            foreign,
            header=header,
            chunks=lambda: self._chunks(foreign, places, header),
            parts=self._parts,
        )

    @property
    def _parts(self) -> bool:
        """Whether a line of the file may be several rows."""
        return bool(self.separator) and self.kind.name == _MULTIPLE

    def _added(self, places: Mapping[str, int]) -> list[str]:
        added = list(self.constants)
        if self.separator:
            if self.kind.name == _MULTIPLE:
                added.append("line_no")
            if "mobile" in places and "phone2" in {c.name for c in self.kind.columns}:
                added.append("phone2")
        return added

    def _places(self, foreign: Table) -> dict[str, int]:
        if len(foreign.header) > MOST_COLUMNS:
            raise FileRefused(
                *("too_many_columns",),
                **{"name": foreign.name, "count": len(foreign.header), "most": MOST_COLUMNS},
            )
        titles = [normalised_header(title) for title in foreign.header]
        wanted = {name: normalised_header(title) for name, title in self.columns.items()}
        twice = [self.columns[name] for name, title in wanted.items() if titles.count(title) > 1]
        if twice:
            raise FileRefused("duplicate_headers", name=foreign.name, names=", ".join(twice))
        missing = [self.columns[name] for name, title in wanted.items() if title not in titles]
        if missing:
            raise FileRefused(
                "missing_columns",
                name=foreign.name,
                names=", ".join(missing),
                nearest=nearest_titles(missing, list(foreign.header)),
            )
        return {name: titles.index(title) for name, title in wanted.items()}

    def _chunks(
        self, foreign: Table, places: Mapping[str, int], header: Sequence[str]
    ) -> Iterator[Chunk]:
        dates = _Dates(self.dates)
        types = {column.name: column.type.name for column in self.kind.columns}
        for chunk in foreign.chunks():
            columns = {name: list(self._cells(chunk, places.get(name), name)) for name in header}
            numbers, refused = chunk.numbers, chunk.refused
            if self._parts:
                columns, numbers = self._split(columns, numbers)
                refused = [(line * PARTS, cells, problem) for line, cells, problem in refused]
            elif self.separator:
                self._first_values(columns)
            for name in header:
                if types[name] in _DATED and self.dates:
                    columns[name] = list(map(dates.__getitem__, columns[name]))
            yield Chunk(numbers, list(columns.values()), refused, chunk.bytes_read)

    def _cells(self, chunk: Chunk, place: int | None, name: str) -> Sequence[str]:
        constant = self.constants.get(name, "")
        if place is None:
            return list(repeat(constant, len(chunk.numbers)))
        cells = chunk.columns[place]
        return [cell if cell.strip() else constant for cell in cells] if constant else cells

    def _first_values(self, columns: dict[str, list[str]]) -> None:
        second: list[str] | None = columns.get("phone2") if "phone2" in columns else None
        for name, cells in columns.items():
            for at, cell in enumerate(cells):
                if self.separator in cell:
                    values = [value for value in cell.split(self.separator) if value.strip()]
                    cells[at] = values[0] if values else ""
                    if name == "mobile" and second is not None and len(values) > 1:
                        second[at] = second[at] or values[1]

    def _split(
        self, columns: dict[str, list[str]], lines: Sequence[int]
    ) -> tuple[dict[str, list[str]], list[int]]:
        """Rows with several values in a cell as several rows, and the numbers of these; single
        values stand in each."""
        split: dict[str, list[str]] = {name: [] for name in columns}
        numbers: list[int] = []
        numbered = "line_no" in self.columns
        for line, row in zip(lines, zip(*columns.values(), strict=True), strict=True):
            parts = [cell.split(self.separator) for cell in row]
            count = max(map(len, parts))
            for at in range(count):
                # A separator at the end joins nothing.
                if at and not any(len(v) > at and v[at].strip() for v in parts):
                    continue
                numbers.append(line * PARTS + at)
                for name, values in zip(columns, parts, strict=True):
                    if name == "line_no" and not numbered:
                        split[name].append(str(at + 1))
                    elif len(values) == 1:
                        split[name].append(values[0])
                    else:
                        split[name].append(values[at] if at < len(values) else "")
        return split, numbers


class _Dates(dict[str, str]):
    """Texts of dates in one order of their parts as the format writes them; others unchanged."""

    def __init__(self, order: str) -> None:
        super().__init__()
        self.pattern = _ORDERS.get(order)

    def __missing__(self, text: str) -> str:
        if len(self) >= REMEMBERED:
            self.clear()
        self[text] = turned = self._turned(text.strip())
        return turned

    def _turned(self, text: str) -> str:
        match = self.pattern.fullmatch(text) if self.pattern else None
        if match is None:
            return text
        parts = match.groupdict()
        day = f"{parts['y']}-{int(parts['m']):02d}-{int(parts['d']):02d}"
        if parts.get("H"):
            return f"{day} {parts['H']}:{parts['M']}:{parts['S'] or '00'}"
        return day + (parts.get("time") or "")


def date_order(cells: Sequence[str]) -> str:
    """The only order of parts in which all of ``cells`` are dates; empty where it is open."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    fitting = [
        order
        for order, pattern in _ORDERS.items()
        if filled
        and all(
            (match := pattern.fullmatch(cell)) is not None
            and 1 <= int(match["m"]) <= 12
            and 1 <= int(match["d"]) <= 31
            for cell in filled
        )
    ]
    return fitting[0] if len(fitting) == 1 else ""


def suggested_columns(kind: Kind, titles: Sequence[str]) -> dict[str, str]:
    """Column of the format → title, by name and alias, else by the nearest spelling."""
    plain = {normalised_header(title): title for title in titles if title.strip()}
    found: dict[str, str] = {}
    for column in kind.columns:
        for spelling in (column.name, *column.aliases):
            if (title := plain.get(normalised_header(spelling))) is not None:
                found.setdefault(column.name, title)
    rest = [title for title in plain.values() if title not in found.values()]
    for column in kind.columns:
        if column.name not in found and (title := _near(column, rest)):
            found[column.name] = title
            rest.remove(title)
    return found


def _near(column: Column, titles: Sequence[str]) -> str:
    """A title that holds, or is held by, a spelling of the column; the longest."""
    for spelling in sorted((column.name, *column.aliases), key=len, reverse=True):
        plain = normalised_header(spelling)
        for title in titles:
            other = normalised_header(title)
            if len(plain) > 2 and len(other) > 2 and (plain in other or other in plain):
                return title
    return ""

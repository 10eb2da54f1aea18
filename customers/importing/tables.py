"""What a file looks like to the loader: a header, then chunks of rows as text."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Self

from customers.importing.columns import Column, HeaderMap, normalised_header, spellings
from customers.importing.messages import FileRefused, Problem

CHUNK_ROWS = 4_000
MOST_COLUMNS = 256
# Numbers of rows that are parts of one line: the line's number times this, and the part. A line is
# shorter than so many characters, so it has fewer parts.
PARTS = 1 << 21


@dataclass
class Chunk:
    """Rows in file order, held by column.

    ``numbers`` are as a spreadsheet shows them: the header is row 1.
    """

    numbers: Sequence[int] = ()
    columns: Sequence[Sequence[str]] = ()
    # Rows that could not be read as cells: number, the cells as far as known, what is wrong.
    refused: list[tuple[int, Sequence[str], Problem]] = field(default_factory=list)
    bytes_read: int = 0

    def __len__(self) -> int:
        return len(self.numbers) + len(self.refused)

    @classmethod
    def of_rows(
        cls, numbers: Sequence[int], rows: Sequence[Sequence[str]], bytes_read: int = 0
    ) -> Self:
        """From rows of one width."""
        return cls(numbers, list(zip(*rows, strict=True)), bytes_read=bytes_read)

    def only(self, places: Sequence[int]) -> "Chunk":
        """The rows at ``places``, and what could not be read."""
        if len(places) == len(self.numbers):
            return self
        return Chunk(
            [self.numbers[at] for at in places],
            [[cells[at] for at in places] for cells in self.columns] if places else (),
            self.refused,
            self.bytes_read,
        )

    @property
    def rows(self) -> list[Sequence[str]]:
        return list(zip(*self.columns, strict=True))


@dataclass(frozen=True)
class Table:
    """An opened file: reading its chunks again starts from the top.

    ``parts``: a line of the file is several rows, numbered as ``PARTS`` says.
    """

    path: Path
    name: str
    bytes: int
    header: tuple[str, ...]
    chunks: Callable[[], Iterator[Chunk]]
    parts: bool = False

    def line_of(self, row: int) -> int:
        """The line of the file that the row numbered ``row`` comes from."""
        return row // PARTS if self.parts else row


def map_header(table: Table, columns: tuple[Column, ...]) -> HeaderMap:
    """Positions of the known columns in ``table``.

    Raises:
        FileRefused: a column stands twice, a required one is missing, there are too many.
    """
    if len(table.header) > MOST_COLUMNS:
        raise FileRefused(
            "too_many_columns", name=table.name, count=len(table.header), most=MOST_COLUMNS
        )
    known = spellings(columns)
    found = HeaderMap({})
    twice: list[str] = []
    for position, title in enumerate(table.header):
        column = known.get(normalised_header(title))
        if column is None:
            if title.strip():
                found.unknown.append(title.strip())
        elif column in found.positions:
            twice.append(f"{table.header[found.positions[column]].strip()} = {title.strip()}")
        else:
            found.positions[column] = position
    if twice:
        raise FileRefused("duplicate_headers", name=table.name, names=", ".join(twice))
    missing = [c.name for c in columns if c.required and c.name not in found.positions]
    if missing:
        raise FileRefused(
            "missing_columns",
            name=table.name,
            names=", ".join(missing),
            nearest=nearest_titles(missing, found.unknown),
        )
    return found


def nearest_titles(missing: list[str], titles: list[str]) -> str:
    """What to add to a message on ``missing`` columns: the titles that look most like them."""
    plain = {normalised_header(title): title for title in titles if title.strip()}
    pairs = [
        f"{name} ≈ {plain[match[0]]}"
        for name in missing
        if (match := get_close_matches(normalised_header(name), plain, n=1, cutoff=0.5))
    ]
    return f" ({'; '.join(pairs)})" if pairs else ""

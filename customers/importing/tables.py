"""What a file looks like to the loader: a header, then chunks of rows as text."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from customers.importing.columns import Column, HeaderMap, normalised_header, spellings
from customers.importing.messages import FileRefused, Problem

# Small enough that the lists of a chunk do not wake the garbage collector's full passes.
CHUNK_ROWS = 1_000
MOST_COLUMNS = 300


@dataclass
class Chunk:
    """Rows in file order. ``numbers`` are as a spreadsheet shows them: the header is row 1."""

    numbers: list[int] = field(default_factory=list)
    rows: list[Sequence[str]] = field(default_factory=list)
    # Rows that could not be read as cells: number, the cells as far as known, what is wrong.
    refused: list[tuple[int, Sequence[str], Problem]] = field(default_factory=list)
    bytes_read: int = 0

    def __len__(self) -> int:
        return len(self.rows) + len(self.refused)


@dataclass(frozen=True)
class Table:
    """An opened file: reading its chunks again starts from the top."""

    path: Path
    name: str
    bytes: int
    header: tuple[str, ...]
    chunks: Callable[[], Iterator[Chunk]]


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
            nearest=_nearest(missing, found.unknown),
        )
    return found


def _nearest(missing: list[str], unknown: list[str]) -> str:
    plain = {normalised_header(title): title for title in unknown}
    pairs = [
        f"{name} ≈ {plain[match[0]]}"
        for name in missing
        if (match := get_close_matches(name, plain, n=1, cutoff=0.5))
    ]
    return f" ({'; '.join(pairs)})" if pairs else ""

"""Rows that come as values, not as a file: a table of the format out of them."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from customers.importing.kinds import KINDS
from customers.importing.messages import FileRefused
from customers.importing.reading import Source
from customers.importing.tables import CHUNK_ROWS, Chunk, Table, map_header
from customers.importing.workbooks import cell_text


def parsed_source(kind: str, rows: Sequence[Mapping[str, Any]]) -> Source:
    """``rows`` as an opened file of ``kind``; numbers, dates and booleans become their text.

    Raises:
        FileRefused: the kind or the columns are not acceptable.
    """
    if kind not in KINDS:
        nearest = get_close_matches(kind, KINDS, n=1, cutoff=0) or list(KINDS)[:1]
        raise FileRefused("unknown_name", name=kind, nearest=nearest[0])
    header = tuple(dict.fromkeys(name for row in rows for name in row))

    def chunks() -> Iterator[Chunk]:
        for start in range(0, len(rows), CHUNK_ROWS):
            part = rows[start : start + CHUNK_ROWS]
            numbers = range(start + 1, start + len(part) + 1)
            yield Chunk.of_rows(
                numbers, [[cell_text(row.get(name)) for name in header] for row in part]
            )

    table = Table(path=Path(kind), name=kind, bytes=0, header=header, chunks=chunks)
    return Source(KINDS[kind], table, map_header(table, KINDS[kind].columns))

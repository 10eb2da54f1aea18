"""Posted rows as a file of the exchange format, so that they load as any other delivery does."""

import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from customers.importing.columns import normalised_header, spellings
from customers.importing.kinds.kind import Kind
from customers.importing.messages import FileRefused
from customers.importing.reading import open_delivery

Row = Mapping[str, str]
# What a reader of delimited text could take for a delimiter, a quote or the end of a line.
_QUOTED = re.compile(r'[",;\t\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]|^\s|\s$')
# The row that a spreadsheet would call 1 is the header.
FIRST_ROW = 2


class TwiceNamed(Exception):
    """Two keys of one row mean the same column."""

    def __init__(self, at: int, keys: tuple[str, str], column: str) -> None:
        super().__init__(column)
        self.at, self.keys, self.column = at, keys, column


@dataclass(frozen=True)
class Spooled:
    """The folder with the file, and keys that name no column of the kind."""

    folder: Path
    ignored: list[str]


def spool(kind: Kind, rows: Sequence[Row]) -> Spooled:
    """Write the rows into a folder of their own below ``UPLOAD_DIR``.

    The columns are those that some row names; a row that lacks one has it empty. Row ``i`` of
    ``rows`` is row ``i + FIRST_ROW`` of the file.

    Raises:
        TwiceNamed: a row names a column twice.
        FileRefused: a required column is named by no row; nothing is kept then.
    """
    known = spellings(kind.columns)
    columns, ignored = _columns(known, rows)
    names = list(dict.fromkeys(columns.values()))
    folder = Path(settings.UPLOAD_DIR) / secrets.token_hex(16)
    folder.mkdir(parents=True, mode=0o700)
    try:
        with (folder / f"{kind.name}.csv").open("x", encoding="utf-8", newline="") as out:
            out.write(",".join(names) + "\n")
            for at, row in enumerate(rows):
                out.write(_line(at, row, columns, names))
        open_delivery(folder)
    except (TwiceNamed, FileRefused, OSError):
        shutil.rmtree(folder)
        raise
    return Spooled(folder, ignored)


def _columns(known: Mapping[str, str], rows: Sequence[Row]) -> tuple[dict[str, str], list[str]]:
    """Column by key, in the order in which they are met; keys of no column."""
    columns: dict[str, str] = {}
    ignored: list[str] = []
    met: set[str] = set()
    for row in rows:
        for key in row.keys() - met:
            met.add(key)
            column = known.get(normalised_header(key))
            if column is None:
                ignored.append(key)
            else:
                columns[key] = column
    return columns, sorted(ignored)


def _line(at: int, row: Row, columns: Mapping[str, str], names: Sequence[str]) -> str:
    cells: dict[str, str] = {}
    source: dict[str, str] = {}
    for key, value in row.items():
        column = columns.get(key)
        if column is None:
            continue
        if column in cells:
            raise TwiceNamed(at, (source[column], key), column)
        cells[column], source[column] = value, key
    return ",".join([_cell(cells.get(name, "")) for name in names]) + "\n"


def _cell(value: str) -> str:
    if _QUOTED.search(value):
        return '"' + value.replace('"', '""') + '"'
    return value

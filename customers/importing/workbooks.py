"""XLSX, streamed: the first sheet, its values as the text that a CSV would hold."""

import datetime as dt
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from customers.importing.messages import FileRefused
from customers.importing.tables import CHUNK_ROWS, MOST_COLUMNS, Chunk, Table
from customers.importing.text_files import NOTHING_KNOWN, Hints

_MOST_UNPACKED = 2_000 * 1024 * 1024
_BOMB_RATIO = 200
# What zipfile, openpyxl and the XML parser raise on files that are cut off, renamed or forged.
_BROKEN = (
    *(zipfile.BadZipFile, InvalidFileException, ParseError, KeyError, ValueError, OSError),
    *(EOFError, TypeError, IndexError, AttributeError, RuntimeError, NotImplementedError),
)


def open_workbook(path: Path, hints: Hints = NOTHING_KNOWN) -> Table:
    """Check the archive, read the header of the first sheet.

    Raises:
        FileRefused: it cannot be unpacked or opened, would unpack to too much, has no header.
    """
    _check_archive(path)
    header: tuple[str, ...] = ()
    for number, cells in _rows(path):
        if number > hints.skip and any(cells):
            header = tuple(cells)
            header_row = number
            break
    else:
        raise FileRefused("no_header", name=path.name)
    while header and not header[-1]:
        header = header[:-1]
    return Table(
        path=path,
        name=path.name,
        bytes=path.stat().st_size,
        header=header,
        chunks=lambda: _chunks(path, header_row, len(header)),
    )


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(info.file_size for info in archive.infolist())
            packed = sum(info.compress_size for info in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise FileRefused("unreadable_workbook", name=path.name, reason=str(error)) from error
    bomb = unpacked > 100 * 1024 * 1024 and unpacked > _BOMB_RATIO * max(packed, 1)
    if bomb or unpacked > _MOST_UNPACKED:
        raise FileRefused(
            "oversized_workbook",
            name=path.name,
            megabytes=unpacked >> 20,
            most=_MOST_UNPACKED >> 20,
        )


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Row numbers and their cells as text."""
    try:
        # Formulas are wanted as formulas: a stale cached result must not pass for a value.
        book = load_workbook(path, read_only=True, data_only=False, keep_links=False)
        try:
            sheet = book.worksheets[0]
            sheet.reset_dimensions()
            rows = sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS + 1)
            for number, values in enumerate(rows, 1):
                yield number, [cell_text(value) for value in values]
        finally:
            book.close()
    except _BROKEN as error:
        reason = f"{type(error).__name__}: {error}"[:120]
        raise FileRefused("unreadable_workbook", name=path.name, reason=reason) from error


def cell_text(value: Any) -> str:
    """A value of a sheet or of JSON as the text that a CSV would hold."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, dt.datetime):
        return value.isoformat(" ", "seconds") if value.time() != dt.time() else str(value.date())
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float):
        # Excel keeps 15 digits; a whole number of more has lost some and shows it in its exponent.
        return (
            str(int(value)) if value.is_integer() and abs(value) < 1e15 else format(value, ".15g")
        )
    if isinstance(value, int) and abs(value) >= 10**15:
        return format(float(value), ".14E")
    return str(value)


def _chunks(path: Path, header_row: int, width: int) -> Iterator[Chunk]:
    numbers: list[int] = []
    rows: list[list[str]] = []
    size, seen = path.stat().st_size, 0
    for number, cells in _rows(path):
        if number <= header_row or not any(cells):
            continue
        if len(rows) >= CHUNK_ROWS:
            # The position in the archive is hidden; a tenth of the rest a chunk moves the bar.
            seen += (size - seen) // 10
            yield Chunk.of_rows(numbers, rows, seen)
            numbers, rows = [], []
        numbers.append(number)
        rows.append((cells + [""] * width)[:width])
    if rows:
        yield Chunk.of_rows(numbers, rows, size)

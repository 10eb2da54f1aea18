"""XLSX, streamed: the first sheet, its values as the text that a CSV would hold."""

import datetime as dt
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError, fromstring

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from customers.importing.messages import FileRefused
from customers.importing.tables import CHUNK_ROWS, MOST_COLUMNS, Chunk, Table
from customers.importing.text_files import NOTHING_KNOWN, Hints

_MOST_UNPACKED = 2_000 * 1024 * 1024
_BOMB_RATIO = 200
# Texts, styles and the list of sheets are held in memory, a text of a few letters in five times
# the bytes that it has in the file. Sheets are streamed, a row at a time.
_MOST_HELD = 48 * 1024 * 1024
_SHEETS = "xl/worksheets/"
_STREAMED = (_SHEETS, "xl/media/", "xl/embeddings/", "xl/drawings/", "xl/charts/")
_HELD = ("sharedStrings", "sheet.main", "styles", "theme")
_CONTENTS = "[Content_Types].xml"
_MOST_TEXTS = 1_000_000
_TEXT = re.compile(rb"<(?:[A-Za-z_][\w.-]{0,30}:)?si[\s/>]")
_LONGEST_ROW = 8 * 1024 * 1024
_BLOCK = 1 << 20
_ROW = re.compile(rb"</?(?:[A-Za-z_][\w.-]{0,30}:)?row[\s/>]")
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
    """By what the archive says of its members, which cannot be read beyond what it says."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            unpacked = sum(info.file_size for info in members)
            packed = sum(info.compress_size for info in members)
            bomb = unpacked > 100 * 1024 * 1024 and unpacked > _BOMB_RATIO * max(packed, 1)
            if bomb or unpacked > _MOST_UNPACKED:
                raise _oversized("oversized_workbook", path, unpacked, _MOST_UNPACKED)
            held = _held(archive)
            size = sum(info.file_size for info in held)
            if size > _MOST_HELD:
                raise _oversized("oversized_texts", path, size, _MOST_HELD)
            for info in held:
                if info.file_size > _BLOCK:
                    _check_texts(archive, info, path)
            for info in members:
                if info.filename.startswith(_SHEETS) and info.file_size > _LONGEST_ROW:
                    _check_rows(archive, info, path)
    except (*_BROKEN, zlib.error) as error:
        raise FileRefused("unreadable_workbook", name=path.name, reason=str(error)[:120]) from error


def _held(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Members that are read whole: by place, or because the list of contents says what they are."""
    contents = archive.getinfo(_CONTENTS)
    if contents.file_size > _BLOCK:
        return archive.infolist()
    parts = fromstring(archive.read(contents))  # noqa: S314 - a member of bounded size
    named = {
        part.get("PartName", "").lstrip("/")
        for part in parts
        if any(word in part.get("ContentType", "") for word in _HELD)
    }
    return [
        info
        for info in archive.infolist()
        if info.filename in named or not info.filename.startswith(_STREAMED)
    ]


def _oversized(code: str, path: Path, size: int, most: int) -> FileRefused:
    return FileRefused(code, name=path.name, megabytes=size >> 20, most=most >> 20)


def _check_texts(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> None:
    """Refuse more texts than memory holds: the shortest take a hundred bytes each."""
    count, end = 0, b""
    with archive.open(info) as texts:
        while block := texts.read(_BLOCK):
            whole = end + block
            count += sum(1 for _ in _TEXT.finditer(whole))
            # A tag that the block cuts in two is counted with the next.
            cut = whole.rfind(b"<")
            end = whole[cut:] if cut >= 0 and _TEXT.match(whole, cut) is None else b""
            if count > _MOST_TEXTS:
                raise FileRefused("too_many_texts", name=path.name, most=f"{_MOST_TEXTS:,}")


def _check_rows(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> None:
    """Refuse a sheet of which one row would not fit in memory: the parser holds a row whole."""
    since_row, end = 0, b""
    with archive.open(info) as sheet:
        while block := sheet.read(_BLOCK):
            text = end + block
            # Plain text, in which "<row" need not be a tag; no spreadsheet program writes it.
            if b"<![CDATA[" in text or b"<!--" in text:
                raise FileRefused("unreadable_workbook", name=path.name, reason="CDATA")
            last = max((found.start() for found in _ROW.finditer(text)), default=-1)
            since_row = since_row + len(block) if last < 0 else len(text) - last
            if since_row > _LONGEST_ROW:
                raise FileRefused("giant_row", name=path.name, most=_LONGEST_ROW >> 20)
            end = text[-40:]


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Row numbers and their cells as text."""
    try:
        # Formulas are wanted as formulas: a stale cached result must not pass for a value.
        book = load_workbook(path, read_only=True, data_only=False, keep_links=False)
        try:
            sheet = book.worksheets[0]
            place = sheet._worksheet_path  # type: ignore[attr-defined]
            if not place.startswith(_SHEETS):
                # Its rows were not looked at: no spreadsheet program puts it elsewhere.
                raise ValueError(f"the sheet lies at {place}")
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

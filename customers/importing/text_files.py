"""CSV as it comes: delimiter, encoding and line ends are found out; one bad line harms no other."""

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

from customers.importing.messages import FileRefused, Problem
from customers.importing.tables import CHUNK_ROWS, Chunk, Table

_BLOCK = 1 << 20
LONGEST_LINE = 1 << 20
# A quoted cell may hold line breaks, but a quote never closed must not swallow the rows below it.
_MOST_LINES_A_ROW = 60
# A cell may be as long as what is read of a row; how long a text may be, its column says.
csv.field_size_limit(4 * LONGEST_LINE)
_QUOTED = re.compile(r'"(?:[^"]|"")*+"')
_SIGNATURES = {
    b"PK\x03\x04": "ZIP/XLSX",
    b"\xd0\xcf\x11\xe0": "XLS",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"%PDF": "PDF",
    b"\x1f\x8b": "GZIP",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


NAMES = {"utf-8": "UTF-8", "gb18030": "GBK", "cp1252": "Windows-1252"}


@dataclass(frozen=True)
class Form:
    """How a file is written; ``header_line`` counts from 1, ``encoding`` is Python's name."""

    encoding: str
    delimiter: str
    header_line: int
    header: tuple[str, ...]

    @property
    def width(self) -> int:
        return len(self.header)

    @property
    def blank(self) -> frozenset[str]:
        """Characters that a row without content consists of."""
        return frozenset(self.delimiter + ' "')


@dataclass(frozen=True)
class Hints:
    """What is known of a file beforehand; what is empty is found out.

    ``skip``: lines (rows of a sheet) above the header, titles for instance.
    """

    encoding: str = ""
    delimiter: str = ""
    skip: int = 0


NOTHING_KNOWN = Hints()


def open_text(path: Path, hints: Hints = NOTHING_KNOWN) -> Table:
    """Look the whole file over once (encoding, endless lines), read its header.

    Raises:
        FileRefused: it is no text, mixes encodings, or has no header.
    """
    with path.open("rb") as stream:
        start = stream.read(4096)
    for signature, found in _SIGNATURES.items():
        if start.startswith(signature):
            raise FileRefused("not_text", name=path.name, found=found)
    if b"\0" in start.split(b"\n", 1)[0]:
        raise FileRefused("not_text", name=path.name, found="NUL")
    form = _form(path, _encoding(path, hints.encoding), hints)
    return Table(
        path=path,
        name=path.name,
        bytes=path.stat().st_size,
        header=form.header,
        chunks=lambda: _Reader(path, form).chunks(),
    )


def _encoding(path: Path, known: str) -> str:
    """``known``, else ``utf-8`` or ``gb18030``; also refuses lines without end."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    valid, at, since_break = not known, 0, 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            if valid:
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    valid = False
            at += len(block)
            last = max(block.rfind(b"\n"), block.rfind(b"\r"))
            since_break = since_break + len(block) if last < 0 else len(block) - last - 1
            if since_break > LONGEST_LINE:
                raise FileRefused("giant_line", name=path.name, most=LONGEST_LINE, at=at)
    if known:
        return known
    return "utf-8" if valid else _guess(path)


def _guess(path: Path) -> str:
    """By lines that only one of the two encodings explains; both in numbers is no one file."""
    three_bytes = two_bytes = gbk = 0
    for line in _lines(path):
        if line.isascii():
            continue
        if _decodes(line, "utf-8"):
            # Two GBK bytes often look like one UTF-8 character of two bytes, hardly of three.
            three_bytes += max(line) >= 0xE2
            two_bytes += max(line) < 0xE2
        else:
            gbk += _decodes(line, "gb18030")
    utf8 = three_bytes + (two_bytes if two_bytes > gbk else 0)
    if utf8 >= 5 * gbk:
        return "utf-8"
    if gbk >= 5 * utf8:
        return "gb18030"
    raise FileRefused("mixed_encodings", name=path.name, utf8=utf8, gbk=gbk)


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _blocks(path: Path) -> Iterator[tuple[list[bytes], int]]:
    """Lines without their ends, a block at a time, and the bytes read so far.

    CR, LF and CRLF end a line.
    """
    rest, read = b"", 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            if block.endswith(b"\r"):
                block += stream.read(1)
            read += len(block)
            if b"\r" in block:
                block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            yield lines, read
    if rest:
        yield [rest], read


def _lines(path: Path) -> Iterator[bytes]:
    for lines, _ in _blocks(path):
        yield from lines


def _form(path: Path, encoding: str, hints: Hints) -> Form:
    for number, line in enumerate(_lines(path), 1):
        if number <= hints.skip:
            continue
        try:
            text = line.decode(encoding)
        except UnicodeDecodeError:
            raise FileRefused("not_text", name=path.name, found="?") from None
        if text.strip(" \t,;\ufeff"):
            bare = _QUOTED.sub("", text)
            delimiter = hints.delimiter or max(",\t;", key=bare.count)
            header = _cells(text.removeprefix("\ufeff"), delimiter)
            return Form(encoding, delimiter, number, tuple(header))
    raise FileRefused("no_header", name=path.name)


def _cells(text: str, delimiter: str) -> list[str]:
    if '"' not in text:
        return text.split(delimiter)
    return next(csv.reader(text.splitlines(True), delimiter=delimiter), [])


def _open_quote(text: str, delimiter: str) -> bool:
    """Whether a quoted cell of ``text`` is still open at its end."""
    at = 0
    while at <= len(text):
        if text.startswith('"', at):
            match = _QUOTED.match(text, at)
            if match is None:
                return True
            at = match.end()
        following = text.find(delimiter, at)
        if following < 0:
            return False
        at = following + 1
    return False


@dataclass
class _Rows:
    """What a chunk is collected in, row by row."""

    numbers: list[int] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    refused: list[tuple[int, Sequence[str], Problem]] = field(default_factory=list)


class _Reader:
    """Lines below the header to chunks: whole batches of plain lines, the others one by one."""

    def __init__(self, path: Path, form: Form) -> None:
        self.form = form
        self._blocks = _blocks(path)
        self._waiting: list[bytes] = []
        self._read = 0
        self._number = 0  # the row that was handed out last

    def chunks(self) -> Iterator[Chunk]:
        self._skip_header()
        while batch := self._take(CHUNK_ROWS):
            chunk = self._plain(batch) or self._careful(batch)
            chunk.bytes_read = self._read
            if len(chunk):
                yield chunk

    def _skip_header(self) -> None:
        for _ in range(self.form.header_line):
            self._take(1)
        self._number = self.form.header_line

    def _take(self, most: int) -> list[bytes]:
        while len(self._waiting) < most:
            lines, self._read = next(self._blocks, ([], self._read))
            if not lines:
                break
            self._waiting += lines
        taken, self._waiting = self._waiting[:most], self._waiting[most:]
        return taken

    def _plain(self, batch: list[bytes]) -> Chunk | None:
        """The chunk of lines that are all rows of the right width; None if one may not be."""
        delimiter, width = self.form.delimiter, self.form.width
        try:
            text = b"\n".join(batch).decode(self.form.encoding)
        except UnicodeDecodeError:
            return None
        if "\0" in text:
            return None
        lines = text.split("\n")
        columns: list[Sequence[str]]
        if '"' in text:
            try:
                rows = list(csv.reader(lines, delimiter=delimiter, strict=True))
            except csv.Error:
                return None
            if len(rows) != len(lines) or set(map(len, rows)) != {width}:
                return None
            columns = list(zip(*rows, strict=True))
        else:
            if set(map(str.count, lines, repeat(delimiter))) != {width - 1}:
                return None
            cells = text.replace("\n", delimiter).split(delimiter)
            columns = [cells[at::width] for at in range(width)]
        if not all(map(str.strip, columns[0])) and any(map(self._blank, lines)):
            return None
        first = self._number + 1
        self._number += len(batch)
        return Chunk(range(first, self._number + 1), columns)

    def _blank(self, text: str) -> bool:
        return not text or self.form.blank.issuperset(text)

    def _careful(self, batch: list[bytes]) -> Chunk:
        """Line by line: a bad one harms no other; quoted cells may go on in the next lines."""
        self._waiting[:0] = batch
        found = _Rows()
        for _ in batch:
            taken = self._take(1)
            if not taken:
                break
            self._number += 1
            text, problem = self._decoded(taken[0])
            if not self._blank(text):
                self._add(found, text, problem)
        chunk = Chunk.of_rows(found.numbers, found.rows)
        chunk.refused = found.refused
        return chunk

    def _decoded(self, line: bytes) -> tuple[str, Problem | None]:
        encoding = self.form.encoding
        try:
            text = line.decode(encoding)
        except UnicodeDecodeError:
            named = NAMES.get(encoding, encoding)
            return line.decode(encoding, "replace"), Problem("bad_encoding", {"encoding": named})
        if "\0" in text:
            return text.replace("\0", ""), Problem("nul_byte")
        return text, None

    def _add(self, found: _Rows, text: str, problem: Problem | None) -> None:
        delimiter, width = self.form.delimiter, self.form.width
        if problem is None and '"' in text and _open_quote(text, delimiter):
            whole = self._joined(text)
            problem, text = (Problem("open_quote"), text) if whole is None else (None, whole)
        cells = text.split(delimiter) if problem else _cells(text, delimiter)
        if problem is None and len(cells) != width:
            if len(cells) > width and not any(cells[width:]):
                cells = cells[:width]
            else:
                problem = Problem("wrong_width", {"cells": len(cells), "header": width})
        if problem is None:
            found.numbers.append(self._number)
            found.rows.append(cells)
        else:
            found.refused.append((self._number, cells, problem))

    def _joined(self, text: str) -> str | None:
        """The row that begins with ``text`` and goes on below; None if it never closes well."""
        taken: list[bytes] = []
        while len(taken) < _MOST_LINES_A_ROW and len(text) <= LONGEST_LINE:
            line = self._take(1)
            if not line:
                break
            taken += line
            more, problem = self._decoded(line[0])
            if problem is not None:
                break
            text = f"{text}\n{more}"
            if not _open_quote(text, self.form.delimiter):
                if len(_cells(text, self.form.delimiter)) == self.form.width:
                    return text
                break
        self._waiting[:0] = taken
        return None

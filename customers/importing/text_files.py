"""CSV as it comes: delimiter, encoding and line ends are found out; one bad line harms no other."""

import codecs
import csv
import re
from collections.abc import Iterator
from pathlib import Path

from customers.importing.messages import FileRefused, Problem
from customers.importing.tables import CHUNK_ROWS, Chunk, Table

_BLOCK = 1 << 20
LONGEST_LINE = 1 << 20
# A quoted cell may hold line breaks, but a quote never closed must not swallow the rows below it.
_MOST_LINES_A_ROW = 60
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


def open_text(path: Path) -> Table:
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
    encoding = _encoding(path)
    header_line, delimiter = _header(path, encoding)
    header = tuple(_cells(header_line, delimiter))
    return Table(
        path=path,
        name=path.name,
        bytes=path.stat().st_size,
        header=header,
        chunks=lambda: _chunks(path, encoding, delimiter, len(header)),
    )


def _encoding(path: Path) -> str:
    """``utf-8-sig`` or ``gb18030``; also refuses lines without end."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    valid, at, since_break = True, 0, 0
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
    if valid:
        return "utf-8-sig"
    return _guess(path)


def _guess(path: Path) -> str:
    """By lines that only one of the two encodings explains; both in numbers is no one file."""
    three_bytes = two_bytes = gbk = 0
    for line, _ in _lines(path):
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
        return "utf-8-sig"
    if gbk >= 5 * utf8:
        return "gb18030"
    raise FileRefused("mixed_encodings", name=path.name, utf8=utf8, gbk=gbk)


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _lines(path: Path) -> Iterator[tuple[bytes, int]]:
    """Lines without their ends, and the bytes read so far; CR, LF and CRLF end a line."""
    rest, read = b"", 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            read += len(block)
            if block.endswith(b"\r"):
                block += stream.read(1)
            if b"\r" in block:
                block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            for line in lines:
                yield line, read
    if rest:
        yield rest, read


def _header(path: Path, encoding: str) -> tuple[str, str]:
    for line, _ in _lines(path):
        try:
            text = line.decode(encoding)
        except UnicodeDecodeError:
            raise FileRefused("not_text", name=path.name, found="?") from None
        if text.strip(" \t,;\ufeff"):
            bare = _QUOTED.sub("", text)
            delimiter = max(",\t;", key=bare.count)
            return text.removeprefix("\ufeff"), delimiter
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


def _numbered(path: Path, encoding: str) -> Iterator[tuple[str, Problem | None, int]]:
    """Decoded lines below the header, with what is wrong with their bytes."""
    plain = "utf-8" if encoding == "utf-8-sig" else encoding
    header_seen = False
    for line, read in _lines(path):
        problem = None
        try:
            text = line.decode(plain)
        except UnicodeDecodeError:
            text = line.decode(plain, "replace")
            problem = Problem("bad_encoding", {"encoding": "UTF-8" if plain == "utf-8" else "GBK"})
        if not header_seen:
            header_seen = bool(text.strip(" \t,;\ufeff"))
            yield "", None, read
            continue
        if "\0" in text:
            text, problem = text.replace("\0", ""), Problem("nul_byte")
        yield text, problem, read


def _chunks(path: Path, encoding: str, delimiter: str, width: int) -> Iterator[Chunk]:
    chunk, number = Chunk(), 0
    lines = _Rewindable(_numbered(path, encoding))
    blank = set(delimiter + ' "')
    for text, problem, read in lines:
        number += 1
        if not text or blank.issuperset(text):
            continue
        if len(chunk) >= CHUNK_ROWS:
            yield chunk
            chunk = Chunk()
        chunk.bytes_read = read
        if problem is None and '"' in text and _open_quote(text, delimiter):
            whole = _joined(text, lines, delimiter, width)
            if whole is None:
                problem = Problem("open_quote")
            else:
                text = whole
        cells = text.split(delimiter) if problem else _cells(text, delimiter)
        if problem is None and len(cells) != width:
            if len(cells) > width and not any(cells[width:]):
                cells = cells[:width]
            else:
                problem = Problem("wrong_width", {"cells": len(cells), "header": width})
        if problem is None:
            chunk.numbers.append(number)
            chunk.rows.append(cells)
        else:
            chunk.refused.append((number, cells, problem))
    if len(chunk):
        yield chunk


class _Rewindable:
    """Lines that can be looked at ahead and handed back."""

    def __init__(self, lines: Iterator[tuple[str, Problem | None, int]]) -> None:
        self._lines = lines
        self._waiting: list[tuple[str, Problem | None, int]] = []

    def __iter__(self) -> Iterator[tuple[str, Problem | None, int]]:
        return self

    def __next__(self) -> tuple[str, Problem | None, int]:
        return self._waiting.pop() if self._waiting else next(self._lines)

    def hand_back(self, taken: list[tuple[str, Problem | None, int]]) -> None:
        self._waiting.extend(reversed(taken))


def _joined(first: str, lines: _Rewindable, delimiter: str, width: int) -> str | None:
    """The row that begins with ``first`` and goes on below; None if it never closes well."""
    text, taken = first, []
    for line in lines:
        taken.append(line)
        if line[1] is not None or len(taken) >= _MOST_LINES_A_ROW or len(text) > LONGEST_LINE:
            break
        text = f"{text}\n{line[0]}"
        if not _open_quote(text, delimiter):
            if len(_cells(text, delimiter)) == width:
                return text
            break
    lines.hand_back(taken)
    return None

"""A file's rows as typed columns in a temporary table, chunk by chunk through COPY.

COPY into a table under row-level security is refused, so it goes into a temporary one. The
temporary table outlives transactions: chunks are staged outside the load's transaction and progress
can be shown, and what is staged is lost with the session if the run dies.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import repeat
from typing import Protocol

from django.db import connection

from customers.importing.columns import Column, Context
from customers.importing.conversion import Converter
from customers.importing.digests import NONE, RowDigests
from customers.importing.kinds.kind import Kind
from customers.importing.messages import Problem
from customers.importing.reading import Source
from customers.importing.recognising import RecognisedRows
from customers.importing.refusals import Spool
from customers.importing.tables import Chunk

Progress = Callable[[int, int], None]  # rows and bytes read so far
_SHOW_EVERY = 0.5  # seconds


def stage_columns(kind: Kind) -> list[tuple[str, str]]:
    """Names and SQL types of the staging columns of ``kind``, after ``row``."""
    return [
        (column.name + suffix, sql_type)
        for column in kind.columns
        for suffix, sql_type in column.type.stages
    ]


def stage(
    source: Source,
    context: Context,
    spool: Spool,
    progress: Progress,
    digests: RowDigests | None = None,
    recognised: RecognisedRows | None = None,
) -> int:
    """Fill ``import_stage`` from the file; the number of rows read, refused ones included.

    Args:
        digests: how the rows' digests are made, for the column ``digest``.
        recognised: rows that are left out.
    """
    staging = _Staging(source, context, spool, digests, recognised)
    staging.create()
    read = _copied(source, staging, progress)
    staging.analyze()
    return read


def stage_digests(
    source: Source,
    context: Context,
    looked_up: Sequence[str],
    digests: RowDigests,
    progress: Progress,
) -> int:
    """Fill ``import_digest`` (row, digest and ``looked_up`` columns); the number of rows read."""
    staging = _DigestStaging(source, context, looked_up, digests)
    staging.create()
    return _copied(source, staging, progress)


class _Lines(Protocol):
    copy_sql: str

    def lines(self, chunk: Chunk) -> str:
        """The chunk's rows as lines for COPY."""
        ...


def _copied(source: Source, staging: _Lines, progress: Progress) -> int:
    """Copy the file to the server; the number of rows read.

    While one chunk is converted here, a thread hands the one before to the server, which takes it
    in at the same time. A COPY stays open until the progress is to be shown.
    """
    read, chunks = 0, source.table.chunks()
    chunk = next(chunks, None)
    with ThreadPoolExecutor(1) as worker:
        while chunk is not None:
            shown = time.monotonic()
            with connection.cursor() as cursor, cursor.copy(staging.copy_sql) as copy:
                sent: Future[None] | None = None
                while chunk is not None and time.monotonic() < shown + _SHOW_EVERY:
                    read += len(chunk)
                    lines = staging.lines(chunk)
                    if sent is not None:
                        sent.result()
                    sent = worker.submit(copy.write, lines)
                    at = chunk.bytes_read
                    chunk = next(chunks, None)
                if sent is not None:
                    sent.result()
            progress(read, at)
    return read


class _Staging:
    def __init__(
        self,
        source: Source,
        context: Context,
        spool: Spool,
        digests: RowDigests | None,
        recognised: RecognisedRows | None,
    ) -> None:
        self.kind, self.spool = source.kind, spool
        self.digests, self.recognised = digests, recognised
        self.converters = _converters(source, context)
        names = [
            name + suffix
            for converter in self.converters.values()
            for name, suffix in _stages(converter.column)
        ]
        if digests is not None:
            names.append("digest")
        self.copy_sql = f"copy import_stage (row, {', '.join(names)}) from stdin (null '')"

    def create(self) -> None:
        columns = ", ".join(f"{name} {sql_type}" for name, sql_type in stage_columns(self.kind))
        if self.digests is not None:
            columns += ", digest uuid"
        with connection.cursor() as cursor:
            cursor.execute("drop table if exists pg_temp.import_stage")
            cursor.execute(f"create temp table import_stage (row bigint, {columns})")

    def analyze(self) -> None:
        """Statistics of what the table is joined by; those of every column cost more than joins."""
        joined = [c.name for c in self.kind.columns if c.required or c.name == "vin"]
        with connection.cursor() as cursor:
            cursor.execute(f"analyze import_stage (row, {', '.join(joined)})")

    def lines(self, chunk: Chunk) -> str:
        """Convert column by column; note what was refused; the rest as lines for COPY."""
        for number, _cells, problem in chunk.refused:
            self.spool.add(number, "", problem, whole_row=True)
        if self.recognised is not None:
            chunk = chunk.only(self.recognised.others(chunk.numbers))
        if not chunk.numbers:
            return ""
        forms: dict[str, Sequence[str]] = {}
        dropped: set[int] = set()
        problems: list[tuple[int, Column, Problem]] = []
        for position, converter in self.converters.items():
            forms[converter.column.name] = converter.convert(chunk.columns[position])
            for at, problem in converter.refused_at.items():
                problems.append((at, converter.column, problem))
                if converter.column.whole_row:
                    dropped.add(at)
        converted = list(forms.values())
        if self.digests is not None:
            digests = self.digests.of(chunk, forms)
            for at, _column, _problem in problems:
                digests[at] = NONE  # to be reported each time
            converted.append(digests)
        for at, column, problem in sorted(problems, key=lambda p: p[0]):
            self.spool.add(chunk.numbers[at], column.name, problem, whole_row=column.whole_row)
        lines: Iterable[str] = map("\t".join, zip(map(str, chunk.numbers), *converted, strict=True))
        if dropped:
            lines = (line for at, line in enumerate(lines) if at not in dropped)
        text = "\n".join(lines)
        return text + "\n" if text else ""


class _DigestStaging:
    def __init__(
        self, source: Source, context: Context, looked_up: Sequence[str], digests: RowDigests
    ) -> None:
        self.digests = digests
        self.converters = {
            at: converter
            for at, converter in _converters(source, context).items()
            if converter.column.name in (*looked_up, *digests.references)
        }
        self.looked_up = [c for c in source.kind.columns if c.name in looked_up]
        self.copied = [c.name for c in self.looked_up if c.name in source.header.positions]
        filled = [n + x for c in self.looked_up if c.name in self.copied for n, x in _stages(c)]
        names = ", ".join(["row", "digest", *filled])
        self.copy_sql = f"copy import_digest ({names}) from stdin (null '')"

    def create(self) -> None:
        columns = "".join(
            f", {column.name}{suffix} {sql_type}"
            for column in self.looked_up
            for suffix, sql_type in column.type.stages
        )
        with connection.cursor() as cursor:
            cursor.execute("drop table if exists pg_temp.import_digest")
            cursor.execute(f"create temp table import_digest (row bigint, digest uuid{columns})")

    def lines(self, chunk: Chunk) -> str:
        if not chunk.numbers:
            return ""
        forms = {
            converter.column.name: converter.convert(chunk.columns[position])
            for position, converter in self.converters.items()
        }
        lines = map(
            "\t".join,
            zip(
                map(str, chunk.numbers),
                self.digests.of(chunk, forms),
                *(forms[name] for name in self.copied),
                strict=True,
            ),
        )
        return "\n".join(lines) + "\n"


def _converters(source: Source, context: Context) -> dict[int, Converter]:
    """By position in the file's rows, in the order of the kind's columns."""
    positions = source.header.positions
    return {
        positions[column.name]: Converter(column, context)
        for column in source.kind.columns
        if column.name in positions
    }


def _stages(column: Column) -> list[tuple[str, str]]:
    return list(zip(repeat(column.name), (suffix for suffix, _ in column.type.stages)))

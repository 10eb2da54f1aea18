"""A file's rows as typed columns in a temporary table, chunk by chunk through COPY.

COPY into a table under row-level security is refused, so it goes into a temporary one. The
temporary table outlives transactions: chunks are staged outside the load's transaction and progress
can be shown, and what is staged is lost with the session if the run dies.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import repeat

from django.db import connection

from customers.importing.columns import Column, Context
from customers.importing.conversion import Converter
from customers.importing.kinds.kind import Kind
from customers.importing.messages import Problem
from customers.importing.reading import Source
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


def stage(source: Source, context: Context, spool: Spool, progress: Progress) -> int:
    """Fill ``import_stage`` from the file; the number of rows read, refused ones included.

    While one chunk is converted here, a thread hands the one before to the server, which takes it
    in at the same time. A COPY stays open until the progress is to be shown.
    """
    staging = _Staging(source, context, spool)
    staging.create()
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
    staging.analyze()
    return read


class _Staging:
    def __init__(self, source: Source, context: Context, spool: Spool) -> None:
        self.kind, self.spool = source.kind, spool
        present = [c for c in source.kind.columns if c.name in source.header.positions]
        self.converters = [
            (source.header.positions[c.name], Converter(c, context)) for c in present
        ]
        names = [name + suffix for c in present for name, suffix in _stages(c)]
        self.copy_sql = f"copy import_stage (row, {', '.join(names)}) from stdin (null '')"

    def create(self) -> None:
        columns = ", ".join(f"{name} {sql_type}" for name, sql_type in stage_columns(self.kind))
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
        if not chunk.numbers:
            return ""
        converted: list[Sequence[str]] = []
        dropped: set[int] = set()
        problems: list[tuple[int, Column, Problem]] = []
        for position, converter in self.converters:
            converted.append(converter.convert(chunk.columns[position]))
            for at, problem in converter.refused_at.items():
                problems.append((at, converter.column, problem))
                if converter.column.whole_row:
                    dropped.add(at)
        for at, column, problem in sorted(problems, key=lambda p: p[0]):
            self.spool.add(chunk.numbers[at], column.name, problem, whole_row=column.whole_row)
        lines: Iterable[str] = map("\t".join, zip(map(str, chunk.numbers), *converted, strict=True))
        if dropped:
            lines = (line for at, line in enumerate(lines) if at not in dropped)
        text = "\n".join(lines)
        return text + "\n" if text else ""


def _stages(column: Column) -> list[tuple[str, str]]:
    return list(zip(repeat(column.name), (suffix for suffix, _ in column.type.stages)))

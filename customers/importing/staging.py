"""A file's rows as typed columns in a temporary table, chunk by chunk through COPY.

COPY into a table under row-level security is refused, so it goes into a temporary one. The
temporary table outlives transactions: chunks are staged outside the load's transaction and progress
can be shown, and what is staged is lost with the session if the run dies.
"""

from collections.abc import Callable, Sequence
from itertools import repeat

from django.db import connection

from customers.importing.columns import Column, Context, Converter
from customers.importing.kinds.kind import Kind
from customers.importing.messages import Problem
from customers.importing.reading import Source
from customers.importing.refusals import Spool
from customers.importing.tables import Chunk


def stage_columns(kind: Kind) -> list[tuple[str, str]]:
    """Names and SQL types of the staging columns of ``kind``, after ``row``."""
    return [
        (column.name + suffix, sql_type)
        for column in kind.columns
        for suffix, sql_type in column.type.stages
    ]


def stage(source: Source, context: Context, spool: Spool, progress: Callable[[Chunk], None]) -> int:
    """Fill ``import_stage`` from the file; the number of rows read, refused ones included."""
    staging = _Staging(source, context, spool)
    staging.create()
    read = 0
    for chunk in source.table.chunks():
        read += len(chunk)
        staging.add(chunk)
        progress(chunk)
    with connection.cursor() as cursor:
        cursor.execute("analyze import_stage")
    return read


class _Staging:
    def __init__(self, source: Source, context: Context, spool: Spool) -> None:
        self.kind, self.spool = source.kind, spool
        present = [c for c in source.kind.columns if c.name in source.header.positions]
        self.converters = [
            (source.header.positions[c.name], Converter(c, context)) for c in present
        ]
        names = [name + suffix for c in present for name, suffix in _stages(c)]
        self.copy_sql = f"copy import_stage (row, {', '.join(names)}) from stdin"

    def create(self) -> None:
        columns = ", ".join(f"{name} {sql_type}" for name, sql_type in stage_columns(self.kind))
        with connection.cursor() as cursor:
            cursor.execute("drop table if exists pg_temp.import_stage")
            cursor.execute(f"create temp table import_stage (row bigint, {columns})")

    def add(self, chunk: Chunk) -> None:
        """Convert column by column; note what was refused; copy the rest."""
        for number, _cells, problem in chunk.refused:
            self.spool.add(number, "", problem, whole_row=True)
        if not chunk.rows:
            return
        raw = list(zip(*chunk.rows, strict=True))
        converted: list[Sequence[str]] = []
        dropped: set[int] = set()
        problems: list[tuple[int, str, Problem, bool]] = []
        for position, converter in self.converters:
            cells = raw[position]
            converter.begin_chunk()
            converted.append(list(map(converter.__getitem__, cells)))
            if converter.refused and not converter.refused.keys().isdisjoint(cells):
                column = converter.column
                for at, cell in enumerate(cells):
                    if cell in converter.refused:
                        problem = converter.refused[cell]
                        problems.append((at, column.name, problem, column.whole_row))
                        if column.whole_row:
                            dropped.add(at)
        for at, name, problem, whole in sorted(problems, key=lambda p: p[0]):
            self.spool.add(chunk.numbers[at], name, problem, whole_row=whole)
        lines = map("\t".join, zip(map(str, chunk.numbers), *converted, strict=True))
        kept = (
            [line for at, line in enumerate(lines) if at not in dropped] if dropped else list(lines)
        )
        if kept:
            with connection.cursor() as cursor, cursor.copy(self.copy_sql) as copy:
                copy.write(("\n".join(kept) + "\n").encode())


def _stages(column: Column) -> list[tuple[str, str]]:
    return list(zip(repeat(column.name), (suffix for suffix, _ in column.type.stages)))

"""Rows that are there already: recognised by digest, then neither converted nor compared again.

A feed sends again what it has sent before. Where a kind says how (``Recognition``), a first pass
over the file digests its rows; those whose digest a record keeps, and whose references resolve to
what the record has, are unchanged. The second pass converts, checks and compares the others only.
A record loses its digest in the database with any change that is made to it.
"""

# ruff: noqa: S608 - SQL is put together from this package's declarations, never from cells.

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from django.db import connection

from customers.importing.digests import RowDigests
from customers.importing.kinds.kind import Recognition
from customers.importing.loading import Loading
from customers.importing.planning import join_by_hash
from customers.importing.reading import Source
from customers.importing.tables import CHUNK_ROWS

# Fewer rows are compared sooner than recognised; and so are those of a file that is small beside
# the table, which recognising reads whole.
FEWEST = CHUNK_ROWS
SMALL_PART = 20
_BLOCK = 100_000


@dataclass
class RecognisedRows:
    """Row numbers, a bit each."""

    count: int = 0
    _bits: "np.ndarray[tuple[int], np.dtype[np.uint8]]" = field(
        default_factory=lambda: np.zeros(0, dtype=np.uint8)
    )

    def add(self, numbers: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> None:
        """Take in ``numbers``."""
        highest = int(numbers.max()) >> 3
        if highest >= len(self._bits):
            self._bits = np.concatenate(
                [self._bits, np.zeros(highest + 1 - len(self._bits) + _BLOCK, dtype=np.uint8)]
            )
        bits = np.left_shift(1, numbers & 7).astype(np.uint8)
        np.bitwise_or.at(self._bits, numbers >> 3, bits)
        self.count += len(numbers)

    def others(self, numbers: Sequence[int]) -> list[int]:
        """Positions of those of ``numbers`` that are not in here."""
        wanted = np.asarray(numbers, dtype=np.int64)
        places = wanted >> 3
        inside = places < len(self._bits)
        found = np.zeros(len(wanted), dtype=bool)
        found[inside] = (self._bits[places[inside]] >> (wanted[inside] & 7)) & 1
        positions: list[int] = np.flatnonzero(~found).tolist()
        return positions


def is_large(source: Source) -> bool:
    """Whether the file has rows enough for a pass of its own."""
    rows = 0
    for chunk in islice(source.table.chunks(), 2):
        rows += len(chunk)
    return rows >= FEWEST


def digests_of(source: Source, loading: Loading) -> RowDigests | None:
    """How rows of the file are digested; None for kinds that are not. Call inside an access."""
    recognition = source.kind.recognition
    if recognition is None:
        return None
    loading.prepare()
    references = {
        name: {str(cell): str(meaning) for cell, meaning in loading.rows(query)}
        for name, query in recognition.references.items()
    }
    names = loading.names
    return RowDigests(source.kind, names.tenant_id, names.zone, source.header.positions, references)


def any_digests(recognition: Recognition, loading: Loading) -> bool:
    """Whether records of the group keep digests. Call inside an access."""
    [(found,)] = loading.rows(
        f"select exists (select from {recognition.table} where tenant_id = $tenant"
        " and row_digest is not null)"
    )
    return bool(found)


def is_large_part(recognition: Recognition, loading: Loading, read: int) -> bool:
    """Whether ``read`` rows are worth a look at the whole table. Call inside an access."""
    [(known,)] = loading.rows(
        f"select reltuples from pg_class where oid = '{recognition.table}'::regclass"
    )
    return bool(read * SMALL_PART >= known)


def recognised(recognition: Recognition, loading: Loading, read: int) -> RecognisedRows:
    """Which of the ``read`` rows of ``import_digest`` are recognised; ``import_recognised`` lists
    them with their records. Call inside an access."""
    rows = RecognisedRows()
    if not is_large_part(recognition, loading, read):
        return rows
    join_by_hash(True)
    spared = (
        f" and not exists (select from import_deletions x where {recognition.deleted})"
        if loading.deletions
        else ""
    )
    loading.run(
        "create temp table import_recognised as select d.row, t.id, t.row_notices,"
        " u.code as store_code from import_digest d"
        f" join {recognition.table} t on t.tenant_id = $tenant and t.row_digest = d.digest"
        f" join organization_unit u on u.id = t.store_id {recognition.joins}"
        f" where {recognition.holds}{spared}",
        temporary="import_recognised",
    )
    loading.recognised = True
    with connection.chunked_cursor() as cursor:
        cursor.execute(
            f"select string_agg(int8send(row), '') from import_recognised group by row / {_BLOCK}"
        )
        for (numbers,) in cursor:
            rows.add(np.frombuffer(numbers, dtype=">i8").astype(np.int64))
    return rows

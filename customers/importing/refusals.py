"""What was refused: spooled while a file loads, then set beside the rows it came from.

The refusal file has the row's own columns, so that it can be corrected and loaded again, plus
row, column, code and message. Rows are read from the source file a second time: nothing of a
refused row is kept in memory, however many there are.
"""

import csv
import heapq
import json
import tempfile
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from customers.importing.messages import Problem, both
from customers.importing.reading import Source
from customers.importing.tables import Chunk
from customers.models import RejectedRow
from organization.sealing import seal
from web.spreadsheets import inert

NOTES = ("row", "column", "code", "message")
_BATCH = 1_000
# What a spreadsheet would run as a formula when the refusal file is opened.

Refusal = tuple[int, str, Problem, bool]  # row, column, problem, whole row


class Spool:
    """Refusals in row order, on disk."""

    def __init__(self) -> None:
        self._file: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        self._last_row = 0
        self.rows = 0
        self.cells = 0

    def add(self, row: int, column: str, problem: Problem, whole_row: bool) -> None:
        """Add one; rows ascend within what one stage of the load adds."""
        if whole_row:
            self.rows += row != self._last_row
            self._last_row = row
        else:
            self.cells += 1
        line = [row, column, problem.code, dict(problem.values), whole_row]
        self._file.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")

    def __iter__(self) -> Iterator[Refusal]:
        self._file.seek(0)
        for line in self._file:
            row, column, code, values, whole = json.loads(line)
            yield row, column, Problem(code, values), whole

    def close(self) -> None:
        self._file.close()


def _in_order(spools: Sequence[Spool]) -> Iterator[Refusal]:
    # Within a chunk, lines that were no cells come first: order again, a chunk at a time is near.
    return heapq.merge(*(_sorted(spool) for spool in spools), key=lambda refusal: refusal[0])


def _sorted(refusals: Iterable[Refusal], window: int = 25_000) -> Iterator[Refusal]:
    """Order what is out of place by less than ``window`` entries."""
    heap: list[tuple[int, int, Refusal]] = []
    for place, refusal in enumerate(refusals):
        heapq.heappush(heap, (refusal[0], place, refusal))
        if len(heap) > window:
            yield heapq.heappop(heap)[2]
    while heap:
        yield heapq.heappop(heap)[2]


class RefusalFolder:
    """The refusal files of one run: one for each file of the delivery, and one of all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.headers: dict[str, list[str]] = {}

    def write(self, source: Source, spools: Sequence[Spool], run_id: int | None) -> None:
        """The refusals of one file, with their rows; also as ``RejectedRow`` when there is a run.

        Call inside an access to the run's tenant.
        """
        if not any(spool.rows + spool.cells for spool in spools):
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        kind = source.kind.name
        own = [
            f"{title}_" if title in NOTES else title
            for title in (
                inert(title.strip()) or f"column_{i}"
                for i, title in enumerate(source.table.header, 1)
            )
        ]
        self.headers[kind] = own
        records: list[RejectedRow] = []
        with (self.folder / f"{kind}.csv").open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow([*own, *NOTES])
            for (row, column, problem, whole), cells in _with_cells(source, _in_order(spools)):
                padded = [*cells, *[""] * len(own)][: len(own)]
                text = both(problem.code, problem.values)
                line = source.table.line_of(row)
                writer.writerow([*map(inert, padded), line, column, problem.code, inert(text)])
                if run_id is None:
                    continue
                records.append(_record(run_id, kind, (line, column, problem, whole), own, cells))
                if len(records) >= _BATCH:
                    RejectedRow.objects.bulk_create(records)
                    records.clear()
        RejectedRow.objects.bulk_create(records)

    def combined(self) -> Path | None:
        """One file of all refusals, with the name of their file in front; None if there is none."""
        if not self.headers:
            return None
        if len(self.headers) == 1:
            return self.folder / f"{next(iter(self.headers))}.csv"
        union = list(dict.fromkeys(name for own in self.headers.values() for name in own))
        path = self.folder / "refusals.csv"
        with ExitStack() as files:
            out = files.enter_context(path.open("w", encoding="utf-8-sig", newline=""))
            first = "file" if "file" not in union else "in_file"
            writer = csv.DictWriter(out, [first, *union, *NOTES], restval="")
            writer.writeheader()
            for kind in self.headers:
                part = (self.folder / f"{kind}.csv").open(encoding="utf-8-sig", newline="")
                with part:
                    writer.writerows({first: kind, **row} for row in csv.DictReader(part))
        return path


def _with_cells(
    source: Source, refusals: Iterator[Refusal]
) -> Iterator[tuple[Refusal, Sequence[str]]]:
    """Each refusal with the cells of its row, by one pass over the file."""
    waiting = next(refusals, None)
    for chunk in source.table.chunks():
        if waiting is None:
            return
        last = max([*chunk.numbers[-1:], *(number for number, _, _ in chunk.refused)], default=0)
        if waiting[0] > last:
            continue
        odd = {number: cells for number, cells, _ in chunk.refused}
        while waiting is not None and waiting[0] <= last:
            number = waiting[0]
            yield waiting, odd[number] if number in odd else _row(chunk, number)
            waiting = next(refusals, None)


def _row(chunk: Chunk, number: int) -> Sequence[str]:
    """The cells of one row; a chunk's numbers ascend."""
    at = bisect_left(chunk.numbers, number)
    if at == len(chunk.numbers) or chunk.numbers[at] != number:
        return []
    return [cells[at] for cells in chunk.columns]


def _record(
    run_id: int, kind: str, refusal: Refusal, header: Sequence[str], cells: Sequence[Any]
) -> RejectedRow:
    from organization.access import current_access

    row, column, problem, whole = refusal
    content = dict(zip(header, cells, strict=False))
    return RejectedRow(
        tenant_id=current_access().tenant_id,
        run_id=run_id,
        kind=kind,
        row=row,
        column=column,
        code=problem.code,
        values=json.loads(json.dumps(dict(problem.values), default=str)),
        whole_row=whole,
        sealed_row=seal(json.dumps(content, ensure_ascii=False)),
    )

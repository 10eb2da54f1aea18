"""The generated group's files, loaded twice, beside a bare COPY of the visits into a text table."""

from pathlib import Path
from typing import Any

from django.db import connections

from config.bench.catalogue import Order
from config.bench.group import memory
from config.bench.measurement import Stages
from customers.importing.running import RunReport, import_path

BLOCK = 1 << 20
KIND = "visits"


def measure(order: Order) -> dict[str, Any]:
    """Keys of the report: seconds and rows of each file in both loads, and of the bare COPY."""
    stages = Stages()
    with memory() as first_memory, stages.timed("import"):
        first = import_path(order.files)
    with memory() as again_memory, stages.timed("again"):
        again = import_path(order.files)
    with stages.timed("bare_copy"):
        copied = bare_copy(order.files / f"{KIND}.csv")
    rows, ours = first.kinds[KIND].read, first.stages[KIND]
    bare = stages.seconds["bare_copy"]
    return {
        "seconds": stages.seconds,
        **first_memory.figures(),
        "again_peak_mb": again_memory.own_mb,
        "rows": {kind: counts.read for kind, counts in first.kinds.items()},
        "visits": {
            "rows": rows,
            "seconds": ours,
            "rows_per_second": round(rows / ours),
            "again_seconds": again.stages[KIND],
            "again_rows_per_second": round(rows / again.stages[KIND]),
        },
        "stages": _stages(first, again),
        "first": _counts(first),
        "again": _counts(again),
        "peer": f"COPY of {KIND}.csv into a table of text columns without keys, {copied:,} rows",
        "peer_seconds": bare,
        "ratio": round(ours / bare, 1),
        "ratio_is": "ours / peer: how many times longer a checked load of the visits takes",
        "max_relative_difference": abs(rows / copied - 1.0),
        "difference_is": "rows read by the import against rows copied",
    }


def bare_copy(file: Path) -> int:
    """Copy a CSV into a new logged table of text columns, as the owner; number of rows."""
    with file.open("rb") as source:
        columns = source.readline().decode().strip().split(",")
        source.seek(0)
        with connections["owner"].cursor() as cursor:
            cursor.execute(f"create table bare ({', '.join(f'{c} text' for c in columns)})")
            with cursor.copy("copy bare from stdin (format csv, header)") as copy:
                while block := source.read(BLOCK):
                    copy.write(block)
            rows: int = cursor.rowcount
            cursor.execute("drop table bare")
    return rows


def _stages(first: RunReport, again: RunReport) -> dict[str, dict[str, float]]:
    return {"first": first.stages, "again": again.stages}


def _counts(report: RunReport) -> dict[str, int]:
    """Counts of all files together; a second load must have created and updated nothing."""
    total: dict[str, int] = {}
    for counts in report.kinds.values():
        for name, value in counts.as_json().items():
            total[name] = total.get(name, 0) + int(value)
    return total

"""Whatever stands in the cells, a load ends with every row in one class and every good one in."""

import csv
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.importing.kinds import KINDS
from customers.importing.running import import_path
from customers.importing.text_files import open_text
from customers.models import Visit
from organization.access import entered
from tests.importing.deliveries import base, system, visit, write

pytestmark = pytest.mark.django_db
NAMES = [column.name for column in KINDS["visits"].columns]
TELLING = st.sampled_from(
    [
        *("", " ", "-1", "0", "1e400", "NaN", "9" * 30, "2026-02-30", "1900-01-00", "=1", "是"),
        *("S1", "C1", "credit", "\\N", "\\.", "\\", "\\x00", "'; drop table x; --", "\ufeff", "²"),
        *("99999", "1.5E+3", "1E+400", "-2147483649", "00:00", "2026-01-01 24:00", "%s", "١٢"),
        "$tenant",
    ]
)
CELL = TELLING | st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.lists(CELL, min_size=len(NAMES), max_size=len(NAMES)), max_size=12))
def test_garbage_in_cells(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    folder = write(tmp_path_factory.mktemp("garbage"), base())
    good: list[dict[str, Any]] = [dict(visit(f"good-{i}")) for i in range(3)]
    with (folder / "visits.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(NAMES)
        for i, row in enumerate(good):
            writer.writerows(rows[i::3])
            writer.writerow([row.get(name, "") for name in NAMES])

    counts = import_path(folder).kinds["visits"]

    classes = (counts.created, counts.updated, counts.unchanged, counts.rejected)
    assert counts.read == sum(classes) + counts.superseded
    with entered(system()):
        loaded = set(Visit.objects.values_list("ro_no", flat=True))
    assert {row["ro_no"] for row in good} <= loaded


def test_a_file_of_one_hundred_thousand_rows_takes_no_more_memory(tmp_path: Path) -> None:
    """Chunks are what is held: reading ten times the rows must not hold ten times the text."""

    def peak(rows: int) -> int:
        path = tmp_path / "visits.csv"
        with path.open("w") as stream:
            stream.write("a,b,c\n")
            stream.writelines(f"{i},{i}x,{'y' * 40}\n" for i in range(rows))
        tracemalloc.start()
        for _ in open_text(path).chunks():
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(100_000) < 1.2 * peak(50_000)

"""Rows that are values already go through the same checks as files."""

import datetime as dt
from pathlib import Path

import pytest

from customers.importing.messages import FileRefused
from customers.importing.running import import_path, load_rows
from customers.models import Visit
from organization.access import entered
from tests.importing.deliveries import base, system, visit, write

pytestmark = pytest.mark.django_db


def test_rows_load_like_a_file(tmp_path: Path) -> None:
    import_path(write(tmp_path / "base", base()))
    rows = [
        {**visit("R1"), "pay_customer": 1130, "opened_at": dt.datetime(2025, 3, 4, 9, 30)},
        {**visit("R2", store="S9"), "comeback": True},
    ]

    rehearsed = load_rows(system(), "visits", rows, dry_run=True)
    report = load_rows(system(), "visits", iter(rows))

    assert rehearsed.kinds == report.kinds
    counts = report.kinds["visits"]
    assert (counts.created, counts.rejected) == (1, 1)
    assert report.rejects_file is not None
    assert ",2,store_code,unknown_store," in report.rejects_file.read_text("utf-8-sig")
    with entered(system()):
        assert Visit.objects.get().pay_customer_fen == 100_000
    assert load_rows(system(), "visits", rows[:1]).kinds["visits"].unchanged == 1


def test_a_kind_or_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    import_path(write(tmp_path / "base", base()))
    with pytest.raises(FileRefused, match="did you mean visits"):
        load_rows(system(), "visit", [{}])
    with pytest.raises(FileRefused, match="lacks"):
        load_rows(system(), "visits", [{"store_code": "S1"}])

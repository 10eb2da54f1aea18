"""``import_data``: JSON on stdout, exit status 2 and a reason for what cannot be loaded."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from organization.access import entered, entered_installation
from organization.models import Tenant, Unit
from tests.importing.deliveries import TREE, base, system, visit, write

pytestmark = pytest.mark.django_db


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    call_command("import_data", *arguments, "--json")
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_json_has_the_counts_of_each_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path, base() | {"visits": [visit("R1"), visit("R1"), visit("R2", no="C9")]})

    report = run(capsys, str(folder))

    assert list(report["kinds"]) == ["org_units", "policies", "customers", "vehicles", "visits"]
    visits = report["kinds"]["visits"]
    assert {name: visits[name] for name in list(visits)[:6]} == {
        "read": 3,
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "rejected": 1,
        "superseded": 1,
    }
    assert Path(report["rejects_file"]).exists()
    assert report["seconds"] > 0


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as refused:
        call_command("import_data", *arguments, "--json")
    assert refused.value.returncode == 2
    return str(refused.value)


def tenants() -> list[str]:
    with entered_installation("test"):
        return sorted(Tenant.objects.values_list("code", flat=True))


def test_a_broken_file_stops_the_run_before_anything_is_written(tmp_path: Path) -> None:
    folder = write(tmp_path, base())
    (folder / "visits.xlsx").write_bytes(b"PK\x03\x04 not a workbook")
    assert "visits.xlsx" in refusal(str(folder))
    assert tenants() == []


def test_a_missing_folder_and_an_unknown_group_are_refused(tmp_path: Path) -> None:
    assert "nowhere" in refusal(str(tmp_path / "nowhere"))
    folder = write(tmp_path, base())
    assert "ZZ" in refusal(str(folder), "--group", "ZZ")
    assert tenants() == []


def test_two_groups_with_equal_codes_never_meet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, str(write(tmp_path / "a", base() | {"visits": [visit("R1")]})))
    tree = [
        {**row, "code": "YD", "name": "另一集团"}
        if row["level"] == "group"
        else {**row, "parent_code": str(row["parent_code"]).replace("HX", "YD", 1)}
        if row["parent_code"] == "HX"
        else row
        for row in TREE
    ]
    other = write(tmp_path / "b", base() | {"org_units": tree, "visits": [visit("R1")]})

    report = run(capsys, str(other), "--group", "YD")

    assert report["kinds"]["visits"]["created"] == 1
    with entered(system("HX")):
        ours = Unit.objects.get(code="S1").pk
    with entered(system("YD")):
        assert Unit.objects.get(code="S1").pk != ours
    # A file of stores alone is ambiguous now, and another group's top unit is refused.
    only = write(tmp_path / "c", {"visits": [visit("R1")]})
    assert "HX, YD" in refusal(str(only))
    report = run(capsys, str(write(tmp_path / "d", {"org_units": TREE})), "--group", "YD")
    assert report["kinds"]["org_units"]["rejected"] == 2


def test_a_refusal_is_told_in_both_languages(tmp_path: Path) -> None:
    told = refusal(str(tmp_path / "nowhere"))
    assert "不存在" in told
    assert "does not exist" in told


def test_files_of_no_kind_are_named_rather_than_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    folder = write(tmp_path, base())
    (folder / "visit.csv").write_text("store_code,ro_no\n")
    (folder / "nps.csv").mkdir()
    report = run(capsys, str(folder))
    assert report["ignored_files"] == ["nps.csv", "visit.csv"]
    assert "visit.csv" in caplog.text


def test_a_file_that_cannot_be_read_refuses_the_delivery(tmp_path: Path) -> None:
    folder = write(tmp_path, base())
    (folder / "visits.csv").symlink_to(tmp_path / "gone.csv")
    assert "visits.csv cannot be read (No such file or directory)" in refusal(str(folder))
    assert tenants() == []


def test_before_the_first_group_the_way_there_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "only", {"visits": [visit("R1")]})
    for group in ((), ("--group", "XQ")):
        assert "load org_units first" in refusal(str(folder), *group)

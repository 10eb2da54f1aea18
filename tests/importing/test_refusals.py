"""Bad rows and cells are refused one by one, with what would be right, and harm no other."""

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from customers.importing.messages import TEXTS, FileRefused, both
from customers.importing.running import RunReport, import_path
from customers.models import ContactPoint, Event, ImportRun, RejectedRow, Survey, Vehicle, Visit
from organization.access import entered
from tests.importing.deliveries import VIN, VIN2, base, customer, system, vehicle, visit, write

pytestmark = pytest.mark.django_db


def load(tmp_path: Path, **files: Any) -> RunReport:
    return import_path(write(tmp_path / "delivery", base() | files))


def codes(report: RunReport) -> list[tuple[str, str]]:
    """(column, code) of the refusal file, in order."""
    if report.rejects_file is None:
        return []
    with report.rejects_file.open(encoding="utf-8-sig", newline="") as stream:
        return [(line["column"], line["code"]) for line in csv.DictReader(stream)]


@pytest.mark.parametrize(
    ("change", "column", "code"),
    [
        ({"store_code": "S9"}, "store_code", "unknown_store"),
        ({"customer_no": "C9"}, "customer_no", "unknown_customer"),
        ({"customer_no": ""}, "customer_no", "required_empty"),
        ({"opened_at": "2099-01-01 08:00"}, "opened_at", "in_the_future"),
        ({"opened_at": "soon"}, "opened_at", "not_an_instant"),
        ({"opened_at": "1900-01-00"}, "opened_at", "not_an_instant"),
        ({"opened_at": "0"}, "opened_at", "not_an_instant"),
        ({"closed_at": "2025-03-03 18:00"}, "closed_at", "closed_before_opened"),
        ({"pay_customer": "a lot"}, "pay_customer", "not_a_number"),
        ({"pay_customer": "=A1*2"}, "pay_customer", "formula"),
        ({"status": "maybe"}, "status", "not_a_choice"),
        ({"status": "credit"}, "original_ro_no", "credit_without_original"),
        ({"status": "credit", "original_ro_no": "R9"}, "original_ro_no", "unknown_original"),
        ({"vin": VIN, "opened_at": "2019-01-01 09:00"}, "opened_at", "before_built"),
    ],
)
def test_a_bad_visit_is_refused_and_the_next_is_loaded(
    tmp_path: Path, change: dict[str, str], column: str, code: str
) -> None:
    report = load(
        tmp_path,
        vehicles=[vehicle(built_on="2020-01-01")],
        visits=[visit("R1") | change, visit("R2")],
    )

    counts = report.kinds["visits"]
    assert (counts.read, counts.created, counts.rejected) == (2, 1, 1)
    assert codes(report) == [(column, code)]
    with entered(system()):
        assert [v.ro_no for v in Visit.objects.all()] == ["R2"]


def test_the_store_of_another_group_is_not_known_to_this_one(tmp_path: Path) -> None:
    foreign = [
        {"code": "YZ", "name": "别家", "level": "group", "parent_code": ""},
        {"code": "YZ-1", "name": "别家一店", "level": "store", "parent_code": "YZ"},
    ]
    import_path(write(tmp_path / "foreign", {"org_units": foreign}))
    load(tmp_path)
    path = write(tmp_path / "visits", {"visits": [visit("R1", store="YZ-1"), visit("R2")]})
    report = import_path(path, group="HX")
    assert codes(report) == [("store_code", "unknown_store")]
    assert report.kinds["visits"].created == 1


@pytest.mark.parametrize(
    ("change", "column", "code"),
    [
        ({"vin": "LATPAB071W1OO5301"}, "vin", "bad_vin"),
        ({"vin": VIN2}, "vin", "unknown_vehicle"),
        ({"mileage_km": "-5"}, "mileage_km", "out_of_range"),
        ({"kind": "吃饭"}, "kind", "not_a_choice"),
    ],
)
def test_a_bad_cell_is_left_empty_and_its_row_loaded(
    tmp_path: Path, change: dict[str, str], column: str, code: str
) -> None:
    report = load(tmp_path, visits=[visit("R1") | change])

    counts = report.kinds["visits"]
    assert (counts.created, counts.rejected, counts.refused_cells) == (1, 0, 1)
    assert codes(report) == [(column, code)]


def test_mileage_far_above_its_neighbours_is_left_empty(tmp_path: Path) -> None:
    report = load(
        tmp_path,
        visits=[
            visit("R1", "2025-01-05", vin=VIN, mileage_km="41000"),
            visit("R2", "2025-06-05", vin=VIN, mileage_km="491000"),
            visit("R3", "2025-12-05", vin=VIN, mileage_km="60000"),
        ],
    )
    assert codes(report) == [("mileage_km", "mileage_jump")]
    with entered(system()):
        found = Visit.objects.order_by("ro_no").values_list("mileage_km", flat=True)
        assert list(found) == [41_000, None, 60_000]


def test_a_score_of_eleven_refuses_the_survey(tmp_path: Path) -> None:
    survey = {"store_code": "S1", "sent_at": "2025-05-01", "customer_no": "C1"}
    report = load(
        tmp_path,
        nps=[
            survey | {"survey_no": "N1", "score": "11", "answered_at": "2025-05-02"},
            survey | {"survey_no": "N2", "score": "-2147483648", "answered_at": "2025-05-02"},
            survey | {"survey_no": "N3", "score": "10", "answered_at": "2025-05-02"},
            survey | {"survey_no": "N4", "score": "10", "answered_at": "2025-04-02"},
        ],
    )
    assert codes(report) == [
        ("score", "out_of_range"),
        ("score", "out_of_range"),
        ("answered_at", "answered_before_sent"),
    ]
    with entered(system()):
        assert Survey.objects.get().score == 10


def test_only_an_appointment_may_lie_ahead(tmp_path: Path) -> None:
    event = {"store_code": "S1", "happened_at": "2099-05-01 09:00", "customer_no": "C1"}
    report = load(
        tmp_path,
        events=[
            event | {"event_no": "E1", "kind": "appointment"},
            event | {"event_no": "E2", "kind": "complaint"},
        ],
    )
    assert codes(report) == [("happened_at", "in_the_future")]
    with entered(system()):
        assert Event.objects.get().event_no == "E1"


def test_the_refusal_file_has_the_rows_own_columns_and_both_languages(tmp_path: Path) -> None:
    report = load(tmp_path, visits=[visit("R1"), visit("R2", store="S9")])

    assert report.rejects_file is not None
    with report.rejects_file.open(encoding="utf-8-sig", newline="") as stream:
        [line] = csv.DictReader(stream)
    assert (line["ro_no"], line["opened_at"], line["row"]) == ("R2", "2025-03-04 09:30", "3")
    assert "门店" in line["message"]
    assert "not known" in line["message"]
    with entered(system()):
        kept = RejectedRow.objects.get()
        assert (kept.row, kept.column, kept.code) == (3, "store_code", "unknown_store")


def test_the_corrected_refusal_file_loads_by_itself(tmp_path: Path) -> None:
    report = load(tmp_path, visits=[visit("R1"), visit("R2", store="S9")])
    assert report.rejects_file is not None
    again = tmp_path / "visits.csv"
    text = report.rejects_file.read_text(encoding="utf-8-sig")
    again.write_text(text.replace("S9,", "S1,"), encoding="utf-8-sig")

    loaded = import_path(again)
    counts = loaded.kinds["visits"]

    assert (counts.read, counts.created, counts.rejected) == (1, 1, 0)
    # The remarks beside the row are our own: not columns that somebody has to be told of.
    assert not loaded.warnings.get("visits")


def test_refused_cells_cannot_act_in_a_spreadsheet(tmp_path: Path) -> None:
    report = load(tmp_path, visits=[visit("=cmd|' /C calc'!A0"), visit("R2", brought_by="@SUM(1)")])
    assert report.rejects_file is not None
    with report.rejects_file.open(encoding="utf-8-sig", newline="") as stream:
        cells = [cell for line in csv.reader(stream) for cell in line]
    assert not [cell for cell in cells if cell.startswith(("=", "@"))]


def test_several_files_with_refusals_share_one_file(tmp_path: Path) -> None:
    report = load(
        tmp_path,
        customers=[customer(), customer("C2", "S9")],
        visits=[visit("R1", no="C2")],
    )
    assert report.rejects_file is not None
    with report.rejects_file.open(encoding="utf-8-sig", newline="") as stream:
        found = Counter((line["file"], line["code"]) for line in csv.DictReader(stream))
    assert found == {("customers", "unknown_store"): 1, ("visits", "unknown_customer"): 1}


def test_a_phone_that_excel_cut_is_refused_and_a_whole_one_repaired(tmp_path: Path) -> None:
    report = load(
        tmp_path,
        customers=[
            customer("C1", mobile="1.38E+10"),
            customer("C2", mobile="1.3912345678E+10", name="李伟"),
        ],
    )
    assert codes(report) == [("mobile", "scientific")]
    with entered(system()):
        assert ContactPoint.objects.get().tail == "5678"


def test_a_european_check_digit_warns(tmp_path: Path) -> None:
    report = load(tmp_path, vehicles=[vehicle("WBA8E9C50GK646567")])
    assert [w.code for w in report.warnings["vehicles"]] == ["vin_check_digit"]
    with entered(system()):
        assert Vehicle.objects.exists()


def test_every_message_reads_in_both_languages() -> None:
    class Any_(dict[str, str]):
        def __missing__(self, key: str) -> str:
            return f"<{key}>"

    for code in TEXTS:
        chinese, english = both(code, Any_()).split(" / ", 1)
        assert any("\u4e00" <= c <= "\u9fff" for c in chinese), code
        assert not any("\u4e00" <= c <= "\u9fff" for c in english), code


def test_no_refusal_is_forgotten_when_the_remembered_texts_become_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a column remembers is bounded; a bad cell stays bad however many good ones follow."""
    monkeypatch.setattr("customers.importing.conversion.REMEMBERED", 3)
    good = [f"LFV2A21K6A300{n:04d}" for n in range(40)]
    rows = [vehicle(vin) for vin in good]
    rows[5:5] = [vehicle("LFV2A21K6A3OOO018")]
    report = load(tmp_path, vehicles=rows)

    counts = report.kinds["vehicles"]
    assert (counts.read, counts.created, counts.rejected) == (41, 40, 1)
    assert codes(report) == [("vin", "bad_vin")]


def test_a_file_of_which_too_many_rows_are_refused_is_not_written(tmp_path: Path) -> None:
    bad = [visit("R2", store="S9"), visit("R3", store="S9")]
    folder = write(tmp_path / "d", base() | {"visits": [visit("R1"), *bad]})

    for dry_run in (True, False):
        with pytest.raises(FileRefused, match=r"66\.7% of the rows") as stopped:
            import_path(folder, group="HX", dry_run=dry_run, most_refused=50)
        assert Path(stopped.value.problem.values["path"]).read_text("utf-8-sig").count("\nS9") == 2
    with entered(system()):
        assert not Visit.objects.exists()
        assert Vehicle.objects.exists()
        run = ImportRun.objects.get()
        assert run.status == "failed"
        assert run.rejects.count() == 2

    assert import_path(folder, most_refused=67).kinds["visits"].created == 1

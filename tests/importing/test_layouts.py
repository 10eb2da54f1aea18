"""Files of made-up dealer-management systems, read by saved profiles: the same visits each time."""

import csv
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from customers.importing.kinds import KINDS
from customers.importing.layouts import date_order, suggested_columns
from customers.importing.messages import FileRefused
from customers.importing.profiles import suggest
from customers.importing.running import RunReport, import_path
from customers.models import ContactPoint, CustomerSource, ImportProfile, Visit, VisitLine
from organization.access import entered
from organization.models import Tenant
from tests.importing.deliveries import VIN, base, system, write

pytestmark = pytest.mark.django_db

# Tab-separated, Windows-1252, several values in a cell: a European workshop program.
WORKSHOP = (
    "Filiale\tAuftrag\tKunde\tFahrgestell\tDatum\tFahrer\tKm\tArbeiten\tText\tBetrag\n"
    f"S1\tA-1\tC1\t{VIN}\t04.03.2025 09:30\tMüller\t12000\tOIL^FILTER^\tÖlwechsel^Luftfilter\t"
    "452.00^226.00\n"
    f"S1\tA-2\tC1\t{VIN}\t31.03.2025 10:00\tGroß\t12500\tBRAKE\tBremse\t1130.00\n"
)


@pytest.fixture
def group(tmp_path: Path) -> Tenant:
    import_path(write(tmp_path / "base", base()))
    return Tenant(pk=system().tenant_id)


def profile(group: Tenant, name: str, kind: str, **values: Any) -> ImportProfile:
    with entered(system()):
        return ImportProfile.objects.create(tenant_id=group.pk, name=name, kind=kind, **values)


def workshop(group: Tenant) -> None:
    shared: dict[str, Any] = {
        "delimiter": "\t",
        "encoding": "cp1252",
        "dates": "dmy",
        "separator": "^",
    }
    keys = {"store_code": "Filiale", "ro_no": "Auftrag"}
    profile(
        group,
        "orders",
        "visits",
        columns=keys
        | {"customer_no": "Kunde", "vin": "Fahrgestell", "opened_at": "Datum"}
        | {"brought_by": "Fahrer", "mileage_km": "Km"},
        constants={"kind": "maintenance", "status": "closed"},
        **shared,
    )
    lines = keys | {"op_code": "Arbeiten", "description": "Text", "labour_amount": "Betrag"}
    profile(group, "jobs", "visit_lines", columns=lines, **shared)


def written(tmp_path: Path, name: str, content: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def test_tabs_windows_1252_and_several_values_in_a_cell(tmp_path: Path, group: Tenant) -> None:
    """One job-card file gives the orders by one profile and their lines by another."""
    workshop(group)
    path = written(tmp_path, "auftraege.txt", WORKSHOP.encode("cp1252"))

    orders = import_path(path, profile="orders").kinds["visits"]
    jobs = import_path(path, profile="jobs").kinds["visit_lines"]

    assert (orders.created, jobs.created, jobs.read) == (2, 3, 3)
    with entered(system()):
        first = Visit.objects.get(ro_no="A-1")
        assert (first.brought_by, first.kind) == ("Müller", "maintenance")
        assert (str(first.day), first.mileage_km) == ("2025-03-04", 12000)
        lines = VisitLine.objects.filter(visit=first).order_by("line_no")
        assert [(x.line_no, x.op_code, x.description, x.labour_fen) for x in lines] == [
            ("1", "OIL", "Ölwechsel", 40_000),
            ("2", "FILTER", "Luftfilter", 20_000),
        ]
    assert import_path(path, profile="orders").kinds["visits"].unchanged == 2


def test_a_refusal_names_the_line_of_the_file_that_it_comes_from(
    tmp_path: Path, group: Tenant
) -> None:
    workshop(group)
    path = written(tmp_path, "auftraege.txt", WORKSHOP.encode("cp1252"))
    report = import_path(path, profile="jobs")  # no order is there yet
    assert report.rejects_file is not None
    with report.rejects_file.open(encoding="utf-8-sig", newline="") as stream:
        refused = [(line["row"], line["line_no"]) for line in csv.DictReader(stream)]
    assert refused == [("2", "1"), ("2", "2"), ("3", "1")]


def test_gbk_with_headers_of_its_own_and_two_mobiles(tmp_path: Path, group: Tenant) -> None:
    text = (
        "编号,车主姓名,联系手机,证件,建档\n"
        "K9,欧阳芳,13912345678/13812345678,,20250304\n"
        "K10,李伟,1391234567,,20250305\n"
    )
    profile(
        group,
        "老系统客户",
        "customers",
        columns={
            "customer_no": "编号",
            "name": "车主姓名",
            "mobile": "联系手机",
            "created_on": "建档",
        },
        constants={"store_code": "S1", "kind": "个人"},
        dates="compact",
        separator="/",
    )
    path = written(tmp_path, "客户导出.csv", text.encode("gbk"))

    report = import_path(path, profile="老系统客户")

    assert (report.kinds["customers"].created, report.kinds["customers"].refused_cells) == (2, 1)
    with entered(system()):
        kept = CustomerSource.objects.get(customer_no="K9")
        assert (kept.name, str(kept.created_on)) == ("欧阳芳", "2025-03-04")
        kinds = ContactPoint.objects.filter(source=kept).order_by("kind")
        assert [contact.tail for contact in kinds] == ["5678", "5678"]
    # The refusal file speaks the format's names: corrected, it loads by itself.
    assert report.rejects_file is not None
    refused = report.rejects_file.read_text("utf-8-sig").replace("1391234567,", "13912345670,")
    corrected = written(tmp_path, "customers.csv", refused.encode())
    assert import_path(corrected).kinds["customers"].updated == 1


def test_a_workbook_with_merged_titles_above_the_header(tmp_path: Path, group: Tenant) -> None:
    book = Workbook()
    book.active.append(["恒信一店 维修台账"])
    book.active.merge_cells("A1:F1")
    book.active.append(["导出日期：2025-04-01"])
    book.active.append(["网点", "结算单号", "客户号", "进厂时间", "自费金额", "行驶里程数"])
    book.active.append(["S1", "B-1", "C1", "2025/3/4 9:30", 1130, 15000])
    path = tmp_path / "台账.xlsx"
    book.save(path)
    with entered(system()):
        saved = ImportProfile(tenant_id=group.pk, name="台账", kind="visits")
        suggest(saved, path)
        assert saved.skip == 2
        assert saved.columns["mileage_km"] == "行驶里程数"
        assert "store_code" not in saved.columns
        saved.columns["store_code"] = "网点"
        saved.save()

    report: RunReport = import_path(path, profile="台账")

    assert report.kinds["visits"].created == 1
    with entered(system()):
        assert Visit.objects.get().pay_customer_fen == 100_000


def test_what_a_profile_asks_for_and_the_file_lacks_is_named(tmp_path: Path, group: Tenant) -> None:
    workshop(group)
    path = written(tmp_path, "a.txt", WORKSHOP.replace("Kunde", "Kunden").encode("cp1252"))
    with pytest.raises(FileRefused, match="Kunde ≈ Kunden"):
        import_path(path, profile="orders")
    with pytest.raises(FileRefused, match="known: jobs, orders"):
        import_path(path, profile="order")


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["31/01/2026", "02/03/2026"], "dmy"),
        (["01/31/2026 09:30", ""], "mdy"),
        (["20260131", "202601311530"], "compact"),
        (["02/03/2026"], ""),
        (["2026-01-31"], ""),
        ([], ""),
    ],
)
def test_the_order_of_dates_is_taken_only_where_one_alone_fits(
    cells: list[str], order: str
) -> None:
    assert date_order(cells) == order


def test_columns_are_suggested_by_alias_and_by_likeness() -> None:
    found = suggested_columns(KINDS["visits"], ["门店代码", "RO No", "客户编号(新)", "备注"])
    assert found == {"store_code": "门店代码", "ro_no": "RO No", "customer_no": "客户编号(新)"}

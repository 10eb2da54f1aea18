"""Later rows correct earlier ones and history is kept; credits net; dry runs write nothing."""

from pathlib import Path
from typing import Any

import pytest

from customers.importing.running import import_path
from customers.models import (
    Consent,
    ContactPoint,
    Customer,
    CustomerSource,
    ImportRun,
    RecordRevision,
    Survey,
    Vehicle,
    Visit,
    VisitLine,
)
from customers.person_keys import unsealed
from organization.access import entered
from organization.models import Account, Assignment
from tests.importing.deliveries import (
    POLICY,
    VIN,
    base,
    customer,
    system,
    vehicle,
    visit,
    write,
    write_workbook,
)

pytestmark = pytest.mark.django_db


def load(tmp_path: Path, **files: Any) -> Any:
    """The base with ``files`` instead or besides; None leaves a file out."""
    delivered = {name: rows for name, rows in (base() | files).items() if rows is not None}
    return import_path(write(tmp_path / "delivery", delivered))


def one(tmp_path: Path, name: str, rows: list[Any], **options: Any) -> Any:
    """Load a single file after the base; its counts."""
    folder = write(tmp_path / f"later-{name}", {name: rows}, **options)
    return import_path(folder / f"{name}.csv").kinds[name]


def test_a_corrected_row_updates_and_keeps_what_was_said(tmp_path: Path) -> None:
    load(tmp_path, visits=[visit("R1"), visit("R2")])

    counts = one(tmp_path, "visits", [visit("R1", pay_customer="2260"), visit("R2")])

    assert (counts.updated, counts.unchanged) == (1, 1)
    with entered(system()):
        assert Visit.objects.get(ro_no="R1").pay_customer_fen == 200_000
        revision = RecordRevision.objects.get()
        assert (revision.record, revision.former["pay_customer_fen"]) == ("visit", 100_000)


def test_a_column_that_is_not_delivered_stays(tmp_path: Path) -> None:
    load(tmp_path, visits=[visit("R1", mileage_km="4000")])
    counts = one(tmp_path, "visits", [visit("R1")])
    assert counts.unchanged == 1
    counts = one(tmp_path, "visits", [visit("R1", mileage_km="")])
    assert counts.updated == 1
    with entered(system()):
        assert Visit.objects.get().mileage_km is None


def test_of_equal_keys_the_last_row_wins(tmp_path: Path) -> None:
    report = load(
        tmp_path,
        visits=[visit("R1", pay_customer="1"), visit("R2"), visit("R1", pay_customer="113")],
    )
    counts = report.kinds["visits"]
    assert (counts.read, counts.created, counts.superseded) == (3, 2, 1)
    with entered(system()):
        assert Visit.objects.get(ro_no="R1").pay_customer_fen == 10_000


def test_a_refused_last_row_does_not_win(tmp_path: Path) -> None:
    load(tmp_path, visits=[visit("R1", pay_customer="113"), visit("R1", pay_customer="x")])
    with entered(system()):
        assert Visit.objects.get().pay_customer_fen == 10_000


def test_one_number_at_two_stores_is_two_repair_orders(tmp_path: Path) -> None:
    load(
        tmp_path,
        customers=[customer(), customer("C1", "S2", name="李伟", mobile="")],
        visits=[visit("R1"), visit("R1", store="S2")],
    )
    with entered(system()):
        assert Visit.objects.count() == 2


@pytest.mark.parametrize("amount", ["1130", "-1130"])
def test_a_credit_nets_its_original(tmp_path: Path, amount: str) -> None:
    credit = visit("R2", pay_customer=amount, status="credit", original_ro_no="R1")
    load(tmp_path, visits=[credit, visit("R1")])
    with entered(system()):
        assert sum(v.paid_fen for v in Visit.objects.all()) == 0
        assert sum(v.cost_fen or 0 for v in Visit.objects.all()) == 0


def test_without_a_payer_the_customer_pays_what_the_lines_say(tmp_path: Path) -> None:
    row = visit("R1", labour_amount="200", parts_amount="100", discount="74", pay_customer="")
    report = load(tmp_path, visits=[row])
    assert [w.code for w in report.warnings["visits"]] == ["pay_assumed_customer"]
    with entered(system()):
        assert Visit.objects.get().pay_customer_fen == 20_000


def test_amounts_follow_the_policy_of_their_day(tmp_path: Path) -> None:
    report = load(
        tmp_path,
        policies=[
            {**POLICY[0], "valid_from": "2018-05-01", "vat_rate": "0.16"},
            {**POLICY[0], "valid_from": "2019-04-01", "vat_rate": "0.13"},
            {**POLICY[0], "valid_from": "2025-01-01", "amounts_include_vat": "n"},
        ],
        visits=[
            visit("R0", "2017-06-01", pay_customer="113"),
            visit("R1", "2019-03-31", pay_customer="116"),
            visit("R2", "2019-04-01", pay_customer="113"),
            visit("R3", "2025-01-01", pay_customer="100"),
        ],
    )
    with entered(system()):
        assert set(Visit.objects.values_list("pay_customer_fen", flat=True)) == {10_000}
    assert [(w.code, w.values["count"]) for w in report.warnings["visits"]] == [
        ("no_vat_policy", 1)
    ]


def test_a_deletion_takes_the_lines_and_keeps_history(tmp_path: Path) -> None:
    survey = {"store_code": "S1", "survey_no": "N1", "sent_at": "2025-04-01", "ro_no": "R1"}
    line = {"store_code": "S1", "ro_no": "R1", "line_no": "1", "parts_amount": "113"}
    load(tmp_path, visits=[visit("R1"), visit("R2")], visit_lines=[line], nps=[survey])
    rows = [
        {"file": "visits", "store_code": "S1", "ro_no": "R1"},
        {"file": "visits", "store_code": "S1", "ro_no": "R7"},
    ]

    counts = one(tmp_path, "deleted", rows)

    assert (counts.updated, counts.unchanged) == (1, 1)
    with entered(system()):
        assert [v.ro_no for v in Visit.objects.all()] == ["R2"]
        assert not VisitLine.objects.exists()
        assert Survey.objects.get().visit_id is None
        assert RecordRevision.objects.get(deleted=True).former["ro_no"] == "R1"


def test_a_delivery_that_deletes_its_own_row_changes_nothing_the_second_time(
    tmp_path: Path,
) -> None:
    files = {
        "visits": [visit("R1"), visit("R2")],
        "deleted": [{"file": "visits", "store_code": "S1", "ro_no": "R1"}],
    }
    load(tmp_path, **files)
    again = load(tmp_path, **files)
    assert (again.kinds["visits"].created, again.kinds["visits"].superseded) == (0, 1)
    with entered(system()):
        assert [v.ro_no for v in Visit.objects.all()] == ["R2"]


def test_a_customer_who_was_here_cannot_be_deleted(tmp_path: Path) -> None:
    load(tmp_path, vehicles=None, visits=[visit("R1")])
    row = {"file": "customers", "store_code": "S1", "customer_no": "C1"}
    assert one(tmp_path, "deleted", [row]).rejected == 1
    with entered(system()):
        assert CustomerSource.objects.exists()


def test_a_customer_without_records_is_deleted_whole(tmp_path: Path) -> None:
    load(tmp_path, vehicles=None, customers=[customer(consent_marketing="y")])
    row = {"file": "customers", "store_code": "S1", "customer_no": "C1"}
    assert one(tmp_path, "deleted", [row]).updated == 1
    with entered(system()):
        assert not CustomerSource.objects.exists()
        assert not Customer.objects.exists()
        assert not ContactPoint.objects.exists()


def test_contact_and_consent_follow_the_row(tmp_path: Path) -> None:
    load(tmp_path, customers=[customer(consent_marketing="y", id_number="")])
    counts = one(
        tmp_path,
        "customers",
        [customer(mobile="13700000001", consent_marketing="n", name="王芳芳")],
    )
    assert counts.updated == 1
    with entered(system()):
        assert unsealed(system(), [ContactPoint.objects.get().sealed]) == ["13700000001"]
        assert Consent.objects.get().given is False
        assert Customer.objects.get().name_key == "王芳芳"
    assert one(tmp_path, "customers", [customer(mobile="", name="王芳芳")]).updated == 1
    with entered(system()):
        assert not ContactPoint.objects.exists()


def test_a_vehicle_keeps_what_another_store_does_not_know(tmp_path: Path) -> None:
    load(
        tmp_path,
        customers=[customer(), customer("K1", "S2", name="李伟", mobile="")],
        vehicles=[vehicle(brand="别克", sold_on="2020-01-01", owned_to="2023-01-01")],
    )
    counts = one(
        tmp_path,
        "vehicles",
        [vehicle(no="K1", store="S2", plate="沪B99999", owned_from="2023-01-01")],
    )
    assert counts.created == 1
    with entered(system()):
        car = Vehicle.objects.get()
        assert (car.brand, car.plate, car.plate_tail) == ("别克", "沪B99999", "99999")
        assert len(car.stores) == 2


def test_two_stores_with_other_plates_for_one_car_do_not_overwrite_each_other(
    tmp_path: Path,
) -> None:
    """The ownership known first says what the car is; a newer one takes over, whoever sends it."""
    load(tmp_path, customers=[customer(), customer("K1", "S2", name="李伟", mobile="")])
    ours = [vehicle()]
    theirs = [vehicle(no="K1", store="S2", plate="沪B99999", brand="别克")]

    assert one(tmp_path, "vehicles", theirs).created == 1
    with entered(system()):
        car = Vehicle.objects.get()
        assert (car.plate, car.brand) == ("沪A12345", "别克")
    for rows in (ours, theirs, ours, theirs):
        assert one(tmp_path, "vehicles", rows).unchanged == 1

    later = [{**theirs[0], "owned_from": "2024-01-01"}]
    assert one(tmp_path, "vehicles", later).updated == 1
    assert one(tmp_path, "vehicles", ours).unchanged == 1
    with entered(system()):
        assert Vehicle.objects.get().plate == "沪B99999"


def test_staff_get_an_account_without_a_password_and_one_open_assignment(tmp_path: Path) -> None:
    person = {"username": "Zhang", "name": "张三", "role": "advisor", "unit_code": "S1"}
    load(tmp_path, staff=[person])
    counts = one(tmp_path, "staff", [person | {"unit_code": "S2", "valid_from": "2025-01-01"}])
    assert counts.updated == 1
    account = Account.objects.get(login="zhang@hx")
    assert not account.has_usable_password()
    with entered(system()):
        [first, second] = Assignment.objects.order_by("valid_from")
        assert (first.unit.code, str(first.valid_to)) == ("S1", "2025-01-01")
        assert (second.unit.code, second.valid_to) == ("S2", None)
    assert (
        one(tmp_path, "staff", [person | {"unit_code": "S2", "valid_from": "2025-01-01"}]).unchanged
        == 1
    )


def test_a_survey_of_a_vehicle_belongs_to_its_owner_of_that_day(tmp_path: Path) -> None:
    load(
        tmp_path,
        customers=[customer(), customer("C2", name="李伟", mobile="")],
        vehicles=[
            vehicle(owned_from="2020-01-01", owned_to="2023-01-01"),
            vehicle(no="C2", owned_from="2023-01-01"),
        ],
        nps=[{"store_code": "S1", "survey_no": "N1", "sent_at": "2022-05-01", "vin": VIN}],
    )
    with entered(system()):
        assert Survey.objects.get().customer == Customer.objects.get(name="王芳")


def test_a_dry_run_reports_what_a_run_does_and_writes_nothing(tmp_path: Path) -> None:
    files = base() | {"visits": [visit("R1"), visit("R1"), visit("R2", store="S9")]}
    folder = write(tmp_path, files)

    rehearsed = import_path(folder, dry_run=True)
    with pytest.raises(Exception, match="does not exist"):
        system()
    done = import_path(folder)
    rehearsed_again = import_path(folder, dry_run=True)

    assert rehearsed.kinds == done.kinds
    assert rehearsed.rejects_file is not None
    assert done.rejects_file is not None
    assert rehearsed.rejects_file.read_bytes() == done.rejects_file.read_bytes()
    assert rehearsed_again.kinds["visits"].unchanged == 1
    with entered(system()):
        assert list(ImportRun.objects.order_by("pk").values_list("dry_run", "status")) == [
            (False, "done"),
            (True, "done"),
        ]


def test_gbk_with_chinese_headers_and_tabs_and_a_workbook_say_the_same(tmp_path: Path) -> None:
    load(tmp_path, visits=[visit("R1", brought_by="李伟", kind="maintenance")])
    titles = {
        "store_code": "门店代码",
        "ro_no": "工单号",
        "customer_no": "客户编号",
        "opened_at": "进厂时间",
        "pay_customer": "自费",
        "cost": "成本",
        "brought_by": "送修人",
        "kind": "业务类型",
    }
    row = visit("R1", brought_by="李伟", kind="定期保养")
    gbk = one(tmp_path, "visits", [row], encoding="gbk", delimiter="\t", titles=titles)
    assert gbk.unchanged == 1
    book = import_path(write_workbook(tmp_path / "visits.xlsx", [row])).kinds["visits"]
    assert book.unchanged == 1

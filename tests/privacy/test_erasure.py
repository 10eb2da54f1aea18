"""Erasure: nothing that names the person is left anywhere, and no fen is lost."""

import csv
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.importing.running import import_path
from customers.models import ContactPoint, Customer, Visit
from customers.privacy.consents import record_statement
from customers.privacy.erasure import erase
from organization.access import entered
from tests.importing.deliveries import POLICY, TREE, customer, system, vehicle, visit, write

NAME, MOBILE, ID = "欧阳慕雪", "13912345678", "11010519491231002X"
ADDRESS, PLATE, BRINGER = "幸福路八十八号", "沪A12345", "诸葛小明"
STRINGS = (NAME, MOBILE, ID, ADDRESS, PLATE, BRINGER, "13655550001", "第二个号码备注", "PDAA-77")


def delivery(**more: Any) -> dict[str, Any]:
    person = customer(
        name=NAME,
        mobile=MOBILE,
        id_number=ID,
        address=ADDRESS,
        city="上海",
        birth_date="1988-05-06",
        consent_marketing="y",
    )
    return {
        "org_units": TREE,
        "policies": POLICY,
        "customers": [person, customer("C2", name="王小二", mobile="13800001111")],
        "vehicles": [vehicle()],
        "visits": [
            visit("R1", brought_by=BRINGER, brought_by_mobile="13655550001"),
            visit("R2", "2025-06-07", brought_by=NAME, brought_by_mobile=MOBILE),
            visit("R3", "2025-06-08", no="C2", brought_by=NAME, brought_by_mobile=MOBILE),
        ],
        "contracts": [
            {"store_code": "S1", "contract_no": "K1", "customer_no": "C1", "type": "insurance"}
            | {"policy_no": "PDAA-77", "price": "100"}
        ],
        "events": [
            {"store_code": "S1", "event_no": "E1", "kind": "complaint", "customer_no": "C1"}
            | {"happened_at": "2025-06-09", "detail": f"{NAME}的第二个号码备注"}
        ],
        "nps": [
            {"store_code": "S1", "survey_no": "N1", "sent_at": "2025-06-10", "customer_no": "C1"}
            | {"answered_at": "2025-06-11", "score": "3", "comment": f"我是{NAME}"}
        ],
        **more,
    }


def load(tmp_path: Path, files: dict[str, Any] | None = None) -> Any:
    folder = tmp_path / f"d{len(list(tmp_path.iterdir()))}"
    return import_path(write(folder, files or delivery()), group="HX")


def the_person() -> Customer:
    return Customer.objects.get(sources__customer_no="C1")


def everything() -> list[tuple[str, str]]:
    """Every text, JSON, date and bytea value of every table of the group: (column, value).

    Asked with the system's access, which sees all of it inside the test's own transaction; that no
    table is hidden from this role is a test of its own.
    """
    found = []
    with connection.cursor() as cursor:
        cursor.execute(
            "select c.relname, a.attname, format_type(a.atttypid, null) from pg_attribute a"
            " join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p')"
            " where c.relnamespace = 'public'::regnamespace and a.attnum > 0"
            " and not a.attisdropped and has_table_privilege(c.oid, 'select') order by 1, 2"
        )
        columns = cursor.fetchall()
        for table, column, kind in columns:
            if kind in ("bigint", "integer", "smallint", "boolean", "double precision", "numeric"):
                continue
            shown = f"encode(\"{column}\", 'escape')" if kind == "bytea" else f'"{column}"::text'
            cursor.execute(f'select distinct {shown} from "{table}" where "{column}" is not null')
            found += [(f"{table}.{column}", value) for (value,) in cursor.fetchall()]
    return found


def test_no_table_of_people_is_hidden_from_the_search(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace"
            " and relkind in ('r', 'p') and not has_table_privilege(oid, 'select')"
        )
        hidden = {name for (name,) in cursor.fetchall()}
    assert all(name.startswith("auth_") for name in hidden)


def traces(values: list[tuple[str, str]], *strings: str) -> set[tuple[str, str]]:
    return {(place, text) for place, value in values for text in strings if text in value}


@pytest.fixture
def loaded(db: None, tmp_path: Path) -> Path:
    load(tmp_path)
    # Corrected once, so that history holds him too; and refused once.
    files = delivery()
    files["customers"][0] = {**files["customers"][0], "address": ADDRESS + "二楼"}
    files["events"][0] = {**files["events"][0], "detail": "改了"}
    files["visits"].append(visit("R9", "2025-13-45", brought_by=NAME))
    load(tmp_path, files)
    load(tmp_path)
    return tmp_path


def test_the_person_is_found_before(loaded: Path) -> None:
    with entered(system()):
        places = traces(everything(), NAME, ADDRESS, PLATE, BRINGER)
    assert {text for _place, text in places} == {NAME, ADDRESS, PLATE, BRINGER}


def test_history_never_held_him_in_clear(loaded: Path) -> None:
    with entered(system()):
        history = [v for v in everything() if v[0].startswith("customers_recordrevision")]
    assert history
    assert not traces(history, *STRINGS)


def test_nothing_names_the_person_afterwards(loaded: Path) -> None:
    with entered(system()) as access:
        erase(access, the_person(), timezone.now())
        left = everything()
    assert not traces(left, *STRINGS)
    assert not [v for v in left if "1988-05-06" in v[1]]


def test_the_other_customer_is_untouched(loaded: Path) -> None:
    with entered(system()) as access:
        before = {p for p in traces(everything(), "王小二") if "django" not in p[0]}
        erase(access, the_person(), timezone.now())
        assert {p for p in traces(everything(), "王小二") if "django" not in p[0]} == before
        assert ContactPoint.objects.count() == 1


def test_money_and_visits_stay(loaded: Path) -> None:
    with entered(system()) as access:
        person = the_person()
        mine = Visit.objects.filter(customer=person)
        before = (mine.count(), mine.aggregate(s=Sum("pay_customer_fen"))["s"])
        erase(access, person, timezone.now())
        assert (mine.count(), mine.aggregate(s=Sum("pay_customer_fen"))["s"]) == before
        person.refresh_from_db()
    assert person.erased_at is not None
    assert person.kind == "person"
    assert person.do_not_contact


def test_the_refusal_file_loses_his_rows_and_keeps_the_others(db: None, tmp_path: Path) -> None:
    files = delivery()
    files["visits"] += [visit("R9", "x", brought_by=NAME), visit("R10", "x", no="C2")]
    report = load(tmp_path, files)
    with entered(system()) as access:
        erase(access, the_person(), timezone.now())
    with report.rejects_file.open(encoding="utf-8-sig", newline="") as stream:
        assert [row["ro_no"] for row in csv.DictReader(stream)] == ["R10"]


def test_a_feed_does_not_bring_him_back(loaded: Path) -> None:
    with entered(system()) as access:
        erase(access, the_person(), timezone.now())
    files = delivery()
    files["visits"].append(visit("R7", "2025-08-01", brought_by=NAME, brought_by_mobile=MOBILE))
    report = load(loaded, files)
    with entered(system()):
        assert not traces(everything(), *STRINGS)
        assert Visit.objects.filter(customer=the_person()).count() == 3  # the visit itself counts
    assert "withheld" in [w.code for w in report.warnings["customers"]]


def test_loading_twice_after_an_erasure_changes_nothing(loaded: Path) -> None:
    with entered(system()) as access:
        erase(access, the_person(), timezone.now())
    load(loaded)
    counts = load(loaded).kinds
    assert {name: c.updated for name, c in counts.items() if c.updated} == {}


def test_his_number_is_not_taken_up_under_another_without_consent(loaded: Path) -> None:
    with entered(system()) as access:
        erase(access, the_person(), timezone.now())
    fresh = customer("C9", name="新名字", mobile=MOBILE)
    load(loaded, {"org_units": TREE, "customers": [fresh]})
    with entered(system()):
        assert not ContactPoint.objects.filter(source__customer_no="C9").exists()
    load(loaded, {"org_units": TREE, "customers": [{**fresh, "consent_marketing": "y"}]})
    with entered(system()):
        assert ContactPoint.objects.filter(source__customer_no="C9").exists()


def test_a_new_consent_takes_him_up_again(loaded: Path) -> None:
    with entered(system()) as access:
        erase(access, the_person(), timezone.now())
        record_statement(access, the_person(), "marketing_yes", "on_site", timezone.now())
    load(loaded)
    with entered(system()):
        assert the_person().name == NAME
        assert ContactPoint.objects.filter(customer=the_person(), kind="mobile").exists()


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    name=st.text("赵钱孙李周吴郑王冯陈褚卫", min_size=3, max_size=5).map(lambda t: t + "氏"),
    digits=st.integers(0, 99_999_999),
    street=st.text("东西南北中山路街道", min_size=4, max_size=12),
)
def test_whoever_it_is_nothing_is_left(
    db: None, tmp_path_factory: pytest.TempPathFactory, name: str, digits: int, street: str
) -> None:
    mobile = f"137{digits:08d}"
    folder = tmp_path_factory.mktemp("person")
    person = customer("P1", name=name, mobile=mobile, address=street + "某弄")
    for _again in range(2):
        files = {
            "org_units": TREE,
            "customers": [person],
            "visits": [visit("Q1", no="P1", brought_by=name, brought_by_mobile=mobile)],
        }
        load(folder, files)
        person = {**person, "address": street + "某弄新址"}
    with entered(system()) as access:
        mine = Customer.objects.get(sources__customer_no="P1")
        erase(access, mine, timezone.now())
        assert not traces(everything(), name, mobile, street + "某弄")
        mine.sources.all().update(customer_no=f"gone-{mine.pk}")
        Visit.objects.filter(ro_no="Q1").update(ro_no=f"gone-{mine.pk}")

"""A reload recognises the rows that say what they said, and only those of which nothing else has
changed either; whatever it recognises, it reports and leaves what a full comparison would."""

import random
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone

from customers.importing import digests, recognising, running
from customers.importing.recognising import RecognisedRows
from customers.importing.running import RunReport, import_path
from customers.models import Customer, CustomerSource, RecordRevision, Vehicle, Visit
from customers.privacy.erasure import erase
from organization.access import entered
from organization.models import Staff, Unit
from tests.importing.deliveries import POLICY, base, customer, system, vehicle, visit, write

pytestmark = pytest.mark.django_db
STAFF = [{"username": "zhao", "name": "赵磊", "role": "advisor", "unit_code": "S1"}]
VISITS = [
    visit(f"R{number}", f"2025-03-{number:02d}", mileage_km=1000 * number, advisor="赵磊")
    for number in range(1, 11)
]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Also small files are tried; how many rows of each were recognised."""
    monkeypatch.setattr(recognising, "FEWEST", 1)
    counts: list[int] = []
    kept = running.recognised

    def counted(*arguments: Any) -> RecognisedRows:
        rows = kept(*arguments)
        counts.append(rows.count)
        return rows

    monkeypatch.setattr(running, "recognised", counted)
    return counts


def load(folder: Path, **files: Any) -> RunReport:
    return import_path(write(folder, {"staff": STAFF, **base(), "visits": VISITS, **files}))


def counts(report: RunReport) -> tuple[int, int, int, int]:
    of = report.kinds["visits"]
    assert of.read == of.created + of.updated + of.unchanged + of.rejected + of.superseded
    return of.created, of.updated, of.unchanged, of.rejected


def test_the_same_file_again_is_recognised_and_reported_as_before(
    tmp_path: Path, found: list[int]
) -> None:
    first = load(tmp_path, visits=[*VISITS, visit("R11", no="C9"), visit("R12", advisor="路人")])
    again = load(tmp_path, visits=[*VISITS, visit("R11", no="C9"), visit("R12", advisor="路人")])
    assert found == [11]
    assert counts(first) == (11, 0, 0, 1)
    assert counts(again) == (0, 0, 11, 1)
    assert again.warnings == first.warnings
    assert {w.code for w in again.warnings["visits"]} == {"unknown_advisor"}


def test_a_file_of_which_one_row_differs_profits_as_well(tmp_path: Path, found: list[int]) -> None:
    load(tmp_path)
    corrected = [*VISITS[:4], {**VISITS[4], "cost": "99"}, *VISITS[5:]]
    assert counts(load(tmp_path, visits=corrected)) == (0, 1, 9, 0)
    assert counts(load(tmp_path, visits=corrected)) == (0, 0, 10, 0)
    assert found == [9, 10]
    with entered(system()):
        assert Visit.objects.get(ro_no="R5").cost_fen == 9_900
        assert RecordRevision.objects.filter(record="visit").count() == 1
        assert "row_digest" not in RecordRevision.objects.get(record="visit").former


def test_order_of_columns_delimiter_and_encoding_do_not_matter_but_columns_do(
    tmp_path: Path, found: list[int]
) -> None:
    load(tmp_path)
    turned = [dict(reversed(list(row.items()))) for row in VISITS]
    import_path(write(tmp_path / "2", {"visits": turned}))
    import_path(write(tmp_path / "3", {"visits": VISITS}, encoding="gbk", delimiter=";"))
    import_path(write(tmp_path / "4", {"visits": [{**row, "discount": ""} for row in VISITS]}))
    assert found == [10, 10, 0]


def _staff_leaves(_: Path) -> None:
    with entered(system()):
        Staff.objects.all().update(name="钱进", username="qian")


def _store_is_renamed(_: Path) -> None:
    with entered(system()):
        Unit.objects.filter(code="S1").update(code="S1-OLD")


def _store_is_gone(_: Path) -> None:
    with entered(system()):
        Unit.objects.filter(code="S1").update(level="region")


def _vehicle_was_built_later(_: Path) -> None:
    with entered(system()):
        Vehicle.objects.all().update(built_on=date(2025, 3, 6))


def _number_is_renamed(_: Path) -> None:
    with entered(system()):
        CustomerSource.objects.all().update(customer_no="C1-OLD")


def _vin_is_corrected(_: Path) -> None:
    with entered(system()):
        Vehicle.objects.all().update(vin="LFV2A21K6A3000018")


def _visit_is_changed(_: Path) -> None:
    with entered(system()):
        Visit.objects.filter(ro_no="R3").update(cost_fen=1)


def _visit_is_deleted(folder: Path) -> None:
    gone = {"file": "visits", "store_code": "S1", "ro_no": "R3"}
    import_path(write(folder / "deletions", {"deleted": [gone]}))


def _customer_is_erased(_: Path) -> None:
    with entered(system()):
        erase(system(), Customer.objects.get(), timezone.now())


def _customer_of_a_visit_is_wrong(_: Path) -> None:
    with entered(system()):
        source = CustomerSource.objects.get()
        other = Customer.objects.get(pk=source.customer_id)
        other.pk, other.uid = None, "00000000-0000-4000-8000-000000000001"
        other.save()
        Visit.objects.filter(ro_no="R3").update(customer=other)


@pytest.mark.parametrize(
    ("change", "left", "outcome"),
    [
        (_staff_leaves, 0, (0, 10, 0, 0)),
        (_store_is_renamed, 0, (0, 0, 0, 10)),
        (_store_is_gone, 0, (0, 0, 0, 10)),
        (_number_is_renamed, 0, (0, 0, 0, 10)),
        (_vehicle_was_built_later, 5, (0, 0, 5, 5)),
        (_vin_is_corrected, 0, (0, 10, 0, 0)),
        (_visit_is_changed, 9, (0, 1, 9, 0)),
        (_visit_is_deleted, 9, (1, 0, 9, 0)),
        (_customer_is_erased, 0, (0, 0, 10, 0)),
        (_customer_of_a_visit_is_wrong, 9, (0, 1, 9, 0)),
    ],
)
def test_what_has_changed_meanwhile_is_looked_at_in_full(
    tmp_path: Path,
    found: list[int],
    change: Callable[[Path], None],
    left: int,
    outcome: tuple[int, int, int, int],
) -> None:
    rows = [{**row, "vin": vehicle()["vin"]} for row in VISITS]
    load(tmp_path, visits=rows)
    change(tmp_path)
    report = import_path(write(tmp_path / "alone", {"visits": rows}))
    assert found == [left]
    assert counts(report) == outcome


def test_a_policy_of_the_store_changes_its_figures(tmp_path: Path, found: list[int]) -> None:
    load(tmp_path)
    report = load(tmp_path, policies=[{**POLICY[0], "vat_rate": "0.06"}])
    assert found == [0]
    assert counts(report) == (0, 10, 0, 0)


def test_a_number_suppressed_meanwhile_is_withheld(tmp_path: Path, found: list[int]) -> None:
    brought = {"brought_by": "李伟", "brought_by_mobile": "13700000002"}
    rows = [{**VISITS[0], **brought}, *VISITS[1:]]
    people = [customer(), customer("C2", name="李伟", mobile="13700000002")]
    load(tmp_path, visits=rows, customers=people)
    with entered(system()):
        erase(system(), Customer.objects.get(name="李伟"), timezone.now())
    report = import_path(write(tmp_path / "alone", {"visits": rows}))
    assert found == [9]
    assert [w.code for w in report.warnings["visits"]] == ["withheld"]
    with entered(system()):
        assert Visit.objects.get(ro_no="R1").brought_by_lookup is None


def test_rules_read_anew_look_at_every_row_once(
    tmp_path: Path, found: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(tmp_path)
    monkeypatch.setattr(digests, "rules", lambda: "of another version")
    with entered(system()):
        before = list(Visit.objects.order_by("pk").values_list("changed_at", flat=True))
    assert counts(load(tmp_path)) == (0, 0, 10, 0)
    assert counts(load(tmp_path)) == (0, 0, 10, 0)
    assert found == [0, 10]
    with entered(system()):
        assert before == list(Visit.objects.order_by("pk").values_list("changed_at", flat=True))


def test_a_merge_moves_visits_without_their_being_looked_at_again(
    tmp_path: Path, found: list[int]
) -> None:
    twice = [customer(), customer("C2", "S2")]
    rows = [*VISITS, visit("R1", no="C2", store="S2")]
    assert load(tmp_path, customers=twice, visits=rows).merged == 1
    assert counts(load(tmp_path, customers=twice, visits=rows)) == (0, 0, 11, 0)
    assert found == [11]


def test_of_equal_keys_the_last_wins_whether_recognised_or_not(
    tmp_path: Path, found: list[int]
) -> None:
    load(tmp_path)
    other = {**VISITS[0], "cost": "7"}
    before = import_path(write(tmp_path / "2", {"visits": [other, *VISITS, VISITS[1]]}))
    assert counts(before) == (0, 0, 10, 0)
    assert before.kinds["visits"].superseded == 2
    after = import_path(write(tmp_path / "3", {"visits": [*VISITS, other]}))
    assert counts(after) == (0, 1, 9, 0)
    assert after.kinds["visits"].superseded == 1
    assert found == [11, 10]
    with entered(system()):
        assert Visit.objects.get(ro_no="R1").cost_fen == 700


def test_what_the_delivery_deletes_is_not_recognised(tmp_path: Path, found: list[int]) -> None:
    load(tmp_path)
    gone = [{"file": "visits", "store_code": "S1", "ro_no": "R3"}]
    report = load(tmp_path, deleted=gone)
    assert found == [9]
    assert report.kinds["visits"].superseded == 1
    with entered(system()):
        assert not Visit.objects.filter(ro_no="R3").exists()


def test_a_dry_run_recognises_and_leaves_no_digest(tmp_path: Path, found: list[int]) -> None:
    load(tmp_path)
    with entered(system()), connection.cursor() as cursor:
        cursor.execute("update customers_visit set row_digest = null")
    import_path(tmp_path, dry_run=True)
    with entered(system()):
        assert not Visit.objects.exclude(row_digest=None).exists()
    assert found == []


def _values() -> list[dict[str, Any]]:
    left_out = {"id", "changed_at", "row_digest", "row_notices", "brought_by_mobile"}
    names = [f.attname for f in Visit._meta.concrete_fields if f.attname not in left_out]
    with entered(system()):
        return list(Visit.objects.order_by("store_id", "ro_no").values(*names))


@pytest.mark.parametrize("seed", range(2))
def test_any_delivery_ends_as_it_would_without_recognition(
    tmp_path: Path, found: list[int], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Each delivery is rehearsed without recognition before it is loaded with it."""
    dice = random.Random(seed)
    load(tmp_path / "0", visits=[visit("R0")])
    for night in range(1, 5):
        path = write(tmp_path / str(night), {"visits": _made_up(dice)})
        monkeypatch.setattr(recognising, "FEWEST", 10**9)
        plain = import_path(path, dry_run=True)
        monkeypatch.setattr(recognising, "FEWEST", 1)
        loaded = import_path(path)
        assert loaded.kinds["visits"] == plain.kinds["visits"]
        assert loaded.warnings == plain.warnings
        values = _values()
        monkeypatch.setattr(recognising, "FEWEST", 10**9)
        assert import_path(path).kinds["visits"].updated == 0
        assert _values() == values
    assert sum(found) > 0


def _made_up(dice: random.Random) -> list[dict[str, Any]]:
    rows = []
    for _ in range(40):
        row = dict(visit(f"R{dice.randrange(25)}", "2025-03-04"))
        row["vin"] = vehicle()["vin"]
        row["cost"] = dice.choice(["400", "400", "400", "500"])
        row["mileage_km"] = dice.choice(["9000"] * 8 + ["300000", "-5"])
        row["advisor"] = dice.choice(["赵磊"] * 4 + ["路人"])
        row["labour_amount"] = dice.choice(["1130"] * 4 + ["20"])
        row["customer_no"] = dice.choice(["C1"] * 9 + ["C9"])
        row["status"] = dice.choice(["closed"] * 9 + ["credit"])
        row["original_ro_no"] = "R1" if row["status"] == "credit" else ""
        rows.append(row)
    return rows


def test_row_numbers_are_a_bit_each() -> None:
    rows = RecognisedRows()
    rows.add(np.array([2, 3, 8, 4_000_000], dtype=np.int64))
    assert rows.others([1, 2, 3, 4, 8, 9]) == [0, 3, 5]
    assert rows.others(range(3_999_999, 4_000_002)) == [0, 2]
    assert rows.others([9_000_000]) == [0]
    assert rows.count == 4


def test_a_small_part_of_the_table_is_compared_not_recognised(
    tmp_path: Path, found: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recognising reads the whole table, which a few rows are not worth."""
    load(tmp_path)
    monkeypatch.setattr(recognising, "SMALL_PART", 0)
    with connection.cursor() as cursor:
        cursor.execute("select customers_refresh_statistics()")
    assert counts(load(tmp_path)) == (0, 0, 10, 0)
    assert found == [0]

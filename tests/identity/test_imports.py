"""What an import merges, what it only proposes, and whose decisions it respects."""

from pathlib import Path
from typing import Any

import pytest

from customers.identity.decisions import keep_apart, split, undo
from customers.importing.running import import_path
from customers.models import Customer, CustomerSource, MergeDecision, MergeProposal
from organization.access import entered
from tests.importing.deliveries import VIN, base, customer, system, vehicle, write

pytestmark = pytest.mark.django_db
SLIPPED = "LATPAB071W1005310"


def load(tmp_path: Path, *customers: Any, **files: Any) -> Any:
    group = {name: rows for name, rows in base().items() if name != "vehicles"}
    return import_path(write(tmp_path, group | {"customers": list(customers)} | files))


def two(tmp_path: Path, second: dict[str, Any], **of_vehicle: Any) -> int:
    """Customers after loading C1 with its car, and K1 of the other store with one."""
    load(
        tmp_path,
        customer(),
        customer("K1", "S2", **second),
        vehicles=[
            vehicle(owned_from="2020-01-01", owned_to="2022-01-01"),
            vehicle(**{"vin": VIN, "no": "K1", "store": "S2", **of_vehicle}),
        ],
    )
    with entered(system()):
        return Customer.objects.count()


@pytest.mark.parametrize(
    ("second", "held", "people"),
    [
        ({}, {"owned_from": "2021-01-01"}, 1),
        ({}, {"owned_from": "2022-01-01"}, 2),  # sold on to a namesake
        ({"name": "李伟"}, {"owned_from": "2021-01-01"}, 2),
        ({"name": "王女士"}, {"owned_from": "2021-01-01"}, 2),
        ({"kind": "company"}, {"owned_from": "2021-01-01"}, 2),
        ({}, {"owned_from": "2021-01-01", "vin": SLIPPED}, 2),
    ],
)
def test_one_car_at_one_time_and_one_name(
    tmp_path: Path, second: dict[str, Any], held: dict[str, Any], people: int
) -> None:
    assert two(tmp_path, {"mobile": "13700000001", **second}, **held) == people


@pytest.mark.parametrize(
    ("second", "held", "evidence"),
    [
        ({"name": "李伟"}, {"owned_from": "2023-01-01"}, ["mobile", "name_none"]),
        (
            {"name": "李伟", "mobile": "13700000001"},
            {"owned_from": "2021-01-01"},
            ["vehicle", "name_none"],
        ),
        (
            {"mobile": "13700000001"},
            {"owned_from": "2021-01-01", "vin": SLIPPED, "plate": "沪A99999"},
            ["vin_slip", "name_same"],
        ),
        (
            {"name": "李伟", "mobile": "13700000001"},
            {"owned_from": "2021-01-01", "vin": "LFV2A21K6A3000018"},
            ["plate", "name_none"],
        ),
        ({"name": "李伟", "kind": "company"}, {"owned_from": "2021-01-01"}, None),
    ],
)
def test_weak_evidence_is_proposed(
    tmp_path: Path, second: dict[str, Any], held: dict[str, Any], evidence: list[str] | None
) -> None:
    assert two(tmp_path, second, **held) == 2
    with entered(system()):
        found = MergeProposal.objects.first()
        assert (found and found.evidence) == evidence


def test_a_salesmans_mobile_proves_nothing(tmp_path: Path) -> None:
    names = ("李伟", "张敏", "刘洋", "陈静", "杨磊", "王芳")
    rows = [customer(f"C{n}", name=name) for n, name in enumerate(names)]
    load(tmp_path, *rows, customer("C6", name="王芳"))
    with entered(system()):
        assert Customer.objects.count() == 7
        assert not MergeProposal.objects.exists()


@pytest.mark.parametrize("how", ["undo", "split", "keep apart"])
def test_what_people_parted_no_import_merges(tmp_path: Path, how: str) -> None:
    files = (customer(), customer("K1", "S2"))
    load(tmp_path, *files)
    with entered(system()) as access:
        decision = MergeDecision.objects.get()
        if how == "undo":
            undo(access, decision)
        elif how == "split":
            split(access, CustomerSource.objects.get(customer_no="K1"))
        else:
            undo(access, decision)
            keep_apart(access, *Customer.objects.order_by("pk"))
    load(tmp_path, *files)
    with entered(system()):
        assert Customer.objects.count() == 2
        assert not MergeProposal.objects.exists()


def test_a_deleted_number_parts_those_that_only_it_held_together(tmp_path: Path) -> None:
    load(
        tmp_path,
        customer("C1", mobile="13700000001", id_number="11010519491231002X"),
        customer("C2", mobile="13700000001"),
        customer("C3", mobile="13700000003", id_number="11010519491231002X"),
    )
    with entered(system()):
        assert Customer.objects.count() == 1
    import_path(
        write(
            tmp_path / "gone",
            {"deleted": [{"file": "customers", "store_code": "S1", "customer_no": "C1"}]},
        ),
        group="HX",
    )
    with entered(system()):
        assert sorted(n.customer_no for n in CustomerSource.objects.all()) == ["C2", "C3"]
        assert Customer.objects.count() == 2

"""A small delivery goes in whole, and a second time changes nothing."""

from pathlib import Path

import pytest

from customers.importing.running import import_path
from customers.models import Customer, Ownership, Vehicle, Visit
from organization.access import entered
from organization.models import Unit
from tests.importing.deliveries import base, system, visit, write

pytestmark = pytest.mark.django_db


def test_a_delivery_makes_the_group_and_its_records(tmp_path: Path) -> None:
    report = import_path(write(tmp_path, base() | {"visits": [visit("R1")]}))

    assert report.rejects_file is None
    assert {kind: c.created for kind, c in report.kinds.items()} == {
        "org_units": 5,
        "policies": 1,
        "customers": 1,
        "vehicles": 1,
        "visits": 1,
    }
    with entered(system()):
        store = Unit.objects.get(code="S1")
        assert store.path == [
            Unit.objects.get(code=code).pk for code in ("HX", "HX-L", "HX-E", "S1")
        ]
        customer = Customer.objects.get()
        assert (customer.name, customer.home_store, customer.stores) == ("王芳", store, [store.pk])
        assert Vehicle.objects.get().stores == [store.pk]
        assert Ownership.objects.get().customer == customer
        made = Visit.objects.get()
        assert (made.pay_customer_fen, made.cost_fen) == (100_000, 40_000)  # 1130 / 1.13
        assert made.opened_at.isoformat() == "2025-03-04T01:30:00+00:00"


def test_the_same_delivery_again_changes_nothing(tmp_path: Path) -> None:
    folder = write(tmp_path, base() | {"visits": [visit("R1"), visit("R2", "2025-05-06")]})
    import_path(folder)

    again = import_path(folder)

    assert all(c.unchanged == c.read > 0 for c in again.kinds.values()), again.kinds

"""A customer's advisor is whoever received him last."""

from pathlib import Path
from typing import Any

import pytest

from customers.importing.running import import_path
from customers.models import Customer
from organization.access import entered
from tests.importing.deliveries import base, system, visit, write

pytestmark = pytest.mark.django_db
STAFF = [
    {"username": "zhang", "name": "张师傅", "unit_code": "S1", "role": "advisor"},
    {"username": "li", "name": "李师傅", "unit_code": "S1", "role": "advisor"},
]


def advisor_after(tmp_path: Path, *visits: Any) -> str | None:
    import_path(write(tmp_path, base() | {"staff": STAFF, "visits": list(visits)}))
    with entered(system()):
        found = Customer.objects.select_related("advisor").get()
        return found.advisor.username if found.advisor else None


def test_the_latest_closed_visit_decides(tmp_path: Path) -> None:
    assert (
        advisor_after(
            tmp_path,
            visit("R1", "2025-01-01", advisor="zhang"),
            visit("R2", "2025-03-01", advisor="li"),
            visit("R3", "2025-02-01", advisor="zhang"),
        )
        == "li"
    )


def test_an_open_or_cancelled_visit_does_not(tmp_path: Path) -> None:
    assert (
        advisor_after(
            tmp_path,
            visit("R1", "2025-01-01", advisor="zhang"),
            visit("R2", "2025-03-01", advisor="li", status="open"),
            visit("R3", "2025-04-01", advisor="li", status="cancelled"),
        )
        == "zhang"
    )


def test_a_visit_without_a_known_advisor_takes_nobody_away(tmp_path: Path) -> None:
    assert (
        advisor_after(
            tmp_path,
            visit("R1", "2025-01-01", advisor="zhang"),
            visit("R2", "2025-03-01", advisor=""),
            visit("R3", "2025-04-01", advisor="外援"),
        )
        == "zhang"
    )


def test_a_later_delivery_moves_the_customer_on(tmp_path: Path) -> None:
    assert advisor_after(tmp_path / "a", visit("R1", "2025-01-01", advisor="zhang")) == "zhang"
    assert advisor_after(tmp_path / "b", visit("R2", "2025-03-01", advisor="li")) == "li"


def test_nobody_is_nobody(tmp_path: Path) -> None:
    assert advisor_after(tmp_path, visit("R1", "2025-01-01")) is None

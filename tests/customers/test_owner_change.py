"""A vehicle that has changed its owner, on the pages of the former and of the new one."""

from typing import Any

import pytest

from customers.models import Customer, CustomerSource, Ownership
from organization.access import entered
from tests.customers.records import ago, make_regular
from tests.factories import Group, make_customer

pytestmark = pytest.mark.urls("tests.customers.urls")


@pytest.fixture
def owners(group: Group) -> tuple[Customer, Customer]:
    """Wang, a regular whose car is due, sold it to Li thirty days ago; both of one store."""
    with entered(group.system):
        wang, _ = make_regular(group, name="王芳")
        li = make_customer(group, "-S1", name="李强")
        held = Ownership.objects.get(customer=wang)
        Ownership.objects.filter(pk=held.pk).update(owned_to=ago(30))
        number = CustomerSource.objects.get(customer=li)
        Ownership.objects.create(
            tenant=group.tenant,
            store=number.store,
            vehicle_id=held.vehicle_id,
            customer=li,
            source=number,
            owned_from=ago(30),
        )
    return wang, li


def page(client: Any, customer: Customer, query: str = "") -> str:
    answer = client.get(f"/customers/{customer.uid}/{query}", HTTP_ACCEPT_LANGUAGE="en")
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_service_due_went_with_the_vehicle(client_of: Any, owners: Any) -> None:
    former, new = owners
    advisor = client_of("advisor")
    assert "Last service" not in page(advisor, former)
    assert "Last service" in page(advisor, new)
    assert "Later owner" in page(advisor, new)


def test_the_former_owners_card_says_when_he_parted_with_it(
    client_of: Any, group: Group, owners: Any
) -> None:
    former, _new = owners
    with entered(group.system):
        vehicle = Ownership.objects.get(customer=former).vehicle_id
    html = page(client_of("advisor"), former, f"?vehicle={vehicle}")
    assert "<dt>Parted with the vehicle</dt>" in html
    assert "Overdue" not in html


def test_the_two_are_no_household(client_of: Any, owners: Any) -> None:
    former, new = owners
    assert "李强" not in page(client_of("advisor"), former)
    assert "王芳" not in page(client_of("advisor"), new)

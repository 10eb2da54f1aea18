"""Pages ask with the capability that their rows need: what is lent opens nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from organization.access import entered
from organization.models import AuditEvent
from tests.customers.records import make_contact, make_follow_up
from tests.factories import (
    Group,
    add_assignment,
    add_grant,
    add_person,
    make_customer,
    make_vehicle,
    make_visit,
)

SEE, REVEAL, CALL = "see_customers", "reveal_contact", "follow_up"
MOBILE = "13812345678"


@pytest.fixture
def stores(group: Group) -> dict[str, Customer]:
    """A customer with a number, a car, a visit and a follow-up at each of S1 and S2."""
    found = {}
    with entered(group.system):
        for suffix, name in (("-S1", "王小芳"), ("-S2", "李大伟")):
            found[suffix] = customer = make_customer(group, suffix, name)
            make_contact(customer, MOBILE)
            vehicle = make_vehicle(
                group, customer, f"LATPAB071W100530{suffix[-1]}", plate="沪A12345"
            )
            make_visit(group, customer, group.tenant.created_at.date(), vehicle=vehicle, cost_fen=7)
            make_follow_up(customer)
    return found


def lend(group: Group, username: str, *capabilities: str, suffix: str = "-S2") -> None:
    with entered(group.system):
        for capability in capabilities:
            add_grant(group, username, capability, suffix)


def names(client: Client) -> set[str]:
    lines = client.get("/customers/?sort=name").context["lines"]
    return {line.name for line in lines}


def profile(client: Client, customer: Customer) -> Any:
    return client.get(f"/customers/{customer.uid}/")


def reveal(client: Client, customer: Customer) -> Any:
    return client.post(f"/customers/{customer.uid}/contact", {"reason": "asked"})


def test_lent_customers_are_seen_masked_beside_ones_own(group, stores, client_of) -> None:
    client = client_of("advisor")
    assert names(client) == {"王小芳"}
    assert profile(client, stores["-S2"]).status_code == 404
    lend(group, "advisor", SEE)
    assert names(client) == {"王小芳", "李**"}
    page = profile(client, stores["-S2"]).content.decode()
    assert "李大伟" not in page
    assert "沪A12345" not in page


def test_lent_sight_lends_no_follow_up(group, stores, client_of) -> None:
    lend(group, "advisor", SEE)
    client = client_of("advisor")
    lines = client.get("/follow-ups/").context["lines"]
    assert {line.name for line in lines} == {"王小芳"}
    there = stores["-S2"]
    assert profile(client, there).context["log"] is None
    assert profile(client, stores["-S1"]).context["log"]
    with entered(group.system):
        row = there.follow_ups.get()
    client.post(f"/follow-ups/{row.pk}/outcome", {"outcome": "booked"})
    answer = client.post(
        f"/customers/{there.uid}/outcome", {"outcome": "booked", "reason": row.reason}
    )
    assert answer.status_code == 404
    with entered(group.system):
        row.refresh_from_db()
        assert (row.outcome, row.closed_at) == ("", None)


def test_lent_sight_lends_no_number(group, stores, client_of) -> None:
    lend(group, "advisor", SEE)
    client = client_of("advisor")
    assert MOBILE in reveal(client, stores["-S1"]).content.decode()
    assert reveal(client, stores["-S2"]).status_code == 403
    with entered(group.system):
        assert AuditEvent.objects.filter(action="contact.revealed").count() == 1


def test_a_lent_number_is_that_of_the_unit_only(group, stores, client_of) -> None:
    """The executive sees all masked; the grant reveals at S2, and names are full there."""
    with entered(group.system):
        add_grant(group, "ceo", REVEAL, "-S2", approved_by=group.staff["region_east"])
    client = client_of("ceo")
    assert MOBILE in reveal(client, stores["-S2"]).content.decode()
    assert reveal(client, stores["-S1"]).status_code == 403
    assert names(client) == {"王**", "李大伟"}


def test_follow_ups_can_be_lent(group, stores, client_of) -> None:
    lend(group, "advisor", SEE, CALL)
    client = client_of("advisor")
    assert len(client.get("/follow-ups/").context["lines"]) == 2
    with entered(group.system):
        row = stores["-S2"].follow_ups.get()
    client.post(f"/follow-ups/{row.pk}/outcome", {"outcome": "booked"})
    with entered(group.system):
        row.refresh_from_db()
        assert row.outcome == "booked"


def test_follow_up_alone_is_of_no_use(group, stores, client_of) -> None:
    lend(group, "advisor", CALL)
    client = client_of("advisor")
    assert len(client.get("/follow-ups/").context["lines"]) == 1
    assert names(client) == {"王小芳"}


def test_cost_is_shown_of_the_stores_whose_value_is_seen(group, stores, client_of) -> None:
    """Manager of S1, and advisor of S2: the cost of orders of S1 only."""
    with entered(group.system):
        add_assignment(group, "store_manager", "advisor", "-S2")
    visits = client_of("store_manager").get("/api/v1/visits/").json()["results"]
    assert {v["store"]: "cost_fen" in v for v in visits} == {"XQ-S1": True, "XQ-S2": False}


def test_two_roles_do_not_lend_each_other(group, stores, client_of) -> None:
    """Auditor of the group and advisor of S1: values of all, customers of S1."""
    with entered(group.system):
        add_assignment(group, "advisor", "auditor", "")
    client = client_of("advisor")
    assert names(client) == {"王小芳"}
    assert profile(client, stores["-S2"]).status_code == 404
    assert len(client.get("/follow-ups/").context["lines"]) == 1
    assert client.get("/customers/?q=李").context["lines"] == []


def test_raw_queries_of_a_page_keep_to_its_units(group, stores, client_of) -> None:
    """A customer of both stores: the mileage of S2's order stays with S2."""
    customer = stores["-S1"]
    with entered(group.system):
        two = group.units["-S2"]
        customer.stores = [group.units["-S1"].pk, two.pk]
        customer.save()
        visit = customer.visits.get()
        type(visit).objects.create(
            tenant=group.tenant,
            store=two,
            ro_no="elsewhere",
            source=visit.source,
            customer=customer,
            vehicle=visit.vehicle,
            opened_at=visit.opened_at,
            day=visit.day,
            mileage_km=77_777,
            kind="maintenance",
        )
        add_assignment(group, "advisor", "auditor", "")
    page = profile(client_of("advisor"), customer)
    assert "77,777" not in page.content.decode()
    assert page.context["car"].km_today is None


@pytest.mark.parametrize(
    ("page", "method"), [("imports", "get"), ("data_quality_renew", "post"), ("retrain", "post")]
)
def test_work_of_the_whole_group_is_not_for_a_part(
    group, client_of, page: str, method: str
) -> None:
    with entered(group.system):
        add_person(group, "steward_e", "data_steward", "-E")
        add_assignment(group, "steward_e", "analyst", "-LUX")
    act: Callable[..., Any] = getattr(client_of("steward_e"), method)
    assert act(reverse(page)).status_code == 403


@pytest.mark.parametrize("kind", ["4s", "non_4s", "other"])
def test_a_store_of_any_kind_is_closed_to_its_neighbours(
    group, stores, client_of, kind: str
) -> None:
    with entered(group.system):
        unit = group.units["-S2"]
        unit.store_kind = kind
        unit.save()
    client = client_of("advisor")
    assert names(client) == {"王小芳"}
    assert [u["code"] for u in client.get("/api/v1/units/").json()["results"]] == ["XQ-S1"]

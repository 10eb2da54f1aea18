"""A group with one of everything, and how the tests read a list."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import Client

from customers.models import Contract, Customer, CustomerTag, Event, Survey
from organization.access import entered
from tests.factories import Group, make_customer, make_vehicle, make_visit

RESOURCES = (
    *("units", "customers", "vehicles", "visits", "surveys", "contracts", "events", "scores"),
    "valuations",
)
VIN = "LSVAA4182E2123456"


def rows(client: Client, resource: str, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/{resource}/", query)
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


@pytest.fixture
def served(group: Group) -> Group:
    """王小芳 with one of everything at store S1, 李伟 with one of everything at S2."""
    with entered(group.system):
        for suffix, name, tail in (("-S1", "王小芳", "1"), ("-S2", "李伟", "2")):
            store = group.units[suffix]
            customer = make_customer(group, suffix, name)
            common: dict[str, Any] = {"tenant": group.tenant, "store": store, "customer": customer}
            noon = datetime(2026, 3, 1, 4, tzinfo=UTC)
            vehicle = make_vehicle(
                group, customer, VIN[:-1] + tail, date(2022, 1, 1), plate=f"沪A1234{tail}"
            )
            make_visit(group, customer, date(2026, 3, 1), vehicle=vehicle, cost_fen=50_000)
            Survey.objects.create(
                **common,
                survey_no="S",
                sent_at=noon,
                day=noon.date(),
                score=9,
                comment="谢谢王师傅",
            )
            Contract.objects.create(
                **common,
                contract_no="C",
                source=customer.sources.get(),
                type="insurance",
                ends_on=date(2026, 12, 1),
                price_fen=5,
                commission_fen=2,
            )
            Event.objects.create(
                **common, event_no="E", kind="complaint", happened_at=noon, day=noon.date()
            )
            CustomerTag.objects.create(**common, code="at_risk", as_of=noon.date())
    return group


def uid_of(group: Group, name: str) -> str:
    with entered(group.system):
        return str(Customer.objects.get(name=name).uid)

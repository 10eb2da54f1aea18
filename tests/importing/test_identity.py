"""Customers are one on strong evidence only; a customer of several stores has one home."""

from pathlib import Path
from typing import Any

import pytest

from customers.importing.running import import_path
from customers.models import Consent, Customer, FollowUp, MergeDecision, Ownership, Visit
from organization.access import entered
from organization.models import Unit
from tests.importing.deliveries import base, customer, system, visit, write

pytestmark = pytest.mark.django_db
ID = "11010519491231002X"


def load(tmp_path: Path, *customers: Any, **files: Any) -> Any:
    return import_path(write(tmp_path, base() | {"customers": list(customers)} | files))


@pytest.mark.parametrize(
    ("second", "people"),
    [
        (customer("K1", "S2"), 1),
        (customer("K1", "S2", name=" 王 芳"), 1),
        (customer("K1", "S2", name="李伟"), 2),  # a shared phone alone is no evidence
        (customer("K1", "S2", mobile="13700000001"), 2),  # nor is a name
        (customer("K1", "S2", kind="company"), 2),
        (customer("K1", "S2", name="", mobile="13912345678"), 2),
        (customer("K1", "S2", name="某人", mobile="", id_number=ID), 1),
        (customer("K1", "S2", name="某人", mobile="", id_number=ID, kind="company"), 2),
    ],
)
def test_who_is_one_customer(tmp_path: Path, second: Any, people: int) -> None:
    report = load(tmp_path, customer(id_number=ID), second)
    assert report.merged == 2 - people
    with entered(system()):
        assert Customer.objects.count() == people
        assert MergeDecision.objects.count() == 2 - people


def test_a_courtesy_name_is_no_evidence(tmp_path: Path) -> None:
    load(tmp_path, customer(name="王先生"), customer("K1", "S2", name="王先生"))
    with entered(system()):
        assert Customer.objects.count() == 2


def test_test_records_are_flagged_and_never_merged(tmp_path: Path) -> None:
    load(
        tmp_path,
        customer(mobile="13800000000"),
        customer("K1", "S2", mobile="13800000000"),
        customer("K2", "S2", name="测试", mobile=""),
    )
    with entered(system()):
        assert Customer.objects.filter(is_test=True).count() == 3


def test_a_chain_of_evidence_makes_one_customer_and_his_records_follow(tmp_path: Path) -> None:
    load(
        tmp_path,
        customer("C1", mobile="13700000001", consent_marketing="y"),
        customer("C2", mobile="13700000001", id_number=ID, consent_marketing="n"),
        customer("K1", "S2", name="王芳女士", mobile="13700000002", id_number=ID),
        visits=[visit("R1"), visit("R2", no="C2"), visit("R3", no="K1", store="S2")],
    )
    with entered(system()):
        one = Customer.objects.get()
        assert sorted(s.customer_no for s in one.sources.all()) == ["C1", "C2", "K1"]
        assert set(Visit.objects.values_list("customer", flat=True)) == {one.pk}
        assert Ownership.objects.get().customer == one
        assert len(one.stores) == 2
        assert Consent.objects.get().given is False
        assert MergeDecision.objects.count() == 2


def test_numbers_kept_apart_by_a_decision_stay_apart(tmp_path: Path) -> None:
    load(tmp_path, customer(), customer("K1", "S2", name="李伟"))
    with entered(system()):
        first, second = (c.sources.get() for c in Customer.objects.order_by("pk"))
        MergeDecision.objects.create(
            tenant_id=first.tenant_id,
            kind="split",
            source_a=first,
            source_b=second,
            automatic=False,
            decided_by="steward",
        )
    load(tmp_path, customer(), customer("K1", "S2"))
    with entered(system()):
        assert Customer.objects.count() == 2


def test_of_two_calls_for_one_reason_one_is_closed(tmp_path: Path) -> None:
    load(tmp_path, customer(), customer("K1", "S2", name="李伟"))
    with entered(system()):
        for person in Customer.objects.all():
            FollowUp.objects.create(
                tenant_id=person.tenant_id,
                store=person.home_store,
                customer=person,
                reason="due",
                due_on="2026-01-01",
            )
    load(tmp_path, customer(), customer("K1", "S2"))
    with entered(system()):
        assert FollowUp.objects.filter(closed_at=None).count() == 1
        assert set(FollowUp.objects.values_list("customer", flat=True)) == {
            Customer.objects.get().pk
        }


def test_home_is_where_most_margin_of_two_years_is(tmp_path: Path) -> None:
    load(
        tmp_path,
        customer(),
        customer("K1", "S2"),
        visits=[
            visit("R1", "2020-03-04", pay_customer="99999"),  # long ago
            visit("R2", "2025-03-04", pay_customer="500", cost="0"),
            visit("R3", "2025-03-05", no="K1", store="S2", pay_customer="2000", cost="0"),
        ],
    )
    with entered(system()):
        assert Customer.objects.get().home_store == Unit.objects.get(code="S2")


def test_what_a_customer_is_called_moves_with_his_home(tmp_path: Path) -> None:
    people = [customer(city="上海"), customer("K1", "S2", name="王芳", city="杭州")]
    here = visit("R1", "2025-03-04", pay_customer="500", cost="0")
    there = visit("R2", "2025-03-05", no="K1", store="S2", pay_customer="2000", cost="0")
    load(tmp_path, *people, visits=[here])
    with entered(system()):
        assert Customer.objects.get().city == "上海"
    load(tmp_path, *people, visits=[here, there])
    with entered(system()):
        one = Customer.objects.get()
        assert (one.home_store.code, one.city) == ("S2", "杭州")

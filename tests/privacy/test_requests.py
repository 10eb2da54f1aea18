"""A person asks for a copy or for erasure: who may take it, who carries it out, what is given."""

import io
import json
import zipfile
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import ContactPoint, Customer, PrivacyRequest
from customers.privacy.disclosure import LEFT_OUT, copy_of
from organization.access import entered
from organization.models import AuditEvent
from tests.customers.records import make_consent, make_event, make_regular, make_tag, today
from tests.factories import Group, add_person

NUMBER = "13912345678"
WISH = {"channel": "on_site", "verified": "id_card"}


@pytest.fixture
def wang(group: Group) -> Customer:
    with entered(group.system):
        add_person(group, "steward2", "data_steward", "")
        add_person(group, "steward_s1", "data_steward", "-S1")
        customer = make_regular(group, name="王小芳", number=NUMBER)[0]
        make_consent(customer, "marketing", given=True)
        make_event(customer, "complaint", today(), detail="异响")
        make_tag(customer, "loyal")
        return customer


def take(client: Client, customer: Customer, kind: str) -> Any:
    return client.post(
        reverse("customer_privacy_request", args=[customer.uid]), {"kind": kind, **WISH}
    )


def carry_out(group: Group, client: Client, **data: str) -> Any:
    with entered(group.system):
        pk = PrivacyRequest.objects.latest("pk").pk
    return client.post(reverse("privacy_carry_out", args=[pk]), data)


def status(group: Group) -> str:
    with entered(group.system):
        return str(PrivacyRequest.objects.latest("pk").status)


def test_the_copy_holds_what_is_held(group, client_of, wang: Customer) -> None:
    steward = client_of("steward")
    take(steward, wang, "export")
    answer = carry_out(group, steward)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        data = json.loads(packed.read("data.json"))
        page = packed.read("data.html").decode()
    assert data["customer"][0]["name"] == "王小芳"
    assert [c["number"] for c in data["contacts"]] == [NUMBER]
    assert len(data["visits"]) == len(data["visit_lines"]) == 2
    assert data["events"][0]["detail"] == "异响"
    assert NUMBER in page
    assert "王小芳" in page
    assert answer["Cache-Control"] == "no-store"
    assert status(group) == "done"


def test_every_table_about_customers_is_in_the_copy(group: Group, wang: Customer) -> None:
    with entered(group.system) as access:
        held = copy_of(access, wang)
    names = {r.get_accessor_name() for r in Customer._meta.related_objects}
    assert names - held.keys() == set(LEFT_OUT)


def test_the_copy_holds_no_key_and_no_index(group: Group, wang: Customer) -> None:
    with entered(group.system) as access:
        held = copy_of(access, wang)
    columns = {column for rows in held.values() for row in rows for column in row}
    assert not columns & {"wrapped", "lookup", "sealed", "id", "tenant", "tenant_id"}


def test_an_erasure_needs_a_second_person(group, client_of, wang: Customer) -> None:
    steward = client_of("steward")
    take(steward, wang, "erasure")
    carry_out(group, steward)
    assert status(group) == "open"
    with entered(group.system):
        assert ContactPoint.objects.exists()
    carry_out(group, client_of("steward2"))
    assert status(group) == "done"
    with entered(group.system):
        assert not ContactPoint.objects.exists()
        wang.refresh_from_db()
        assert (wang.name, wang.erased_at is not None) == ("", True)


def test_an_executive_may_approve(group, client_of, wang: Customer) -> None:
    take(client_of("steward"), wang, "erasure")
    carry_out(group, client_of("ceo"))
    assert status(group) == "done"


def test_the_record_names_nobody_and_nothing(group, client_of, wang: Customer) -> None:
    take(client_of("steward"), wang, "erasure")
    carry_out(group, client_of("ceo"))
    with entered(group.system):
        wish = PrivacyRequest.objects.get()
        event = AuditEvent.objects.get(action="privacy.erased")
    assert wish.result["contacts"] == 1
    assert wish.result["keys"] == 1
    assert all(isinstance(value, int) for value in wish.result.values())
    assert event.subject == f"customer:{wang.uid}"
    assert "王" not in str(event.detail)


def test_a_request_can_be_closed_without(group, client_of, wang: Customer) -> None:
    take(client_of("steward"), wang, "erasure")
    carry_out(group, client_of("ceo"), decision="refuse")
    assert status(group) == "refused"
    with entered(group.system):
        assert ContactPoint.objects.exists()


def test_the_same_request_is_open_once(group, client_of, wang: Customer) -> None:
    steward = client_of("steward")
    take(steward, wang, "export")
    take(steward, wang, "export")
    with entered(group.system):
        assert PrivacyRequest.objects.count() == 1


def test_one_store_cannot_speak_for_another(group, client_of, wang: Customer) -> None:
    with entered(group.system):
        Customer.objects.filter(pk=wang.pk).update(stores=[*wang.stores, group.units["-S2"].pk])
    take(client_of("steward_s1"), wang, "export")
    with entered(group.system):
        assert not PrivacyRequest.objects.exists()


@pytest.mark.parametrize("who", ["advisor", "store_manager", "analyst", "auditor", "admin"])
def test_other_roles_neither_take_nor_see_nor_carry_out(group, client_of, wang, who: str) -> None:
    take(client_of("steward"), wang, "erasure")
    client = client_of(who)
    assert take(client, wang, "export").status_code == 403
    assert carry_out(group, client).status_code == 403
    assert client.get(reverse("privacy")).status_code == 403
    assert client.get(reverse("customer_privacy", args=[wang.uid])).status_code == 403
    assert status(group) == "open"


def test_another_group_has_never_heard_of_him(client_of, other_group: Group, wang) -> None:
    stranger = client_of("steward", other_group)
    assert stranger.get(reverse("customer_privacy", args=[wang.uid])).status_code == 404
    assert take(stranger, wang, "export").status_code == 404


def test_the_pages_show_the_requests(group, client_of, wang: Customer) -> None:
    steward = client_of("steward")
    take(steward, wang, "erasure")
    listed = steward.get(reverse("privacy")).content.decode()
    assert "王小芳" in listed
    page = client_of("ceo").get(reverse("customer_privacy", args=[wang.uid])).content.decode()
    assert "王小芳" not in page
    assert "王**" in page


def test_the_groups_figures_are_set_within_their_ranges(group, client_of, wang) -> None:
    steward = client_of("steward")
    figures = {"reveals_per_hour": 5, "refusal_days": 10, "upload_days": 10}
    figures |= {"lost_contact_years": 3, "answer_days": 15}
    steward.post(reverse("privacy_policy"), figures)
    steward.post(reverse("privacy_policy"), figures | {"reveals_per_hour": 0})
    with entered(group.system):
        group.tenant.refresh_from_db()
        assert group.tenant.settings["privacy"] == figures
        assert AuditEvent.objects.filter(action="privacy.policy_set").count() == 1
    assert client_of("steward_s1").post(reverse("privacy_policy"), figures).status_code == 403

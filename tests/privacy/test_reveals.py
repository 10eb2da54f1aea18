"""Showing a number: for a reason, within the hour's allowance, never against a refusal."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from customers.privacy.policy import PolicyRefused, checked
from organization.access import entered
from organization.models import AuditEvent
from tests.customers.records import make_consent, make_follow_up, make_regular
from tests.factories import Group

NUMBER = "13912345678"


@pytest.fixture
def wang(group: Group) -> Customer:
    with entered(group.system):
        return make_regular(group, name="王小芳", number=NUMBER)[0]


def allow(group: Group, most: int) -> None:
    with entered(group.system):
        group.tenant.settings = {"privacy": {"reveals_per_hour": most}}
        group.tenant.save()


def ask(client: Client, customer: Customer, reason: str = "on_site", **headers: Any) -> Any:
    return client.post(
        reverse("customer_reveal", args=[customer.uid]), {"reason": reason}, **headers
    )


def events(group: Group, action: str) -> list[AuditEvent]:
    with entered(group.system):
        return list(AuditEvent.objects.filter(action=action))


def test_the_hours_allowance_ends_in_a_clear_refusal(group, client_of, wang: Customer) -> None:
    allow(group, 2)
    advisor = client_of("advisor")
    assert [ask(advisor, wang).status_code for _ in range(3)] == [200, 200, 429]
    refused = ask(advisor, wang)
    assert NUMBER not in refused.content.decode()
    assert len(events(group, "contact.revealed")) == 2


def test_a_refusal_is_recorded_although_the_request_is_rolled_back(group, client_of, wang) -> None:
    allow(group, 1)
    advisor = client_of("advisor")
    ask(advisor, wang)
    ask(advisor, wang)
    (event,) = events(group, "contact.reveal_refused")
    assert event.subject == f"customer:{wang.uid}"
    assert event.account_id == group.accounts["advisor"].pk


def test_a_part_of_a_page_says_why_in_its_place(group, client_of, wang: Customer) -> None:
    allow(group, 1)
    advisor = client_of("advisor")
    ask(advisor, wang)
    answer = ask(advisor, wang, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "data-reveal" not in answer.content.decode()
    assert NUMBER not in answer.content.decode()
    assert len(events(group, "contact.reveal_refused")) == 1


def test_the_allowance_is_each_persons_own(group, client_of, wang: Customer) -> None:
    allow(group, 1)
    assert ask(client_of("advisor"), wang).status_code == 200
    assert ask(client_of("store_manager"), wang).status_code == 200


def test_who_refuses_contact_is_not_called_for_a_follow_up(group, client_of, wang) -> None:
    with entered(group.system):
        make_consent(wang, "marketing", given=False)
    advisor = client_of("advisor")
    assert ask(advisor, wang, "follow_up").status_code == 429
    assert ask(advisor, wang, "on_site").status_code == 200


def test_a_duty_may_be_called_about_all_the_same(group, client_of, wang: Customer) -> None:
    with entered(group.system):
        make_consent(wang, "marketing", given=False)
        make_follow_up(wang, "recall")
    assert ask(client_of("advisor"), wang, "follow_up").status_code == 200


def test_masked_roles_are_shown_nothing(group, client_of, wang: Customer) -> None:
    for role in ("ceo", "analyst"):
        assert ask(client_of(role), wang).status_code == 403
    assert not events(group, "contact.revealed")


@pytest.mark.parametrize("resource", ["customers", "vehicles", "visits", "scores", "deidentified"])
def test_the_api_shows_no_number(group, client_of, wang: Customer, resource: str) -> None:
    text = client_of("advisor").get(f"/api/v1/{resource}/").content.decode()
    assert NUMBER not in text
    assert NUMBER[-4:] not in text


def test_the_api_has_no_way_to_write(client_of, wang: Customer) -> None:
    assert client_of("advisor").post(f"/api/v1/customers/{wang.uid}/").status_code in (403, 405)


@pytest.mark.parametrize(
    "values", [{"reveals_per_hour": 0}, {"refusal_days": 31}, {"upload_days": "30"}, {"other": 1}]
)
def test_a_policy_out_of_range_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(PolicyRefused, match=next(iter(values))):
        checked(values)


@pytest.mark.parametrize("typed", ["5678", "345678", "12345", "005301", "王小"])
def test_masked_roles_cannot_guess_by_endings(client_of, wang: Customer, typed: str) -> None:
    page = client_of("ceo").get(reverse("customers"), {"q": typed})
    assert page.status_code == 200
    assert str(wang.uid) not in page.content.decode()


@pytest.mark.parametrize("typed", [NUMBER, "沪A12345", "LATPAB071W1005301"])
def test_a_whole_number_finds_the_one_and_shows_him_masked(client_of, wang, typed: str) -> None:
    page = client_of("ceo").get(reverse("customers"), {"q": typed}, follow=True)
    assert page.redirect_chain[-1][0] == reverse("customer", args=[wang.uid])
    text = page.content.decode()
    assert "王**" in text
    assert not [hidden for hidden in ("王小芳", "沪A12345", NUMBER) if hidden in text]

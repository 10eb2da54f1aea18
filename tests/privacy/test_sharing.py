"""What a store learns of a person at another store: with consent or within one company only."""

from typing import Any

import pytest
from django.urls import reverse

from customers.elsewhere import elsewhere
from customers.models import Consent, Customer
from organization.access import Access, entered
from organization.models import AuditEvent, Unit
from organization.roles import access_of
from tests.customers.records import ago, make_consent, make_event, make_regular, today
from tests.factories import Group

NUMBER, PLATE = "13912345678", "沪A12345"


@pytest.fixture
def wang(group: Group) -> Customer:
    """Known to store 1 alone, with two visits."""
    with entered(group.system):
        return make_regular(group, "-S1", name="王小芳", number=NUMBER, plate=PLATE)[0]


def company(group: Group, name: str, *suffixes: str) -> None:
    with entered(group.system):
        Unit.objects.filter(pk__in=[group.units[s].pk for s in suffixes]).update(legal_entity=name)


def advisor_of_s2(group: Group) -> Access:
    with entered(Access(tenant_id=group.tenant.pk, label="x")):
        return access_of(group.accounts["advisor_s2"], today())


def seen_by_s2(group: Group, customer: Customer) -> int:
    with entered(group.system):
        Customer.objects.filter(pk=customer.pk).update(
            stores=[group.units["-S1"].pk, group.units["-S2"].pk]
        )
    access = advisor_of_s2(group)
    with entered(access):
        mine = Customer.objects.get(pk=customer.pk)
        return elsewhere(access, group.tenant, mine, []).visits


def test_separate_companies_share_nothing_by_themselves(group: Group, wang: Customer) -> None:
    company(group, "甲公司", "-S1")
    company(group, "乙公司", "-S2")
    assert seen_by_s2(group, wang) == 0


def test_one_company_shares_with_itself(group: Group, wang: Customer) -> None:
    company(group, "甲公司", "-S1", "-S2")
    assert seen_by_s2(group, wang) == 2


def test_two_stores_without_a_company_are_not_one(group: Group, wang: Customer) -> None:
    company(group, "", "-S1", "-S2")
    assert seen_by_s2(group, wang) == 0


def test_consent_opens_count_and_last_day(group: Group, wang: Customer) -> None:
    with entered(group.system):
        make_consent(wang, "sharing", given=True)
    assert seen_by_s2(group, wang) == 2


def test_a_withdrawal_closes_it(group: Group, wang: Customer) -> None:
    with entered(group.system):
        make_consent(wang, "sharing", given=True)
        Consent.objects.update(given=False)
    assert seen_by_s2(group, wang) == 0


def test_the_group_may_forbid_it(group: Group, wang: Customer) -> None:
    company(group, "甲公司", "-S1", "-S2")
    group.tenant.settings = {"visits_elsewhere": False}
    assert seen_by_s2(group, wang) == 0


def find(client: Any, typed: str) -> Any:
    return client.get(reverse("customers"), {"q": typed})


@pytest.mark.parametrize("typed", [NUMBER, PLATE])
def test_a_walk_in_opens_with_consent(group, client_of, wang: Customer, typed: str) -> None:
    with entered(group.system):
        make_consent(wang, "sharing", given=True)
    advisor = client_of("advisor_s2")
    hint = find(advisor, typed)
    assert hint.context["elsewhere"]
    assert "王小芳" not in hint.content.decode()
    page = advisor.post(reverse("walk_in"), {"q": typed}).content.decode()
    assert "王小芳" in page
    assert PLATE in page
    assert NUMBER not in page
    with entered(group.system):
        event = AuditEvent.objects.get(action="walk_in.opened")
        wang.refresh_from_db()
    assert event.subject == f"customer:{wang.uid}"
    assert wang.stores == [group.units["-S1"].pk]


@pytest.mark.parametrize("typed", [NUMBER, PLATE, NUMBER[-4:], "王小芳", "12345"])
def test_without_consent_nobody_is_known(group, client_of, wang: Customer, typed: str) -> None:
    advisor = client_of("advisor_s2")
    assert not find(advisor, typed).context["elsewhere"]
    assert advisor.post(reverse("walk_in"), {"q": typed}).status_code == 302
    with entered(group.system):
        assert not AuditEvent.objects.filter(action="walk_in.opened").exists()


@pytest.mark.parametrize("typed", [NUMBER[-4:], "王小芳", "12345", "005301"])
def test_even_with_consent_only_a_whole_number_names_him(group, client_of, wang, typed) -> None:
    with entered(group.system):
        make_consent(wang, "sharing", given=True)
    assert not find(client_of("advisor_s2"), typed).context["elsewhere"]


def test_a_walk_in_counts_like_a_reveal(group, client_of, wang: Customer) -> None:
    with entered(group.system):
        make_consent(wang, "sharing", given=True)
        group.tenant.settings = {"privacy": {"reveals_per_hour": 1}}
        group.tenant.save()
    advisor = client_of("advisor_s2")
    answers = [advisor.post(reverse("walk_in"), {"q": NUMBER}).status_code for _ in range(2)]
    assert answers == [200, 429]


def test_recalls_pass_without_consent(group: Group, wang: Customer) -> None:
    with entered(group.system):
        vehicle = wang.ownerships.get().vehicle
        make_event(wang, "recall_notice", ago(3), vehicle=vehicle, status="open")
        Customer.objects.filter(pk=wang.pk).update(
            stores=[group.units["-S1"].pk, group.units["-S2"].pk]
        )
    access = advisor_of_s2(group)
    with entered(access):
        mine = Customer.objects.get(pk=wang.pk)
        found = elsewhere(access, group.tenant, mine, [vehicle.pk])
    assert (found.visits, len(found.recalls)) == (0, 1)

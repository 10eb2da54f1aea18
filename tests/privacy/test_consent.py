"""What a customer says about contact counts at once, wherever he is known."""

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from customers.contacting import may_contact
from customers.follow_up_list import open_rows
from customers.follow_ups import make_follow_ups
from customers.importing.running import import_path
from customers.models import Consent, Customer, FollowUp
from customers.privacy.consents import STATEMENTS, record_statement
from organization.access import Access, entered
from organization.models import AuditEvent
from tests.customers.records import make_follow_up, make_regular, today
from tests.factories import Group
from tests.importing.deliveries import TREE, customer, system, write


@pytest.fixture
def wang(group: Group) -> Customer:
    with entered(group.system):
        return make_regular(group, name="王小芳")[0]


def say(client: Any, customer: Customer, statement: str, origin: str = "phone") -> Any:
    return client.post(
        reverse("customer_statement", args=[customer.uid]),
        {"statement": statement, "origin": origin},
    )


def test_a_withdrawal_empties_the_lists_at_once(group, client_of, wang: Customer) -> None:
    with entered(group.system):
        make_follow_up(wang, "due")
        make_follow_up(wang, "recall")
    assert say(client_of("advisor"), wang, "marketing_no").status_code == 302
    with entered(group.system) as access:
        assert [row.reason for row in open_rows(access).filter(blocked=False)] == ["recall"]
        make_follow_ups(access, today())
        assert not FollowUp.objects.filter(closed_at=None).exclude(reason="recall").exists()
        consent = Consent.objects.get()
    assert (consent.given, consent.origin) == (False, "phone")


@pytest.mark.parametrize("statement", ["marketing_no", "contact_no"])
def test_nothing_is_proposed_on_the_profile(group, client_of, wang, statement: str) -> None:
    advisor = client_of("advisor")
    page = reverse("customer", args=[wang.uid])
    before = advisor.get(page)
    assert before.context["act"]
    say(advisor, wang, statement)
    after = advisor.get(page)
    assert not after.context["act"]
    assert after.context["unwanted"]


def test_a_consent_undoes_the_refusal(group, client_of, wang: Customer) -> None:
    advisor = client_of("advisor")
    say(advisor, wang, "contact_no")
    say(advisor, wang, "marketing_no")
    say(advisor, wang, "contact_yes")
    say(advisor, wang, "marketing_yes")
    with entered(group.system) as access:
        wang.refresh_from_db()
        assert may_contact(access, wang, "due")


def test_it_is_recorded_who_took_it(group, client_of, wang: Customer) -> None:
    say(client_of("advisor"), wang, "sharing_yes", "writing")
    with entered(group.system):
        event = AuditEvent.objects.get(action="consent.recorded")
    assert event.actor == group.accounts["advisor"].login
    assert event.detail["statement"] == "sharing_yes"
    assert event.detail["origin"] == "writing"


@pytest.mark.parametrize("who", ["ceo", "analyst", "auditor", "admin", "advisor_s2"])
def test_others_record_nothing(group, client_of, wang: Customer, who: str) -> None:
    assert say(client_of(who), wang, "marketing_no").status_code in (403, 404)
    with entered(group.system):
        assert not Consent.objects.exists()


@pytest.mark.parametrize(("statement", "origin"), [("nonsense", "phone"), ("marketing_no", "x")])
def test_nonsense_is_refused(group, client_of, wang, statement: str, origin: str) -> None:
    assert say(client_of("advisor"), wang, statement, origin).status_code == 400
    with entered(group.system):
        assert not Consent.objects.exists()


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_statement_can_be_recorded(group, client_of, wang, statement: str) -> None:
    assert say(client_of("advisor"), wang, statement).status_code == 302


def load(tmp_path: Path, answer: str) -> None:
    folder = tmp_path / f"d{len(list(tmp_path.iterdir()))}"
    rows = [customer(consent_marketing=answer)]
    import_path(write(folder, {"org_units": TREE, "customers": rows}), group="HX")


def given() -> bool:
    with entered(system()):
        return Consent.objects.get(purpose="marketing").given


def test_an_old_yes_in_the_feed_does_not_undo_a_withdrawal(db: None, tmp_path: Path) -> None:
    load(tmp_path, "y")
    with entered(system()) as access:
        record_statement(access, Customer.objects.get(), "marketing_no", "phone", timezone.now())
    load(tmp_path, "y")
    assert not given()


def test_the_feed_counts_again_when_it_says_something_new(db: None, tmp_path: Path) -> None:
    load(tmp_path, "n")
    with entered(system()) as access:
        record_statement(access, Customer.objects.get(), "marketing_no", "phone", timezone.now())
    load(tmp_path, "y")
    assert given()


def test_a_first_feed_does_not_overrule_what_was_recorded_here(db: None, tmp_path: Path) -> None:
    load(tmp_path, "")
    with entered(system()) as access:
        record_statement(access, Customer.objects.get(), "marketing_no", "phone", timezone.now())
    load(tmp_path, "y")
    assert not given()


def test_a_refusal_in_the_feed_ends_open_calls(db: None, tmp_path: Path) -> None:
    load(tmp_path, "y")
    with entered(system()):
        for reason in ("due", "recall"):
            make_follow_up(Customer.objects.get(), reason)
    load(tmp_path, "n")
    with entered(system()):
        assert [f.reason for f in FollowUp.objects.filter(closed_at=None)] == ["recall"]


def test_a_withdrawal_reaches_lists_of_stores_that_the_person_cannot_see(group, wang) -> None:
    with entered(group.system):
        other = group.units["-S2"]
        Customer.objects.filter(pk=wang.pk).update(stores=[*wang.stores, other.pk])
        make_follow_up(wang, "due").__class__.objects.filter(customer=wang).update(store=other)
    s1 = group.units["-S1"].pk
    from organization.roles import access_of

    with entered(Access(tenant_id=group.tenant.pk, label="x")):
        advisor = access_of(group.accounts["advisor"], today())
    with entered(advisor):
        assert advisor.covers(s1)
        record_statement(
            advisor, Customer.objects.get(pk=wang.pk), "marketing_no", "on_site", timezone.now()
        )
    with entered(group.system):
        assert not FollowUp.objects.filter(closed_at=None).exists()

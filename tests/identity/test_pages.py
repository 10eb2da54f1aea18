"""The queue, the history and a customer's numbers, as stewards use them."""

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer, CustomerSource, MergeDecision, MergeProposal
from organization.access import entered
from organization.models import AuditEvent
from tests.customers.records import make_contact
from tests.factories import Group, add_person, make_customer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pages")]


def propose(group: Group, a: Customer, b: Customer, *evidence: str) -> MergeProposal:
    return MergeProposal.objects.create(
        tenant=group.tenant,
        source_a=a.sources.get(),
        source_b=b.sources.get(),
        evidence=list(evidence) or ["mobile", "name_slip"],
        score=60,
        stores=sorted({*a.stores, *b.stores}),
        found_at=timezone.now(),
    )


@pytest.fixture
def pair(group: Group) -> tuple[Customer, Customer, MergeProposal]:
    """Two customers of two stores with one mobile."""
    with entered(group.system):
        a = make_customer(group, "-S1", name="欧阳慕雪", gender="female")
        b = make_customer(group, "-S2", name="欧阳慕云", gender="female")
        for one in (a, b):
            make_contact(one, "13912345678")
        return a, b, propose(group, a, b)


def post(client: Any, name: str, *args: Any, **data: Any) -> Any:
    return client.post(reverse(name, args=args), data, follow=True)


def test_both_are_shown_side_by_side_without_their_numbers(client_of: Any, pair: Any) -> None:
    body = client_of("steward").get(reverse("identity_review")).content.decode()
    assert "欧阳慕雪" in body
    assert "欧阳慕云" in body
    assert "Same mobile" in body
    assert "one sign apart" in body
    assert "*******5678" in body
    assert "13912345678" not in body
    assert 'data-key="y"' in body


def test_one_customer_then_undo(group: Group, client_of: Any, pair: Any) -> None:
    steward = client_of("steward")
    answer = post(steward, "identity_decide", pair[2].pk, decision="one")
    assert "No duplicates wait for you" in answer.content.decode()
    with entered(group.system):
        assert CustomerSource.objects.filter(customer=pair[0]).count() == 2
        decision = MergeDecision.objects.get()
        assert decision.evidence == {"by": ["mobile", "name_slip"]}
        assert decision.decided_by == f"steward@{group.tenant.code}".lower()
    page = steward.get(reverse("identity_history")).content.decode()
    assert reverse("identity_undo", args=[decision.pk]) in page
    post(steward, "identity_undo", decision.pk)
    with entered(group.system):
        assert Customer.objects.count() == 2
        actions = AuditEvent.objects.values_list("action", flat=True)
        assert {"identity.merge", "identity.undone"} <= set(actions)
    assert "欧阳慕雪" in steward.get(reverse("identity_review")).content.decode()


def test_two_customers_are_not_asked_about_again(group: Group, client_of: Any, pair: Any) -> None:
    steward = client_of("steward")
    answer = post(steward, "identity_decide", pair[2].pk, decision="two")
    assert "No duplicates wait for you" in answer.content.decode()
    with entered(group.system):
        assert MergeDecision.objects.get().kind == "reject"
        assert Customer.objects.count() == 2


def test_later_is_another_day(client_of: Any, pair: Any) -> None:
    answer = post(client_of("steward"), "identity_decide", pair[2].pk, decision="later")
    assert "Nothing waits today" in answer.content.decode()


def test_the_next_one_comes_at_once(group: Group, client_of: Any, pair: Any) -> None:
    with entered(group.system):
        c, d = (make_customer(group, "-S1", name=name) for name in ("司马懿", "司马懿之"))
        propose(group, c, d)
    answer = post(client_of("steward"), "identity_decide", pair[2].pk, decision="two")
    assert "司马懿之" in answer.content.decode()


def test_a_proposal_is_decided_once(client_of: Any, pair: Any) -> None:
    steward = client_of("steward")
    post(steward, "identity_decide", pair[2].pk, decision="one")
    again = steward.post(reverse("identity_decide", args=[pair[2].pk]), {"decision": "two"})
    assert again.status_code == 404


def test_who_covers_one_of_the_stores_only_is_not_asked(
    group: Group, client_of: Any, pair: Any
) -> None:
    with entered(group.system):
        add_person(group, "steward_s1", "data_steward", "-S1")
    steward = client_of("steward_s1")
    assert "欧阳" not in steward.get(reverse("identity_review")).content.decode()
    decided = steward.post(reverse("identity_decide", args=[pair[2].pk]), {"decision": "one"})
    assert decided.status_code == 404


def test_a_number_is_split_off(group: Group, client_of: Any, pair: Any) -> None:
    steward = client_of("steward")
    post(steward, "identity_decide", pair[2].pk, decision="one")
    page = steward.get(reverse("customer_numbers", args=[pair[0].uid])).content.decode()
    assert page.count("Split off</button>") == 2
    with entered(group.system):
        number = CustomerSource.objects.get(customer_no=f"C{pair[1].pk}")
    post(steward, "customer_split", pair[0].uid, number.pk)
    with entered(group.system):
        assert Customer.objects.get(pk=pair[1].pk).uid == pair[1].uid
        assert CustomerSource.objects.get(pk=number.pk).customer_id == pair[1].pk


def test_chinese(client_of: Any, pair: Any) -> None:
    page = client_of("steward").get(
        reverse("identity_review"), headers={"accept-language": "zh-hans"}
    )
    assert "是同一客户吗" in page.content.decode()


@pytest.mark.parametrize("name", ["identity_review", "identity_history"])
def test_advisors_do_not_decide(client_of: Any, name: str) -> None:
    assert client_of("advisor").get(reverse(name)).status_code == 403

"""Special grants: asked for by one, approved by a second, ended at once or by themselves."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError
from django.test import Client
from django.utils import timezone

from organization.access import GRANTABLE, Capability, entered
from organization.grants import Status, status_of
from organization.models import AuditEvent, Grant
from tests.factories import Group, add_assignment, add_grant, add_person, make_customer

TODAY = date(2026, 3, 1)


def ask(client: Client, group: Group, **changed: Any) -> Any:
    today = timezone.localdate()
    values = {
        "login": "advisor",
        "unit": group.units["-S2"].pk,
        "capabilities": ["see_customers"],
        "valid_from": today.isoformat(),
        "valid_to": (today + timedelta(days=30)).isoformat(),
        "reason": "covers for a colleague on leave",
        **changed,
    }
    client.cookies["django_language"] = "en"
    return client.post("/grants/", values)


def asked(group: Group, client_of: Any, by: str = "admin", **changed: Any) -> Grant:
    answer = ask(client_of(by), group, **changed)
    assert answer.status_code == 302, answer.content.decode()
    with entered(group.system):
        return Grant.objects.latest("pk")


def again(group: Group, grant: Grant) -> Grant:
    with entered(group.system):
        return Grant.objects.get(pk=grant.pk)


def approve(client: Client, grant: Grant) -> Any:
    client.cookies["django_language"] = "en"
    return client.post(f"/grants/{grant.pk}/approve")


def revoke(client: Client, grant: Grant) -> Any:
    return client.post(f"/grants/{grant.pk}/revoke")


def trail(group: Group) -> list[tuple[str, str]]:
    with entered(group.system):
        events = AuditEvent.objects.filter(action__startswith="grant.").order_by("pk")
        return [(event.action, event.actor) for event in events]


def count(group: Group) -> int:
    with entered(group.system):
        return Grant.objects.count()


def sees(client: Client) -> int:
    return len(client.get("/customers/?sort=name").context["lines"])


def test_asked_for_approved_and_in_force(group, client_of) -> None:
    with entered(group.system):
        make_customer(group, "-S2")
    advisor = client_of("advisor")
    grant = asked(group, client_of)
    assert sees(advisor) == 0
    assert approve(client_of("ceo"), grant).status_code == 302
    assert sees(advisor) == 1
    assert again(group, grant).approved_by_id == group.staff["ceo"].pk
    assert trail(group) == [("grant.requested", "admin@xq"), ("grant.approved", "ceo@xq")]


def test_revoked_while_a_session_is_open(group, client_of) -> None:
    with entered(group.system):
        customer = make_customer(group, "-S2")
        add_grant(group, "advisor", "see_customers", "-S2")
        grant = Grant.objects.get()
    advisor = client_of("advisor")
    assert advisor.get(f"/customers/{customer.uid}/").status_code == 200
    revoke(client_of("region_east"), grant)
    assert advisor.get(f"/customers/{customer.uid}/").status_code == 404
    assert trail(group) == [("grant.revoked", "region_east@xq")]


def test_several_are_asked_for_at_once_and_approved_one_by_one(group, client_of) -> None:
    asked(group, client_of, capabilities=["see_customers", "follow_up"])
    assert count(group) == 2
    with entered(group.system):
        first = Grant.objects.get(capability="see_customers")
    approve(client_of("ceo"), first)
    with entered(group.system):
        assert Grant.objects.get(capability="follow_up").approved_by is None


@pytest.mark.parametrize("username", ["advisor", "analyst", "steward", "auditor"])
def test_the_page_is_for_those_who_ask_or_approve(group, client_of, username: str) -> None:
    with entered(group.system):
        grant = add_grant(group, "advisor_s2", "see_value", "-S1", approved_by=None)
    client = client_of(username)
    assert client.get("/grants/").status_code == 403
    assert ask(client, group).status_code == 403
    assert approve(client, grant).status_code == 403
    assert revoke(client, grant).status_code == 403
    assert again(group, grant).revoked_at is None
    assert count(group) == 1


def test_a_manager_approves_but_does_not_ask(group, client_of) -> None:
    client = client_of("store_manager")
    assert client.get("/grants/").context["form"] is None
    assert ask(client, group, unit=group.units["-S1"].pk).status_code == 403
    assert count(group) == 0


# What is wrong, and a word of the refusal.
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"login": "admin"}, "themselves"),
    ({"login": "nobody"}, "this login"),
    ({"login": "auditor@YH"}, "this login"),
    ({"reason": "short"}, "10 characters"),
    ({"capabilities": []}, "required"),
    ({"capabilities": ["administer"]}, "valid choice"),
    ({"capabilities": ["follow_up"]}, "of no use"),
    ({"capabilities": ["see_customers"], "login": "advisor_s2"}, "already"),
    ({"valid_to": "2020-01-01"}, "within a year"),
    ({"valid_from": "2020-01-01"}, "within a year"),
    ({"valid_to": "2099-01-01"}, "within a year"),
    ({"valid_to": ""}, "required"),
    ({"unit": "999999999"}, "valid choice"),
]


@pytest.mark.parametrize(("changed", "word"), WRONG)
def test_what_cannot_be_lent_is_refused_in_words(
    group, client_of, changed: dict[str, Any], word: str
) -> None:
    if changed.get("login") == "auditor@YH":
        changed = {"login": "foreigner@YH"}
    answer = ask(client_of("admin"), group, **changed)
    assert answer.status_code == 400
    assert word in answer.content.decode()
    assert (count(group), trail(group)) == (0, [])


def test_only_ones_own_units_can_be_asked_for(group, client_of) -> None:
    with entered(group.system):
        add_person(group, "admin_w", "administrator", "-W")
    client = client_of("admin_w")
    client.cookies["django_language"] = "en"
    units = client.get("/grants/").context["form"].fields["unit"].choices
    assert [name for _key, name in units] == ["region XQ-W · Region", "store XQ-S3 · 4S store"]
    assert ask(client, group).status_code == 400
    assert ask(client, group, unit=group.units["-S3"].pk).status_code == 302


@pytest.mark.parametrize(
    ("approver", "why"),
    [
        ("admin", "Your role does not approve"),  # and asked for it besides
        ("store_manager", "no such grant"),  # of another store: not even seen
        ("exec_s2", "only what your own role includes"),
    ],
)
def test_who_must_not_approve(group, client_of, approver: str, why: str) -> None:
    with entered(group.system):
        add_person(group, "exec_s2", "executive", "-S2")
        grant = add_grant(group, "advisor", "reveal_contact", "-S2", approved_by=None)
    answer = approve(client_of(approver), grant)
    assert answer.status_code in (403, 404)
    assert why in answer.content.decode()
    assert again(group, grant).approved_by is None
    assert trail(group) == []


def test_who_asked_does_not_approve(group, client_of) -> None:
    grant = asked(group, client_of, by="ceo")
    answer = approve(client_of("ceo"), grant)
    assert answer.status_code == 403
    assert "approved by a second person" in answer.content.decode()
    assert again(group, grant).approved_by is None


def test_who_receives_does_not_approve(group, client_of) -> None:
    """A manager of the region would hold all that it takes."""
    with entered(group.system):
        grant = add_grant(group, "region_east", "see_value", "-S2", approved_by=None)
    assert approve(client_of("region_east"), grant).status_code == 403
    assert again(group, grant).approved_by is None


def test_what_was_lent_is_not_lent_on(group, client_of) -> None:
    """An executive who reveals at S2 by a grant cannot let a third person do so."""
    with entered(group.system):
        add_grant(group, "ceo", "reveal_contact", "-S2", approved_by=group.staff["region_east"])
        second = add_grant(group, "advisor", "reveal_contact", "-S2", approved_by=None)
    assert approve(client_of("ceo"), second).status_code == 403
    assert approve(client_of("region_east"), second).status_code == 302


def test_the_manager_of_the_store_lends_what_is_the_stores(group, client_of) -> None:
    with entered(group.system):
        add_person(group, "manager_s2", "manager", "-S2")
        grant = add_grant(group, "advisor", "reveal_contact", "-S2", approved_by=None)
    assert approve(client_of("manager_s2"), grant).status_code == 302
    assert again(group, grant).approved_by_id == group.staff["manager_s2"].pk


def test_nothing_is_approved_or_revoked_twice(group, client_of) -> None:
    grant = asked(group, client_of)
    ceo = client_of("ceo")
    approve(ceo, grant)
    approve(ceo, grant)
    revoke(ceo, grant)
    revoke(ceo, grant)
    approve(ceo, grant)
    assert [action for action, _who in trail(group)] == [
        *("grant.requested", "grant.approved", "grant.revoked")
    ]


def test_refused_it_can_be_approved_no_more(group, client_of) -> None:
    grant = asked(group, client_of)
    revoke(client_of("ceo"), grant)
    approve(client_of("ceo"), grant)
    row = again(group, grant)
    assert row.approved_by is None
    assert status_of(row, TODAY) == Status.REFUSED
    assert trail(group)[-1] == ("grant.refused", "ceo@xq")


def test_another_groups_grants_do_not_exist(group, other_group, client_of) -> None:
    with entered(other_group.system):
        grant = add_grant(other_group, "advisor", "see_value", "-S2", approved_by=None)
    client = client_of("ceo")
    assert approve(client, grant).status_code == 404
    assert revoke(client, grant).status_code == 404
    assert client.get("/grants/").context["lines"] == []


def test_the_list_shows_what_is_of_ones_units(group, client_of) -> None:
    with entered(group.system):
        add_grant(group, "advisor", "see_customers", "-S2")
        add_grant(group, "advisor", "see_value", "-S3", valid_to=date(2022, 1, 1))
        unit = group.units["-S2"]
        unit.store_kind = "non_4s"
        unit.save()

    def listed(username: str, query: str = "") -> list[tuple[str, str]]:
        lines = client_of(username).get(f"/grants/{query}").context["lines"]
        return [(line.grant.unit.code, line.status.value) for line in lines]

    assert listed("ceo") == [("XQ-S2", "in_force")]
    assert listed("ceo", "?show=ended") == [("XQ-S3", "expired")]
    assert listed("region_east", "?show=ended") == []
    client = client_of("admin")
    client.cookies["django_language"] = "en"
    page = client.get("/grants/").content.decode()
    for words in ("Non-4S store", "cover during an absence", "See customers", "Service advisor"):
        assert words in page


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"approved_by_id": None}, Status.PENDING),
        ({}, Status.IN_FORCE),
        ({"valid_from": TODAY + timedelta(days=1)}, Status.COMING),
        ({"valid_to": TODAY}, Status.EXPIRED),
        ({"valid_to": TODAY, "approved_by_id": None}, Status.EXPIRED),
        ({"revoked_at": timezone.now()}, Status.REVOKED),
        ({"revoked_at": timezone.now(), "approved_by_id": None}, Status.REFUSED),
    ],
)
def test_where_a_grant_stands(values: dict[str, Any], expected: Status) -> None:
    facts = {"approved_by_id": 1, "valid_from": TODAY, "valid_to": TODAY + timedelta(days=9)}
    assert status_of(Grant(**{**facts, **values}), TODAY) == expected


@pytest.mark.parametrize("days", [0, 1])
def test_it_ends_by_itself(group, client_of, days: int) -> None:
    today = timezone.localdate()
    with entered(group.system):
        make_customer(group, "-S2")
        add_grant(group, "advisor", "see_customers", "-S2", valid_to=today + timedelta(days=days))
    assert sees(client_of("advisor")) == days


def test_powers_and_group_wide_work_cannot_be_lent() -> None:
    held_back = set(Capability) - set(GRANTABLE)
    assert held_back == {
        *(Capability.ADMINISTER, Capability.SEE_AUDIT, Capability.REQUEST_GRANT),
        *(Capability.APPROVE_GRANT, Capability.IMPORT_DATA, Capability.RETRAIN),
        *(Capability.SEE_MODELS, Capability.CREATE_VALUATION, Capability.APPROVE_VALUATION),
        *(Capability.HANDLE_PRIVACY, Capability.APPROVE_ERASURE, Capability.EXPORT_VALUE),
    }


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"approved": "admin"}, "grant_approved_by_another_person"),
        ({"approved": "advisor"}, "grant_not_to_oneself"),
        ({"granted": "advisor"}, "grant_not_to_oneself"),
        ({"capability": "administer"}, "grant_of_what_may_be_lent"),
        ({"valid_to": None}, "grant_expires"),
    ],
)
def test_the_database_refuses_it_too(group, values: dict[str, Any], constraint: str) -> None:
    who = {"approved": "approved_by", "granted": "granted_by"}
    row = {who.get(k, k): group.staff[v] if k in who else v for k, v in values.items()}
    capability = row.pop("capability", "see_value")
    with pytest.raises(IntegrityError, match=constraint), entered(group.system):
        add_grant(group, "advisor", capability, "-S2", **row)


@pytest.mark.parametrize(
    "changed",
    [
        {"capability": "see_value"},
        {"valid_to": date(2101, 1, 1)},
        {"reason": "something else"},
        {"approved_by": None},
    ],
)
def test_a_grant_stays_as_it_was_approved(group, changed: dict[str, Any]) -> None:
    with entered(group.system):
        grant = add_grant(group, "advisor", "see_customers", "-S2")
    with pytest.raises(DatabaseError, match="stays as it was"), entered(group.system):
        Grant.objects.filter(pk=grant.pk).update(**changed)


def test_a_revocation_is_not_taken_back(group) -> None:
    with entered(group.system):
        grant = add_grant(
            group, "advisor", "see_customers", "-S2", revoked_at=group.tenant.created_at
        )
    with pytest.raises(DatabaseError, match="stays as it was"), entered(group.system):
        Grant.objects.filter(pk=grant.pk).update(revoked_at=None)


def test_grants_are_kept(group) -> None:
    with entered(group.system):
        grant = add_grant(group, "advisor", "see_customers", "-S2")
    with pytest.raises(DatabaseError, match="permission denied"), entered(group.system):
        grant.delete()


def test_what_a_role_holds_there_is_not_lent_again(group, client_of) -> None:
    with entered(group.system):
        add_assignment(group, "advisor", "manager", "-E")
    assert ask(client_of("admin"), group).status_code == 400

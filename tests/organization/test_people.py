"""The people page: who is listed to whom, and what an administrator may change."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from organization.access import entered
from organization.audit import ROW_ACTIONS
from organization.models import Account, Assignment, AuditEvent, Staff
from tests.factories import Group, add_person


def listed(client, query: str = "") -> set[str]:
    rows = client.get(f"/people/{query}").context["table"].rows
    return {person.username for person in rows}


def assignment(group: Group, username: str) -> Assignment:
    with entered(group.system):
        return Assignment.objects.get(staff=group.staff[username])


def end(client, group: Group, username: str, day: str):
    row = assignment(group, username)
    return client.post(f"/people/{row.staff_id}/assignments/{row.pk}/end", {"valid_to": day})


def close(client, group: Group, username: str, open_: str = "0"):
    return client.post(f"/people/{group.staff[username].pk}/account", {"open": open_})


def trail(group: Group) -> list[tuple[str, str, dict]]:
    with entered(group.system):
        events = AuditEvent.objects.exclude(action__startswith=ROW_ACTIONS).order_by("pk")
        return list(events.values_list("action", "subject", "detail"))


@pytest.mark.parametrize("username", ["ceo", "store_manager", "advisor", "steward", "auditor"])
def test_only_administrators_come_in(group, client_of, username: str) -> None:
    client = client_of(username)
    assert client.get("/people/").status_code == 403
    assert client.get(f"/people/{group.staff['advisor'].pk}/").status_code == 403
    assert close(client, group, "advisor").status_code == 403
    assert end(client, group, "advisor", "2030-01-01").status_code == 403
    assert Account.objects.get(pk=group.accounts["advisor"].pk).is_active
    assert assignment(group, "advisor").valid_to is None


def test_the_whole_group_is_listed_and_nobody_elses(group, other_group, client_of) -> None:
    client = client_of("admin")
    assert listed(client) == set(group.staff)
    foreign = other_group.staff["advisor"].pk
    assert client.get(f"/people/{foreign}/").status_code == 404
    assert close(client, other_group, "advisor").status_code == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=steward", {"steward"}),
        ("?q=ADVISOR", {"advisor", "advisor_s2"}),
        ("?role=manager", {"division_lux", "region_east", "store_manager"}),
        ("?role=manager&q=region", {"region_east"}),
        ("?q=nobody", set()),
        ("?state=none", set()),
        ("?role=bogus", set()),
        ("?sort=-last_login&q=steward&page=x", {"steward"}),
    ],
)
def test_the_list_can_be_searched(group, client_of, query: str, found: set[str]) -> None:
    assert listed(client_of("admin"), query) == found


def test_closed_accounts_can_be_listed(group, client_of) -> None:
    client = client_of("admin")
    close(client, group, "advisor")
    assert listed(client, "?state=closed") == {"advisor"}


def test_the_list_is_paged_and_its_queries_do_not_grow(group, client_of) -> None:
    client = client_of("admin")
    with CaptureQueriesContext(connection) as few:
        listed(client)
    with entered(group.system):
        Staff.objects.bulk_create(
            Staff(tenant=group.tenant, username=f"p{i:03}", name=f"p{i:03}") for i in range(60)
        )
    with CaptureQueriesContext(connection) as many:
        first = listed(client)
    assert len(first) == 50
    assert len(listed(client, "?page=2")) == len(group.staff) + 60 - 50
    assert len(many) == len(few)


def test_a_closed_account_is_signed_out_and_recorded(group, client_of) -> None:
    advisor = client_of("advisor")
    close(client_of("admin"), group, "advisor")
    assert advisor.get("/organization/").status_code == 302
    close(client_of("admin"), group, "advisor", "1")
    assert Account.objects.get(pk=group.accounts["advisor"].pk).is_active
    assert trail(group) == [
        ("account_closed", "advisor", {}),
        ("account_opened", "advisor", {}),
    ]


def test_closing_twice_is_recorded_once(group, client_of) -> None:
    client = client_of("admin")
    close(client, group, "advisor")
    close(client, group, "advisor")
    assert len(trail(group)) == 1


def test_nobody_closes_or_ends_themselves(group, client_of) -> None:
    client = client_of("admin")
    close(client, group, "admin")
    end(client, group, "admin", "2030-01-01")
    assert Account.objects.get(pk=group.accounts["admin"].pk).is_active
    assert assignment(group, "admin").valid_to is None
    assert trail(group) == []


def test_an_ended_assignment_shows_nothing_from_that_day_on(group, client_of) -> None:
    end(client_of("admin"), group, "advisor", "2021-06-01")
    assert assignment(group, "advisor").valid_to == date(2021, 6, 1)
    page = client_of("advisor").get("/api/v1/customers/")
    assert page.status_code == 403
    [(action, subject, detail)] = trail(group)
    assert (action, subject) == ("assignment_end_set", "advisor")
    assert detail == {"role": "advisor", "unit": "XQ-S1", "before": None, "after": "2021-06-01"}


def test_the_end_can_be_taken_back(group, client_of) -> None:
    client = client_of("admin")
    end(client, group, "advisor", "2021-06-01")
    end(client, group, "advisor", "")
    assert assignment(group, "advisor").valid_to is None


@pytest.mark.parametrize("day", ["2020-01-01", "2019-12-31", "yesterday"])
def test_an_end_before_the_start_is_refused_with_words(group, client_of, day: str) -> None:
    answer = end(client_of("admin"), group, "advisor", day)
    assert answer.status_code == 400
    assert 'class="errors"' in answer.content.decode()
    assert assignment(group, "advisor").valid_to is None
    assert trail(group) == []


def test_an_assignment_of_somebody_else_does_not_answer(group, client_of) -> None:
    row = assignment(group, "advisor")
    address = f"/people/{group.staff['steward'].pk}/assignments/{row.pk}/end"
    assert client_of("admin").post(address, {"valid_to": "2030-01-01"}).status_code == 404


def test_a_divisions_administrator_keeps_to_the_division(group, client_of) -> None:
    with entered(group.system):
        add_person(group, "admin_lux", "administrator", "-LUX")
        add_person(group, "both", "advisor", "-S1")
        Assignment.objects.create(
            tenant=group.tenant,
            staff=group.staff["both"],
            role="advisor",
            unit=group.units["-S4"],
            valid_from=date(2020, 1, 1),
        )
    client = client_of("admin_lux")
    inside = {"admin_lux", "division_lux", "region_east", "store_manager", "advisor", "advisor_s2"}
    assert listed(client) == inside
    assert close(client, group, "ceo").status_code == 404
    assert close(client, group, "both").status_code == 404

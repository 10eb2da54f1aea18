"""An advisor goes to another store: the work stays, the history keeps the name."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from customers.follow_ups import make_follow_ups
from customers.models import Customer, FollowUp
from organization.access import entered
from organization.models import Assignment, AuditEvent
from tests.customers.records import make_follow_up
from tests.factories import Group, add_assignment, add_person, make_customer


@pytest.fixture
def at_work(group: Group) -> Group:
    """The advisor of S1 looks after a customer with one open and one finished follow-up."""
    with entered(group.system):
        add_person(group, "colleague", "advisor", "-S1")
        advisor = group.staff["advisor"]
        customer = make_customer(group, "-S1", advisor=advisor)
        make_follow_up(customer, "due", assigned_to=advisor)
        now = timezone.now()
        make_follow_up(
            *(customer, "lost"),
            assigned_to=advisor,
            contacted_by=advisor,
            contacted_at=now,
            closed_at=now,
            outcome="booked",
        )
    return group


def move(client: Any, group: Group, to: str = "-S2", **values: Any) -> Any:
    with entered(group.system):
        post = Assignment.objects.get(staff=group.staff["advisor"], unit=group.units["-S1"])
    data = {
        "unit": group.units[to].pk,
        "day": timezone.localdate().isoformat(),
        "successor": "",
        **values,
    }
    client.cookies["django_language"] = "en"
    return client.post(f"/people/{post.staff_id}/assignments/{post.pk}/transfer", data)


def posts(group: Group) -> list[tuple[str, date | None]]:
    with entered(group.system):
        held = Assignment.objects.filter(staff=group.staff["advisor"]).order_by("pk")
        return [(a.unit.code, a.valid_to) for a in held.select_related("unit")]


def hands(group: Group) -> dict[str, str | None]:
    """Who holds the open and the finished follow-up, and the customer."""
    with entered(group.system):
        rows = FollowUp.objects.select_related("assigned_to")
        found = {r.reason: r.assigned_to and r.assigned_to.username for r in rows}
        advisor = Customer.objects.select_related("advisor").get().advisor
        return {**found, "customer": advisor and advisor.username}


def test_open_work_stays_with_the_store(at_work, client_of) -> None:
    assert move(client_of("admin"), at_work).status_code == 302
    today = timezone.localdate()
    assert posts(at_work) == [("XQ-S1", today), ("XQ-S2", None)]
    assert hands(at_work) == {"due": None, "lost": "advisor", "customer": None}


def test_a_colleague_takes_over(at_work, client_of) -> None:
    successor = at_work.staff["colleague"].pk
    move(client_of("admin"), at_work, successor=successor)
    assert hands(at_work) == {"due": "colleague", "lost": "advisor", "customer": "colleague"}


def test_the_advisor_sees_the_new_store_and_not_the_old(at_work, client_of) -> None:
    with entered(at_work.system):
        make_customer(at_work, "-S2", "李伟")
    move(client_of("admin"), at_work)
    lines = client_of("advisor").get("/customers/?sort=name").context["lines"]
    assert [line.name for line in lines] == ["李伟"]


def test_it_is_on_the_record(at_work, client_of) -> None:
    move(client_of("admin"), at_work, successor=at_work.staff["colleague"].pk)
    with entered(at_work.system):
        moved, handed = AuditEvent.objects.exclude(action__startswith="row.").order_by("pk")
    assert (moved.action, moved.subject) == ("assignment_transferred", "advisor")
    assert (moved.detail["unit"], moved.detail["to"]) == ("XQ-S1", "XQ-S2")
    assert (handed.action, handed.detail) == (
        "work.handed_over",
        {"unit": "XQ-S1", "successor": "colleague", "follow_ups": 1, "customers": 1},
    )


def test_a_transfer_to_come_hands_over_on_its_day(at_work, client_of) -> None:
    today = timezone.localdate()
    day = today + timedelta(days=5)
    successor = at_work.staff["colleague"].pk
    move(client_of("admin"), at_work, day=day.isoformat(), successor=successor)
    make_follow_ups(at_work.system, day - timedelta(days=1))
    assert hands(at_work)["due"] == "advisor"
    assert make_follow_ups(at_work.system, day)["handed_over"] == 1
    assert hands(at_work)["due"] == "colleague"
    assert make_follow_ups(at_work.system, day)["handed_over"] == 0


def test_an_assignment_that_just_ends_leaves_its_work_too(at_work) -> None:
    with entered(at_work.system):
        Assignment.objects.filter(staff=at_work.staff["advisor"]).update(valid_to=date(2024, 1, 1))
    make_follow_ups(at_work.system, timezone.localdate())
    assert hands(at_work) == {"due": None, "lost": "advisor", "customer": None}


def test_who_still_works_there_keeps_the_work(at_work, client_of) -> None:
    """Manager of the region as well: the store is still theirs."""
    with entered(at_work.system):
        add_assignment(at_work, "advisor", "manager", "-E")
    move(client_of("admin"), at_work)
    assert hands(at_work)["due"] == "advisor"


def test_a_successor_who_has_left_takes_nothing(at_work, client_of) -> None:
    today = timezone.localdate()
    day = today + timedelta(days=5)
    move(
        *(client_of("admin"), at_work),
        day=day.isoformat(),
        successor=at_work.staff["colleague"].pk,
    )
    with entered(at_work.system):
        Assignment.objects.filter(staff=at_work.staff["colleague"]).update(valid_to=day)
    make_follow_ups(at_work.system, day)
    assert hands(at_work)["due"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"unit": "0"},
        {"day": "2020-01-01"},
        {"day": "soon"},
        {"successor": "0"},
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(at_work, client_of, wrong) -> None:
    before = hands(at_work)
    assert move(client_of("admin"), at_work, **wrong).status_code == 400
    assert posts(at_work) == [("XQ-S1", None)]
    assert hands(at_work) == before


def test_the_own_store_is_no_target(at_work, client_of) -> None:
    assert move(client_of("admin"), at_work, to="-S1").status_code == 400


@pytest.mark.parametrize("username", ["ceo", "store_manager", "advisor", "steward"])
def test_only_administrators_transfer(at_work, client_of, username: str) -> None:
    assert move(client_of(username), at_work).status_code == 403
    assert posts(at_work) == [("XQ-S1", None)]


def test_an_administrator_of_a_part_keeps_to_it(at_work, client_of) -> None:
    with entered(at_work.system):
        add_person(at_work, "admin_e", "administrator", "-E")
        add_person(at_work, "admin_w", "administrator", "-W")
    assert move(client_of("admin_w"), at_work).status_code == 404
    assert move(client_of("admin_e"), at_work, to="-S3").status_code == 400
    assert move(client_of("admin_e"), at_work, to="-S2").status_code == 302


def test_the_form_shows_stores_and_colleagues(at_work, client_of) -> None:
    with entered(at_work.system):
        post = Assignment.objects.get(staff=at_work.staff["advisor"])
    client = client_of("admin")
    client.cookies["django_language"] = "en"
    page = client.get(f"/people/{post.staff_id}/assignments/{post.pk}/transfer")
    form = page.context["form"]
    assert [name for _k, name in form.fields["unit"].choices] == [
        *("store XQ-S2 · 4S store", "store XQ-S3 · 4S store", "store XQ-S4 · 4S store")
    ]
    names = [name for _key, name in form.fields["successor"].choices]
    assert names == ["Nobody yet: it stays with the store", "colleague", "store_manager"]
    person = client.get(f"/people/{post.staff_id}/").content.decode()
    assert f"/people/{post.staff_id}/assignments/{post.pk}/transfer" in person

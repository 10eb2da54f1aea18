"""The owner of a task: who is proposed, who may be chosen, what happens when the owner leaves."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from customers.models import Task
from customers.task_owners import candidates, proposed_owner
from organization.access import Capability, entered
from organization.models import Account, Assignment, AuditEvent, Staff
from tests.factories import Group, add_assignment, add_person, make_group

TODAY = timezone.localdate()


def make_task(group: Group, suffix: str = "-S1", owner: str | None = None, **values: Any) -> Task:
    with entered(group.system):
        return Task.objects.create(
            **{
                "tenant": group.tenant,
                "unit": group.units[suffix],
                "title": f"Call those who are due at {suffix}",
                "metric": "retention",
                "owner": group.staff[owner] if owner else None,
                "due_on": TODAY + timedelta(days=10),
                "measure_on": TODAY + timedelta(days=60),
                **values,
            }
        )


def owner_now(group: Group, task: Task) -> str | None:
    with entered(group.system):
        owner = Task.objects.select_related("owner").get(pk=task.pk).owner
        return owner and owner.username


def changes(group: Group) -> list[dict[str, Any]]:
    with entered(group.system):
        found = AuditEvent.objects.filter(action="task.owner_changed").order_by("pk")
        return [event.detail for event in found]


def leave(group: Group, username: str) -> None:
    with entered(group.system):
        Assignment.objects.filter(staff=group.staff[username]).update(valid_to=TODAY)


def hand(client: Any, task: Task, owner: object, **more: object) -> Any:
    return client.post(reverse("task_owner", args=[task.pk]), {"owner": owner, **more})


class TestProposal:
    def proposed(self, group: Group, suffix: str = "-S1") -> str | None:
        with entered(group.system):
            found = proposed_owner(group.system, group.units[suffix])
            return found and found.username

    @pytest.mark.parametrize(
        ("suffix", "owner"),
        [
            ("-S1", "store_manager"),
            ("-S2", "region_east"),
            ("-S3", "division_lux"),
            ("-S4", "ceo"),
            ("", "ceo"),
        ],
    )
    def test_the_manager_of_the_unit_else_the_nearest_above(self, group, suffix, owner) -> None:
        assert self.proposed(group, suffix) == owner

    def test_of_two_the_one_of_longer_standing(self, group) -> None:
        with entered(group.system):
            add_person(group, "elder", "manager", "-S1")
            Assignment.objects.filter(staff=group.staff["elder"]).update(
                valid_from=date(2019, 1, 1)
            )
        assert self.proposed(group) == "elder"

    def test_of_two_since_one_day_the_one_entered_first(self, group) -> None:
        with entered(group.system):
            add_person(group, "another", "manager", "-S1")
        assert self.proposed(group) == "store_manager"

    @pytest.mark.parametrize("how", ["left", "closed", "to come"])
    def test_who_does_not_work_there_today_is_passed_over(self, group, how) -> None:
        with entered(group.system):
            held = Assignment.objects.filter(staff=group.staff["store_manager"])
            if how == "left":
                held.update(valid_to=TODAY)
            elif how == "to come":
                held.update(valid_from=TODAY + timedelta(days=1))
            else:
                Account.objects.filter(pk=group.accounts["store_manager"].pk).update(
                    is_active=False
                )
        assert self.proposed(group) == "region_east"

    def test_nobody_where_there_is_nobody(self, group) -> None:
        with entered(group.system):
            Assignment.objects.filter(role__in=("manager", "executive")).delete()
        assert self.proposed(group) is None

    def test_everybody_is_offered_once_at_the_nearest_unit(self, group) -> None:
        with entered(group.system):
            add_assignment(group, "region_east", "manager", "-S1")
            offered = candidates(group.system, group.units["-S1"])
            names = [one.staff.username for one in offered]
            assert names == ["store_manager", "region_east", "division_lux", "ceo"]
            assert offered[1].label.endswith(group.units["-S1"].name)

    def test_a_delivery_is_the_stewards(self, group) -> None:
        with entered(group.system):
            root = group.units[""]
            found = candidates(group.system, root, Capability.IMPORT_DATA)
            assert [one.staff.username for one in found] == ["steward"]


class TestMaking:
    def test_from_the_dashboard_it_has_an_owner(self, portfolio, valued, client_of) -> None:
        client_of("region_east").post(reverse("create_task", args=["XQ-S1"]))
        with entered(portfolio.group.system):
            assert Task.objects.select_related("owner").get().owner.username == "store_manager"
            made = AuditEvent.objects.get(action="task.created")
        assert made.detail["owner"] == "store_manager"

    def form(self, group: Group, owner: object) -> dict[str, Any]:
        days = {"due_on": TODAY + timedelta(days=10), "measure_on": TODAY + timedelta(days=60)}
        return {"title": "Call", "owner": owner, **{key: str(day) for key, day in days.items()}}

    def test_the_form_begins_with_the_proposal(self, group, client_of) -> None:
        address = reverse("new_task", args=["XQ-S1", "retention"])
        form = client_of("region_east").get(address).context["form"]
        assert form["owner"].value() == str(group.staff["store_manager"].pk)

    def test_another_of_those_offered_may_be_chosen(self, group, client_of) -> None:
        address = reverse("new_task", args=["XQ-S1", "retention"])
        given = self.form(group, group.staff["division_lux"].pk)
        assert client_of("region_east").post(address, given).status_code == 302
        with entered(group.system):
            assert Task.objects.select_related("owner").get().owner.username == "division_lux"

    @pytest.mark.parametrize("person", ["advisor", "auditor", ""])
    def test_who_is_not_offered_is_refused(self, group, client_of, person) -> None:
        address = reverse("new_task", args=["XQ-S1", "retention"])
        given = self.form(group, group.staff[person].pk if person else "")
        assert client_of("region_east").post(address, given).status_code == 400
        with entered(group.system):
            assert not Task.objects.exists()


class TestHandingOn:
    def test_the_owner_is_changed_and_the_trail_says_so(self, group, client_of) -> None:
        task = make_task(group, owner="store_manager")
        answer = hand(client_of("store_manager"), task, group.staff["region_east"].pk)
        assert answer.status_code == 302
        assert owner_now(group, task) == "region_east"
        assert changes(group) == [
            {"unit": "XQ-S1", "before": "store_manager", "after": "region_east"}
        ]

    def test_a_task_without_an_owner_gets_one(self, group, client_of) -> None:
        task = make_task(group)
        hand(client_of("ceo"), task, group.staff["store_manager"].pk)
        assert owner_now(group, task) == "store_manager"
        assert changes(group)[0]["before"] is None

    def test_the_same_again_is_no_change(self, group, client_of) -> None:
        task = make_task(group, owner="store_manager")
        hand(client_of("ceo"), task, group.staff["store_manager"].pk)
        assert changes(group) == []

    def test_other_fields_are_not_taken(self, group, client_of) -> None:
        task = make_task(group, owner="store_manager")
        owner = group.staff["region_east"].pk
        hand(client_of("ceo"), task, owner, title="Other", status="closed", due_on="2030-01-01")
        with entered(group.system):
            now = Task.objects.get(pk=task.pk)
        assert (now.title, now.status, now.due_on) == (task.title, task.status, task.due_on)

    def refused(self, group: Group, client: Any, task: Task, owner: object) -> None:
        assert hand(client, task, owner).status_code == 400
        assert owner_now(group, task) == "store_manager"
        assert changes(group) == []

    @pytest.mark.parametrize("wrong", ["", "nobody", "0", "-1", "9" * 30])
    def test_no_person_at_all(self, group, client_of, wrong) -> None:
        task = make_task(group, owner="store_manager")
        self.refused(group, client_of("ceo"), task, wrong)

    @pytest.mark.parametrize("person", ["advisor", "analyst", "auditor", "steward", "admin"])
    def test_a_role_that_has_no_tasks(self, group, client_of, person) -> None:
        task = make_task(group, owner="store_manager")
        self.refused(group, client_of("ceo"), task, group.staff[person].pk)

    def test_somebody_of_another_store(self, group, client_of) -> None:
        with entered(group.system):
            add_person(group, "manager_s2", "manager", "-S2")
        task = make_task(group, owner="store_manager")
        self.refused(group, client_of("ceo"), task, group.staff["manager_s2"].pk)

    def test_somebody_of_another_group(self, group, client_of) -> None:
        other = make_group("ZZ")
        task = make_task(group, owner="store_manager")
        for stranger in ("ceo", "store_manager"):
            self.refused(group, client_of("ceo"), task, other.staff[stranger].pk)

    def test_somebody_who_has_left(self, group, client_of) -> None:
        leave(group, "region_east")
        task = make_task(group, owner="store_manager")
        self.refused(group, client_of("ceo"), task, group.staff["region_east"].pk)

    def test_somebody_whose_account_is_closed(self, group, client_of) -> None:
        Account.objects.filter(pk=group.accounts["region_east"].pk).update(is_active=False)
        task = make_task(group, owner="store_manager")
        self.refused(group, client_of("ceo"), task, group.staff["region_east"].pk)

    @pytest.mark.parametrize(("person", "status"), [("auditor", 403), ("analyst", 403)])
    def test_who_only_reads_is_refused_and_offered_nothing(
        self, group, client_of, person, status
    ) -> None:
        task = make_task(group, owner="store_manager")
        client = client_of(person)
        assert client.get(reverse("task", args=[task.pk])).context["owner_form"] is None
        assert hand(client, task, group.staff["region_east"].pk).status_code == status
        assert owner_now(group, task) == "store_manager"

    def test_of_another_store_it_is_not_there(self, group, client_of) -> None:
        task = make_task(group, "-S4", owner="ceo")
        answer = hand(client_of("store_manager"), task, group.staff["store_manager"].pk)
        assert answer.status_code == 404
        assert owner_now(group, task) == "ceo"

    def test_of_another_group_it_is_not_there(self, group, client_of) -> None:
        other = make_group("ZZ")
        task = make_task(other, owner="store_manager")
        assert hand(client_of("ceo"), task, group.staff["ceo"].pk).status_code == 404
        assert owner_now(other, task) == "store_manager"

    def test_a_closed_task_keeps_its_owner(self, group, client_of) -> None:
        task = make_task(group, owner="store_manager", status=Task.Status.CLOSED)
        client = client_of("ceo")
        assert client.get(reverse("task", args=[task.pk])).context["owner_form"] is None
        hand(client, task, group.staff["region_east"].pk)
        assert owner_now(group, task) == "store_manager"

    def test_not_by_a_link(self, group, client_of) -> None:
        task = make_task(group)
        assert client_of("ceo").get(reverse("task_owner", args=[task.pk])).status_code == 405


class TestLeaving:
    def page(self, client: Any, task: Task) -> str:
        client.cookies["django_language"] = "en"
        return client.get(reverse("task", args=[task.pk])).content.decode()

    def test_the_page_says_so_and_proposes_the_next(self, group, client_of) -> None:
        task = make_task(group, owner="store_manager")
        leave(group, "store_manager")
        client = client_of("region_east")
        assert "no longer here" in self.page(client, task)
        form = client.get(reverse("task", args=[task.pk])).context["owner_form"]
        assert form["owner"].value() == str(group.staff["region_east"].pk)
        hand(client, task, form["owner"].value())
        assert owner_now(group, task) == "region_east"
        assert "no longer here" not in self.page(client, task)

    def test_a_transfer_to_another_store_counts(self, group, client_of) -> None:
        task = make_task(group, owner="store_manager")
        leave(group, "store_manager")
        with entered(group.system):
            add_assignment(group, "store_manager", "manager", "-S2", start=TODAY)
        assert "no longer here" in self.page(client_of("region_east"), task)

    def test_a_promotion_above_the_unit_does_not(self, group, client_of) -> None:
        task = make_task(group, owner="store_manager")
        leave(group, "store_manager")
        with entered(group.system):
            add_assignment(group, "store_manager", "manager", "-E", start=TODAY)
        assert "no longer here" not in self.page(client_of("region_east"), task)

    def test_the_list_says_so(self, group, client_of) -> None:
        make_task(group, owner="store_manager")
        make_task(group, "-S2", owner="region_east")
        leave(group, "store_manager")
        lines = client_of("ceo").get(reverse("tasks")).context["lines"]
        assert {line.task.unit.code: line.owner_left for line in lines} == {
            "XQ-S1": True,
            "XQ-S2": False,
        }


def test_ones_own_tasks_come_first(group, client_of) -> None:
    make_task(group, "-S1", owner="store_manager", due_on=TODAY)
    make_task(group, "-S2", due_on=TODAY + timedelta(days=1))
    make_task(group, "-E", owner="region_east", due_on=TODAY + timedelta(days=30))

    def order(person: str) -> list[str]:
        lines = client_of(person).get(reverse("tasks")).context["lines"]
        return [line.task.unit.code for line in lines]

    assert order("region_east") == ["XQ-E", "XQ-S1", "XQ-S2"]
    assert order("ceo") == ["XQ-S1", "XQ-S2", "XQ-E"]


def test_the_list_names_the_owner_but_not_on_phones(group, client_of) -> None:
    make_task(group, owner="store_manager")
    with entered(group.system):
        Staff.objects.filter(pk=group.staff["store_manager"].pk).update(name="陈晨")
    text = client_of("region_east").get(reverse("tasks")).content.decode()
    assert '<td class="nowrap hide-phone">陈晨' in text

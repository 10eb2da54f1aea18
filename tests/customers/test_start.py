"""Where each role begins the day."""

from datetime import timedelta
from typing import Any

import pytest

from customers.models import Task
from organization.access import entered
from organization.models import Assignment
from tests.customers.records import (
    ago,
    make_event,
    make_follow_up,
    make_regular,
    make_survey,
    today,
)
from tests.factories import Group, make_customer, make_visit

pytestmark = pytest.mark.urls("tests.customers.urls")


@pytest.mark.parametrize(
    ("person", "address"),
    [
        ("ceo", "/value/"),
        ("division_lux", "/value/"),
        ("region_east", "/value/"),
        ("analyst", "/value/"),
        ("auditor", "/value/"),
        ("steward", "/imports/"),
        ("admin", "/people/"),
    ],
)
def test_other_roles_begin_elsewhere(
    client_of: Any, group: Group, person: str, address: str
) -> None:
    answer = client_of(person).get("/")
    assert (answer.status_code, answer["Location"]) == (302, address)


def test_an_advisor_begins_with_todays_cars_then_the_list(client_of: Any, group: Group) -> None:
    with entered(group.system):
        wang, vehicle = make_regular(group, name="王芳")
        make_event(wang, "appointment", today(), vehicle=vehicle, status="booked", reason="定保")
        make_event(make_customer(group, name="昨天"), "appointment", ago(1), status="arrived")
        make_event(make_customer(group, name="取消"), "appointment", today(), status="cancelled")
        make_event(make_customer(group, "-S2", name="他店"), "appointment", today())
        make_visit(group, make_customer(group, name="到店"), today(), status="open", ro_no="T1")
        make_follow_up(make_customer(group, name="待回访"))
    html = client_of("advisor").get("/", HTTP_ACCEPT_LANGUAGE="en").content.decode()
    order = [html.index(text) for text in ("Appointments today", "王芳", "到店", "待回访")]
    assert order == sorted(order)
    for absent in ("昨天", "取消", "他店"):
        assert absent not in html


def test_a_store_manager_begins_with_tasks_totals_and_the_worst(
    client_of: Any, group: Group
) -> None:
    with entered(group.system):
        for title, unit in (("提升回厂率", "-S1"), ("他店任务", "-S2")):
            Task.objects.create(
                tenant=group.tenant,
                unit=group.units[unit],
                title=title,
                metric="return_rate",
                due_on=ago(1),
                measure_on=today() + timedelta(days=90),
            )
        make_follow_up(make_customer(group, name="甲"), due_on=ago(1))
        make_follow_up(make_customer(group, name="乙"), outcome="busy")
        complaint = make_customer(group, name="投诉人")
        make_event(complaint, "complaint", ago(2), status="open", reason="配件缺货")
        make_survey(make_customer(group, name="低分人"), ago(2), 2)
        make_survey(make_customer(group, name="高分人"), ago(2), 10)
    response = client_of("store_manager").get("/", HTTP_ACCEPT_LANGUAGE="en")
    html = response.content.decode()
    for text in ("提升回厂率", "投诉人", "配件缺货", "低分人"):
        assert text in html
    for absent in ("他店任务", "高分人"):
        assert absent not in html
    (totals,) = response.context["totals"]
    assert (totals["open"], totals["overdue"], totals["untouched"]) == (2, 1, 2)


def test_an_empty_store_still_has_a_page(client_of: Any, group: Group) -> None:
    for person in ("advisor", "store_manager"):
        html = client_of(person).get("/", HTTP_ACCEPT_LANGUAGE="en").content.decode()
        assert "No appointments today." in html


def test_who_has_no_role_today_is_told_so(client_of: Any, group: Group) -> None:
    with entered(group.system):
        Assignment.objects.filter(staff=group.staff["advisor"]).update(valid_to=ago(1))
    answer = client_of("advisor").get("/", HTTP_ACCEPT_LANGUAGE="en")
    assert answer.status_code == 403
    assert "Your account has no role today" in answer.content.decode()

"""The follow-up list: what stands on it, in which order, and who is left out."""

from datetime import timedelta
from typing import Any

import pytest

from organization.access import entered
from tests.customers.records import (
    ago,
    make_consent,
    make_follow_up,
    make_regular,
    make_score,
    make_score_set,
    today,
)
from tests.factories import Group, make_customer

pytestmark = pytest.mark.urls("tests.customers.urls")


def listed(client: Any, **query: str) -> Any:
    response = client.get("/follow-ups/", query, HTTP_ACCEPT_LANGUAGE="en")
    assert response.status_code == 200
    return response


def names(response: Any) -> list[str]:
    return [line.name for line in response.context["lines"]]


def test_a_row_says_why_who_which_car_and_what_is_at_stake(client_of: Any, group: Group) -> None:
    with entered(group.system):
        customer, vehicle = make_regular(group, name="王芳")
        make_score(make_score_set(group), customer, churn_12m=0.5, expected_margin_12m_fen=400_00)
        make_follow_up(
            customer,
            "due",
            vehicle=vehicle,
            due_on=ago(2),
            evidence={"due_on": ago(20).isoformat(), "last_on": ago(200).isoformat()},
        )
    html = listed(client_of("advisor")).content.decode()
    for text in ("Periodic service", "20 days overdue", "王芳", "*******5678", "沪A12345", "A4L"):
        assert text in html
    # 10,000 km in 360 days, 200 days since 30,000 km.
    assert "35,556 km" in html
    # 400 yuan · .5 / (1 − .5)
    assert "¥400" in html
    assert 'class="tone-bad"' in html
    assert "13912345678" not in html
    assert "50.0%" not in html


def test_the_most_valuable_come_first_and_unscored_last(client_of: Any, group: Group) -> None:
    with entered(group.system):
        score_set = make_score_set(group)
        for name, margin in (("低", 10), ("高", 1000), ("中", 100)):
            customer = make_customer(group, name=name)
            make_score(score_set, customer, expected_margin_12m_fen=margin, churn_12m=0.5)
            make_follow_up(customer)
        make_follow_up(make_customer(group, name="无"))
    assert names(listed(client_of("advisor"))) == ["高", "中", "低", "无"]


def test_views_by_time_and_owner(client_of: Any, group: Group) -> None:
    with entered(group.system):
        tomorrow = today() + timedelta(days=1)
        rows = {
            "今天": {"due_on": today()},
            "逾期": {"due_on": ago(1)},
            "明天": {"due_on": tomorrow},
            "改期": {"due_on": ago(9), "next_on": tomorrow},
            "再打": {"due_on": ago(9), "next_on": today()},
            "我的": {"due_on": tomorrow, "assigned_to": group.staff["advisor"]},
        }
        for name, values in rows.items():
            make_follow_up(make_customer(group, name=name), **values)
    client = client_of("advisor")
    shown = {view: set(names(listed(client, view=view))) for view in ("now", "overdue", "mine")}
    assert shown["now"] == {"今天", "逾期", "再打"}
    assert shown["overdue"] == {"逾期", "再打"}
    assert shown["mine"] == {"我的"}
    assert set(names(listed(client, view="later"))) == {"明天", "改期", "我的"}
    assert len(names(listed(client, view="all"))) == 6


def test_left_out_and_held_out_are_counted_not_listed(client_of: Any, group: Group) -> None:
    with entered(group.system):
        make_follow_up(make_customer(group, name="可联系"))
        make_follow_up(make_customer(group, name="勿扰", do_not_contact=True))
        refused = make_customer(group, name="拒绝营销")
        make_consent(refused, "marketing", given=False)
        make_follow_up(refused)
        make_follow_up(refused, "recall")
        make_follow_up(make_customer(group, name="对照"), held_out=True)
    response = listed(client_of("advisor"), view="all")
    assert sorted(names(response)) == ["可联系", "拒绝营销"]
    assert [
        line.follow_up.reason for line in response.context["lines"] if line.name != "可联系"
    ] == ["recall"]
    assert "2 left out (no consent), 1 in the random hold-out" in response.content.decode()


def test_a_store_sees_its_own_rows_and_a_region_filters_by_store(
    client_of: Any, group: Group
) -> None:
    with entered(group.system):
        make_follow_up(make_customer(group, "-S1", name="甲"))
        make_follow_up(make_customer(group, "-S2", name="乙"))
        make_follow_up(make_customer(group, "-S4", name="丙"))
    assert names(listed(client_of("advisor"))) == ["甲"]
    assert set(names(listed(client_of("region_east")))) == {"甲", "乙"}
    assert names(listed(client_of("region_east"), store="XQ-S2")) == ["乙"]
    assert set(names(listed(client_of("region_east"), store="XQ-S4"))) == {"甲", "乙"}


def test_one_row_is_in_hand_and_its_neighbours_are_one_key_away(
    client_of: Any, group: Group
) -> None:
    with entered(group.system):
        for number in range(3):
            make_follow_up(make_customer(group, name=f"第{number}"), due_on=ago(3 - number))
    client = client_of("advisor")
    first = listed(client, sort="due")
    assert first.context["chosen"].name == "第0"
    assert first.context["before"] == ""
    second = client.get(f"/follow-ups/{first.context['after']}", HTTP_ACCEPT_LANGUAGE="en")
    assert second.context["chosen"].name == "第1"
    html = second.content.decode()
    for key in ("j", "k", "1", "7", "s"):
        assert f'data-key="{key}"' in html


def test_filters_by_reason(client_of: Any, group: Group) -> None:
    with entered(group.system):
        make_follow_up(make_customer(group, name="保养"), "due")
        make_follow_up(make_customer(group, name="续保"), "insurance_renewal")
    assert names(listed(client_of("advisor"), reason="insurance_renewal")) == ["续保"]


def test_an_empty_list_says_so(client_of: Any, group: Group) -> None:
    assert "Nobody is waiting for a call" in listed(client_of("advisor")).content.decode()


@pytest.mark.parametrize("person", ["ceo", "analyst", "steward", "auditor", "admin"])
def test_roles_that_do_not_call_have_no_list(client_of: Any, group: Group, person: str) -> None:
    assert client_of(person).get("/follow-ups/").status_code == 403

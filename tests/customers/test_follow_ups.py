"""Making the follow-up list: who gets on it, who never does, and who is left alone by chance."""

from datetime import timedelta
from typing import Any

import pytest

from customers.follow_ups import make_follow_ups
from customers.models import Customer, FollowUp
from organization.access import entered
from tests.customers.records import (
    ago,
    make_consent,
    make_event,
    make_follow_up,
    make_line,
    make_regular,
    make_score,
    make_score_set,
    make_survey,
    today,
)
from tests.factories import Group, make_customer, make_vehicle, make_visit


@pytest.fixture
def wang(group: Group) -> Customer:
    """Last service 200 days ago at an interval of 180: 20 days overdue."""
    with entered(group.system):
        return make_regular(group, name="王芳")[0]


def made(group: Group) -> dict[str, FollowUp]:
    with entered(group.system):
        make_follow_ups(group.system, today())
        return {f.reason: f for f in FollowUp.objects.filter(closed_at=None)}


def test_an_overdue_service_gets_on_the_list(group: Group, wang: Customer) -> None:
    found = made(group)
    assert set(found) == {"due"}
    row = found["due"]
    assert (row.customer_id, row.store_id) == (wang.pk, group.units["-S1"].pk)
    assert row.vehicle_id is not None
    assert row.evidence["last_on"] == ago(200).isoformat()
    # Due by mileage before it is due by time: 10,000 km in 360 days, from 30,000 to 40,000 km.
    assert row.evidence["due_on"] == ago(20).isoformat()
    assert row.due_on == today()


def test_running_twice_adds_nothing(group: Group, wang: Customer) -> None:
    with entered(group.system):
        first = make_follow_ups(group.system, today())
        second = make_follow_ups(group.system, today())
        assert FollowUp.objects.count() == 1
    assert sum(first["created"].values()) == 1
    assert sum(second["created"].values()) == 0


@pytest.mark.parametrize("why", ["do_not_contact", "marketing", "is_test", "insurer"])
def test_some_are_never_called_for_sales(group: Group, wang: Customer, why: str) -> None:
    with entered(group.system):
        if why == "marketing":
            make_consent(wang, "marketing", given=False)
        elif why == "insurer":
            wang.kind = "insurer"
        else:
            setattr(wang, why, True)
        wang.save()
    assert made(group) == {}


def test_a_recall_is_a_duty_whatever_the_consent(group: Group, wang: Customer) -> None:
    with entered(group.system):
        make_consent(wang, "marketing", given=False)
        vehicle = wang.ownerships.get().vehicle
        make_event(wang, "recall_notice", ago(9), vehicle=vehicle, reason="RC024", status="open")
    found = made(group)
    assert set(found) == {"recall"}
    assert not found["recall"].held_out


def test_each_source_makes_its_row(group: Group) -> None:
    with entered(group.system):
        buyer = make_customer(group, name="新车主")
        make_vehicle(group, buyer, "LATPAB071W1005302", ago(85), service_interval_days=90)
        ending = make_customer(group, name="将脱保")
        make_vehicle(
            group,
            ending,
            "LATPAB071W1005303",
            ago(1000),
            warranty_until=today() + timedelta(days=20),
            insurance_until=today() + timedelta(days=80),
        )
        unhappy = make_customer(group, name="低分")
        make_survey(unhappy, ago(1), 3, reason="等待时间")
        declined = make_customer(group, name="未做")
        make_line(make_visit(group, declined, ago(20)), "刹车片", declined=True)
        lost = make_customer(group, name="流失")
        make_vehicle(group, lost, "LATPAB071W1005304", ago(1500))
        make_visit(group, lost, ago(500))
        risky = make_customer(group, name="风险")
        make_score(make_score_set(group), risky)
    with entered(group.system):
        make_follow_ups(group.system, today())
        found = {(f.customer.name, f.reason) for f in FollowUp.objects.select_related("customer")}
    assert found == {
        ("新车主", "first_service"),
        ("将脱保", "warranty_ending"),
        ("将脱保", "insurance_renewal"),
        ("低分", "low_nps"),
        ("未做", "declined_work"),
        ("流失", "lost"),
        ("风险", "model_risk"),
    }


def test_a_visit_answers_sales_reasons_but_not_a_complaint(group: Group, wang: Customer) -> None:
    with entered(group.system):
        make_follow_up(wang, "due")
        make_follow_up(wang, "low_nps")
        make_visit(group, wang, today(), ro_no="NOW")
        counts = make_follow_ups(group.system, today())
        assert counts["closed_by_visit"] == 1
        assert FollowUp.objects.get(reason="due").closed_at is not None
        assert FollowUp.objects.get(reason="low_nps").closed_at is None


def test_who_was_asked_lately_is_left_in_peace(group: Group, wang: Customer) -> None:
    from django.utils import timezone

    with entered(group.system):
        row = make_follow_up(wang, "due", outcome="declined")
        row.closed_at = timezone.now() - timedelta(days=89)
        row.save()
    assert made(group) == {}
    with entered(group.system):
        FollowUp.objects.update(closed_at=timezone.now() - timedelta(days=91))
    assert set(made(group)) == {"due"}


def test_the_hold_out_is_a_tenth_and_always_the_same(group: Group) -> None:
    with entered(group.system):
        source_visits = 400
        for number in range(source_visits):
            customer = make_customer(group, name=f"客户{number}")
            make_line(
                make_visit(group, customer, ago(20), ro_no=f"D{number}"), "轮胎", declined=True
            )
        counts = make_follow_ups(group.system, today())
        drawn = set(FollowUp.objects.filter(held_out=True).values_list("customer_id", flat=True))
        # Binomial (400, .1): 22 to 58 holds in all but one of ten thousand draws.
        assert 22 <= counts["held_out"] == len(drawn) <= 58
        FollowUp.objects.all().delete()
        make_follow_ups(group.system, today())
        assert drawn == set(
            FollowUp.objects.filter(held_out=True).values_list("customer_id", flat=True)
        )


def test_another_group_gets_no_rows(group: Group, other_group: Group, wang: Customer) -> None:
    with entered(other_group.system):
        counts: dict[str, Any] = make_follow_ups(other_group.system, today())
        assert sum(counts["created"].values()) == 0

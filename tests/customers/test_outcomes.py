"""What an outcome does to the follow-up, to the ownership, and who may log it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from customers.models import Customer, FollowUp, Ownership, Vehicle
from customers.outcomes import RULES, OutcomeRefused, is_quiet, log_outcome
from organization.access import Access, Capability, Forbidden, entered
from organization.models import AuditEvent
from organization.unit_set import ALL_UNITS
from tests.customers.records import make_follow_up, make_regular, today
from tests.factories import Group, make_vehicle

pytestmark = pytest.mark.urls("tests.customers.urls")


@pytest.fixture
def row(group: Group) -> FollowUp:
    with entered(group.system):
        customer, vehicle = make_regular(group, name="王芳")
        return make_follow_up(customer, "due", vehicle=vehicle)


def logged(group: Group, row: FollowUp, outcome: str, **more: Any) -> FollowUp:
    with entered(group.system) as access:
        log_outcome(access, row.pk, outcome, now=timezone.now(), **more)
        return FollowUp.objects.get(pk=row.pk)


@pytest.mark.parametrize(
    ("outcome", "comes_back_in"),
    [
        ("booked", None),
        ("already_done", None),
        ("declined", None),
        ("wrong_number", None),
        ("sold", None),
        ("given_away", None),
        ("taxi", None),
        ("rescheduled", 7),
        ("km_not_reached", 30),
        ("out_of_town", 14),
        ("busy", 1),
        ("no_answer", 1),
        ("off", 1),
    ],
)
def test_an_outcome_closes_or_comes_back(
    group: Group, row: FollowUp, outcome: str, comes_back_in: int | None
) -> None:
    after = logged(group, row, outcome)
    assert after.attempts == 1
    assert after.outcome == outcome
    assert (after.closed_at is not None) is (comes_back_in is None)
    expected = None if comes_back_in is None else today() + timedelta(days=comes_back_in)
    assert after.next_on == expected


def test_every_outcome_of_the_model_has_a_rule_and_a_key_of_its_own() -> None:
    assert {rule.outcome for rule in RULES} == set(FollowUp.Outcome)
    assert len({rule.key for rule in RULES}) == len(RULES)


def test_three_attempts_without_an_answer_are_enough(group: Group, row: FollowUp) -> None:
    assert logged(group, row, "no_answer").closed_at is None
    assert logged(group, row, "busy").closed_at is None
    assert logged(group, row, "off").closed_at is not None


def test_the_advisor_may_name_the_next_date(group: Group, row: FollowUp) -> None:
    asked = today() + timedelta(days=3)
    assert logged(group, row, "busy", next_on=asked).next_on == asked


@pytest.mark.parametrize("days", [-1, 366])
def test_an_impossible_next_date_changes_nothing(group: Group, row: FollowUp, days: int) -> None:
    with pytest.raises(OutcomeRefused, match=r"."):
        logged(group, row, "busy", next_on=today() + timedelta(days=days))
    with entered(group.system):
        assert FollowUp.objects.get(pk=row.pk).attempts == 0


def test_a_closed_follow_up_takes_no_second_outcome(group: Group, row: FollowUp) -> None:
    logged(group, row, "booked")
    with pytest.raises(OutcomeRefused):
        logged(group, row, "declined")


@pytest.mark.parametrize("outcome", ["sold", "given_away"])
def test_parting_with_the_vehicle_ends_the_ownership_and_its_follow_ups(
    group: Group, row: FollowUp, outcome: str
) -> None:
    with entered(group.system):
        customer = Customer.objects.get(pk=row.customer_id)
        other = make_vehicle(group, customer, "LATPAB071W1005309")
        same = make_follow_up(customer, "warranty_ending", vehicle_id=row.vehicle_id)
        another = make_follow_up(customer, "insurance_renewal", vehicle=other)
    logged(group, row, outcome)
    with entered(group.system):
        assert Ownership.objects.get(vehicle_id=row.vehicle_id).owned_to == today()
        assert Ownership.objects.get(vehicle=other).owned_to is None
        assert FollowUp.objects.get(pk=same.pk).closed_at is not None
        assert FollowUp.objects.get(pk=another.pk).closed_at is None
        actions = set(
            AuditEvent.objects.exclude(action__startswith="row.").values_list("action", flat=True)
        )
    assert actions == {"follow_up.outcome", "ownership.ended"}


def test_which_vehicle_was_sold_must_be_clear(group: Group, row: FollowUp) -> None:
    with entered(group.system):
        customer = Customer.objects.get(pk=row.customer_id)
        make_vehicle(group, customer, "LATPAB071W1005309")
        unclear = make_follow_up(customer, "lost")
    with pytest.raises(OutcomeRefused):
        logged(group, unclear, "sold")
    with entered(group.system):
        assert not Ownership.objects.filter(owned_to__isnull=False).exists()


def test_a_taxi_is_remembered_as_one(group: Group, row: FollowUp) -> None:
    logged(group, row, "taxi")
    with entered(group.system):
        assert Vehicle.objects.get(pk=row.vehicle_id).usage == "taxi"


def test_without_the_capability_nothing_is_logged(group: Group, row: FollowUp) -> None:
    reader = Access(
        tenant_id=group.tenant.pk,
        label="analyst",
        all_units=True,
        scopes={Capability.SEE_CUSTOMERS: ALL_UNITS},
    )
    with pytest.raises(Forbidden), entered(reader):
        log_outcome(reader, row.pk, "booked", now=timezone.now())


@pytest.mark.parametrize(
    ("hour_utc", "quiet"), [(0, True), (1, False), (11, False), (12, True), (20, True)]
)
def test_quiet_hours_are_local(hour_utc: int, quiet: bool) -> None:
    # Shanghai is eight hours ahead: 9:00 to 20:00 are the hours for calls.
    assert is_quiet(datetime(2026, 11, 20, hour_utc, tzinfo=UTC)) is quiet


def post(client: Any, row: FollowUp, **values: str) -> Any:
    return client.post(f"/follow-ups/{row.pk}/outcome", values, HTTP_ACCEPT_LANGUAGE="en")


def test_one_post_logs_and_goes_back_to_the_list(
    client_of: Any, group: Group, row: FollowUp
) -> None:
    answer = post(client_of("advisor"), row, outcome="booked", back="/follow-ups/?view=mine&row=9")
    assert answer["Location"] == "/follow-ups/?view=mine&row=9"
    with entered(group.system):
        after = FollowUp.objects.get(pk=row.pk)
    assert after.outcome == "booked"
    assert after.contacted_by_id == group.staff["advisor"].pk


def test_going_back_stays_on_this_site(client_of: Any, row: FollowUp) -> None:
    answer = post(client_of("advisor"), row, outcome="booked", back="https://example.org/")
    assert answer["Location"] == "/follow-ups/"


def test_sold_is_asked_again_before_it_ends_anything(
    client_of: Any, group: Group, row: FollowUp
) -> None:
    client = client_of("advisor")
    first = post(client, row, outcome="sold")
    assert "End the ownership?" in first.content.decode()
    assert row.customer.name in first.content.decode()
    with entered(group.system):
        assert FollowUp.objects.get(pk=row.pk).attempts == 0
    assert post(client, row, outcome="sold", confirmed="yes").status_code == 302
    with entered(group.system):
        assert Ownership.objects.get().owned_to == today()


@pytest.mark.parametrize("next_on", ["tomorrow", "2026-13-45"])
def test_a_date_that_is_none_is_refused(client_of: Any, row: FollowUp, next_on: str) -> None:
    assert post(client_of("advisor"), row, outcome="busy", next_on=next_on).status_code == 400


@pytest.mark.parametrize(("person", "status"), [("analyst", 403), ("auditor", 403)])
def test_roles_that_do_not_call_are_refused(
    client_of: Any, group: Group, row: FollowUp, person: str, status: int
) -> None:
    assert post(client_of(person), row, outcome="booked").status_code == status
    with entered(group.system):
        assert FollowUp.objects.get(pk=row.pk).attempts == 0


def test_another_stores_follow_up_cannot_be_logged(
    client_of: Any, group: Group, row: FollowUp
) -> None:
    post(client_of("advisor_s2"), row, outcome="booked")
    with entered(group.system):
        assert FollowUp.objects.get(pk=row.pk).attempts == 0


def test_a_contact_logged_on_the_profile_makes_the_follow_up(client_of: Any, group: Group) -> None:
    with entered(group.system):
        customer, vehicle = make_regular(group)
    answer = client_of("advisor").post(
        f"/customers/{customer.uid}/outcome", {"reason": "due", "outcome": "booked"}
    )
    assert answer["Location"] == f"/customers/{customer.uid}/"
    with entered(group.system):
        row = FollowUp.objects.get()
        assert (row.reason, row.outcome, row.vehicle_id) == ("due", "booked", vehicle.pk)
        assert row.evidence["last_on"]
        assert row.closed_at is not None


def test_who_calls_by_himself_leaves_the_hold_out(client_of: Any, group: Group) -> None:
    with entered(group.system):
        customer, _ = make_regular(group)
        row = make_follow_up(customer, "due", held_out=True)
    client_of("advisor").post(
        f"/customers/{customer.uid}/outcome", {"reason": "due", "outcome": "busy"}
    )
    with entered(group.system):
        after = FollowUp.objects.get()
    assert (after.pk, after.held_out, after.outcome) == (row.pk, False, "busy")


@pytest.mark.parametrize(
    "values", [{"reason": "invented", "outcome": "booked"}, {"reason": "due", "outcome": "maybe"}]
)
def test_unknown_codes_log_nothing(client_of: Any, group: Group, values: dict[str, str]) -> None:
    with entered(group.system):
        customer, _ = make_regular(group)
    answer = client_of("advisor").post(f"/customers/{customer.uid}/outcome", values)
    assert answer.status_code == 400
    with entered(group.system):
        assert not FollowUp.objects.exists()

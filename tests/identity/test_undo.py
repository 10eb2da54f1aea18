"""Whatever was merged, split and undone, in whatever order: what stands decides, to the row."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone, translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.identity.decisions import DecisionRefused, keep_apart, merge, split, undo
from customers.identity.state import bring_in_line
from customers.models import Consent, Customer, CustomerSource, CustomerTag, FollowUp
from customers.models import MergeDecision as Decision
from organization.access import entered
from tests.factories import Group
from tests.identity.world import make_people, number_of, picture

pytestmark = pytest.mark.django_db
PLACES = st.integers(0, 4)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("merge", "merge", "apart")), PLACES, PLACES),
        st.tuples(st.sampled_from(("split", "undo")), PLACES, st.just(0)),
    ),
    min_size=1,
    max_size=9,
)


def do(group: Group, numbers: list[int], step: tuple[str, int, int]) -> None:
    """One step of a steward; what is refused changes nothing."""
    what, at, other = step
    system = group.system
    first, second = (CustomerSource.objects.get(pk=numbers[n]) for n in (at, other))
    try:
        if what == "merge":
            merge(system, first.customer, second.customer)
        elif what == "apart":
            keep_apart(system, first.customer, second.customer)
        elif what == "split":
            split(system, first)
        else:
            decisions = list(Decision.objects.filter(undone_at=None).order_by("pk"))
            if decisions:
                undo(system, decisions[at % len(decisions)])
    except DecisionRefused:
        return


@settings(suppress_health_check=list(HealthCheck), max_examples=25)
@given(steps=STEPS)
def test_the_state_is_that_of_the_decisions_that_stand(group: Group, steps: Any) -> None:
    with entered(group.system), transaction.atomic():
        numbers = [number_of(person).pk for person in make_people(group)]
        untouched = picture(group)
        for step in steps:
            do(group, numbers, step)
        reached = picture(group)
        remaining = list(Decision.objects.filter(undone_at=None).values_list("pk", flat=True))
        Decision.objects.update(undone_at=timezone.now())
        bring_in_line(group.tenant.pk)
        assert picture(group) == untouched
        Decision.objects.filter(pk__in=remaining).update(undone_at=None)
        bring_in_line(group.tenant.pk)
        assert picture(group) == reached
        transaction.set_rollback(True)


@pytest.fixture
def people(group: Group) -> Any:
    with translation.override("en"), entered(group.system):
        yield make_people(group)


def test_undo_restores_every_row(group: Group, people: list[Customer]) -> None:
    before = picture(group)
    decision = merge(group.system, people[0], people[1])
    assert picture(group) != before
    undo(group.system, decision)
    assert picture(group) == before


def test_the_merged_customer_is_called_once_and_refuses_if_one_of_him_did(
    group: Group, people: list[Customer]
) -> None:
    merge(group.system, people[0], people[1])
    one = Customer.objects.get(pk=people[0].pk)
    assert one.do_not_contact
    assert len(one.stores) == 2
    assert not Customer.objects.filter(pk=people[1].pk).exists()
    assert FollowUp.objects.filter(customer=one, closed_at=None).count() == 1
    assert CustomerTag.objects.filter(customer=one).count() == 1


def test_a_split_takes_one_number_out_and_its_undo_puts_it_back(
    group: Group, people: list[Customer]
) -> None:
    merge(group.system, people[0], people[1])
    merge(group.system, people[0], people[2])
    merged = picture(group)
    taken = split(group.system, CustomerSource.objects.get(customer_no=f"C{people[0].pk}"))
    assert sorted(
        sorted(c.sources.values_list("customer_no", flat=True))
        for c in Customer.objects.filter(pk__in=[p.pk for p in people[:3]])
    ) == [[f"C{people[0].pk}"], sorted(f"C{p.pk}" for p in people[1:3])]
    undo(group.system, taken)
    assert picture(group) == merged


def test_what_the_merged_customer_withdrew_holds_after_the_undo(
    group: Group, people: list[Customer]
) -> None:
    decision = merge(group.system, people[0], people[2])  # both of one store, both said yes
    assert Consent.objects.filter(customer=people[0]).count() == 1
    Consent.objects.filter(customer=people[0]).update(
        given=False, recorded_at=timezone.now() + timedelta(seconds=1)
    )
    Customer.objects.filter(pk=people[0].pk).update(do_not_contact=True)
    undo(group.system, decision)
    for person in (people[0], people[2]):
        assert not Consent.objects.get(customer=person).given
        assert Customer.objects.get(pk=person.pk).do_not_contact


@pytest.mark.parametrize("flag", ["is_test", "erased_at"])
def test_who_is_nobody_is_not_merged(group: Group, people: list[Customer], flag: str) -> None:
    value = True if flag == "is_test" else timezone.now()
    Customer.objects.filter(pk=people[1].pk).update(**{flag: value})
    before = picture(group)
    with pytest.raises(DecisionRefused):
        merge(group.system, people[0], people[1])
    assert picture(group) == before


def test_kinds_are_never_one(group: Group, people: list[Customer]) -> None:
    Customer.objects.filter(pk=people[1].pk).update(kind="company")
    with pytest.raises(DecisionRefused, match="never one customer"):
        merge(group.system, people[0], people[1])


def test_what_is_kept_apart_is_merged_only_after_undoing_that(
    group: Group, people: list[Customer]
) -> None:
    apart = keep_apart(group.system, people[0], people[1])
    with pytest.raises(DecisionRefused, match="Undo that one first"):
        merge(group.system, people[0], people[1])
    undo(group.system, apart)
    merge(group.system, people[0], people[1])
    assert Customer.objects.count() == len(people) - 1


def test_nothing_is_undone_twice(group: Group, people: list[Customer]) -> None:
    decision = merge(group.system, people[0], people[1])
    undo(group.system, decision)
    with pytest.raises(DecisionRefused, match="already"):
        undo(group.system, decision)


def test_who_comes_back_has_changed_since(group: Group, people: list[Customer]) -> None:
    """Programs that ask what has changed learn of him again."""
    decision = merge(group.system, people[0], people[1])
    merged_at = Customer.objects.get(pk=people[0].pk).changed_at
    undo(group.system, decision)
    assert Customer.objects.get(pk=people[1].pk).changed_at > merged_at

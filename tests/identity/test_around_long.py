"""Matching around what changed comes to the same as matching the whole group again."""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.bench.duplicates import draw
from config.bench.identity import load, make_group
from customers.identity import merge_on_strong_evidence
from customers.identity.decisions import DecisionRefused, keep_apart, merge, split, undo
from customers.models import (
    ContactPoint,
    Customer,
    CustomerSource,
    MatchDue,
    MergeDecision,
    Ownership,
    Vehicle,
)
from organization.access import Access, entered

pytestmark = pytest.mark.django_db
Random = np.random.Generator
LONG_AGO = date(2015, 1, 1)


@pytest.fixture
def access() -> Access:
    """A group that has been matched once, as the night before left it."""
    access = make_group()
    with entered(access):
        load(access.tenant_id, draw(120, seed=11))
        merge_on_strong_evidence(access.tenant_id)
    return access


def anyone(rng: Random, model: Any, few: int | None = None, **only: Any) -> Any:
    """A row by chance; ``few``: of the first so many, so that some things are shared by many."""
    found = list(model.objects.filter(**only).order_by("pk")[:few])
    return found[rng.integers(len(found))]


def gets_the_mobile_of_another(rng: Random, access: Access) -> None:
    one, like = (anyone(rng, ContactPoint, few, kind="mobile") for few in (None, 3))
    ContactPoint.objects.filter(pk=one.pk).update(lookup=like.lookup)


def gets_the_card_of_another(rng: Random, access: Access) -> None:
    one, like = (anyone(rng, ContactPoint, few, kind="id_number") for few in (None, 2))
    ContactPoint.objects.filter(pk=one.pk).update(lookup=like.lookup)


def loses_a_contact(rng: Random, access: Access) -> None:
    few = 20 if rng.random() < 0.5 else None
    anyone(rng, ContactPoint, few).delete()


def is_called_as_another(rng: Random, access: Access) -> None:
    one, like = (anyone(rng, CustomerSource, few) for few in (None, 8))
    CustomerSource.objects.filter(pk=one.pk).update(name=like.name)


def has_the_car_of_another(rng: Random, access: Access) -> None:
    one, like = (anyone(rng, Ownership, few) for few in (None, 2))
    if not Ownership.objects.filter(vehicle=like.vehicle, source=one.source_id).exists():
        Ownership.objects.filter(pk=one.pk).update(
            vehicle=like.vehicle_id, owned_from=LONG_AGO, owned_to=None
        )


def has_a_vehicle_number_one_slip_off(rng: Random, access: Access) -> None:
    one, like = (anyone(rng, Ownership, few) for few in (None, 10))
    vin, at = like.vehicle.vin, int(rng.integers(16))
    slipped = vin[:at] + vin[at + 1] + vin[at] + vin[at + 2 :]
    car, _made = Vehicle.objects.get_or_create(
        tenant_id=access.tenant_id, vin=slipped, defaults={"vin_tail": slipped[-6:]}
    )
    if not Ownership.objects.filter(vehicle=car, source=one.source_id).exists():
        Ownership.objects.filter(pk=one.pk).update(vehicle=car, owned_from=LONG_AGO, owned_to=None)
        CustomerSource.objects.filter(pk=one.source_id).update(name=like.source.name)


def sells_the_car(rng: Random, access: Access) -> None:
    Ownership.objects.filter(pk=anyone(rng, Ownership).pk).update(owned_to=date(2016, 5, 1))


def gets_the_plate_of_another(rng: Random, access: Access) -> None:
    one, like = (anyone(rng, Vehicle, few) for few in (None, 3))
    Vehicle.objects.filter(pk=one.pk).update(plate=like.plate)


def turns_out_a_test_record(rng: Random, access: Access) -> None:
    one = anyone(rng, Customer)
    Customer.objects.filter(pk=one.pk).update(is_test=not one.is_test)


def is_erased(rng: Random, access: Access) -> None:
    Customer.objects.filter(pk=anyone(rng, Customer).pk).update(erased_at=timezone.now())


def is_decided_about(rng: Random, access: Access) -> None:
    how = rng.integers(4)
    try:
        if how < 2:
            (merge, keep_apart)[how](access, *(anyone(rng, Customer) for _ in "ab"))
        elif how == 2:
            split(access, anyone(rng, CustomerSource, own_customer__isnull=False))
        else:
            undo(access, anyone(rng, MergeDecision, undone_at=None))
    except DecisionRefused:
        return


CHANGES: tuple[Callable[[Random, Access], None], ...] = (
    gets_the_mobile_of_another,
    gets_the_card_of_another,
    loses_a_contact,
    is_called_as_another,
    has_the_car_of_another,
    has_a_vehicle_number_one_slip_off,
    sells_the_car,
    gets_the_plate_of_another,
    turns_out_a_test_record,
    is_erased,
    is_decided_about,
)


def found(access: Access, *, whole: bool) -> tuple[Any, Any]:
    """Who is one customer and what is proposed, by either way; the match is taken back."""
    with transaction.atomic():
        merge_on_strong_evidence(access.tenant_id, whole=whole)
        with connection.cursor() as cursor:
            cursor.execute("select id, customer_id from customers_customersource order by 1")
            customers = cursor.fetchall()
            cursor.execute(
                "select source_a_id, source_b_id, evidence, score, stores"
                " from customers_mergeproposal order by 1, 2"
            )
            proposals = cursor.fetchall()
        transaction.set_rollback(True)
    return customers, proposals


@settings(suppress_health_check=list(HealthCheck), max_examples=400, deadline=None)
@given(
    changes=st.lists(st.sampled_from(CHANGES), min_size=1, max_size=8), seed=st.integers(0, 10**6)
)
def test_what_changed_is_matched_as_in_the_whole(
    access: Access, monkeypatch: pytest.MonkeyPatch, changes: Any, seed: int
) -> None:
    monkeypatch.setattr("customers.identity.around.WHOLE_BEYOND", 1)
    rng = np.random.default_rng(seed)
    with entered(access), transaction.atomic():
        for change in changes:
            change(rng, access)
        assert found(access, whole=False) == found(access, whole=True)
        transaction.set_rollback(True)


def test_a_match_notes_nothing_for_the_next(access: Access) -> None:
    with entered(access):
        assert not MatchDue.objects.exists()


def test_a_decision_is_due_and_a_merge_of_an_import_is_not(access: Access) -> None:
    with entered(access):
        merge(access, *Customer.objects.filter(kind="person").order_by("pk")[:2])
        assert MatchDue.objects.exists()
        merge_on_strong_evidence(access.tenant_id)
        assert not MatchDue.objects.exists()

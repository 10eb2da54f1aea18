"""Which units a capability reaches: exactly those of the assignments and grants that carry it."""

from datetime import date, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from organization.access import (
    GRANTABLE,
    Access,
    Capability,
    Forbidden,
    PersonalData,
    acting,
    current_access,
    entered,
)
from organization.models import Role
from organization.roles import CAPABILITIES, PERSONAL_DATA, access_of
from organization.unit_set import ALL_UNITS, NO_UNITS, UnitSet
from tests.factories import TREE, Group, add_assignment, add_grant

C = Capability
TODAY = date(2026, 3, 1)
sets = st.builds(UnitSet, st.frozensets(st.integers(1, 6)), st.booleans())


@given(sets, sets, st.integers(1, 8))
def test_union_and_intersection_are_those_of_their_members(a, b, unit) -> None:
    assert (unit in (a | b)) == (unit in a or unit in b)
    assert (unit in (a & b)) == (unit in a and unit in b)


@given(sets)
def test_the_whole_swallows_and_nothing_adds_nothing(a) -> None:
    assert a | ALL_UNITS == ALL_UNITS
    assert a & ALL_UNITS == a
    assert a | NO_UNITS == a
    assert a & NO_UNITS == NO_UNITS


def test_a_set_is_true_where_it_holds_a_unit() -> None:
    assert not NO_UNITS
    assert UnitSet.of(1)
    assert ALL_UNITS
    assert UnitSet(frozenset({3}), everything=True) == ALL_UNITS


@pytest.fixture
def access() -> Access:
    """Sees customers at 1 and 2 (in full at 1), follows up at 2 and 3, sees values at 4."""
    return Access(
        tenant_id=1,
        label="x",
        units=frozenset({1, 2, 3, 4}),
        scopes={
            C.SEE_CUSTOMERS: UnitSet.of(1, 2),
            C.FOLLOW_UP: UnitSet.of(2, 3),
            C.SEE_VALUE: UnitSet.of(4),
        },
        levels={PersonalData.FULL: UnitSet.of(1), PersonalData.MASKED: UnitSet.of(1, 2)},
    )


def test_a_capability_is_held_somewhere_or_on_a_unit(access) -> None:
    assert access.may(C.SEE_CUSTOMERS)
    assert access.may(C.SEE_CUSTOMERS, 2)
    assert not access.may(C.SEE_CUSTOMERS, 3)
    assert not access.may(C.RETRAIN)
    access.require(C.FOLLOW_UP, 3)
    with pytest.raises(Forbidden):
        access.require(C.FOLLOW_UP, 1)


def test_work_of_the_group_as_one_needs_all_of_it(access) -> None:
    with pytest.raises(Forbidden):
        access.require_everywhere(C.SEE_VALUE)
    Access.system(1, "test").require_everywhere(C.SEE_VALUE)


def test_narrowing_keeps_the_units_where_all_are_held(access) -> None:
    narrowed = access.narrowed(C.SEE_CUSTOMERS, C.FOLLOW_UP)
    assert narrowed.reach == UnitSet.of(2)
    assert narrowed.settings["app.units"] == "2"
    assert narrowed.units_for(C.FOLLOW_UP) == UnitSet.of(2)
    assert not narrowed.may(C.SEE_VALUE)


def test_narrowing_to_what_meets_nowhere_is_forbidden(access) -> None:
    with pytest.raises(Forbidden):
        access.narrowed(C.SEE_CUSTOMERS, C.SEE_VALUE)


def test_personal_data_are_those_of_the_fullest_of_the_units(access) -> None:
    assert access.personal_data_at([1, 3]) == PersonalData.FULL
    assert access.personal_data_at([2]) == PersonalData.MASKED
    assert access.personal_data_at([3]) == PersonalData.NONE
    assert access.personal_data_at([]) == PersonalData.NONE


def test_going_on_narrower_holds_until_the_request_is_left(group: Group) -> None:
    one, two = group.units["-S1"].pk, group.units["-S2"].pk
    wide = Access(
        tenant_id=group.tenant.pk,
        label="x",
        units=frozenset({one, two}),
        scopes={C.SEE_CUSTOMERS: UnitSet.of(one), C.SEE_VALUE: UnitSet.of(two)},
    )
    with entered(group.system):
        with entered(wide):
            narrow = acting(wide, C.SEE_CUSTOMERS)
            assert current_access() == narrow
            assert narrow.units == {one}
        assert current_access() == group.system


days = st.integers(-3, 3).map(lambda n: TODAY + timedelta(days=n))
suffixes = st.sampled_from(sorted(TREE))
assignments = st.lists(
    st.tuples(st.sampled_from(Role.values), suffixes, days, st.none() | st.integers(1, 4)),
    max_size=5,
    unique_by=lambda a: a[:3],
)
grants = st.lists(
    st.tuples(
        st.sampled_from(GRANTABLE),
        suffixes,
        days,
        st.integers(1, 4),
        st.booleans(),
        st.booleans(),
    ),
    max_size=5,
)


def valid(start: date, length: int | None) -> bool:
    return start <= TODAY and (length is None or start + timedelta(days=length) > TODAY)


def at_or_below(suffix: str, top: str) -> bool:
    while suffix != top:
        parent = TREE[suffix][1]
        if parent is None:
            return False
        suffix = parent
    return True


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(assignments, grants)
def test_a_capability_reaches_what_carries_it_and_nothing_else(group, held, lent) -> None:
    """Any assignments and grants, valid, ended, to come, unapproved or revoked, on any units."""
    with entered(group.system), transaction.atomic():
        group.staff["advisor"].assignments.all().delete()
        for role, suffix, start, length in held:
            end = None if length is None else start + timedelta(days=length)
            add_assignment(group, "advisor", role, suffix, start, end)
        for capability, suffix, start, length, approved, revoked in lent:
            add_grant(
                *(group, "advisor", capability, suffix),
                valid_from=start,
                valid_to=start + timedelta(days=length),
                approved_by=group.staff["ceo"] if approved else None,
                revoked_at=group.tenant.created_at if revoked else None,
            )
        access = access_of(group.accounts["advisor"], TODAY)
        transaction.set_rollback(True)
    roles = [(role, top) for role, top, start, length in held if valid(start, length)]
    granted = [
        (capability, top)
        for capability, top, start, length, approved, revoked in lent
        if valid(start, length) and approved and not revoked
    ]
    for capability in Capability:
        tops = [top for role, top in roles if capability in CAPABILITIES[role]]
        tops += [top for what, top in granted if what == capability]
        for suffix, unit in group.units.items():
            expected = any(at_or_below(suffix, top) for top in tops)
            assert (unit.pk in access.units_for(capability)) is expected, (capability, suffix)
    everywhere = [top for _what, top in [*roles, *granted]]
    for suffix, unit in group.units.items():
        assert access.covers(unit.pk) is any(at_or_below(suffix, top) for top in everywhere)
        full = [top for role, top in roles if PERSONAL_DATA[role] == PersonalData.FULL]
        full += [top for what, top in granted if what == C.REVEAL_CONTACT]
        shown = access.personal_data_at([unit.pk]) == PersonalData.FULL
        assert shown is any(at_or_below(suffix, top) for top in full)

"""Lock-out: guessing one login, guessing it from everywhere, and one password for many people."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from organization.attempts import (
    LIMIT,
    LIMIT_OF_ADDRESS,
    LIMIT_OF_LOGIN,
    WINDOW_SECONDS,
    Limit,
    count_try,
    forget_expired,
    limits_of,
    succeeded,
)
from organization.models import SignInAttempt

pytestmark = pytest.mark.django_db


def tries(count: int, login: str = "wang@xq", address: str = "10.0.0.1") -> list[bool]:
    return [count_try(limits_of(login, address)).over for _ in range(count)]


def test_a_login_from_one_address() -> None:
    assert tries(LIMIT + 2) == [False] * LIMIT + [True] * 2


def test_a_login_from_everywhere() -> None:
    over = [count_try(limits_of("wang@xq", f"10.0.0.{i}")).over for i in range(LIMIT_OF_LOGIN + 1)]
    assert over == [False] * LIMIT_OF_LOGIN + [True]
    assert count_try(limits_of("li@xq", "10.0.0.1")).over is False


def test_one_address_spraying_over_many_people() -> None:
    over = [count_try(limits_of(f"p{i}", "10.0.0.9")).over for i in range(LIMIT_OF_ADDRESS + 1)]
    assert over == [False] * LIMIT_OF_ADDRESS + [True]
    assert count_try(limits_of("p1", "10.0.0.8")).over is False


def test_a_right_password_does_not_excuse_an_address() -> None:
    for i in range(LIMIT_OF_ADDRESS):
        count_try(limits_of(f"p{i}", "10.0.0.9"))
        succeeded(limits_of(f"p{i}", "10.0.0.9"))
    assert count_try(limits_of("fresh", "10.0.0.9")).over is True


def test_only_the_first_one_too_many_is_told_apart() -> None:
    limit = [Limit("code", "1", 2)]
    assert [count_try(limit).just_over for _ in range(5)] == [False, False, True, False, False]


def test_the_window_ends() -> None:
    tries(LIMIT + 1)
    past = timezone.now() - timedelta(seconds=1)
    SignInAttempt.objects.update(window_ends_at=past)
    assert tries(1) == [False]
    assert SignInAttempt.objects.filter(
        window_ends_at__gt=timezone.now() + timedelta(seconds=WINDOW_SECONDS - 60)
    ).exists()


def test_trying_on_does_not_prolong_the_window() -> None:
    tries(1)
    before = set(SignInAttempt.objects.values_list("window_ends_at", flat=True))
    tries(LIMIT)
    assert set(SignInAttempt.objects.values_list("window_ends_at", flat=True)) == before


def test_what_was_typed_is_not_kept() -> None:
    """A password typed into the field of the login must not end up in a table."""
    Client().post("/sign-in", {"username": "hunter2-hunter2", "password": "x"})
    with connection.cursor() as cursor:
        cursor.execute("select string_agg(s::text, '') from organization_signinattempt s")
        assert "hunter2" not in cursor.fetchone()[0]


def test_ended_windows_are_forgotten() -> None:
    tries(1)
    SignInAttempt.objects.update(window_ends_at=timezone.now() - timedelta(hours=1))
    tries(1, "other", "10.9.9.9")
    assert forget_expired() == 3
    assert SignInAttempt.objects.count() == 3

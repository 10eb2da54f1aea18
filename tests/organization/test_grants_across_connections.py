"""Grants against the application role in connections of their own, with real commits."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import connections
from django.test import Client
from psycopg import sql

from customers.models import Customer
from organization.access import Access, Capability, entered, entered_installation
from organization.models import Grant, Tenant
from organization.roles import access_of
from tests.database import APPLICATION
from tests.factories import Group, add_grant, make_customer, make_group


def apart(work: Callable[[], Any]) -> Any:
    """Run ``work`` in a thread, and so in a connection where no test transaction is open."""

    def run() -> Any:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


def signed_in_as(role: tuple[str, str]) -> "psycopg.Connection[Any]":
    dsn, name = os.environ["PARCFOLIO_TEST_ADMIN_DSN"], os.environ["PARCFOLIO_TEST_DATABASE"]
    return psycopg.connect(dsn, dbname=name, user=role[0], password=role[1])


def _forget(tenant_id: int) -> None:
    """Remove all that was committed. Only a superuser can: the trail is guarded by triggers."""
    name = os.environ["PARCFOLIO_TEST_DATABASE"]
    dsn = os.environ["PARCFOLIO_TEST_ADMIN_DSN"].replace("dbname=postgres", f"dbname={name}")
    with psycopg.connect(dsn) as owner:
        owner.execute("set session_replication_role = replica")
        for model in apps.get_models():
            if "tenant_id" in {field.column for field in model._meta.local_fields}:
                table = sql.Identifier(model._meta.db_table)
                owner.execute(
                    sql.SQL("delete from {} where tenant_id = %s").format(table), [tenant_id]
                )
        owner.execute("delete from organization_tenant where id = %s", [tenant_id])


@pytest.fixture
def lent(db: None) -> Iterator[Group]:
    """A committed group: a customer at S1 and one at S2, which is lent to S1's advisor."""

    def make() -> Group:
        group = make_group("COMMITTED")
        with entered(group.system):
            make_customer(group, "-S1", "王芳")
            make_customer(group, "-S2", "李伟")
            add_grant(group, "advisor", "see_customers", "-S2")
        return group

    def forget() -> None:
        with entered_installation("test"):
            found = list(Tenant.objects.filter(code="COMMITTED").values_list("pk", flat=True))
        for pk in found:
            _forget(pk)

    try:
        yield apart(make)
    finally:
        apart(forget)


def revoke(group: Group) -> None:
    with entered(group.system):
        Grant.objects.update(revoked_at=datetime.now(UTC))


def advisors_access(group: Group) -> Access:
    with entered(Access(tenant_id=group.tenant.pk, label="t")):
        return access_of(group.accounts["advisor"], datetime.now(UTC).date())


def names_by_sql(access: Access) -> list[str]:
    """What the application role reads with raw SQL under the settings of an access."""
    with signed_in_as(APPLICATION) as raw, raw.cursor() as cursor:
        for name, value in access.settings.items():
            cursor.execute("select set_config(%s, %s, true)", [name, value])
        cursor.execute("select name from customers_customer order by name")
        return [row[0] for row in cursor.fetchall()]


def test_the_database_shows_what_is_lent_until_it_is_revoked(lent: Group) -> None:
    before = apart(lambda: advisors_access(lent))
    assert apart(lambda: names_by_sql(before)) == ["李伟", "王芳"]
    apart(lambda: revoke(lent))
    after = apart(lambda: advisors_access(lent))
    assert apart(lambda: names_by_sql(after)) == ["王芳"]


def test_work_narrowed_to_a_capability_is_narrowed_in_the_database(lent: Group) -> None:
    access = apart(lambda: advisors_access(lent)).narrowed(Capability.FOLLOW_UP)
    assert apart(lambda: names_by_sql(access)) == ["王芳"]


def test_an_open_session_loses_it_with_the_next_request(lent: Group) -> None:
    def uid() -> str:
        with entered(lent.system):
            return str(Customer.objects.get(name="李伟").uid)

    address = f"/customers/{apart(uid)}/"
    session = Client()

    def sign_in_and_look() -> int:
        session.force_login(lent.accounts["advisor"])
        return session.get(address).status_code

    assert apart(sign_in_and_look) == 200
    apart(lambda: revoke(lent))
    assert apart(lambda: session.get(address).status_code) == 404


def test_approval_by_who_asked_fails_in_any_connection(lent: Group) -> None:
    def write() -> None:
        with entered(lent.system):
            grant = add_grant(lent, "advisor", "see_value", "-S2", approved_by=None)
            Grant.objects.filter(pk=grant.pk).update(approved_by=lent.staff["admin"])

    with pytest.raises(Exception, match="grant_approved_by_another_person"):
        apart(write)

"""The application role, asked directly in SQL, sees the entered scope and nothing else."""

from datetime import date

import pytest
from django.apps import apps
from django.db import ProgrammingError, connection
from django.db.utils import DatabaseError

from customers.models import BrandPolicy, Customer
from organization.access import Access, NoAccess, entered
from tests.factories import Group, make_customer

EXEMPT = {
    "organization_account": "sign-in must find a login before a tenant is known",
    "organization_session": "a session is found by its key before a tenant is known",
    "organization_signinattempt": "counts of logins that may not exist; keyed hashes only",
}


def _scalar(query: str, *parameters: object) -> object:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        row = cursor.fetchone()
    return row and row[0]


def _store_access(group: Group, *suffixes: str) -> Access:
    return Access(
        tenant_id=group.tenant.pk,
        label="test",
        units=frozenset(group.units[s].pk for s in suffixes),
    )


def test_the_application_role_is_neither_superuser_nor_owner(db: None) -> None:
    assert _scalar("select rolsuper or rolbypassrls from pg_roles where rolname=current_user") is (
        False
    )
    assert _scalar("select count(*) from pg_tables where tableowner = current_user") == 0


def test_every_model_of_ours_has_forced_row_security(db: None) -> None:
    ours = {"organization", "customers", "ml", "valuation"}
    open_tables = []
    for model in apps.get_models():
        table = model._meta.db_table
        if model._meta.app_label not in ours or table in EXEMPT:
            continue
        forced = _scalar(
            "select relrowsecurity and relforcerowsecurity from pg_class where relname = %s", table
        )
        if not forced:
            open_tables.append(table)
    assert open_tables == []


def test_without_context_there_is_no_row(group: Group) -> None:
    with entered(group.system):
        make_customer(group)
    assert _scalar("select count(*) from customers_customer") == 0
    assert _scalar("select count(*) from organization_unit") == 0
    assert _scalar("select count(*) from organization_tenant") == 0


def test_a_store_sees_its_rows_only(group: Group, other_group: Group) -> None:
    with entered(group.system):
        make_customer(group, "-S1", "王芳")
        make_customer(group, "-S2", "李伟")
    with entered(other_group.system):
        make_customer(other_group, "-S1", "张三")
    with entered(_store_access(group, "-S1")):
        assert _scalar("select string_agg(name, ',') from customers_customer") == "王芳"
        assert _scalar("select count(*) from customers_customersource") == 1
    with entered(group.system):
        assert _scalar("select count(*) from customers_customer") == 2


def test_a_row_of_another_store_cannot_be_written(group: Group) -> None:
    with entered(group.system):
        customer = make_customer(group, "-S2")
    with entered(_store_access(group, "-S1")), connection.cursor() as cursor:
        cursor.execute("update customers_customer set name = 'x' where id = %s", [customer.pk])
        assert cursor.rowcount == 0
        cursor.execute("delete from customers_customersource")
        assert cursor.rowcount == 0
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        entered(_store_access(group, "-S1")),
    ):
        make_customer(group, "-S2")


def test_brand_policies_are_read_by_every_store_and_written_by_their_division(
    group: Group, other_group: Group
) -> None:
    for of in (group, other_group):
        with entered(of.system):
            BrandPolicy.objects.create(
                tenant=of.tenant, unit=of.units["-LUX"], valid_from=date(2020, 1, 1)
            )
    with entered(_store_access(group, "-S1")) as access, connection.cursor() as cursor:
        assert [p.unit_id for p in BrandPolicy.objects.visible_to(access)] == [
            group.units["-LUX"].pk
        ]
        cursor.execute("update customers_brandpolicy set service_interval_days = 1")
        assert cursor.rowcount == 0
        cursor.execute("delete from customers_brandpolicy")
        assert cursor.rowcount == 0


def test_a_nested_context_is_put_back(group: Group, other_group: Group) -> None:
    with entered(_store_access(group, "-S1")):
        with entered(other_group.system):
            assert _scalar("select current_setting('app.tenant')") == str(other_group.tenant.pk)
        assert _scalar("select current_setting('app.tenant')") == str(group.tenant.pk)
        assert _scalar("select current_setting('app.all')") == "0"
    assert not _scalar("select current_setting('app.tenant', true)")


def test_a_manager_refuses_to_answer_outside_a_context(group: Group) -> None:
    with pytest.raises(NoAccess, match="outside an access context"):
        Customer.objects.count()


@pytest.mark.parametrize("statement", ["update {} set detail = '{{}}'", "delete from {}"])
def test_the_audit_trail_cannot_be_changed(group: Group, statement: str) -> None:
    with (
        pytest.raises(DatabaseError, match="permission denied"),
        entered(group.system),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format("organization_auditevent"))


def test_platform_is_no_package() -> None:
    """An ``__init__.py`` there would shadow the standard library's ``platform``."""
    from pathlib import Path

    assert not (Path(__file__).parents[2] / "platform" / "__init__.py").exists()

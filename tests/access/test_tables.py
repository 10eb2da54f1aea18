"""Every table, read and written in SQL as the application role, from a connection of its own."""

from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import errors

from organization.row_security import POLICIES
from tests.access.rules import TABLES, Table
from tests.access.sessions import enter, scalar, session, units_of
from tests.access.world import World, models_of_ours

STORE, REGION = ("-S1",), ("-E", "-S1", "-S2")
PROTECTED = sorted(label for label, rule in TABLES.items() if rule.rows != "open")
OWNED = [label for label in PROTECTED if TABLES[label].rows in ("store", "unit", "stores")]


def test_every_model_has_a_rule_and_every_rule_a_model() -> None:
    assert sorted(model._meta.label for model in models_of_ours()) == sorted(TABLES)


def test_a_table_without_protection_says_why() -> None:
    assert [
        label for label, rule in TABLES.items() if rule.rows not in POLICIES and not rule.why
    ] == []


def table_of(label: str) -> str:
    return {m._meta.label: m._meta.db_table for m in models_of_ours()}[label]


def where(rule: Table, tenant: int, units: set[int] | None) -> str:
    """The rows that a scope covers, in the words of the rule and not of the policy."""
    ids = ",".join(map(str, sorted(units or ())))
    if rule.rows == "self":
        return f"id = {tenant}"
    of_tenant = f"tenant_id = {tenant}"
    if units is None or "tenant" in (rule.rows, rule.read):
        return of_tenant
    if rule.rows == "stores":
        return f"{of_tenant} and stores && array[{ids}]::bigint[]"
    return f"{of_tenant} and {rule.rows}_id in ({ids})"


def rows(connection: "psycopg.Connection[Any]", table: str, condition: str = "true") -> list[str]:
    query = f"select to_jsonb(t)::text from {table} t where {condition} order by 1"
    return [text for (text,) in connection.execute(query.encode())]


@pytest.mark.parametrize("label", PROTECTED)
def test_without_a_context_there_is_no_row(world: World, label: str) -> None:
    with session() as application:
        assert rows(application, table_of(label)) == []
        # After a transaction had a context, an unset setting reads as empty text.
        enter(application, world.mine.tenant.pk)
        application.rollback()
        assert rows(application, table_of(label)) == []


@pytest.mark.parametrize("label", PROTECTED)
@pytest.mark.parametrize("scope", ["store", "region", "group", "other group", "no unit"])
def test_a_context_shows_its_rows_and_no_others(world: World, label: str, scope: str) -> None:
    tenant = (world.theirs if scope == "other group" else world.mine).tenant.pk
    units = {
        "store": units_of(world, *STORE),
        "region": units_of(world, *REGION),
        "no unit": set[int](),
    }.get(scope)
    rule, table = TABLES[label], table_of(label)
    nothing = units == set() and label in OWNED and rule.read != "tenant"
    condition = "false" if nothing else where(rule, tenant, units)
    with session("owner") as owner, session() as application:
        expected = rows(owner, table, condition)
        enter(application, tenant, units)
        assert rows(application, table) == expected
    assert bool(expected) is not nothing, "the test shows nothing"


def refused(connection: "psycopg.Connection[Any]", statement: str) -> str:
    """What PostgreSQL says to a statement that must fail, as the name of the error."""
    with pytest.raises(psycopg.Error) as raised, connection.transaction():
        connection.execute(statement.encode())
    return type(raised.value).__name__ + ": " + str(raised.value)


@pytest.mark.parametrize("label", OWNED)
@pytest.mark.parametrize("beyond", ["sibling", "other group"])
def test_a_store_changes_no_row_of_another(world: World, label: str, beyond: str) -> None:
    rule, table = replace(TABLES[label], read=""), table_of(label)
    group = world.theirs if beyond == "other group" else world.mine
    foreign = {group.units["-S1" if beyond == "other group" else "-S2"].pk}
    condition = where(rule, group.tenant.pk, foreign)
    with session("owner") as owner, session() as application:
        assert rows(owner, table, condition) != []
        enter(application, world.mine.tenant.pk, units_of(world, *STORE))
        for statement in (
            f"update {table} set tenant_id = tenant_id where {condition}",
            f"delete from {table} where {condition}",
        ):
            if rule.writes == "full":
                assert application.execute(statement.encode()).rowcount == 0
            else:
                assert refused(application, statement).startswith("InsufficientPrivilege")


def columns(connection: "psycopg.Connection[Any]", table: str) -> list[str]:
    """Columns that an insert names: all but identities."""
    query = """select column_name from information_schema.columns where table_name = %s
        and table_schema = 'public' and is_identity = 'NO' order by ordinal_position"""
    return [name for (name,) in connection.execute(query, [table])]


def moves(world: World, label: str) -> dict[str, str]:
    """Assignments that carry an own row to where it must not go, by column."""
    theirs = world.theirs
    if TABLES[label].rows == "self":
        return {}
    found = {"tenant_id": str(theirs.tenant.pk)}
    if label in OWNED:
        sibling = world.mine.units["-S2"].pk
        column = {"stores": "stores"}.get(TABLES[label].rows, f"{TABLES[label].rows}_id")
        found[column] = f"array[{sibling}]" if column == "stores" else str(sibling)
    return found


@pytest.mark.parametrize("label", [label for label in PROTECTED if TABLES[label].rows != "self"])
def test_no_row_is_inserted_or_moved_beyond_the_scope(world: World, label: str) -> None:
    rule, table = TABLES[label], table_of(label)
    with session() as application:
        enter(application, world.mine.tenant.pk, units_of(world, *STORE))
        names = columns(application, table)
        assert scalar(application, f"select count(*) from {table}") > 0
        for column, value in moves(world, label).items():
            copied = ", ".join(value if name == column else f'"{name}"' for name in names)
            listed = ", ".join(f'"{name}"' for name in names)
            said = refused(
                application, f"insert into {table} ({listed}) select {copied} from {table} limit 1"
            )
            wanted = "permission denied" if rule.writes == "read" else "violates row-level security"
            assert wanted in said, f"insert with other {column}: {said}"
            if rule.writes == "full":
                said = refused(application, f"update {table} set {column} = {value}")
                fixed = "stays as it was" in said  # a trigger of its own comes first
                assert fixed or "violates row-level security" in said, f"move by {column}: {said}"


@pytest.mark.parametrize("label", PROTECTED)
def test_what_is_only_added_to_is_never_changed_or_emptied(world: World, label: str) -> None:
    rule, table = TABLES[label], table_of(label)
    with session() as application:
        enter(application, world.mine.tenant.pk)
        forbidden = [f"truncate {table}"]
        if rule.writes != "full":
            forbidden += [f"update {table} set tenant_id = tenant_id", f"delete from {table}"]
            forbidden += [f"select 1 from {table} for update", f"lock table {table}"]
        for statement in forbidden:
            assert refused(application, statement).startswith(errors.InsufficientPrivilege.__name__)


@pytest.mark.parametrize("label", PROTECTED)
def test_the_policies_are_the_two_that_were_written_once(world: World, label: str) -> None:
    with session() as application:
        found = application.execute(
            "select policyname, permissive, cmd, roles::text[] from pg_policies"
            " where tablename = %s order by 1",
            [table_of(label)],
        ).fetchall()
        forced = application.execute(
            "select relrowsecurity, relforcerowsecurity from pg_class where oid = %s::regclass",
            [table_of(label)],
        ).fetchone()
        me = scalar(application, "select current_user::text")
    reading = ["tenant_reads"] if TABLES[label].read else []
    assert [name for name, *_rest in found] == ["access", "maintenance", *reading]
    assert all(rest[1] == "SELECT" for _name, *rest in found[2:])
    assert found[0][1:] == ("PERMISSIVE", "ALL", [me])
    assert me not in found[1][3]
    assert forced == (True, True)

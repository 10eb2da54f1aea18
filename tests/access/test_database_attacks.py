"""What somebody might try who can put SQL into the application's connection, short of naming
another context: docs/threat-model.md says why that one is out of reach of the database."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection as of_django
from django.test import Client

from customers.importing.running import import_path
from ml.models import ScoreSet
from organization.access import entered
from tests.access.requests import Person, client_for
from tests.access.rules import TABLES
from tests.access.sessions import enter, scalar, session, units_of
from tests.access.test_tables import PROTECTED, refused, table_of
from tests.access.world import World
from tests.importing.deliveries import base, write

DENIED = "InsufficientPrivilege"


@pytest.fixture
def attacker(world: World) -> Any:
    """A connection as the application role, in the context of store S1."""
    with session() as connection:
        enter(connection, world.mine.tenant.pk, units_of(world, "-S1"))
        yield connection


def beyond(world: World) -> set[str]:
    """Marks that stand in rows of other stores and groups."""
    own = world.places[world.mine.tenant.code, "-S1"]
    return {p.token for p in world.places.values() if p is not own}


@pytest.mark.parametrize(
    "statement",
    [
        "set role {owner}",
        "set session authorization {owner}",
        "alter table customers_customer disable row level security",
        "alter table customers_customer no force row level security",
        "drop policy access on customers_customer",
        "create policy mine on customers_customer using (true)",
        "alter role current_user bypassrls",
        "create table public.kept (x int)",
        "create view public.seen as select * from customers_customer",
        "create function public.f() returns int language sql as 'select 1'",
        "create or replace function public.ml_create_score_partition(set_id bigint) returns void"
        " language sql as 'select'",
        "create schema mine",
        "create trigger t before insert on customers_customer for each row"
        " execute function valuation_written_once()",
        "alter table valuation_valuation disable trigger written_once",
        "set session_replication_role = replica",
        "copy customers_customer to program 'cat'",
        "select pg_read_file('postgresql.conf')",
        "select pg_ls_dir('.')",
        "select * from pg_authid",
        "select * from pg_statistic",
        "select setval('customers_customer_id_seq', 1)",
        "select last_value from customers_customer_id_seq",
        "alter sequence customers_customer_id_seq restart",
    ],
)
def test_the_role_has_no_power_over_the_rules(attacker: Any, statement: str) -> None:
    with session("owner") as owner:
        name = scalar(owner, "select current_user::text")
    said = refused(attacker, statement.format(owner=name))
    assert said.startswith((DENIED, "DuplicateObject")) or "must be owner" in said, said


def test_row_security_cannot_be_switched_off(attacker: Any) -> None:
    attacker.execute("set local row_security = off")
    assert "would be affected by row-level security" in refused(
        attacker, "select * from customers_customer"
    )


def test_partitions_are_closed_except_through_the_parent(world: World, attacker: Any) -> None:
    partitions = [
        name
        for (name,) in attacker.execute(
            "select inhrelid::regclass::text from pg_inherits"
            " where inhparent = 'ml_score'::regclass"
        )
    ]
    assert len(partitions) == 2
    for name in partitions:
        for statement in ("select * from {}", "delete from {}", "drop table {}"):
            said = refused(attacker, statement.format(name))
            assert said.startswith(DENIED), said


@pytest.mark.parametrize("does", ["create", "drop", "retire"])
def test_the_owners_functions_know_no_other_groups_score_set(
    world: World, db: None, attacker: Any, does: str
) -> None:
    function = f"ml_{does}_score_partition"
    with entered(world.theirs.system):
        foreign = ScoreSet.objects.get().pk
    not_there = refused(attacker, f"select {function}({foreign})")
    missing = refused(attacker, f"select {function}(987654)")
    assert not_there.replace(str(foreign), "987654") == missing


def test_a_published_score_set_is_not_dropped(world: World, db: None, attacker: Any) -> None:
    with entered(world.mine.system):
        own = ScoreSet.objects.get().pk
    assert "no unpublished score set" in refused(attacker, f"select ml_drop_score_partition({own})")


def test_the_scores_in_use_are_not_retired(world: World, db: None, attacker: Any) -> None:
    with entered(world.mine.system):
        own = ScoreSet.objects.get().pk
    assert "out of use" in refused(attacker, f"select ml_retire_score_partition({own})")


def test_the_owners_functions_are_these_and_look_nowhere_else(world: World) -> None:
    """A function with the owner's rights passes through every policy: each needs a review."""
    with session() as application:
        found = application.execute(
            "select proname, proconfig, has_function_privilege('public', p.oid, 'execute')"
            " from pg_proc p join pg_namespace n on n.oid = pronamespace"
            " where prosecdef and nspname not in ('pg_catalog', 'information_schema') order by 1"
        ).fetchall()
    # Checks of keys by set: a trigger has to see parents and children that the writer may not; as
    # it has to see with whom a number shares a mobile or a vehicle.
    checks = [row for row in found if row[0].endswith(("_keys", "_kept", "_due"))]
    assert {(tuple(config), public) for _name, config, public in checks} == {
        (("search_path=pg_catalog, public, pg_temp",), False)
    }
    assert [row for row in found if row not in checks] == [
        ("audit_link", ["search_path=pg_catalog, public, pg_temp"], False),
        ("audit_rows", ["search_path=pg_catalog, public, pg_temp"], False),
        ("customers_refresh_statistics", ["search_path=public, pg_temp"], False),
        ("ml_create_score_partition", ["search_path=public, pg_temp"], False),
        ("ml_drop_score_partition", ["search_path=public, pg_temp"], False),
        ("ml_retire_score_partition", ["search_path=public, pg_temp"], False),
        ("valuation_refresh_statistics", ["search_path=public, pg_temp"], False),
    ]


def test_there_is_nothing_in_the_schema_that_a_policy_cannot_guard(world: World) -> None:
    """No view and no materialised view; every table that the role may touch is protected or
    named here with the reason."""
    unprotected = {
        "django_migrations": "names of migrations",
        "django_content_type": "names of models",
        "auth_permission": "names of permissions that are not used",
        "django_session": "of Django's own, empty: sessions are in organization_session",
        **{table_of(label): rule.why for label, rule in TABLES.items() if rule.why},
    }
    with session() as application:
        kinds = application.execute(
            "select relname, relkind::text, relrowsecurity and relforcerowsecurity from pg_class"
            " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')"
            " and has_table_privilege(oid, 'select, insert, update, delete')"
        ).fetchall()
    assert {kind for _name, kind, _safe in kinds} <= {"r", "p"}
    assert {name for name, _kind, safe in kinds if not safe} == set(unprotected)


def test_what_the_role_calls_its_own_sees_no_row_first(world: World, attacker: Any) -> None:
    """A cheap function of one's own in the condition is asked only about visible rows."""
    seen: list[str] = []
    attacker.add_notice_handler(lambda notice: seen.append(notice.message_primary or ""))
    attacker.execute(
        "create function pg_temp.tell(text) returns boolean language plpgsql cost 0.0000001 as"
        " $$ begin raise notice 'saw %', $1; return true; end $$"
    )
    attacker.execute("select * from customers_customer where pg_temp.tell(name)")
    assert [s for s in seen if "markMXS1" in s]
    assert not [s for s in seen if any(mark in s for mark in beyond(world))]


def test_an_error_in_the_condition_betrays_no_row(world: World, attacker: Any) -> None:
    for mark in beyond(world):
        attacker.execute(
            "select 1 from customers_customer where 1 / (case name when %s then 0 else 1 end) = 1",
            [mark],
        )


def test_statistics_show_no_values(world: World, attacker: Any) -> None:
    """After analyze, the most common values of protected tables stay with the owner."""
    with session("owner") as owner:
        owner.execute("analyze")
        owner.commit()
        protected = [table_of(label) for label in PROTECTED]
        common = owner.execute(
            "select count(*) from pg_stats where tablename = any(%s)", [protected]
        ).fetchone()
        assert common is not None
    for view in ("pg_stats", "pg_stats_ext", "pg_stats_ext_exprs"):
        shown = scalar(
            attacker, f"select count(*) from {view} where tablename = any(%s)", protected
        )
        assert shown == 0, view
    for partition in ("ml_score_%", "valuation_%"):
        query = "select count(*) from pg_stats where tablename like %s"
        assert scalar(attacker, query, partition) == 0


def test_unique_keys_of_stores_rows_betray_no_other_store(world: World) -> None:
    """A key that another store's row could take says by its violation that the row exists, so it
    leads with the tenant, or its values cannot be guessed, or it says why not."""
    excused = {
        "organization_tenant": "codes of groups are chosen by who runs the installation",
        "organization_secondfactor": "one for an account",
        "customers_personkey": "one for a customer number",
        "organization_staff": "an account is of one person",
        "customers_customer": "random identifiers",
        "valuation_pseudonym": "random identifiers, and one for a customer",
        "valuation_approval": "one for a valuation",
        "ml_scoreset": "one for a run",
        "ml_trainingrun": "one running run a group",
    }
    query = """select t.relname, a.attname from pg_index i join pg_class t on t.oid = indrelid
        join pg_attribute a on a.attrelid = t.oid and a.attnum = i.indkey[0]
        where indisunique and not indisprimary and t.relnamespace = 'public'::regnamespace
        and t.relispartition is false"""
    protected = {table_of(label) for label in PROTECTED}
    with session() as application:
        open_keys = [
            (table, column)
            for table, column in application.execute(query)
            if table in protected and column != "tenant_id" and table not in excused
        ]
    assert open_keys == []


class TestContextsEnd:
    """What a context leaves behind in a connection that is used again: nothing."""

    def test_with_commit_and_rollback(self, world: World) -> None:
        with session() as application:
            for end in (application.commit, application.rollback):
                enter(application, world.mine.tenant.pk)
                assert scalar(application, "select count(*) from customers_customer") > 0
                end()
                assert scalar(application, "select count(*) from customers_customer") == 0

    def test_with_a_savepoint_rolled_back(self, world: World) -> None:
        with session() as application:
            enter(application, world.mine.tenant.pk, units_of(world, "-S1"))
            with suppress(psycopg.Error), application.transaction():
                enter(application, world.theirs.tenant.pk)
                application.execute("select 1 / 0")
            assert scalar(application, "select string_agg(name, '') from customers_customer") == (
                "markMXS1"
            )

    def test_after_every_kind_of_answer(self, world: World, db: None) -> None:
        """Requests one after the other in a thread whose connection is kept, as a server's is."""
        cookie = Client()
        with ThreadPoolExecutor(1) as pool:
            left = pool.submit(_answers_and_what_is_left, world, cookie).result()
        statuses = {status for status, _kept, _settings in left}
        assert statuses >= {200, 302, 403, 404, 405}
        assert {kept for _status, kept, _settings in left} == {True}
        assert {settings for _status, _kept, settings in left} <= {("", "", 0), (None, None, 0)}

    def test_an_import_leaves_no_temporary_table(
        self, world: World, db: None, tmp_path: Path
    ) -> None:
        """One that stayed in a kept connection would hold the rows of the last delivery."""
        import_path(write(tmp_path, base()))
        with of_django.cursor() as cursor:
            cursor.execute("select relname from pg_class where relpersistence = 't'")
            assert [name for (name,) in cursor if not name.startswith("pg_toast")] == []


def _answers_and_what_is_left(world: World, client: Client) -> list[tuple[int, bool, Any]]:
    """Status, whether the connection is still the first one, and the context found after."""
    found = []
    try:
        client.cookies.update(client_for(world, Person("advisor", "store")).cookies)
        of_django.ensure_connection()
        first = of_django.connection
        foreign = world.place("foreign").row("customers.Customer").uid
        for path in (
            "/",
            "/customers/",
            f"/customers/{foreign}/",
            "/people/",
            "/theme",
            "/nowhere",
        ):
            status = client.get(path).status_code
            with of_django.cursor() as cursor:
                cursor.execute(
                    "select current_setting('app.tenant', true), current_setting('app.all', true),"
                    " (select count(*) from customers_customer)"
                )
                found.append((status, of_django.connection is first, cursor.fetchone()))
        found.append((client.post("/theme", {"theme": "dark"}).status_code, True, ("", "", 0)))
    finally:
        of_django.close()
    return found

"""The hash chain of the trail: whole as written, and every way of breaking it is named.

The events are really committed by the application role, then altered as only a superuser who
switches the triggers off can, and cleaned up afterwards.
"""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from organization.access import entered
from organization.audit import record
from organization.audit_chain import GENESIS, Link, first_break, verify
from organization.models import AuditChain, AuditEvent
from tests.database import APPLICATION, OWNER

EVENTS = 6


@contextmanager
def connected(role: tuple[str, str] | None) -> Iterator[psycopg.Connection[Any]]:
    """As one of the two roles; None is the superuser."""
    who = {"user": role[0], "password": role[1]} if role else {}
    dsn, name = os.environ["PARCFOLIO_TEST_ADMIN_DSN"], os.environ["PARCFOLIO_TEST_DATABASE"]
    with psycopg.connect(dsn, **{"dbname": name, **who}) as connection:
        yield connection


def add(tenant: int, subject: str, detail: Any = None) -> None:
    """One event in a transaction of its own, as the application writes it."""
    with connected(APPLICATION) as connection:
        insert(connection, tenant, subject, detail)


def insert(
    connection: psycopg.Connection[Any], tenant: int, subject: str, detail: Any = None
) -> None:
    connection.execute("select set_config('app.tenant', %s, false)", [str(tenant)])
    connection.execute(
        "insert into organization_auditevent (tenant_id, at, actor, action, subject, detail)"
        " values (%s, '2001-01-01', 'somebody', 'test', %s, %s)",
        [tenant, subject, json.dumps(detail or {})],
    )


@pytest.fixture
def tenant(db: None) -> Iterator[int]:
    """A committed group with six events."""
    with connected(None) as connection:
        row = connection.execute(
            "insert into organization_tenant (code, name, currency, time_zone, visit_word,"
            " settings, created_at) values ('CHAIN', 'x', 'CNY', 'UTC', '进厂', '{}', now())"
            " returning id"
        ).fetchone()
        assert row
    for number in range(EVENTS):
        add(row[0], f"s{number}", {"号": number, "q": 'a"\\\n\x7f', "f": 1.50, "z": [None, True]})
    yield row[0]
    with tampering() as connection:
        for table in ("auditevent", "auditchain"):
            connection.execute(f"delete from organization_{table} where tenant_id = %s", row)
        connection.execute("delete from organization_tenant where id = %s", row)


@contextmanager
def tampering() -> Iterator[psycopg.Connection[Any]]:
    """A superuser for whom no trigger fires."""
    with connected(None) as connection:
        connection.execute("set session_replication_role = replica")
        yield connection


def problem(tenant: int, expect: tuple[str, ...] = ()) -> tuple[str, int | None]:
    broken = verify(tenant, expect).broken
    return (broken.problem, broken.number) if broken else ("", None)


def test_it_is_whole_as_written(tenant: int) -> None:
    verdict = verify(tenant)
    assert (verdict.events, verdict.broken) == (EVENTS, None)
    assert len(bytes.fromhex(verdict.head)) == 32


def test_the_instant_is_the_servers(tenant: int) -> None:
    with tampering() as connection:
        row = connection.execute(
            "select min(at) > now() - interval '1 hour' from organization_auditevent"
            " where tenant_id = %s",
            [tenant],
        ).fetchone()
    assert row == (True,)


TAMPERINGS = {
    "changed": ("update organization_auditevent set detail = '{}' where number = 3", 3),
    "another actor": ("update organization_auditevent set actor = 'x' where number = 1", 1),
    "missing": ("delete from organization_auditevent where number = 3", 4),
    "first missing": ("delete from organization_auditevent where number = 1", 2),
    "cut and renumbered": (
        "delete from organization_auditevent where number = 3;"
        "update organization_auditevent set number = number - 1 where number = 4;"
        "update organization_auditevent set number = number - 1 where number = 5;"
        "update organization_auditevent set number = number - 1 where number = 6",
        3,
    ),
    "swapped": (
        "update organization_auditevent set number = 90 where number = 3;"
        "update organization_auditevent set number = 3 where number = 4;"
        "update organization_auditevent set number = 4 where number = 90",
        3,
    ),
    "end": ("delete from organization_auditevent where number = 6", 6),
    "unlinked": (
        "insert into organization_auditevent (tenant_id, at, actor, action, subject, detail)"
        " select tenant_id, now(), 'x', 'x', '', '{}' from organization_auditchain"
        " where number = 6",
        None,
    ),
}
NAMES = {"another actor": "changed", "first missing": "missing", "swapped": "reordered"}
NAMES["cut and renumbered"] = "cut"


@pytest.mark.parametrize("way", TAMPERINGS)
def test_every_tampering_is_named_at_its_place(tenant: int, way: str) -> None:
    statements, number = TAMPERINGS[way]
    with tampering() as connection:
        for statement in statements.split(";"):
            narrowed = statement
            if not statement.startswith("insert"):
                narrowed += f" and tenant_id = {tenant}"
            connection.execute(narrowed)
    assert problem(tenant) == (NAMES.get(way, way), number)


def test_an_end_cut_together_with_the_head_shows_by_an_anchor(tenant: int) -> None:
    anchor = verify(tenant).head
    assert problem(tenant, (anchor,)) == ("", None)
    with tampering() as connection:
        connection.execute(
            "delete from organization_auditevent where number > 4 and tenant_id = %s", [tenant]
        )
        connection.execute(
            "update organization_auditchain c set number = 4, hash = e.hash"
            " from organization_auditevent e where e.number = 4 and e.tenant_id = c.tenant_id"
            " and c.tenant_id = %s",
            [tenant],
        )
    assert problem(tenant) == ("", None)
    assert problem(tenant, (anchor,)) == ("anchor", None)


@pytest.mark.parametrize("role", [APPLICATION, OWNER], ids=["application", "owner"])
@pytest.mark.parametrize(
    "statement",
    [
        "update organization_auditevent set subject = 'x' where tenant_id = {}",
        "update organization_auditevent set hash = null where tenant_id = {}",
        "delete from organization_auditevent where tenant_id = {}",
        "truncate organization_auditevent",
    ],
)
def test_neither_role_changes_the_trail(tenant: int, role: Any, statement: str) -> None:
    with connected(role) as connection:
        connection.execute("select set_config('app.tenant', %s, false)", [str(tenant)])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.format(tenant))
        connection.rollback()
    assert problem(tenant) == ("", None)


def test_the_application_cannot_bring_its_own_link(tenant: int) -> None:
    with connected(APPLICATION) as connection:
        connection.execute("select set_config('app.tenant', %s, false)", [str(tenant)])
        connection.execute(
            "insert into organization_auditevent (tenant_id, at, actor, action, subject, detail,"
            " number, previous, hash) values (%s, now(), 'x', 'x', '', '{}', 99, '\\x00', '\\x00')",
            [tenant],
        )
    verdict = verify(tenant)
    assert (verdict.events, verdict.broken) == (EVENTS + 1, None)


def test_the_application_cannot_move_the_head(tenant: int) -> None:
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        connected(APPLICATION) as connection,
    ):
        connection.execute("update organization_auditchain set number = 0")


def test_parallel_writers_make_one_chain(tenant: int) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: add(tenant, f"p{i}"), range(40)))
    verdict = verify(tenant)
    assert (verdict.events, verdict.broken) == (EVENTS + 40, None)


def test_a_long_transaction_holds_nobody_up(tenant: int) -> None:
    """The chain is linked at commit: an event in an open import does not lock its head."""
    with connected(APPLICATION) as long:
        insert(long, tenant, "import")
        with connected(APPLICATION) as short:
            short.execute("set lock_timeout = '1s'")
            insert(short, tenant, "sign-in")
    assert verify(tenant).events == EVENTS + 2
    assert problem(tenant) == ("", None)


def run(capsys: Any, *arguments: str) -> dict[str, Any]:
    call_command("audit_verify", "--json", *arguments)
    return json.loads(capsys.readouterr().out)


def test_the_command_reports_every_group(tenant: int, capsys: Any) -> None:
    report = run(capsys)
    assert report["whole"] is True
    assert report["groups"]["CHAIN"]["events"] == EVENTS
    head = report["groups"]["CHAIN"]["head"]
    assert run(capsys, "--group", "CHAIN", "--expect", head)["whole"] is True


def test_the_command_fails_with_status_1_and_names_the_place(tenant: int, capsys: Any) -> None:
    with tampering() as connection:
        connection.execute(
            "update organization_auditevent set subject = 'x' where number = 2 and tenant_id = %s",
            [tenant],
        )
    with pytest.raises(CommandError, match="CHAIN is not whole") as refused:
        call_command("audit_verify", "--group", "CHAIN")
    assert refused.value.returncode == 1
    assert "event 2 " in capsys.readouterr().out
    with pytest.raises(CommandError):
        call_command("audit_verify", "--group", "CHAIN", "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["whole"] is False
    assert found["groups"]["CHAIN"]["break"]["problem"] == "changed"


def test_the_command_refuses_an_unknown_group(db: None) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("audit_verify", "--group", "nowhere")
    assert refused.value.returncode == 2


def test_events_of_the_product_are_linked_at_commit(group: Any) -> None:
    from django.db import connection

    with entered(group.system):
        record(group.system, "test", "王芳", at="12:00")
        with connection.cursor() as cursor:
            cursor.execute("set constraints all immediate")
        assert AuditChain.objects.get().number == AuditEvent.objects.count()
    assert verify(group.tenant.pk).broken is None


# The walk itself, on chains made in memory.


def chain(subjects: list[str]) -> list[Link]:
    links: list[Link] = []
    for number, subject in enumerate(subjects, 1):
        former = links[-1].hash if links else GENESIS
        link = Link(
            *(number, 1, number, datetime(2026, 1, 1, tzinfo=UTC), "a", None, "test", subject),
            *("{}", former, None),
        )
        links.append(replace(link, hash=link.digest()))
    return links


@given(st.lists(st.text(max_size=20), max_size=12))
def test_an_untouched_chain_has_no_break(subjects: list[str]) -> None:
    links = chain(subjects)
    verdict = first_break(links)
    assert (verdict.events, verdict.broken) == (len(subjects), None)


@settings(max_examples=200)
@given(st.lists(st.text(max_size=5), min_size=3, max_size=8), st.data())
def test_any_single_cut_change_or_swap_shows(subjects: list[str], data: st.DataObject) -> None:
    links = chain(subjects)
    known = frozenset(link.hash or b"" for link in links)
    at = data.draw(st.integers(0, len(links) - 2))
    way = data.draw(st.sampled_from(["cut", "change", "swap"]))
    if way == "cut":
        del links[at]
    elif way == "change":
        links[at] = replace(links[at], subject=links[at].subject + "x")
    else:
        links[at], links[at + 1] = (
            replace(links[at + 1], number=at + 1),
            replace(links[at], number=at + 2),
        )
    verdict = first_break(links, known)
    assert verdict.broken is not None
    assert verdict.events == at

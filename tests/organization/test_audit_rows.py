"""Changes of sensitive rows are in the trail whoever makes them, and hold nothing personal."""

import ast
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from customers.models import Consent, ContactPoint
from organization.access import entered
from organization.audit import ACTION_WORDS, ROW_ACTIONS, TABLE_WORDS
from organization.audit_triggers import MOST
from organization.models import Account, Assignment, AuditEvent, Staff
from organization.sealing import blind_index, seal
from tests.factories import Group, make_customer

ROOT = Path(__file__).resolve().parents[2]


def changes(group: Group, table: str, action: str) -> list[dict[str, Any]]:
    with entered(group.system):
        found = AuditEvent.objects.filter(subject=table, action=ROW_ACTIONS + action)
        return [event.detail for event in found.order_by("pk")]


def test_a_bulk_update_is_one_event_with_its_count(group: Group) -> None:
    with entered(group.system):
        count = Assignment.objects.update(role="auditor")
    [detail] = changes(group, "organization_assignment", "update")
    assert detail["rows"] == count - 1  # one was an auditor already
    one = detail["changes"][0]["values"]
    assert one == {"role": ["executive", "auditor"]}


def test_a_statement_of_sql_is_caught_too(group: Group) -> None:
    with entered(group.system), connection.cursor() as cursor:
        cursor.execute("delete from organization_assignment where role = 'advisor'")
    [detail] = changes(group, "organization_assignment", "delete")
    assert (detail["rows"], detail["changes"][0]["values"]["role"]) == (2, "advisor")


def test_of_many_rows_only_some_are_described(group: Group) -> None:
    with entered(group.system):
        Staff.objects.bulk_create(
            Staff(tenant=group.tenant, username=f"n{i}", name="x") for i in range(MOST + 5)
        )
    detail = changes(group, "organization_staff", "insert")[-1]
    assert (detail["rows"], len(detail["changes"])) == (MOST + 5, MOST)


def test_the_actor_is_who_entered(group: Group) -> None:
    from organization.access import Access

    account = group.accounts["admin"]
    with entered(Access(tenant_id=group.tenant.pk, label=account.login, all_units=True)):
        Assignment.objects.filter(role="auditor").update(valid_to="2030-01-01")
    with entered(group.system):
        event = AuditEvent.objects.get(action="row.update", subject="organization_assignment")
    assert (event.actor, event.account_id) == (account.login, account.pk)


def test_personal_fields_are_named_and_not_shown(group: Group) -> None:
    with entered(group.system):
        Staff.objects.filter(username="advisor").update(mobile="13812345678", name="王小芳")
    [detail] = changes(group, "organization_staff", "update")
    assert detail["changes"] == [{"id": group.staff["advisor"].pk, "not_shown": ["name", "mobile"]}]


def test_a_changed_password_is_told_without_it(group: Group) -> None:
    account = group.accounts["advisor"]
    account.set_password("correct horse battery")
    account.save()
    [detail] = changes(group, "organization_account", "update")
    assert detail["changes"] == [{"id": account.pk, "not_shown": ["password"]}]


def test_a_sign_in_or_a_language_is_no_change_of_the_account(group: Group) -> None:
    Account.objects.update(last_login=timezone.now(), language="en")
    assert changes(group, "organization_account", "update") == []


def test_an_update_that_changes_nothing_is_no_event(group: Group) -> None:
    with entered(group.system):
        Assignment.objects.filter(role="auditor").update(role="auditor")
    assert changes(group, "organization_assignment", "update") == []


def test_contact_numbers_and_consents(group: Group) -> None:
    with entered(group.system):
        customer = make_customer(group)
        common = {"tenant": group.tenant, "customer": customer, "store": customer.home_store}
        point = ContactPoint.objects.create(
            **common,
            source=customer.sources.get(),
            kind="mobile",
            sealed=seal("13812345678"),
            lookup=blind_index("mobile", group.tenant.pk, "13812345678"),
            tail="5678",
        )
        ContactPoint.objects.filter(pk=point.pk).update(tail="9999", sealed=seal("13812349999"))
        consent = Consent.objects.create(
            **common, purpose="marketing", given=True, recorded_at=timezone.now(), origin="form"
        )
        Consent.objects.filter(pk=consent.pk).update(given=False)
    [added] = changes(group, "customers_contactpoint", "insert")
    assert added["changes"][0]["values"]["kind"] == "mobile"
    [changed] = changes(group, "customers_contactpoint", "update")
    assert set(changed["changes"][0]["not_shown"]) == {"tail", "sealed"}
    [withdrawn] = changes(group, "customers_consent", "update")
    assert withdrawn["changes"][0]["values"] == {"given": [True, False]}
    with entered(group.system):
        texts = [str(event.detail) for event in AuditEvent.objects.all()]
    assert not any("5678" in text or "9999" in text for text in texts)


def test_every_watched_table_has_words() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct tgrelid::regclass::text from pg_trigger where tgname = 'audit_update'"
        )
        assert {row[0] for row in cursor.fetchall()} == set(TABLE_WORDS)


test_every_watched_table_has_words = pytest.mark.django_db(test_every_watched_table_has_words)


def _recorded() -> set[str]:
    """Every text that stands as an action in a call of ``record`` or ``note``."""
    found: set[str] = set()
    for folder in ("platform", "customers", "ml", "valuation"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and _name(node.func) in {"record", "note"}:
                    found |= _action(node)
    return found


def _name(function: ast.expr) -> str:
    return getattr(function, "attr", getattr(function, "id", ""))


def _action(call: ast.Call) -> set[str]:
    arguments: list[ast.expr] = []
    for argument in call.args:
        inner = argument.value if isinstance(argument, ast.Starred) else None
        arguments += inner.elts if isinstance(inner, ast.Tuple) else [argument]
    if len(arguments) < 2:
        return set()
    branches = arguments[1]
    parts = [branches.body, branches.orelse] if isinstance(branches, ast.IfExp) else [branches]
    return {p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)}


def test_every_action_has_words() -> None:
    recorded = _recorded()
    assert {"contact.revealed", "scores.published", "signin", "password_link_made"} <= recorded
    assert recorded - set(ACTION_WORDS) == set()


def test_the_page_shows_changes_of_rows_on_demand(group: Group, client_of: Any) -> None:
    with entered(group.system):
        Assignment.objects.filter(staff=group.staff["advisor"]).update(valid_to="2031-02-03")
    client = client_of("auditor")
    client.cookies["django_language"] = "en"
    assert not client.get("/audit/").context["table"].rows
    page = client.get("/audit/?of=rows&subject=organization_assignment&action=row.update")
    text = page.content.decode()
    assert "valid_to – → 2031-02-03" in text
    assert "Assignments" in text


def test_a_page_describes_a_few_rows_of_a_bulk_write(group: Group, client_of: Any) -> None:
    with entered(group.system):
        count = Assignment.objects.filter(role="manager").update(valid_to="2031-02-03")
        Assignment.objects.update(valid_to="2032-02-03")
    client = client_of("auditor")
    client.cookies["django_language"] = "en"
    text = client.get("/audit/?of=rows&action=row.update").content.decode()
    assert count == 3
    assert text.count("valid_to – → 2031-02-03") == 3
    assert "7 more" in text

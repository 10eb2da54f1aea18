"""The audit trail page: search, paging, and whose events are shown."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from organization.access import Access, entered
from organization.audit import record
from organization.models import AuditEvent, Tenant
from organization.trail import PAGE, Mark
from tests.factories import Group, add_person


def happened(group: Group, username: str, action: str, subject: str = "", **detail) -> None:
    account = group.accounts[username]
    access = Access(tenant_id=group.tenant.pk, label=account.login, account_id=account.pk)
    with entered(access):
        record(access, action, subject, **detail)


def shown(client, query: str = "") -> list[str]:
    return [event.action for event in client.get(f"/audit/{query}").context["table"].rows]


@pytest.mark.parametrize("username", ["store_manager", "advisor", "analyst", "steward"])
def test_it_needs_the_capability(group, client_of, username: str) -> None:
    assert client_of(username).get("/audit/").status_code == 403


def test_another_groups_events_are_never_shown(group, other_group, client_of) -> None:
    happened(group, "ceo", "ours")
    happened(other_group, "ceo", "theirs")
    assert shown(client_of("auditor")) == ["ours"]


def test_what_no_person_did_is_the_systems_and_found_by_that_word(group, client_of) -> None:
    with entered(group.system):
        record(Access.system(group.tenant.pk, "night"), "nightly")
    page = client_of("ceo").get("/audit/?actor=系统")
    assert [event.actor for event in page.context["table"].rows] == ["system:night"]
    assert "系统 · night" in page.content.decode()


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ({"kinds": {"visits": {"read": 4, "created": 1, "updated": 0}}}, "visits (读取 4, 新增 1)"),
        ({"refusals": []}, "未通过项: –"),
        ({"dry_run": False}, "试运行: 否"),
    ],
)
def test_details_are_told_in_words(group, client_of, detail, said) -> None:
    with entered(group.system):
        record(Access.system(group.tenant.pk, "import"), "import", **detail)
    assert said in client_of("ceo").get("/audit/").content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["import_started", "signin_failed", "signin"]),
        ("?actor=advisor@", ["signin_failed", "signin"]),
        ("?action=signin_failed", ["signin_failed"]),
        ("?action=failed+to", ["signin_failed"]),
        ("?action=import", ["import_started"]),
        ("?subject=2026", ["import_started"]),
        ("?actor=nobody", []),
        ("?since=2001-01-01&until=2001-12-31", []),
        ("?since=2001-01-01", ["import_started", "signin_failed", "signin"]),
        ("?since=2002-01-01&until=2001-01-01", []),
        ("?since=never", []),
        ("?until=9999-12-31", ["import_started", "signin_failed", "signin"]),
        ("?since=0001-01-01", ["import_started", "signin_failed", "signin"]),
        ("?before=0001-01-01T00:00:00%2B14:00~1", []),
    ],
)
def test_it_is_searched_by_actor_action_subject_and_period(
    group, client_of, query: str, found: list[str]
) -> None:
    happened(group, "advisor", "signin")
    happened(group, "advisor", "signin_failed")
    happened(group, "steward", "import_started", "2026-11", rows=12)
    client = client_of("auditor")
    client.cookies["django_language"] = "en"
    assert shown(client, query) == found


def test_the_period_is_of_the_groups_days(group, client_of) -> None:
    """Whatever the instant, it is one day on Kiritimati and an earlier one in Pago Pago."""
    happened(group, "ceo", "now")
    with entered(group.system):
        at = AuditEvent.objects.get(action="now").at
    days = {}
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        with entered(group.system):
            Tenant.objects.filter(pk=group.tenant.pk).update(time_zone=zone)
        days[zone] = at.astimezone(ZoneInfo(zone)).date()
        client = client_of("auditor")
        for day in days.values():
            expected = ["now"] if day == days[zone] else []
            assert shown(client, f"?since={day}&until={day}") == expected
    assert len(set(days.values())) == 2


def test_older_pages_follow_without_gap_or_repetition(group, client_of) -> None:
    for i in range(PAGE + 7):
        happened(group, "ceo", f"a{i}")
    client = client_of("auditor")
    first = client.get("/audit/?actor=ceo")
    happened(group, "ceo", "meanwhile")
    second = client.get(f"/audit/{first.context['older']}")
    seen = [e.action for page in (first, second) for e in page.context["table"].rows]
    assert seen == [f"a{i}" for i in reversed(range(PAGE + 7))]
    assert "actor=ceo" in second.context["newest"]
    assert second.context["older"] == ""


@pytest.mark.parametrize("mark", ["x", "2020-01-01~5", "~", "2020-13-01T00:00:00+00:00~1", "a~b"])
def test_an_altered_mark_starts_at_the_newest(mark: str) -> None:
    assert Mark.parse(mark) is None


def test_a_mark_survives_the_address() -> None:
    mark = Mark(datetime(2020, 3, 1, 17, 5, 6, 789, tzinfo=UTC), 12)
    assert Mark.parse(str(mark)) == mark


def test_below_the_group_only_the_own_peoples_events(group, client_of) -> None:
    with entered(group.system):
        add_person(group, "admin_e", "administrator", "-E")
        record(group.system, "by the system")
    happened(group, "advisor", "inside")
    happened(group, "ceo", "above")
    assert shown(client_of("admin_e")) == ["inside"]

"""Sessions: both limits, what is kept of them, and who may end them."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from organization.access import entered
from organization.account_page import device_name
from organization.models import Account, AuditEvent, Session
from organization.session_store import SessionStore, stored_key
from tests.factories import Group

PASSWORD = "correct horse battery"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"


@pytest.fixture
def advisor(group: Group, settings) -> Account:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    account = group.accounts["advisor"]
    account.set_password(PASSWORD)
    account.save()
    return account


def signed_in(agent: str = CHROME) -> Client:
    client = Client(headers={"User-Agent": agent})
    client.cookies["django_language"] = "en"
    answer = client.post("/sign-in", {"username": "advisor@xq", "password": PASSWORD, "next": "/x"})
    assert answer.status_code == 302
    return client


def row_of(client: Client) -> Session:
    return Session.objects.get(pk=stored_key(client.cookies["sessionid"].value))


def opens(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def test_the_table_does_not_hold_what_the_browser_holds(advisor) -> None:
    client = signed_in()
    key = client.cookies["sessionid"].value
    row = row_of(client)
    assert key != row.session_key
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from organization_session s where s::text like %s", [f"%{key}%"]
        )
        assert cursor.fetchone()[0] == 0
    assert (row.account_id, row.address, row.device) == (advisor.pk, "127.0.0.1", CHROME)


def test_the_stored_key_itself_opens_nothing(advisor) -> None:
    thief = Client()
    thief.cookies["sessionid"] = row_of(signed_in()).session_key
    assert not opens(thief)


@pytest.mark.parametrize(("minutes", "still"), [(59, True), (61, False)])
def test_an_idle_session_ends(advisor, minutes: int, still: bool) -> None:
    client = signed_in()
    Session.objects.update(seen_at=timezone.now() - timedelta(minutes=minutes))
    assert opens(client) is still


@pytest.mark.parametrize(("hours", "still"), [(11.9, True), (12.1, False)])
def test_a_busy_session_ends_all_the_same(advisor, hours: float, still: bool) -> None:
    client = signed_in()
    session = client.session
    session["signed_in_at"] = (timezone.now() - timedelta(hours=hours)).isoformat()
    session.save()
    assert opens(client) is still


def test_saving_a_session_does_not_prolong_it(advisor) -> None:
    client = signed_in()
    before = row_of(client).expire_date
    session = client.session
    session["something"] = 1
    session.save()
    assert abs(row_of(client).expire_date - before) < timedelta(seconds=1)


def test_the_last_use_is_written_once_a_minute(advisor) -> None:
    client = signed_in()
    with CaptureQueriesContext(connection) as queries:
        client.get("/account/")
    assert not [q for q in queries if q["sql"].startswith("UPDATE")]
    Session.objects.update(seen_at=timezone.now() - timedelta(minutes=2))
    client.get("/account/")
    assert timezone.now() - row_of(client).seen_at < timedelta(seconds=30)


def test_expired_sessions_are_forgotten(advisor) -> None:
    client, idle = signed_in(), signed_in()
    past = timezone.now() - timedelta(hours=2)
    Session.objects.filter(pk=row_of(idle).pk).update(seen_at=past)
    kept, forgotten = row_of(client).pk, row_of(idle).pk
    SessionStore.clear_expired()
    left = Session.objects.filter(pk__in=[kept, forgotten]).values_list("pk", flat=True)
    assert list(left) == [kept]


def test_one_sees_and_ends_ones_sessions(advisor, group) -> None:
    phone = signed_in("Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0")
    laptop = signed_in()
    page = laptop.get("/account/").content.decode()
    assert "WeChat · Android" in page
    assert "Chrome · Windows" in page
    laptop.post("/account/sessions/end", {"session": row_of(phone).pk})
    assert not opens(phone)
    assert opens(laptop)


def test_all_others_at_once(advisor, group) -> None:
    others, mine = [signed_in(), signed_in()], signed_in()
    mine.post("/account/sessions/end")
    assert [opens(client) for client in (*others, mine)] == [False, False, True]
    with entered(group.system):
        assert AuditEvent.objects.get(action="sessions_ended").detail == {"sessions": 2}


def test_nobody_ends_anothers_session(advisor, group, client_of) -> None:
    mine, steward = signed_in(), client_of("steward")
    steward.post("/account/sessions/end", {"session": row_of(mine).pk})
    steward.post("/account/sessions/end")
    assert opens(mine)


def test_an_administrator_ends_them(advisor, group, other_group, client_of) -> None:
    client = signed_in()
    address = f"/people/{group.staff['advisor'].pk}/sign-in"
    for other in (client_of("ceo"), client_of("steward")):
        assert other.post(f"{address}/change", {"do": "sessions"}).status_code == 403
    foreign = client_of("admin", other_group)
    assert foreign.post(f"{address}/change", {"do": "sessions"}).status_code == 404
    assert opens(client)
    admin = client_of("admin")
    assert "Chrome · Windows" in admin.get(address).content.decode()
    admin.post(f"{address}/change", {"do": "sessions"})
    assert not opens(client)


def test_an_administrator_leaves_the_own_sign_in_alone(group, client_of) -> None:
    admin = client_of("admin")
    address = f"/people/{group.staff['admin'].pk}/sign-in/change"
    assert admin.post(address, {"do": "sessions"})["Location"] == "/account/"
    assert opens(admin)


def test_an_administrator_removes_a_lost_second_factor(advisor, group, client_of) -> None:
    from organization.second_factor import factor_of, new_secret, set_up

    with entered(group.system):
        set_up(advisor, new_secret(), 0)
    client_of("admin").post(f"/people/{group.staff['advisor'].pk}/sign-in/change", {"do": "factor"})
    with entered(group.system):
        assert factor_of(advisor) is None
        assert AuditEvent.objects.filter(action="second_factor_removed").count() == 1


@pytest.mark.parametrize(
    ("agent", "name"),
    [(CHROME, "Chrome · Windows"), ("", ""), ("curl/8", "curl/8"), ("x" * 99, "x" * 60)],
)
def test_a_device_has_a_short_name(agent: str, name: str) -> None:
    assert device_name(agent) == name

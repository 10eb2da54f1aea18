"""Signing in and out, the limit on attempts, and the language of an account."""

import pytest
from django.test import Client

from organization.access import entered
from organization.audit import ROW_ACTIONS
from organization.models import Account, AuditEvent
from tests.factories import Group

PASSWORD = "correct horse battery"


@pytest.fixture
def advisor(group: Group, settings) -> Account:
    """An account with a password; a cheap hash keeps the tests quick."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    account = group.accounts["advisor"]
    account.set_password(PASSWORD)
    account.save()
    return account


@pytest.fixture
def client() -> Client:
    client = Client()
    client.cookies["django_language"] = "en"
    return client


def sign_in(client: Client, username: str = "advisor", password: str = PASSWORD, **extra):
    data = {"username": username, "password": password, "next": "/organization/", **extra}
    return client.post("/sign-in", data)


def trail(group: Group) -> list[str]:
    with entered(group.system):
        events = AuditEvent.objects.exclude(action__startswith=ROW_ACTIONS).order_by("pk")
        return list(events.values_list("action", flat=True))


@pytest.mark.parametrize("login", ["advisor", "ADVISOR", " advisor@xq ", "advisor@XQ"])
def test_the_right_password_signs_in(advisor: Account, group, client, login: str) -> None:
    answer = sign_in(client, login)
    assert (answer.status_code, answer["Location"]) == (302, "/organization/")
    assert client.session["_auth_user_id"] == str(advisor.pk)
    assert trail(group) == ["signin"]


def test_a_wrong_password_says_what_to_do(advisor: Account, group, client) -> None:
    answer = sign_in(client, password="wrong")
    assert "name@group-code" in answer.content.decode()
    assert "_auth_user_id" not in client.session
    assert trail(group) == ["signin_failed"]


def test_an_unknown_login_gets_the_same_answer(advisor: Account, group, client) -> None:
    def shown(login: str) -> str:
        page = sign_in(client, login, "wrong").content.decode()
        return page.split('role="alert"')[1].split("</div>")[0]

    assert shown("nobody") == shown("advisor")
    assert trail(group) == ["signin_failed"]


@pytest.mark.parametrize("login", ["x" * 10_000, "@", "%", "王芳", ""])
def test_odd_logins_are_refused_like_any_other(advisor: Account, group, client, login) -> None:
    assert sign_in(client, login).status_code == 200
    assert trail(group) == []


def test_a_name_that_two_groups_use_needs_its_group(advisor, other_group, client) -> None:
    assert sign_in(client, "advisor").status_code == 200
    assert sign_in(client, "advisor@xq").status_code == 302


def test_a_closed_account_does_not_sign_in(advisor: Account, client) -> None:
    Account.objects.filter(pk=advisor.pk).update(is_active=False)
    assert sign_in(client).status_code == 200
    assert "_auth_user_id" not in client.session


def test_the_eleventh_attempt_is_refused_even_with_the_right_password(
    advisor: Account, group, client
) -> None:
    for _ in range(10):
        # Both spellings are one login: writing it otherwise gives no further attempts.
        assert sign_in(client, "advisor@xq", "wrong").status_code == 200
    answer = sign_in(client)
    assert (answer.status_code, answer["Retry-After"]) == (429, "900")
    assert "Wait 15 minutes" in answer.content.decode()
    assert "_auth_user_id" not in client.session
    sign_in(client)
    assert trail(group) == ["signin_failed"] * 10 + ["signin_locked"]


def test_the_limit_is_the_logins_and_the_addresss_own(advisor: Account, client) -> None:
    for _ in range(11):
        sign_in(client, "nobody", "wrong")
    assert sign_in(client, "nobody", "wrong").status_code == 429
    assert sign_in(Client(REMOTE_ADDR="10.1.1.1"), "nobody", "wrong").status_code == 200
    assert sign_in(client).status_code == 302


def test_a_forged_forwarded_header_gives_no_further_attempts(advisor: Account, client) -> None:
    for i in range(10):
        data = {"username": "advisor", "password": "wrong"}
        client.post("/sign-in", data, headers={"X-Forwarded-For": f"10.0.0.{i}"})
    assert sign_in(client).status_code == 429


def test_behind_the_proxy_the_address_is_what_the_proxy_saw(rf, settings) -> None:
    from organization.attempts import client_address

    settings.HTTPS = True
    request = rf.get("/", headers={"X-Forwarded-For": "1.1.1.1, 203.0.113.9"})
    assert client_address(request) == "203.0.113.9"


def test_success_starts_the_count_anew(advisor: Account, client) -> None:
    for _ in range(9):
        sign_in(client, password="wrong")
    sign_in(client)
    client.post("/sign-out")
    for _ in range(10):
        assert sign_in(client, password="wrong").status_code == 200


def test_the_session_key_changes_with_sign_in(advisor: Account, client) -> None:
    client.get("/sign-in")
    session = client.session
    session["planted"] = "by an attacker"
    session.save()
    before = session.session_key
    client.cookies["sessionid"] = before
    sign_in(client)
    assert client.session.session_key != before


@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example/", "javascript:x"])
def test_next_leads_nowhere_else(advisor: Account, client, settings, where: str) -> None:
    settings.LOGIN_REDIRECT_URL = "/people/"
    assert sign_in(client, next=where)["Location"] == "/people/"


def test_signing_out_is_a_post(advisor: Account, group, client) -> None:
    sign_in(client)
    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out")["Location"] == "/sign-in"
    assert "_auth_user_id" not in client.session
    assert trail(group) == ["signin", "signout"]


def test_a_forged_sign_in_form_is_refused(advisor: Account) -> None:
    client = Client(enforce_csrf_checks=True)
    assert sign_in(client).status_code == 403


def test_signed_in_the_sign_in_page_goes_on(advisor: Account, client, settings) -> None:
    settings.LOGIN_REDIRECT_URL = "/people/"
    sign_in(client)
    assert client.get("/sign-in")["Location"] == "/people/"


def test_the_language_stays_on_the_account(advisor: Account, client) -> None:
    sign_in(client)
    client.post("/language", {"language": "zh-hans", "next": "/sign-in"})
    advisor.refresh_from_db()
    assert advisor.language == "zh-hans"
    other_device = Client()
    other_device.cookies["django_language"] = "en"
    sign_in(other_device)
    assert other_device.get("/t/missing").wsgi_request.LANGUAGE_CODE == "zh-hans"


def test_signed_out_the_language_stays_on_the_device(db: None) -> None:
    client = Client()
    answer = client.post("/language", {"language": "en", "next": "/sign-in"})
    assert (answer.status_code, answer.cookies["django_language"].value) == (302, "en")
    assert 'lang="en"' in client.get("/sign-in").content.decode()


def test_an_unknown_language_is_refused(db: None) -> None:
    assert Client().post("/language", {"language": "tlh"}).status_code == 400

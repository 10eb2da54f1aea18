"""What a password must be, changing it, and the link by which an administrator renews it."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.exceptions import ValidationError
from django.test import Client

from organization.access import entered
from organization.models import Account, AuditEvent
from organization.person_signin import link_to
from tests.factories import Group

OLD, NEW = "correct horse battery", "stapled-verandah-57"


@pytest.fixture
def advisor(group: Group, settings) -> Account:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    account = group.accounts["advisor"]
    account.set_password(OLD)
    account.save()
    with entered(group.system):
        person = group.staff["advisor"]
        person.name, person.email = "王小芳", "xiaofang.w@dealer.example"
        person.mobile = "13812345678"
        person.save()
    return account


@pytest.mark.parametrize(
    "password",
    [
        "short-pass1",
        "Password2026!",
        "p@ssw0rd-p@ssw0rd",
        "qwertyuiop123",
        "1234567890123456",
        "abcdefghijkl",
        "aaaaaaaaaaaaaaaa",
        "iloveyouiloveyou",
        "monkey123456",
        "letmeinletmein",
        "88888888888888",
        "correct horse battery staple " * 5,
        "zxcvbnmasdfghjkl",
    ],
)
def test_what_attackers_try_first_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password)


@pytest.mark.parametrize(
    "password",
    [
        "my-advisor-secret",
        "xx王小芳yy一二三四五六七",
        "13812345678-car",
        "hello.xiaofang.1",
        "Group-of-cars-77",
    ],
)
def test_parts_of_the_person_are_refused(advisor: Account, password: str) -> None:
    validate_password(password)
    with pytest.raises(ValidationError, match=r"部分|part"):
        validate_password(password, advisor)


@pytest.mark.parametrize(
    "password", [NEW, OLD, "清晨的雨落在老城的石板路上", "kq7 fj2 pw9 xz4", "MontagsIstRuhetag"]
)
def test_long_ones_of_any_kind_are_accepted(advisor: Account, password: str) -> None:
    validate_password(password, advisor)


def signed_in(password: str = OLD) -> Client:
    client = Client()
    client.cookies["django_language"] = "en"
    client.post("/sign-in", {"username": "advisor", "password": password, "next": "/x"})
    return client


def change(client: Client, old: str = OLD, new: str = NEW) -> Any:
    data = {"old_password": old, "new_password1": new, "new_password2": new}
    return client.post("/account/password", data)


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def test_changing_it_signs_the_other_devices_out(advisor, group) -> None:
    mine, other = signed_in(), signed_in()
    assert change(mine)["Location"] == "/account/"
    assert (is_in(mine), is_in(other)) == (True, False)
    advisor.refresh_from_db()
    assert advisor.check_password(NEW)
    with entered(group.system):
        assert AuditEvent.objects.filter(action="password_changed").count() == 1


@pytest.mark.parametrize(("old", "new"), [("wrong", NEW), (OLD, "short"), (OLD, "Password2026!")])
def test_a_refused_change_changes_nothing(advisor, group, old: str, new: str) -> None:
    client = signed_in()
    assert 'class="errors"' in change(client, old, new).content.decode()
    advisor.refresh_from_db()
    assert advisor.check_password(OLD)


def test_the_old_password_is_not_guessed_here_either(advisor) -> None:
    client = signed_in()
    for _ in range(10):
        change(client, "wrong")
    assert "Too many attempts" in change(client).content.decode()
    advisor.refresh_from_db()
    assert advisor.check_password(OLD)


def make_link(group: Group, client: Client) -> str:
    page = client.post(
        f"/people/{group.staff['advisor'].pk}/sign-in/change", {"do": "link"}
    ).content.decode()
    return page.split("http://testserver")[1].split("<")[0]


def follow(link: str, password: str = NEW) -> Any:
    browser = Client()
    form = browser.get(link)
    if form.status_code != 302:
        return form
    return browser.post(form["Location"], {"new_password1": password, "new_password2": password})


def test_the_link_sets_a_password_once(advisor, group, client_of) -> None:
    device = signed_in()
    link = make_link(group, client_of("admin"))
    assert follow(link)["Location"] == "/sign-in"
    assert not is_in(device)
    assert is_in(signed_in(NEW))
    assert follow(link, "another-verandah-58").status_code == 200
    advisor.refresh_from_db()
    assert advisor.check_password(NEW)
    with entered(group.system):
        actions = list(AuditEvent.objects.values_list("action", flat=True))
    assert actions.count("password_link_made") == actions.count("password_reset") == 1


def test_the_link_keeps_its_secret_out_of_the_next_address(advisor, group, client_of) -> None:
    browser = Client()
    link = make_link(group, client_of("admin"))
    shown = browser.get(link)
    assert link.rsplit("/", 1)[1] not in shown["Location"]


@pytest.mark.parametrize(("minutes", "good"), [(59, True), (61, False)])
def test_the_link_is_good_for_an_hour(advisor, monkeypatch, minutes: int, good: bool) -> None:
    now = PasswordResetTokenGenerator()._now()
    earlier = now - timedelta(minutes=minutes)
    monkeypatch.setattr(PasswordResetTokenGenerator, "_now", lambda self: earlier)
    link = link_to(advisor)
    monkeypatch.setattr(PasswordResetTokenGenerator, "_now", lambda self: now)
    assert (follow(link).status_code == 302) is good


def test_a_link_obeys_the_policy(advisor, group, client_of) -> None:
    assert follow(make_link(group, client_of("admin")), "advisor-advisor").status_code == 200
    advisor.refresh_from_db()
    assert advisor.check_password(OLD)


@pytest.mark.parametrize("link", ["MQ/x-y", "!!!/x-y", "OTk5OTk5/cmd-set-password"])
def test_a_made_up_link_opens_nothing(db: None, link: str) -> None:
    page = Client().get(f"/sign-in/password/{link}")
    assert page.status_code == 200
    assert "new_password1" not in page.content.decode()


def test_only_administrators_make_links(advisor, group, client_of) -> None:
    address = f"/people/{group.staff['advisor'].pk}/sign-in/change"
    for username in ("ceo", "store_manager", "steward", "auditor"):
        assert client_of(username).post(address, {"do": "link"}).status_code == 403


def test_a_closed_account_gets_no_link(advisor, group, client_of) -> None:
    link = make_link(group, client_of("admin"))
    Account.objects.filter(pk=advisor.pk).update(is_active=False)
    assert follow(link).status_code == 200
    address = f"/people/{group.staff['advisor'].pk}/sign-in/change"
    assert client_of("admin").post(address, {"do": "link"}).status_code == 302

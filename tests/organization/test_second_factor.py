"""The second factor: the arithmetic of RFC 6238, the step at sign-in, and whose role needs it."""

import base64
import re
import time

import pytest
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from organization import second_factor
from organization.access import entered
from organization.audit import ROW_ACTIONS
from organization.models import Account, Assignment, AuditEvent, SecondFactor
from organization.sealing import unseal
from organization.second_factor import accept, code_at, set_up, step_of
from organization.signing_in import PENDING
from tests.factories import Group

PASSWORD = "correct horse battery"
# RFC 6238, appendix B, SHA-1; six of its eight digits.
SECRET = base64.b32encode(b"12345678901234567890").decode()
RFC_6238 = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]


@pytest.mark.parametrize(("instant", "code"), RFC_6238)
def test_the_codes_are_those_of_the_standard(instant: int, code: str) -> None:
    assert code_at(SECRET, instant) == code
    assert step_of(SECRET, code, instant) == instant // 30


@pytest.mark.parametrize(("seconds", "good"), [(-31, True), (0, True), (31, True), (75, False)])
def test_a_clock_may_be_off_by_half_a_minute(seconds: int, good: bool) -> None:
    now = 1_800_000_000 + 10
    assert (step_of(SECRET, code_at(SECRET, now + seconds), now) is not None) is good


@given(st.text(max_size=12))
def test_any_other_text_is_no_code(typed: str) -> None:
    plain = "".join(typed.split())
    expected = plain in {code_at(SECRET, 59 + 30 * d) for d in (-1, 0, 1)}
    assert (step_of(SECRET, typed, 59) is not None) is expected


@pytest.fixture
def steward(group: Group, settings) -> Account:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    for account in group.accounts.values():
        account.set_password(PASSWORD)
    Account.objects.bulk_update(group.accounts.values(), ["password"])
    return group.accounts["steward"]


@pytest.fixture
def client() -> Client:
    client = Client()
    client.cookies["django_language"] = "en"
    return client


def first_step(client: Client, username: str = "steward"):
    data = {"username": username, "password": PASSWORD, "next": "/organization/"}
    return client.post("/sign-in", data)


def trail(group: Group) -> list[str]:
    with entered(group.system):
        events = AuditEvent.objects.exclude(action__startswith=ROW_ACTIONS).order_by("pk")
        return list(events.values_list("action", flat=True))


def secret_on(page: str) -> str:
    return re.search(r'<code class="break">([A-Z2-7 ]+)</code>', page)[1].replace(" ", "")


def enrolled(group: Group, account: Account) -> list[str]:
    with entered(group.system):
        return set_up(account, SECRET, 0)


@pytest.mark.parametrize("username", ["ceo", "steward", "admin"])
def test_after_the_password_nobody_is_signed_in_yet(steward, group, client, username) -> None:
    assert first_step(client, username)["Location"] == "/sign-in/code"
    assert "_auth_user_id" not in client.session
    assert client.get("/organization/").status_code == 302
    assert client.get("/api/v1/units/").status_code == 401
    assert trail(group) == []


@pytest.mark.parametrize("username", ["advisor", "store_manager", "analyst", "auditor"])
def test_other_roles_go_on_with_the_password(steward, client, username: str) -> None:
    assert first_step(client, username)["Location"] == "/organization/"


def test_switched_off_the_password_is_enough(steward, client, settings) -> None:
    settings.SECOND_FACTOR = False
    assert first_step(client)["Location"] == "/organization/"


def test_the_first_sign_in_sets_the_app_up_and_shows_the_recovery_codes(
    steward, group, client
) -> None:
    first_step(client)
    page = client.get("/sign-in/code").content.decode()
    secret = secret_on(page)
    picture = client.get("/sign-in/code.svg")
    assert picture["Content-Type"] == "image/svg+xml"
    assert b"<svg" in picture.content
    done = client.post("/sign-in/code", {"code": code_at(secret, time.time())})
    codes = re.findall(r"<code>([a-z2-7-]{19})</code>", done.content.decode())
    assert len(set(codes)) == 10
    assert "no-store" in done["Cache-Control"]
    assert client.get("/organization/").status_code == 200
    assert trail(group) == ["signin", "second_factor_set_up"]
    with entered(group.system):
        factor = SecondFactor.objects.get(account=steward)
    assert unseal(factor.sealed_secret) == secret
    assert secret.encode() not in bytes(factor.sealed_secret)
    assert not set(codes) & set(factor.recovery_hashes)
    assert client.get("/sign-in/code.svg").status_code == 404


def test_a_wrong_code_sets_nothing_up(steward, group, client) -> None:
    first_step(client)
    client.get("/sign-in/code")
    assert "not accepted" in client.post("/sign-in/code", {"code": "000000"}).content.decode()
    with entered(group.system):
        assert not SecondFactor.objects.exists()
    assert trail(group) == ["second_factor_failed"]


def test_a_code_of_the_app_signs_in_under_a_new_key(steward, group, client) -> None:
    enrolled(group, steward)
    first_step(client)
    before = client.session.session_key
    answer = client.post("/sign-in/code", {"code": code_at(SECRET, time.time())})
    assert answer["Location"] == "/organization/"
    assert client.session.session_key != before
    assert PENDING not in client.session
    with entered(group.system):
        assert AuditEvent.objects.get(action="signin").detail["second"] == "app"


def test_a_code_is_good_once(steward, group) -> None:
    enrolled(group, steward)
    now = time.time()
    with entered(group.system):
        assert accept(steward, code_at(SECRET, now), now) == "app"
        assert accept(steward, code_at(SECRET, now), now) is None
        assert accept(steward, code_at(SECRET, now - 30), now) is None
        assert accept(steward, code_at(SECRET, now + 30), now) == "app"


def test_a_recovery_code_signs_in_once(steward, group, client) -> None:
    codes = enrolled(group, steward)
    first_step(client)
    assert client.post("/sign-in/code", {"code": codes[3].upper()}).status_code == 302
    other = Client()
    first_step(other)
    assert other.post("/sign-in/code", {"code": codes[3]}).status_code == 200
    assert "_auth_user_id" not in other.session
    with entered(group.system):
        assert len(SecondFactor.objects.get().recovery_hashes) == 9


def test_one_persons_recovery_code_is_nobody_elses(steward, group) -> None:
    codes = enrolled(group, group.accounts["ceo"])
    enrolled(group, steward)
    with entered(group.system):
        assert accept(steward, codes[0]) is None


def test_the_sixth_code_is_refused_even_if_right(steward, group, client) -> None:
    enrolled(group, steward)
    first_step(client)
    for _ in range(5):
        client.post("/sign-in/code", {"code": "000000"})
    answer = client.post("/sign-in/code", {"code": code_at(SECRET, time.time())})
    assert (answer.status_code, answer["Retry-After"]) == (429, "900")
    assert "_auth_user_id" not in client.session
    first_step(client)  # the password again gives no further codes
    assert client.post("/sign-in/code", {"code": "000000"}).status_code == 429
    assert trail(group) == ["second_factor_failed"] * 5 + ["second_factor_locked"]


@pytest.mark.parametrize("change", ["ten minutes", "password", "closed"])
def test_a_half_done_sign_in_ends(steward, group, client, monkeypatch, change: str) -> None:
    enrolled(group, steward)
    first_step(client)
    if change == "ten minutes":
        session = client.session
        session[PENDING] = {**session[PENDING], "until": time.time() - 1}
        session.save()
    elif change == "password":
        steward.set_password("another correct horse")
        steward.save()
    else:
        Account.objects.filter(pk=steward.pk).update(is_active=False)
    answer = client.post("/sign-in/code", {"code": code_at(SECRET, time.time())})
    assert answer["Location"] == "/sign-in"
    assert "_auth_user_id" not in client.session


def test_without_a_password_first_there_is_no_second_step(db: None, client) -> None:
    assert client.get("/sign-in/code")["Location"] == "/sign-in"
    assert client.get("/sign-in/code.svg").status_code == 404


def test_a_role_that_comes_to_need_it_meets_it_in_an_open_session(steward, group, client) -> None:
    first_step(client, "advisor")
    assert client.get("/organization/").status_code == 403  # an advisor does not administer
    with entered(group.system):
        Assignment.objects.filter(staff=group.staff["advisor"]).update(role="data_steward")
    assert client.get("/organization/")["Location"] == "/account/second-factor"
    refused = client.get("/api/v1/units/")
    assert (refused.status_code, refused["Content-Type"]) == (403, "application/json")
    page = client.get("/account/second-factor").content.decode()
    code = code_at(secret_on(page), time.time())
    assert client.post("/account/second-factor", {"code": code}).status_code == 200
    assert client.get("/organization/").status_code == 200


def test_anybody_may_have_one_and_remove_it(steward, group, client, monkeypatch) -> None:
    first_step(client, "advisor")
    secret = secret_on(client.get("/account/second-factor").content.decode())
    now = time.time()
    client.post("/account/second-factor", {"code": code_at(secret, now)})
    assert first_step(Client(), "advisor")["Location"] == "/sign-in/code"
    wrong = client.post("/account/second-factor", {"code": "000000", "do": "remove"})
    assert wrong.status_code == 200
    monkeypatch.setattr(second_factor.time, "time", lambda: now + 60)
    right = {"code": code_at(secret, now + 60), "do": "remove"}
    assert client.post("/account/second-factor", right)["Location"] == "/account/"
    monkeypatch.undo()
    assert first_step(Client(), "advisor")["Location"] == "/organization/"
    assert trail(group)[:3] == ["signin", "second_factor_set_up", "second_factor_removed"]


def test_who_must_have_one_cannot_remove_it(steward, group, client_of) -> None:
    enrolled(group, steward)
    client = client_of("steward")
    client.post("/account/second-factor", {"code": code_at(SECRET, time.time()), "do": "remove"})
    with entered(group.system):
        assert SecondFactor.objects.filter(account=steward).exists()


def test_the_secret_is_behind_row_security(steward, group, other_group) -> None:
    enrolled(group, steward)
    with entered(other_group.system), connection.cursor() as cursor:
        cursor.execute("select count(*) from organization_secondfactor")
        assert cursor.fetchone()[0] == 0


def test_the_demonstration_says_that_it_is_off(db: None, client, settings) -> None:
    words = "the second factor is switched off"
    assert words not in client.get("/sign-in").content.decode()
    settings.PARCFOLIO_DEMO, settings.SECOND_FACTOR = True, False
    assert words in client.get("/sign-in").content.decode()


def test_the_navigation_of_a_signed_in_person_leads_to_it(steward, client) -> None:
    first_step(client, "advisor")
    page = client.get("/account/").content.decode()
    assert 'href="/account/second-factor"' in page
    assert 'href="/account/"' in page

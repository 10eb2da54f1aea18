"""API tokens: what one opens, never more than its owner or its own limits, and how it ends."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from config.api.authentication import PerCaller
from organization.access import Capability, entered
from organization.models import Account, ApiToken, Assignment, AuditEvent
from organization.roles import access_of
from organization.tokens import find_token, make_token, narrowed
from tests.api.conftest import RESOURCES
from tests.factories import Group, add_person


@pytest.fixture(autouse=True)
def fresh_counts() -> None:
    cache.clear()


def token(group: Group, username: str, suffix: str | None = None, **changed: Any) -> str:
    values: dict[str, Any] = {"scope": "read", "days": 30, **changed}
    units = [] if suffix is None else [group.units[suffix].pk]
    with entered(group.system):
        return make_token(group.accounts[username], "test", units=units, **values).text


def get(text: str, resource: str = "customers", client: Client | None = None) -> Any:
    headers = {"Authorization": f"Bearer {text}"}
    return (client or Client()).get(f"/api/v1/{resource}/", headers=headers)


def names(answer: Any) -> set[str]:
    assert answer.status_code == 200, answer.content
    return {row["name"] for row in answer.json()["results"]}


def changed(group: Group, **values: Any) -> None:
    with entered(group.system):
        ApiToken.objects.update(**values)


@pytest.mark.parametrize("username", ["advisor", "region_east", "ceo", "analyst", "steward"])
@pytest.mark.parametrize("resource", RESOURCES)
def test_it_reads_what_its_owner_reads(served, client_of, username: str, resource: str) -> None:
    by_session = client_of(username).get(f"/api/v1/{resource}/")
    by_token = get(token(served, username), resource)
    assert (by_token.status_code, by_token.content) == (by_session.status_code, by_session.content)


def test_limited_to_a_unit_it_reads_no_other(served) -> None:
    assert len(get(token(served, "ceo")).json()["results"]) == 2
    [only] = get(token(served, "ceo", "-S1")).json()["results"]
    assert only["home_store"] == "XQ-S1"
    assert len(get(token(served, "region_east", "-E")).json()["results"]) == 2


def test_a_limit_beyond_the_owners_units_opens_nothing(served) -> None:
    assert get(token(served, "advisor", "-S2")).status_code == 403
    assert len(get(token(served, "advisor", "")).json()["results"]) == 1


def test_an_owner_who_loses_the_role_takes_the_token_along(served) -> None:
    text = token(served, "advisor")
    assert get(text).status_code == 200
    with entered(served.system):
        Assignment.objects.filter(staff=served.staff["advisor"]).update(valid_to="2021-01-01")
    assert get(text).status_code == 403


@pytest.mark.parametrize("end", ["expired", "revoked", "closed"])
def test_it_ends(served, end: str) -> None:
    text = token(served, "advisor")
    if end == "expired":
        changed(served, expires_at=timezone.now() - timedelta(seconds=1))
    elif end == "revoked":
        changed(served, revoked_at=timezone.now())
    else:
        Account.objects.filter(pk=served.accounts["advisor"].pk).update(is_active=False)
    answer = get(text)
    assert (answer.status_code, answer["WWW-Authenticate"][:6]) == (401, "Bearer")


def made_up(group: Group) -> list[str]:
    right = token(group, "advisor")
    head, number, secret = right.split("_", 2)
    other = f"{head}_{int(number) + 1}_{secret}"
    return [right[:-1], right + "x", right.upper(), other, "parc_1_x", "", "x", f"{head}__{secret}"]


def test_anything_else_is_refused_even_beside_a_session(served, client_of) -> None:
    for text in made_up(served):
        assert get(text).status_code == 401, text
        assert get(text, client=client_of("ceo")).status_code == 401, text


def test_a_token_beside_a_session_acts_alone(served, client_of) -> None:
    [only] = get(token(served, "advisor"), client=client_of("ceo")).json()["results"]
    assert only["home_store"] == "XQ-S1"


@pytest.mark.parametrize("path", ["/", "/customers/", "/account/", "/people/", "/audit/"])
def test_it_opens_no_page(served, path: str) -> None:
    headers = {"Authorization": f"Bearer {token(served, 'admin')}"}
    assert Client().get(path, headers=headers).status_code == 302


def test_another_group_is_not_reached(served, other_group) -> None:
    assert names(get(token(other_group, "ceo"))) == set()


def test_it_is_kept_as_a_hash_behind_row_security(served, other_group) -> None:
    text = token(served, "advisor")
    with entered(served.system), connection.cursor() as cursor:
        cursor.execute("select t::text from organization_apitoken t")
        [(row,)] = cursor.fetchall()
        assert text not in row
        assert text.split("_", 2)[2][4:] not in row
    with entered(other_group.system):
        assert not ApiToken.objects.exists()


def test_a_programs_reading_carries_no_power_over_people_or_numbers(served) -> None:
    from datetime import date

    for scope in ("read", "write"):
        for username in served.accounts:
            found = find_token(token(served, username, scope=scope), "10.0.0.1")
            with entered(served.system):
                own = access_of(served.accounts[username], date(2026, 3, 1))
                access = narrowed(own, found)
            assert access.capabilities <= own.capabilities
            assert not [c for c in access.capabilities if c.startswith(("approve", "request"))]
            for never in ("REVEAL_CONTACT", "ADMINISTER", "HANDLE_PRIVACY", "SEE_AUDIT"):
                assert not access.may(Capability[never])
            if scope == "read":
                assert all(c.startswith("see_") for c in access.capabilities)


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("write", 405)])
def test_only_the_scope_write_gets_as_far_as_writing(served, scope: str, status: int) -> None:
    """The API has no resource to write to yet: 405 is DRF's answer once the scope lets it by."""
    text = token(served, "ceo", scope=scope)
    answer = Client(enforce_csrf_checks=True).post(
        "/api/v1/customers/", headers={"Authorization": f"Bearer {text}"}
    )
    assert answer.status_code == status


def test_its_last_use_is_kept(served) -> None:
    text = token(served, "advisor")
    get(text)
    with entered(served.system):
        row = ApiToken.objects.get()
    assert row.last_address == "127.0.0.1"
    assert timezone.now() - row.last_used_at < timedelta(minutes=1)


def test_each_token_has_its_own_rate(served, client_of, monkeypatch) -> None:
    monkeypatch.setattr(PerCaller, "rate", "3/min", raising=False)
    busy, other = token(served, "advisor"), token(served, "advisor")
    assert [get(busy).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert int(get(busy)["Retry-After"]) <= 60
    assert get(other).status_code == 200
    assert client_of("advisor").get("/api/v1/customers/").status_code == 200


def form(client: Client, **changed: Any) -> Any:
    values = {"name": "月报", "scope": "read", "unit": "", "days": "90", **changed}
    return client.post("/account/tokens", values)


def text_on(page: str) -> str:
    return page.split('<code class="break">')[1].split("<")[0]


def test_it_is_made_shown_once_listed_and_revoked(served, client_of) -> None:
    client = client_of("advisor")
    text = text_on(form(client).content.decode())
    assert get(text).status_code == 200
    page = client.get("/account/tokens").content.decode()
    assert text not in page
    assert text[:12] in page
    with entered(served.system):
        row = ApiToken.objects.get()
    client_of("steward").post("/account/tokens/revoke", {"token": row.pk})
    assert get(text).status_code == 200
    client.post("/account/tokens/revoke", {"token": row.pk})
    assert get(text).status_code == 401
    with entered(served.system):
        actions = AuditEvent.objects.filter(action__startswith="token_").order_by("pk")
        assert [a.action for a in actions] == ["token_made", "token_revoked"]
        assert text not in str([event.detail for event in AuditEvent.objects.all()])


@pytest.mark.parametrize(
    "values", [{"days": "0"}, {"days": "367"}, {"name": ""}, {"scope": "all"}, {"unit": "foreign"}]
)
def test_a_form_that_asks_too_much_makes_none(served, client_of, values: dict[str, str]) -> None:
    if values.get("unit"):
        values = {"unit": str(served.units["-S2"].pk)}
    form(client_of("advisor"), **values)
    with entered(served.system):
        assert not ApiToken.objects.exists()


def test_an_administrator_revokes_it(served, client_of) -> None:
    with entered(served.system):
        add_person(served, "admin_n", "administrator", "-N")
    text = token(served, "advisor")
    with entered(served.system):
        pk = ApiToken.objects.get().pk
    address = f"/people/{served.staff['advisor'].pk}/sign-in/change"
    assert client_of("admin_n").post(address, {"do": "token", "token": pk}).status_code == 404
    assert get(text).status_code == 200
    client_of("admin").post(address, {"do": "token", "token": pk})
    assert get(text).status_code == 401

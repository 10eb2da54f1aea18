"""What every answer has: a tag of its content, the rate left, and errors of one shape."""

from datetime import date
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from customers.models import (
    BrandPolicy,
    Comparable,
    Customer,
    MarketingSpend,
    MonthlyFinancials,
    Target,
    Visit,
    VisitLine,
)
from organization.access import entered
from tests.api.conftest import rows
from tests.api.posting import Poster, bearer
from tests.factories import Group


@pytest.fixture(autouse=True)
def fresh_counts() -> None:
    cache.clear()


@pytest.fixture
def kept(served: Group) -> Group:
    """Of every other kind of record one row at S1 and one at S2."""
    with entered(served.system):
        for suffix in ("-S1", "-S2"):
            place = {"tenant": served.tenant, "store": served.units[suffix]}
            visit = Visit.objects.get(store=served.units[suffix])
            month = date(2026, 3, 1)
            VisitLine.objects.create(
                **place, visit=visit, line_no="1", description="换机油", cost_fen=7
            )
            MarketingSpend.objects.create(**place, month=month, channel="search", amount_fen=9)
            unit = {"tenant": served.tenant, "unit": served.units[suffix]}
            MonthlyFinancials.objects.create(**unit, month=month, scope="store", revenue_fen=3)
            Target.objects.create(**unit, month=month, metric="nps", value=60)
        BrandPolicy.objects.create(
            tenant=served.tenant, unit=served.units["-LUX"], valid_from=date(2020, 1, 1)
        )
        Comparable.objects.create(tenant=served.tenant, name="Peer", as_of=date(2026, 1, 1))
    return served


@pytest.mark.parametrize("resource", ["visit_lines", "marketing", "financials", "targets"])
def test_a_store_reads_its_own_rows_of_every_kind(kept, client_of, resource: str) -> None:
    assert len(rows(client_of("store_manager"), resource)) == 1
    assert len(rows(client_of("ceo"), resource)) == 2


@pytest.mark.parametrize(
    ("resource", "query", "count"),
    [
        ("visit_lines", {"store": "XQ-S1"}, 1),
        ("visit_lines", {"day_from": "2026-03-02"}, 0),
        ("financials", {"unit": "XQ-S2", "scope": "store"}, 1),
        ("financials", {"month_from": "2026-04-01"}, 0),
        ("targets", {"metric": "nps"}, 2),
        ("marketing", {"channel": "search", "store": "XQ-S1"}, 1),
        ("policies", {"division": "XQ-LUX"}, 1),
        ("comparables", {"name": "Peer"}, 1),
        ("visits", {"vin": "LSVAA4182E2123451"}, 1),
        ("visits", {"kind": "other", "status": "closed"}, 2),
        ("visits", {"ro_no": "RO1"}, 1),
    ],
)
def test_they_can_be_narrowed(kept, client_of, resource, query, count: int) -> None:
    assert len(rows(client_of("ceo"), resource, **query)) == count


def test_costs_and_words_of_lines_are_shown_by_role(kept, client_of) -> None:
    [advisor] = rows(client_of("advisor"), "visit_lines")
    assert "cost_fen" not in advisor
    assert advisor["description"] == "换机油"
    assert {line["description"] for line in rows(client_of("ceo"), "visit_lines")} == {""}
    assert rows(client_of("store_manager"), "visit_lines")[0]["cost_fen"] == 7


def test_staff_are_read_by_who_loads_them(kept, client_of) -> None:
    people = {one["username"]: one for one in rows(client_of("steward"), "staff")}
    assert people["advisor"]["assignments"][0]["unit"] == "XQ-S1"
    assert len(rows(client_of("steward"), "staff", role="manager", unit="XQ-S1")) == 1
    assert client_of("store_manager").get("/api/v1/staff/").status_code == 403


def test_only_what_changed_since_is_read(served, client_of) -> None:
    ceo = client_of("ceo")
    with entered(served.system):
        before = timezone.now()
        Visit.objects.filter(store=served.units["-S1"]).update(mileage_km=5)
        Customer.objects.filter(home_store=served.units["-S1"]).update(city="上海")
    for resource in ("visits", "customers"):
        assert len(rows(ceo, resource, updated_since=before.isoformat())) == 1
        assert len(rows(ceo, resource)) == 2


def test_an_update_that_changes_nothing_is_none(served, client_of) -> None:
    with entered(served.system):
        before = timezone.now()
        for visit in Visit.objects.all():
            Visit.objects.filter(pk=visit.pk).update(ro_no=visit.ro_no)
    assert rows(client_of("ceo"), "visits", updated_since=before.isoformat()) == []


@pytest.mark.parametrize(
    ("instant", "status"),
    [
        ("0248-11-29T14:44:29-23:15", 200),
        ("2026-03-01T00:00:00+08:00", 200),
        ("2026-03-01", 200),
        ("0001-01-01T00:00:00+23:00", 400),
        ("9999-12-31T23:59:59-23:00", 400),
        ("10000-01-01T00:00:00Z", 400),
    ],
)
def test_any_instant_is_answered(served, client_of, instant: str, status: int) -> None:
    answer = client_of("ceo").get("/api/v1/visits/", {"updated_since": instant})
    assert answer.status_code == status


# ETag


def test_an_unchanged_answer_is_304_without_a_body(served, client_of) -> None:
    client = client_of("ceo")
    first = client.get("/api/v1/visits/")
    tag = first["ETag"]
    assert tag.startswith('W/"')
    again = client.get("/api/v1/visits/", headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    several = client.get("/api/v1/visits/", headers={"If-None-Match": f'"x", {tag[2:]}'})
    assert several.status_code == 304
    with entered(served.system):
        Visit.objects.update(mileage_km=77)
    changed = client.get("/api/v1/visits/", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed["ETag"] != tag


def test_who_is_shown_less_has_another_tag(served, client_of) -> None:
    path = "/api/v1/customers/?home_store=XQ-S1"
    tag = client_of("advisor").get(path)["ETag"]
    assert client_of("ceo").get(path, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("tag", ["", "x", 'W/"', '"', "W/", ",", "*", 'W/"0"' * 500])
def test_any_text_in_the_header_is_answered(served, client_of, tag: str) -> None:
    answer = client_of("ceo").get("/api/v1/visits/", headers={"If-None-Match": tag})
    assert answer.status_code == (304 if tag == "*" else 200)


def test_a_refusal_has_no_tag_and_answers_are_not_shared(served, client_of) -> None:
    answer = client_of("admin").get("/api/v1/visits/")
    assert "ETag" not in answer
    assert answer["Cache-Control"] == "private, no-cache"
    assert {"Accept-Language", "Authorization", "Cookie"} <= set(answer["Vary"].split(", "))


# Rate and errors


def test_the_rate_left_is_told(served) -> None:
    poster = Poster(bearer(served, "ceo"))
    first, second = poster.get("/api/v1/units/"), poster.get("/api/v1/units/")
    left = [int(answer["RateLimit-Remaining"]) for answer in (first, second)]
    assert left == [int(first["RateLimit-Limit"]) - 1, left[0] - 1]
    assert 0 <= int(second["RateLimit-Reset"]) <= 60


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/visits/?shop=1", 400, "bad_parameter"),
        ("/api/v1/visits/?updated_since=yesterday", 400, "bad_parameter"),
        ("/api/v1/nothing/", 404, "not_found"),
        ("/api/v1/customers/7/", 404, "not_found"),
        ("/api/v1/imports/", 403, "forbidden"),
        ("/api/v1/visits/bulk", 403, "forbidden"),
    ],
)
def test_every_error_has_one_shape(served, client_of, path: str, status: int, code: str) -> None:
    for language, word in (("en", " "), ("zh-CN", "请")):
        answer = client_of("ceo").get(path, headers={"Accept-Language": language})
        found: dict[str, Any] = answer.json()
        assert (answer.status_code, found["status"], found["code"]) == (status, status, code)
        assert answer["Content-Type"] == "application/problem+json"
        assert {"type", "title", "detail", "errors", "advice"} <= set(found)
        assert word in found["title"] + found["advice"]


def test_signed_out_and_wrong_methods_have_it_too(served, client_of) -> None:
    for answer in (
        Client().get("/api/v1/visits/"),
        Client().get("/api/v1/visits/", headers={"Authorization": "Bearer x"}),
        client_of("ceo").delete("/api/v1/visits/"),
    ):
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["advice"]

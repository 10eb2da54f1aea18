"""Reading: what each role reads, and what it never does."""

from base64 import b64encode
from datetime import date
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from organization.access import entered
from organization.models import Grant
from tests.api.conftest import RESOURCES, VIN, rows, uid_of
from tests.factories import make_customer, make_vehicle, make_visit


@pytest.mark.parametrize("resource", RESOURCES)
def test_signed_out_the_answer_is_401_in_json_and_nothing_is_read(served, resource: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        answer = Client().get(f"/api/v1/{resource}/")
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert len(queries) == 0


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_written(served, client_of, resource: str, method: str) -> None:
    assert getattr(client_of("admin"), method)(f"/api/v1/{resource}/").status_code in {403, 405}
    assert getattr(client_of("ceo"), method)(f"/api/v1/{resource}/").status_code == 405


@pytest.mark.parametrize("resource", RESOURCES[1:-2])
def test_a_store_reads_its_own_rows_only(served, client_of, resource: str) -> None:
    assert len(rows(client_of("advisor"), resource)) == 1
    assert len(rows(client_of("region_east"), resource)) == 2
    assert len(rows(client_of("ceo"), resource)) == 2


@pytest.mark.parametrize("resource", RESOURCES)
def test_another_group_reads_nothing_of_it(served, other_group, client_of, resource: str) -> None:
    found = rows(client_of("ceo", other_group), resource)
    assert all(row["code"].startswith("YH") for row in found) if resource == "units" else not found


@pytest.mark.parametrize("username", ["auditor", "admin"])
@pytest.mark.parametrize("resource", RESOURCES[1:-1])
def test_roles_without_customers_are_refused(served, client_of, resource, username) -> None:
    answer = client_of(username).get(f"/api/v1/{resource}/")
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")


def test_another_stores_customer_is_404(served, client_of) -> None:
    foreign, own = uid_of(served, "李伟"), uid_of(served, "王小芳")
    client = client_of("advisor")
    assert client.get(f"/api/v1/customers/{own}/").status_code == 200
    hidden = client.get(f"/api/v1/customers/{foreign}/")
    missing = client.get("/api/v1/customers/00000000-0000-4000-8000-000000000000/")
    assert (hidden.status_code, hidden.content) == (404, missing.content)


def test_another_stores_customer_does_not_answer_through_a_filter(served, client_of) -> None:
    foreign = uid_of(served, "李伟")
    assert rows(client_of("advisor"), "visits", customer=foreign) == []
    assert rows(client_of("advisor"), "visits", store="XQ-S2") == []


@pytest.mark.parametrize(
    ("username", "name", "plate", "vin", "comment"),
    [
        ("advisor", "王小芳", "沪A12341", VIN[:-1] + "1", "谢谢王师傅"),
        ("ceo", "王**", "沪A***41", "***3451", ""),
        ("analyst", "王**", "沪A***41", "***3451", ""),
    ],
)
def test_names_are_masked_by_role(
    served, client_of, username: str, name: str, plate: str, vin: str, comment: str
) -> None:
    client = client_of(username)
    assert rows(client, "customers", home_store="XQ-S1")[0]["name"] == name
    [vehicle] = [v for v in rows(client, "vehicles") if v["plate"].endswith("1")]
    assert (vehicle["plate"], vehicle["vin"]) == (plate, vin)
    assert rows(client, "visits", store="XQ-S1")[0]["vin"] == vin
    assert rows(client, "surveys", store="XQ-S1")[0]["comment"] == comment


def test_a_grant_to_see_customers_shows_no_names_to_a_role_without_them(served, client_of) -> None:
    with entered(served.system):
        Grant.objects.create(
            tenant=served.tenant,
            staff=served.staff["auditor"],
            capability="see_customers",
            unit=served.units["-S1"],
            reason="annual audit",
            granted_by=served.staff["admin"],
            approved_by=served.staff["ceo"],
            valid_from=date(2020, 1, 1),
            valid_to=date(2100, 1, 1),
        )
    client = client_of("auditor")
    assert {c["name"] for c in rows(client, "customers")} == {""}
    assert {(v["vin"], v["plate"]) for v in rows(client, "vehicles")} == {("", "")}


def test_a_vehicle_is_found_by_its_whole_plate(served, client_of) -> None:
    assert len(rows(client_of("ceo"), "vehicles", plate="沪A12341")) == 1
    assert rows(client_of("ceo"), "vehicles", plate="沪A1234") == []
    assert rows(client_of("advisor"), "vehicles", plate="沪A12342") == []


def test_a_vehicle_names_its_owner(served, client_of) -> None:
    [vehicle] = rows(client_of("advisor"), "vehicles")
    assert vehicle["owner"] == uid_of(served, "王小芳")


def test_cost_is_for_those_who_see_values(served, client_of) -> None:
    assert "cost_fen" not in rows(client_of("advisor"), "visits")[0]
    assert rows(client_of("store_manager"), "visits")[0]["cost_fen"] == 50_000
    assert "commission_fen" not in rows(client_of("advisor"), "contracts")[0]


@pytest.mark.parametrize(
    ("resource", "query", "count"),
    [
        ("customers", {"tag": "at_risk"}, 2),
        ("customers", {"tag": "lost"}, 0),
        ("customers", {"home_store": "XQ-S2"}, 1),
        ("visits", {"day_from": "2026-03-01", "day_to": "2026-03-01"}, 2),
        ("visits", {"day_from": "2026-03-02"}, 0),
        ("contracts", {"ends_from": "2026-11-01", "ends_to": "2026-12-01"}, 2),
        ("events", {"kind": "complaint"}, 2),
        ("units", {"level": "store"}, 4),
        ("units", {"parent": "XQ-E"}, 2),
    ],
)
def test_lists_can_be_narrowed(served, client_of, resource, query, count: int) -> None:
    assert len(rows(client_of("ceo"), resource, **query)) == count


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ({"day_form": "2026-03-01"}, "day_form"),
        ({"day_from": "1 March"}, "day_from"),
        ({"customer": "7"}, "customer"),
    ],
)
def test_a_misspelt_filter_is_refused(served, client_of, query, key: str) -> None:
    answer = client_of("ceo").get("/api/v1/visits/", query)
    assert answer.status_code == 400
    assert [one["where"] for one in answer.json()["errors"]] == [f"query.{key}"]


@pytest.mark.parametrize(
    ("since", "status"),
    [
        ("2020-01-01T00:00:00+08:00", 200),
        ("2020-01-01T00:00:00-17:15", 200),  # PostgreSQL itself ends at 16 hours
        ("0001-01-01T00:00:00+23:00", 400),
        ("9999-12-31T23:59:59-23:00", 400),
        ("yesterday", 400),
    ],
)
def test_since_takes_any_offset(served, client_of, since: str, status: int) -> None:
    answer = client_of("ceo").get("/api/v1/customers/", {"updated_since": since})
    assert answer.status_code == status


def test_pages_follow_without_gap(served, client_of) -> None:
    with entered(served.system):
        for i in range(7):
            make_customer(served, "-S1", f"客户{i}")
    client = client_of("advisor")
    seen, address = [], "/api/v1/customers/?page_size=3"
    while address:
        page = client.get(address).json()
        seen += [row["uid"] for row in page["results"]]
        address = page["next"]
    assert len(seen) == len(set(seen)) == 8


@pytest.mark.parametrize("resource", ["customers", "vehicles", "visits"])
def test_the_number_of_queries_does_not_grow(served, client_of, resource: str) -> None:
    client = client_of("region_east")
    with CaptureQueriesContext(connection) as few:
        rows(client, resource)
    with entered(served.system):
        for i in range(5):
            customer = make_customer(served, "-S1")
            vehicle = make_vehicle(served, customer, f"LSVAA4182E299999{i}", date(2022, 1, 1))
            make_visit(served, customer, date(2026, 4, 1), vehicle=vehicle)
    with CaptureQueriesContext(connection) as many:
        rows(client, resource)
    assert len(many) == len(few)


@pytest.mark.parametrize("position", ["abc", "-1", "1' or 1=1", "９", "9" * 40, ""])
def test_an_altered_cursor_is_refused(served, client_of, position: str) -> None:
    cursor = b64encode(urlencode({"p": position}).encode()).decode()
    answer = client_of("ceo").get("/api/v1/visits/", {"cursor": cursor})
    assert answer.status_code in {200, 404}
    assert len(answer.json().get("results", [])) <= 2


@pytest.mark.parametrize(
    "address",
    [
        *("units/%00/", "units/x%00y/", "valuations/%00/", "customers/7/", "scores/x/"),
        *("visits/?store=%00", "vehicles/?plate=%00", "visits/?page_size=x", "visits/?cursor=x"),
    ],
)
def test_nonsense_is_a_4xx(served, client_of, address: str) -> None:
    answer = client_of("ceo").get(f"/api/v1/{address}")
    assert answer.status_code in {400, 404}


def test_units_are_those_of_the_access(group, client_of) -> None:
    assert {u["code"] for u in rows(client_of("advisor"), "units")} == {"XQ-S1"}
    assert len(rows(client_of("ceo"), "units")) == 10
    assert client_of("advisor").get("/api/v1/units/XQ-S2/").status_code == 404


def test_every_address_starts_from_the_root(served, client_of) -> None:
    client = client_of("ceo")
    root = client.get("/api/v1/").json()
    assert set(RESOURCES) < set(root["resources"])
    for address in [*root["resources"].values(), root["schema"]]:
        assert client.get(address).status_code in (200, 403), address
    assert root["bulk"]["visits"] == "http://testserver/api/v1/visits/bulk"
    assert Client().get("/api/v1/").status_code == 401


@pytest.mark.parametrize("size", ["abc", "0", "-5", "1.5", ""])
def test_a_page_size_that_is_none_is_refused_rather_than_replaced(
    served, client_of, size: str
) -> None:
    answer = client_of("ceo").get("/api/v1/visits/", {"page_size": size})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["where"] == "query.page_size"

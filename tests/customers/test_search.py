"""Search by what an advisor can read off a car or a phone; the list with its filters and orders."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from customers.models import ContactPoint, Customer, CustomerSource, Vehicle
from customers.search import Query
from organization.access import Access, entered
from tests.customers.records import (
    ago,
    make_contact,
    make_regular,
    make_score,
    make_score_set,
    make_tag,
)
from tests.factories import Group, make_customer, make_visit

pytestmark = pytest.mark.urls("tests.customers.urls")
OTHER_VIN = "LSVAA49J132047371"


@pytest.fixture
def people(group: Group) -> dict[str, Customer]:
    with entered(group.system):
        wang, _ = make_regular(group, name="王芳")
        li, _ = make_regular(
            group, name="李伟", vin=OTHER_VIN, plate="粤BD98765", number="13800138765"
        )
        far, _ = make_regular(
            group,
            "-S2",
            name="王强",
            vin="LFV2A21K6A3000007",
            plate="沪C77777",
            number="13600007777",
        )
    return {"王芳": wang, "李伟": li, "王强": far}


def listed(client: Client, **query: str) -> list[str]:
    """Names on the page; of a single hit the name at the top of the profile it goes to."""
    response = client.get("/customers/", query, HTTP_ACCEPT_LANGUAGE="en", follow=True)
    assert response.status_code == 200
    if response.redirect_chain:
        return [response.context["name"]]
    return [line.name for line in response.context["lines"]]


@pytest.mark.parametrize(
    "typed",
    [
        "沪A12345",
        "沪a·12345",
        " 沪A 12345 ",
        "12345",
        "2345",
        "345",
        "5678",  # mobile
        "345678",
        "13912345678",
        "139 1234 5678",
        "LATPAB071W1005301",
        "latpab071w1005301",
        "005301",
        "5301",
        "王芳",
        "王",
    ],
)
def test_one_customer_is_found_and_opened(
    client_of: Any, people: dict[str, Customer], typed: str
) -> None:
    response = client_of("advisor").get("/customers/", {"q": typed})
    assert response.status_code == 302
    assert response["Location"] == f"/customers/{people['王芳'].uid}/"


def test_several_hits_are_listed_and_other_stores_are_not(
    client_of: Any, people: dict[str, Customer]
) -> None:
    with entered(Access.system(people["王芳"].tenant_id, "test")):
        make_contact(people["李伟"], "13712345678", "phone2")
    assert set(listed(client_of("advisor"), q="5678")) == {"王芳", "李伟"}
    assert listed(client_of("advisor"), q="77777") == []
    assert set(listed(client_of("division_lux"), q="王")) == {"王芳", "王强"}


@pytest.mark.parametrize("typed", ["9", "99", "a1"])
def test_too_little_is_not_searched(
    client_of: Any, people: dict[str, Customer], typed: str
) -> None:
    response = client_of("advisor").get("/customers/", {"q": typed}, HTTP_ACCEPT_LANGUAGE="en")
    assert "Type at least three" in response.content.decode()
    assert response.context["lines"] == []


@pytest.mark.parametrize("typed", ["%", "_", "' or 1=1 --", "王芳%", "**", "沪A1234_"])
def test_signs_of_other_languages_find_nobody(
    client_of: Any, people: dict[str, Customer], typed: str
) -> None:
    assert listed(client_of("advisor"), q=typed) == []


def test_identity_numbers_are_not_searched(client_of: Any, people: dict[str, Customer]) -> None:
    with entered(Access.system(people["王芳"].tenant_id, "test")):
        make_contact(people["王芳"], "110101199003074258", "id_number")
    assert listed(client_of("advisor"), q="4258") == []


def test_filters_by_tag_and_store(client_of: Any, people: dict[str, Customer]) -> None:
    with entered(Access.system(people["王芳"].tenant_id, "test")):
        make_tag(people["王芳"], "overdue")
        make_tag(people["王强"], "overdue")
    manager = client_of("division_lux")
    for sort in ("last_visit", "name"):
        assert set(listed(manager, tag="overdue", sort=sort)) == {"王芳", "王强"}
        assert listed(manager, tag="overdue", store="XQ-S2", sort=sort) == ["王强"]
        assert set(listed(manager, store="XQ-S1", sort=sort)) == {"王芳", "李伟"}
    assert set(listed(client_of("advisor"), tag="overdue")) == {"王芳"}
    assert set(listed(client_of("advisor"), tag="no_such_tag")) == {"王芳", "李伟"}


def test_orders(client_of: Any, group: Group, people: dict[str, Customer]) -> None:
    with entered(group.system):
        make_visit(group, people["李伟"], ago(1))
        score_set = make_score_set(group)
        for name, value in (("王芳", 900), ("李伟", 100), ("王强", 500)):
            make_score(score_set, people[name], ltv_fen=value)
    manager = client_of("division_lux")
    assert listed(manager, sort="last_visit")[0] == "李伟"
    assert listed(manager, sort="name") == ["李伟", "王强", "王芳"]  # by code point
    assert listed(manager, sort="value") == ["王芳", "王强", "李伟"]


def test_value_is_no_order_and_no_column_for_advisors(
    client_of: Any, group: Group, people: dict[str, Customer]
) -> None:
    with entered(group.system):
        make_visit(group, people["李伟"], ago(1))
        make_score(make_score_set(group), people["王芳"], ltv_fen=987_654_00)
    response = client_of("advisor").get("/customers/?sort=value", HTTP_ACCEPT_LANGUAGE="en")
    html = response.content.decode()
    assert [line.name for line in response.context["lines"]] == ["李伟", "王芳"]
    assert "Lifetime value" not in html
    assert "988k" not in html


def test_pages_hold_fifty_and_show_everybody_once(client_of: Any, group: Group) -> None:
    with entered(group.system):
        for number in range(120):
            customer = make_customer(group, name=f"客户{number:03d}")
            make_visit(group, customer, ago(number // 2), ro_no=f"A{number}")
            make_visit(group, customer, ago(300), ro_no=f"B{number}")
    for sort in ("last_visit", "name"):
        pages = [listed(client_of("advisor"), sort=sort, page=str(n)) for n in (1, 2, 3, 4)]
        assert [len(page) for page in pages] == [50, 50, 20, 0]
        assert len({name for page in pages for name in page}) == 120


def test_test_records_are_not_listed(client_of: Any, group: Group) -> None:
    with entered(group.system):
        make_visit(group, make_customer(group, name="测试", is_test=True), ago(3))
    for sort in ("last_visit", "name"):
        assert listed(client_of("advisor"), sort=sort) == []


@pytest.mark.parametrize(
    ("typed", "code", "key"),
    [
        ("沪A·12345", "沪A12345", "沪a·12345"),
        ("ＡＢＣ１", "ABC1", "abc1"),
        ("Li  Wei", "LIWEI", "liwei"),
    ],
)
def test_what_is_typed_is_normalised(typed: str, code: str, key: str) -> None:
    query = Query.of(typed)
    assert (query.code, query.name_key) == (code, key)


def _fill(group: Group) -> None:
    """Enough rows for an index to pay."""
    store = group.units["-S1"]
    numbers = range(5_000)
    customers = Customer.objects.bulk_create(
        Customer(tenant=group.tenant, name_key=f"n{n}", home_store=store, stores=[store.pk])
        for n in numbers
    )
    common = {"tenant": group.tenant, "store": store}
    sources = CustomerSource.objects.bulk_create(
        CustomerSource(**common, customer=one, customer_no=str(one.pk), kind="person")
        for one in customers
    )
    ContactPoint.objects.bulk_create(
        ContactPoint(
            **common,
            customer=one.customer,
            source=one,
            kind="mobile",
            sealed=b"sealed",
            lookup=one.pk.to_bytes(16, "big"),
            tail=f"{one.pk % 10_000:04d}",
        )
        for one in sources
    )
    Vehicle.objects.bulk_create(
        Vehicle(
            tenant=group.tenant,
            vin=f"{n:017d}",
            vin_tail=f"{n:06d}",
            plate=f"沪A{n:05d}",
            plate_tail=f"{n:05d}",
            stores=[store.pk],
        )
        for n in numbers
    )
    source = make_customer(group).sources.get()
    rest = {"tenant": group.tenant, "store": store, "customer_id": source.customer_id}
    sources = CustomerSource.objects.bulk_create(
        CustomerSource(customer_no=f"F{n}", kind="person", **rest) for n in numbers
    )
    ContactPoint.objects.bulk_create(
        ContactPoint(
            source=one, kind="mobile", sealed=b"", lookup=b"%d" % n, tail=f"{n:04d}", **rest
        )
        for n, one in enumerate(sources)
    )


@pytest.mark.parametrize(
    ("condition", "index", "table"),
    [
        ("tail = '4678'", "contact_by_", "customers_contactpoint"),
        (r"lookup = '\x00'", "contact_by_lookup", "customers_contactpoint"),
        ("plate_tail in ('12345', 'A2345')", "vehicle_by_plate_tail", "customers_vehicle"),
        ("vin_tail in ('005301')", "vehicle_by_vin_tail", "customers_vehicle"),
        ("plate = '沪A12345'", "vehicle_by_plate", "customers_vehicle"),
        ("name_key ^@ '王'", "customer_by_name", "customers_customer"),
    ],
)
def test_predicates_reach_their_index_under_row_security(
    group: Group, condition: str, index: str, table: str
) -> None:
    access = Access(tenant_id=group.tenant.pk, label="t", units=frozenset({group.units["-S1"].pk}))
    with entered(group.system), connection.cursor() as cursor:
        _fill(group)
        # Another test's import may have told the planner that the tables are empty.
        cursor.execute("select customers_refresh_statistics()")
    with entered(access), connection.cursor() as cursor:
        # What may reach the index is asked, not what a table of this size costs.
        cursor.execute("select customers_refresh_statistics()")
        cursor.execute("set local enable_seqscan = off")
        cursor.execute(
            f"explain select id from {table} where tenant_id = {group.tenant.pk} and {condition}"
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    conditions = [line for line in plan.split("\n") if "Index Cond" in line]
    column = condition.split()[0]
    assert index in plan
    assert any(column in line for line in conditions), plan


@pytest.mark.parametrize("sort", ["last_visit", "name"])
def test_insurers_and_the_group_itself_are_found_but_not_listed(
    client_of: Any, group: Group, people: dict[str, Customer], sort: str
) -> None:
    with entered(group.system):
        for name, kind in (("平安保险", "insurer"), ("本店", "internal")):
            make_visit(group, make_customer(group, name=name, kind=kind), ago(1))
    client = client_of("advisor")
    assert set(listed(client, sort=sort)) == {"王芳", "李伟"}
    assert listed(client, q="平安") == ["平安保险"]


@pytest.mark.parametrize(("username", "said"), [("ceo", "脱敏数据"), ("advisor", "手机后四位")])
def test_who_finds_nobody_is_told_what_would_find_somebody(
    client_of: Any, group: Group, username: str, said: str
) -> None:
    assert said in client_of(username).get("/customers/?q=9999").content.decode()

"""The read-only API: what each role reads, and what it never does."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.models import FloatField, IntegerField
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.models import Contract, CustomerTag, Event, Survey
from ml.models import ModelVersion, Score, ScoreSet, TrainingRun
from organization.access import entered
from organization.models import Grant
from tests.factories import Group, make_customer, make_vehicle, make_visit
from valuation.models import Assumptions, Valuation, ValuedUnit

RESOURCES = (
    *("units", "customers", "vehicles", "visits", "surveys", "contracts", "events", "scores"),
    "valuations",
)
VIN = "LSVAA4182E2123456"


def rows(client: Client, resource: str, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/{resource}/", query)
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


@pytest.fixture
def served(group: Group) -> Group:
    """王小芳 with one of everything at store S1, 李伟 with one of everything at S2."""
    with entered(group.system):
        for suffix, name, tail in (("-S1", "王小芳", "1"), ("-S2", "李伟", "2")):
            store = group.units[suffix]
            customer = make_customer(group, suffix, name)
            common: dict[str, Any] = {"tenant": group.tenant, "store": store, "customer": customer}
            noon = datetime(2026, 3, 1, 4, tzinfo=UTC)
            vehicle = make_vehicle(
                group, customer, VIN[:-1] + tail, date(2022, 1, 1), plate=f"沪A1234{tail}"
            )
            make_visit(group, customer, date(2026, 3, 1), vehicle=vehicle, cost_fen=50_000)
            Survey.objects.create(
                **common,
                survey_no="S",
                sent_at=noon,
                day=noon.date(),
                score=9,
                comment="谢谢王师傅",
            )
            Contract.objects.create(
                **common,
                contract_no="C",
                source=customer.sources.get(),
                type="insurance",
                ends_on=date(2026, 12, 1),
                price_fen=5,
                commission_fen=2,
            )
            Event.objects.create(
                **common, event_no="E", kind="complaint", happened_at=noon, day=noon.date()
            )
            CustomerTag.objects.create(**common, code="at_risk", as_of=noon.date())
    return group


def uid_of(group: Group, name: str) -> str:
    from customers.models import Customer

    with entered(group.system):
        return str(Customer.objects.get(name=name).uid)


@pytest.mark.parametrize("resource", RESOURCES)
def test_signed_out_the_answer_is_401_in_json_and_nothing_is_read(served, resource: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        answer = Client().get(f"/api/v1/{resource}/")
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/json")
    assert answer["WWW-Authenticate"].startswith("Session")
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
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/json")


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
    assert list(answer.json()) == [key]


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


def test_units_are_those_of_the_access(group, client_of) -> None:
    assert {u["code"] for u in rows(client_of("advisor"), "units")} == {"XQ-S1"}
    assert len(rows(client_of("ceo"), "units")) == 10
    assert client_of("advisor").get("/api/v1/units/XQ-S2/").status_code == 404


@pytest.fixture
def scored(served: Group) -> Group:
    """Two published sets and a later held one; both customers are scored in each."""
    from customers.models import Customer

    with entered(served.system):
        for month, status in ((1, "published"), (2, "published"), (3, "held")):
            run = TrainingRun.objects.create(
                tenant=served.tenant,
                as_of=date(2026, month, 1),
                config_hash="h",
                requested_by="test",
            )
            fit = ModelVersion.objects.create(
                tenant=served.tenant,
                run=run,
                kind="lifetime_value",
                name="x",
                version="1",
                as_of=run.as_of,
                data_hash="h",
                converged=True,
            )
            score_set = ScoreSet.objects.create(
                tenant=served.tenant,
                run=run,
                as_of=run.as_of,
                horizon_months=60,
                status=status,
                data_hash="h",
                model_version=f"m{month}",
                published_at=datetime(2026, month, 2, tzinfo=UTC) if status != "held" else None,
            )
            with connection.cursor() as cursor:
                cursor.execute("select ml_create_score_partition(%s)", [score_set.pk])
            for customer in Customer.objects.all():
                Score.objects.create(
                    tenant=served.tenant,
                    store=customer.home_store,
                    score_set=score_set,
                    customer=customer,
                    fit=fit,
                    **_figures(month),
                )
    return served


def _figures(month: int) -> dict[str, Any]:
    """The figures that the API shows; every other number of the model is zero."""
    numbers = (FloatField, IntegerField)
    zero = {
        f.name: 0
        for f in Score._meta.concrete_fields
        if isinstance(f, numbers) and not f.null and not f.has_default()
    }
    return {
        **zero,
        "segment": "all",
        "born_on": date(2022, 1, 1),
        "in_churn_population": True,
        "ltv_fen": 100_000 * month,
        "visits_at_nodes": [0.0],
        "alive_at_nodes": [1.0],
        "risk": "high",
    }


def test_scores_are_those_of_the_current_set(scored, client_of) -> None:
    found = rows(client_of("region_east"), "scores")
    assert [(s["as_of"], s["ltv_fen"]) for s in found] == [("2026-02-01", 200_000)] * 2


def test_an_advisor_reads_risk_but_no_probability_and_no_value(scored, client_of) -> None:
    [score] = rows(client_of("advisor"), "scores")
    assert score["risk"] == "high"
    hidden = {"p_alive", "churn_12m", "expected_visits_12m", "expected_revenue_12m_fen"}
    hidden |= {"expected_margin_12m_fen", "ltv_fen"}
    assert not hidden & set(score)
    assert hidden <= set(rows(client_of("store_manager"), "scores")[0])


def test_another_stores_score_is_404(scored, client_of) -> None:
    client = client_of("advisor")
    assert client.get(f"/api/v1/scores/{uid_of(scored, '王小芳')}/").status_code == 200
    assert client.get(f"/api/v1/scores/{uid_of(scored, '李伟')}/").status_code == 404


def test_scores_are_paged(scored, client_of) -> None:
    client = client_of("ceo")
    first = client.get("/api/v1/scores/?page_size=1").json()
    second = client.get(first["next"]).json()
    assert first["results"][0]["customer"] != second["results"][0]["customer"]
    assert second["next"] is None


@pytest.fixture
def valued(scored: Group) -> Group:
    with entered(scored.system):
        assumptions = Assumptions.objects.create(
            tenant=scored.tenant, version=1, values={}, reason="test", author="test"
        )
        score_set = ScoreSet.objects.filter(status="published").latest("as_of")
        for month in (1, 2):
            valuation = Valuation.objects.create(
                tenant=scored.tenant,
                as_of=date(2026, month, 1),
                score_set=score_set,
                assumptions=assumptions,
                model_version="m",
                currency="CNY",
                input_hash=f"hash{month}",
                customers=2,
                author="test",
            )
            for suffix in ("", "-S1", "-S2"):
                ValuedUnit.objects.create(
                    tenant=scored.tenant,
                    valuation=valuation,
                    unit=scored.units[suffix],
                    customers=1,
                    monthly=[{"month": 1}],
                    seed_formula={},
                    bridge=[],
                    **dict.fromkeys(
                        ("expected_fen", "p5_fen", "p50_fen", "p95_fen", "undiscounted_fen"), month
                    ),
                )
    return scored


def test_the_latest_valuation_is_read_by_unit(valued, client_of) -> None:
    found = rows(client_of("store_manager"), "valuations")
    assert [(v["unit"], v["as_of"], v["expected_fen"]) for v in found] == [
        ("XQ-S1", "2026-02-01", 2)
    ]
    detail = client_of("store_manager").get("/api/v1/valuations/XQ-S1/").json()
    assert detail["monthly"] == [{"month": 1}]
    assert client_of("store_manager").get("/api/v1/valuations/XQ/").status_code == 404
    assert len(rows(client_of("auditor"), "valuations")) == 3


def test_values_are_not_for_advisors(valued, client_of) -> None:
    assert client_of("advisor").get("/api/v1/valuations/").status_code == 403

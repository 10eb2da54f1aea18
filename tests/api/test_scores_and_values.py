"""Scores of the current set and units of the latest valuation."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.models import FloatField, IntegerField

from customers.models import Customer
from ml.models import ModelVersion, Score, ScoreSet, TrainingRun
from organization.access import entered
from tests.api.conftest import rows, uid_of
from tests.factories import Group
from valuation.models import Assumptions, Valuation, ValuedUnit


@pytest.fixture
def scored(served: Group) -> Group:
    """Two published sets and a later held one; both customers are scored in each."""
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

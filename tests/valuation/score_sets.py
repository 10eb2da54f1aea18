"""A published score set made by hand, for tests of values whose arithmetic fits on paper."""

from datetime import date
from typing import Any

from django.db import connection
from django.utils import timezone

from customers.models import Customer
from ml.curves import CurveMap
from ml.models import ModelVersion, Score, ScoreSet, TrainingRun
from tests.factories import Group

AS_OF = date(2025, 1, 1)
MAP = CurveMap(bend=400.0, months=60)
PARAMETERS = {"r": 1.2, "alpha": 200.0, "a": 0.8, "b": 3.0, "modified": False}


def make_score_set(group: Group, as_of: date = AS_OF, horizon: int = 60) -> ScoreSet:
    """An empty published set; call inside an entered access."""
    run = TrainingRun.objects.create(
        tenant=group.tenant,
        as_of=as_of,
        config_hash=f"test {as_of}",
        status=TrainingRun.Status.PUBLISHED,
        requested_by="test",
    )
    score_set = ScoreSet.objects.create(
        tenant=group.tenant,
        run=run,
        as_of=as_of,
        horizon_months=horizon,
        status=ScoreSet.Status.PUBLISHED,
        data_hash="d" * 64,
        model_version=f"{as_of:%Y%m%d}.{run.pk}",
        published_at=timezone.now(),
    )
    with connection.cursor() as cursor:
        cursor.execute("select ml_create_score_partition(%s)", [score_set.pk])
    return score_set


def make_fit(
    score_set: ScoreSet,
    name: str = "LUX/person",
    *,
    converged: bool = True,
    parameters: dict[str, Any] = PARAMETERS,
) -> ModelVersion:
    return ModelVersion.objects.create(
        tenant_id=score_set.tenant_id,
        run=score_set.run,
        kind="lifetime_value",
        name=name,
        version=score_set.model_version,
        as_of=score_set.as_of,
        data_hash=score_set.data_hash,
        parameters={
            "map": CurveMap(MAP.bend, score_set.horizon_months).as_dict(),
            "chosen": {"model": "BG/NBD", "params": parameters},
        },
        status="converged" if converged else "at the bound",
        converged=converged,
    )


def steady_nodes(per_month: float, months: int = 60) -> list[float]:
    """Node values of someone who comes ``per_month`` times every month and never leaves.

    A straight line is only nearly a polynomial in the log of time: within 1e-4 of it.
    """
    days = CurveMap(MAP.bend, months).node_days
    return [float(per_month * day / 30.4375) for day in days]


def make_score(score_set: ScoreSet, fit: ModelVersion, customer: Customer, **values: Any) -> Score:
    """A customer who comes once in two months for ever, 1,000 yuan and 400 of margin a visit."""
    defaults: dict[str, Any] = {
        "store_id": customer.home_store_id,
        "segment": "person",
        "born_on": date(2022, 1, 1),
        "last_visit_on": date(2024, 12, 1),
        "frequency": 6,
        "recency_days": 1000,
        "age_days": 1096,
        "mean_spend_fen": 100_000,
        "p_alive": 1.0,
        "churn_12m": 0.2,
        "in_churn_population": True,
        "expected_visits_12m": 6.0,
        "expected_revenue_12m_fen": 600_000,
        "expected_margin_12m_fen": 240_000,
        "ltv_fen": 1_000_000,
        "visits_at_nodes": steady_nodes(0.5, score_set.horizon_months),
        "alive_at_nodes": [1.0] * 8,
        "cap_month": score_set.horizon_months,
        "revenue_per_visit": 1000.0,
        "margin_per_visit": 400.0,
    }
    score_set.customers += 1
    score_set.save()
    return Score.objects.create(
        tenant_id=score_set.tenant_id,
        score_set=score_set,
        customer=customer,
        fit=fit,
        **defaults | values,
    )

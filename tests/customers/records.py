"""Further records of a customer for the tests of pages; call inside an entered access."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from customers.models import (
    Consent,
    ContactPoint,
    Customer,
    CustomerTag,
    Event,
    FollowUp,
    Survey,
    Vehicle,
    VisitLine,
)
from customers.person_keys import ciphers
from ml.models import ModelVersion, Score, ScoreSet, TrainingRun
from organization.sealing import blind_index
from tests.factories import Group, make_customer, make_vehicle, make_visit

VIN = "LATPAB071W1005301"


def today() -> date:
    return timezone.localdate()


def ago(days: int) -> date:
    return today() - timedelta(days=days)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


def make_contact(customer: Customer, number: str, kind: str = "mobile") -> ContactPoint:
    source = customer.sources.get()
    return ContactPoint.objects.create(
        tenant=customer.tenant,
        store=source.store,
        customer=customer,
        source=source,
        kind=kind,
        sealed=ciphers(customer.tenant_id, [source.pk])[source.pk].seal(number),
        lookup=blind_index("phone", customer.tenant_id, number),
        tail=number[-4:],
    )


def make_consent(customer: Customer, purpose: str, given: bool) -> Consent:
    return Consent.objects.create(
        tenant=customer.tenant,
        store=customer.home_store,
        customer=customer,
        purpose=purpose,
        given=given,
        recorded_at=timezone.now(),
        origin="test",
    )


def make_event(customer: Customer, kind: str, day: date, **values: Any) -> Event:
    return Event.objects.create(
        tenant=customer.tenant,
        store=values.pop("store", customer.home_store),
        event_no=f"E{Event.objects.count() + 1}",
        customer=customer,
        kind=kind,
        day=day,
        happened_at=noon(day),
        **values,
    )


def make_survey(customer: Customer, day: date, score: int | None, **values: Any) -> Survey:
    return Survey.objects.create(
        tenant=customer.tenant,
        store=customer.home_store,
        survey_no=f"N{Survey.objects.count() + 1}",
        customer=customer,
        sent_at=noon(day),
        day=day,
        answered_at=None if score is None else noon(day),
        score=score,
        **values,
    )


def make_line(visit: Any, description: str, **values: Any) -> VisitLine:
    return VisitLine.objects.create(
        tenant=visit.tenant,
        store=visit.store,
        visit=visit,
        line_no=str(VisitLine.objects.count() + 1),
        description=description,
        **values,
    )


def make_follow_up(customer: Customer, reason: str = "due", **values: Any) -> FollowUp:
    return FollowUp.objects.create(
        tenant=customer.tenant,
        store=customer.home_store,
        customer=customer,
        reason=reason,
        due_on=values.pop("due_on", today()),
        **values,
    )


def make_tag(customer: Customer, code: str, **evidence: Any) -> CustomerTag:
    return CustomerTag.objects.create(
        tenant=customer.tenant,
        store=customer.home_store,
        customer=customer,
        code=code,
        evidence=evidence,
        as_of=today(),
    )


def make_score_set(group: Group, as_of: date | None = None) -> ScoreSet:
    run = TrainingRun.objects.create(
        tenant=group.tenant,
        as_of=as_of or today(),
        config_hash="0" * 64,
        status="published",
        requested_by="test",
    )
    score_set = ScoreSet.objects.create(
        tenant=group.tenant,
        run=run,
        as_of=as_of or today(),
        horizon_months=60,
        status="published",
        published_at=timezone.now(),
        data_hash="0" * 64,
        model_version="20261121.1",
    )
    with connection.cursor() as cursor:
        cursor.execute("select ml_create_score_partition(%s)", [score_set.pk])
    return score_set


def make_score(score_set: ScoreSet, customer: Customer, **values: Any) -> Score:
    fit = ModelVersion.objects.filter(run=score_set.run).first() or ModelVersion.objects.create(
        tenant=score_set.tenant,
        run=score_set.run,
        kind="lifetime_value",
        name="LUX/person",
        version="1",
        as_of=score_set.as_of,
        data_hash="0" * 64,
        converged=True,
    )
    plain: dict[str, Any] = {
        "segment": "person",
        "born_on": ago(1000),
        "frequency": 4,
        "recency_days": 900,
        "age_days": 1000,
        "mean_spend_fen": 100_000,
        "p_alive": 0.8642,
        "churn_12m": 0.7531,
        "in_churn_population": True,
        "expected_visits_12m": 1.37,
        "expected_revenue_12m_fen": 137_100,
        "expected_margin_12m_fen": 49_380,
        "ltv_fen": 123_456_00,
        "visits_at_nodes": [0.0],
        "alive_at_nodes": [1.0],
        "cap_month": 60,
        "revenue_per_visit": 1000.0,
        "margin_per_visit": 400.0,
        "grade": "B",
        "risk": "high",
        "reasons": [
            {
                "code": "silent_beyond_rhythm",
                "evidence": {"days_since_visit": 300.0, "mean_gap": 150},
            }
        ],
    }
    return Score.objects.create(
        tenant=score_set.tenant,
        store=customer.home_store,
        score_set=score_set,
        customer=customer,
        fit=fit,
        **plain | values,
    )


def make_regular(group: Group, suffix: str = "-S1", **values: Any) -> tuple[Customer, Vehicle]:
    """A customer with a mobile, a car bought three years ago, and two services at the store."""
    vin, plate = values.pop("vin", VIN), values.pop("plate", "沪A12345")
    number = values.pop("number", "13912345678")
    customer = make_customer(group, suffix, **values)
    vehicle = make_vehicle(
        group,
        customer,
        vin,
        ago(1095),
        plate=plate,
        series="A4L",
        service_interval_days=180,
        service_interval_km=10_000,
    )
    for days, km in ((560, 20_000), (200, 30_000)):
        visit = make_visit(
            group,
            customer,
            ago(days),
            vehicle=vehicle,
            kind="maintenance",
            mileage_km=km,
            ro_no=f"{vin[-6:]}-{days}",
        )
        make_line(visit, "小保养", kind="maintenance", op_code="M1")
    make_contact(customer, number)
    return customer, vehicle

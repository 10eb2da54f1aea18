"""A group whose data quality can be computed by hand."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from customers.models import (
    ContactPoint,
    Customer,
    CustomerSource,
    MonthlyFinancials,
    Ownership,
    Survey,
    Vehicle,
    Visit,
)
from tests.factories import Group, make_customer, make_vehicle, make_visit

AS_OF = date(2026, 11, 20)
YESTERDAY = AS_OF - timedelta(days=1)


def give_mobile(customer: Customer, lookup: bytes) -> None:
    source: CustomerSource = customer.sources.get()
    ContactPoint.objects.create(
        tenant_id=customer.tenant_id,
        store_id=source.store_id,
        customer=customer,
        source=source,
        kind="mobile",
        sealed=b"sealed",
        lookup=lookup,
        tail="5678",
    )


def book(group: Group, suffix: str, month: date, revenue_fen: int, **values: Any) -> None:
    MonthlyFinancials.objects.create(
        tenant=group.tenant,
        unit=group.units[suffix],
        month=month,
        scope="after_sales",
        revenue_fen=revenue_fen,
        **values,
    )


def ask(group: Group, customer: Customer | None, suffix: str, day: date, score: int | None) -> None:
    Survey.objects.create(
        tenant=group.tenant,
        store=group.units[suffix],
        survey_no=f"Q{Survey.objects.count() + 1}",
        customer=customer,
        sent_at=datetime(day.year, day.month, day.day, 4, tzinfo=UTC),
        day=day,
        score=score,
    )


def own(group: Group, customer: Customer, vehicle: Vehicle, start: date, end: date | None) -> None:
    source: CustomerSource = customer.sources.get()
    Ownership.objects.create(
        tenant=group.tenant,
        store=source.store,
        vehicle=vehicle,
        customer=customer,
        source=source,
        owned_from=start,
        owned_to=end,
    )


def two_stores(group: Group) -> dict[str, Any]:
    """S1 delivers until yesterday and meets its books; S2 stopped in June, 6% above its books."""
    wang = make_customer(group, "-S1", "王芳")
    li = make_customer(group, "-S2", "李强")
    car = make_vehicle(group, wang, "LATPAB071W1005301", date(2024, 1, 1), plate="京A12345")
    june, advisor = date(2026, 6, 10), group.staff["advisor"]
    make_visit(
        group, wang, june, 100_000, vehicle=car, mileage_km=9_000, advisor=advisor, cost_fen=60_000
    )
    make_visit(group, wang, YESTERDAY, 50_000, vehicle=car, mileage_km=8_000, advisor_name="张三")
    make_visit(group, li, june, 106_000)
    book(group, "-S1", date(2026, 6, 1), 100_000, parts_cost_fen=70_000)
    book(group, "-S2", date(2026, 6, 1), 100_000)
    return {"wang": wang, "li": li, "car": car, "visits": Visit.objects.order_by("pk")}

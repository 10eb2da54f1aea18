"""A small group in the tables, with enough history to be trained on."""

from datetime import date

import numpy as np
from django.utils import timezone

from config.bench.dealer_world import draw_block
from customers.models import Customer, CustomerSource, Ownership, Vehicle, Visit
from organization.access import entered
from tests.factories import Group

UNTIL = date(2025, 1, 1)
KINDS = ("maintenance", "repair", "accident")


def load(group: Group, customers: int = 900, seed: int = 5) -> None:
    """Customers of four stores with vehicles and visits, drawn as ``bench`` draws them."""
    stop = (UNTIL - date(1970, 1, 1)).days
    block = draw_block(0, customers, seed, stop, 4)
    stores = [group.units[suffix] for suffix in ("-S1", "-S2", "-S3", "-S4")]
    with entered(group.system):
        at = [stores[place % 4] for place in block.people["store"]]
        sold = [date.fromordinal(719163 + int(day)) for day in block.people["sold"]]
        people = Customer.objects.bulk_create(
            Customer(tenant=group.tenant, name=f"客{n}", home_store=s, stores=[s.pk])
            for n, s in enumerate(at)
        )
        sources = CustomerSource.objects.bulk_create(
            CustomerSource(
                tenant=group.tenant, store=s, customer=one, customer_no=f"C{n}", kind="person"
            )
            for n, (one, s) in enumerate(zip(people, at, strict=True))
        )
        vehicles = Vehicle.objects.bulk_create(
            Vehicle(
                tenant=group.tenant,
                vin=f"LTEST{n:012d}",
                vin_tail=f"{n:06d}",
                stores=[s.pk],
                built_on=day,
                warranty_until=date(day.year + 3, day.month, 1),
                service_interval_days=300,
            )
            for n, (s, day) in enumerate(zip(at, sold, strict=True))
        )
        Ownership.objects.bulk_create(
            Ownership(
                tenant=group.tenant,
                store=source.store,
                vehicle=vehicle,
                customer_id=source.customer_id,
                source=source,
                sold_on=day,
                owned_from=day,
            )
            for source, vehicle, day in zip(sources, vehicles, sold, strict=True)
        )
        Visit.objects.bulk_create(
            _visit(group, sources[row.person - 1], vehicles[row.person - 1], number, row)
            for number, row in enumerate(block.visits.itertuples(index=False))
        )


def _visit(
    group: Group, source: CustomerSource, vehicle: Vehicle, number: int, row: object
) -> Visit:
    day = date.fromordinal(719163 + int(row.day))  # type: ignore[attr-defined]
    kind = KINDS[row.kind]  # type: ignore[attr-defined]
    fen = int(row.fen)  # type: ignore[attr-defined]
    return Visit(
        tenant=group.tenant,
        store=source.store,
        ro_no=f"RO{number}",
        source=source,
        customer_id=source.customer_id,
        vehicle=vehicle,
        opened_at=timezone.make_aware(timezone.datetime(day.year, day.month, day.day, 10)),
        day=day,
        kind=kind,
        mileage_km=int(row.km),  # type: ignore[attr-defined]
        pay_customer_fen=0 if kind == "accident" else fen,
        pay_insurance_fen=fen if kind == "accident" else 0,
        cost_fen=int(np.round(fen * 0.58)),
    )

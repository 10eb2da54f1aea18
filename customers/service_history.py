"""Service history of vehicles as the frames that ``customers.due`` takes."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import pandas as pd
from django.db import connection

from customers.due import Policy, mileage_habits, next_due
from customers.models import BrandPolicy
from organization.access import Access
from organization.models import Unit

# A repair order counts as periodic service by its own kind or by one of its lines: the header's
# kind is a summary where the lines say more.
LAST_SERVICES = """
select distinct on (v.vehicle_id) v.vehicle_id, v.day, v.mileage_km
from customers_visit v
where v.tenant_id = %(tenant)s and v.status in ('open', 'closed') and {vehicles} and v.day < %(day)s
    and (v.kind in ('first_service', 'maintenance') or exists (
        select 1 from customers_visitline l where l.visit_id = v.id and not l.declined
            and l.kind in ('first_service', 'maintenance')))
order by v.vehicle_id, v.day desc, v.mileage_km desc nulls last
"""
# The newest reading may be older than two years; the habits need two years before it.
READINGS = """
select v.vehicle_id, v.day, v.mileage_km from customers_visit v
where v.tenant_id = %(tenant)s and v.mileage_km is not null and v.status in ('open', 'closed')
    and {vehicles} and v.day <= %(day)s
union all
select v.vehicle_id, v.sold_on, v.km_at_sale from customers_ownership v
where v.tenant_id = %(tenant)s and v.km_at_sale is not null and v.sold_on <= %(day)s and {vehicles}
"""
# One row a vehicle: its present owner, or the last known one.
VEHICLES = """
select distinct on (v.vehicle_id) v.vehicle_id, v.customer_id, v.store_id, c.model,
    c.service_interval_days, c.service_interval_km, v.km_at_sale,
    coalesce(v.sold_on, v.owned_from) as bought_on
from customers_ownership v join customers_vehicle c on c.id = v.vehicle_id
where v.tenant_id = %(tenant)s and {vehicles}
    and (v.owned_to is null or v.owned_to > %(day)s)
order by v.vehicle_id, coalesce(v.owned_from, v.sold_on) desc nulls last, v.id desc
"""


def service_due(
    access: Access, today: date, vehicle_ids: Sequence[int] | None = None
) -> pd.DataFrame:
    """Next service of the vehicles that somebody owns today; all of the group's or those given.

    Returns:
        Indexed by vehicle_id: the columns of :func:`customers.due.next_due` and customer_id,
        store_id (of the ownership), serviced, last_service_on, bought_on. Rows that ``access`` does
        not show do not count: a store sees its own services only.
    """
    owned = _fetch(VEHICLES, access, today, vehicle_ids)
    owned = owned.set_index("vehicle_id")
    services = _fetch(LAST_SERVICES, access, today, vehicle_ids).set_index("vehicle_id")
    readings = _fetch(READINGS, access, today, vehicle_ids).rename(columns={"mileage_km": "km"})
    habits = mileage_habits(readings.astype({"km": float}))
    last = services.reindex(owned.index)
    serviced = last["day"].notna()
    bought_on = pd.to_datetime(owned["bought_on"])
    service_on = pd.to_datetime(last["day"])
    frame = pd.DataFrame(
        {
            "division_id": owned["store_id"].map(_divisions(owned["store_id"].unique())),
            "model": owned["model"],
            "own_days": owned["service_interval_days"].astype(float),
            "own_km": owned["service_interval_km"].astype(float),
            "serviced": serviced,
            "start_on": service_on.where(serviced, bought_on),
            "start_km": last["mileage_km"]
            .astype(float)
            .where(serviced, owned["km_at_sale"].astype(float)),
        },
        index=owned.index,
    )
    due = next_due(frame, habits, policies(access), today)
    return due.assign(
        customer_id=owned["customer_id"],
        store_id=owned["store_id"],
        serviced=serviced,
        last_service_on=service_on,
        bought_on=bought_on,
    )


def policies(access: Access) -> list[Policy]:
    """The brand policies of the whole group, which every store works by."""
    return [
        Policy(
            p.unit_id,
            p.model,
            p.valid_from,
            p.service_interval_days,
            p.service_interval_km,
            p.first_service_days,
            p.first_service_km,
        )
        for p in BrandPolicy.objects.visible_to(access)
    ]


def _divisions(store_ids: Iterable[int]) -> dict[int, int]:
    """The division above each store; the group where there is none."""
    units = {u.pk: u for u in Unit.objects.only("id", "level", "path")}
    found = {}
    for store_id in store_ids:
        path = units[store_id].path
        above = [pk for pk in path if pk in units and units[pk].level == Unit.Level.DIVISION]
        found[store_id] = above[-1] if above else path[0]
    return found


def _fetch(
    query: str, access: Access, today: date, vehicle_ids: Sequence[int] | None
) -> pd.DataFrame:
    chosen = (
        "v.vehicle_id = any(%(ids)s)" if vehicle_ids is not None else "v.vehicle_id is not null"
    )
    values: dict[str, Any] = {"tenant": access.tenant_id, "day": today}
    if not access.reach.everything:
        chosen += " and v.store_id = any(%(stores)s)"
        values["stores"] = list(access.reach.ids)
    if vehicle_ids is not None:
        values["ids"] = list(vehicle_ids)
    with connection.cursor() as cursor:
        cursor.execute(query.format(vehicles=chosen), values)
        names = [column.name for column in cursor.description]
        return pd.DataFrame(cursor.fetchall(), columns=names)

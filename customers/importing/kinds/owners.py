"""Events that say a vehicle has changed its owner: one ownership ends, another begins.

The customer that the event names is the new owner, unless he held the vehicle before that day: then
he is the one who gave it up. Without a customer whoever held it before has given it up. What the
former owner had coming to him with the vehicle, his open follow-ups about it, ends with it. The two
stay two people: their periods do not overlap, so identity sees nothing shared.
"""

from typing import TYPE_CHECKING

from customers.importing.kinds.kind import Value, Write
from customers.importing.kinds.vehicles import refresh_vehicle_stores

if TYPE_CHECKING:
    from customers.importing.loading import Loading

# The events of the file, those of one vehicle in the order of their days.
_TURNS = """
create temp table import_turn as select r.row, r.vehicle_id, r.store_id, r.source_id, r.customer_id,
    r.happened_at::date as day,
    row_number() over (partition by r.vehicle_id order by r.happened_at, r.row) as place
from import_resolved r where r.kind = 'ownership_change' and r.vehicle_id is not null
"""
# Since when a number has held a vehicle: what its ownership says, else its first visit with it,
# else the day on which the store opened the number.
_HOLDING = """
create temp table import_holding as
select o.*, coalesce(o.owned_from, o.sold_on,
    (select min(v.day) from customers_visit v where v.tenant_id = $tenant
        and v.vehicle_id = o.vehicle_id and v.source_id = o.source_id),
    s.created_on, '-infinity') as since
from customers_ownership o join customers_customersource s on s.id = o.source_id
where o.tenant_id = $tenant and o.vehicle_id in (select vehicle_id from import_turn)
"""
# ``gives``: whether the customer named is the former owner. One event concerns several ownerships,
# so the rows that are written have numbers of their own, below those of the file.
_CHANGE = """
create temp table import_change as
with turn as (
    select t.*, exists (select from import_holding h where h.vehicle_id = t.vehicle_id
        and h.customer_id = t.customer_id and h.since < t.day
        and (h.owned_to is null or h.owned_to >= t.day)) as gives
    from import_turn t where t.place = {place}
)
select -row_number() over () as row, x.* from (
select t.row as event, h.vehicle_id, h.source_id, h.customer_id, h.store_id, h.owned_from,
    t.day as owned_to, true as ends
from turn t join import_holding h on h.vehicle_id = t.vehicle_id
where h.since < t.day and (h.owned_to is null or h.owned_to > t.day)
    and (t.customer_id is null or (h.customer_id = t.customer_id) = t.gives)
union all
select t.row, t.vehicle_id, t.source_id, t.customer_id, t.store_id, t.day, null::date, false
from turn t left join import_holding h
    on h.vehicle_id = t.vehicle_id and h.source_id = t.source_id
where t.source_id is not null and not t.gives
    and (h.id is null or h.owned_to <= t.day or (h.owned_from is null and h.sold_on is null))
) x
"""
_CORRECTED = """
create temp table import_moved as
select r.row, e.id, e.vehicle_id, e.source_id, e.day, r.happened_at::date as now,
    (r.kind, r.vehicle_id, r.customer_id) is distinct from
    ('ownership_change', e.vehicle_id, e.customer_id) as other
from import_resolved r join customers_event e on e.tenant_id = $tenant
    and e.store_id = r.store_id and e.event_no = r.event_no
where e.kind = 'ownership_change' and e.vehicle_id is not null
    and (r.kind, r.vehicle_id, r.customer_id, r.happened_at::date) is distinct from
    ('ownership_change', e.vehicle_id, e.customer_id, e.day)
"""


def take_back_corrected(loading: "Loading") -> None:
    """Before the events are written: what a former state of one of them ended or began moves to its
    new day; if it tells of something else now, what it ended is open again."""
    if not loading.run(_CORRECTED, temporary="import_moved"):
        return
    loading.upsert(
        Write(
            table="customers_ownership",
            key={"vehicle_id": "r.vehicle_id", "source_id": "r.source_id"},
            values={"owned_from": Value("r.owned_from"), "owned_to": Value("r.owned_to")},
            rows=(
                "(select -o.id as row, o.vehicle_id, o.source_id, min(case"
                " when o.owned_from = m.day and o.source_id = m.source_id and not m.other"
                " then m.now else o.owned_from end) as owned_from, min(case"
                " when o.owned_to <> m.day then o.owned_to when not m.other then m.now end)"
                " as owned_to from import_moved m join customers_ownership o"
                " on o.tenant_id = $tenant and o.vehicle_id = m.vehicle_id"
                " where m.day in (o.owned_from, o.owned_to) group by 1, 2, 3) r"
            ),
            record="ownership",
            inserts=False,
        )
    )


def change_owners(loading: "Loading") -> None:
    """After the events are written, in the order of their days."""
    if not loading.run(_TURNS, temporary="import_turn"):
        return
    [(places,)] = loading.rows("select max(place) from import_turn")
    for place in range(1, places + 1):
        loading.run(_HOLDING, temporary="import_holding")
        loading.run(_CHANGE.format(place=place), temporary="import_change")
        loading.upsert(
            Write(
                table="customers_ownership",
                key={"vehicle_id": "r.vehicle_id", "source_id": "r.source_id"},
                values={"owned_from": Value("r.owned_from"), "owned_to": Value("r.owned_to")},
                fixed={"customer_id": "r.customer_id", "store_id": "r.store_id"},
                rows="import_change r",
                record="ownership",
            )
        )
        loading.changed("select event from import_change")
        loading.run(
            "update customers_followup f set closed_at = now() from import_change c where c.ends"
            " and f.tenant_id = $tenant and f.customer_id = c.customer_id"
            " and f.vehicle_id = c.vehicle_id and f.closed_at is null"
        )
    refresh_vehicle_stores(
        loading,
        "select v.vin from customers_vehicle v where v.tenant_id = $tenant"
        " and v.id in (select vehicle_id from import_turn)",
    )

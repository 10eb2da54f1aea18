"""Events that say a vehicle has changed its owner: one ownership ends, another begins.

The customer that the event names is the new owner, unless he held the vehicle before that day: then
he is the one who gave it up. Without a customer whoever held it before has given it up. What the
former owner had coming to him with the vehicle, his open follow-ups about it, ends with it. The two
stay two people: their periods do not overlap, so identity sees nothing shared.

An event keeps in ``turned`` what the ownerships said that it changed. Where one is corrected, taken
back (``deleted``) or comes after a later one, what the vehicle's events did is undone in the order
from the last to the first, and told again from the first to the last: in whatever order the events
came, and whichever were taken back, the ownerships are those of the events that stand.
"""

# ruff: noqa: S608 - SQL is put together from this module's constants, never from cells.

from typing import TYPE_CHECKING

from customers.importing.kinds.kind import Value, Write
from customers.importing.kinds.vehicles import refresh_vehicle_stores

if TYPE_CHECKING:
    from customers.importing.loading import Loading

# Vehicles whose events are to be told anew: of events that say something else now, and of those
# that come before one that was told already.
_RETOLD = """
create temp table import_retold as
with said as (
    select r.kind, r.vehicle_id, r.happened_at::date as day, e.kind as former,
        e.vehicle_id as former_vehicle, e.id is null or (r.kind, r.vehicle_id, r.customer_id,
            r.happened_at::date) is distinct from (e.kind, e.vehicle_id, e.customer_id, e.day)
            as differs
    from import_resolved r left join customers_event e on e.tenant_id = $tenant
        and e.store_id = r.store_id and e.event_no = r.event_no
    where r.kind = 'ownership_change' or e.kind = 'ownership_change'
)
select former_vehicle as vehicle_id from said
where differs and former = 'ownership_change' and former_vehicle is not null
union
select s.vehicle_id from said s where differs and s.kind = 'ownership_change'
    and exists (select from customers_event t where t.tenant_id = $tenant
        and t.vehicle_id = s.vehicle_id and t.kind = 'ownership_change' and t.day >= s.day)
"""
_RETOLD_GONE = """
create temp table import_retold as
select distinct e.vehicle_id from import_gone g join customers_event e on e.id = g.id
where e.tenant_id = $tenant and e.kind = 'ownership_change' and e.vehicle_id is not null
"""
_TOLD = """
create temp table import_told as
select e.id as event, e.vehicle_id, e.day, e.turned, row_number() over (
    partition by e.vehicle_id order by e.happened_at desc, e.id desc) as place
from customers_event e where e.tenant_id = $tenant and e.turned is not null
    and e.vehicle_id in (select vehicle_id from import_retold)
"""
# What an ownership said before, where it still says what the event made of it. ``made``: there was
# none, and nothing but the event has spoken of it since.
_UNDONE = """
create temp table import_undone as
select o.id, o.vehicle_id, o.source_id, x.followups,
    x.made and o.owned_to is null and o.sold_on is null as made,
    case when x.ends then o.owned_from else x."from" end as owned_from, x."to" as owned_to
from import_told t,
    jsonb_to_recordset(t.turned) x(source bigint, ends boolean, made boolean, "from" date,
        "to" date, followups bigint[]), customers_ownership o
where t.place = {place} and o.tenant_id = $tenant and o.vehicle_id = t.vehicle_id
    and o.source_id = x.source
    and case when x.ends then o.owned_to = t.day else o.owned_from = t.day end
"""
_REOPENED = """
update customers_followup f set closed_at = null from import_undone u
where f.tenant_id = $tenant and f.id = any(u.followups) and not exists (
    select from customers_followup other where other.tenant_id = $tenant
        and other.customer_id = f.customer_id and other.reason = f.reason
        and other.closed_at is null)
"""
# All events of the vehicles concerned, those of one vehicle in the order of their days; ``row``:
# of the file, where it has the event.
_TURNS = """
create temp table import_turn as
select e.id as event, {row} as row, e.vehicle_id, e.store_id, e.source_id, e.customer_id, e.day,
    row_number() over (partition by e.vehicle_id order by e.happened_at, e.id) as place
from customers_event e {joins} where e.tenant_id = $tenant and e.kind = 'ownership_change'
    and e.vehicle_id in ({vehicles})
"""
_BESIDE_FILE = """left join import_resolved r on r.store_id = e.store_id
    and r.event_no = e.event_no"""
_OF_FILE = """select r.vehicle_id from import_resolved r where r.kind = 'ownership_change'
    and r.vehicle_id is not null union select vehicle_id from import_retold"""
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
select t.event, t.row as file_row, h.vehicle_id, h.source_id, h.customer_id, h.store_id,
    h.owned_from, t.day as owned_to, true as ends
from turn t join import_holding h on h.vehicle_id = t.vehicle_id
where h.since < t.day and (h.owned_to is null or h.owned_to > t.day)
    and (t.customer_id is null or (h.customer_id = t.customer_id) = t.gives)
union all
select t.event, t.row, t.vehicle_id, t.source_id, t.customer_id, t.store_id, t.day, null::date,
    false
from turn t left join import_holding h
    on h.vehicle_id = t.vehicle_id and h.source_id = t.source_id
where t.source_id is not null and not t.gives
    and (h.id is null or h.owned_to <= t.day or (h.owned_from is null and h.sold_on is null))
) x
"""
_COMING = """f.tenant_id = $tenant and f.customer_id = c.customer_id
    and f.vehicle_id = c.vehicle_id and f.closed_at is null"""
_NOTED = f"""
update customers_event e set turned = coalesce(e.turned, '[]') || n.turned from (
    select c.event, jsonb_agg(jsonb_build_object(
        'source', c.source_id, 'ends', c.ends, 'made', o.id is null, 'from', o.owned_from,
        'to', o.owned_to, 'followups', case when c.ends then (
            select coalesce(jsonb_agg(f.id order by f.id), '[]') from customers_followup f
            where {_COMING}) else '[]' end) order by c.row desc) as turned
    from import_change c left join customers_ownership o on o.tenant_id = $tenant
        and o.vehicle_id = c.vehicle_id and o.source_id = c.source_id
    group by 1) n
where e.tenant_id = $tenant and e.id = n.event
"""


def take_back_corrected(loading: "Loading") -> None:
    """Before the events of a file are written."""
    if loading.run(_RETOLD, temporary="import_retold"):
        _take_back(loading)


def change_owners(loading: "Loading") -> None:
    """After the events of a file are written, in the order of their days."""
    _tell(loading, _TURNS.format(row="r.row", joins=_BESIDE_FILE, vehicles=_OF_FILE))


def take_back_deleted(loading: "Loading") -> bool:
    """Before the events of ``import_gone`` go; whether :func:`tell_again` is called for."""
    if not loading.run(_RETOLD_GONE, temporary="import_retold"):
        return False
    _take_back(loading)
    return True


def tell_again(loading: "Loading") -> None:
    """After events were deleted: those of their vehicles that are left. What it changes is none of
    the rows that a ``deleted`` file is counted by."""
    vehicles = "select vehicle_id from import_retold"
    _tell(loading, _TURNS.format(row="null::bigint", joins="", vehicles=vehicles))
    loading.run("delete from import_outcome where row < 0")


def _ownerships(rows: str, *, inserts: bool) -> Write:
    return Write(
        table="customers_ownership",
        key={"vehicle_id": "r.vehicle_id", "source_id": "r.source_id"},
        values={"owned_from": Value("r.owned_from"), "owned_to": Value("r.owned_to")},
        fixed={"customer_id": "r.customer_id", "store_id": "r.store_id"} if inserts else {},
        rows=rows,
        record="ownership",
        inserts=inserts,
    )


def _take_back(loading: "Loading") -> None:
    """Undo what the events of the vehicles of ``import_retold`` did, the last one first."""
    if not loading.run(_TOLD, temporary="import_told"):
        return
    [(places,)] = loading.rows("select max(place) from import_told")
    for place in range(1, places + 1):
        loading.run(_UNDONE.format(place=place), temporary="import_undone")
        loading.remove(
            table="customers_ownership",
            record="ownership",
            rows="select id, -id as row from import_undone where made",
        )
        rows = "(select -id as row, * from import_undone where not made) r"
        loading.upsert(_ownerships(rows, inserts=False))
        loading.run(_REOPENED)
    loading.run(
        "update customers_event e set turned = null from import_told t"
        " where e.tenant_id = $tenant and e.id = t.event"
    )
    _refresh_stores(loading, "import_retold")


def _tell(loading: "Loading", turns: str) -> None:
    if not loading.run(turns, temporary="import_turn"):
        return
    [(places,)] = loading.rows("select max(place) from import_turn")
    for place in range(1, places + 1):
        loading.run(_HOLDING, temporary="import_holding")
        loading.run(_CHANGE.format(place=place), temporary="import_change")
        loading.run(_NOTED)
        loading.upsert(_ownerships("import_change r", inserts=True))
        loading.changed("select file_row from import_change where file_row is not null")
        loading.run(
            "update customers_followup f set closed_at = now() from import_change c where c.ends"
            f" and {_COMING}"
        )
    _refresh_stores(loading, "import_turn")


def _refresh_stores(loading: "Loading", table: str) -> None:
    refresh_vehicle_stores(
        loading,
        "select v.vin from customers_vehicle v where v.tenant_id = $tenant"
        f" and v.id in (select vehicle_id from {table})",
    )

"""Who is one customer, over numbers of which it is known: seconds, precision and recall.

The numbers are laid into the tables as an import leaves them, each a customer of his own; then the
one function runs that every import calls. Names and mobiles are real to the matching; what is
sealed is a dummy, since nothing is unsealed for it.
"""

from collections import Counter
from collections.abc import Hashable, Iterable
from datetime import date
from typing import Any

from django.db import connection

from config.bench.catalogue import Order
from config.bench.duplicates import STORES, Number, draw
from config.bench.group import memory
from config.bench.measurement import Effort, Stages
from customers.identity import (
    merge_on_strong_evidence,
    refresh_advisors,
    refresh_home_stores,
)
from customers.identity.similarity import name_key
from customers.importing.identifiers import id_number_lookup, phone_lookup
from organization.access import Access, entered, entered_installation
from organization.models import Tenant, Unit

# One number in so many changes in a night.
CHANGED = 100
_STAGED = (
    "create temp table bench_number (place bigint, store bigint, kind text, name text,"
    " name_key text, mobile bytea, mobile_tail text, id_number bytea, id_tail text, birth date,"
    " gender text, vin text, plate text, owned_from date, owned_to date)"
)
_LOAD = (
    "create temp table bench_ids as select place, nextval(pg_get_serial_sequence("
    "'customers_customer', 'id')) as customer, nextval(pg_get_serial_sequence("
    "'customers_customersource', 'id')) as source from (select place from bench_number"
    " order by place) n",
    "analyze bench_ids",
    "insert into customers_customer (id, tenant_id, uid, kind, name, name_key, gender, birth_date,"
    " city, home_store_id, stores, do_not_contact, is_test) select i.customer, %(tenant)s,"
    " gen_random_uuid(), n.kind, n.name, n.name_key, n.gender, n.birth, '', n.store,"
    " array[n.store], false, false from bench_number n join bench_ids i using (place)",
    "insert into customers_customersource (id, tenant_id, store_id, customer_id, customer_no, name,"
    " kind, address, city, gender, birth_date, origin_channel, referred_by) select i.source,"
    " %(tenant)s, n.store, i.customer, 'B' || n.place, n.name, n.kind, '', '', n.gender, n.birth,"
    " '', '' from bench_number n join bench_ids i using (place)",
    "insert into customers_contactpoint (tenant_id, store_id, customer_id, source_id, kind, sealed,"
    " lookup, tail) select %(tenant)s, n.store, i.customer, i.source, c.kind, '', c.lookup, c.tail"
    " from bench_number n join bench_ids i using (place) cross join lateral"
    " (values ('mobile', n.mobile, n.mobile_tail), ('id_number', n.id_number, n.id_tail))"
    " c(kind, lookup, tail) where c.lookup is not null",
    "insert into customers_consent (tenant_id, store_id, customer_id, purpose, given, recorded_at,"
    " origin) select %(tenant)s, n.store, i.customer, 'marketing', n.place %% 3 > 0, now(),"
    " 'import' from bench_number n join bench_ids i using (place)",
    "insert into customers_vehicle (tenant_id, vin, vin_tail, plate, plate_tail, brand, series,"
    " model, energy, usage, stores) select %(tenant)s, n.vin, right(n.vin, 6), min(n.plate),"
    " right(min(n.plate), 5), '', '', '', '', '', array_agg(distinct n.store)"
    " from bench_number n where n.vin is not null group by n.vin",
    "insert into customers_ownership (tenant_id, store_id, vehicle_id, customer_id, source_id,"
    " owned_from, owned_to) select %(tenant)s, n.store, v.id, i.customer, i.source, n.owned_from,"
    " n.owned_to from bench_number n join bench_ids i using (place)"
    " join customers_vehicle v on v.tenant_id = %(tenant)s and v.vin = n.vin",
    "drop table bench_number",
    "drop table bench_ids",
)


def measure(order: Order) -> dict[str, Any]:
    """Keys of the report: precision and recall over pairs of numbers, proposals, decisions.

    ``again`` matches the whole group a second time; ``increment`` what a night has changed.
    """
    stages = Stages()
    with stages.timed("draw"):
        numbers = draw(order.customers, order.seed)
    access = make_group()
    with stages.timed("load"), entered(access):
        load(access.tenant_id, numbers)
    found, used, effort = {}, memory(), Effort(_backend())
    with used, stages.timed("identity"), effort.counted("identity"):
        found["moved"] = match(access)
    with stages.timed("again"), effort.counted("again"):
        found["moved_again"] = match(access, whole=True)
    with entered(access):
        found |= counted(access.tenant_id) | judged(access.tenant_id, numbers)
        found["changed"] = change(access.tenant_id, order.customers // CHANGED)
    with stages.timed("increment"), effort.counted("increment"):
        found["moved_by_increment"] = match(access, loaded=False)
    return {"seconds": stages.seconds, "effort": effort.seconds, **used.figures(), **found}


def _backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        pid: int = cursor.fetchone()[0]
    return pid


def make_group() -> Access:
    """A group of ``STORES`` stores, each below one division."""
    with entered_installation("bench"):
        tenant = Tenant(code="BENCH", name="Bench")
        tenant.save()
    access = Access.system(tenant.pk, "bench")
    with entered(access):
        top = _unit(tenant, "BENCH", "group", None)
        for place in range(STORES):
            _unit(tenant, f"B{place:02d}", "store", top)
    return access


def _unit(tenant: Tenant, code: str, level: str, parent: Unit | None) -> Unit:
    unit = Unit(tenant=tenant, code=code, name=code, level=level, parent=parent)
    unit.save()
    unit.path = [*(parent.path if parent else []), unit.pk]
    unit.save()
    return unit


def load(tenant_id: int, numbers: list[Number]) -> None:
    """Lay the numbers into the tables; number k gets the customer number ``Bk``."""
    stores = list(Unit.objects.filter(level="store").order_by("code").values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(_STAGED)
        with cursor.copy("copy bench_number from stdin") as copy:
            for place, number in enumerate(numbers):
                copy.write_row(_row(tenant_id, place, stores[number.store % len(stores)], number))
        cursor.execute("analyze bench_number")
        for statement in _LOAD:
            cursor.execute(statement, {"tenant": tenant_id})


def _row(tenant_id: int, place: int, store: int, number: Number) -> tuple[Any, ...]:
    car = number.car
    phone, card = number.mobile, number.id_number
    held: tuple[str, str, date, date | None] | tuple[None, ...] = (None,) * 4
    if car is not None:
        held = (car.vin, car.plate, car.owned_from, car.owned_to)
    return (
        *(place, store, number.kind, number.name, name_key(number.name)),
        *(phone_lookup(tenant_id, phone) if phone else None, phone[-4:]),
        *(id_number_lookup(tenant_id, card) if card else None, card[-4:]),
        *(number.birth, number.gender),
        *held,
    )


def match(access: Access, *, loaded: bool = True, whole: bool = False) -> int:
    """What an import does about identity after its files, planner settings included.

    ``loaded``: they have changed a twentieth of all rows or more, so statistics are made anew.
    """
    with entered(access), connection.cursor() as cursor:
        if loaded:
            cursor.execute("select customers_refresh_statistics()")
        cursor.execute(
            "select set_config('enable_nestloop', 'off', true),"
            " set_config('work_mem', '64MB', true)"
        )
        moved = merge_on_strong_evidence(access.tenant_id, whole=whole)
        refresh_home_stores(access.tenant_id)
        refresh_advisors(access.tenant_id)
    return moved


def change(tenant_id: int, numbers: int) -> int:
    """Change so many numbers as a night's files do; the count of them.

    By their place in an arbitrary order: three of ten get the mobile of another, four a new one,
    three another name.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "create temp table bench_changed as select id, row_number() over"
            " (order by hashint8(id), id) as place from customers_customersource"
            " where tenant_id = %s order by 2 limit %s",
            [tenant_id, numbers],
        )
        cursor.execute("analyze bench_changed")
        for statement in _CHANGES:
            cursor.execute(statement)
        cursor.execute("drop table bench_changed")
    return numbers


_CHANGES = (
    "update customers_contactpoint p set lookup = o.lookup from bench_changed c"
    " join bench_changed other on other.place = c.place + 1 join customers_contactpoint o"
    " on o.source_id = other.id and o.kind = 'mobile'"
    " where p.source_id = c.id and p.kind = 'mobile' and c.place % 10 < 3",
    "update customers_contactpoint p set lookup = decode(md5(p.id::text), 'hex')"
    " from bench_changed c where p.source_id = c.id and p.kind = 'mobile'"
    " and c.place % 10 between 3 and 6",
    "update customers_customersource s set name = s.name || '甲' from bench_changed c"
    " where s.id = c.id and c.place % 10 > 6",
)


def counted(tenant_id: int) -> dict[str, Any]:
    """Decisions, proposals and customers there are now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select (select count(*) from customers_customer where tenant_id = %(t)s),"
            " (select count(*) from customers_mergedecision where tenant_id = %(t)s),"
            " (select count(*) from customers_mergeproposal where tenant_id = %(t)s)",
            {"t": tenant_id},
        )
        people, decisions, proposals = cursor.fetchone()
        cursor.execute(
            "select evidence->'by'->>0, count(*) from customers_mergedecision"
            " where tenant_id = %s group by 1 order by 1",
            [tenant_id],
        )
        return {
            **{"found_customers": people, "decisions": decisions, "proposals": proposals},
            "evidence": dict(cursor.fetchall()),
        }


def judged(tenant_id: int, numbers: list[Number]) -> dict[str, Any]:
    """The merges, and the proposals, against the truth."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select substr(customer_no, 2)::int, customer_id from customers_customersource"
            " where tenant_id = %s order by 1",
            [tenant_id],
        )
        found = [customer for _place, customer in cursor.fetchall()]
        cursor.execute(
            "select substr(a.customer_no, 2)::int, substr(b.customer_no, 2)::int"
            " from customers_mergeproposal p"
            " join customers_customersource a on a.id = p.source_a_id"
            " join customers_customersource b on b.id = p.source_b_id where p.tenant_id = %s"
            " order by p.score desc, p.id",
            [tenant_id],
        )
        proposed = [numbers[a].truth == numbers[b].truth for a, b in cursor.fetchall()]
    best = proposed[: max(len(proposed) // 10, 1)]
    return {
        **agreement([number.truth for number in numbers], found),
        "proposals_right": sum(proposed),
        "best_tenth_right": round(sum(best) / len(best), 4) if best else None,
    }


def agreement(truth: Iterable[Hashable], found: Iterable[Hashable]) -> dict[str, Any]:
    """Pairs of numbers that are one customer in truth, as found, and in both.

    Precision is both / found, recall both / truth; 1 where there is no pair to be wrong about.
    """
    truth, found = list(truth), list(found)
    true, said = _pairs(truth), _pairs(found)
    both = _pairs(list(zip(truth, found, strict=True)))
    return {
        **{"true_pairs": true, "pairs": said, "right_pairs": both},
        "precision": round(both / said, 6) if said else 1.0,
        "recall": round(both / true, 6) if true else 1.0,
    }


def _pairs(labels: list[Any]) -> int:
    return sum(n * (n - 1) // 2 for n in Counter(labels).values())

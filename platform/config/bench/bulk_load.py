"""A large group written straight into the tables of a scratch database.

Through files and checks a million customers would take the better part of an hour; here columns are
copied into staging tables and spread by SQL. Foreign keys and secondary indexes are taken away
while that happens and put back, validated, at the end: the tables are what an import leaves. Works
as the owner of a database that holds nothing else; :func:`load_group` refuses any other.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from django.db import connections

from config.bench.dealer_world import BLOCK, DIVISIONS, draw_block
from config.bench.scratch import StepFailed
from customers.models import BrandPolicy
from organization.access import Access, entered, entered_installation
from organization.models import Tenant, Unit

logger = logging.getLogger(__name__)

TABLES = (
    *("customers_customer", "customers_customersource", "customers_vehicle"),
    *("customers_ownership", "customers_visit", "customers_visitline", "customers_survey"),
    *("customers_event", "customers_contract"),
)

STAGING = """
create temp table people (number int, division int, store bigint, sold date, warranty date,
    km numeric, fleet boolean, key text);
create temp table came (number bigint, person int, day date, kind int, fen bigint, cost bigint,
    km int, covered boolean, wait int, bad boolean, draw real);
"""

PEOPLE = """
insert into customers_customer (id, uid, kind, name, name_key, gender, city, created_on, stores,
    do_not_contact, is_test, home_store_id, tenant_id)
select number, gen_random_uuid(), case when fleet then 'fleet' else 'person' end, '客' || number,
    '客' || number, '', '', sold, array[store], false, false, store, %(tenant)s from people;
insert into customers_customersource (id, customer_no, name, kind, address, city, gender,
    origin_channel, referred_by, distance_km, created_on, customer_id, store_id, tenant_id)
select number, key, '客' || number, case when fleet then 'fleet' else 'person' end, '', '', '', '',
    '', km, sold, number, store, %(tenant)s from people;
insert into customers_vehicle (id, vin, plate, plate_tail, vin_tail, brand, series, model, energy,
    usage, built_on, warranty_until, extended_warranty, stores, tenant_id)
select number, 'LBENCH' || lpad(number::text, 11, '0'), '沪' || lpad(number::text, 7, '0'),
    right('沪' || lpad(number::text, 7, '0'), 5), right(lpad(number::text, 11, '0'), 6), '', '',
    '', '', '', sold - 60, warranty, warranty - sold > 1460, array[store], %(tenant)s from people;
insert into customers_ownership (id, sold_on, sold_used, km_at_sale, owned_from, customer_id,
    source_id, store_id, tenant_id, vehicle_id)
select number, sold, false, 0, sold, number, number, store, %(tenant)s, number from people;
insert into customers_contract (id, contract_no, type, starts_on, ends_on, status, insurer,
    policy_no, store_id, tenant_id, customer_id, source_id, vehicle_id)
select number, 'K' || number, 'insurance', sold, sold + 365 * (1 + number %% 4), '', '', '', store,
    %(tenant)s, number, number, number from people;
"""

VISITS = """
insert into customers_visit (id, ro_no, opened_at, day, mileage_km, kind, status, advisor_name,
    comeback, brought_by, pay_customer_fen, pay_warranty_fen, pay_insurance_fen, pay_internal_fen,
    cost_fen, wait_minutes, original_ro_no, customer_id, source_id, store_id, tenant_id, vehicle_id)
select c.number, 'RO' || c.number, c.day::timestamp at time zone 'Asia/Shanghai'
        + interval '10 hours', c.day, c.km,
    (array['maintenance', 'repair', 'accident'])[c.kind + 1], 'closed', '', c.bad and c.draw < .3,
    '', case when c.kind = 2 or c.covered then 0 else c.fen end,
    case when c.covered then c.fen else 0 end, case when c.kind = 2 then c.fen else 0 end, 0,
    c.cost, c.wait, '', c.person, c.person, p.store, %(tenant)s, c.person
from came c join people p on p.number = c.person;
insert into customers_visitline (id, line_no, kind, op_code, description, labour_fen, part_no,
    cost_fen, pay_type, declined, store_id, tenant_id, visit_id)
select c.number, '1', 'labour', '', '', c.fen, '', c.cost, 'customer', c.draw between .4 and .55,
    p.store, %(tenant)s, c.number
from came c join people p on p.number = c.person;
insert into customers_survey (id, survey_no, sent_at, day, answered_at, score, channel, reason,
    comment, customer_id, source_id, store_id, tenant_id, vehicle_id, visit_id)
select c.number, 'S' || c.number, (c.day + 3)::timestamp at time zone 'Asia/Shanghai', c.day + 3,
    (c.day + 3)::timestamp at time zone 'Asia/Shanghai',
    case when c.bad then c.number %% 8 else 7 + c.number %% 4 end, '', '', '', c.person, c.person,
    p.store, %(tenant)s, c.person, c.number
from came c join people p on p.number = c.person where c.draw > .85;
insert into customers_event (id, event_no, kind, happened_at, day, status, reason, detail,
    staff_name, customer_id, source_id, store_id, tenant_id, vehicle_id)
select c.number, 'E' || c.number, 'complaint', c.day::timestamp at time zone 'Asia/Shanghai',
    c.day, '', '', '', '', c.person, c.person, p.store, %(tenant)s, c.person
from came c join people p on p.number = c.person where c.bad and c.draw < .3;
"""


def load_group(
    customers: int, seed: int, until: date, *, stores: int = 16, code: str = "XQ"
) -> int:
    """Write a group of ``customers`` whose last record lies before ``until``; number of visits.

    Raises :class:`config.bench.scratch.StepFailed` where the database holds customers already.
    """
    with connections["owner"].cursor() as cursor:
        cursor.execute("select exists (select from customers_customer)")
        if cursor.fetchone()[0]:
            raise StepFailed("The database holds customers: a bulk load is for an empty one.")
    tenant, units = _organisation(code, stores)
    stop = (until - date(1970, 1, 1)).days
    with connections["owner"].cursor() as cursor, _bare_tables(cursor):
        cursor.execute(STAGING)
        visits = 0
        for number, start in enumerate(range(0, customers, BLOCK)):
            block = draw_block(number, min(BLOCK, customers - start), seed, stop, stores)
            block.people["store"] = np.array(units)[block.people["store"].to_numpy() % len(units)]
            visits += _write(cursor, block.people, block.visits, visits, tenant, seed + number)
            logger.info("%s customers written", f"{start + len(block.people):,}")
    return visits


def _organisation(code: str, stores: int) -> tuple[int, list[int]]:
    """The tenant, its divisions with their policies, and its stores; ids of tenant and stores."""
    with entered_installation("bench"):
        tenant = Tenant(code=code, name=code)
        tenant.save()
    ids = []
    with entered(Access.system(tenant.pk, "bench")):
        group = _unit(tenant, code, "group", None)
        divisions = []
        for name, (interval, *_rest) in DIVISIONS.items():
            division = _unit(tenant, f"{code}-{name}", "division", group)
            BrandPolicy.objects.create(
                tenant=tenant,
                unit=division,
                valid_from=date(2010, 1, 1),
                service_interval_days=int(interval),
                service_interval_km=10_000,
                warranty_months=36,
                vat_rate="0.13",
                amounts_include_vat=False,
            )
            divisions.append(division)
        for number in range(stores):
            parent = divisions[number % len(divisions)]
            ids.append(_unit(tenant, f"{code}-S{number + 1}", "store", parent).pk)
    return tenant.pk, ids


def _unit(tenant: Tenant, code: str, level: str, parent: Unit | None) -> Unit:
    kind = "4s" if level == "store" else ""
    unit = Unit(
        tenant=tenant, code=code, name=code, level=level, parent=parent, store_kind=kind, path=[]
    )
    unit.save()
    unit.path = [*(parent.path if parent else []), unit.pk]
    unit.save()
    return unit


def _write(
    cursor: Any, people: pd.DataFrame, visits: pd.DataFrame, before: int, tenant: int, seed: int
) -> int:
    """Spread one block over the tables; number of its visits."""
    rows = people.assign(
        sold=_days(people["sold"]),
        warranty=_days(people["warranty"]),
        key="C" + people["number"].astype(str),
    )
    came = visits.assign(day=_days(visits["day"]))
    came.insert(0, "number", np.arange(len(came)) + before + 1)
    came["draw"] = np.random.default_rng([seed, 7]).random(len(came)).round(4)
    cursor.execute("truncate people, came")
    _copy(cursor, "people", rows)
    _copy(cursor, "came", came)
    cursor.execute("analyze people")
    for statement in (PEOPLE + VISITS).split(";\n"):
        if statement.strip():
            cursor.execute(statement, {"tenant": tenant})
    return len(came)


def _days(numbers: pd.Series) -> pd.Series:
    return pd.Series(numbers.to_numpy().astype("datetime64[D]").astype(str), index=numbers.index)


def _copy(cursor: Any, table: str, frame: pd.DataFrame) -> None:
    with cursor.copy(f"copy {table} from stdin (format csv)") as copy:
        copy.write(frame.to_csv(index=False, header=False))


@contextmanager
def _bare_tables(cursor: Any) -> Iterator[None]:
    """Without foreign keys, secondary indexes, triggers and the policies' checks for the block."""
    names = list(TABLES)
    cursor.execute(
        "select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint"
        " where contype = 'f' and conrelid::regclass::text = any(%s)",
        [names],
    )
    keys = cursor.fetchall()
    cursor.execute(
        "select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index i"
        " where indrelid::regclass::text = any(%s) and not exists ("
        "select from pg_constraint c where c.conindid = i.indexrelid)",
        [names],
    )
    indexes = cursor.fetchall()
    for table, name, _definition in keys:
        cursor.execute(f'alter table {table} drop constraint "{name}"')
    for name, _definition in indexes:
        cursor.execute(f"drop index {name}")
    for table in names:
        cursor.execute(f"alter table {table} disable trigger user")
        cursor.execute(f"alter table {table} no force row level security")
    yield
    cursor.execute("set maintenance_work_mem to '512MB'")
    for _name, definition in indexes:
        cursor.execute(definition)
    for table, name, definition in keys:
        cursor.execute(f'alter table {table} add constraint "{name}" {definition}')
    for table in names:
        cursor.execute(f"alter table {table} force row level security")
        cursor.execute(f"alter table {table} enable trigger user")
        cursor.execute(
            f"select setval(pg_get_serial_sequence('{table}', 'id'),"  # noqa: S608
            f" (select coalesce(max(id), 0) + 1 from {table}))"
        )
        cursor.execute(f"analyze {table}")

"""Counts by store, read set by set: the frames that ``quality_scoring`` works on.

One pass over each table, whatever the number of stores. Runs inside an entered access that sees
the whole group; only accepted orders (open, closed) of real customers before the as-of day count.
"""

# ruff: noqa: S608 - SQL is put together from the declarations below; values are parameters.

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from django.db import connection

from customers.margins import DEFAULT_MARGIN_RATE, ledger_factors
from customers.quality.rules import KIND_BY_CODE, MONTHS

# A field's test for "filled" and, of those, "valid"; each query yields store_id and the columns.
_TEST = "select id from customers_customer where is_test and tenant_id = %(tenant)s"

ORDERS = f"""
with orders as (
    select v.*, ve.built_on,
        lag(v.mileage_km) over (partition by v.vehicle_id order by v.day, v.mileage_km)
            as before_km,
        v.pay_customer_fen + v.pay_warranty_fen + v.pay_insurance_fen + v.pay_internal_fen as paid
    from customers_visit v left join customers_vehicle ve on ve.id = v.vehicle_id
    where v.tenant_id = %(tenant)s and v.status in ('open', 'closed')
        and v.day >= %(since)s and v.day < %(as_of)s and v.customer_id not in ({_TEST})
)
select store_id, count(*) as records,
    count(vehicle_id) as visit_vin,
    count(vehicle_id) filter (where built_on is null or day >= built_on) as visit_vin_valid,
    count(mileage_km) as mileage_km,
    count(mileage_km) filter (where vehicle_id is null or before_km is null
        or mileage_km >= before_km) as mileage_km_valid,
    count(*) filter (where advisor_id is not null or advisor_name <> '') as advisor,
    count(advisor_id) as advisor_valid,
    count(*) filter (where kind <> 'other') as job_kind,
    count(*) filter (where kind <> 'other') as job_kind_valid,
    count(cost_fen) as cost,
    count(*) filter (where cost_fen >= 0 and (paid <= 0 or cost_fen <= 2 * paid)) as cost_valid,
    count(wait_minutes) as wait_minutes,
    count(*) filter (where wait_minutes between 0 and 1440) as wait_minutes_valid
from orders group by 1
"""

NUMBERS = f"""
with shared as (
    select lookup from customers_contactpoint where tenant_id = %(tenant)s and kind = 'mobile'
    group by 1 having count(*) > 3
)
select s.store_id, count(*) as records, count(p.id) as mobile,
    count(p.id) filter (where p.lookup not in (select lookup from shared)) as mobile_valid,
    count(s.distance_km) as distance_km,
    count(*) filter (where s.distance_km between 0 and 500) as distance_km_valid,
    count(c.id) as consent, count(c.id) as consent_valid
from customers_customersource s
left join customers_contactpoint p on p.source_id = s.id and p.kind = 'mobile'
left join customers_consent c on c.customer_id = s.customer_id and c.store_id = s.store_id
    and c.purpose = 'marketing'
where s.tenant_id = %(tenant)s and s.kind not in ('insurer', 'internal')
    and s.customer_id not in ({_TEST})
group by 1
"""

PEOPLE = f"""
select store_id, count(*) as records, count(birth_date) as birth_date,
    count(*) filter (where birth_date > %(as_of)s::date - interval '100 years'
        and birth_date <= %(as_of)s::date - interval '16 years') as birth_date_valid
from customers_customersource
where tenant_id = %(tenant)s and kind = 'person' and customer_id not in ({_TEST})
group by 1
"""

OWNERSHIPS = f"""
with periods as (
    select store_id, customer_id, owned_from,
        lag(customer_id) over w as other,
        max(coalesce(owned_to, 'infinity')) over (partition by vehicle_id
            order by coalesce(owned_from, '-infinity'), id
            rows between unbounded preceding and 1 preceding) as other_until
    from customers_ownership
    where tenant_id = %(tenant)s and coalesce(owned_from, '-infinity') < %(as_of)s
        and customer_id not in ({_TEST})
    window w as (partition by vehicle_id order by coalesce(owned_from, '-infinity'), id)
)
select store_id, count(*) as records, count(*) as owner,
    count(*) filter (where other is null or other = customer_id
        or other_until <= coalesce(owned_from, '-infinity')) as owner_valid
from periods group by 1
"""

CARS = f"""
with plates as (
    select v.plate from customers_vehicle v
    where v.tenant_id = %(tenant)s and v.plate <> '' and exists (
        select from customers_ownership o where o.vehicle_id = v.id
            and coalesce(o.owned_to, 'infinity') >= %(as_of)s)
    group by 1 having count(*) > 1
)
select o.store_id, count(*) as records,
    count(*) filter (where v.plate <> '') as plate,
    count(*) filter (where v.plate <> '' and v.plate not in (select plate from plates))
        as plate_valid,
    count(v.warranty_until) as warranty_until,
    -- A used car may be sold after its warranty: the day it was built decides.
    count(*) filter (where v.warranty_until >= coalesce(v.built_on, v.warranty_until)
        and v.warranty_until <= coalesce(v.built_on, v.warranty_until) + interval '15 years')
        as warranty_until_valid,
    count(v.insurance_until) as insurance_until,
    count(*) filter (where v.insurance_until >= coalesce(o.sold_on, v.insurance_until)
        and v.insurance_until < %(as_of)s::date + interval '5 years') as insurance_until_valid
from customers_ownership o join customers_vehicle v on v.id = o.vehicle_id
where o.tenant_id = %(tenant)s and coalesce(o.owned_to, 'infinity') >= %(as_of)s
    and coalesce(o.owned_from, '-infinity') < %(as_of)s and o.customer_id not in ({_TEST})
group by 1
"""

SURVEYS = """
select store_id, count(*) as records, count(score) as nps_answered,
    count(*) filter (where score is not null and customer_id is not null) as nps_answered_valid
from customers_survey
where tenant_id = %(tenant)s and day >= %(since)s and day < %(as_of)s group by 1
"""

FIELD_QUERIES = (ORDERS, NUMBERS, PEOPLE, OWNERSHIPS, CARS, SURVEYS)

# Rows and the last day of each kind by store; undated kinds have no last day.
KIND_QUERIES = {
    "visits": """select store_id, count(*), max(day) from customers_visit
        where tenant_id = %(tenant)s and status in ('open', 'closed') and day < %(as_of)s
        group by 1""",
    "vehicles": """select store_id, count(*), null::date from customers_ownership
        where tenant_id = %(tenant)s group by 1""",
    "visit_lines": """select store_id, count(*), null::date from customers_visitline
        where tenant_id = %(tenant)s group by 1""",
    "surveys": """select store_id, count(*), max(day) from customers_survey
        where tenant_id = %(tenant)s and day < %(as_of)s group by 1""",
    "contracts": """select store_id, count(*), max(starts_on) from customers_contract
        where tenant_id = %(tenant)s and coalesce(starts_on, '-infinity') < %(as_of)s group by 1""",
    "events": """select store_id, count(*), max(day) from customers_event
        where tenant_id = %(tenant)s and day < %(as_of)s group by 1""",
    "financials": """select unit_id, count(*), max(month) from customers_monthlyfinancials
        where tenant_id = %(tenant)s and scope = 'after_sales' and month < %(as_of)s group by 1""",
    "marketing": """select store_id, count(*), max(month) from customers_marketingspend
        where tenant_id = %(tenant)s and month < %(as_of)s group by 1""",
    # A policy or target of a unit serves every store below it.
    "policies": """select u.id, count(*), null::date from organization_unit u
        join customers_brandpolicy p on p.tenant_id = u.tenant_id and p.unit_id = any(u.path)
        where u.tenant_id = %(tenant)s and u.level = 'store' and p.valid_from < %(as_of)s
        group by 1""",
    "targets": """select u.id, count(*), null::date from organization_unit u
        join customers_target t on t.tenant_id = u.tenant_id and t.unit_id = any(u.path)
        where u.tenant_id = %(tenant)s and u.level = 'store' group by 1""",
}

# Credits count in their own month, as the books have them.
REVENUE = f"""
select store_id as store, date_trunc('month', day)::date as month,
    sum(pay_customer_fen + pay_warranty_fen + pay_insurance_fen)::bigint as orders_fen,
    sum(pay_internal_fen)::bigint as internal_fen
from customers_visit
where tenant_id = %(tenant)s and status in ('open', 'closed', 'credit')
    and day >= %(first_month)s and day < %(end_month)s and customer_id not in ({_TEST})
group by 1, 2
"""

BOOKS = """
select f.unit_id as store, f.month, f.revenue_fen as ledger_fen,
    case when f.revenue_fen > 0 and f.parts_cost_fen is not null then
        f.revenue_fen - f.parts_cost_fen - coalesce(f.labour_cost_fen, 0)
            - coalesce(f.site_cost_fen, 0) end as margin_fen
from customers_monthlyfinancials f join organization_unit u on u.id = f.unit_id
where f.tenant_id = %(tenant)s and f.scope = 'after_sales' and u.level = 'store'
    and f.month >= %(first_month)s and f.month < %(end_month)s and f.revenue_fen is not null
"""

# As the models take margin (ml.extraction): a credit nets its original, one row a customer, day
# and store, cost in the share that outside payers paid.
MARGIN = """
with credit as (
    select store_id, original_ro_no as ro_no, sum(abs(pay_customer_fen)
        + abs(pay_insurance_fen) + abs(pay_warranty_fen)) as outside, sum(abs(cost_fen)) as cost
    from customers_visit
    where tenant_id = %(tenant)s and status = 'credit' and original_ro_no <> '' group by 1, 2
), orders as (
    select v.customer_id, v.day, v.store_id,
        v.pay_customer_fen + v.pay_insurance_fen + v.pay_warranty_fen - coalesce(c.outside, 0)
            as outside, v.pay_internal_fen as internal, v.cost_fen - coalesce(c.cost, 0) as cost
    from customers_visit v left join credit c using (store_id, ro_no)
    where v.tenant_id = %(tenant)s and v.status in ('open', 'closed')
        and v.day >= %(first_month)s and v.day < %(end_month)s
        and v.customer_id not in (select id from customers_customer
            where tenant_id = %(tenant)s and (is_test or kind in ('insurer', 'internal')))
), days as (
    select store_id, day, sum(outside) as outside, greatest(sum(internal), 0) as internal,
        coalesce(sum(cost), 0) as cost,
        sum(case when cost is null then outside else 0 end) as without_cost
    from orders where outside > 0 group by customer_id, day, store_id
)
select store_id as store, date_trunc('month', day)::date as day, sum(outside) as revenue,
    sum(cost * outside / (outside + internal)) as cost, sum(without_cost) as without_cost
from days group by 1, 2
"""

RATES = """
select distinct on (u.id) u.id as store, p.margin_rate_fallback::float8 as rate
from organization_unit u join customers_brandpolicy p on p.tenant_id = u.tenant_id
    and p.unit_id = any(u.path) and p.margin_rate_fallback is not null
    and p.valid_from < %(as_of)s
where u.tenant_id = %(tenant)s and u.level = 'store'
order by u.id, array_position(u.path, p.unit_id) desc, p.valid_from desc
"""


def first_month(as_of: date) -> date:
    """The earliest of the twelve complete months before ``as_of``."""
    return (pd.Timestamp(as_of.replace(day=1)) - pd.DateOffset(months=MONTHS)).date()


def _parameters(tenant_id: int, as_of: date) -> dict[str, Any]:
    return {
        "tenant": tenant_id,
        "as_of": as_of,
        "since": (pd.Timestamp(as_of) - pd.DateOffset(months=24)).date(),
        "first_month": first_month(as_of),
        "end_month": as_of.replace(day=1),
    }


def _read(query: str, parameters: dict[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [column.name for column in cursor.description], cursor.fetchall()


def _frame(query: str, parameters: dict[str, Any]) -> pd.DataFrame:
    names, rows = _read(query, parameters)
    frame = pd.DataFrame(rows, columns=names)
    if "month" in frame:
        frame["month"] = pd.to_datetime(frame["month"]).astype("datetime64[s]")
    return frame


def field_counts(tenant_id: int, as_of: date) -> pd.DataFrame:
    """``store, field, records, filled, valid``, one row a store that has such records."""
    parameters = _parameters(tenant_id, as_of)
    rows: list[tuple[Any, ...]] = []
    for query in FIELD_QUERIES:
        names, found = _read(query, parameters)
        for values in (dict(zip(names, row, strict=True)) for row in found):
            rows.extend(
                (values["store_id"], name, values["records"], values[name], values[f"{name}_valid"])
                for name in names
                if f"{name}_valid" in values
            )
    return pd.DataFrame(rows, columns=["store", "field", "records", "filled", "valid"])


def kind_counts(tenant_id: int, as_of: date, stores: list[int]) -> pd.DataFrame:
    """``store, kind, rows, through``, one row a store and kind, also where there is nothing.

    A month delivered reaches to its last day, but not beyond the day before ``as_of``.
    """
    parameters = _parameters(tenant_id, as_of)
    frames = []
    for kind, query in KIND_QUERIES.items():
        found = pd.DataFrame(_read(query, parameters)[1], columns=["store", "rows", "through"])
        frame = found.set_index("store").reindex(stores)
        through = pd.to_datetime(frame["through"]).astype("datetime64[s]")
        if KIND_BY_CODE[kind].monthly:
            yesterday = pd.Timestamp(as_of) - pd.Timedelta(days=1)
            through = (through + pd.offsets.MonthEnd(0)).clip(upper=yesterday)
        frames.append(
            pd.DataFrame(
                {
                    "store": stores,
                    "kind": kind,
                    "rows": frame["rows"].fillna(0).astype(np.int64).to_numpy(),
                    "through": through.astype("datetime64[s]").to_numpy(),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def monthly_sums(tenant_id: int, as_of: date) -> pd.DataFrame:
    """The last twelve complete months: ``store, month, orders_fen, internal_fen, ledger_fen,
    factor``. ``ledger_fen`` is NaN where there are no books, ``factor`` (of
    ``margins.ledger_factors``) also where it lies outside what scaling may cover."""
    parameters = _parameters(tenant_id, as_of)
    orders, books = _frame(REVENUE, parameters), _frame(BOOKS, parameters)
    both = orders.merge(books, on=["store", "month"], how="outer")
    both[["orders_fen", "internal_fen"]] = both[["orders_fen", "internal_fen"]].fillna(0)
    factors = _factors(books, parameters)
    both = both.merge(factors[["store", "month", "factor"]], on=["store", "month"], how="left")
    numbers = ["orders_fen", "internal_fen", "ledger_fen", "factor"]
    both[numbers] = both[numbers].astype(float)
    return both[["store", "month", *numbers]]


def _factors(books: pd.DataFrame, parameters: dict[str, Any]) -> pd.DataFrame:
    margin = _frame(MARGIN, parameters)
    rates = _frame(RATES, parameters).set_index("store")["rate"]
    rate = margin["store"].map(rates).astype(float).fillna(DEFAULT_MARGIN_RATE)
    sums = margin[["revenue", "cost", "without_cost"]].astype(float)
    raw = sums["revenue"] - sums["cost"] - sums["without_cost"] * (1.0 - rate)
    ledger = books.rename(columns={"ledger_fen": "revenue", "margin_fen": "margin"})
    ledger = ledger.dropna(subset=["margin"]).astype({"revenue": float, "margin": float})
    day = pd.to_datetime(margin["day"]).astype("datetime64[s]")
    return ledger_factors(margin["store"], day, sums["revenue"], raw, ledger)

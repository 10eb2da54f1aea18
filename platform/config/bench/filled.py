"""A group of any size written straight into the scratch database: records, scores and curves.

Importing and retraining a million customers has measurements of its own; values and pools start
from here. Histories are drawn from BG/NBD, and everybody's curve is the model's own for them.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from django.db import connections
from django.utils import timezone
from numpy.typing import NDArray

from config.bench.measurement import Stages
from ml.bgnbd import Parameters
from ml.curves import NODES, curves
from ml.grades import grades, risks
from ml.models import ModelVersion, ScoreSet, TrainingRun
from organization.access import Access, entered, entered_installation
from organization.models import Tenant, Unit
from valuation.inputs import binary_row

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

AS_OF = date(2026, 1, 1)
DIVISIONS, REGIONS, STORES = 4, 2, 5
HORIZON = 60
OLDEST_DAYS = 1825
CHUNK = 50_000
_PARAMETERS = [Parameters(1.1 + 0.1 * i, 150.0 + 20 * i, 0.9, 6.0 + i) for i in range(DIVISIONS)]
_INTEGERS = ("customer", "store", "fit", "person", "frequency", "recency", "age", "cap", "ltv")
_FLOATS = (
    *("p_alive", "churn", "spend", "margin", "accident_revenue", "accident_margin"),
    *(f"visits_{i}" for i in range(1, NODES + 1)),
    *(f"alive_{i}" for i in range(1, NODES + 1)),
)
_TEMPORARY = (
    "create temp table filled ("
    + ", ".join([f"{name} bigint" for name in _INTEGERS] + [f"{name} float8" for name in _FLOATS])
    + ", grade text, risk text)"
)
_AS_OF = f"date '{AS_OF}'"
_CUSTOMERS = """
insert into customers_customer (id, tenant_id, uid, kind, name, name_key, gender, city,
    home_store_id, stores, do_not_contact, is_test)
overriding system value
select customer, {tenant}, gen_random_uuid(), case person when 1 then 'person' else 'fleet' end,
    '', '', '', '', store, array[store], false, false from filled
"""
_SOURCES = """
insert into customers_customersource (id, tenant_id, store_id, customer_id, customer_no, name, kind,
    address, city, gender, origin_channel, referred_by)
overriding system value
select customer, {tenant}, store, customer, 'C' || customer, '',
    case person when 1 then 'person' else 'fleet' end, '', '', '', '', '' from filled
"""
_VEHICLES = """
insert into customers_vehicle (id, tenant_id, vin, plate, plate_tail, vin_tail, brand, series,
    model, energy, usage, built_on, warranty_until, stores)
overriding system value
select customer, {tenant}, 'L' || lpad(customer::text, 16, '0'), '', '', '', 'Brand', '', '', '',
    '', {as_of} - age::int, {as_of} - age::int + 1095, array[store] from filled
"""
_OWNERSHIPS = """
insert into customers_ownership (tenant_id, store_id, vehicle_id, customer_id, source_id, sold_on,
    owned_from)
select {tenant}, store, customer, customer, customer, {as_of} - age::int, {as_of} - age::int
from filled
"""
_CONSENTS = """
insert into customers_consent (tenant_id, store_id, customer_id, purpose, given, recorded_at,
    origin)
select {tenant}, store, customer, 'marketing', customer %% 4 <> 0, now(), 'bench' from filled
where customer %% 10 <> 0
"""
# The first visit on the day of the purchase would be none of x: repeat visits alone are written,
# evenly spaced up to the last.
_VISITS = """
insert into customers_visit (tenant_id, store_id, ro_no, source_id, customer_id, vehicle_id,
    opened_at, day, kind, status, advisor_name, brought_by, pay_customer_fen, pay_warranty_fen,
    pay_insurance_fen, pay_internal_fen, cost_fen, original_ro_no)
select {tenant}, store, 'R' || customer || '-' || i, customer, customer, customer, at, at::date,
    case when i %% 12 = 0 then 'accident' else 'maintenance' end, 'closed', '', '',
    case when i %% 12 <> 0 then (spend * 100)::bigint else 0 end, 0,
    case when i %% 12 = 0 then (spend * 300)::bigint else 0 end, 0, (spend * 58)::bigint, ''
from filled, generate_series(1, frequency) i,
    lateral (select ({as_of} - age::int + (recency * i / frequency)::int)::timestamptz at) d
"""
_SCORES = """
insert into ml_score (score_set_id, tenant_id, store_id, customer_id, fit_id, segment, born_on,
    last_visit_on, frequency, recency_days, age_days, mean_spend_fen, p_alive, churn_12m,
    in_churn_population, expected_visits_12m, expected_revenue_12m_fen, expected_margin_12m_fen,
    ltv_fen, visits_at_nodes, alive_at_nodes, cap_month, anchor_first, anchor_later,
    revenue_per_visit, margin_per_visit, accident_revenue, accident_margin, overdue, grade, risk,
    reasons, tags, evidence)
select {score_set}, {tenant}, store, customer, fit,
    case person when 1 then 'person' else 'organisation' end, {as_of} - age::int,
    case when frequency > 0 then {as_of} - age::int + recency::int end, frequency, recency, age,
    (spend * 100)::bigint, p_alive, churn, age - recency <= 730, visits_4, 0, 0, ltv,
    array[{visits}], array[{alive}], cap, 1, 1, spend, margin, accident_revenue, accident_margin,
    false, grade, risk, '[]', case when age < 180 then array['new'] else '{{}}'::text[] end, '{{}}'
from filled
"""


@dataclass(frozen=True)
class Filled:
    access: Access
    as_of: date
    score_set: int


def fill(customers: int, seed: int, stages: Stages) -> Filled:
    """Write the group; seconds are counted as the stage ``prepare_fill``."""
    with stages.timed("prepare_fill"):
        with entered_installation("bench"):
            tenant = Tenant(code="XQ", name="Bench")
            tenant.save()
        access = Access.system(tenant.pk, "bench")
        with entered(access):
            stores = _tree(tenant)
            score_set, fits = _score_set(tenant, customers)
            with connections["default"].cursor() as cursor:
                cursor.execute("select ml_create_score_partition(%s)", [score_set.pk])
        _write(customers, seed, tenant.pk, stores, score_set.pk, fits)
    return Filled(access, AS_OF, score_set.pk)


def _tree(tenant: Tenant) -> list[list[int]]:
    """Units; ids of the stores by division."""

    def add(code: str, level: str, parent: Unit | None) -> Unit:
        unit = Unit(
            tenant=tenant,
            code=code,
            name=code,
            level=level,
            parent=parent,
            store_kind="4s" if level == "store" else "",
        )
        unit.save()
        unit.path = [*(parent.path if parent else []), unit.pk]
        unit.save()
        return unit

    root = add("XQ", "group", None)
    found = []
    for d in range(DIVISIONS):
        division = add(f"XQ-D{d}", "division", root)
        regions = [add(f"XQ-D{d}R{r}", "region", division) for r in range(REGIONS)]
        found.append(
            [
                add(f"XQ-D{d}R{r}S{s}", "store", region).pk
                for r, region in enumerate(regions)
                for s in range(STORES)
            ]
        )
    return found


def _score_set(tenant: Tenant, customers: int) -> tuple[ScoreSet, list[int]]:
    run = TrainingRun.objects.create(
        tenant=tenant,
        as_of=AS_OF,
        config_hash="bench",
        status=TrainingRun.Status.PUBLISHED,
        requested_by="bench",
    )
    score_set = ScoreSet.objects.create(
        tenant=tenant,
        run=run,
        as_of=AS_OF,
        horizon_months=HORIZON,
        status=ScoreSet.Status.PUBLISHED,
        customers=customers,
        data_hash="0" * 64,
        model_version="bench",
        published_at=timezone.now(),
    )
    fits = []
    for number, params in enumerate(_PARAMETERS):
        future = curves(params, np.zeros(1), np.zeros(1), np.zeros(1), HORIZON)
        fit = ModelVersion.objects.create(
            tenant=tenant,
            run=run,
            kind=ModelVersion.Kind.LIFETIME_VALUE,
            name=f"XQ-D{number}/person",
            version="bench",
            as_of=AS_OF,
            data_hash="0" * 64,
            parameters={
                "map": future.map.as_dict(),
                "chosen": {"model": "BG/NBD", "params": params.as_dict()},
            },
            status="converged",
            converged=True,
        )
        fits.append(int(fit.pk))
    return score_set, fits


def histories(
    params: Parameters, count: int, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """x, t_x and T in days of ``count`` customers drawn from BG/NBD."""
    age = rng.integers(30, OLDEST_DAYS, count).astype(float)
    rate = rng.gamma(params.r, 1.0 / params.alpha, count)
    dropping = rng.beta(params.a, params.b, count)
    x, last, now = np.zeros(count), np.zeros(count), np.zeros(count)
    active = np.ones(count, dtype=bool)
    while active.any():
        now = now + rng.exponential(1.0, count) / np.maximum(rate, 1e-9)
        active &= now < age
        x[active] += 1
        last[active] = now[active]
        active &= rng.random(count) >= dropping
    return x, np.floor(last), age


def _columns(
    first: int, params: Parameters, fit: int, stores: list[int], count: int, seed: list[int]
) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(seed)
    x, t_x, age = histories(params, count, rng)
    future = curves(params, x, t_x, age, HORIZON)
    spend = rng.gamma(4.0, 225.0, count)
    columns: dict[str, NDArray[Any]] = {
        "customer": np.arange(first, first + count),
        "store": rng.choice(stores, count),
        "fit": np.full(count, fit),
        "person": (rng.random(count) < 0.95).astype(np.int64),
        "frequency": x.astype(np.int64),
        "recency": t_x.astype(np.int64),
        "age": age.astype(np.int64),
        "cap": np.clip(180 - age / 30.4375, 0, HORIZON).astype(np.int64),
        "ltv": (future.visits[:, -1] * spend * 40).astype(np.int64),
        "p_alive": future.p_alive,
        "churn": np.clip(1 - future.p_alive * 0.8, 0, 1),
        "spend": spend,
        "margin": spend * 0.42,
        "accident_revenue": np.full(count, 30.0),
        "accident_margin": np.full(count, 9.0),
    }
    for i in range(NODES):
        columns[f"visits_{i + 1}"] = future.visits[:, i]
        columns[f"alive_{i + 1}"] = future.alive[:, i]
    return columns


def _write(
    customers: int, seed: int, tenant: int, stores: list[list[int]], score_set: int, fits: list[int]
) -> None:
    owner = connections["owner"]
    names = {
        "tenant": tenant,
        "as_of": _AS_OF,
        "score_set": score_set,
        "visits": ", ".join(f"visits_{i}" for i in range(1, NODES + 1)),
        "alive": ", ".join(f"alive_{i}" for i in range(1, NODES + 1)),
    }
    with owner.cursor() as cursor:
        _forget_references(cursor)
        cursor.execute(_TEMPORARY)
        layout = binary_row(dict.fromkeys(_INTEGERS, "i8") | dict.fromkeys(_FLOATS, "f8"))
        listed = ", ".join((*_INTEGERS, *_FLOATS))
        first, size = 1, min(CHUNK, -(-customers // DIVISIONS))
        with cursor.copy(f"copy filled ({listed}) from stdin (format binary)") as copy:
            copy.write(b"PGCOPY\n\xff\r\n\x00" + b"\x00" * 8)
            while first <= customers:
                count = min(size, customers - first + 1)
                division = (first // size) % DIVISIONS
                found = _columns(
                    *(first, _PARAMETERS[division], fits[division], stores[division], count),
                    [seed, first],
                )
                copy.write(_block(layout, found, count))
                first += count
            copy.write(b"\xff\xff")
        _grade(cursor)
        cursor.execute("analyze filled")
        for statement in (
            *(_CUSTOMERS, _SOURCES, _VEHICLES, _OWNERSHIPS, _CONSENTS, _VISITS, _SCORES),
        ):
            cursor.execute(statement.replace("%%", "%").format(**names))
        for table in ("customer", "customersource", "vehicle", "ownership", "consent", "visit"):
            cursor.execute(f"analyze customers_{table}")
        cursor.execute("analyze ml_score")
        cursor.execute("drop table filled")
        cursor.execute("vacuum analyze ml_score")
    owner.close()


def _block(layout: Any, columns: dict[str, NDArray[Any]], count: int) -> bytes:
    table = np.empty(count, dtype=layout)
    table["fields"] = len(columns)
    for name, column in columns.items():
        table[f"#{name}"] = 8
        table[name] = column
    return table.tobytes()


def _forget_references(cursor: Any) -> None:
    """The fill refers to nothing that is not there; checking six million rows one by one would
    take longer than all that is measured. On the scratch database alone."""
    cursor.execute(
        "select conrelid::regclass::text, conname from pg_constraint where contype = 'f'"
        " and conrelid::regclass::text like 'customers\\_%'"
    )
    for table, name in cursor.fetchall():
        cursor.execute(f'alter table {table} drop constraint "{name}"')


def _grade(cursor: Any) -> None:
    """Grade and risk by the product's own steps."""
    cursor.execute("select customer, ltv, churn from filled order by 1")
    rows = np.array(cursor.fetchall(), dtype=float)
    letters, words = grades(rows[:, 1]), risks(rows[:, 2])
    cursor.execute("create temp table graded (customer bigint, grade text, risk text)")
    with cursor.copy("copy graded from stdin") as copy:
        for one, letter, word in zip(rows[:, 0], letters, words, strict=True):
            copy.write_row((int(one), str(letter), str(word)))
    cursor.execute(
        "update filled f set grade = g.grade, risk = g.risk from graded g"
        " where g.customer = f.customer"
    )

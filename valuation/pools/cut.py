"""Cutting a pool: its customers, numbers and terms written down once, under pseudonyms."""

import hashlib
from dataclasses import replace
from typing import Any

from django.db import connection

from organization import audit
from organization.access import Access
from organization.models import Unit
from valuation.models import Pool
from valuation.pools.band import pool_band, pool_sensitivities
from valuation.pools.basis import Basis
from valuation.pools.rules import PoolRules, condition
from valuation.pools.selection import Selected, kept_sums, marks, pool_flows, select
from valuation.pools.static_pools import static_pools
from valuation.pools.strata import stratify
from valuation.refusals import MISSING, Refusal, Refused, gettext_noop
from valuation.rounding import to_fen
from valuation.units import Node

NOBODY = gettext_noop("No customer meets these rules: a pool needs at least one.")
NAME_TAKEN = gettext_noop("%(field)s: there is a pool named %(value)s already.")
TOO_LONG = gettext_noop("%(field)s may have at most %(most)s characters.")

KEPT = """
create temp table pool_kept on commit drop as
select c.customer_id, p.pseudonym, c.store_id, c.value_fen, c.variance,
    case when c.kind in ('person', 'employee') then 'person' else 'organisation' end as kind,
    v.first_quarter, case when c.last_visit_on is null then null
        else ((%(as_of)s::date - c.last_visit_on) / 30.4375)::smallint end as months_since_visit,
    c.frequency, c.p_alive, c.vehicle_months,
    coalesce(c.warranty_until >= %(as_of)s::date, false) as in_warranty, c.brand, c.grade, c.risk,
    f.position::smallint as fit, r.regime::smallint as regime, s.cap_month,
    array[s.anchor_first, s.anchor_later, s.revenue_per_visit, s.margin_per_visit,
        s.accident_revenue, s.accident_margin] as amounts,
    s.visits_at_nodes || s.p_alive || s.alive_at_nodes as curve
from valuation_poolcandidate c
join ml_score s on s.score_set_id = %(score_set)s and s.customer_id = c.customer_id
join valuation_pseudonym p on p.customer_id = c.customer_id
join valuation_valuedcustomer v on v.valuation_id = c.valuation_id and v.pseudonym = p.pseudonym
join unnest(%(fit_ids)s::bigint[], %(positions)s::int[]) f(id, position) on f.id = s.fit_id
join unnest(%(stores)s::bigint[], %(regimes)s::int[]) r(store_id, regime)
    on r.store_id = c.store_id
where c.valuation_id = %(valuation)s and c.store_id = any(%(stores)s) and {condition}
"""
MEMBER_COLUMNS = (
    *("store_id", "pseudonym", "value_fen", "kind", "first_quarter", "months_since_visit"),
    *("frequency", "p_alive", "vehicle_months", "in_warranty", "brand", "grade", "risk"),
    *("fit", "regime", "cap_month", "amounts", "curve"),
)
MEMBERS = f"""
insert into valuation_poolmember (tenant_id, pool_id, {", ".join(MEMBER_COLUMNS)})
select %s, %s, {", ".join(MEMBER_COLUMNS)} from pool_kept
"""  # noqa: S608
BY_STORE = """
select k.store_id, count(*), sum(k.value_fen)::bigint, sum(k.variance) from pool_kept k group by 1
"""
HASHED = "copy (select pseudonym, store_id, value_fen from pool_kept order by 1) to stdout"


def cut_pool(
    access: Access,
    basis: Basis,
    rules: PoolRules,
    unit: Unit,
    name: str,
    *,
    replaces: Pool | None = None,
    chosen: list[int] | None = None,
) -> Pool:
    """Write a pool of the valuation's date, inside the entered ``access``.

    ``chosen``: the customers of a revolving pool, all of whom meet the rules; left out, everybody
    who does. Raises :class:`Refused` for a name that is missing or taken and for a pool of nobody.
    """
    name = name.strip()
    _check_name(name, unit)
    stores = basis.stores_of(unit.pk)
    selected = select(basis, rules, stores)
    if not selected.customers:
        raise Refused([Refusal("rules", NOBODY)])
    _keep(basis, rules, stores, selected, chosen)
    pool = _write(access, basis, rules, unit, name, stores, selected, replaces)
    with connection.cursor() as cursor:
        cursor.execute(MEMBERS, [access.tenant_id, pool.pk])
        cursor.execute("drop table pool_kept")
    audit.record(
        access,
        "pool.cut",
        f"pool:{pool.pk}",
        name=name,
        valuation=basis.valuation.pk,
        customers=pool.customers,
        members_hash=pool.members_hash,
    )
    return pool


def _check_name(name: str, unit: Unit) -> None:
    if not name:
        raise Refused([Refusal("name", MISSING)])
    if len(name) > 80:
        raise Refused([Refusal("name", TOO_LONG, {"most": 80})])
    if Pool.objects.filter(unit=unit, name=name).exists():
        raise Refused([Refusal("name", NAME_TAKEN, {"value": name})])


def _keep(
    basis: Basis,
    rules: PoolRules,
    stores: list[Node],
    selected: Selected,
    chosen: list[int] | None,
) -> None:
    values = marks(basis, rules, stores)
    values |= {"fit_ids": list(basis.fits), "positions": list(basis.fits.values())}
    asked = condition(rules)
    if len(selected.excess):
        asked += " and c.customer_id <> all(%(left_out)s)"
        values["left_out"] = selected.excess.tolist()
    if chosen is not None:
        asked += " and c.customer_id = any(%(chosen)s)"
        values["chosen"] = chosen
    with connection.cursor() as cursor:
        cursor.execute(KEPT.format(condition=asked), values)
        cursor.execute("analyze pool_kept")


def _write(
    access: Access,
    basis: Basis,
    rules: PoolRules,
    unit: Unit,
    name: str,
    stores: list[Node],
    selected: Selected,
    replaces: Pool | None,
) -> Pool:
    customers, value = _totals()
    if not customers:
        raise Refused([Refusal("rules", NOBODY)])
    found = kept_sums(basis, rules, stores)
    selected = _of_kept(selected, customers, value)
    flows = pool_flows(basis, found)
    band = pool_band(pool_sensitivities(basis, rules, stores, selected, found), basis)
    pool: Pool = Pool.objects.create(
        tenant_id=access.tenant_id,
        unit=unit,
        valuation=basis.valuation,
        replaces=replaces,
        name=name,
        rules=rules.as_dict(),
        customers=customers,
        value_fen=value,
        p5_fen=int(to_fen(band.p5)),
        p95_fen=int(to_fen(band.p95)),
        waterfall=waterfall_json(selected),
        monthly={
            "visits": [round(float(v), 6) for v in flows.visits[0]],
            # Customers expected to be there, for stresses on attrition.
            "alive": [round(float(v), 6) for v in flows.alive[0]],
            **{
                f"{line}_fen": [int(v) for v in getattr(flows, line)[0]]
                for line in ("revenue", "margin", "cost", "present_value")
            },
        },
        strata=stratify(basis),
        cohorts=static_pools(basis),
        terms=terms_json(basis),
        members_hash=_members_hash(),
        author=access.label[:80],
    )
    return pool


def _of_kept(selected: Selected, customers: int, value: int) -> Selected:
    """The selection, narrowed to a revolving pool's chosen customers."""
    with connection.cursor() as cursor:
        cursor.execute(BY_STORE)
        by_store = {int(s): (int(n), int(v), float(d)) for s, n, v, d in cursor}
    return replace(selected, customers=customers, value_fen=value, by_store=by_store)


def _totals() -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute("select count(*), coalesce(sum(value_fen), 0)::bigint from pool_kept")
        customers, value = cursor.fetchone()
    return int(customers), int(value)


def _members_hash() -> str:
    digest = hashlib.sha256()
    with connection.cursor() as cursor, cursor.copy(HASHED) as copy:
        for block in copy:
            digest.update(block)
    return digest.hexdigest()


def waterfall_json(selected: Selected) -> list[dict[str, Any]]:
    """From everybody offered to the pool, each customer at one first reason."""
    return [
        {"reason": "offered", "customers": selected.offered, "value_fen": selected.offered_fen},
        *(
            {"reason": one.reason, "customers": -one.customers, "value_fen": -one.value_fen}
            for one in selected.excluded
        ),
        {"reason": "pool", "customers": selected.customers, "value_fen": selected.value_fen},
    ]


def terms_json(basis: Basis) -> dict[str, Any]:
    """Everything that a customer's value recomputes from, beside the tape's own columns."""
    flows = basis.flows
    return {
        "as_of": basis.valuation.as_of.isoformat(),
        "months": basis.maps.months,
        "service_cost_rate": flows.service_cost_rate,
        "retention_cost_per_month": flows.retention_cost / 12.0,
        "tax_rate": basis.terms.tax_rate,
        "regimes": [
            {"rate": float(rate), "months_left": int(left)}
            for rate, left in zip(basis.regimes.rate, basis.regimes.months_left, strict=True)
        ],
        "discount": flows.by_regime.tolist(),
        "standing": flows.standing_by_regime.tolist(),
        "fits": [version.name for version in basis.versions],
        "visits_map": basis.maps.increments().tolist(),
        "alive_map": basis.maps.alive.tolist(),
        "assumptions": basis.valuation.assumptions.version,
        "model_version": basis.valuation.model_version,
        "input_hash": basis.valuation.input_hash,
    }

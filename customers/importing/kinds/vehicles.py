"""Vehicles, one a VIN and group, and who owned them from when to when."""

# ruff: noqa: S608 - SQL is put together from this package's declarations, never from cells.

from typing import TYPE_CHECKING

from customers.importing import withholding
from customers.importing.columns import (
    DAY,
    PAST_DAY,
    TRUTH,
    choice_type,
    code_type,
    column,
    text_type,
    whole_type,
)
from customers.importing.identifiers import PLATE, VIN
from customers.importing.kinds.kind import (
    SOURCE,
    STORE,
    UNKNOWN_CUSTOMER,
    UNKNOWN_STORE,
    Check,
    Kind,
    Notice,
    Value,
    Write,
    same,
)

if TYPE_CHECKING:
    from customers.importing.loading import Loading

_CAR_WORDS = ("plate", "brand", "series", "model", "energy", "usage")
_CAR_WORD_VALUES = [f"coalesce(r.{name}, '')" for name in _CAR_WORDS]
_CAR_FACTS = (
    *("model_year", "built_on", "warranty_until", "extended_warranty", "service_plan"),
    *("insurance_until", "service_interval_days", "service_interval_km"),
)


def _owned_to(held: str) -> str:
    """SQL: the end of an ownership. One that is known, from an event or a call, is not undone by a
    file that does not know it; only by one that says he has bought the vehicle since."""
    return (
        f"coalesce(r.owned_to, case when {held}.owned_to > coalesce(r.owned_from, r.sold_on,"
        f" '-infinity') then {held}.owned_to end)"
    )


_HOLDS = {
    # What an ownership of the file says after the load; a column that is not there stays.
    "open": ("owned_to", "{owned_to} is null"),
    "since": ("owned_from", "coalesce({owned_from}, {sold_on}, '-infinity')"),
}


def _lay_out_newest(loading: "Loading") -> None:
    """Make ``import_newest``: a row a VIN, that of its newest ownership in the file.

    ``leads`` says whether that ownership is also the newest of all that are known: one that has
    not ended before one that has, then the later beginning, then the one that was known first. It
    does not depend on which store's file came last.
    """
    given = {
        "owned_to": _owned_to("o") if loading.has("owned_to") else "o.owned_to",
        "owned_from": "coalesce(r.owned_from, r.sold_on, o.owned_from)",
        "sold_on": "r.sold_on" if loading.has("sold_on") else "o.sold_on",
    }
    of_row = {name: sql.format(**given) for name, (_, sql) in _HOLDS.items()}
    known = {name: f"o.{name}" for name in given}
    of_known = {name: sql.format(**known) for name, (_, sql) in _HOLDS.items()}
    loading.run(
        "create temp table import_newest as with held as (select v.vin, o.id, o.source_id,"
        " o.owned_to, o.owned_from, o.sold_on from customers_ownership o join customers_vehicle v"
        " on v.id = o.vehicle_id and v.tenant_id = $tenant where o.tenant_id = $tenant"
        " and v.vin in (select vin from import_resolved)),"
        f" other as (select distinct on (o.vin) o.vin, o.id, {of_known['open']} as open,"
        f" {of_known['since']} as since from held o where not exists (select from import_resolved r"
        " where r.vin = o.vin and r.source_id = o.source_id)"
        " order by o.vin, open desc, since desc, o.id),"
        f" mine as (select distinct on (r.vin) r.*, o.id as held_id, {of_row['open']} as open,"
        f" {of_row['since']} as since from import_resolved r"
        " left join held o on o.vin = r.vin and o.source_id = r.source_id"
        " order by r.vin, open desc, since desc, o.id nulls last, r.row)"
        " select m.*, (o.vin is null or (m.open, m.since) > (o.open, o.since)"
        " or ((m.open, m.since) = (o.open, o.since) and m.held_id < o.id)) is true as leads"
        " from mine m left join other o on o.vin = m.vin",
        temporary="import_newest",
    )


def _write_vehicles(loading: "Loading") -> None:
    """One vehicle a VIN, from the row of its newest ownership; then one ownership a row."""
    _lay_out_newest(loading)
    # Not known in the newest row is not a correction: another store may have known it.
    words = {
        name: f"case when r.leads then coalesce(r.{name}, t.{name})"
        f" else coalesce(nullif(t.{name}, ''), r.{name}, '') end"
        for name in _CAR_WORDS
    }
    facts = {
        name: f"case when r.leads then coalesce(r.{name}, t.{name})"
        f" else coalesce(t.{name}, r.{name}) end"
        for name in _CAR_FACTS
    }
    kept = {name: Value(sql, (name,)) for name, sql in (words | facts).items()}
    kept["plate_tail"] = Value(f"right({words['plate']}, 5)", ("plate",))
    loading.upsert(
        Write(
            table="customers_vehicle",
            key={"vin": "r.vin"},
            values=kept,
            rows="import_newest r",
            record="vehicle",
            store="null::bigint",
            inserts=False,
        )
    )
    loading.run(
        "insert into customers_vehicle (tenant_id, vin, vin_tail, plate_tail, stores,"
        f" {', '.join(_CAR_WORDS)}, {', '.join(_CAR_FACTS)})"
        " select $tenant, r.vin, right(r.vin, 6), coalesce(right(r.plate, 5), ''), '{}',"
        f" {', '.join(_CAR_WORD_VALUES)}, {', '.join(f'r.{name}' for name in _CAR_FACTS)}"
        " from import_newest r where not exists (select from customers_vehicle t"
        " where t.tenant_id = $tenant and t.vin = r.vin) order by r.row"
    )
    loading.upsert(
        Write(
            table="customers_ownership",
            key={"vehicle_id": "v.id", "source_id": "r.source_id"},
            values=same("sold_on", "sold_used", "km_at_sale")
            | {
                "owned_to": Value(_owned_to("h"), ("owned_to",)),
                "owned_from": Value(
                    "coalesce(r.owned_from, r.sold_on, h.owned_from)", ("owned_from", "sold_on")
                ),
            },
            fixed={"customer_id": "r.customer_id", "store_id": "r.store_id"},
            rows=(
                "import_resolved r join customers_vehicle v"
                " on v.tenant_id = $tenant and v.vin = r.vin left join customers_ownership h"
                " on h.tenant_id = $tenant and h.vehicle_id = v.id and h.source_id = r.source_id"
            ),
            record="ownership",
        ),
        primary=True,
    )
    if loading.wrote:
        refresh_vehicle_stores(loading, "select vin from import_resolved")


def refresh_vehicle_stores(loading: "Loading", vins: str) -> None:
    """Stores that sold, own or served the vehicles of ``vins``, for row-level security."""
    loading.run(
        "with touched as materialized (select id from customers_vehicle"
        f" where tenant_id = $tenant and vin in ({vins}))"
        " update customers_vehicle v set stores = n.stores from ("
        " select vehicle_id, array_agg(distinct store_id order by store_id) as stores from ("
        " select o.vehicle_id, o.store_id from customers_ownership o"
        " join touched on touched.id = o.vehicle_id where o.tenant_id = $tenant"
        " union select t.vehicle_id, t.store_id from customers_visit t"
        " join touched on touched.id = t.vehicle_id where t.tenant_id = $tenant) x group by 1) n"
        " where v.id = n.vehicle_id and v.tenant_id = $tenant and v.stores <> n.stores"
    )


VEHICLES = Kind(
    name="vehicles",
    columns=(
        column("vin", VIN, "车架号", "底盘号", "车辆识别代号", required=True),
        column("store_code", code_type(40), "门店代码", "门店编码", "店代码", required=True),
        column("customer_no", code_type(60), "客户编号", "客户代码", "客户号", required=True),
        column("plate", PLATE, "车牌号", "车牌", "牌照号"),
        column("brand", text_type(60), "品牌"),
        column("series", text_type(80), "车系"),
        column("model", text_type(120), "车型"),
        column("model_year", whole_type(1950, 2100), "年款", "车型年"),
        column(
            "energy",
            choice_type(
                ice="燃油 汽油 柴油", hev="混动", phev="插混 插电混动", bev="纯电", erev="增程"
            ),
            "能源类型",
            "燃料类型",
        ),
        column(
            "usage",
            choice_type(household="家用 私用", business="商用 公务", taxi="出租 网约车 营运"),
            "车辆用途",
            "使用性质",
        ),
        column("sold_on", PAST_DAY, "销售日期", "购车日期"),
        column("sold_used", TRUTH, "二手车"),
        column("built_on", PAST_DAY, "生产日期", "出厂日期"),
        column("km_at_sale", whole_type(0, 2_000_000), "销售里程"),
        column("warranty_until", DAY, "质保到期", "质保截止日期"),
        column("extended_warranty", TRUTH, "延保"),
        column("service_plan", TRUTH, "保养套餐"),
        column("insurance_until", DAY, "保险到期", "保险到期日"),
        column("service_interval_days", whole_type(1, 3650), "保养间隔天数"),
        column("service_interval_km", whole_type(100, 200_000), "保养间隔里程"),
        column("owned_from", PAST_DAY, "拥有起始", "过户日期"),
        column("owned_to", PAST_DAY, "拥有截止"),
    ),
    key=("vin", "store_id", "customer_no"),
    joins=f"{STORE} {SOURCE}",
    resolved={
        "store_id": "u.id",
        "source_id": "cs.id",
        "customer_id": "cs.customer_id",
        **withholding.MARK,
    },
    prepare=(withholding.of_erased("plate"),),
    checks=(
        UNKNOWN_STORE,
        UNKNOWN_CUSTOMER,
        Check(
            "ends_before_starts",
            "owned_to",
            "r.owned_to < coalesce(r.owned_from, r.sold_on)",
            {"start": "coalesce(r.owned_from, r.sold_on)", "end": "owned_to"},
        ),
        Check(
            "before_built",
            "sold_on",
            "r.sold_on < r.built_on",
            {"day": "sold_on", "built": "built_on"},
        ),
    ),
    notices=(
        withholding.NOTICE,
        Notice(
            "vehicle_of_another",
            query="select count(*), '' from import_newest n join customers_vehicle t"
            " on t.tenant_id = $tenant and t.vin = n.vin where not n.leads and n.plate <> t.plate",
        ),
        Notice("vin_check_digit", "not r.vin_fits"),
    ),
    custom=_write_vehicles,
)

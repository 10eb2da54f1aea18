"""Repair orders and their lines. Amounts become net of VAT by the division's policy; costs are
booked net already."""

# ruff: noqa: S608 - SQL is put together from this package's declarations, never from cells.

from dataclasses import replace
from typing import TYPE_CHECKING

from customers.importing import withholding
from customers.importing.columns import (
    INSTANT,
    MONEY,
    PAST_INSTANT,
    TRUTH,
    choice_type,
    code_type,
    column,
    number_type,
    text_type,
    whole_type,
)
from customers.importing.identifiers import MOBILE, VIN
from customers.importing.kinds.kind import (
    SOURCE,
    STORE,
    UNKNOWN_CUSTOMER,
    UNKNOWN_STORE,
    UNKNOWN_VEHICLE,
    VEHICLE,
    VISIT,
    Check,
    Kind,
    Notice,
    Recognition,
    Value,
    Write,
    same,
    words,
)
from customers.importing.kinds.vehicles import refresh_vehicle_stores
from customers.importing.sealing import seal_new

if TYPE_CHECKING:
    from customers.importing.loading import Loading

JOB_KINDS = choice_type(
    first_service="首保",
    maintenance="定保 保养 定期保养 小保养 大保养",
    repair="维修 一般维修",
    body_paint="钣喷 钣金喷漆",
    accident="事故 事故车",
    warranty="索赔 质保 保修",
    recall="召回",
    tyre="轮胎",
    accessories="精品",
    pdi="PDI 售前检查 新车检查",
    comeback="返修",
    other="其他",
)
PAYERS = choice_type(customer="自费 客户", warranty="索赔 厂家", insurance="保险", internal="内部")
# The rate of each store from day to day: that of its nearest unit with a policy for all models.
BASIS = (
    "drop table if exists import_basis",
    "create temp table import_basis as with held as ("
    " select u.id as store_id, p.valid_from, p.amounts_include_vat, p.vat_rate, dense_rank() over"
    " (partition by u.id order by array_position(u.path, p.unit_id) desc) as distance"
    " from organization_unit u join customers_brandpolicy p on p.tenant_id = $tenant"
    " and p.unit_id = any(u.path) and p.model = ''"
    " and (p.vat_rate is not null or p.amounts_include_vat is not null)"
    " where u.tenant_id = $tenant and u.level = 'store'),"
    " nearest as (select *, lead(valid_from, 1, 'infinity') over"
    " (partition by store_id order by valid_from) as valid_to from held where distance = 1)"
    " select store_id, valid_from, valid_to, true as declared, case when"
    " coalesce(amounts_include_vat, true) then 1 + coalesce(vat_rate, 0.13) else 1 end::float8"
    " as divisor from nearest"
    " union all select u.id, '-infinity', coalesce((select min(valid_from) from nearest n"
    " where n.store_id = u.id), 'infinity'), false, 1.13 from organization_unit u"
    " where u.tenant_id = $tenant and u.level = 'store'",
    "analyze import_basis",
)
_UNDECLARED = Notice(
    "no_vat_policy",
    "not r.declared",
    names="r.store_code",
)
_PAYS = ("pay_customer", "pay_warranty", "pay_insurance", "pay_internal")
_TOTAL = "coalesce(s.labour_amount, 0) + coalesce(s.parts_amount, 0) - coalesce(s.discount, 0)"
_PAID = " + ".join(f"coalesce(s.{name}, 0)" for name in _PAYS)
_NO_PAYER = (
    "coalesce(s.pay_customer, s.pay_warranty, s.pay_insurance, s.pay_internal) is null"
    " and coalesce(s.labour_amount, s.parts_amount) is not null"
)


def _net(expression: str) -> str:
    return f"round({expression} * r.sign / r.divisor)::bigint"


def _pay(name: str) -> Value:
    if name == "pay_customer":
        amount = "case when r.no_payer then r.total else coalesce(r.pay_customer, 0) end"
        return Value(_net(f"({amount})"), (*_PAYS, "labour_amount", "parts_amount", "discount"))
    return Value(_net(f"coalesce(r.{name}, 0)"), (name,))


_HIGH_KM = 200_000  # above its neighbours, a jump
# Only vehicles that ever showed as much can have jumped: the window stays small.
_JUMPS = (
    "with high as (select distinct vehicle_id from import_resolved"
    f" where mileage_km >= {_HIGH_KM}),"
    " known as (select o.vehicle_id, o.row, o.opened_at::date as day, o.mileage_km, o.store_id,"
    " o.ro_no from import_resolved o join high using (vehicle_id) where o.mileage_km is not null"
    " union all select t.vehicle_id, null, t.day, t.mileage_km, t.store_id, t.ro_no"
    " from customers_visit t"
    " join high using (vehicle_id) where t.tenant_id = $tenant and t.mileage_km is not null"
    " and not exists (select from import_resolved o where o.store_id = t.store_id"
    " and o.ro_no = t.ro_no)),"
    " beside as (select row, mileage_km, greatest(lag(mileage_km) over w, lead(mileage_km) over w)"
    # The same order whether a neighbour comes with this file or is there already.
    " as near from known window w as (partition by vehicle_id order by day, store_id, ro_no, row))"
    " update import_resolved r set near_km = beside.near from beside"
    f" where beside.row = r.row and beside.mileage_km - beside.near >= {_HIGH_KM}"
)
# An advisor is named by user name, or by a name that only one person bears.
_ADVISORS = (
    "select label, min(id) as id from ("
    " select username as label, id from organization_staff where tenant_id = $tenant"
    " union select name, id from organization_staff where tenant_id = $tenant) x"
    " group by label having count(distinct id) = 1"
)
_STAFF = f"left join ({_ADVISORS}) st on st.label = s.advisor"
_RECOGNITION = Recognition(
    table="customers_visit",
    references={
        # The store that the code names, and the rates of its days.
        "store_code": (
            "select u.code, concat(u.id, ' ', string_agg(concat_ws(' ', b.valid_from, b.declared,"
            " b.divisor), ',' order by b.valid_from)) from organization_unit u"
            " join import_basis b on b.store_id = u.id"
            " where u.tenant_id = $tenant and u.level = 'store' group by u.id"
        ),
        "advisor": f"select label, id::text from ({_ADVISORS}) st",
    },
    looked_up=("customer_no", "vin"),
    joins=(
        "join customers_customersource cs on cs.tenant_id = $tenant and cs.id = t.source_id"
        " and cs.store_id = t.store_id and cs.customer_no = d.customer_no"
        " and cs.customer_id = t.customer_id"
        " left join customers_vehicle ve on ve.tenant_id = $tenant and ve.id = t.vehicle_id"
    ),
    holds=(
        "ve.vin is not distinct from d.vin and (ve.built_on is null or t.day >= ve.built_on)"
        # Whether these stand depends on other visits.
        f" and t.status <> 'credit' and coalesce(t.mileage_km, 0) < {_HIGH_KM}"
        # What an erased person's feed brings is withheld each time.
        " and not exists (select from customers_customer c where c.tenant_id = $tenant"
        " and c.id = t.customer_id and c.erased_at is not null)"
        " and not exists (select from customers_suppressedcontact c where c.tenant_id = $tenant"
        " and c.lookup = t.brought_by_lookup)"
    ),
    deleted=(
        "x.file = 'visits' and x.ro_no = t.ro_no and x.store_code = (select u.code"
        " from organization_unit u where u.tenant_id = $tenant and u.id = t.store_id)"
    ),
)


def _write_visits(loading: "Loading") -> None:
    write = VISIT_WRITE
    if loading.has("brought_by_mobile"):
        seal_new(
            loading,
            "brought_by_mobile",
            rows="import_resolved r",
            table="customers_visit",
            match="t.store_id = r.store_id and t.ro_no = r.ro_no",
            target="brought_by_mobile",
            lookup="brought_by_lookup",
        )
        write = replace(write, rows="import_resolved r left join import_sealed z on z.row = r.row")
    else:
        sealed = {"brought_by_mobile": Value("null::bytea", ("brought_by_mobile",), compare=False)}
        write = replace(write, values={**write.values, **sealed})
    loading.upsert(write, primary=True)
    if loading.wrote:
        refresh_vehicle_stores(
            loading, "select vin from import_resolved where vehicle_id is not null"
        )


VISIT_WRITE = Write(
    table="customers_visit",
    key={"store_id": "r.store_id", "ro_no": "r.ro_no"},
    values={
        "source_id": Value("r.source_id", ("customer_no",)),
        "customer_id": Value("r.customer_id", ("customer_no",)),
        "vehicle_id": Value("r.vehicle_id", ("vin",)),
        "opened_at": Value("r.opened_at at time zone $zone", ("opened_at",)),
        "day": Value("r.opened_at::date", ("opened_at",)),
        "promised_at": Value("r.promised_at at time zone $zone", ("promised_at",)),
        "closed_at": Value("r.closed_at at time zone $zone", ("closed_at",)),
        "mileage_km": Value("case when r.near_km is null then r.mileage_km end", ("mileage_km",)),
        "kind": Value("coalesce(r.kind, 'other')", ("kind",)),
        "status": Value("coalesce(r.status, 'closed')", ("status",)),
        "advisor_id": Value("r.advisor_id", ("advisor",)),
        "advisor_name": Value("coalesce(r.advisor, '')", ("advisor",)),
        **same("appointment", "comeback", "wait_minutes"),
        **words("brought_by", "original_ro_no"),
        "brought_by_lookup": Value("r.brought_by_mobile_lookup", ("brought_by_mobile",)),
        "brought_by_mobile": Value("z.sealed", ("brought_by_mobile",), compare=False),
        **{f"{name}_fen": _pay(name) for name in _PAYS},
        "labour_fen": Value(_net("r.labour_amount"), ("labour_amount",)),
        "parts_fen": Value(_net("r.parts_amount"), ("parts_amount",)),
        "discount_fen": Value(_net("r.discount"), ("discount",)),
        "cost_fen": Value(
            "case when r.status = 'credit' then -abs(r.cost) else r.cost end", ("cost",)
        ),
    },
    record="visit",
)
VISITS = Kind(
    name="visits",
    columns=(
        column("store_code", code_type(40), "门店代码", "门店编码", "店代码", required=True),
        column("ro_no", code_type(60), "工单号", "委托书号", "结算单号", required=True),
        column("customer_no", code_type(60), "客户编号", "客户代码", "客户号", required=True),
        column("opened_at", PAST_INSTANT, "开单时间", "进厂时间", "进厂日期", required=True),
        column("vin", VIN, "车架号", "底盘号", "车辆识别代号"),
        column("brought_by", text_type(120), "送修人"),
        column("brought_by_mobile", MOBILE, "送修人手机", "送修人电话"),
        column("promised_at", INSTANT, "预计交车时间", "约定交车时间"),
        column("closed_at", PAST_INSTANT, "结算时间", "交车时间", "出厂时间"),
        column("mileage_km", whole_type(0, 2_000_000), "里程", "行驶里程", "进厂里程"),
        column("kind", JOB_KINDS, "业务类型", "维修类型", "工单类型"),
        column("advisor", text_type(80), "服务顾问", "接车员"),
        column("appointment", TRUTH, "预约", "是否预约"),
        column("pay_customer", MONEY, "自费", "自费金额", "客户付费", row=True),
        column("pay_warranty", MONEY, "索赔", "索赔金额", "厂家付费", row=True),
        column("pay_insurance", MONEY, "保险", "保险金额", "保险付费", row=True),
        column("pay_internal", MONEY, "内部", "内部金额", "内部付费", row=True),
        column("labour_amount", MONEY, "工时费", row=True),
        column("parts_amount", MONEY, "配件费", "材料费", row=True),
        column("discount", MONEY, "折扣", "优惠金额", row=True),
        column("cost", MONEY, "成本", "成本金额", row=True),
        column("wait_minutes", whole_type(0, 100_000), "等待分钟", "等待时间"),
        column("comeback", TRUTH, "返修", "是否返修"),
        column(
            "status",
            choice_type(
                open="未结算 在修",
                closed="已结算 结算 已完成",
                cancelled="作废 取消 已取消",
                credit="冲红 红字 冲销",
            ),
            "状态",
            "工单状态",
            row=True,
        ),
        column("original_ro_no", code_type(60), "原工单号"),
    ),
    key=("store_id", "ro_no"),
    before=BASIS,
    joins=(
        f"{STORE} {SOURCE} {VEHICLE} {_STAFF}"
        " left join import_basis b on b.store_id = u.id and s.opened_at >= b.valid_from"
        " and s.opened_at < b.valid_to"
    ),
    resolved={
        "store_id": "u.id",
        "source_id": "cs.id",
        "customer_id": "cs.customer_id",
        "vehicle_id": "ve.id",
        "built_on": "ve.built_on",
        "advisor_id": "st.id",
        "divisor": "b.divisor",
        "declared": "b.declared",
        "no_payer": f"({_NO_PAYER})",
        "total": f"({_TOTAL})",
        "sign": (
            f"case when s.status = 'credit' and (case when {_NO_PAYER} then {_TOTAL}"
            f" else {_PAID} end) > 0 then -1 else 1 end"
        ),
        "near_km": "null::integer",
        **withholding.MARK,
    },
    prepare=(
        _JUMPS,
        withholding.of_erased(
            *("brought_by", "brought_by_mobile_lookup", "brought_by_mobile_sealed"),
            "brought_by_mobile_tail",
        ),
        withholding.of_suppressed("brought_by_mobile", "brought_by"),
    ),
    checks=(
        UNKNOWN_STORE,
        UNKNOWN_CUSTOMER,
        UNKNOWN_VEHICLE,
        Check(
            "closed_before_opened",
            "closed_at",
            "r.closed_at < r.opened_at",
            {"closed": "closed_at", "opened": "opened_at"},
        ),
        Check(
            "before_built",
            "opened_at",
            "r.opened_at::date < r.built_on",
            {"day": "r.opened_at::date", "built": "built_on"},
        ),
        Check(
            "credit_without_original",
            "original_ro_no",
            "r.status = 'credit' and r.original_ro_no is null",
        ),
        Check(
            "unknown_original",
            "original_ro_no",
            "r.status = 'credit' and r.original_ro_no is not null and r.store_id is not null"
            " and not exists (select from customers_visit t where t.tenant_id = $tenant"
            " and t.store_id = r.store_id and t.ro_no = r.original_ro_no)"
            " and not exists (select from import_resolved o where o.store_id = r.store_id"
            " and o.ro_no = r.original_ro_no)",
            {"value": "original_ro_no", "store": "store_code"},
        ),
        Check(
            "mileage_jump",
            "mileage_km",
            "r.near_km is not null",
            {"value": "mileage_km", "near": "near_km"},
            whole_row=False,
        ),
    ),
    notices=(
        _UNDECLARED,
        withholding.NOTICE,
        Notice("pay_assumed_customer", "r.no_payer"),
        Notice(
            "amounts_differ",
            "not r.no_payer and coalesce(r.labour_amount, r.parts_amount) is not null"
            f" and abs(r.total - ({_PAID.replace('s.', 'r.')}))"
            " > greatest(100, abs(r.total) / 100)",
        ),
        Notice("unknown_advisor", "r.advisor is not null and r.advisor_id is null"),
    ),
    custom=_write_visits,
    recognition=_RECOGNITION,
)
VISIT_LINES = Kind(
    name="visit_lines",
    columns=(
        column("store_code", code_type(40), "门店代码", "门店编码", "店代码", required=True),
        column("ro_no", code_type(60), "工单号", "委托书号", "结算单号", required=True),
        column("line_no", code_type(20), "行号", "序号", required=True),
        column("kind", JOB_KINDS, "业务类型", "维修类型"),
        column("op_code", code_type(40), "工时代码", "项目代码"),
        column("description", text_type(300), "项目名称", "描述", "维修项目"),
        column("labour_hours", number_type(8, 2), "工时", "工时数"),
        column("labour_amount", MONEY, "工时费", row=True),
        column("part_no", code_type(60), "配件编码", "配件号", "零件号"),
        column("quantity", number_type(10, 3), "数量"),
        column("parts_amount", MONEY, "配件费", "材料费", row=True),
        column("cost", MONEY, "成本", "成本金额", row=True),
        column("pay_type", PAYERS, "付费类型", "付款方", row=True),
        column("declined", TRUTH, "未做", "客户拒绝", "未做建议项目"),
    ),
    key=("visit_id", "line_no"),
    before=BASIS,
    joins=(
        f"{STORE} {VISIT} left join import_basis b on b.store_id = u.id"
        " and vi.day >= b.valid_from and vi.day < b.valid_to"
    ),
    resolved={
        "store_id": "u.id",
        "visit_id": "vi.id",
        "divisor": "b.divisor",
        "declared": "coalesce(b.declared, true)",
        "sign": (
            "case when vi.status = 'credit'"
            " and coalesce(s.labour_amount, 0) + coalesce(s.parts_amount, 0) > 0"
            " then -1 else 1 end"
        ),
        "credit": "coalesce(vi.status = 'credit', false)",
    },
    checks=(
        UNKNOWN_STORE,
        Check(
            "unknown_visit",
            "ro_no",
            "r.store_id is not null and r.visit_id is null",
            {"value": "ro_no", "store": "store_code"},
        ),
    ),
    notices=(_UNDECLARED,),
    write=Write(
        table="customers_visitline",
        key={"visit_id": "r.visit_id", "line_no": "r.line_no"},
        values={
            **words("kind", "op_code", "description", "part_no", "pay_type"),
            **same("labour_hours", "quantity"),
            "labour_fen": Value(_net("r.labour_amount"), ("labour_amount",)),
            "parts_fen": Value(_net("r.parts_amount"), ("parts_amount",)),
            "cost_fen": Value("case when r.credit then -abs(r.cost) else r.cost end", ("cost",)),
            "declined": Value("coalesce(r.declined, false)", ("declined",)),
        },
        fixed={"store_id": "r.store_id"},
        record="visit_line",
    ),
)

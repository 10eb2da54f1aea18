"""Customers by the stores' own numbers, and the vehicles that they own."""

# ruff: noqa: S608 - SQL is put together from this package's declarations, never from cells.

from typing import TYPE_CHECKING

from customers.importing import withholding
from customers.importing.columns import (
    DAY,
    NAME,
    PAST_DAY,
    TRUTH,
    choice_type,
    code_type,
    column,
    number_type,
    text_type,
    whole_type,
)
from customers.importing.identifiers import ID_NUMBER, MOBILE, PHONE, PLATE, VIN
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
    words,
)
from customers.importing.sealing import seal_new
from customers.reasons import DUTIES

if TYPE_CHECKING:
    from customers.importing.loading import Loading

CUSTOMER_KINDS = choice_type(
    person="个人 私人",
    company="公司 单位 企业",
    fleet="车队 大客户",
    employee="员工 内部员工",
    insurer="保险公司",
    internal="内部 本店",
)
_CONTACTS = ("mobile", "phone2", "id_number")
_CONSENTS = {"consent_marketing": "marketing", "consent_sharing": "sharing"}
IS_TEST = (
    "(coalesce(r.name_key ~ '测试|^test', false)"
    " or coalesce(r.mobile_lookup in ($placeholders), false))"
)


def _write_customers(loading: "Loading") -> None:
    _new_customers(loading)
    loading.upsert(
        Write(
            table="customers_customersource",
            key={"store_id": "r.store_id", "customer_no": "r.customer_no"},
            values={
                "kind": Value("coalesce(r.kind, 'person')", ("kind",)),
                **words("name", "gender", "city", "address", "origin_channel", "referred_by"),
                **same("birth_date", "distance_km", "created_on"),
            },
            fixed={"customer_id": "n.id"},
            rows="import_resolved r left join import_new n on n.row = r.row",
            record="customer_source",
        ),
        primary=True,
    )
    loading.run(
        "create temp table import_known as select r.*, cs.id as source_id, cs.customer_id"
        " from import_resolved r join customers_customersource cs on cs.tenant_id = $tenant"
        " and cs.store_id = r.store_id and cs.customer_no = r.customer_no",
        temporary="import_known",
    )
    for contact in _CONTACTS:
        if loading.has(contact):
            _write_contact(loading, contact)
    for name, purpose in _CONSENTS.items():
        if loading.has(name):
            _write_consent(loading, name, purpose)
    if loading.has("consent_marketing"):
        _stop_calling(loading)
    _refresh_customers(loading)


def _new_customers(loading: "Loading") -> None:
    """Each new number is a customer of its own until identity says otherwise."""
    loading.run(
        "create temp table import_new as select r.row,"
        " nextval(pg_get_serial_sequence('customers_customer', 'id')) as id"
        " from import_resolved r where not exists (select from customers_customersource t"
        " where t.tenant_id = $tenant and t.store_id = r.store_id"
        " and t.customer_no = r.customer_no)",
        temporary="import_new",
    )
    loading.run(
        "insert into customers_customer (id, tenant_id, uid, kind, name, name_key, gender,"
        " birth_date, city, created_on, home_store_id, stores, do_not_contact, is_test)"
        " select n.id, $tenant, gen_random_uuid(), coalesce(r.kind, 'person'),"
        " coalesce(r.name, ''), coalesce(r.name_key, ''), coalesce(r.gender, ''), r.birth_date,"
        f" coalesce(r.city, ''), r.created_on, r.store_id, array[r.store_id], false, {IS_TEST}"
        " from import_new n join import_resolved r on r.row = n.row"
    )


def _write_contact(loading: "Loading", contact: str) -> None:
    seal_new(
        loading,
        contact,
        rows="import_known r",
        table="customers_contactpoint",
        match=f"t.source_id = r.source_id and t.kind = '{contact}'",
        target="sealed",
        lookup="lookup",
    )
    loading.upsert(
        Write(
            table="customers_contactpoint",
            key={"source_id": "r.source_id", "kind": f"'{contact}'"},
            values={
                "lookup": Value(f"r.{contact}_lookup"),
                "sealed": Value("z.sealed", compare=False),
                "tail": Value(f"r.{contact}_tail"),
            },
            fixed={"customer_id": "r.customer_id", "store_id": "r.store_id"},
            rows="import_known r left join import_sealed z on z.row = r.row",
            where=f"r.{contact}_lookup is not null",
            record="contact",
        )
    )
    loading.remove(
        table="customers_contactpoint",
        record="contact",
        rows=(
            "select t.id, r.row from customers_contactpoint t join import_known r"
            f" on t.source_id = r.source_id and t.kind = '{contact}'"
            f" where t.tenant_id = $tenant and r.{contact}_lookup is null"
        ),
    )


def _write_consent(loading: "Loading", name: str, purpose: str) -> None:
    # Two numbers of one person at one store that disagree: no is the safer answer.
    # What was recorded here stays until the feed itself says something else than it said before.
    kept = (
        "c.id is not null and (c.fed is not distinct from k.fed"
        " or (c.fed is null and c.origin <> 'import'))"
    )
    rows = (
        "(select k.*,"
        f" case when {kept} then c.given else k.fed end as given,"
        f" case when {kept} then c.origin else 'import' end as origin,"
        f" case when {kept} then c.recorded_at else now() end as recorded_at"
        f" from (select customer_id, store_id, max(row) as row, bool_and({name}) as fed"
        f" from import_known where {name} is not null group by 1, 2) k"
        " left join customers_consent c on c.tenant_id = $tenant"
        " and c.customer_id = k.customer_id and c.store_id = k.store_id"
        f" and c.purpose = '{purpose}') r"
    )
    loading.upsert(
        Write(
            table="customers_consent",
            key={
                "customer_id": "r.customer_id",
                "store_id": "r.store_id",
                "purpose": f"'{purpose}'",
            },
            values={
                "given": Value("r.given"),
                "fed": Value("r.fed"),
                "recorded_at": Value("r.recorded_at", compare=False),
                "origin": Value("r.origin", compare=False),
            },
            rows=rows,
            record="consent",
        )
    )


def _stop_calling(loading: "Loading") -> None:
    """Who refuses marketing leaves the lists of every store with the same load, duties apart."""
    duties = ", ".join(f"'{code}'" for code in DUTIES)
    loading.run(
        "update customers_followup f set closed_at = now() where f.tenant_id = $tenant"
        f" and f.closed_at is null and f.reason not in ({duties})"
        " and f.customer_id in (select n.customer_id from customers_consent n"
        " join import_known k on k.customer_id = n.customer_id where n.tenant_id = $tenant"
        " and n.purpose = 'marketing' and not n.given)"
    )


def _refresh_customers(loading: "Loading") -> None:
    """What a customer is called comes from the number at the home store, the oldest first."""
    loading.run(
        "update customers_customer c set kind = p.kind, name = p.name, name_key = p.name_key,"
        " gender = p.gender, birth_date = p.birth_date, city = p.city, created_on = p.created_on"
        " from (select distinct on (cs.customer_id) cs.customer_id, cs.kind, cs.name, r.name_key,"
        " cs.gender, cs.birth_date, cs.city, min(cs.created_on) over (partition by cs.customer_id)"
        " as created_on, r.row"
        " from customers_customersource cs"
        " join customers_customer c on c.id = cs.customer_id and c.tenant_id = $tenant"
        " left join (select source_id, row, coalesce(name_key, '') as name_key"
        " from import_known) r on r.source_id = cs.id"
        " where cs.tenant_id = $tenant"
        " and cs.customer_id in (select customer_id from import_known)"
        " order by cs.customer_id, (cs.store_id = c.home_store_id) desc, cs.id) p"
        " where c.id = p.customer_id and p.row is not null"
        " and (c.kind, c.name, c.name_key, c.gender, c.birth_date, c.city, c.created_on)"
        " is distinct from"
        " (p.kind, p.name, p.name_key, p.gender, p.birth_date, p.city, p.created_on)"
    )
    loading.run(
        "update customers_customer c set is_test = true from import_known r"
        f" where c.id = r.customer_id and c.tenant_id = $tenant and not c.is_test and {IS_TEST}"
    )


CUSTOMERS = Kind(
    name="customers",
    columns=(
        column("store_code", code_type(40), "门店代码", "门店编码", "店代码", required=True),
        column("customer_no", code_type(60), "客户编号", "客户代码", "客户号", required=True),
        column("name", NAME, "客户名称", "客户姓名", "姓名"),
        column("kind", CUSTOMER_KINDS, "客户类型", "客户性质", row=True),
        column("mobile", MOBILE, "手机", "手机号", "手机号码", "移动电话"),
        column("phone2", PHONE, "备用电话", "固定电话", "电话2", "联系电话"),
        column("id_number", ID_NUMBER, "证件号码", "身份证号", "身份证"),
        column("birth_date", PAST_DAY, "出生日期", "生日"),
        column("gender", choice_type(male="男 m 先生", female="女 f 女士"), "性别"),
        column("city", text_type(80), "城市"),
        column("address", text_type(300), "地址", "联系地址"),
        column("origin_channel", text_type(60), "客户来源", "来源渠道"),
        column("referred_by", code_type(60), "推荐人", "介绍人"),
        column("consent_marketing", TRUTH, "营销同意", "同意营销"),
        column("consent_sharing", TRUTH, "共享同意", "同意共享"),
        column("distance_km", number_type(7, 2, 0), "距离公里", "距店距离"),
        column("created_on", PAST_DAY, "建档日期", "创建日期"),
    ),
    key=("store_id", "customer_no"),
    joins=STORE,
    resolved={"store_id": "u.id", **withholding.MARK},
    prepare=withholding.CUSTOMERS,
    checks=(UNKNOWN_STORE,),
    notices=(withholding.NOTICE,),
    custom=_write_customers,
)

_CAR_WORDS = ("plate", "brand", "series", "model", "energy", "usage")
_CAR_WORD_VALUES = [f"coalesce(r.{name}, '')" for name in _CAR_WORDS]
_CAR_FACTS = (
    *("model_year", "built_on", "warranty_until", "extended_warranty", "service_plan"),
    *("insurance_until", "service_interval_days", "service_interval_km"),
)


def _write_vehicles(loading: "Loading") -> None:
    """One vehicle a VIN, from the row of its newest ownership; then one ownership a row."""
    newest = (
        "(select distinct on (vin) * from import_resolved order by vin,"
        " (owned_to is null) desc, coalesce(owned_from, sold_on) desc nulls last, row desc) r"
    )
    # Not known in the newest row is not a correction: another store may have known it.
    kept = {
        name: Value(f"coalesce(r.{name}, t.{name})", (name,)) for name in (*_CAR_WORDS, *_CAR_FACTS)
    }
    kept["plate_tail"] = Value("coalesce(right(r.plate, 5), t.plate_tail)", ("plate",))
    loading.upsert(
        Write(
            table="customers_vehicle",
            key={"vin": "r.vin"},
            values=kept,
            rows=newest,
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
        f" from {newest}"
        " where not exists (select from customers_vehicle t"
        " where t.tenant_id = $tenant and t.vin = r.vin)"
    )
    loading.upsert(
        Write(
            table="customers_ownership",
            key={"vehicle_id": "v.id", "source_id": "r.source_id"},
            values=same("sold_on", "sold_used", "km_at_sale", "owned_to")
            | {"owned_from": Value("coalesce(r.owned_from, r.sold_on)", ("owned_from", "sold_on"))},
            fixed={"customer_id": "r.customer_id", "store_id": "r.store_id"},
            rows=(
                "import_resolved r join customers_vehicle v"
                " on v.tenant_id = $tenant and v.vin = r.vin"
            ),
            record="ownership",
        ),
        primary=True,
    )
    refresh_vehicle_stores(loading, "select vin from import_resolved")


def refresh_vehicle_stores(loading: "Loading", vins: str) -> None:
    """Stores that sold, own or served the vehicles of ``vins``, for row-level security."""
    loading.run(
        "update customers_vehicle v set stores = n.stores from ("
        " select vehicle_id, array_agg(distinct store_id order by store_id) as stores from ("
        " select o.vehicle_id, o.store_id from customers_ownership o where o.tenant_id = $tenant"
        " union select t.vehicle_id, t.store_id from customers_visit t"
        " where t.tenant_id = $tenant and t.vehicle_id is not null) x"
        " where vehicle_id in (select id from customers_vehicle where tenant_id = $tenant"
        f" and vin in ({vins})) group by 1) n"
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
            "vin_check_digit", "select count(*), '' from import_resolved r where not r.vin_fits"
        ),
    ),
    custom=_write_vehicles,
)

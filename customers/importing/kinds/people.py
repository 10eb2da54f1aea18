"""Customers by the stores' own numbers: contacts, consents, what a customer is called."""

# ruff: noqa: S608 - SQL is put together from this package's declarations, never from cells.

from typing import TYPE_CHECKING

from customers.importing import withholding
from customers.importing.columns import (
    NAME,
    PAST_DAY,
    TRUTH,
    choice_type,
    code_type,
    column,
    number_type,
    text_type,
)
from customers.importing.identifiers import ID_NUMBER, MOBILE, PHONE
from customers.importing.kinds.kind import (
    STORE,
    UNKNOWN_STORE,
    Kind,
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
        # In the order of the file: the oldest number of a merge is the same whenever it is loaded.
        "create temp table import_new as select n.row,"
        " nextval(pg_get_serial_sequence('customers_customer', 'id')) as id from ("
        " select r.row from import_resolved r where not exists (select from"
        " customers_customersource t where t.tenant_id = $tenant and t.store_id = r.store_id"
        " and t.customer_no = r.customer_no) order by r.row) n",
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

"""What else happened between a store and a customer: contracts, events, surveys."""

from typing import TYPE_CHECKING

from customers.importing import withholding
from customers.importing.columns import (
    DAY,
    INSTANT,
    MONEY,
    PAST_INSTANT,
    choice_type,
    code_type,
    column,
    text_type,
    whole_type,
)
from customers.importing.identifiers import VIN
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
    Value,
    Write,
    fen,
    same,
    words,
)
from customers.importing.kinds.owners import change_owners, take_back_corrected

if TYPE_CHECKING:
    from customers.importing.loading import Loading

_STORE_CODE = column("store_code", code_type(40), "门店代码", "门店编码", "店代码", required=True)
_VIN = column("vin", VIN, "车架号", "底盘号", "车辆识别代号")
_RO_NO = column("ro_no", code_type(60), "工单号", "委托书号", "结算单号")
_UNKNOWN_VISIT = Check(
    "unknown_visit",
    "ro_no",
    "r.ro_no is not null and r.store_id is not null and r.visit_id is null",
    {"value": "ro_no", "store": "store_code"},
    whole_row=False,
)
_LINKS = {
    "store_id": "u.id",
    "source_id": "cs.id",
    "customer_id": "cs.customer_id",
    "vehicle_id": "ve.id",
}
CONTRACTS = Kind(
    name="contracts",
    columns=(
        _STORE_CODE,
        column("contract_no", code_type(60), "合同号", "合同编号", required=True),
        column("customer_no", code_type(60), "客户编号", "客户代码", "客户号", required=True),
        column(
            "type",
            choice_type(
                insurance="保险 车险",
                extended_warranty="延保",
                package="套餐 保养套餐",
                stored_value="储值",
                membership="会员",
                finance="金融",
                accessories="精品",
            ),
            "合同类型",
            "类型",
            required=True,
        ),
        _VIN,
        column("starts_on", DAY, "开始日期", "生效日期"),
        column("ends_on", DAY, "结束日期", "到期日期"),
        column("price", MONEY, "价格", "金额", row=True),
        column("cost", MONEY, "成本", row=True),
        column("commission", MONEY, "佣金", "返点", row=True),
        column("balance", MONEY, "余额", "未消费余额", row=True),
        column("status", text_type(30), "状态"),
        column("insurer", text_type(80), "保险公司"),
        column("policy_no", code_type(60), "保单号"),
    ),
    key=("store_id", "contract_no"),
    joins=f"{STORE} {SOURCE} {VEHICLE}",
    resolved=_LINKS | withholding.MARK,
    prepare=(withholding.of_erased("policy_no"),),
    notices=(withholding.NOTICE,),
    checks=(
        UNKNOWN_STORE,
        UNKNOWN_CUSTOMER,
        UNKNOWN_VEHICLE,
        Check(
            "ends_before_starts",
            "ends_on",
            "r.ends_on < r.starts_on",
            {"start": "starts_on", "end": "ends_on"},
        ),
    ),
    write=Write(
        table="customers_contract",
        key={"store_id": "r.store_id", "contract_no": "r.contract_no"},
        values={
            "source_id": Value("r.source_id", ("customer_no",)),
            "customer_id": Value("r.customer_id", ("customer_no",)),
            "vehicle_id": Value("r.vehicle_id", ("vin",)),
            **same("type", "starts_on", "ends_on"),
            **fen("price", "cost", "commission", "balance"),
            **words("status", "insurer", "policy_no"),
        },
        record="contract",
    ),
)
_EVENT = Write(
    table="customers_event",
    key={"store_id": "r.store_id", "event_no": "r.event_no"},
    values={
        **same("kind"),
        "happened_at": Value("r.happened_at at time zone $zone", ("happened_at",)),
        "day": Value("r.happened_at::date", ("happened_at",)),
        "source_id": Value("r.source_id", ("customer_no",)),
        "customer_id": Value("r.customer_id", ("customer_no",)),
        "vehicle_id": Value("r.vehicle_id", ("vin",)),
        "visit_id": Value("r.visit_id", ("ro_no",)),
        **words("status", "reason", "detail"),
        "staff_name": Value("coalesce(r.staff, '')", ("staff",)),
    },
    record="event",
)


def _write_events(loading: "Loading") -> None:
    take_back_corrected(loading)
    loading.upsert(_EVENT, primary=True)
    change_owners(loading)


EVENTS = Kind(
    name="events",
    columns=(
        _STORE_CODE,
        column("event_no", code_type(60), "事件编号", "事件号", required=True),
        column(
            "kind",
            choice_type(
                appointment="预约",
                no_show="爽约",
                complaint="投诉 客诉",
                accident_report="出险",
                recall_notice="召回 召回通知",
                call="电话 回访 跟进",
                referral="转介绍",
                ownership_change="过户",
            ),
            "事件类型",
            "类型",
            required=True,
        ),
        column("happened_at", INSTANT, "发生时间", "时间", required=True),
        column("customer_no", code_type(60), "客户编号", "客户代码", "客户号"),
        _VIN,
        _RO_NO,
        column("status", text_type(30), "状态"),
        column("reason", text_type(200), "原因"),
        column("detail", text_type(500), "详情", "内容"),
        column("staff", text_type(80), "员工", "经办人"),
    ),
    key=("store_id", "event_no"),
    joins=f"{STORE} {SOURCE} {VEHICLE} {VISIT}",
    resolved=_LINKS | {"visit_id": "vi.id"} | withholding.MARK,
    prepare=(withholding.of_erased("reason", "detail"),),
    notices=(withholding.NOTICE,),
    checks=(
        UNKNOWN_STORE,
        UNKNOWN_CUSTOMER,
        UNKNOWN_VEHICLE,
        _UNKNOWN_VISIT,
        # Only an appointment may lie ahead.
        Check(
            "in_the_future",
            "happened_at",
            "r.kind <> 'appointment' and r.happened_at::date > $tomorrow",
            {"value": "happened_at"},
        ),
    ),
    custom=_write_events,
)
# A survey that names only the vehicle belongs to who owned it at that store on that day.
_OWNER = (
    "left join lateral (select o.source_id, o.customer_id from customers_ownership o"
    " where o.tenant_id = $tenant and o.vehicle_id = ve.id and o.store_id = u.id"
    " and coalesce(o.owned_from, '-infinity') <= s.sent_at::date"
    " and coalesce(o.owned_to, 'infinity') > s.sent_at::date"
    " order by o.owned_from desc nulls last, o.id desc limit 1) ow"
    " on cs.id is null and vi.id is null"
)
NPS = Kind(
    name="nps",
    columns=(
        _STORE_CODE,
        column("survey_no", code_type(60), "问卷编号", "调查编号", required=True),
        column("sent_at", PAST_INSTANT, "发送时间", required=True),
        column("customer_no", code_type(60), "客户编号", "客户代码", "客户号"),
        _VIN,
        _RO_NO,
        column("answered_at", PAST_INSTANT, "答复时间", "回答时间"),
        column("score", whole_type(0, 10), "评分", "分数", row=True),
        column("channel", text_type(30), "渠道"),
        column("reason", text_type(100), "原因"),
        column("comment", text_type(10_000), "评论", "意见"),
    ),
    key=("store_id", "survey_no"),
    joins=f"{STORE} {SOURCE} {VEHICLE} {VISIT} {_OWNER}",
    resolved={
        "store_id": "u.id",
        "source_id": "coalesce(cs.id, vi.source_id, ow.source_id)",
        "customer_id": "coalesce(cs.customer_id, vi.customer_id, ow.customer_id)",
        "vehicle_id": "coalesce(ve.id, vi.vehicle_id)",
        "visit_id": "vi.id",
        "named_id": "cs.id",
        **withholding.MARK,
    },
    prepare=(withholding.of_erased("reason", "comment"),),
    notices=(withholding.NOTICE,),
    checks=(
        UNKNOWN_STORE,
        Check(
            "unknown_customer",
            "customer_no",
            "r.store_id is not null and r.customer_no is not null and r.named_id is null",
            {"value": "customer_no", "store": "store_code"},
        ),
        UNKNOWN_VEHICLE,
        _UNKNOWN_VISIT,
        Check(
            "answered_before_sent",
            "answered_at",
            "r.answered_at < r.sent_at",
            {"answered": "answered_at", "sent": "sent_at"},
        ),
    ),
    write=Write(
        table="customers_survey",
        key={"store_id": "r.store_id", "survey_no": "r.survey_no"},
        values={
            "source_id": Value("r.source_id", ("customer_no", "vin", "ro_no")),
            "customer_id": Value("r.customer_id", ("customer_no", "vin", "ro_no")),
            "vehicle_id": Value("r.vehicle_id", ("vin", "ro_no")),
            "visit_id": Value("r.visit_id", ("ro_no",)),
            "sent_at": Value("r.sent_at at time zone $zone", ("sent_at",)),
            "day": Value("r.sent_at::date", ("sent_at",)),
            "answered_at": Value("r.answered_at at time zone $zone", ("answered_at",)),
            **same("score"),
            **words("channel", "reason", "comment"),
        },
        record="survey",
    ),
)

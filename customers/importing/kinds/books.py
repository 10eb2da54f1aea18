"""The books' months, marketing spend, targets, and listed peers."""

from customers.importing.columns import (
    MONEY,
    MONTH,
    PAST_DAY,
    choice_type,
    code_type,
    column,
    number_type,
    text_type,
    whole_type,
)
from customers.importing.kinds.kind import (
    STORE,
    UNIT,
    UNKNOWN_STORE,
    UNKNOWN_UNIT,
    Kind,
    Write,
    fen,
    same,
    words,
)

_UNIT_CODE = column("unit_code", code_type(40), "单位代码", "门店代码", required=True)
_MONTH = column("month", MONTH, "月份", "年月", required=True)
MARKETING = Kind(
    name="marketing",
    columns=(
        column("store_code", code_type(40), "门店代码", "门店编码", "店代码", required=True),
        _MONTH,
        column("channel", text_type(60), "渠道", required=True),
        column("amount", MONEY, "金额", "费用", required=True),
        column("purpose", choice_type(new_customers="拉新 获客", retention="保客 维系"), "用途"),
        column("leads", whole_type(0, 10_000_000), "线索数"),
        column("new_customers", whole_type(0, 10_000_000), "新客户数"),
    ),
    key=("store_id", "month", "channel"),
    joins=STORE,
    resolved={"store_id": "u.id"},
    checks=(UNKNOWN_STORE,),
    write=Write(
        table="customers_marketingspend",
        key={"store_id": "r.store_id", "month": "r.month", "channel": "r.channel"},
        values={**fen("amount"), **words("purpose"), **same("leads", "new_customers")},
        record="marketing",
    ),
)
_AMOUNTS = {
    "revenue": "收入",
    "parts_cost": "配件成本",
    "labour_cost": "人工成本",
    "site_cost": "场地成本",
    "admin_expense": "管理费用",
    "selling_expense": "销售费用",
    "depreciation": "折旧",
    "amortisation": "摊销",
    "tax": "税金",
    "fixed_assets": "固定资产",
    "working_capital": "营运资金",
    "total_assets": "总资产",
    "inventory": "存货",
    "receivables": "应收账款",
    "payables": "应付账款",
    "operating_cash_flow": "经营现金流",
    "debt": "负债",
    "contract_liabilities": "合同负债",
}
FINANCIALS = Kind(
    name="financials",
    columns=(
        _UNIT_CODE,
        _MONTH,
        column("scope", choice_type(after_sales="售后", store="全店"), "范围", required=True),
        *(column(name, MONEY, chinese, row=True) for name, chinese in _AMOUNTS.items()),
        column("staff_count", whole_type(0, 1_000_000), "员工数"),
    ),
    key=("unit_id", "month", "scope"),
    joins=UNIT,
    resolved={"unit_id": "u.id"},
    checks=(UNKNOWN_UNIT,),
    write=Write(
        table="customers_monthlyfinancials",
        key={"unit_id": "r.unit_id", "month": "r.month", "scope": "r.scope"},
        values={**fen(*_AMOUNTS), **same("staff_count")},
        record="financials",
        store="null::bigint",
    ),
)
TARGETS = Kind(
    name="targets",
    columns=(
        _UNIT_CODE,
        _MONTH,
        column("metric", code_type(40), "指标", required=True),
        column("value", number_type(18, 4), "目标值", "数值", required=True),
    ),
    key=("unit_id", "month", "metric"),
    joins=UNIT,
    resolved={"unit_id": "u.id"},
    checks=(UNKNOWN_UNIT,),
    write=Write(
        table="customers_target",
        key={"unit_id": "r.unit_id", "month": "r.month", "metric": "r.metric"},
        values=same("value"),
        record="target",
        store="null::bigint",
    ),
)
COMPARABLES = Kind(
    name="comparables",
    columns=(
        column("name", text_type(120), "公司", "名称", required=True),
        column("as_of", PAST_DAY, "截至日期", "日期", required=True),
        column("growth_pct", number_type(8, 3), "增长率"),
        column("gross_margin_pct", number_type(8, 3), "毛利率"),
        column("roic_pct", number_type(8, 3), "投入资本回报率"),
        column("nps", number_type(6, 2), "净推荐值"),
        column("ps_multiple", number_type(8, 3), "市销率"),
        column("source", text_type(300), "来源"),
    ),
    key=("name", "as_of"),
    resolved={},
    write=Write(
        table="customers_comparable",
        key={"name": "r.name", "as_of": "r.as_of"},
        values={
            **same("growth_pct", "gross_margin_pct", "roic_pct", "nps", "ps_multiple"),
            **words("source"),
        },
        record="comparable",
        store="null::bigint",
    ),
)

"""Units, people who work in them, and the brands' policies."""

from typing import TYPE_CHECKING

from customers.importing.columns import (
    DAY,
    TRUTH,
    choice_type,
    code_type,
    column,
    number_type,
    text_type,
    whole_type,
)
from customers.importing.kinds.kind import Check, Kind, Value, Write, same, words

if TYPE_CHECKING:
    from customers.importing.loading import Loading

LEVELS = choice_type(
    group="集团", division="事业部 品牌事业部", region="区域 大区", store="门店 店"
)
_ABOVE = (
    "array_position(array['group','division','region','store'], p.level::text)"
    " < array_position(array['group','division','region','store'], s.level)"
)
ORG_UNITS = Kind(
    name="org_units",
    columns=(
        column("code", code_type(40), "单位代码", "组织代码", "编码", required=True),
        column("name", text_type(200), "单位名称", "组织名称", "名称", required=True),
        column("level", LEVELS, "层级", "级别", required=True),
        column(
            "parent_code",
            code_type(40),
            "上级代码",
            "上级单位",
            required=True,
            may_be_empty=True,
        ),
        column(
            "store_kind",
            choice_type(**{"4s": "4S 4s店 4S店", "non_4s": "非4S 非4s店 非4S店", "other": "其他"}),
            "门店类型",
        ),
        column("legal_entity", text_type(200), "法人主体", "公司名称"),
        column("city", text_type(80), "城市"),
        column("brand", text_type(80), "品牌"),
        column("imported", TRUTH, "进口品牌", "是否进口"),
        column("opened_on", DAY, "开业日期"),
        column("authorised_until", DAY, "授权到期", "授权截止日期"),
    ),
    key=("code",),
    joins=(
        "left join organization_unit p on p.tenant_id = $tenant and p.code = s.parent_code"
        f" and {_ABOVE}"
        " left join organization_unit own on own.tenant_id = $tenant and own.code = s.code"
    ),
    resolved={
        "parent_id": "case when s.level <> 'group' then p.id end",
        "level_now": "own.level",
    },
    checks=(
        Check(
            "foreign_group",
            "code",
            "r.level = 'group' and r.code <> $group",
            {"value": "code", "group": "$group"},
        ),
        Check(
            "level_changed",
            "level",
            "r.level_now is not null and r.level_now <> r.level",
            {"value": "code", "level": "level_now"},
        ),
        Check(
            "unknown_parent",
            "parent_code",
            "r.level <> 'group' and r.parent_id is null",
            {"value": "parent_code"},
        ),
    ),
    write=Write(
        table="organization_unit",
        key={"code": "r.code"},
        values={
            **same("name", "level", "imported", "opened_on", "authorised_until"),
            "parent_id": Value("r.parent_id", ("parent_code",)),
            **words("store_kind", "legal_entity", "city", "brand"),
        },
        fixed={"path": "'{}'::bigint[]"},
        record="unit",
        store="null::bigint",
    ),
    after=(
        "update organization_tenant set name = r.name from import_resolved r"
        " where organization_tenant.id = $tenant and r.level = 'group' and r.code = $group"
        " and organization_tenant.name <> r.name",
        "with recursive tree as ("
        " select id, array[id] as path from organization_unit"
        " where tenant_id = $tenant and parent_id is null"
        " union all select u.id, tree.path || u.id from organization_unit u"
        " join tree on u.parent_id = tree.id where u.tenant_id = $tenant)"
        " update organization_unit u set path = tree.path from tree"
        " where u.id = tree.id and u.path <> tree.path",
    ),
    passes=tuple(f"s.level = '{level}'" for level in ("group", "division", "region", "store")),
)


def _write_staff(loading: "Loading") -> None:
    """A person, an account without a usable password, and the assignment of the row."""
    loading.upsert(
        Write(
            table="organization_staff",
            key={"username": "r.username"},
            values={**same("name"), **words("email", "mobile")},
            record="staff",
            store="null::bigint",
        ),
        primary=True,
    )
    loading.run(
        "insert into organization_account"
        " (tenant_id, login, username, password, language, is_active, created_at)"
        " select $tenant, lower(r.username || '@' || $group), r.username,"
        " '!' || replace(gen_random_uuid()::text, '-', ''), '', true, now()"
        " from import_resolved r on conflict do nothing"
    )
    loading.run(
        "update organization_staff s set account_id = a.id from organization_account a,"
        " import_resolved r where s.tenant_id = $tenant and a.tenant_id = $tenant"
        " and s.username = r.username and a.username = r.username and s.account_id is null"
    )
    loading.run(
        "create temp table import_assignment as select r.row, s.id as staff_id, r.role, r.unit_id,"
        " r.valid_from as given, r.valid_to, a.id as same_id,"
        " coalesce(r.valid_from, a.valid_from, date '2000-01-01') as valid_from"
        " from import_resolved r"
        " join organization_staff s on s.tenant_id = $tenant and s.username = r.username"
        " left join lateral (select id, valid_from from organization_assignment a"
        " where a.tenant_id = $tenant and a.staff_id = s.id and a.role = r.role"
        " and a.unit_id = r.unit_id and (r.valid_from is null or a.valid_from = r.valid_from)"
        " order by valid_from desc limit 1) a on true",
        temporary="import_assignment",
    )
    loading.changed(
        "select row from import_assignment n left join organization_assignment a on a.id ="
        " n.same_id where n.same_id is null or n.valid_to is distinct from a.valid_to"
    )
    # The row is the record: another role or unit replaces the one that was open.
    loading.run(
        "delete from organization_assignment a using import_assignment n where"
        " a.tenant_id = $tenant and a.staff_id = n.staff_id and n.same_id is null"
        " and a.valid_to is null and a.valid_from >= n.valid_from"
    )
    loading.run(
        "update organization_assignment a set valid_to = n.valid_from from import_assignment n"
        " where a.tenant_id = $tenant and a.staff_id = n.staff_id and n.same_id is null"
        " and a.valid_to is null"
    )
    loading.run(
        "update organization_assignment a set valid_to = n.valid_to from import_assignment n"
        " where a.id = n.same_id and a.valid_to is distinct from n.valid_to"
    )
    loading.run(
        "insert into organization_assignment"
        " (tenant_id, staff_id, role, unit_id, valid_from, valid_to)"
        " select $tenant, staff_id, role, unit_id, valid_from, valid_to from import_assignment"
        " where same_id is null"
    )


STAFF = Kind(
    name="staff",
    columns=(
        column("username", code_type(80), "用户名", "工号", "账号", required=True),
        column("name", text_type(80), "姓名", required=True),
        column(
            "role",
            choice_type(
                executive="高管 集团高管",
                manager="经理 店长 管理者",
                advisor="服务顾问 顾问",
                analyst="分析师",
                data_steward="数据管理员 数据专员",
                auditor="审计 审计员",
                administrator="系统管理员 管理员",
            ),
            "角色",
            "岗位",
            required=True,
        ),
        column("unit_code", code_type(40), "单位代码", "所属单位", "门店代码", required=True),
        column("email", text_type(254), "邮箱", "电子邮箱"),
        column("mobile", text_type(30), "手机", "手机号"),
        column("valid_from", DAY, "生效日期"),
        column("valid_to", DAY, "失效日期"),
    ),
    key=("username",),
    joins="left join organization_unit u on u.tenant_id = $tenant and u.code = s.unit_code",
    resolved={"unit_id": "u.id"},
    checks=(
        Check("unknown_unit", "unit_code", "r.unit_id is null", {"value": "unit_code"}),
        Check(
            "ends_before_starts",
            "valid_to",
            "r.valid_to <= r.valid_from",
            {"start": "valid_from", "end": "valid_to"},
        ),
    ),
    custom=_write_staff,
)

_RULES = (
    *("service_interval_days", "service_interval_km", "warranty_months", "warranty_km"),
    *("first_service_days", "first_service_km"),
)
POLICIES = Kind(
    name="policies",
    columns=(
        column("division_code", code_type(40), "事业部代码", "单位代码", required=True),
        column("valid_from", DAY, "生效日期", required=True),
        column("model", text_type(120), "车型"),
        column("service_interval_days", whole_type(1, 3650), "保养间隔天数"),
        column("service_interval_km", whole_type(100, 200_000), "保养间隔里程"),
        column("warranty_months", whole_type(0, 360), "质保月数"),
        column("warranty_km", whole_type(0, 2_000_000), "质保里程"),
        column("first_service_days", whole_type(1, 3650), "首保天数"),
        column("first_service_km", whole_type(100, 200_000), "首保里程"),
        column("vat_rate", number_type(5, 4, 0), "增值税率", row=True),
        column("amounts_include_vat", TRUTH, "金额含税", "是否含税", row=True),
        column(
            "cost_basis",
            choice_type(parts="配件", parts_labour="配件和工时", full="全成本"),
            "成本口径",
        ),
        column("margin_rate_fallback", number_type(5, 4), "默认毛利率"),
    ),
    key=("unit_id", "coalesce(model, '')", "valid_from"),
    joins="left join organization_unit u on u.tenant_id = $tenant and u.code = s.division_code",
    resolved={"unit_id": "u.id", "unit_level": "u.level"},
    checks=(
        Check("unknown_unit", "division_code", "r.unit_id is null", {"value": "division_code"}),
        Check(
            "not_a_division",
            "division_code",
            "r.unit_level not in ('group', 'division')",
            {"value": "division_code", "level": "unit_level"},
        ),
        Check(
            "out_of_range",
            "vat_rate",
            "r.vat_rate > 1",
            {"value": "vat_rate", "least": "0", "most": "1"},
        ),
    ),
    write=Write(
        table="customers_brandpolicy",
        key={
            "unit_id": "r.unit_id",
            "model": "coalesce(r.model, '')",
            "valid_from": "r.valid_from",
        },
        values={
            **same(*_RULES, "vat_rate", "amounts_include_vat", "margin_rate_fallback"),
            **words("cost_basis"),
        },
        record="policy",
        store="null::bigint",
    ),
)

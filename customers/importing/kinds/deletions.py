"""``deleted``: rows that a store took back, by file and key; what they said is kept as history."""

# ruff: noqa: S608 - SQL is put together from this package's declarations, never from cells.

from dataclasses import dataclass
from typing import TYPE_CHECKING

from customers.identity import refresh_after_deleted_numbers
from customers.importing.columns import DAY, MONTH, code_type, column, text_type
from customers.importing.kinds.kind import Check, Kind
from customers.importing.kinds.owners import take_back_deleted, tell_again

if TYPE_CHECKING:
    from customers.importing.loading import Loading


@dataclass(frozen=True)
class Deletion:
    """How the rows of one file are found and what hangs on them.

    ``owned`` goes with them, ``loosened`` forgets them, ``blocking`` forbids the deletion;
    each as (table, referring column). Tables are named without their prefix ``customers_``.
    """

    table: str
    record: str
    key: tuple[str, ...]
    joins: str
    owned: tuple[tuple[str, str], ...] = ()
    loosened: tuple[tuple[str, str], ...] = ()
    blocking: tuple[tuple[str, str], ...] = ()
    store: str = "t.store_id"


_STORE = "join organization_unit u on u.tenant_id = $tenant and u.code = r.store_code"
_UNIT = "join organization_unit u on u.tenant_id = $tenant and u.code = r.unit_code"
_DIVISION = "join organization_unit u on u.tenant_id = $tenant and u.code = r.division_code"
_VISIT = (
    f"{_STORE} join customers_visit v on v.tenant_id = $tenant and v.store_id = u.id"
    " and v.ro_no = r.ro_no"
)
_HOLD = (
    f"{_STORE} join customers_customersource c on c.tenant_id = $tenant and c.store_id = u.id"
    " and c.customer_no = r.customer_no"
    " join customers_vehicle v on v.tenant_id = $tenant and v.vin = upper(r.vin)"
)


def _target(table: str, *conditions: str) -> str:
    return f" join customers_{table} t on t.tenant_id = $tenant and {' and '.join(conditions)}"


def _of_store(
    table: str, record: str, *names: str, **options: tuple[tuple[str, str], ...]
) -> Deletion:
    same = (f"t.{name} = r.{name}" for name in names)
    joins = _STORE + _target(table, "t.store_id = u.id", *same)
    return Deletion(table, record, ("store_code", *names), joins, **options)  # type: ignore[arg-type]


def _of_unit(table: str, record: str, *names: str) -> Deletion:
    same = (f"t.{name} = r.{name}" for name in names)
    joins = _UNIT + _target(table, "t.unit_id = u.id", *same)
    return Deletion(table, record, ("unit_code", *names), joins, store="null::bigint")


# In the order of deletion: what refers to others goes first.
DELETIONS = {
    "comparables": Deletion(
        "comparable",
        "comparable",
        ("name", "as_of"),
        _target("comparable", "t.name = r.name", "t.as_of = r.as_of"),
        store="null::bigint",
    ),
    "targets": _of_unit("target", "target", "month", "metric"),
    "financials": _of_unit("monthlyfinancials", "financials", "month", "scope"),
    "marketing": _of_store("marketingspend", "marketing", "month", "channel"),
    "nps": _of_store("survey", "survey", "survey_no"),
    "events": _of_store("event", "event", "event_no"),
    "contracts": _of_store("contract", "contract", "contract_no"),
    "visit_lines": Deletion(
        "visitline",
        "visit_line",
        ("store_code", "ro_no", "line_no"),
        _VISIT + _target("visitline", "t.visit_id = v.id", "t.line_no = r.line_no"),
    ),
    "visits": _of_store(
        "visit",
        "visit",
        "ro_no",
        owned=(("visitline", "visit_id"),),
        loosened=(("event", "visit_id"), ("survey", "visit_id")),
    ),
    "vehicles": Deletion(
        "ownership",
        "ownership",
        ("vin", "store_code", "customer_no"),
        _HOLD + _target("ownership", "t.source_id = c.id", "t.vehicle_id = v.id"),
    ),
    "customers": _of_store(
        "customersource",
        "customer_source",
        "customer_no",
        owned=(
            ("contactpoint", "source_id"),
            ("personkey", "source_id"),
            ("mergedecision", "source_a_id"),
            ("mergedecision", "source_b_id"),
        ),
        blocking=tuple(
            (table, "source_id") for table in ("visit", "contract", "event", "survey", "ownership")
        ),
    ),
    "policies": Deletion(
        "brandpolicy",
        "policy",
        ("division_code", "valid_from"),
        _DIVISION
        + _target(
            "brandpolicy",
            "t.unit_id = u.id",
            "t.valid_from = r.valid_from",
            "t.model = coalesce(r.model, '')",
        ),
        store="null::bigint",
    ),
}
# Rows that go with rows of another file.
PARENTS = {"visit_lines": ("visits",)}
_LISTED = ", ".join(f"'{name}'" for name in DELETIONS)


def _delete(loading: "Loading") -> None:
    for file, deletion in DELETIONS.items():
        loading.run(
            "create temp table import_gone as select t.id, min(r.row) as row"
            f" from import_resolved r {deletion.joins} where r.file = '{file}' group by t.id",
            temporary="import_gone",
        )
        for table, column_name in deletion.blocking:
            # A number that is still used stays, and the row says by how many records.
            loading.refuse(
                "select g.row, 'file', 'still_used', jsonb_build_object('count', count(*)), true"
                f" from import_gone g join customers_{table} b on b.{column_name} = g.id"
                " where b.tenant_id = $tenant group by g.row"
            )
        loading.run(
            "delete from import_gone g using import_problem p where p.row = g.row and p.whole_row"
        )
        for table, column_name in deletion.owned:
            loading.run(
                f"delete from customers_{table} b using import_gone g"
                f" where b.tenant_id = $tenant and b.{column_name} = g.id"
            )
        for table, column_name in deletion.loosened:
            loading.run(
                f"update customers_{table} b set {column_name} = null from import_gone g"
                f" where b.tenant_id = $tenant and b.{column_name} = g.id"
            )
        told = file == "events" and take_back_deleted(loading)
        gone = loading.remove(
            table=f"customers_{deletion.table}",
            record=deletion.record,
            rows="select id, row from import_gone",
            store=deletion.store,
        )
        if told:
            tell_again(loading)
        if gone and file == "customers":
            refresh_after_deleted_numbers(loading.names.tenant_id)


def _keys_missing() -> str:
    """SQL: a key column of the row's file is empty."""
    cases = " ".join(
        f"when '{file}' then {' or '.join(f'r.{name} is null' for name in deletion.key)}"
        for file, deletion in DELETIONS.items()
    )
    return f"case r.file {cases} else false end"


DELETED = Kind(
    name="deleted",
    columns=(
        column("file", code_type(30), "文件", required=True),
        column("store_code", code_type(40), "门店代码"),
        column("customer_no", code_type(60), "客户编号"),
        column("vin", code_type(17), "车架号"),
        column("ro_no", code_type(60), "工单号"),
        column("line_no", code_type(20), "行号"),
        column("contract_no", code_type(60), "合同号"),
        column("event_no", code_type(60), "事件编号"),
        column("survey_no", code_type(60), "问卷编号"),
        column("unit_code", code_type(40), "单位代码"),
        column("division_code", code_type(40), "事业部代码"),
        column("month", MONTH, "月份", row=True),
        column("channel", text_type(60), "渠道"),
        column("scope", code_type(15), "范围"),
        column("metric", code_type(40), "指标"),
        column("model", text_type(120), "车型"),
        column("valid_from", DAY, "生效日期", row=True),
        column("name", text_type(120), "名称"),
        column("as_of", DAY, "截至日期", row=True),
    ),
    key=(),
    resolved={},
    checks=(
        Check(
            "not_deletable",
            "file",
            "r.file in ('org_units', 'staff')",
            {"value": "file"},
        ),
        Check(
            "unknown_kind",
            "file",
            f"r.file not in ({_LISTED}, 'org_units', 'staff')",
            {"value": "file"},
        ),
        Check("key_missing", "file", _keys_missing(), {"value": "file"}),
    ),
    custom=_delete,
)

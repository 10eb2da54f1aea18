"""The text of the loader's statements, from the declarations of a kind."""

# ruff: noqa: S608 - SQL is put together from this package's declarations, never from cells.

from dataclasses import dataclass

from customers.importing.identifiers import PLACEHOLDERS, phone_lookup
from customers.importing.kinds.kind import Check, Kind, Notice, Value, Write


@dataclass(frozen=True)
class Names:
    """What the SQL templates' marks stand for in one run."""

    tenant_id: int
    run_id: int | None
    zone: str
    group: str
    tomorrow: str

    def marks(self) -> dict[str, str]:
        return {
            "tenant": str(int(self.tenant_id)),
            "run": "null" if self.run_id is None else str(int(self.run_id)),
            "zone": _quoted(self.zone),
            "group": _quoted(self.group),
            "tomorrow": f"date {_quoted(self.tomorrow)}",
            "placeholders": ", ".join(
                f"'\\x{phone_lookup(self.tenant_id, number).hex()}'::bytea"
                for number in PLACEHOLDERS
            ),
        }


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def refusal(check: Check) -> str:
    """The rows that ``check`` refuses, as ``import_problem`` has them."""
    values = ", ".join(
        f"'{name}', {f'r.{sql}' if sql.isidentifier() else sql}"
        for name, sql in check.values.items()
    )
    return (
        f"select r.row, '{check.column}', '{check.code}', jsonb_build_object({values}),"
        f" {'true' if check.whole_row else 'false'} from import_resolved r where {check.when}"
    )


def noticed(notices: list[Notice], rows: str, conditions: list[str]) -> str:
    """Count and names of each notice's rows."""
    counted = ", ".join(
        f"count(*) filter (where {condition}), coalesce(array_agg(distinct {notice.names})"
        f" filter (where {condition}), '{{}}')"
        for notice, condition in zip(notices, conditions, strict=True)
    )
    return f"select {counted} from {rows}"


def plan_of(write: Write, values: dict[str, Value], name: str) -> str:
    """The rows whose key exists already, and whether they differ."""
    compared = {column: value.sql for column, value in values.items() if value.compare}
    match = " and ".join(f"t.{column} = {sql}" for column, sql in write.key.items())
    changed = (
        f"({', '.join(f't.{column}' for column in compared)})"
        f" is distinct from ({', '.join(compared.values())})"
        if compared
        else "false"
    )
    return (
        f"create temp table {name} as select r.row, t.id, {changed} as changed"
        f" from {write.rows} join {write.table} t on t.tenant_id = $tenant and {match}"
        f" where {write.where}"
    )


def digest_values(kind: Kind) -> dict[str, Value]:
    """By what a record recognises its row, and which notices that row is counted in."""
    noted = " + ".join(
        f"case when {notice.when} then {1 << place} else 0 end"
        for place, notice in enumerate(kind.notices)
        if notice.when
    )
    return {
        "row_digest": Value("r.digest", compare=False),
        "row_notices": Value(noted or "0", compare=False),
    }

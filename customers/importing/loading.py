"""One staged file into the tables: resolve, check, keep the last of equal keys, upsert by set.

All statements run in the file's transaction. Temporary tables: ``import_stage`` (the file's rows as
typed columns), ``import_resolved`` (with ids), ``import_problem`` (what is refused and why),
``import_outcome`` (rows that changed something).
"""

# ruff: noqa: S608 - SQL is put together from this package's declarations, never from cells.

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from string import Template
from typing import Any

from django.db import connection

from customers.importing.history import keep_former
from customers.importing.identifiers import PLACEHOLDERS, phone_lookup
from customers.importing.kinds.deletions import DELETIONS, PARENTS
from customers.importing.kinds.kind import Check, Kind, Value, Write
from customers.importing.messages import Problem

_SMALL = 3_000  # rows up to which look-ups by index beat reading whole tables


@dataclass
class Counts:
    """What became of the rows of one file; ``read`` is the sum of the next five."""

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    superseded: int = 0
    # Cells left empty because they were refused; their rows are counted above.
    refused_cells: int = 0

    def as_json(self) -> dict[str, int]:
        return asdict(self)


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


@dataclass
class Loading:
    """The load of one staged file; kinds with a ``custom`` write drive it themselves."""

    kind: Kind
    present: frozenset[str]
    names: Names
    counts: Counts = field(default_factory=Counts)
    warnings: list[Problem] = field(default_factory=list)
    # Whether ``import_deletions`` holds the rows that the same delivery deletes.
    deletions: bool = False
    # Whether ``import_recognised`` holds rows of the file that need not be loaded, and whether
    # records keep the digests of rows that are found unchanged.
    recognised: bool = False
    keeps_digests: bool = False
    _created: int = 0
    _superseded: int = 0

    def has(self, column: str) -> bool:
        """Whether the file's header has ``column``."""
        return column in self.present

    def run(self, sql: str, temporary: str = "") -> int:
        """Run a template; rows affected. A table it makes, named by ``temporary``, is new."""
        with connection.cursor() as cursor:
            if temporary:
                cursor.execute(f"drop table if exists pg_temp.{temporary}")
            cursor.execute(Template(sql).substitute(self.names.marks()))
            affected: int = cursor.rowcount
            if temporary:
                cursor.execute(f"analyze {temporary}")
        return affected

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(Template(sql).substitute(self.names.marks()))
            return cursor.fetchall()

    def load(self) -> None:
        """Everything from the stage to the tables; ``counts`` and ``warnings`` are filled."""
        [(staged,)] = self.rows("select count(*) from import_stage")
        # What this transaction or the one before has filled has no statistics yet, and a nested
        # loop planned for an empty table takes minutes: large files are joined by hash.
        join_by_hash(staged > _SMALL)
        self.run(
            "create temp table import_problem"
            " (row bigint, col text, code text, vals jsonb, whole_row boolean)",
            temporary="import_problem",
        )
        self.run("create temp table import_outcome (row bigint)", temporary="import_outcome")
        for statement in self.kind.before:
            self.run(statement)
        for condition in self.kind.passes:
            self._pass(condition)

    def _pass(self, condition: str) -> None:
        extra = "".join(f", {sql} as {name}" for name, sql in self.kind.resolved.items())
        resolved = self.run(
            f"create temp table import_resolved as select s.*{extra} from import_stage s"
            f" {self.kind.joins} where {condition}",
            temporary="import_resolved",
        )
        for statement in self.kind.prepare:
            self.run(statement)
        self._superseded = self._deleted_at_once()
        for check in self.kind.checks:
            self.refuse(_refusal(check))
        if self.kind.recognition is not None:
            self._forget_digests()
        self._supersede()
        self._notice(after=False)
        self._write()
        self._notice(after=True)
        self._settle(resolved)

    def _notice(self, after: bool) -> None:
        for place, notice in enumerate(self.kind.notices):
            if notice.after != after:
                continue
            queries = [notice.query or notice.asked_of("import_resolved r", notice.when)]
            if self.recognised and notice.when:
                noted = f"r.row_notices & {1 << place} <> 0"
                queries.append(notice.asked_of("import_recognised r", noted))
            found = [self.rows(query)[0] for query in queries]
            count = sum(row[0] for row in found)
            if count:
                listed = {name for row in found for name in row[1].split(", ") if name}
                values = {"count": count, "names": ", ".join(sorted(listed))}
                self.warnings.append(Problem(notice.code, values))

    def _forget_digests(self) -> None:
        """Rows of which something is to be said, or withheld, each time are not recognised."""
        self.run(
            "update import_resolved r set digest = null where r.withheld"
            " or r.row in (select p.row from import_problem p)"
        )

    @property
    def wrote(self) -> bool:
        """Whether the rows of this pass have made or changed anything so far."""
        return self._created > 0 or bool(self.rows("select 1 from import_outcome limit 1"))

    def _write(self) -> None:
        self.run("create temp table import_primary (row bigint)", temporary="import_primary")
        self.run("truncate import_outcome")
        self._created = 0
        if self.kind.write is not None:
            self.upsert(self.kind.write, primary=True)
        if self.kind.custom is not None:
            self.kind.custom(self)
        for statement in self.kind.after:
            self.run(statement)

    def _settle(self, resolved: int) -> None:
        """Count what became of the pass; every resolved row is in exactly one class."""
        [(refused,)] = self.rows(
            "select count(distinct p.row) from import_problem p join import_stage s"
            " on s.row = p.row where p.whole_row"
        )
        refused -= self.counts.rejected
        [(updated,)] = self.rows(
            "select count(distinct o.row) from import_outcome o"
            " where exists (select from import_primary p where p.row = o.row)"
            if self.kind.key
            else "select count(distinct row) from import_outcome"
        )
        self.counts.rejected += refused
        self.counts.created += self._created
        self.counts.updated += updated
        self.counts.superseded += self._superseded
        self.counts.unchanged += resolved - refused - self._superseded - self._created - updated
        if self.recognised:
            [(recognised,)] = self.rows("select count(*) from import_recognised")
            self.counts.unchanged += recognised

    def refuse(self, query: str) -> None:
        """Note problems (row, column, code, values, whole row); refused rows go no further."""
        if self.run(f"insert into import_problem {query}"):
            self.run(
                "delete from import_resolved r using import_problem p"
                " where p.row = r.row and p.whole_row"
            )

    def changed(self, query: str) -> None:
        """Count the rows of ``query`` as having changed something."""
        self.run(f"insert into import_outcome {query}")

    def _deleted_at_once(self) -> int:
        """Drop rows that the delivery itself deletes: loaded again, it would make them again."""
        if not self.deletions:
            return 0
        dropped = 0
        for file in {self.kind.name, *PARENTS.get(self.kind.name, ())} & DELETIONS.keys():
            equal = " and ".join(f"r.{name} = d.{name}" for name in DELETIONS[file].key)
            if file == "policies":
                equal += " and r.model is not distinct from d.model"
            dropped += self.run(
                "delete from import_resolved r using import_deletions d"
                f" where d.file = '{file}' and {equal}"
            )
        return dropped

    def _supersede(self) -> None:
        """Of rows with one key the last stays."""
        if not self.kind.key:
            return
        keys = ", ".join(f"{sql} as k{i}" for i, sql in enumerate(self.kind.key))
        places = ", ".join(str(i + 1) for i in range(len(self.kind.key)))
        equal = " and ".join(f"{sql} = d.k{i}" for i, sql in enumerate(self.kind.key))
        self._superseded += self.run(
            f"delete from import_resolved r using (select {keys}, max(row) as last"
            f" from import_resolved group by {places} having count(*) > 1) d"
            f" where {equal} and r.row < d.last"
        )
        if self.recognised:
            self._supersede_recognised()

    def _supersede_recognised(self) -> None:
        """The same among rows that are recognised, and between them and the others."""
        recognition = self.kind.recognition
        assert recognition is not None
        equal = " and ".join(f"t.{name} = r.{name}" for name in self.kind.key)
        self.counts.superseded += self.run(
            "delete from import_recognised r using (select id, max(row) as last"
            " from import_recognised group by id having count(*) > 1) d"
            " where r.id = d.id and r.row < d.last"
        )
        self.run(
            "create temp table import_twice as select r.row, k.row as recognised"
            f" from import_resolved r join {recognition.table} t on t.tenant_id = $tenant"
            f" and {equal} join import_recognised k on k.id = t.id",
            temporary="import_twice",
        )
        self._superseded += self.run(
            "delete from import_resolved r using import_twice w"
            " where w.row = r.row and w.row < w.recognised"
        )
        self.counts.superseded += self.run(
            "delete from import_recognised r using import_twice w"
            " where w.recognised = r.row and w.row > w.recognised"
        )

    def upsert(self, write: Write, primary: bool = False) -> None:
        """Insert new keys; overwrite changed rows after keeping what they said.

        ``primary`` is the write whose new keys make a file's row "created".
        """
        plan = "import_primary" if primary else "import_plan"
        if primary and self.kind.recognition is not None:
            write = replace(write, values={**write.values, **self._digest_values()})
        values = {name: value for name, value in write.values.items() if self._given(value)}
        self.run(_plan(write, values, plan), temporary=plan)
        keep_former(
            self,
            table=write.table,
            record=write.record,
            store=write.store,
            join=f"{plan} p on p.id = t.id",
            condition="p.changed",
            deleted=False,
        )
        if values:
            assignments = ", ".join(f"{name} = {value.sql}" for name, value in values.items())
            changed = self.run(
                f"update {write.table} t set {assignments} from {write.rows}"
                f" join {plan} p on p.row = r.row where t.id = p.id and p.changed"
            )
            if changed:
                self.changed(f"select row from {plan} where changed")
        if primary and self.keeps_digests:
            self._keep_digests(write)
        if not write.inserts:
            return
        new = f"({write.where}) and not exists (select from {plan} p where p.row = r.row)"
        if not primary:
            self.changed(f"select r.row from {write.rows} where {new}")
        columns = {**write.key, **write.fixed, **{n: v.sql for n, v in write.values.items()}}
        created = self.run(
            f"insert into {write.table} (tenant_id, {', '.join(columns)})"
            f" select $tenant, {', '.join(columns.values())} from {write.rows} where {new}"
            " order by r.row"
        )
        if primary:
            self._created += created

    def _digest_values(self) -> dict[str, Value]:
        """By what a record recognises its row, and which notices that row is counted in."""
        noted = " + ".join(
            f"case when {notice.when} then {1 << place} else 0 end"
            for place, notice in enumerate(self.kind.notices)
        )
        return {
            "row_digest": Value("r.digest", compare=False),
            "row_notices": Value(noted or "0", compare=False),
        }

    def _keep_digests(self, write: Write) -> None:
        """Records that are as their row says, but do not know it by its digest yet."""
        assignments = ", ".join(
            f"{name} = {value.sql}" for name, value in self._digest_values().items()
        )
        self.run(
            f"update {write.table} t set {assignments} from {write.rows}"
            " join import_primary p on p.row = r.row where t.id = p.id and not p.changed"
            " and r.digest is not null and t.row_digest is distinct from r.digest"
        )

    def _given(self, value: Value) -> bool:
        return not value.columns or not self.present.isdisjoint(value.columns)

    def remove(self, table: str, record: str, rows: str, store: str = "t.store_id") -> int:
        """Delete the rows of ``rows`` (id, row), keeping what they said; how many went."""
        self.run(f"create temp table import_removed as {rows}", temporary="import_removed")
        keep_former(
            self,
            table=table,
            record=record,
            store=store,
            join="import_removed p on p.id = t.id",
            condition="true",
            deleted=True,
        )
        gone = self.run(f"delete from {table} t using import_removed p where t.id = p.id")
        if gone:
            self.changed("select row from import_removed")
        return gone

    def problems(self) -> Iterator[tuple[int, str, Problem, bool]]:
        """What the database refused, by row: row, column, problem, whole row."""
        with connection.cursor() as cursor:
            cursor.execute(
                "select row, col, code, vals::text, whole_row from import_problem order by 1"
            )
            while batch := cursor.fetchmany(5_000):
                for row, column, code, values, whole in batch:
                    yield row, column, Problem(code, json.loads(values)), whole


def join_by_hash(always: bool) -> None:
    """Until the end of the transaction, whether the planner must do without nested loops.

    The temporary tables' statistics come from a tenth of the usual sample: the number of rows and
    roughly how many differ is all that the joins need, and each table is analysed once.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select set_config('enable_nestloop', %s, true), set_config('work_mem', '64MB', true),"
            " set_config('default_statistics_target', '10', true)",
            ["off" if always else "on"],
        )


def refresh_statistics(changed: int) -> None:
    """Let PostgreSQL plan for the rows that are there now, not for those before the load.

    Only where ``changed`` rows are a twentieth of all: the rest is autovacuum's.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select coalesce(sum(greatest(reltuples, 0)), 0) from pg_class"
            " where relnamespace = 'public'::regnamespace and relkind = 'r'"
            " and relname ^@ 'customers_'"
        )
        if changed >= cursor.fetchone()[0] / 20:
            cursor.execute("select customers_refresh_statistics()")


def drop_temporary_tables(*kept: str) -> None:
    """The session keeps nothing of a delivery: it may work for another group next."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select quote_ident(relname) from pg_class where relnamespace = pg_my_temp_schema()"
            " and relkind = 'r' and relname ^@ 'import_' and relname <> all(%s)",
            [list(kept)],
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"drop table pg_temp.{table}")


def _refusal(check: Check) -> str:
    values = ", ".join(
        f"'{name}', {f'r.{sql}' if sql.isidentifier() else sql}"
        for name, sql in check.values.items()
    )
    return (
        f"select r.row, '{check.column}', '{check.code}', jsonb_build_object({values}),"
        f" {'true' if check.whole_row else 'false'} from import_resolved r where {check.when}"
    )


def _plan(write: Write, values: dict[str, Value], name: str) -> str:
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

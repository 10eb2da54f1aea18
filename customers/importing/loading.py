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
from customers.importing.kinds.deletions import DELETIONS, PARENTS
from customers.importing.kinds.kind import Kind, Value, Write
from customers.importing.messages import Problem
from customers.importing.planning import join_by_hash, look_ups_pay
from customers.importing.statements import Names, digest_values, noticed, plan_of, refusal

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
    _prepared: bool = False
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

    def prepare(self) -> None:
        """The kind's own tables, once."""
        if not self._prepared:
            for statement in self.kind.before:
                self.run(statement)
        self._prepared = True

    def load(self) -> None:
        """Everything from the stage to the tables; ``counts`` and ``warnings`` are filled."""
        [(staged,)] = self.rows("select count(*) from import_stage")
        join_by_hash(staged > _SMALL or not look_ups_pay(staged))
        self.run(
            "create temp table import_problem"
            " (row bigint, col text, code text, vals jsonb, whole_row boolean)",
            temporary="import_problem",
        )
        self.run("create temp table import_outcome (row bigint)", temporary="import_outcome")
        self.prepare()
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
        self._check()
        if self.kind.recognition is not None:
            self._forget_digests()
        self._supersede()
        self._notice()
        self._write()
        self._notice_written()
        self._settle(resolved)

    def _check(self) -> None:
        """Refuse what the checks find, in their order; a refused row is not looked at again."""
        # One look says which of them find anything; those that look elsewhere do so by a join.
        plain = [check for check in self.kind.checks if "exists" not in check.when]
        asked = ", ".join(f"bool_or({check.when})" for check in plain)
        found = self.rows(f"select {asked} from import_resolved r")[0] if plain else ()
        idle = [check for check, finds in zip(plain, found, strict=True) if not finds]
        for check in self.kind.checks:
            if check not in idle:
                self.refuse(refusal(check))

    def _notice(self) -> None:
        """Count the notices of the resolved rows, one look for all; those of recognised rows are
        known."""
        asked = [notice for notice in self.kind.notices if notice.when]
        if not asked:
            return
        found = [noticed(asked, "import_resolved r", [notice.when for notice in asked])]
        if self.recognised:
            places = [self.kind.notices.index(notice) for notice in asked]
            marks = [f"r.row_notices & {1 << place} <> 0" for place in places]
            found.append(noticed(asked, "import_recognised r", marks))
        answers = [self.rows(query)[0] for query in found]
        for place, notice in enumerate(asked):
            count = sum(answer[2 * place] for answer in answers)
            listed = {name for answer in answers for name in answer[2 * place + 1] if name}
            self._warn(notice.code, count, ", ".join(sorted(listed)))

    def _notice_written(self) -> None:
        for notice in self.kind.notices:
            if notice.query:
                self._warn(notice.code, *self.rows(notice.query)[0])

    def _warn(self, code: str, count: int, names: str) -> None:
        if count:
            self.warnings.append(Problem(code, {"count": count, "names": names}))

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
            write = replace(write, values={**write.values, **digest_values(self.kind)})
        values = {name: value for name, value in write.values.items() if self._given(value)}
        self.run(plan_of(write, values, plan), temporary=plan)
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

    def _keep_digests(self, write: Write) -> None:
        """Records that are as their row says, but do not know it by its digest yet."""
        assignments = ", ".join(
            f"{name} = {value.sql}" for name, value in digest_values(self.kind).items()
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

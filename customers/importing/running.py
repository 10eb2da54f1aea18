"""A run: open the delivery, find the group, load file after file, refresh what is derived.

Each file is one transaction. Imports of one group queue on an advisory lock. A dry run does all of
it inside one transaction that is rolled back, so what it reports is what a real run does.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from customers import identity
from customers.importing.columns import Context
from customers.importing.loading import (
    Counts,
    Loading,
    Names,
    drop_temporary_tables,
    join_by_hash,
    refresh_statistics,
)
from customers.importing.messages import FileRefused, Problem, both
from customers.importing.reading import Delivery, Source, open_delivery
from customers.importing.refusals import RefusalFolder, Spool
from customers.importing.staging import stage
from customers.importing.tables import Chunk
from customers.models import ImportFile, ImportRun
from organization import audit
from organization.access import Access, entered, entered_installation
from organization.models import Tenant

REJECTS_DIR = "rejects"
_SHOW_EVERY = 0.5  # seconds between two updates of a file's progress


@dataclass
class RunReport:
    """What a run did: counts by file, warnings, where the refusals are."""

    group: str
    dry_run: bool
    kinds: dict[str, Counts] = field(default_factory=dict)
    warnings: dict[str, list[Problem]] = field(default_factory=dict)
    rejects_file: Path | None = None
    merged: int = 0
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)


def import_path(
    path: Path,
    *,
    group: str | None = None,
    dry_run: bool = False,
    started_by: str = "import_data",
    run_id: int | None = None,
) -> RunReport:
    """Load a folder or file.

    Args:
        group: code of the group; may be left out when the delivery or the installation has one.
        run_id: a run recorded before (the upload page's); otherwise one is recorded here.

    Raises:
        FileRefused: nothing was written (or, if a file breaks while it is read, nothing of it).
    """
    began = time.perf_counter()
    delivery = open_delivery(path)
    code = _group_code(delivery, group)
    report = RunReport(group=code, dry_run=dry_run)
    with _queue(code):
        _Run(path, delivery, report, started_by, run_id).execute()
    report.seconds = round(time.perf_counter() - began, 3)
    return report


def _group_code(delivery: Delivery, wanted: str | None) -> str:
    """The group's code: asked for, else the delivery's only one, else the installation's."""
    with entered_installation("import"):
        known = sorted(Tenant.objects.values_list("code", flat=True))
    delivered = _delivered_groups(delivery)
    listed = ", ".join(known) or "–"
    if wanted is not None:
        if wanted in known or wanted in delivered:
            return wanted
        raise FileRefused("unknown_group", code=wanted, known=listed)
    if len(delivered) > 1:
        raise FileRefused("several_groups", codes=", ".join(delivered))
    if delivered:
        return delivered[0]
    if len(known) == 1:
        return known[0]
    raise FileRefused("no_group", known=listed)


def _delivered_groups(delivery: Delivery) -> list[str]:
    """Codes of the rows of level group in org_units, in order."""
    found: dict[str, None] = {}
    for source in delivery.sources:
        if source.kind.name != "org_units":
            continue
        code, level = (source.header.positions[name] for name in ("code", "level"))
        for chunk in source.table.chunks():
            for row in chunk.rows:
                if row[level].strip().casefold() in ("group", "集团") and row[code].strip():
                    found[row[code].strip()] = None
    return list(found)


@contextmanager
def _queue(code: str) -> Iterator[None]:
    """Wait until no other import of the group runs; the lock falls with the session."""
    key = "select pg_advisory_lock(hashtext('parcfolio import'), hashtext(%s))"
    with connection.cursor() as cursor:
        cursor.execute(key, [code])
    try:
        yield
    finally:
        if not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute(key.replace("lock(", "unlock("), [code])


@dataclass
class _Loaded:
    """One file's load, kept until its refusals can be written outside its transaction."""

    source: Source
    counts: Counts
    warnings: list[Problem]
    spools: tuple[Spool, Spool]


class _Run:
    def __init__(
        self,
        path: Path,
        delivery: Delivery,
        report: RunReport,
        started_by: str,
        run_id: int | None,
    ) -> None:
        self.path, self.delivery, self.report = path, delivery, report
        self.started_by, self.run_id = started_by, run_id
        self.refusals = RefusalFolder(
            Path(settings.VAR_DIR) / REJECTS_DIR / f"{timezone.now():%Y%m%d}-{secrets.token_hex(8)}"
        )
        self.files: dict[str, int] = {}
        self.waiting: list[_Loaded] = []

    def execute(self) -> None:
        """Load; what went wrong is recorded with the run and raised again."""
        with entered_installation("import"):
            tenant = Tenant.objects.filter(code=self.report.group).first()
        if tenant is None and not self.report.dry_run:
            tenant = _new_tenant(self.report.group)
        try:
            if tenant is not None:
                self._enter(tenant)
                self._record_start()
            if self.report.dry_run:
                self._rehearse(tenant)
            else:
                self._load_all()
                self._record_end()
        except Exception as error:
            if self.run_id is not None and not connection.needs_rollback:
                record_failure(self.access, self.run_id, error)
            raise
        finally:
            if not connection.needs_rollback:
                drop_temporary_tables()

    def _enter(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.access = Access.system(tenant.pk, "import")

    def _rehearse(self, tenant: Tenant | None) -> None:
        with transaction.atomic():
            if tenant is None:
                self._enter(_new_tenant(self.report.group))
            self._load_all()
            if tenant is None:
                # There is no group to record a run with; the files are written all the same.
                self._write_refusals()
            transaction.set_rollback(True)
        if tenant is not None:
            self._record_end()

    def _stage_deletions(self) -> bool:
        """Lay out what the delivery deletes, so that its other files do not load it first."""
        with connection.cursor() as cursor:
            cursor.execute("drop table if exists pg_temp.import_deletions")
        for source in self.delivery.sources:
            if source.kind.name == "deleted":
                spool = Spool()
                stage(source, self._context(), spool, lambda chunk: None)
                spool.close()
                with connection.cursor() as cursor:
                    cursor.execute(
                        "create temp table import_deletions as select * from import_stage"
                    )
                    cursor.execute("analyze import_deletions")
                return True
        return False

    def _context(self) -> Context:
        zone = ZoneInfo(self.tenant.time_zone)
        return Context(self.tenant.pk, timezone.now().astimezone(zone).date())

    def _load_all(self) -> None:
        self.deletions = self._stage_deletions()
        for source in self.delivery.sources:
            began = time.perf_counter()
            loaded = self._load(source)
            self.waiting.append(loaded)
            self.report.kinds[source.kind.name] = loaded.counts
            if loaded.warnings:
                self.report.warnings[source.kind.name] = loaded.warnings
            if not self.report.dry_run:
                self._write_refusals()
            self.report.stages[source.kind.name] = round(time.perf_counter() - began, 3)
        began = time.perf_counter()
        with entered(self.access):
            refresh_statistics()
            join_by_hash(True)
            self.report.merged = identity.merge_on_strong_evidence(self.tenant.pk)
            identity.refresh_home_stores(self.tenant.pk)
            identity.refresh_advisors(self.tenant.pk)
        self.report.stages["identity"] = round(time.perf_counter() - began, 3)

    def _load(self, source: Source) -> _Loaded:
        context = self._context()
        names = Names(
            tenant_id=self.tenant.pk,
            run_id=self.run_id,
            zone=self.tenant.time_zone,
            group=self.report.group,
            tomorrow=(context.today + timedelta(days=1)).isoformat(),
        )
        read_spool, load_spool = Spool(), Spool()
        read = stage(source, context, read_spool, self._progress_of(source))
        loading = Loading(
            source.kind, frozenset(source.header.positions), names, deletions=self.deletions
        )
        with entered(self.access):
            loading.load()
            for row, column, problem, whole in loading.problems():
                load_spool.add(row, column, problem, whole)
            drop_temporary_tables("import_deletions")
        counts = loading.counts
        counts.read = read
        counts.rejected += read_spool.rows
        counts.refused_cells = read_spool.cells + load_spool.cells
        warnings = list(loading.warnings)
        if source.header.unknown:
            names_ = ", ".join(source.header.unknown)
            warnings.insert(0, Problem("unknown_columns", {"names": names_}))
        return _Loaded(source, counts, warnings, (read_spool, load_spool))

    # Bookkeeping: short transactions of its own, so that a page sees how far the run is.

    def _record_start(self) -> None:
        with entered(self.access):
            now = timezone.now()
            values: dict[str, Any] = {
                "status": ImportRun.Status.RUNNING,
                "started_at": now,
                "heartbeat_at": now,
            }
            if self.run_id is None:
                self.run_id = ImportRun.objects.create(
                    tenant=self.tenant,
                    name=self.path.name[:200],
                    dry_run=self.report.dry_run,
                    started_by=self.started_by[:80],
                    folder=str(self.path.resolve())[:400],
                    **values,
                ).pk
            else:
                ImportRun.objects.filter(pk=self.run_id).update(**values)
                ImportFile.objects.filter(run_id=self.run_id).delete()
            for source in self.delivery.sources:
                self.files[source.kind.name] = ImportFile.objects.create(
                    tenant=self.tenant,
                    run_id=self.run_id,
                    kind=source.kind.name,
                    name=source.table.name[:200],
                    bytes=source.table.bytes,
                ).pk

    def _progress_of(self, source: Source) -> Callable[[Chunk], None]:
        rows, shown = 0, time.monotonic()

        def show(chunk: Chunk) -> None:
            nonlocal rows, shown
            rows += len(chunk)
            if source.kind.name not in self.files or time.monotonic() < shown + _SHOW_EVERY:
                return
            shown = time.monotonic()
            with entered(self.access):
                ImportFile.objects.filter(pk=self.files[source.kind.name]).update(
                    bytes_read=chunk.bytes_read, rows_read=rows
                )
                ImportRun.objects.filter(pk=self.run_id).update(heartbeat_at=timezone.now())

        return show

    def _write_refusals(self) -> None:
        """Refusals and counts of the files loaded since the last call."""
        for loaded in self.waiting:
            kind = loaded.source.kind.name
            with entered(self.access):
                self.refusals.write(loaded.source, loaded.spools, self.run_id)
                if kind in self.files:
                    counts = loaded.counts
                    ImportFile.objects.filter(pk=self.files[kind]).update(
                        bytes_read=loaded.source.table.bytes,
                        rows_read=counts.read,
                        created=counts.created,
                        updated=counts.updated,
                        unchanged=counts.unchanged,
                        rejected=counts.rejected,
                        superseded=counts.superseded,
                        deleted=counts.updated if kind == "deleted" else 0,
                        warnings=[
                            {"code": w.code, "values": dict(w.values)} for w in loaded.warnings
                        ],
                        finished=True,
                    )
            for spool in loaded.spools:
                spool.close()
        self.waiting.clear()
        self.report.rejects_file = self.refusals.combined()

    def _record_end(self) -> None:
        self._write_refusals()
        with entered(self.access):
            ImportRun.objects.filter(pk=self.run_id).update(
                status=ImportRun.Status.DONE,
                finished_at=timezone.now(),
                rejects_file=str(self.report.rejects_file or ""),
                message="",
            )
            if not self.report.dry_run:
                audit.record(
                    self.access,
                    "import",
                    f"run {self.run_id}",
                    by=self.started_by,
                    kinds={k: c.as_json() for k, c in self.report.kinds.items()},
                )


def record_failure(access: Access, run_id: int, error: Exception) -> None:
    """Say on the run why it ended."""
    with entered(access):
        ImportRun.objects.filter(pk=run_id).update(
            status=ImportRun.Status.FAILED,
            finished_at=timezone.now(),
            message=failure_text(error),
        )


def failure_text(error: Exception) -> str:
    """What the run page says of a failed run; the details of a defect stay in the log."""
    if isinstance(error, FileRefused):
        return both(error.problem.code, error.problem.values)
    return both("defect", {"kind": type(error).__name__})


def _new_tenant(code: str) -> Tenant:
    with entered_installation("import"):
        tenant = Tenant(code=code, name=code)
        tenant.save()
    return tenant

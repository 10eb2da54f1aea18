"""A run: open the delivery, find the group, load file after file, refresh what is derived.

Each file is one transaction. Imports of one group queue on an advisory lock. A dry run does all of
it inside one transaction that is rolled back, so what it reports is what a real run does.
"""

import logging
import secrets
import time
from collections.abc import Iterable, Mapping
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
from customers.importing.limits import limit_of
from customers.importing.loading import (
    Counts,
    Loading,
    Names,
    drop_temporary_tables,
    join_by_hash,
    refresh_statistics,
)
from customers.importing.messages import FileRefused, Problem, both
from customers.importing.parsed_rows import parsed_source
from customers.importing.profiles import layout_of_run, saved_layout
from customers.importing.queueing import (
    close_dead_runs,
    delivered_groups,
    group_code,
    queued,
    say_it_waits,
)
from customers.importing.reading import Delivery, Source, open_delivery
from customers.importing.recognising import any_digests, digests_of, is_large, recognised
from customers.importing.refusals import RefusalFolder, Spool
from customers.importing.staging import Progress, stage, stage_digests
from customers.models import ImportFile, ImportRun
from organization import audit
from organization.access import Access, entered, entered_installation
from organization.models import Tenant

logger = logging.getLogger(__name__)

REJECTS_DIR = "rejects"


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
    most_refused: float | None = None,
    profile: str | None = None,
) -> RunReport:
    """Load a folder or file.

    Args:
        most_refused: percent of a file's rows; if more are refused, the run stops before anything
            of that file is written. By default the group's own setting, if it has one.
        profile: name of a saved layout of the group, for one foreign file.
        group: code of the group; may be left out when the delivery or the installation has one.
        run_id: a run recorded before (the upload page's); otherwise one is recorded here.

    Raises:
        FileRefused: nothing was written (or, if a file breaks while it is read, nothing of it).
    """
    began = time.perf_counter()
    layout = None
    if profile is not None:
        group = group_code([], group)
        layout = saved_layout(group, profile)
    elif run_id is not None and group is not None:
        layout = layout_of_run(group, run_id)
    delivery = open_delivery(path, layout)
    code = group_code(delivered_groups(delivery), group)
    report = RunReport(group=code, dry_run=dry_run)
    _carry_out(path, delivery, report, started_by, run_id, most_refused)
    report.seconds = round(time.perf_counter() - began, 3)
    return report


def load_rows(
    access: Access,
    kind: str,
    rows: Iterable[Mapping[str, Any]],
    *,
    dry_run: bool = False,
    most_refused: float | None = None,
) -> RunReport:
    """Load rows that are parsed already (JSON) like a file of the kind: same checks and refusals.

    Args:
        access: whose group it is and who asks; the caller has checked that they may import.
        kind: name of a file of the format, a key of ``KINDS``.
        rows: column → value, under the names or aliases of the format. Rows are counted from 1. A
            column that no row has leaves what is known; one that only some rows have is empty in
            the others.

    Raises:
        FileRefused: unknown kind, required columns missing, too many rows refused; nothing was
            written then.
    """
    began = time.perf_counter()
    delivery = Delivery([parsed_source(kind, list(rows))])
    with entered(access):
        code = Tenant.objects.get(pk=access.tenant_id).code
    report = RunReport(group=code, dry_run=dry_run)
    _carry_out(Path(kind), delivery, report, access.label, None, most_refused)
    report.seconds = round(time.perf_counter() - began, 3)
    return report


def _carry_out(
    path: Path,
    delivery: Delivery,
    report: RunReport,
    started_by: str,
    run_id: int | None,
    most_refused: float | None,
) -> None:
    with queued(report.group, lambda: say_it_waits(report.group, run_id)):
        logger.info("loading %s files into group %s", len(delivery.sources), report.group)
        _Run(path, delivery, report, started_by, run_id, most_refused).execute()


@dataclass
class _Loaded:
    """One file's load, kept until its refusals can be written outside its transaction."""

    source: Source
    counts: Counts
    warnings: list[Problem]
    spools: tuple[Spool, Spool]


class _TooManyRefused(FileRefused):
    """A file of which more rows are refused than is allowed; it has been rolled back."""

    def __init__(self, loaded: _Loaded, most: float, folder: Path) -> None:
        counts = loaded.counts
        super().__init__(
            "too_many_refused",
            name=loaded.source.table.name,
            percent=f"{100 * counts.rejected / counts.read:.1f}",
            rejected=counts.rejected,
            read=counts.read,
            most=f"{most:g}",
            path=folder / f"{loaded.source.kind.name}.csv",
        )
        self.loaded = loaded


class _Run:
    def __init__(
        self,
        path: Path,
        delivery: Delivery,
        report: RunReport,
        started_by: str,
        run_id: int | None,
        most_refused: float | None,
    ) -> None:
        self.path, self.delivery, self.report = path, delivery, report
        self.started_by, self.run_id = started_by, run_id
        self.most_refused = most_refused
        # Whether the run before this one may have died before its identities were settled.
        self.unsettled = False
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
        except _TooManyRefused as stopped:
            self._write_refusals()
            if self.run_id is not None:
                with entered(self.access):
                    ImportRun.objects.filter(pk=self.run_id).update(
                        rejects_file=str(self.report.rejects_file or "")
                    )
                record_failure(self.access, self.run_id, stopped)
            raise
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
        stopped: _TooManyRefused | None = None
        with transaction.atomic():
            if tenant is None:
                self._enter(_new_tenant(self.report.group))
            try:
                self._load_all()
            except _TooManyRefused as error:
                stopped = error
            if tenant is None:
                # There is no group to record a run with; the files are written all the same.
                self._write_refusals()
            transaction.set_rollback(True)
        if stopped is not None:
            raise stopped
        if tenant is not None:
            self._record_end()

    def _stage_deletions(self) -> bool:
        """Lay out what the delivery deletes, so that its other files do not load it first."""
        with connection.cursor() as cursor:
            cursor.execute("drop table if exists pg_temp.import_deletions")
        for source in self.delivery.sources:
            if source.kind.name == "deleted":
                spool = Spool()
                stage(source, self._context(), spool, lambda rows, bytes_read: None)
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
            try:
                loaded = self._load(source)
            except _TooManyRefused as stopped:
                self.waiting.append(stopped.loaded)
                raise
            self.waiting.append(loaded)
            self.report.kinds[source.kind.name] = loaded.counts
            if loaded.warnings:
                self.report.warnings[source.kind.name] = loaded.warnings
            if not self.report.dry_run:
                self._write_refusals()
            self.report.stages[source.kind.name] = round(time.perf_counter() - began, 3)
        self._settle()

    def _settle(self) -> None:
        """After the files: the planner's statistics, who is one customer, home stores, advisors."""
        began = time.perf_counter()
        counts = self.report.kinds.values()
        changed = sum(count.created + count.updated for count in counts)
        if changed or self.unsettled:
            with entered(self.access):
                refresh_statistics(changed)
            with entered(self.access):
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
        loading = Loading(
            source.kind, frozenset(source.header.positions), names, deletions=self.deletions
        )
        read = self._stage(source, context, loading, read_spool)
        with entered(self.access):
            loading.load()
            for row, column, problem, whole in loading.problems():
                load_spool.add(row, column, problem, whole)
            drop_temporary_tables("import_deletions")
            counts = loading.counts
            counts.read = read
            counts.rejected += read_spool.rows
            counts.refused_cells = read_spool.cells + load_spool.cells
            if stopped := self._stops(source, counts):
                transaction.set_rollback(True)
        warnings = list(loading.warnings)
        if source.header.unknown:
            names_ = ", ".join(source.header.unknown)
            warnings.insert(0, Problem("unknown_columns", {"names": names_}))
        loaded = _Loaded(source, counts, warnings, (read_spool, load_spool))
        if stopped:
            counts.created = counts.updated = counts.unchanged = counts.superseded = 0
            raise _TooManyRefused(loaded, self._most_refused(), self.refusals.folder)
        return loaded

    def _stage(self, source: Source, context: Context, loading: Loading, spool: Spool) -> int:
        """Lay out the rows to load; the number of rows read, with those that are recognised."""
        progress = self._progress_of(source)
        recognition = source.kind.recognition
        with entered(self.access):
            digests = digests_of(source, loading)
        if recognition is None or digests is None or not is_large(source):
            return stage(source, context, spool, progress, digests)
        found = None
        with entered(self.access):
            any_known = any_digests(recognition, loading)
        if any_known:
            rows = stage_digests(source, context, recognition.looked_up, digests, progress)
            with entered(self.access):
                found = recognised(recognition, loading, rows)
        loading.keeps_digests = True
        return stage(source, context, spool, progress, digests, found)

    def _take_rules(self) -> None:
        """Where nobody asked for a limit, that of the run on record or of the group holds."""
        if self.most_refused is None:
            runs = ImportRun.objects.filter(pk=self.run_id)
            asked = runs.values_list("most_refused", flat=True).first()
            self.most_refused = limit_of(self.tenant) if asked is None else float(asked)

    def _most_refused(self) -> float:
        """Percent of a file's rows that may be refused."""
        return 100.0 if self.most_refused is None else self.most_refused

    def _stops(self, source: Source, counts: Counts) -> bool:
        return counts.rejected > counts.read * self._most_refused() / 100

    # Bookkeeping: short transactions of its own, so that a page sees how far the run is.

    def _record_start(self) -> None:
        with entered(self.access):
            now = timezone.now()
            values: dict[str, Any] = {
                "status": ImportRun.Status.RUNNING,
                "started_at": now,
                "heartbeat_at": now,
                "message": "",
            }
            close_dead_runs(self.run_id)
            former = ImportRun.objects.filter(dry_run=False).exclude(pk=self.run_id)
            last = former.exclude(started_at=None).order_by("-started_at", "-pk").first()
            self.unsettled = last is not None and last.status != ImportRun.Status.DONE
            self._take_rules()
            if self.run_id is None:
                self.run_id = ImportRun.objects.create(
                    tenant=self.tenant,
                    name=self.path.name[:200],
                    dry_run=self.report.dry_run,
                    started_by=self.started_by[:80],
                    folder=str(self.path.resolve())[:400] if self.path.exists() else "",
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

    def _progress_of(self, source: Source) -> Progress:
        file = self.files.get(source.kind.name)

        def show(rows: int, bytes_read: int) -> None:
            if file is None:
                return
            with entered(self.access):
                ImportFile.objects.filter(pk=file).update(bytes_read=bytes_read, rows_read=rows)
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

"""A run: open the delivery, find the group, load file after file, refresh what is derived.

Each file is one transaction. Imports of one group queue on an advisory lock. A dry run does all of
it inside one transaction that is rolled back, so what it reports is what a real run does.
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.utils import timezone

from customers import identity
from customers.importing.bookkeeping import Bookkeeping, Loaded
from customers.importing.columns import Context
from customers.importing.loading import Counts, Loading
from customers.importing.messages import FileRefused, Problem
from customers.importing.parsed_rows import parsed_source
from customers.importing.planning import drop_temporary_tables, join_by_hash, refresh_statistics
from customers.importing.profiles import layout_of_run, saved_layout
from customers.importing.queueing import (
    delivered_groups,
    group_code,
    queued,
    say_it_waits,
)
from customers.importing.reading import Delivery, Source, open_delivery
from customers.importing.recognising import (
    any_digests,
    digests_of,
    is_large,
    is_large_part,
    recognised,
)
from customers.importing.refusals import NOTES, Spool
from customers.importing.staging import stage, stage_digests
from customers.importing.statements import Names
from organization.access import Access, entered, entered_installation
from organization.models import Tenant

logger = logging.getLogger(__name__)


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


class _TooManyRefused(FileRefused):
    """A file of which more rows are refused than is allowed; it has been rolled back."""

    def __init__(self, loaded: Loaded, most: float, folder: Path) -> None:
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
        self.delivery, self.report, self.most_refused = delivery, report, most_refused
        self.books = Bookkeeping(path, started_by, run_id, report.dry_run)
        self.waiting: list[Loaded] = []

    def execute(self) -> None:
        """Load; what went wrong is recorded with the run and raised again."""
        with entered_installation("import"):
            tenant = Tenant.objects.filter(code=self.report.group).first()
        if tenant is None and not self.report.dry_run:
            tenant = _new_tenant(self.report.group)
        try:
            if tenant is not None:
                self._enter(tenant)
                self.books.start(tenant, self.delivery.sources)
                if self.most_refused is None:
                    self.most_refused = self.books.limit(tenant)
            if self.report.dry_run:
                self._rehearse(tenant)
            else:
                self._load_all()
                self._end()
        except _TooManyRefused as stopped:
            self._write_refusals()
            self.books.fail(stopped, self.report.rejects_file)
            raise
        except Exception as error:
            if not connection.needs_rollback:
                self.books.fail(error)
            raise
        finally:
            if not connection.needs_rollback:
                drop_temporary_tables()

    def _enter(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.access = Access.system(tenant.pk, "import")
        self.books.enter(self.access)

    def _write_refusals(self) -> None:
        """Refusals and counts of the files loaded since the last call."""
        self.report.rejects_file = self.books.write(self.waiting)

    def _end(self) -> None:
        self._write_refusals()
        self.books.end(self.report.kinds, self.report.rejects_file)

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
            self._end()

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
        if changed or self.books.unsettled:
            with entered(self.access):
                refresh_statistics(changed)
            with entered(self.access):
                join_by_hash(True)
                self.report.merged = identity.merge_on_strong_evidence(self.tenant.pk)
                identity.refresh_home_stores(self.tenant.pk)
                identity.refresh_advisors(self.tenant.pk)
        self.report.stages["identity"] = round(time.perf_counter() - began, 3)

    def _load(self, source: Source) -> Loaded:
        context = self._context()
        names = Names(
            tenant_id=self.tenant.pk,
            run_id=self.books.run_id,
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
        if unknown := _unknown(source.header.unknown):
            warnings.insert(0, Problem("unknown_columns", {"names": ", ".join(unknown)}))
        loaded = Loaded(source, counts, warnings, (read_spool, load_spool))
        if stopped:
            counts.created = counts.updated = counts.unchanged = counts.superseded = 0
            raise _TooManyRefused(loaded, self._most_refused(), self.books.refusals.folder)
        return loaded

    def _stage(self, source: Source, context: Context, loading: Loading, spool: Spool) -> int:
        """Lay out the rows to load; the number of rows read, with those that are recognised."""
        progress = self.books.progress_of(source)
        recognition = source.kind.recognition
        with entered(self.access):
            digests = digests_of(source, loading)
        if recognition is None or digests is None or not is_large(source):
            return stage(source, context, spool, progress, digests)
        found = None
        with entered(self.access):
            any_known = any_digests(recognition, loading)
        if any_known:
            # Two passes: each moves the bar over a half.
            size, show = source.table.bytes, progress
            rows = stage_digests(
                *(source, context, recognition.looked_up, digests),
                lambda rows, at: show(rows, at // 2),
            )
            with entered(self.access):
                found = recognised(recognition, loading, rows)
            progress = lambda rows, at: show(rows, (size + at) // 2)  # noqa: E731
        read = stage(source, context, spool, progress, digests, found)
        with entered(self.access):
            loading.keeps_digests = is_large_part(recognition, loading, read)
        return read

    def _most_refused(self) -> float:
        """Percent of a file's rows that may be refused."""
        return 100.0 if self.most_refused is None else self.most_refused

    def _stops(self, source: Source, counts: Counts) -> bool:
        return counts.rejected > counts.read * self._most_refused() / 100


def _new_tenant(code: str) -> Tenant:
    with entered_installation("import"):
        tenant = Tenant(code=code, name=code)
        tenant.save()
    return tenant


def _unknown(titles: Sequence[str]) -> list[str]:
    """Columns that the format has not; the remarks of a refusal file loaded again are our own."""
    ours = NOTES if set(NOTES) <= set(titles) else ()
    return [title for title in titles if title not in ours]

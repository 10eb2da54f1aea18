"""A run on record: how far it is, what it counted and refused, how it ended.

Each entry is a short transaction of its own, so that a page sees it while the run goes on.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from customers.importing.limits import limit_of
from customers.importing.loading import Counts
from customers.importing.messages import FileRefused, Problem, both
from customers.importing.queueing import close_dead_runs
from customers.importing.reading import Source
from customers.importing.refusals import RefusalFolder, Spool
from customers.importing.staging import Progress
from customers.models import ImportFile, ImportRun
from organization import audit
from organization.access import Access, entered
from organization.models import Tenant

REJECTS_DIR = "rejects"


@dataclass
class Loaded:
    """One file's load, kept until its refusals can be written outside its transaction."""

    source: Source
    counts: Counts
    warnings: list[Problem]
    spools: tuple[Spool, Spool]


class Bookkeeping:
    """The record of one run; a dry run for a group that is not there yet has none.

    Args:
        run_id: a run recorded before; otherwise ``start`` records one.
    """

    def __init__(self, path: Path, started_by: str, run_id: int | None, dry_run: bool) -> None:
        self.path, self.started_by = path, started_by
        self.run_id, self.dry_run = run_id, dry_run
        # Whether the run before this one may have died before its identities were settled.
        self.unsettled = False
        self.refusals = RefusalFolder(
            Path(settings.VAR_DIR) / REJECTS_DIR / f"{timezone.now():%Y%m%d}-{secrets.token_hex(8)}"
        )
        self._files: dict[str, int] = {}

    def enter(self, access: Access) -> None:
        """Whose group it is."""
        self.access = access

    def start(self, tenant: Tenant, sources: Sequence[Source]) -> None:
        """Mark the run, new or recorded before, as running; runs that died as failed."""
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
            if self.run_id is None:
                self.run_id = ImportRun.objects.create(
                    tenant=tenant,
                    name=self.path.name[:200],
                    dry_run=self.dry_run,
                    started_by=self.started_by[:80],
                    folder=str(self.path.resolve())[:400] if self.path.exists() else "",
                    **values,
                ).pk
            else:
                ImportRun.objects.filter(pk=self.run_id).update(**values)
                ImportFile.objects.filter(run_id=self.run_id).delete()
            for source in sources:
                self._files[source.kind.name] = ImportFile.objects.create(
                    tenant=tenant,
                    run_id=self.run_id,
                    kind=source.kind.name,
                    name=source.table.name[:200],
                    bytes=source.table.bytes,
                ).pk

    def limit(self, tenant: Tenant) -> float | None:
        """Percent of rows that may be refused: what the run's person asked for, or the group's."""
        with entered(self.access):
            runs = ImportRun.objects.filter(pk=self.run_id)
            asked = runs.values_list("most_refused", flat=True).first()
        return limit_of(tenant) if asked is None else float(asked)

    def progress_of(self, source: Source) -> Progress:
        """What ``stage`` calls to show how much of the file has been read."""
        file = self._files.get(source.kind.name)

        def show(rows: int, bytes_read: int) -> None:
            if file is None:
                return
            with entered(self.access):
                ImportFile.objects.filter(pk=file).update(bytes_read=bytes_read, rows_read=rows)
                ImportRun.objects.filter(pk=self.run_id).update(heartbeat_at=timezone.now())

        return show

    def write(self, waiting: list[Loaded]) -> Path | None:
        """Refusals and counts of ``waiting`` files, which are emptied; the file of all refusals."""
        for loaded in waiting:
            with entered(self.access):
                self.refusals.write(loaded.source, loaded.spools, self.run_id)
                self._write_counts(loaded)
            for spool in loaded.spools:
                spool.close()
        waiting.clear()
        return self.refusals.combined()

    def _write_counts(self, loaded: Loaded) -> None:
        kind, counts = loaded.source.kind.name, loaded.counts
        if kind not in self._files:
            return
        ImportFile.objects.filter(pk=self._files[kind]).update(
            bytes_read=loaded.source.table.bytes,
            rows_read=counts.read,
            created=counts.created,
            updated=counts.updated,
            unchanged=counts.unchanged,
            rejected=counts.rejected,
            superseded=counts.superseded,
            deleted=counts.updated if kind == "deleted" else 0,
            warnings=[{"code": w.code, "values": dict(w.values)} for w in loaded.warnings],
            finished=True,
        )

    def end(self, kinds: Mapping[str, Counts], rejects_file: Path | None) -> None:
        """The run came to its end."""
        with entered(self.access):
            ImportRun.objects.filter(pk=self.run_id).update(
                status=ImportRun.Status.DONE,
                finished_at=timezone.now(),
                rejects_file=str(rejects_file or ""),
                message="",
            )
            if not self.dry_run:
                audit.record(
                    self.access,
                    "import",
                    f"run {self.run_id}",
                    by=self.started_by,
                    kinds={kind: counts.as_json() for kind, counts in kinds.items()},
                )

    def fail(self, error: Exception, rejects_file: Path | None = None) -> None:
        """The run ended for ``error``."""
        if self.run_id is None:
            return
        if rejects_file is not None:
            with entered(self.access):
                ImportRun.objects.filter(pk=self.run_id).update(rejects_file=str(rejects_file))
        record_failure(self.access, self.run_id, error)


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

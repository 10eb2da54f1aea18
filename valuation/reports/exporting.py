"""Asking for an export, building it in the background, and where its file lies."""

import logging
import shutil
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from organization import audit
from organization.access import Access, Capability, entered
from organization.models import Unit
from valuation.models import Valuation
from valuation.reports.building import Built, build
from valuation.reports.models import Export
from valuation.reports.subject import Subject

log = logging.getLogger(__name__)

FOLDER, BUILDING = "exports", ".building-"
KEPT_DAYS = 30
NO_WORKER = gettext_noop("No worker could be reached: ask again later.")
FAILED = gettext_noop("It could not be built; the log of the worker has the reason.")


class NotApproved(Exception):
    """There is no approved valuation to export from."""


def approved_valuation(access: Access) -> Valuation | None:
    """The newest approved valuation."""
    found: Valuation | None = (
        Valuation.objects.visible_to(access)
        .filter(approval__isnull=False)
        .select_related("assumptions", "approval")
        .order_by("-as_of", "-created_at")
        .first()
    )
    return found


def progress_key(export_id: int) -> str:
    return f"export-progress-{export_id}"


def path_of(export: Export) -> Path:
    """Where the file lies: a name made of ids alone."""
    return Path(settings.VAR_DIR) / FOLDER / str(export.tenant_id) / f"{export.pk}.bin"


def request_export(
    access: Access, unit: Unit, kind: str, language: str, parameters: dict[str, int]
) -> Export:
    """Write down what is asked for; the caller queues it.

    Raises:
        Forbidden: the access may not export values of that unit.
        NotApproved: there is no approved valuation.
    """
    access.require(Capability.EXPORT_VALUE, unit.pk)
    valuation = approved_valuation(access)
    if valuation is None:
        raise NotApproved
    export: Export = Export.objects.create(
        tenant_id=access.tenant_id,
        unit=unit,
        kind=kind,
        valuation=valuation,
        language=language,
        parameters=parameters,
        requested_by=access.label[:80],
    )
    audit.record(access, "export.requested", f"export {export.pk}", kind=kind, unit=unit.code)
    return export


def carry_out(tenant_id: int, export_id: int) -> None:
    """Build a queued export. Delivered twice, the second does nothing."""
    access = Access.system(tenant_id, "export")
    with entered(access):
        claimed = (
            Export.objects.visible_to(access)
            .filter(pk=export_id, status=Export.Status.QUEUED)
            .update(status=Export.Status.RUNNING)
        )
    if not claimed:
        return
    with entered(access):
        path = path_of(Export.objects.get(pk=export_id))
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside where it will lie, so that it gets there by a rename, whole or not at all.
    with tempfile.TemporaryDirectory(prefix=BUILDING, dir=path.parent) as folder:
        try:
            built = _built(access, export_id, Path(folder))
        except Exception:
            log.exception("export %s could not be built", export_id)
            _finish(access, export_id, status=Export.Status.FAILED, message=FAILED)
            raise
        found = {"file_name": built.name, "size": built.size, "sha256": built.sha256}
        built.path.rename(path)
    _finish(access, export_id, status=Export.Status.DONE, **found)
    sweep(access)


def _built(access: Access, export_id: int, folder: Path) -> Built:
    def progress(step: int, steps: int) -> None:
        # The build reads in one transaction, whose writes nobody would see until its end.
        cache.set(progress_key(export_id), (step, steps), 3600)

    with entered(access):
        export = Export.objects.select_related("unit", "valuation__assumptions").get(pk=export_id)
        subject = Subject.of(access, export.valuation, export.unit, export.language)
        return build(subject, export, progress, folder)


def _finish(access: Access, export_id: int, **values: object) -> None:
    with entered(access):
        Export.objects.visible_to(access).filter(pk=export_id).update(
            finished_at=timezone.now(), **values
        )


def fail_queued(access: Access, export: Export) -> None:
    """Without a broker an export says so instead of waiting for ever."""
    _finish(access, export.pk, status=Export.Status.FAILED, message=NO_WORKER)


def sweep(access: Access) -> int:
    """Remove files older than ``KEPT_DAYS`` and what killed builds left; the rows stay."""
    removed = 0
    begun = time.time() - timedelta(days=1).total_seconds()
    for left in (Path(settings.VAR_DIR) / FOLDER / str(access.tenant_id)).glob(f"{BUILDING}*"):
        if left.stat().st_mtime < begun:
            shutil.rmtree(left)
    with transaction.atomic(), entered(access):
        limit = timezone.now() - timedelta(days=KEPT_DAYS)
        old = Export.objects.visible_to(access).filter(created_at__lt=limit).exclude(sha256="")
        for export in old:
            path = path_of(export)
            if path.exists():
                path.unlink()
                removed += 1
    return removed

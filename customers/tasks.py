"""Background work of customers: thin tasks that carry ids and call the modules that do it."""

import logging
from pathlib import Path

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from customers import follow_ups
from customers.deliveries import folders, incoming, set_aside
from customers.deliveries.expiry import forget_requests
from customers.importing.bookkeeping import record_failure
from customers.importing.messages import FileRefused
from customers.importing.running import import_path
from customers.models import ImportRun
from customers.privacy import retention
from customers.privacy.policy import RANGES
from customers.quality.tasks import assess
from organization.access import Access, entered, entered_installation
from organization.models import Tenant

logger = logging.getLogger(__name__)


@shared_task
def run_import(tenant_id: int, run_id: int) -> None:
    """Load the files of a queued run. Delivered twice, or after a crash, it ends the same."""
    access = Access.system(tenant_id, "import")
    with entered(access):
        run = ImportRun.objects.get(pk=run_id)
        group = Tenant.objects.get(pk=tenant_id).code
    if run.status in (ImportRun.Status.DONE, ImportRun.Status.FAILED):
        return
    try:
        import_path(
            Path(run.folder),
            group=group,
            dry_run=run.dry_run,
            started_by=run.started_by,
            run_id=run_id,
        )
    except FileRefused as refused:
        logger.info("import run %s was refused: %s", run_id, refused)
        record_failure(access, run_id, refused)
        return
    if not run.dry_run:
        _assess_after(tenant_id, run_id)


def _assess_after(tenant_id: int, run_id: int) -> None:
    """Queue the quality report; without a broker it is made when somebody asks for it."""
    try:
        assess.delay(tenant_id, f"import {run_id}")
    except OperationalError:
        logger.exception("data quality after import %s is left to the next request", run_id)


@shared_task
def look_for_deliveries() -> None:
    """Every few minutes: which groups have files in their drop folders; a task for each."""
    with entered_installation("schedule"):
        tenants = list(Tenant.objects.values_list("pk", "code"))
    for tenant_id, code in tenants:
        folder = incoming.group_folder(code)
        if folder is None:
            continue
        if not incoming.has_something(folder):
            # Somebody may have taken what was set aside out of the folder.
            with entered(access := Access.system(tenant_id, "drop folder")):
                set_aside.settle(access)
            continue
        try:
            load_deliveries.delay(tenant_id)
        except OperationalError:
            logger.exception("the drop folder of group %s waits for the next look", code)


@shared_task
def load_deliveries(tenant_id: int) -> None:
    """Load, archive and tell of what lies in one group's drop folder."""
    folders.take_up(tenant_id)


@shared_task
def make_follow_ups() -> None:
    """Every morning: the lists of whom to contact, for every group."""
    with entered_installation("schedule"):
        tenants = list(Tenant.objects.values_list("pk", flat=True))
    for tenant_id in tenants:
        follow_ups.make_follow_ups(
            Access.system(tenant_id, "daily follow-ups"), timezone.localdate()
        )


@shared_task
def apply_retention() -> None:
    """Every night: what has passed its period goes, in every group."""
    with entered_installation("schedule"):
        tenants = list(Tenant.objects.values_list("pk", flat=True))
    for tenant_id in tenants:
        retention.apply_retention(tenant_id, timezone.now())
        forget_requests(tenant_id, timezone.now())
    retention.sweep_orphans(RANGES["upload_days"][1])


def queue_run(tenant_id: int, run_id: int) -> None:
    """Hand a run to a worker; without a broker the run says so instead of waiting for ever."""
    try:
        run_import.delay(tenant_id, run_id)
    except OperationalError as error:
        logger.exception("the broker cannot be reached")
        record_failure(Access.system(tenant_id, "import"), run_id, error)

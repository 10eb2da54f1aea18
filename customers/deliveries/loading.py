"""One recorded run, loaded here and now if no other import of its group is at work.

This module alone knows which engine loads a delivery.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from kombu.exceptions import OperationalError

from customers.importing.bookkeeping import record_failure
from customers.importing.messages import FileRefused
from customers.importing.running import import_path
from customers.models import ImportRun
from customers.quality.tasks import assess
from organization.access import Access, entered
from organization.models import Tenant

logger = logging.getLogger(__name__)
UNFINISHED = (ImportRun.Status.QUEUED, ImportRun.Status.RUNNING)
_LOOK_AGAIN = 0.25  # seconds
# One report for all deliveries of so long: it counts every row of the group.
ASSESS_AFTER = 300


def load(tenant_id: int, run_id: int, *, patience: float) -> bool:
    """Load the run's files; False if other imports of the group took longer than ``patience``.

    Call outside a transaction: each file is one of its own. A run that has ended is left alone;
    one that died half-way is loaded again and ends as if it had not.

    Args:
        patience: seconds to wait for a running import.
    """
    access = Access.system(tenant_id, "import")
    with entered(access):
        group = Tenant.objects.get(pk=tenant_id).code
    with turn("import", group, patience) as ours:
        if not ours:
            return False
        with entered(access):
            run = ImportRun.objects.get(pk=run_id)
        if run.status in UNFINISHED:
            _load(access, group, run)
    return True


def take_back(run: ImportRun) -> None:
    """Let a failed run be loaded again: what failed has loaded nothing of its last file, and may
    have died of something that has passed. Call inside an access to the run's tenant."""
    run.status = ImportRun.Status.QUEUED
    run.message = ""
    run.save(update_fields=["status", "message"])


def _load(access: Access, group: str, run: ImportRun) -> None:
    try:
        import_path(
            Path(run.folder),
            group=group,
            dry_run=run.dry_run,
            started_by=run.started_by,
            run_id=run.pk,
        )
    except FileRefused as refused:
        logger.info("import run %s was refused: %s", run.pk, refused)
        record_failure(access, run.pk, refused)
        return
    assess_soon(access.tenant_id)


@contextmanager
def turn(work: str, group: str, patience: float) -> Iterator[bool]:
    """Whether nobody else is at that work of the group, nor will be within the block.

    The lock of “import” is the engine's own, which the same session may take again.
    """
    until = time.monotonic() + patience
    while not (ours := _ask("pg_try_advisory_lock", work, group)):
        if time.monotonic() >= until:
            break
        time.sleep(_LOOK_AGAIN)
    try:
        yield ours
    finally:
        if ours and not connection.needs_rollback:
            _ask("pg_advisory_unlock", work, group)


def _ask(function: str, work: str, group: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {function}(hashtext(%s), hashtext(%s))",
            [f"parcfolio {work}", group],
        )
        return bool(cursor.fetchone()[0])


def assess_soon(tenant_id: int) -> None:
    """Queue the quality report, once for all deliveries of the next minutes.

    Without a broker it is made when somebody asks for it.
    """
    if not settings.REDIS_URL or not cache.add(f"assess-soon-{tenant_id}", 1, ASSESS_AFTER):
        return
    try:
        assess.apply_async((tenant_id, "deliveries"), countdown=ASSESS_AFTER, retry=False)
    except OperationalError:
        logger.exception("data quality of group %s is left to the next request", tenant_id)

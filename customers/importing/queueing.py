"""Whose import it is, and its turn: imports of one group run one after the other."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection
from django.utils import timezone

from customers.importing.messages import FileRefused, both
from customers.importing.reading import Delivery
from customers.models import ImportRun
from organization.access import Access, entered, entered_installation
from organization.models import Tenant

logger = logging.getLogger(__name__)


def group_code(delivered: list[str], wanted: str | None) -> str:
    """The group's code: asked for, else the delivery's only one, else the installation's."""
    with entered_installation("import"):
        known = sorted(Tenant.objects.values_list("code", flat=True))
    if not (known or delivered):
        raise FileRefused("no_group_yet")
    listed = ", ".join(known or delivered)
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


def delivered_groups(delivery: Delivery) -> list[str]:
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
def queued(code: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Wait until no other import of the group runs; the lock falls with the session.

    ``waiting`` is called once if there is another, before the wait.
    """
    key = "(hashtext('parcfolio import'), hashtext(%s))"
    with connection.cursor() as cursor:
        cursor.execute(f"select pg_try_advisory_lock{key}", [code])
        if not cursor.fetchone()[0]:
            waiting()
            cursor.execute(f"select pg_advisory_lock{key}", [code])
    try:
        yield
    finally:
        if not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute(f"select pg_advisory_unlock{key}", [code])


def say_it_waits(code: str, run_id: int | None) -> None:
    logger.warning("waiting: another import of group %s is running", code)
    if run_id is None:
        return
    with entered_installation("import"):
        tenant = Tenant.objects.get(code=code)
    with entered(Access.system(tenant.pk, "import")):
        ImportRun.objects.filter(pk=run_id).update(message=both("waiting", {}))


def close_dead_runs(run_id: int | None) -> None:
    """Runs that are marked as running died: while this one has the group's lock, none is."""
    dead = ImportRun.objects.filter(status=ImportRun.Status.RUNNING).exclude(pk=run_id)
    dead.update(
        status=ImportRun.Status.FAILED, finished_at=timezone.now(), message=both("died", {})
    )

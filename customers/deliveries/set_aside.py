"""A delivery that could not be loaded is work for a data steward: one task a delivery, open until
its content is loaded, a later delivery of its name is, or its files are gone."""

import shutil
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from customers.deliveries import incoming
from customers.models import Delivery, ImportRun, Task
from customers.task_owners import proposed_owner
from organization import audit
from organization.access import Access, Capability
from organization.models import Unit

RULE = "delivery"
DUE_DAYS = 3
_METRIC = "delivery-"


def remember(access: Access, run: ImportRun) -> Task | None:
    """The open task about the delivery of a failed run, made if there is none; inside the access.

    None for a run that no drop folder asked for.
    """
    delivery = Delivery.objects.filter(run=run, origin=Delivery.Origin.FOLDER).first()
    if delivery is None:
        return None
    root = Unit.objects.get(parent=None)
    today = timezone.localdate()
    task: Task
    task, made = (
        Task.objects.visible_to(access)
        .exclude(status=Task.Status.CLOSED)
        .get_or_create(
            tenant_id=access.tenant_id,
            unit=root,
            metric=f"{_METRIC}{delivery.pk}",
            defaults={
                "anomaly": RULE,
                "title": _("Delivery set aside: %(name)s") % {"name": delivery.name[:150]},
                "owner": proposed_owner(access, root, Capability.IMPORT_DATA),
                "due_on": today + timedelta(days=DUE_DAYS),
                "measure_on": today + timedelta(days=DUE_DAYS),
                "note": run.message,
            },
        )
    )
    if made:
        audit.record(access, "task.created", f"task:{task.pk}", unit=root.code, metric=task.metric)
    elif task.note != run.message:
        task.note = run.message
        task.save(update_fields=["note"])
    return task


def waiting(access: Access) -> QuerySet[Task]:
    """Open tasks about deliveries, the oldest first."""
    found: QuerySet[Task] = (
        Task.objects.visible_to(access, Capability.IMPORT_DATA)
        .filter(anomaly=RULE)
        .exclude(status=Task.Status.CLOSED)
        .select_related("owner")
        .order_by("due_on", "pk")
    )
    return found


def delivery_of(task: Task) -> Delivery | None:
    """The delivery that a task is about; None once it is forgotten."""
    number = task.metric.removeprefix(_METRIC)
    found: Delivery | None = Delivery.objects.filter(pk=number).select_related("run").first()
    return found


def address_of(task: Task) -> str:
    """The page of the run that failed; empty once it is forgotten."""
    delivery = delivery_of(task)
    return reverse("import_run", args=[delivery.run_id]) if delivery else ""


def settle(access: Access) -> int:
    """Close the tasks whose deliveries are loaded or gone; how many. Inside the access."""
    return sum(_settled(access, task) for task in waiting(access))


def _settled(access: Access, task: Task) -> bool:
    delivery = delivery_of(task)
    if delivery is None:
        return _close(access, task, "forgotten")
    if delivery.run.status == ImportRun.Status.DONE or _later_one_loaded(delivery):
        return _close(access, task, "loaded")
    if delivery.run.status == ImportRun.Status.FAILED and not Path(delivery.run.folder).exists():
        return _close(access, task, "removed")
    return False


def _later_one_loaded(delivery: Delivery) -> bool:
    later = Delivery.objects.filter(
        origin=Delivery.Origin.FOLDER, name=delivery.name, run_id__gt=delivery.run_id
    )
    return later.filter(run__status=ImportRun.Status.DONE, run__dry_run=False).exists()


def _close(access: Access, task: Task, why: str) -> bool:
    task.status, task.closed_at = Task.Status.CLOSED, timezone.now()
    task.save(update_fields=["status", "closed_at"])
    audit.record(access, "task.done", f"task:{task.pk}", metric=task.metric, why=why)
    return True


def remove(access: Access, task: Task) -> None:
    """Delete the files of the delivery and close its task; the run with its message stays."""
    delivery = delivery_of(task)
    if delivery is not None:
        kept, root = Path(delivery.run.folder), Path(settings.DROP_DIR).resolve()
        # Only what was archived as failed below the drop folder: a run may know any folder.
        archived = kept.resolve().is_relative_to(root) and incoming.FAILED in kept.parts
        if delivery.run.status == ImportRun.Status.FAILED and archived and not kept.is_symlink():
            shutil.rmtree(kept, ignore_errors=True)
    _close(access, task, "removed")

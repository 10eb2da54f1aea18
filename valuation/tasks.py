"""Celery tasks: valuing, recording indicators, measuring tasks; on schedule and when asked."""

import logging

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from ml.publication import current_score_set
from organization.access import Access, entered, entered_installation
from organization.models import Tenant
from valuation.engine import create_valuation
from valuation.improvement.measuring import measure_due_tasks
from valuation.indicators import after_loads
from valuation.indicators.recording import NothingToRecord, record
from valuation.reports import exporting

log = logging.getLogger(__name__)


@shared_task(name="valuation.tasks.value_group")
def value_group(tenant_id: int, asked_by: str) -> int | None:
    """Value one group from its current score set; the id of the valuation, None without scores."""
    access = Access.system(tenant_id, f"valuation for {asked_by}")
    with entered(access):
        score_set = current_score_set(access)
    if score_set is None:
        log.warning("group %s has no published score set: not valued", tenant_id)
        return None
    valuation, _created = create_valuation(access, score_set.as_of)
    transaction.on_commit(lambda: record_indicators.delay(tenant_id, asked_by))
    return int(valuation.pk)


@shared_task(name="valuation.tasks.build_export")
def build_export(tenant_id: int, export_id: int) -> None:
    """Build one export that was asked for; its outcome is written on its row."""
    exporting.carry_out(tenant_id, export_id)


@shared_task(name="valuation.tasks.value_all_groups")
def value_all_groups() -> None:
    """Monthly: every group, each in a task of its own so that one failure stops no other."""
    with entered_installation("schedule"):
        tenants = list(Tenant.objects.values_list("pk", flat=True))
    for tenant_id in tenants:
        value_group.delay(tenant_id, "the monthly schedule")


@shared_task(name="valuation.tasks.record_indicators")
def record_indicators(tenant_id: int, asked_by: str) -> int:
    """Measure the months of one group that are new or may have changed; rows that were added."""
    access = Access.system(tenant_id, f"indicators for {asked_by}")
    try:
        return record(access, reason=asked_by).rows
    except NothingToRecord as nothing:
        log.warning("group %s: %s", tenant_id, nothing)
        return 0


@shared_task(name="valuation.tasks.record_all_indicators")
def record_all_indicators() -> None:
    """Nightly: what was imported since changes the latest months; an unchanged one adds no row."""
    with entered_installation("schedule"):
        tenants = list(Tenant.objects.values_list("pk", flat=True))
    for tenant_id in tenants:
        record_indicators.delay(tenant_id, "the nightly schedule")


@shared_task(name="valuation.tasks.look_for_loads")
def look_for_loads() -> None:
    """Every few minutes: groups with a finished load that no recording has seen; one task each."""
    with entered_installation("schedule"):
        tenants = list(Tenant.objects.values_list("pk", flat=True))
    for tenant_id in tenants:
        access = Access.system(tenant_id, "looking for loads")
        with entered(access):
            waiting = after_loads.loads_since(access) is not None
        if waiting and after_loads.claim(tenant_id):
            record_after_loads.delay(tenant_id)


@shared_task(name="valuation.tasks.record_after_loads")
def record_after_loads(tenant_id: int) -> int:
    """Measure the months of one group that loads have touched; rows that were added."""
    try:
        found = after_loads.record_after_loads(Access.system(tenant_id, "indicators after loads"))
    finally:
        after_loads.release(tenant_id)
    return 0 if found is None else found.rows


@shared_task(name="valuation.tasks.measure_tasks")
def measure_tasks() -> None:
    """Every morning: tasks whose day has come are measured against untreated peers."""
    with entered_installation("schedule"):
        tenants = list(Tenant.objects.values_list("pk", flat=True))
    for tenant_id in tenants:
        measure_due_tasks(Access.system(tenant_id, "measuring tasks"), timezone.localdate())

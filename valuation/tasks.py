"""Celery tasks: the monthly valuation of every group, and one asked for on a page."""

import logging

from celery import shared_task

from ml.publication import current_score_set
from organization.access import Access, entered, entered_installation
from organization.models import Tenant
from valuation.engine import create_valuation
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

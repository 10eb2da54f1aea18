"""Celery task of the data-quality report."""

from celery import shared_task
from django.db import connection

from customers.quality import report as quality
from organization.access import Access, entered


@shared_task(name="customers.quality.tasks.assess")
def assess(tenant_id: int, asked_by: str = "schedule") -> None:
    """Assess a group as of the day after its latest visit; a second one at a time is left out."""
    access = Access.system(tenant_id, f"data quality for {asked_by}")
    with entered(access), connection.cursor() as cursor:
        cursor.execute(
            "select pg_try_advisory_xact_lock(hashtext('parcfolio quality'), %s)", [tenant_id]
        )
        (alone,) = cursor.fetchone()
        if alone:
            quality.assess_latest(access)

"""Daily upkeep: forget what has expired, and leave the trail's anchors in the log."""

import logging

from celery import shared_task

from organization.access import Access, entered, entered_installation
from organization.attempts import forget_expired
from organization.models import AuditChain, Tenant
from organization.session_store import SessionStore

logger = logging.getLogger(__name__)


@shared_task
def forget_expired_sign_ins() -> None:
    """Delete sessions that no longer open a page and counts whose window is over."""
    SessionStore.clear_expired()
    forget_expired()


@shared_task
def log_audit_heads() -> None:
    """Write the newest hash of each group's trail to the log, which lies outside the database.

    ``manage.py audit_verify --group CODE --expect HASH`` later shows that nothing was cut since.
    """
    with entered_installation("audit heads"):
        tenants = list(Tenant.objects.order_by("code"))
    for tenant in tenants:
        with entered(Access.system(tenant.pk, "audit heads")):
            head = AuditChain.objects.first()
        if head is not None:
            logger.warning(
                "audit head group=%s events=%s hash=%s",
                *(tenant.code, head.number, bytes(head.hash).hex()),
            )

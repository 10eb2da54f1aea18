"""How long a repeated request is recognised."""

from datetime import datetime, timedelta

from customers.models import Delivery
from organization.access import Access, entered

KEPT_HOURS = 48


def forget_requests(tenant_id: int, now: datetime) -> int:
    """Delete the idempotency keys of requests of two days ago; how many. Runs and rows stay."""
    access = Access.system(tenant_id, "retention")
    with entered(access):
        old = Delivery.objects.visible_to(access).filter(
            origin=Delivery.Origin.API, created_at__lt=now - timedelta(hours=KEPT_HOURS)
        )
        return int(old.delete()[0])

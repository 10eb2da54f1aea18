"""Writing the audit trail, in the transaction of what it records."""

from typing import Any

from organization.access import Access
from organization.models import AuditEvent


def record(access: Access, action: str, subject: str = "", **detail: Any) -> None:
    """Add one event; ``detail`` must be JSON values and hold no contact data."""
    AuditEvent.objects.create(
        tenant_id=access.tenant_id,
        actor=access.label[:80],
        account_id=access.account_id,
        action=action,
        subject=subject[:120],
        detail=detail,
    )

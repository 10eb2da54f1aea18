"""Writing the audit trail, in the transaction of what it records."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from organization.access import Access
from organization.models import AuditEvent

# What the trail page calls an action; one without words here is shown by its code.
ACTION_WORDS: dict[str, Promise] = {
    "signin": _("signed in"),
    "signin_failed": _("failed to sign in"),
    "signin_locked": _("was locked out"),
    "signout": _("signed out"),
    "account_closed": _("closed an account"),
    "account_opened": _("opened an account"),
    "assignment_end_set": _("set the end of an assignment"),
    "assignment_transferred": _("transferred a person"),
    "view_switched": _("switched the assignment looked through"),
    "grant.requested": _("asked for a special grant"),
    "grant.approved": _("approved a special grant"),
    "grant.refused": _("refused a special grant"),
    "grant.revoked": _("revoked a special grant"),
    "work.handed_over": _("handed over open work"),
}

DETAIL_WORDS: dict[str, Promise] = {
    "address": _("from address"),
    "role": _("role"),
    "unit": _("unit"),
    "before": _("before"),
    "after": _("after"),
    "assignment": _("assignment"),
    "grant": _("grant"),
    "capability": _("capability"),
    "valid_from": _("starts on"),
    "valid_to": _("ends before"),
    "to": _("to unit"),
    "successor": _("successor"),
    "follow_ups": _("follow-ups"),
    "customers": _("customers"),
}


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

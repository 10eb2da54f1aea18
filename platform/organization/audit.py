"""Writing the audit trail, in the transaction of what it records."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from organization.access import Access, entered
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
}

# The applications above add the words of their own actions.
DETAIL_WORDS: dict[str, Promise] = {
    "address": _("from address"),
    "role": _("role"),
    "unit": _("unit"),
    "before": _("before"),
    "after": _("after"),
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


def note_refusal(request: HttpRequest, action: str, subject: str = "", **detail: Any) -> None:
    """Remember a refusal that must be recorded although the request's writes are rolled back."""
    noted = getattr(request, "refusals", ())
    request.refusals = (*noted, (action, subject, detail))  # type: ignore[attr-defined]


def record_refusals(request: HttpRequest, access: Access) -> None:
    """Write what ``note_refusal`` remembered; the middleware calls it after the request."""
    if noted := getattr(request, "refusals", ()):
        with entered(access):
            for action, subject, detail in noted:
                record(access, action, subject, **detail)

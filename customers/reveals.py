"""How many numbers one person may have shown in an hour, counted on the audit trail itself."""

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy

from customers.privacy.policy import policy_of
from organization.access import Access
from organization.models import AuditEvent, Staff, Tenant

ACTIONS = ("contact.revealed", "walk_in.opened")
HOUR_IS_FULL = gettext_lazy("You have had as many numbers shown as an hour allows.")
WINDOW = timedelta(hours=1)


def reveals_left(access: Access, tenant: Tenant, now: datetime) -> int:
    """What is left of the hour's allowance; 0 or less means that the next is refused.

    Locks the person's own row until the end of the request: parallel requests are counted one
    after the other.
    """
    Staff.objects.select_for_update().filter(pk=access.staff_id).first()
    shown = AuditEvent.objects.visible_to(access).filter(
        account_id=access.account_id, action__in=ACTIONS, at__gt=now - WINDOW
    )
    return policy_of(tenant).reveals_per_hour - shown.count()

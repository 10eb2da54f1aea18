"""Which group a command means."""

from organization.access import entered_installation
from organization.models import Tenant


class TenantRefused(Exception):
    """No group, several, or none of that code; the message says which there are."""


def choose_tenant(code: str | None) -> Tenant:
    """The group of that code, or the only one of the installation.

    Raises:
        TenantRefused: there is none, or a code is needed to choose.
    """
    with entered_installation("choose group"):
        tenants = list(Tenant.objects.order_by("code"))
    if not tenants:
        raise TenantRefused(
            "There is no group yet: load one with manage.py import_data FOLDER (org_units.csv)."
        )
    known = ", ".join(tenant.code for tenant in tenants)
    if code is None:
        if len(tenants) > 1:
            raise TenantRefused(f"--group is needed: this installation holds {known}.")
        return tenants[0]
    for tenant in tenants:
        if tenant.code == code:
            return tenant
    raise TenantRefused(f"No group has the code {code!r}; known: {known}.")

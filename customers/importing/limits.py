"""A group's own limit on refused rows, kept in the tenant's settings."""

from decimal import Decimal

from organization.models import Tenant

_KEY = "import"


def limit_of(tenant: Tenant) -> float | None:
    """Percent of a file's rows; if more are refused, the run stops before it writes that file."""
    limit = tenant.settings.get(_KEY, {}).get("most_refused")
    return None if limit is None else float(limit)


def set_limit(tenant: Tenant, limit: Decimal | None) -> None:
    """Keep ``limit`` (0 to 100); None takes it away. Call inside an access to the tenant."""
    rules = {} if limit is None else {"most_refused": float(limit)}
    tenant.settings = {**tenant.settings, _KEY: rules}
    tenant.save(update_fields=["settings"])

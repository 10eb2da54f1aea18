"""A group's own figures for the protection of personal data, with the product's defaults."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from organization.models import Tenant

KEY = "privacy"


class PolicyRefused(ValueError):
    """A setting is unknown or out of its range; the message names it and the range."""


@dataclass(frozen=True)
class PrivacyPolicy:
    """Whole numbers, kept in the tenant's settings under ``privacy``; see docs/privacy.md."""

    reveals_per_hour: int = 30
    refusal_days: int = 30
    upload_days: int = 30
    lost_contact_years: int = 5
    answer_days: int = 15

    def as_json(self) -> dict[str, int]:
        return asdict(self)


RANGES: dict[str, tuple[int, int]] = {
    "reveals_per_hour": (1, 1_000),
    "refusal_days": (1, 30),
    "upload_days": (1, 30),
    "lost_contact_years": (1, 30),
    "answer_days": (1, 30),
}


def policy_of(tenant: Tenant) -> PrivacyPolicy:
    """The policy in force.

    Raises:
        PolicyRefused: the tenant's settings hold something that is no policy.
    """
    return checked(tenant.settings.get(KEY, {}))


def checked(values: dict[str, Any]) -> PrivacyPolicy:
    """The policy that ``values`` and the defaults make, each within its range."""
    known = {field.name for field in fields(PrivacyPolicy)}
    if unknown := sorted(set(values) - known):
        raise PolicyRefused(f"Unknown privacy setting: {', '.join(unknown)}.")
    for name, value in values.items():
        least, most = RANGES[name]
        if type(value) is not int or not least <= value <= most:
            raise PolicyRefused(f"{name} must be a whole number from {least} to {most}.")
    return PrivacyPolicy(**values)

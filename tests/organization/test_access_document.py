"""docs/access.md says what the code does."""

from pathlib import Path

from organization.access import Capability
from organization.models import Role
from organization.roles import CAPABILITIES, PERSONAL_DATA

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "access.md"


def matrix() -> str:
    """Roles in columns, capabilities and the level of personal data in rows."""
    roles = list(Role.values)
    lines = [
        "| | " + " | ".join(role.replace("_", " ") for role in roles) + " |",
        "|---|" + ":-:|" * len(roles),
    ]
    for capability in Capability:
        held = ("yes" if capability in CAPABILITIES[role] else "" for role in roles)
        lines.append(f"| {capability.replace('_', ' ')} | " + " | ".join(held) + " |")
    levels = (PERSONAL_DATA[role].value for role in roles)
    lines.append("| personal data | " + " | ".join(levels) + " |")
    return "\n".join(lines)


def test_the_matrix_of_roles_is_that_of_the_code() -> None:
    assert matrix() in DOCUMENT.read_text(encoding="utf-8"), f"Put this into it:\n{matrix()}"


def test_every_role_has_its_rules() -> None:
    assert set(CAPABILITIES) == set(PERSONAL_DATA) == set(Role.values)

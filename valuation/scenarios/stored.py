"""Keeping scenarios: a name used before becomes its next version, nothing is changed."""

from organization import audit
from organization.access import Access
from valuation.models import Scenario
from valuation.refusals import MISSING, Refusal, Refused
from valuation.scenarios.changes import Change


def add_scenario(access: Access, change: Change, name: str, reason: str) -> Scenario:
    """Store a scenario with its inputs, inside an entered access.

    Raises :class:`Refused` without a name or a reason.
    """
    name, reason = name.strip()[:80], reason.strip()
    missing = [field for field, text in (("name", name), ("reason", reason)) if not text]
    if missing:
        raise Refused([Refusal(field, MISSING) for field in missing])
    last: int = (
        Scenario.objects.filter(name=name)
        .order_by("-version")
        .values_list("version", flat=True)
        .first()
        or 0
    )
    made: Scenario = Scenario.objects.create(
        tenant_id=access.tenant_id,
        name=name,
        version=last + 1,
        kind="custom",
        inputs=change.as_dict(),
        reason=reason,
        author=access.label[:80],
    )
    audit.record(access, "scenario.stored", f"scenario:{made.pk}", name=name, version=last + 1)
    return made

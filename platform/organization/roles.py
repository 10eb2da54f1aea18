"""What each role may do, and the access of a person as of today."""

from collections.abc import Iterable
from datetime import date

from django.db.models import Q

from organization.access import Access, Capability, PersonalData
from organization.models import Account, Assignment, Grant, Role, Staff, Unit

C = Capability
CAPABILITIES: dict[str, frozenset[Capability]] = {
    Role.EXECUTIVE: frozenset(
        {C.SEE_CUSTOMERS, C.SEE_PROBABILITIES, C.SEE_VALUE, C.CREATE_TASK, C.SEE_MODELS}
        | {C.SEE_DATA_QUALITY, C.CREATE_VALUATION, C.APPROVE_VALUATION, C.SEE_AUDIT}
    ),
    Role.MANAGER: frozenset(
        {C.SEE_CUSTOMERS, C.REVEAL_CONTACT, C.FOLLOW_UP, C.SEE_PROBABILITIES, C.SEE_VALUE}
        | {C.CREATE_TASK, C.SEE_MODELS, C.SEE_DATA_QUALITY}
    ),
    Role.ADVISOR: frozenset({C.SEE_CUSTOMERS, C.REVEAL_CONTACT, C.FOLLOW_UP}),
    Role.ANALYST: frozenset(
        {C.SEE_CUSTOMERS, C.SEE_PROBABILITIES, C.SEE_VALUE, C.SEE_MODELS, C.RETRAIN}
        | {C.SEE_DATA_QUALITY, C.CREATE_VALUATION}
    ),
    Role.DATA_STEWARD: frozenset(
        {C.SEE_CUSTOMERS, C.REVEAL_CONTACT, C.IMPORT_DATA, C.SEE_DATA_QUALITY, C.SEE_MODELS}
    ),
    Role.AUDITOR: frozenset({C.SEE_VALUE, C.SEE_MODELS, C.SEE_DATA_QUALITY, C.SEE_AUDIT}),
    Role.ADMINISTRATOR: frozenset({C.ADMINISTER, C.SEE_AUDIT}),
}
PERSONAL_DATA: dict[str, PersonalData] = {
    Role.EXECUTIVE: PersonalData.MASKED,
    Role.MANAGER: PersonalData.FULL,
    Role.ADVISOR: PersonalData.FULL,
    Role.ANALYST: PersonalData.MASKED,
    Role.DATA_STEWARD: PersonalData.FULL,
    Role.AUDITOR: PersonalData.NONE,
    Role.ADMINISTRATOR: PersonalData.NONE,
}
_ORDER = [PersonalData.NONE, PersonalData.MASKED, PersonalData.FULL]


def _valid_on(day: date) -> Q:
    return Q(valid_from__lte=day) & (Q(valid_to=None) | Q(valid_to__gt=day))


def access_of(account: Account, today: date) -> Access:
    """The access of a signed-in person; must run inside the tenant's own context.

    A person without a valid assignment or grant gets an access that sees nothing.
    """
    staff = Staff.objects.filter(account_id=account.pk).first()
    if staff is None:
        return Access(tenant_id=account.tenant_id, label=account.login, account_id=account.pk)
    assignments = list(Assignment.objects.filter(_valid_on(today), staff=staff))
    grants = list(
        Grant.objects.filter(
            _valid_on(today), staff=staff, revoked_at=None, approved_by__isnull=False
        )
    )
    roots = {a.unit_id for a in assignments} | {g.unit_id for g in grants}
    units = list(
        Unit.objects.filter(path__overlap=sorted(roots)).values_list("pk", "level") if roots else []
    )
    roles = frozenset(a.role for a in assignments)
    return Access(
        tenant_id=account.tenant_id,
        label=account.login,
        all_units=any(level == Unit.Level.GROUP for _, level in units),
        units=frozenset(pk for pk, _ in units),
        home_unit_id=_home(assignments),
        staff_id=staff.pk,
        account_id=account.pk,
        roles=roles,
        capabilities=frozenset().union(*(CAPABILITIES[r] for r in roles))
        | {Capability(g.capability) for g in grants},
        personal_data=max((PERSONAL_DATA[r] for r in roles), key=_ORDER.index, default=_ORDER[0]),
    )


def _home(assignments: Iterable[Assignment]) -> int | None:
    """The unit that a person's start page shows: that of the assignment held longest."""
    first = min(assignments, key=lambda a: (a.valid_from, a.pk), default=None)
    return first.unit_id if first else None

"""What each role may do, and the access of a person as of today."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, Q, QuerySet, Value
from django.utils import timezone

from organization.access import Access, Capability, PersonalData
from organization.models import Account, Assignment, Grant, Role, Staff, Tenant, Unit

C = Capability
CAPABILITIES: dict[str, frozenset[Capability]] = {
    Role.EXECUTIVE: frozenset(
        {C.SEE_CUSTOMERS, C.SEE_PROBABILITIES, C.SEE_VALUE, C.CREATE_TASK, C.SEE_MODELS}
        | {C.SEE_DATA_QUALITY, C.CREATE_VALUATION, C.APPROVE_VALUATION, C.SEE_AUDIT}
        | {C.APPROVE_ERASURE}
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
        | {C.HANDLE_PRIVACY, C.APPROVE_ERASURE}
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


@dataclass(frozen=True)
class SignedIn:
    """A signed-in person: the access, and the words by which the page names them."""

    access: Access
    tenant: Tenant
    name: str
    role: str
    unit: str


@dataclass(frozen=True)
class _Holding:
    """One valid assignment or grant, with the ids of its unit and all units below."""

    kind: str
    what: str
    since: date
    pk: int
    level: str
    unit_id: int
    unit_name: str
    below: list[int]


def valid_on(day: date) -> Q:
    """Condition on effective-dated rows: in force on ``day``."""
    return Q(valid_from__lte=day) & (Q(valid_to=None) | Q(valid_to__gt=day))


def access_of(account: Account, today: date) -> Access:
    """The access of a signed-in person; must run inside the tenant's own context.

    A person without a valid assignment or grant gets an access that sees nothing.
    """
    staff = Staff.objects.filter(account_id=account.pk).first()
    return _access(account, staff, _holdings(staff, today) if staff else [])


def signed_in(account: Account) -> SignedIn:
    """Tenant, access and names in two queries; must run inside the tenant's own context.

    Assignments count by the calendar day of the group's time zone.
    """
    staff = Staff.objects.select_related("tenant").filter(account_id=account.pk).first()
    if staff is None:
        tenant = Tenant.objects.get(pk=account.tenant_id)
        return SignedIn(_access(account, None, []), tenant, account.username, "", "")
    today = timezone.localdate(timezone=ZoneInfo(staff.tenant.time_zone))
    holdings = _holdings(staff, today)
    home = _home(holdings)
    return SignedIn(
        access=_access(account, staff, holdings),
        tenant=staff.tenant,
        name=staff.name or account.username,
        role=str(Role(home.what).label) if home else "",
        unit=home.unit_name if home else "",
    )


def _holdings(staff: Staff, today: date) -> list[_Holding]:
    below = ArraySubquery(Unit.objects.filter(path__contains=[OuterRef("unit_id")]).values("pk"))

    def rows(held: QuerySet[Any], kind: str, what: str) -> QuerySet[Any, Any]:
        return held.annotate(kind=Value(kind), what=F(what), below=below).values_list(
            *("kind", "what", "valid_from", "pk", "unit__level", "unit_id", "unit__name", "below")
        )

    now = valid_on(today)
    assignments = rows(Assignment.objects.filter(now, staff=staff), "role", "role")
    grants = rows(
        Grant.objects.filter(now, staff=staff, revoked_at=None, approved_by__isnull=False),
        *("grant", "capability"),
    )
    return [_Holding(*row) for row in assignments.union(grants, all=True)]


def _access(account: Account, staff: Staff | None, holdings: list[_Holding]) -> Access:
    roles = frozenset(h.what for h in holdings if h.kind == "role")
    granted = frozenset(Capability(h.what) for h in holdings if h.kind == "grant")
    home = _home(holdings)
    return Access(
        tenant_id=account.tenant_id,
        label=account.login,
        all_units=any(h.level == Unit.Level.GROUP for h in holdings),
        units=frozenset(pk for h in holdings for pk in h.below),
        home_unit_id=home.unit_id if home else None,
        staff_id=staff.pk if staff else None,
        account_id=account.pk,
        roles=roles,
        capabilities=frozenset().union(*(CAPABILITIES[r] for r in roles)) | granted,
        personal_data=max((PERSONAL_DATA[r] for r in roles), key=_ORDER.index, default=_ORDER[0]),
    )


def _home(holdings: list[_Holding]) -> _Holding | None:
    """The assignment whose unit a person's start page shows: the one held longest."""
    held = (h for h in holdings if h.kind == "role")
    return min(held, key=lambda h: (h.since, h.pk), default=None)

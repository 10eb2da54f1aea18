"""What each role may do, and the access of a person as of today."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, Q, QuerySet, Value
from django.utils import timezone
from django.utils.translation import gettext as _

from organization.access import FULLEST_FIRST, GRANTABLE, Access, Capability, PersonalData
from organization.models import Account, Assignment, Grant, Role, Staff, Tenant, Unit
from organization.unit_set import ALL_UNITS, NO_UNITS, UnitSet

C = Capability
CAPABILITIES: dict[str, frozenset[Capability]] = {
    Role.EXECUTIVE: frozenset(
        {C.SEE_CUSTOMERS, C.SEE_PROBABILITIES, C.SEE_VALUE, C.CREATE_TASK, C.SEE_MODELS}
        | {C.SEE_DATA_QUALITY, C.CREATE_VALUATION, C.APPROVE_VALUATION, C.SEE_AUDIT}
        | {C.REQUEST_GRANT, C.APPROVE_GRANT, C.EXPORT_VALUE}
        | {C.APPROVE_ERASURE}
    ),
    Role.MANAGER: frozenset(
        {C.SEE_CUSTOMERS, C.REVEAL_CONTACT, C.FOLLOW_UP, C.SEE_PROBABILITIES, C.SEE_VALUE}
        | {C.CREATE_TASK, C.SEE_MODELS, C.SEE_DATA_QUALITY, C.APPROVE_GRANT}
    ),
    Role.ADVISOR: frozenset({C.SEE_CUSTOMERS, C.REVEAL_CONTACT, C.FOLLOW_UP}),
    Role.ANALYST: frozenset(
        {C.SEE_CUSTOMERS, C.SEE_PROBABILITIES, C.SEE_VALUE, C.SEE_MODELS, C.RETRAIN}
        | {C.SEE_DATA_QUALITY, C.CREATE_VALUATION, C.EXPORT_VALUE}
    ),
    Role.DATA_STEWARD: frozenset(
        {C.SEE_CUSTOMERS, C.REVEAL_CONTACT, C.IMPORT_DATA, C.SEE_DATA_QUALITY, C.SEE_MODELS}
        | {C.HANDLE_PRIVACY, C.APPROVE_ERASURE}
    ),
    Role.AUDITOR: frozenset(
        {C.SEE_VALUE, C.SEE_MODELS, C.SEE_DATA_QUALITY, C.SEE_AUDIT, C.EXPORT_VALUE}
    ),
    Role.ADMINISTRATOR: frozenset({C.ADMINISTER, C.SEE_AUDIT, C.REQUEST_GRANT}),
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


@dataclass(frozen=True)
class View:
    """One of the ways in which a person may look: an assignment, or (``pk`` None) all together."""

    pk: int | None
    role: str
    unit: str
    chosen: bool

    @property
    def label(self) -> str:
        return " · ".join(filter(None, (self.unit, self.role)))


@dataclass(frozen=True)
class SignedIn:
    """A signed-in person: the access, and the words by which the page names them.

    ``views``: what the person may switch between; empty where there is nothing to choose.
    """

    access: Access
    tenant: Tenant
    name: str
    label: str
    views: tuple[View, ...] = ()


@dataclass(frozen=True)
class Holding:
    """One valid assignment or grant, with the ids of its unit and all units below."""

    kind: str
    what: str
    since: date
    pk: int
    level: str
    unit_id: int
    unit_name: str
    below: list[int]

    @property
    def units(self) -> UnitSet:
        return ALL_UNITS if self.level == Unit.Level.GROUP else UnitSet(frozenset(self.below))

    @property
    def capabilities(self) -> frozenset[Capability]:
        if self.kind == "role":
            return CAPABILITIES[self.what]
        granted = Capability(self.what)
        return frozenset({granted} if granted in GRANTABLE else ())


def valid_on(day: date) -> Q:
    """Condition on effective-dated rows: in force on ``day``."""
    return Q(valid_from__lte=day) & (Q(valid_to=None) | Q(valid_to__gt=day))


def access_of(account: Account, today: date) -> Access:
    """The access of a signed-in person; must run inside the tenant's own context.

    A person without a valid assignment or grant gets an access that sees nothing.
    """
    staff = Staff.objects.filter(account_id=account.pk).first()
    return _access(account, staff, _holdings(staff, today) if staff else [])


def scopes_by_role(staff: Staff, today: date) -> dict[Capability, UnitSet]:
    """The units of each capability that a person holds by assignment, grants left out."""
    return scopes_of(h for h in _holdings(staff, today) if h.kind == "role")


def scopes_by_any(staff: Staff, today: date) -> dict[Capability, UnitSet]:
    """The units of each capability that a person holds by assignment or grant."""
    return scopes_of(_holdings(staff, today))


def signed_in(account: Account, view: int | None = None) -> SignedIn:
    """Tenant, access and names in two queries; must run inside the tenant's own context.

    ``view``: the assignment through which alone the person wants to look; one that no longer holds
    counts as none. Assignments count by the calendar day of the group's time zone.
    """
    staff = Staff.objects.select_related("tenant").filter(account_id=account.pk).first()
    if staff is None:
        tenant = Tenant.objects.get(pk=account.tenant_id)
        return SignedIn(_access(account, None, []), tenant, account.username, "")
    today = timezone.localdate(timezone=ZoneInfo(staff.tenant.time_zone))
    holdings = _holdings(staff, today)
    only = [h for h in holdings if h.kind == "role" and h.pk == view]
    return SignedIn(
        access=_access(account, staff, only or holdings),
        tenant=staff.tenant,
        name=staff.name or account.username,
        label=_label(only or holdings),
        views=_views(holdings, only),
    )


def _label(holdings: list[Holding]) -> str:
    """Whose eyes the page is seen through: the longest assignment, and how many more."""
    home = _home(holdings)
    if home is None:
        return ""
    label = f"{home.unit_name} · {Role(home.what).label}"
    more = sum(h.kind == "role" for h in holdings) - 1
    return _("%(role)s and %(count)s more") % {"role": label, "count": more} if more else label


def _views(holdings: list[Holding], only: list[Holding]) -> tuple[View, ...]:
    held = sorted((h for h in holdings if h.kind == "role"), key=lambda h: (h.since, h.pk))
    if len(held) < 2:
        return ()
    each = (View(h.pk, str(Role(h.what).label), h.unit_name, h in only) for h in held)
    return (View(None, _("All assignments together"), "", not only), *each)


def _holdings(staff: Staff, today: date) -> list[Holding]:
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
    return [Holding(*row) for row in assignments.union(grants, all=True)]


def scopes_of(holdings: Iterable[Holding]) -> dict[Capability, UnitSet]:
    """The units of each capability: the union of those of the holdings that carry it."""
    scopes: dict[Capability, UnitSet] = {}
    for holding in holdings:
        for capability in holding.capabilities:
            scopes[capability] = scopes.get(capability, NO_UNITS) | holding.units
    return scopes


def levels_of(holdings: Iterable[Holding]) -> dict[PersonalData, UnitSet]:
    """The units where personal data are shown in full, and those where at least masked.

    A grant to reveal a number shows names in full: it is what was asked for. One to see customers
    shows them masked, and to a person whose roles show no names anywhere, none.
    """
    holdings = list(holdings)
    levels = dict.fromkeys(FULLEST_FIRST, NO_UNITS)
    nameless = all(PERSONAL_DATA[h.what] == PersonalData.NONE for h in holdings if h.kind == "role")
    for holding in holdings:
        if holding.kind == "role":
            level = PERSONAL_DATA[holding.what]
        elif holding.what == C.REVEAL_CONTACT:
            level = PersonalData.FULL
        elif holding.what == C.SEE_CUSTOMERS and not nameless:
            level = PersonalData.MASKED
        else:
            level = PersonalData.NONE
        if level == PersonalData.FULL:
            levels[PersonalData.FULL] |= holding.units
        if level != PersonalData.NONE:
            levels[PersonalData.MASKED] |= holding.units
    return levels


def _access(account: Account, staff: Staff | None, holdings: list[Holding]) -> Access:
    home = _home(holdings)
    return Access(
        tenant_id=account.tenant_id,
        label=account.login,
        all_units=any(h.units.everything for h in holdings),
        units=frozenset(pk for h in holdings for pk in h.below),
        home_unit_id=home.unit_id if home else None,
        staff_id=staff.pk if staff else None,
        account_id=account.pk,
        roles=frozenset(h.what for h in holdings if h.kind == "role"),
        scopes=scopes_of(holdings),
        levels=levels_of(holdings),
    )


def _home(holdings: list[Holding]) -> Holding | None:
    """The assignment whose unit a person's start page shows: the one held longest."""
    held = (h for h in holdings if h.kind == "role")
    return min(held, key=lambda h: (h.since, h.pk), default=None)

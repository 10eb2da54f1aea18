"""Special grants: a capability lent on a unit for a time, asked for by one, approved by another.

Who asks holds ``REQUEST_GRANT`` on the unit. Who approves holds, by assignment and not by a grant
of their own, ``APPROVE_GRANT`` and the very capability there: nobody gives what they do not have.
Both are other people than the one who receives it, and than each other; the database refuses the
same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import models
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from organization.access import (
    CAPABILITY_WORDS,
    GRANTABLE,
    Access,
    Capability,
    Forbidden,
)
from organization.audit import record
from organization.models import Grant, Staff, Unit
from organization.roles import scopes_by_any, scopes_by_role
from organization.unit_set import NO_UNITS, UnitSet

C = Capability
LONGEST = timedelta(days=366)
# Pages ask for both: the one is of no use without the other.
NEEDS = {
    C.REVEAL_CONTACT: C.SEE_CUSTOMERS,
    C.FOLLOW_UP: C.SEE_CUSTOMERS,
    C.SEE_PROBABILITIES: C.SEE_CUSTOMERS,
    C.CREATE_TASK: C.SEE_VALUE,
}


class GrantRefused(Exception):
    """What was asked for cannot be done; the message says why, for people."""


class Status(models.TextChoices):
    PENDING = "pending", gettext_lazy("Waiting for approval")
    COMING = "coming", gettext_lazy("Approved, not yet begun")
    IN_FORCE = "in_force", gettext_lazy("In force")
    EXPIRED = "expired", gettext_lazy("Ended")
    REFUSED = "refused", gettext_lazy("Refused")
    REVOKED = "revoked", gettext_lazy("Revoked")


ENDED = (Status.EXPIRED, Status.REFUSED, Status.REVOKED)


@dataclass(frozen=True)
class Wish:
    """What somebody asks for on behalf of ``staff``."""

    staff: Staff
    unit: Unit
    capabilities: Sequence[Capability]
    reason: str
    valid_from: date
    valid_to: date


def status_of(grant: Grant, today: date) -> Status:
    """Where a grant stands on ``today``, a day of the group."""
    if grant.revoked_at is not None:
        return Status.REVOKED if grant.approved_by_id else Status.REFUSED
    if grant.valid_to is None or grant.valid_to <= today:
        return Status.EXPIRED
    if grant.approved_by_id is None:
        return Status.PENDING
    return Status.COMING if grant.valid_from > today else Status.IN_FORCE


def ended_by(day: date) -> Q:
    """Condition on grants: revoked, refused or run out."""
    return Q(revoked_at__isnull=False) | Q(valid_to__lte=day)


def seeing_units(access: Access) -> UnitSet:
    """The units whose grants the person sees: those where they ask for or approve any."""
    return access.units_for(C.REQUEST_GRANT) | access.units_for(C.APPROVE_GRANT)


def grants_seen(access: Access) -> QuerySet[Grant]:
    """The grants of those units. Raises ``Forbidden`` where there are none."""
    units = seeing_units(access)
    if not units:
        raise Forbidden(C.REQUEST_GRANT)
    grants: QuerySet[Grant] = Grant.objects.visible_to(access)
    return grants if units.everything else grants.filter(unit__in=units.ids)


def request_grants(access: Access, wish: Wish, today: date) -> list[Grant]:
    """Ask for one grant a capability; none is in force before its approval.

    Raises:
        Forbidden: the person may not ask for grants on that unit.
        GrantRefused: for oneself, not lendable, of no use alone, or for too long.
    """
    access.require(C.REQUEST_GRANT, wish.unit.pk)
    _check(access, wish, today)
    made = [
        Grant.objects.create(
            tenant_id=access.tenant_id,
            staff=wish.staff,
            unit=wish.unit,
            capability=capability,
            reason=wish.reason,
            granted_by_id=access.staff_id,
            valid_from=wish.valid_from,
            valid_to=wish.valid_to,
        )
        for capability in wish.capabilities
    ]
    for grant in made:
        _record(access, "grant.requested", grant)
    return made


def _check(access: Access, wish: Wish, today: date) -> None:
    if access.staff_id is None or wish.staff.pk == access.staff_id:
        raise GrantRefused(_("Nobody asks for a grant to themselves; let a second person ask."))
    if not wish.capabilities or not set(wish.capabilities) <= set(GRANTABLE):
        raise GrantRefused(_("Choose at least one of the capabilities that may be lent."))
    if not today <= wish.valid_from < wish.valid_to <= wish.valid_from + LONGEST:
        raise GrantRefused(_("A grant starts today or later, and ends within a year."))
    held = scopes_by_any(wish.staff, wish.valid_from)
    for capability in wish.capabilities:
        if wish.unit.pk in held.get(capability, NO_UNITS):
            raise GrantRefused(
                _("%(person)s may do this there already: %(what)s.")
                % {"person": wish.staff.name, "what": CAPABILITY_WORDS[capability]}
            )
        need = NEEDS.get(capability)
        if need and need not in wish.capabilities and wish.unit.pk not in held.get(need, NO_UNITS):
            raise GrantRefused(
                _("“%(what)s” is of no use there without “%(need)s”: choose both.")
                % {"what": CAPABILITY_WORDS[capability], "need": CAPABILITY_WORDS[need]}
            )


def why_not_approve(access: Access, grant: Grant, own: dict[Capability, UnitSet]) -> str:
    """Why this person must not approve it; empty where they may.

    Args:
        own: the units of each capability that the person holds by assignment.
    """
    if not access.may(C.APPROVE_GRANT, grant.unit_id):
        return _("Your role does not approve grants on this unit.")
    if access.staff_id in (grant.granted_by_id, grant.staff_id):
        return _("A grant is approved by a second person, who neither asked for nor receives it.")
    if grant.unit_id not in own.get(Capability(grant.capability), NO_UNITS):
        return _("You can approve only what your own role includes on this unit.")
    return ""


def own_scopes(access: Access, today: date) -> dict[Capability, UnitSet]:
    """What the signed-in person holds by assignment."""
    staff = Staff.objects.filter(pk=access.staff_id).first()
    return scopes_by_role(staff, today) if staff else {}


def approve(access: Access, pk: int, *, now: datetime, today: date) -> Grant:
    """Put a grant in force from its first day on.

    Raises:
        Grant.DoesNotExist: there is none of that key on the person's units.
        PermissionDenied: see ``why_not_approve`` (as :class:`NotYours`).
        GrantRefused: it is not waiting for an approval any more.
    """
    grant = _locked(access, pk)
    why = why_not_approve(access, grant, own_scopes(access, today))
    if why:
        raise NotYours(why)
    if status_of(grant, today) != Status.PENDING:
        raise GrantRefused(_("This grant does not wait for an approval any more."))
    grant.approved_by_id, grant.approved_at = access.staff_id, now
    grant.save(update_fields=["approved_by", "approved_at"])
    _record(access, "grant.approved", grant)
    return grant


def revoke(access: Access, pk: int, *, now: datetime, today: date) -> Grant:
    """End a grant at once, or refuse one that waits. The next request of its holder is without it.

    Raises:
        Grant.DoesNotExist: there is none of that key on the person's units.
        GrantRefused: it has ended already.
    """
    grant = _locked(access, pk)
    if status_of(grant, today) in ENDED:
        raise GrantRefused(_("This grant has ended already."))
    grant.revoked_by_id, grant.revoked_at = access.staff_id, now
    grant.save(update_fields=["revoked_by", "revoked_at"])
    _record(access, "grant.revoked" if grant.approved_by_id else "grant.refused", grant)
    return grant


class NotYours(GrantRefused):
    """The person is not the one to approve this grant."""


def _locked(access: Access, pk: int) -> Grant:
    rows = grants_seen(access).select_for_update(of=("self",))
    return rows.select_related("staff", "unit").get(pk=pk)


def _record(access: Access, action: str, grant: Grant) -> None:
    record(
        *(access, action, grant.staff.username),
        grant=grant.pk,
        capability=grant.capability,
        unit=grant.unit.code,
        valid_from=grant.valid_from.isoformat(),
        valid_to=grant.valid_to and grant.valid_to.isoformat(),
    )

"""Approval of a valuation by a second person, and what stands in its way."""

import datetime as dt
from typing import Any

from django.utils.translation import gettext as _

from customers.quality.rules import GAP_ALLOWED
from organization import audit
from organization.access import Access, Capability
from valuation.assumptions import terms_of
from valuation.models import Approval, Valuation, ValuedUnit
from web import formats

STALE_SHARE = 0.05
"""A small store may go weeks without a visit: only more customers than this hold an approval up."""


class SecondPersonNeeded(Exception):
    """Whoever made a valuation does not approve it."""


def approve(access: Access, valuation: Valuation) -> list[str]:
    """Approve for good, inside the entered ``access``; once approved, it stays as it was.

    Returns what stands in the way, in which case nothing is changed. Raises
    :class:`~organization.access.Forbidden` without the capability for the whole group and
    :class:`SecondPersonNeeded` for the valuation's own author.
    """
    access.require_everywhere(Capability.APPROVE_VALUATION)
    if valuation.author == access.label:
        raise SecondPersonNeeded
    found = hindrances(valuation)
    if not found:
        _approval, created = Approval.objects.get_or_create(
            valuation=valuation,
            defaults={"tenant_id": access.tenant_id, "approved_by": access.label},
        )
        if created:
            audit.record(access, "valuation.approved", f"valuation:{valuation.pk}")
    return found


def hindrances(valuation: Valuation) -> list[str]:
    """One sentence for each reason; none when a second person may approve.

    Orders and books more than 2% apart, confidence in the data below the assumption set's, or
    stores with more than STALE_SHARE of the customers whose deliveries end longer before the as-of
    date than it allows.
    """
    terms = terms_of(valuation.assumptions.values)
    notes: dict[str, Any] = valuation.notes
    found = []
    gap = notes["gap"]
    if gap is not None and gap > GAP_ALLOWED:
        found.append(
            _("Repair orders and books differ by %(gap)s, more than %(limit)s.")
            % {"gap": formats.percent(gap), "limit": formats.percent(GAP_ALLOWED, 0)}
        )
    if valuation.confidence is not None and valuation.confidence < terms.lowest_confidence:
        found.append(
            _("Confidence in the data is %(score)s, below %(limit)s.")
            % {
                "score": formats.decimal(valuation.confidence),
                "limit": formats.decimal(terms.lowest_confidence, 0),
            }
        )
    stale = stale_stores(valuation, terms.oldest_days)
    if stale and _share(valuation, stale) > STALE_SHARE:
        found.append(
            _("Deliveries of %(stores)s end more than %(days)s days before the valuation's date.")
            % {"stores": _listed(stale), "days": terms.oldest_days}
        )
    return found


def stale_stores(valuation: Valuation, oldest_days: int) -> list[str]:
    """Codes of stores that deliver, but not up to near the as-of date."""
    through: dict[str, str] = valuation.notes["complete_through"]
    limit = valuation.as_of - dt.timedelta(days=oldest_days)
    return sorted(code for code, day in through.items() if dt.date.fromisoformat(day) < limit)


def _share(valuation: Valuation, codes: list[str]) -> float:
    """Of the group's customers, those at the stores with these codes."""
    units = ValuedUnit.objects.filter(valuation=valuation, unit__code__in=codes)
    customers = sum(units.values_list("customers", flat=True))
    return customers / max(valuation.customers, 1)


def _listed(codes: list[str]) -> str:
    shown = "、".join(codes[:5]) if formats.in_chinese() else ", ".join(codes[:5])
    return shown + (" …" if len(codes) > 5 else "")

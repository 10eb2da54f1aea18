"""The proposals that wait for a person, the likeliest first."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from customers.identity.decisions import covers
from customers.models import Customer, CustomerSource, MergeDecision, MergeProposal
from organization.access import Access


@dataclass(frozen=True)
class Waiting:
    """A proposal with the two customers as they are now."""

    proposal: MergeProposal
    a: Customer
    b: Customer


def waiting(access: Access, today: date) -> QuerySet[MergeProposal]:
    """What ``access`` may decide today: it covers all stores concerned, nobody has decided yet."""
    rows: QuerySet[MergeProposal] = undecided(access).filter(Q(later=None) | Q(later__lte=today))
    return rows.order_by("-score", "pk")


def undecided(access: Access) -> QuerySet[MergeProposal]:
    """Proposals of two customers who are still two, and whom no decision keeps apart."""
    rows = MergeProposal.objects.visible_to(access)
    if not access.reach.everything:
        rows = rows.filter(stores__contained_by=sorted(access.reach.ids))
    apart = MergeDecision.objects.visible_to(access).filter(
        Q(side_a__contains=[OuterRef("source_a_id")], side_b__contains=[OuterRef("source_b_id")])
        | Q(side_a__contains=[OuterRef("source_b_id")], side_b__contains=[OuterRef("source_a_id")]),
        automatic=False,
        undone_at=None,
    )
    own = CustomerSource.objects.visible_to(access)
    return (
        rows.annotate(
            customer_a=Subquery(own.filter(pk=OuterRef("source_a_id")).values("customer_id")),
            customer_b=Subquery(own.filter(pk=OuterRef("source_b_id")).values("customer_id")),
        )
        .filter(customer_a__isnull=False, customer_b__isnull=False)
        .exclude(customer_a=F("customer_b"))
        .exclude(Exists(apart))
    )


def next_waiting(access: Access, today: date, asked: int | None = None) -> Waiting | None:
    """The proposal asked for if it may still be decided, else the likeliest that waits.

    One whose customers meanwhile have numbers at stores beyond the access is passed over.
    """
    rows = waiting(access, today)
    first = list(undecided(access).filter(pk=asked)) if asked else []
    for proposal in [*first, *rows[:20]]:
        a, b = (
            Customer.objects.visible_to(access).select_related("home_store").get(pk=pk)
            for pk in (proposal.customer_a, proposal.customer_b)  # type: ignore[attr-defined]
        )
        if covers(access, [*a.stores, *b.stores]):
            return Waiting(proposal, a, b)
    return None

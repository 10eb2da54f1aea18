"""What stewards decide: merging, splitting, keeping apart, and taking any decision back.

Each function checks that the person covers every store concerned, records the decision with its
evidence, brings the records in line in the same transaction, and writes the audit trail.
"""

from collections.abc import Iterable
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from customers.identity.state import bring_in_line, closure, standing, wait_for_turn
from customers.models import Customer, CustomerSource, MergeDecision, MergeProposal
from organization import audit
from organization.access import Access, entered

LATER_DAYS = 30
Kind = MergeDecision.Kind
# What gave the occasion, beside the observations of a proposal.
BY_HAND = "by_hand"
TOGETHER = "stays_together"


Pair = tuple[list[int], list[int]] | tuple[None, None]


class DecisionRefused(Exception):
    """The decision cannot be taken; the message says why and what would be possible."""


def own_customer(number: CustomerSource) -> int:
    """The customer that a number is by itself."""
    return number.own_customer if number.own_customer is not None else number.customer_id


def covers(access: Access, stores: Iterable[int]) -> bool:
    """Whether a person may decide about customers of these stores: he must cover all of them."""
    return all(access.covers(store) for store in stores)


def merge(
    access: Access, a: Customer, b: Customer, evidence: Iterable[str] = (BY_HAND,)
) -> MergeDecision:
    """Decide that two customers are one.

    Raises:
        DecisionRefused: they differ in kind, are test records or erased, one of them has numbers at
            stores that ``access`` does not cover, or a decision keeps them apart.
    """
    with entered(_system(access)) as system:
        wait_for_turn(system.tenant_id)
        a, b = _fresh(a), _fresh(b)
        _check_cover(access, a, b)
        _check_alike(a, b)
        first, second = sorted((_oldest(a), _oldest(b)), key=lambda number: number.pk)
        around = closure(system.tenant_id, (first.pk, second.pk))
        components = standing(system.tenant_id, around).components()
        if not components.may_join(own_customer(first), own_customer(second)):
            raise DecisionRefused(
                _("A decision keeps these two apart. Undo that one first, in the history.")
            )
        return _decide(access, Kind.MERGE, first, second, evidence)


def keep_apart(
    access: Access, a: Customer, b: Customer, evidence: Iterable[str] = (BY_HAND,)
) -> MergeDecision:
    """Decide that two customers are not one: no import merges or proposes them again.

    Raises:
        DecisionRefused: they are one already, or ``access`` does not cover their stores.
    """
    with entered(_system(access)) as system:
        wait_for_turn(system.tenant_id)
        a, b = _fresh(a), _fresh(b)
        _check_cover(access, a, b)
        if a.pk == b.pk:
            raise DecisionRefused(_("They are one customer already; split him instead."))
        first, second = sorted((_oldest(a), _oldest(b)), key=lambda number: number.pk)
        sides = _numbers(first), _numbers(second)
        return _decide(access, Kind.REJECT, first, second, evidence, sides)


def split(access: Access, number: CustomerSource) -> MergeDecision:
    """Take one number out of its customer; what merged it stays on record and has no effect.

    The others stay together, also where only that number linked them: by merges of their own.

    Raises:
        DecisionRefused: nothing was merged there, or ``access`` does not cover the stores.
    """
    with entered(_system(access)) as system:
        wait_for_turn(system.tenant_id)
        number = CustomerSource.objects.select_related("customer").get(pk=number.pk)
        _check_cover(access, number.customer)
        mine: list[CustomerSource] = []
        rest: list[CustomerSource] = []
        for other in CustomerSource.objects.filter(customer=number.customer).order_by("pk"):
            (mine if own_customer(other) == own_customer(number) else rest).append(other)
        if not rest:
            raise DecisionRefused(_("This number was not merged with any other."))
        _keep_together(access, rest, mine)
        sides = [n.pk for n in rest], [n.pk for n in mine]
        first, second, evidence = rest[0], number, (BY_HAND,)
        if first.pk > second.pk:
            first, second, sides = second, first, (sides[1], sides[0])
        return _decide(access, Kind.SPLIT, first, second, evidence, sides)


def undo(access: Access, decision: MergeDecision) -> None:
    """Take a decision back: the records are again what the other decisions say.

    Raises:
        DecisionRefused: it is undone already, or concerns stores that ``access`` does not cover.
    """
    with entered(_system(access)) as system:
        wait_for_turn(system.tenant_id)
        numbers = (decision.source_a_id, decision.source_b_id)
        concerned = Customer.objects.filter(sources__in=numbers).distinct()
        _check_cover(access, *concerned)
        undone = MergeDecision.objects.filter(pk=decision.pk, undone_at=None).update(
            undone_at=timezone.now(), undone_by=access.label[:80]
        )
        if not undone:
            raise DecisionRefused(_("This decision has been undone already."))
        around = {*numbers, *(decision.side_a or ()), *(decision.side_b or ())}
        moved = bring_in_line(system.tenant_id, around)
    audit.record(access, "identity.undone", f"decision:{decision.pk}", numbers=moved)


def put_off(access: Access, proposal: MergeProposal) -> None:
    """Ask about a proposal again after ``LATER_DAYS`` days."""
    proposal.later = timezone.localdate() + timedelta(days=LATER_DAYS)
    proposal.save(update_fields=["later"])
    audit.record(access, "identity.put_off", f"proposal:{proposal.pk}")


def _keep_together(access: Access, rest: list[CustomerSource], mine: list[CustomerSource]) -> None:
    """Merge those of ``rest`` that nothing but the numbers of ``mine`` holds together."""
    around = closure(access.tenant_id, [rest[0].pk])
    components = standing(access.tenant_id, around).components(
        ([own_customer(n) for n in rest], [own_customer(n) for n in mine])
    )
    for number in rest[1:]:
        if components.union(own_customer(rest[0]), own_customer(number)):
            _record(access, Kind.MERGE, rest[0], number, (TOGETHER,))


def _system(access: Access) -> Access:
    """The whole group: numbers of one person lie in stores that each see only their own rows."""
    return Access.system(access.tenant_id, f"identity for {access.label}")


def _fresh(customer: Customer) -> Customer:
    """The customer as he is now that nobody else decides.

    Raises ``DecisionRefused`` if he was merged away meanwhile.
    """
    found = Customer.objects.filter(pk=customer.pk).first()
    if found is None:
        raise DecisionRefused(_("Somebody has decided about this customer meanwhile."))
    return found


def _oldest(customer: Customer) -> CustomerSource:
    found = CustomerSource.objects.filter(customer=customer).order_by("pk").first()
    if found is None:
        raise DecisionRefused(_("This customer has no number of any store."))
    return found


def _numbers(number: CustomerSource) -> list[int]:
    mine = CustomerSource.objects.filter(customer_id=number.customer_id)
    return list(mine.order_by("pk").values_list("pk", flat=True))


def _check_cover(access: Access, *customers: Customer) -> None:
    for customer in customers:
        if not covers(access, customer.stores):
            raise DecisionRefused(
                _("Stores beyond yours know this customer too: somebody for all of them decides.")
            )


def _check_alike(a: Customer, b: Customer) -> None:
    if a.pk == b.pk:
        raise DecisionRefused(_("They are one customer already."))
    if a.kind != b.kind:
        raise DecisionRefused(_("A person, a company and a fleet are never one customer."))
    if a.is_test or b.is_test:
        raise DecisionRefused(_("A test record is nobody's."))
    if a.erased_at or b.erased_at:
        raise DecisionRefused(_("An erased person is not merged with anybody."))


def _decide(
    access: Access,
    kind: MergeDecision.Kind,
    first: CustomerSource,
    second: CustomerSource,
    evidence: Iterable[str],
    sides: Pair = (None, None),
) -> MergeDecision:
    """Record a decision, bring the records in line, and note it on the trail."""
    decision = _record(access, kind, first, second, evidence, sides)
    around = {first.pk, second.pk, *(sides[0] or ()), *(sides[1] or ())}
    moved = bring_in_line(access.tenant_id, around)
    audit.record(access, f"identity.{kind}", f"decision:{decision.pk}", numbers=moved)
    return decision


def _record(
    access: Access,
    kind: MergeDecision.Kind,
    first: CustomerSource,
    second: CustomerSource,
    evidence: Iterable[str],
    sides: Pair = (None, None),
) -> MergeDecision:
    decision, made = MergeDecision.objects.get_or_create(
        tenant_id=access.tenant_id,
        kind=kind,
        source_a=first,
        source_b=second,
        undone_at=None,
        defaults={
            "side_a": sides[0],
            "side_b": sides[1],
            "evidence": {"by": list(evidence)},
            "automatic": False,
            "decided_by": access.label[:80],
        },
    )
    if not made:
        raise DecisionRefused(_("That has been decided already."))
    return decision

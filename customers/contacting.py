"""Whether a customer may be contacted: the one rule behind every list, proposal and reveal.

Nobody who asked not to be contacted, nobody who refused marketing, nobody who was erased; duties
(a recall, an open complaint …) apart. Consent that was never asked for is no refusal of a service
reminder; a withdrawal counts from the moment it is recorded.
"""

from collections.abc import Iterable

from django.db.models import BooleanField, Case, Exists, OuterRef, Q, Value, When

from customers import reasons
from customers.models import Consent, Customer
from organization.access import Access

# The same rule on a row ``c`` of customers_customer, for set-based statements.
REFUSES_SQL = """(c.do_not_contact or c.erased_at is not null or exists (
        select 1 from customers_consent n
        where n.customer_id = c.id and n.purpose = 'marketing' and not n.given))"""


def blocked(access: Access) -> Case:
    """On follow-ups: true where the customer must not be contacted for that reason."""
    refused = Consent.objects.visible_to(access).filter(
        customer_id=OuterRef("customer_id"), purpose=Consent.Purpose.MARKETING, given=False
    )
    refuses = (
        Q(customer__do_not_contact=True) | Q(customer__erased_at__isnull=False) | Exists(refused)
    )
    return Case(
        When(customer__erased_at__isnull=False, then=Value(True)),
        When(reason__in=reasons.DUTIES, then=Value(False)),
        When(refuses, then=Value(True)),
        default=Value(False),
        output_field=BooleanField(),
    )


def refuses(customer: Customer, consents: Iterable[Consent]) -> bool:
    """Whether the customer wants no contact but duties."""
    no = any(c.purpose == Consent.Purpose.MARKETING and not c.given for c in consents)
    return no or customer.do_not_contact or customer.erased_at is not None


def may_contact(access: Access, customer: Customer, reason: str) -> bool:
    """Whether the customer may be called for ``reason`` (a code of ``customers.reasons``)."""
    if customer.erased_at is not None:
        return False
    consents = Consent.objects.visible_to(access).filter(customer=customer)
    return reason in reasons.DUTIES or not refuses(customer, consents)

"""Customers with something in every table that follows them, and a picture of all of it."""

from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from customers.identity.rows import CUSTOMER, OF_CUSTOMER, OF_NUMBER, SOURCE, computed
from customers.models import Consent, Customer, CustomerSource, PrivacyRequest, SuppressedContact
from tests.customers.records import (
    ago,
    make_consent,
    make_contact,
    make_event,
    make_follow_up,
    make_score,
    make_score_set,
    make_survey,
    make_tag,
    today,
)
from tests.factories import Group, make_customer, make_vehicle, make_visit

NAMES = ("王芳", "李伟", "张敏", "刘洋", "陈静", "杨磊")
STORES = ("-S1", "-S2", "-S3")


def make_people(group: Group, count: int = 5) -> list[Customer]:
    """Customers whose rows collide in every way when they are merged."""
    score_set = make_score_set(group)
    people = []
    for number in range(count):
        customer = make_customer(group, STORES[number % 2], name=NAMES[number])
        source = customer.sources.get()
        vehicle = make_vehicle(group, customer, f"LATPAB071W100530{number}", ago(900))
        make_visit(group, customer, ago(40 + 7 * number), 10_000 * (number + 1), vehicle=vehicle)
        make_contact(customer, f"1391234567{number}")
        make_consent(customer, "marketing", number % 2 == 0)
        make_follow_up(customer, "due", attempts=number % 3, note=f"note {number}")
        if number % 2:
            make_follow_up(customer, "due", closed_at=timezone.now(), note="done")
            Customer.objects.filter(pk=customer.pk).update(do_not_contact=number == 1)
        make_survey(customer, ago(20), number, source=source)
        make_survey(customer, ago(10), 9)  # names the customer but none of his numbers
        make_event(customer, "complaint", ago(5), source=source)
        make_tag(customer, "at_risk", days=number)
        make_score(score_set, customer)
        _privacy(group, customer, number)
        people.append(Customer.objects.get(pk=customer.pk))
    return people


def _privacy(group: Group, customer: Customer, number: int) -> None:
    SuppressedContact.objects.create(
        tenant=group.tenant, customer=customer, lookup=bytes([number] * 16)
    )
    PrivacyRequest.objects.create(
        tenant=group.tenant,
        store=customer.home_store,
        customer=customer,
        customer_uid=customer.uid,
        kind="export",
        channel="phone",
        verified="code",
        requested_by=group.staff["steward"],
        due_on=today() + timedelta(days=number),
    )


def picture(group: Group) -> dict[str, list[Any]]:
    """Every row of every table that follows a customer, as JSON, by table.

    The stamp of a row's last change is left out: it says that something was done, not what is.
    """
    tables = {CUSTOMER, SOURCE, *OF_NUMBER, *(t for t, *_ in OF_CUSTOMER)}
    tables |= {table for table, _column in computed()}
    found = {}
    with connection.cursor() as cursor:
        for table in sorted(tables):
            cursor.execute(
                f"select (to_jsonb(t) - 'changed_at')::text from {table} t where tenant_id = %s"
                " order by 1",
                [group.tenant.pk],
            )
            found[table] = [row for (row,) in cursor.fetchall()]
    return found


def number_of(customer: Customer) -> CustomerSource:
    return CustomerSource.objects.filter(customer=customer).order_by("pk")[0]


def said(customer: Customer) -> list[bool]:
    return list(Consent.objects.filter(customer=customer).values_list("given", flat=True))

"""Which tables follow a customer through merges, and how.

Of a number      belongs to a store's number and has that number's customer.
Of a customer    belongs to the customer alone; what may not stand twice is kept aside.
Computed         made anew by the next run; those of a customer merged away are kept aside whole.
"""

from typing import Any

from django.apps import apps
from django.db import models

from customers.models import Customer

SOURCE = "customers_customersource"
OF_NUMBER = (
    *("customers_visit", "customers_contract", "customers_event", "customers_survey"),
    *("customers_ownership", "customers_contactpoint"),
)
# Table, condition on its rows ``t``, and where two exclude each other: by what (None: never), the
# rows concerned, and which of them stays.
OF_CUSTOMER: tuple[tuple[str, str, str | None, str, str], ...] = (
    # Where two statements to one store disagree, no is the safer.
    (
        "customers_consent",
        "true",
        "t.store_id, t.purpose",
        "true",
        "t.given, t.recorded_at desc, t.id",
    ),
    # A person is called once for one reason.
    ("customers_followup", "true", "t.reason", "t.closed_at is null", "t.attempts desc, t.id"),
    ("customers_privacyrequest", "true", "t.kind", "t.status = 'open'", "t.due_on, t.id"),
    ("customers_suppressedcontact", "true", None, "", ""),
    # Records that name a customer but none of his numbers.
    ("customers_event", "t.source_id is null", None, "", ""),
    ("customers_survey", "t.source_id is null", None, "", ""),
)
CUSTOMER = "customers_customer"
BEFORE = "customers_beforemerge"


def computed() -> list[tuple[str, str]]:
    """Tables of any application that refer to a customer and are computed: (table, column)."""
    known = {SOURCE, BEFORE, *OF_NUMBER, *(table for table, *_ in OF_CUSTOMER)}
    return [
        (model._meta.db_table, str(field.column))
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.related_model is Customer and model._meta.db_table not in known
    ]


def needs(table: str) -> list[tuple[str, str]]:
    """What a row of ``table`` cannot stand without, tenant and customer apart: (column, table)."""
    model: Any = next(m for m in apps.get_models() if m._meta.db_table == table)
    return [
        (str(field.column), field.related_model._meta.db_table)
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey)
        and not field.null
        and field.name not in ("tenant", "customer")
        and isinstance(field.related_model, type)
    ]

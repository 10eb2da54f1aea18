"""Customers (the person or company), the stores' numbers for them, and how to reach them."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models.changes import changed_at, changed_at_index
from customers.models.records import LoadedRecord
from organization.scoping import TenantOwned


class CustomerKind(models.TextChoices):
    PERSON = "person", _("Person")
    COMPANY = "company", _("Company")
    FLEET = "fleet", _("Fleet")
    EMPLOYEE = "employee", _("Employee")
    INSURER = "insurer", _("Insurer")
    INTERNAL = "internal", _("Internal")


class Customer(TenantOwned):
    """A person or company (OneID) of one group, served by one or more of its stores."""

    row_scope = "stores"
    # Public handle in URLs and exports of the product; says nothing about the person.
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(
        max_length=10, choices=CustomerKind.choices, default=CustomerKind.PERSON
    )
    name = models.CharField(max_length=120, blank=True)
    # Normalised (NFKC, lower case, no spaces): the copy that equality and prefix look-ups use.
    name_key = models.CharField(max_length=120, blank=True)
    gender = models.CharField(max_length=10, blank=True)
    birth_date = models.DateField(null=True)
    city = models.CharField(max_length=80, blank=True)
    created_on = models.DateField(null=True)
    tenant = models.ForeignKey(
        "organization.Tenant",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    home_store = models.ForeignKey(
        "organization.Unit",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    # Stores that serve or served this customer; row-level security reads it. Kept in the
    # transaction that changes a source, an ownership or a visit.
    stores = ArrayField(models.BigIntegerField(), default=list)
    advisor = models.ForeignKey(
        "organization.Staff",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    do_not_contact = models.BooleanField(default=False)
    is_test = models.BooleanField(default=False)
    # Erased on request: the row stays for the money, nameless; feeds do not fill it again.
    erased_at = models.DateTimeField(null=True)
    # Contact data deleted for age (customers.retention); a later visit lets feeds bring them back.
    contact_expired_on = models.DateField(null=True)
    changed_at = changed_at()

    class Meta:
        indexes = [
            changed_at_index("customer_by_change"),
            models.Index(
                fields=["tenant"],
                condition=models.Q(erased_at__isnull=False)
                | models.Q(contact_expired_on__isnull=False),
                name="customer_withheld",  # a handful of rows that every import asks for
            ),
            models.Index(fields=["tenant", "home_store", "id"], name="customer_by_home_store"),
            models.Index(
                fields=["tenant", "name_key"],
                name="customer_by_name",
                opclasses=["int8_ops", "text_pattern_ops"],
            ),
        ]

    def __str__(self) -> str:
        return self.name or str(self.uid)


class CustomerSource(LoadedRecord):
    """A store's own customer number: what its dealer-management system knows of the customer.

    Unlike other loaded records its tenant and store are checked too: theirs rest on it.
    """

    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="sources", db_constraint=False
    )
    # The customer that this number is by itself, while a merge has it belong to another.
    own_customer = models.BigIntegerField(null=True)
    customer_no = models.CharField(max_length=60)
    name = models.CharField(max_length=120, blank=True)
    kind = models.CharField(max_length=10, choices=CustomerKind.choices)
    address = models.CharField(max_length=300, blank=True)
    city = models.CharField(max_length=80, blank=True)
    gender = models.CharField(max_length=10, blank=True)
    birth_date = models.DateField(null=True)
    origin_channel = models.CharField(max_length=60, blank=True)
    referred_by = models.CharField(max_length=60, blank=True)
    distance_km = models.DecimalField(max_digits=7, decimal_places=2, null=True)
    created_on = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "store", "customer_no"], name="customer_source_once"
            )
        ]
        indexes = [models.Index(fields=["store", "customer"], name="source_by_store_customer")]

    def __str__(self) -> str:
        return self.customer_no


class ContactPoint(LoadedRecord):
    """A mobile, second phone or id number: sealed under the key of its source
    (``customers.person_keys``), with a blind index for exact look-up."""

    class Kind(models.TextChoices):
        MOBILE = "mobile", _("Mobile")
        PHONE2 = "phone2", _("Second phone")
        ID_NUMBER = "id_number", _("Identity number")

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="contacts", db_constraint=False
    )
    source = models.ForeignKey(
        CustomerSource, on_delete=models.CASCADE, related_name="contacts", db_constraint=False
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    sealed = models.BinaryField()
    lookup = models.BinaryField(max_length=16)
    # Last four digits: how advisors search when a car rolls in.
    tail = models.CharField(max_length=4)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "source", "kind"], name="contact_once_a_source"
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "lookup"], name="contact_by_lookup"),
            models.Index(fields=["store", "tail"], name="contact_by_tail"),
            models.Index(fields=["tenant", "tail"], name="contact_by_tenant_tail"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} …{self.tail}"


class Consent(LoadedRecord):
    """A customer's yes or no to a store, with its date and origin."""

    class Purpose(models.TextChoices):
        MARKETING = "marketing", _("Marketing contact")
        SHARING = "sharing", _("Sharing with other stores of the group")

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="consents", db_constraint=False
    )
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    given = models.BooleanField()
    # What the feed said last: it changes ``given`` only when it changes itself, so that a nightly
    # copy of an old yes does not undo a withdrawal recorded here.
    fed = models.BooleanField(null=True)
    recorded_at = models.DateTimeField()
    origin = models.CharField(max_length=60)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "customer", "store", "purpose"], name="consent_once_a_purpose"
            )
        ]

    def __str__(self) -> str:
        return f"{self.purpose}: {self.given}"


class CustomerTag(LoadedRecord):
    """One tag of one customer; the rule behind the code is in ``customers.tags``.

    ``store`` repeats the customer's home store: the policy must not need a join.
    """

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="tags", db_constraint=False
    )
    code = models.CharField(max_length=40)
    evidence = models.JSONField(default=dict)
    as_of = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "customer", "code"], name="tag_once")
        ]
        indexes = [models.Index(fields=["store", "code", "customer"], name="tag_by_store_code")]

    def __str__(self) -> str:
        return self.code

"""Units, people who work in them, what they may do, and the trail of what they did."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from organization.access import GRANTABLE
from organization.scoping import TenantOwned


class Tenant(models.Model):
    """A dealer group: the border that nothing crosses."""

    row_scope = "self"
    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=200)
    currency = models.CharField(max_length=3, default="CNY")
    time_zone = models.CharField(max_length=40, default="Asia/Shanghai")
    # The group's own word for a visit: 进厂, 进站, 入厂 or 进店.
    visit_word = models.CharField(max_length=20, default="进厂")
    settings = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Unit(TenantOwned):
    """A node of the organization tree."""

    class Level(models.TextChoices):
        GROUP = "group", _("Group")
        DIVISION = "division", _("Division")
        REGION = "region", _("Region")
        STORE = "store", _("Store")

    class StoreKind(models.TextChoices):
        FOUR_S = "4s", _("4S store")
        NON_FOUR_S = "non_4s", _("Non-4S store")
        OTHER = "other", _("Other enterprise")

    code = models.CharField(max_length=40)
    name = models.CharField(max_length=200)
    level = models.CharField(max_length=10, choices=Level.choices)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    # Ids from the group down to this unit, itself included: a subtree is one indexed comparison.
    path = ArrayField(models.BigIntegerField(), default=list)
    store_kind = models.CharField(max_length=10, choices=StoreKind.choices, blank=True)
    legal_entity = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=80, blank=True)
    brand = models.CharField(max_length=80, blank=True)
    imported = models.BooleanField(null=True)
    opened_on = models.DateField(null=True)
    authorised_until = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "code"], name="unit_code_once_a_tenant"),
            models.CheckConstraint(
                condition=Q(level="group", parent=None)
                | Q(parent__isnull=False) & ~Q(level="group"),
                name="unit_only_the_group_has_no_parent",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class AccountManager(BaseUserManager["Account"]):
    def get_by_natural_key(self, username: str | None) -> "Account":
        return self.get(login=username)


class Account(AbstractBaseUser):
    """A sign-in. It holds no personal data: those are on ``Staff``, behind row-level security."""

    row_scope = "none"
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    # username@group-code: two groups may employ the same username.
    login = models.CharField(max_length=120, unique=True)
    username = models.CharField(max_length=80, db_index=True)
    language = models.CharField(max_length=10, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[AccountManager] = AccountManager()
    USERNAME_FIELD = "login"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "username"], name="account_once_a_tenant")
        ]

    def __str__(self) -> str:
        return self.login


class Staff(TenantOwned):
    """A person who works in the group; may have an account."""

    username = models.CharField(max_length=80)
    name = models.CharField(max_length=80)
    email = models.EmailField(blank=True)
    mobile = models.CharField(max_length=30, blank=True)
    account = models.OneToOneField(
        Account, null=True, on_delete=models.SET_NULL, related_name="staff"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "username"], name="staff_once_a_tenant")
        ]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    EXECUTIVE = "executive", _("Executive")
    MANAGER = "manager", _("Manager")
    ADVISOR = "advisor", _("Service advisor")
    ANALYST = "analyst", _("Analyst")
    DATA_STEWARD = "data_steward", _("Data steward")
    AUDITOR = "auditor", _("Auditor")
    ADMINISTRATOR = "administrator", _("Administrator")


class EffectiveDated(TenantOwned):
    """Valid from a day (inclusive) to a day (exclusive; empty = open)."""

    valid_from = models.DateField()
    valid_to = models.DateField(null=True)

    class Meta(TenantOwned.Meta):
        abstract = True


class Assignment(EffectiveDated):
    """A role at a unit, with all that lies below it."""

    staff = models.ForeignKey(Staff, on_delete=models.CASCADE, related_name="assignments")
    role = models.CharField(max_length=20, choices=Role.choices)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="assignments")
    # Who takes over the open work on the day it ends; empty: it stays with the store, unassigned.
    successor = models.ForeignKey(Staff, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "staff", "role", "unit", "valid_from"], name="assignment_once"
            ),
            models.CheckConstraint(
                condition=Q(successor=None) | ~Q(successor=F("staff")),
                name="assignment_succeeded_by_another_person",
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")),
                name="assignment_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} @ {self.unit_id}"


class Grant(EffectiveDated):
    """A named capability on a named unit beyond the person's role: with reason and expiry.

    Asked for by ``granted_by``, in force once ``approved_by`` has agreed. A trigger keeps all else
    as it was asked for, and keeps an approval and a revocation from being taken back.
    """

    staff = models.ForeignKey(Staff, on_delete=models.CASCADE, related_name="grants")
    capability = models.CharField(max_length=40)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    granted_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(Staff, null=True, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    approved_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(Staff, null=True, on_delete=models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to__isnull=False) & Q(valid_to__gt=F("valid_from")),
                name="grant_expires",
            ),
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=F("granted_by")),
                name="grant_approved_by_another_person",
            ),
            models.CheckConstraint(
                condition=~Q(staff=F("granted_by"))
                & (Q(approved_by=None) | ~Q(staff=F("approved_by"))),
                name="grant_not_to_oneself",
            ),
            models.CheckConstraint(
                condition=Q(capability__in=[c.value for c in GRANTABLE]),
                name="grant_of_what_may_be_lent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.capability} @ {self.unit_id}"


class AuditEvent(TenantOwned):
    """One thing that somebody did. The application role can add rows and change none."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=80)
    account_id = models.BigIntegerField(null=True)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=120, blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["tenant", "-at"], name="audit_by_time")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor} {self.action}"

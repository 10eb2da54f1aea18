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
    """One thing that somebody did. The application role can add rows and nobody changes one.

    ``number``, ``previous`` and ``hash`` chain the events of a group; the database fills them in
    when the transaction commits (``organization.audit_triggers``).
    """

    at = models.DateTimeField(auto_now_add=True)
    number = models.BigIntegerField(null=True, editable=False)
    previous = models.BinaryField(null=True)
    hash = models.BinaryField(null=True)
    actor = models.CharField(max_length=80)
    account_id = models.BigIntegerField(null=True)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=120, blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["tenant", "-at"], name="audit_by_time")]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="audit_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor} {self.action}"


class AuditChain(TenantOwned):
    """The newest event of a group's trail; only the database's own trigger moves it."""

    number = models.BigIntegerField()
    hash = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant"], name="audit_chain_once")]

    def __str__(self) -> str:
        return f"{self.tenant_id}: {self.number}"


class Session(models.Model):
    """A browser's session; signed in, it says whose it is and when and where it was last used.

    Found by its key before a tenant is known, hence outside row-level security.
    """

    row_scope = "none"
    session_key = models.CharField(max_length=40, primary_key=True)
    session_data = models.TextField()
    expire_date = models.DateTimeField(db_index=True)
    account = models.ForeignKey(
        Account, null=True, on_delete=models.CASCADE, related_name="sessions"
    )
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    address = models.CharField(max_length=45, blank=True)
    device = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.account_id} {self.seen_at:%Y-%m-%d %H:%M}"


class SignInAttempt(models.Model):
    """How often something was tried in a window of time; the key is a keyed hash of what."""

    row_scope = "none"
    key = models.BinaryField(max_length=32, primary_key=True)
    count = models.IntegerField(default=0)
    window_ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.count)


class SecondFactor(TenantOwned):
    """The authenticator app of an account (TOTP, RFC 6238): the shared secret, sealed."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="second_factor")
    sealed_secret = models.BinaryField()
    # The time step of the last accepted code: no code is accepted twice.
    last_step = models.BigIntegerField(default=0)
    recovery_hashes = ArrayField(models.CharField(max_length=64), default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"second factor of {self.account_id}"


class ApiToken(TenantOwned):
    """A program's key to the API: what its owner may do, or less, until a day."""

    class Scope(models.TextChoices):
        READ = "read", _("Read")
        WRITE = "write", _("Read and write")

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    # The first characters, by which people tell tokens apart; the rest is known to its hash only.
    start = models.CharField(max_length=16)
    digest = models.BinaryField(max_length=32)
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.READ)
    # Units that the token is limited to, with all below them; empty: all that its owner sees.
    units = ArrayField(models.BigIntegerField(), default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    last_address = models.CharField(max_length=45, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "digest"], name="token_once")]
        indexes = [models.Index(fields=["tenant", "account"], name="token_by_account")]

    def __str__(self) -> str:
        return self.name

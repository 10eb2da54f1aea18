"""Decisions about who is one customer, what waits for a decision, and what an undo gives back."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from organization.scoping import TenantOwned


class MergeDecision(TenantOwned):
    """Numbers judged to be one customer, or kept apart: by whom, when, on what evidence.

    What stands (``undone_at`` empty) determines who is one customer
    (``customers.identity.partition``); nothing else does.
    """

    class Kind(models.TextChoices):
        MERGE = "merge", _("Merged")
        SPLIT = "split", _("Split")
        REJECT = "reject", _("Kept apart")

    tenant = models.ForeignKey(
        "organization.Tenant",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    source_a = models.ForeignKey(
        "customers.CustomerSource", on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    source_b = models.ForeignKey(
        "customers.CustomerSource", on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    # Of a split or rejection: all numbers on either side when it was decided.
    side_a = ArrayField(models.BigIntegerField(), null=True)
    side_b = ArrayField(models.BigIntegerField(), null=True)
    evidence = models.JSONField(default=dict)
    automatic = models.BooleanField()
    decided_by = models.CharField(max_length=80)
    decided_at = models.DateTimeField(auto_now_add=True)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "source_a", "source_b", "kind"],
                condition=Q(undone_at=None),
                name="merge_decided_once_a_kind",
            )
        ]
        indexes = [
            models.Index(
                fields=["tenant", "id"],
                condition=Q(automatic=False) | Q(undone_at__isnull=False),
                name="merge_by_people",  # the few among a million that the history page shows
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.source_a_id} {self.source_b_id}"


class MatchDue(TenantOwned):
    """A customer number to be matched again, noted by ``customers.identity.due_triggers``.

    The next import takes these rows away as it matches around their numbers. One number may stand
    here several times, or be deleted meanwhile.
    """

    tenant = models.ForeignKey(
        "organization.Tenant",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    # No index: a load writes millions of these rows, which are read once.
    number = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.number)


class MergeProposal(TenantOwned):
    """Two customers who may be one, on evidence too weak to merge them unasked.

    Found anew by every import; the numbers are those that show the evidence. They are no foreign
    keys to the database: a number may be deleted, and the next import takes its proposals away.
    """

    row_scope = "stores"
    tenant = models.ForeignKey(
        "organization.Tenant",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    source_a = models.ForeignKey(
        "customers.CustomerSource",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
    )
    source_b = models.ForeignKey(
        "customers.CustomerSource",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
        db_index=False,
    )
    evidence = models.JSONField(default=list)
    score = models.SmallIntegerField()
    # Stores of both customers: only who covers them all decides.
    stores = ArrayField(models.BigIntegerField(), default=list)
    found_at = models.DateTimeField()
    # Put off until that day.
    later = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "source_a", "source_b"], name="proposal_once_a_pair"
            )
        ]
        indexes = [models.Index(fields=["tenant", "-score", "id"], name="proposal_by_score")]

    def __str__(self) -> str:
        return f"{self.source_a_id} {self.source_b_id}"


class BeforeMerge(TenantOwned):
    """A row of a merged customer as it was before: what an undo puts back where it was.

    ``own`` is the customer to whom the row belongs by itself. A row that merely moved stands in its
    table and is only noted here (``content`` empty); one that may not stand beside another of the
    merged customer (a second consent to one store, a second call for one reason, what was computed
    for him alone) is kept here whole.
    """

    row_scope = "stores"
    erased_with_person = True
    tenant = models.ForeignKey(
        "organization.Tenant",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    # Written and deleted with the merges alone, a hundred thousand a load: checking the customer of
    # each at commit would cost more than writing it.
    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="before_merges",
    )
    own = models.BigIntegerField()
    table = models.CharField(max_length=63)
    # Of a row that stands in its table.
    row_id = models.BigIntegerField(null=True)
    content = models.JSONField(null=True)
    kept_at = models.DateTimeField()
    # None: rows of several stores lie here, so only work on the whole group reads them.
    stores = ArrayField(models.BigIntegerField(), default=list)

    def __str__(self) -> str:
        return f"{self.table} of {self.own}"

"""NPS surveys: sent, answered or not."""

from django.db import models
from django.db.models import Q

from customers.models.changes import changed_at, changed_at_index
from customers.models.records import LoadedRecord


class Survey(LoadedRecord):
    """One NPS question sent; without customer it counts for the store and month only."""

    survey_no = models.CharField(max_length=60)
    customer = models.ForeignKey(
        "customers.Customer",
        null=True,
        on_delete=models.PROTECT,
        related_name="surveys",
        db_index=False,
        db_constraint=False,
    )
    source = models.ForeignKey(
        "customers.CustomerSource",
        null=True,
        on_delete=models.PROTECT,
        related_name="surveys",
        db_constraint=False,
    )
    vehicle = models.ForeignKey(
        "customers.Vehicle",
        null=True,
        on_delete=models.PROTECT,
        related_name="surveys",
        db_constraint=False,
    )
    visit = models.ForeignKey(
        "customers.Visit",
        null=True,
        on_delete=models.SET_NULL,
        related_name="surveys",
        db_index=False,
        db_constraint=False,
    )
    sent_at = models.DateTimeField()
    day = models.DateField()
    answered_at = models.DateTimeField(null=True)
    score = models.SmallIntegerField(null=True)
    channel = models.CharField(max_length=30, blank=True)
    reason = models.CharField(max_length=100, blank=True)
    comment = models.TextField(blank=True)
    changed_at = changed_at()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "store", "survey_no"], name="survey_once"),
            models.CheckConstraint(
                condition=Q(score=None) | Q(score__gte=0, score__lte=10),
                name="survey_score_0_to_10",
            ),
        ]
        indexes = [
            changed_at_index("survey_by_change"),
            models.Index(fields=["customer", "-day"], name="survey_by_customer"),
            models.Index(fields=["store", "day"], name="survey_by_store_day"),
        ]

    def __str__(self) -> str:
        return self.survey_no

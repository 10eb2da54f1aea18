"""What the group's data were found to be worth as evidence, as of a day."""

from django.db import models

from organization.scoping import TenantOwned


class QualityReport(TenantOwned):
    """One assessment of the whole group; ``report`` holds counts by store and no personal data."""

    as_of = models.DateField()
    created_at = models.DateTimeField(auto_now_add=True)
    # See customers.quality.Assessment.as_json.
    report = models.JSONField()
    # Data confidence of the whole group, 0 to 100.
    score = models.FloatField()
    # The same of each unit above the stores, by its id: a trend reads no counts.
    unit_scores = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(score__gte=0, score__lte=100), name="quality_score_0_to_100"
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "-as_of", "-created_at"], name="quality_by_as_of"),
        ]

    def __str__(self) -> str:
        return f"{self.as_of} {self.score:.1f}"

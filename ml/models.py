"""Training runs with their chunks, model versions, and the score sets that they publish."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ml.remarks import all_in_words, in_words
from organization.scoping import StoreOwned, TenantOwned


class TrainingRun(TenantOwned):
    """One retraining of a group for an as-of date, with its lease and progress."""

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        PUBLISHED = "published", _("Published")
        HELD = "held", _("Held back")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    as_of = models.DateField()
    config_hash = models.CharField(max_length=64)
    config = models.JSONField(default=dict)
    # Scoring alone reuses the models of the last published run.
    score_only = models.BooleanField(default=False)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    stage = models.CharField(max_length=40, blank=True)
    progress = models.FloatField(default=0)
    # In English, for logs and commands; ``remarks`` tell the same in the reader's language.
    message = models.TextField(blank=True)
    remarks = models.JSONField(default=list)
    seconds = models.JSONField(default=dict)
    requested_by = models.CharField(max_length=80)
    attempts = models.SmallIntegerField(default=0)
    # Fencing: a run whose token has moved on may write no more.
    token = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    # When a worker was last told of the run: a broker that restarts forgets what it was told.
    sent_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=Q(status="running"), name="one_training_run_a_group"
            )
        ]
        indexes = [models.Index(fields=["tenant", "-created_at"], name="training_run_by_time")]

    def __str__(self) -> str:
        return f"{self.as_of} {self.status}"

    @property
    def said(self) -> str:
        """Why it came to nothing, in the language of whoever reads it."""
        return all_in_words(self.remarks, self.message)


class ModelVersion(TenantOwned):
    """One fitted model: parameters or file, what it was fitted on, how it did."""

    class Kind(models.TextChoices):
        LIFETIME_VALUE = "lifetime_value", _("Lifetime value")
        CHURN = "churn", _("Churn")
        NEXT_YEAR = "next_year", _("Visits of the next year")
        SECOND_YEAR = "second_year", _("Visits of the second year")
        NEXT_YEAR_REVENUE = "next_year_revenue", _("Revenue of the next year")

    run = models.ForeignKey(TrainingRun, on_delete=models.PROTECT, related_name="models")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    name = models.CharField(max_length=60)
    version = models.CharField(max_length=40)
    division = models.ForeignKey(
        "organization.Unit", null=True, on_delete=models.PROTECT, related_name="+"
    )
    as_of = models.DateField()
    data_hash = models.CharField(max_length=64)
    parameters = models.JSONField(default=dict)
    metrics = models.JSONField(default=dict)
    status = models.CharField(max_length=40, blank=True)
    converged = models.BooleanField()
    file = models.BinaryField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    # The same kind of model, trained without the held-out year: what a later challenger is held
    # against on a year that neither has seen (ml.comparison).
    trial_file = models.BinaryField(null=True)
    trial_sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "run", "kind", "name"], name="model_version_once_a_run"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class ScoreSet(TenantOwned):
    """All scores of one as-of date; becomes visible to pages by one update, or never."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")
        HELD = "held", _("Held back")

    run = models.OneToOneField(TrainingRun, on_delete=models.PROTECT, related_name="score_set")
    # The run that fitted the models: an earlier one where a run only scores.
    model_run = models.ForeignKey(
        TrainingRun, null=True, on_delete=models.PROTECT, related_name="scored_by"
    )
    as_of = models.DateField()
    horizon_months = models.SmallIntegerField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    customers = models.IntegerField(default=0)
    data_hash = models.CharField(max_length=64)
    model_version = models.CharField(max_length=40)
    gate = models.JSONField(default=dict)
    summary = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True)
    published_by = models.CharField(max_length=80, blank=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.CharField(max_length=80, blank=True)
    withdrawn_reason = models.TextField(blank=True)
    # From then on the row is all that is left: its scores were older than is kept.
    dropped_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["tenant", "-as_of", "-published_at"],
                condition=Q(status="published", withdrawn_at=None),
                name="score_set_current",  # every page asks for the latest published set
            )
        ]

    def __str__(self) -> str:
        return f"{self.as_of} {self.status}"


class ScoringChunk(TenantOwned):
    """Some thousand customers to score: claimed, like a run, by lease and fencing token.

    ``inputs`` (:mod:`ml.chunk_inputs`) hold all that scoring needs besides the models; they are
    deleted with the end of the run.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="chunks")
    number = models.IntegerField()
    customers = models.IntegerField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    attempts = models.SmallIntegerField(default=0)
    token = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=80, blank=True)
    inputs = models.BinaryField(null=True)
    sha256 = models.CharField(max_length=64)
    summary = models.JSONField(default=dict)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "run", "number"], name="chunk_once_a_run")
        ]

    def __str__(self) -> str:
        return f"{self.run_id}/{self.number} {self.status}"


class QuarantinedCustomer(StoreOwned):
    """A customer whose records no model can be asked about; the others are scored without."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="quarantined")
    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.CASCADE, related_name="quarantines"
    )
    stage = models.CharField(max_length=40)
    # In English; ``remark`` tells the same in the reader's language.
    reason = models.TextField()
    remark = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "run", "customer"], name="quarantined_once_a_run"
            )
        ]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.customer_id}"

    @property
    def why(self) -> str:
        """The reason in the language of whoever reads it."""
        return in_words(self.remark) if self.remark else self.reason


class Score(StoreOwned):
    """What one customer is expected to do and be worth. Partitioned by score set.

    ``store`` is the home store as of the score set's date. ``visits_at_nodes`` are expected visit
    days up to each Chebyshev–Lobatto node of the fit (``ml.curves``), ``alive_at_nodes`` the
    probability of still being alive there; monthly figures are a linear map of them.
    """

    pk = models.CompositePrimaryKey("score_set_id", "customer_id")
    # Written a million at a time by one transaction that has just read the units and the fit:
    # checking those again row by row would double the time of publishing.
    tenant = models.ForeignKey(
        "organization.Tenant",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    store = models.ForeignKey(
        "organization.Unit",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    score_set = models.ForeignKey(
        ScoreSet, on_delete=models.CASCADE, related_name="scores", db_index=False
    )
    customer = models.ForeignKey(
        "customers.Customer", on_delete=models.CASCADE, related_name="scores", db_index=False
    )
    fit = models.ForeignKey(
        ModelVersion,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    segment = models.CharField(max_length=20)
    born_on = models.DateField()
    last_visit_on = models.DateField(null=True)
    frequency = models.IntegerField()
    recency_days = models.IntegerField()
    age_days = models.IntegerField()
    mean_spend_fen = models.BigIntegerField()
    p_alive = models.FloatField()
    churn_12m = models.FloatField()
    in_churn_population = models.BooleanField()
    expected_visits_12m = models.FloatField()
    expected_revenue_12m_fen = models.BigIntegerField()
    expected_margin_12m_fen = models.BigIntegerField()
    ltv_fen = models.BigIntegerField()
    visits_at_nodes = ArrayField(models.FloatField())
    alive_at_nodes = ArrayField(models.FloatField())
    cap_month = models.SmallIntegerField()
    anchor_first = models.FloatField(default=1)
    anchor_later = models.FloatField(default=1)
    # Yuan net of VAT; the accident stream is per month in which the customer is alive.
    revenue_per_visit = models.FloatField()
    margin_per_visit = models.FloatField()
    accident_revenue = models.FloatField(default=0)
    accident_margin = models.FloatField(default=0)
    due_on = models.DateField(null=True)
    overdue = models.BooleanField(default=False)
    grade = models.CharField(max_length=2, blank=True)
    risk = models.CharField(max_length=6, blank=True)
    reasons = models.JSONField(default=list)
    tags = ArrayField(models.CharField(max_length=40), default=list)
    # What each tag rests on, by code: publishing and rolling back copy it to the tags.
    evidence = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["score_set", "store", "-ltv_fen"], name="score_by_store_value"),
            # A whole group's customers by value.
            models.Index(fields=["score_set", "-ltv_fen"], name="score_by_value"),
            models.Index(fields=["customer"], name="score_by_customer"),
        ]

    def __str__(self) -> str:
        return f"{self.score_set_id}/{self.customer_id}"


class BackTest(TenantOwned):
    """What one rung of the ladder would have said on an earlier day, and what happened then.

    ``division`` is null for the whole group. ``result`` as :class:`ml.backtest.DivisionResult`.
    """

    class Rung(models.TextChoices):
        MEMORYLESS = "memoryless", _("BG/NBD and Gamma-Gamma")
        REGULAR = "regular", _("MBG/CNBD-k and Gamma-Gamma")
        CHAMPION = "champion", _("Champion")

    division = models.ForeignKey(
        "organization.Unit", null=True, on_delete=models.CASCADE, related_name="+"
    )
    origin = models.DateField()
    as_of = models.DateField()
    rung = models.CharField(max_length=12, choices=Rung.choices)
    result = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "origin", "division", "rung"],
                name="back_test_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.origin} {self.rung}"


class ChampionChange(TenantOwned):
    """What moved when other models came into use, of one division (null: the whole group).

    ``result`` as :func:`ml.movement.moved`, with the standing rungs before and after.
    """

    division = models.ForeignKey(
        "organization.Unit", null=True, on_delete=models.CASCADE, related_name="+"
    )
    score_set = models.ForeignKey(ScoreSet, on_delete=models.CASCADE, related_name="changes")
    former = models.ForeignKey(ScoreSet, on_delete=models.CASCADE, related_name="+")
    result = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "score_set", "former", "division"],
                name="champion_change_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.former_id} → {self.score_set_id}"

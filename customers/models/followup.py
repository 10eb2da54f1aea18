"""Work that follows from a figure: calls to customers, tasks for managers."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from organization.scoping import StoreOwned, UnitOwned


class FollowUp(StoreOwned):
    """One reason to contact one customer, and what came of it."""

    class Outcome(models.TextChoices):
        BOOKED = "booked", _("Booked")
        RESCHEDULED = "rescheduled", _("Rescheduled")
        ALREADY_DONE = "already_done", _("Already done")
        KM_NOT_REACHED = "km_not_reached", _("Mileage not reached")
        OUT_OF_TOWN = "out_of_town", _("Out of town")
        BUSY = "busy", _("Busy")
        DECLINED = "declined", _("Declined")
        WRONG_NUMBER = "wrong_number", _("Wrong number")
        OFF = "off", _("Phone off")
        NO_ANSWER = "no_answer", _("No answer")
        SOLD = "sold", _("Vehicle sold")
        GIVEN_AWAY = "given_away", _("Given away")
        TAXI = "taxi", _("Now a taxi")

    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.CASCADE,
        related_name="follow_ups",
        db_constraint=False,
    )
    vehicle = models.ForeignKey(
        "customers.Vehicle", null=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=40)
    evidence = models.JSONField(default=dict)
    due_on = models.DateField()
    assigned_to = models.ForeignKey(
        "organization.Staff", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    # Customers of the random hold-out are left alone, so that the effect can be measured.
    held_out = models.BooleanField(default=False)
    attempts = models.SmallIntegerField(default=0)
    outcome = models.CharField(max_length=20, choices=Outcome.choices, blank=True)
    note = models.CharField(max_length=300, blank=True)
    contacted_at = models.DateTimeField(null=True)
    contacted_by = models.ForeignKey(
        "organization.Staff", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    next_on = models.DateField(null=True)
    closed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "customer", "reason"],
                condition=models.Q(closed_at=None),
                name="follow_up_open_once_a_reason",
            )
        ]
        indexes = [
            models.Index(
                fields=["store", "due_on"],
                condition=models.Q(closed_at=None),
                name="follow_up_open_by_store",  # the daily list reads open ones only
            ),
            models.Index(
                fields=["store", "contacted_at"],
                condition=models.Q(contacted_at__isnull=False),
                name="follow_up_contacted_by_store",  # what came of the calls of a month
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reason} {self.customer_id}"


class Task(UnitOwned):
    """A bad figure made into work: baseline, owner, due date, and the day it is measured again."""

    class Status(models.TextChoices):
        OPEN = "open", _("Open")
        DONE = "done", _("Done")
        REOPENED = "reopened", _("Reopened")
        CLOSED = "closed", _("Closed")

    title = models.CharField(max_length=200)
    metric = models.CharField(max_length=40)
    baseline = models.DecimalField(max_digits=16, decimal_places=6, null=True)
    target = models.DecimalField(max_digits=16, decimal_places=6, null=True)
    measured = models.DecimalField(max_digits=16, decimal_places=6, null=True)
    owner = models.ForeignKey(
        "organization.Staff", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_by = models.ForeignKey(
        "organization.Staff", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    note = models.TextField(blank=True)
    due_on = models.DateField()
    measure_on = models.DateField()
    # Why the figure was called off: a key of the rule that found it, empty for a task by hand.
    anomaly = models.CharField(max_length=20, blank=True)
    baseline_month = models.DateField(null=True)
    done_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["unit", "status", "due_on"], name="task_by_unit")]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "unit", "metric"],
                condition=~models.Q(status="closed"),
                name="task_one_at_a_time_a_metric",
            )
        ]

    def __str__(self) -> str:
        return self.title


class TaskMeasurement(UnitOwned):
    """What a task's figure did until its day, against peers that had no such task."""

    class Verdict(models.TextChoices):
        WORKED = "worked", _("Worked")
        NOT_SHOWN = "not_shown", _("No effect shown")
        NO_PEERS = "no_peers", _("Too few untreated peers")
        NO_FIGURE = "no_figure", _("No figure")

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="measurements")
    measured_on = models.DateField()
    month_before = models.DateField(null=True)
    month_after = models.DateField(null=True)
    before = models.FloatField(null=True)
    after = models.FloatField(null=True)
    peers = models.IntegerField(default=0)
    peers_change = models.FloatField(null=True)
    # Own change less that of the peers, with the ends of its 90% interval.
    effect = models.FloatField(null=True)
    effect_low = models.FloatField(null=True)
    effect_high = models.FloatField(null=True)
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "task", "measured_on"], name="task_measured_once_a_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.task_id} {self.measured_on}"

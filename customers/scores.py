"""Forecasts beside the records, through the reverse relation of the model layer's tables.

This layer lies below the models and never imports them: ``Customer.scores`` is all it knows.
"""

from datetime import date, timedelta
from typing import Any

from django.db.models import F, FloatField, QuerySet
from django.db.models.functions import Cast, Greatest

from customers.models import Customer
from organization.access import Access, Capability
from organization.scoping import ScopedManager

# Scores are made every night; a week without new ones is a failure worth naming.
STALE_AFTER = timedelta(days=7)
# A year's margin if the customer stays is the expected margin over the chance of staying; below
# this chance the quotient would say more about the division than about the customer.
LEAST_CHANCE_OF_STAYING = 0.05


def _score_model() -> Any:
    return Customer._meta.get_field("scores").related_model


def current_set(access: Access) -> Any | None:
    """The published score set that pages show, or None before the first one."""
    sets: ScopedManager = _score_model()._meta.get_field("score_set").related_model.objects
    return (
        sets.visible_to(access)
        .filter(status="published", withdrawn_at=None)
        .order_by("-as_of", "-published_at")
        .first()
    )


def scores_in(
    access: Access, score_set: Any, capability: Capability | None = None
) -> QuerySet[Any]:
    """The visible scores of a set; with a capability, those of the stores where it is held."""
    rows: QuerySet[Any] = _score_model().objects.visible_to(access, capability)
    return rows.filter(score_set_id=score_set.pk)


def is_stale(score_set: Any, today: date) -> bool:
    return bool(today - score_set.as_of > STALE_AFTER)


def value_at_risk_fen() -> Any:
    """ORM expression over scores: the 12-month margin (fen) that is lost if the customer leaves,
    times the probability of leaving: margin · churn / max(1 − churn, .05)."""
    staying = Greatest(1.0 - F("churn_12m"), LEAST_CHANCE_OF_STAYING)
    margin = Cast("expected_margin_12m_fen", FloatField())
    return margin * F("churn_12m") / staying


def table() -> str:
    """Name of the scores' table, for set-based queries."""
    return str(_score_model()._meta.db_table)

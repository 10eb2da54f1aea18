"""Scores that nobody needs any more, and taking them away: a partition is dropped, the row stays.

Kept are the set in use; whatever else refers to (a valuation cites its scores for ever); the last
sets in order of publication, to go back to; the newest set of each of the last days, and of each
month. A set that was held back or withdrawn stays as long as somebody may still decide about it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.apps import apps
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from ml.models import ScoreSet
from ml.publication import current_score_set
from organization import audit
from organization.access import Access, entered

DAYS = 7
MONTHS = 24
TO_GO_BACK_TO = 3
UNDECIDED = timedelta(days=30)

# Taking a partition away asks for a moment's lock on all scores: rather tomorrow than a queue of
# pages behind a long report.
LOCK_TIMEOUT = "3s"

CURRENT, CITED, GO_BACK, DAILY, MONTHLY, OPEN = (
    *("in use", "cited", "to go back to", "of the last days", "of the month", "undecided"),
)


@dataclass(frozen=True)
class Holding:
    """A set with scores; ``why`` it is kept, empty where it is not; ``size``: bytes on disk."""

    score_set: ScoreSet
    why: str
    size: int


def holdings(access: Access) -> list[Holding]:
    """All sets of the group that have scores, newest first; inside an entered access."""
    sets = list(
        ScoreSet.objects.filter(dropped_at=None)
        .exclude(status=ScoreSet.Status.DRAFT)
        .order_by("-as_of", "-published_at", "-pk")
    )
    reasons = _reasons(sets, current_score_set(access))
    return [Holding(one, reasons.get(one.pk, ""), _size(one)) for one in sets]


def _reasons(sets: list[ScoreSet], current: ScoreSet | None) -> dict[int, str]:
    """Score set → why it is kept, the weightiest reason first."""
    shown = [one for one in sets if one.status == "published" and one.withdrawn_at is None]
    by_publication = sorted(shown, key=lambda one: (one.published_at, one.pk), reverse=True)
    months: dict[tuple[int, int], ScoreSet] = {}
    days: dict[date, ScoreSet] = {}
    for one in shown:  # newest first, so the first of a day and of a month is its last
        days.setdefault(one.as_of, one)
        months.setdefault((one.as_of.year, one.as_of.month), one)
    since = timezone.now() - UNDECIDED
    undecided = [one for one in sets if one not in shown and one.created_at >= since]
    cited = _cited(sets)
    kept: Iterable[tuple[str, Iterable[ScoreSet]]] = (
        (CURRENT, [current] if current else []),
        (CITED, [one for one in sets if one.pk in cited]),
        (GO_BACK, by_publication[:TO_GO_BACK_TO]),
        (DAILY, list(days.values())[:DAYS]),
        (MONTHLY, list(months.values())[:MONTHS]),
        (OPEN, undecided),
    )
    reasons: dict[int, str] = {}
    for why, ones in kept:
        for one in ones:
            reasons.setdefault(one.pk, why)
    return reasons


def _cited(sets: list[ScoreSet]) -> set[int]:
    """Those that records of a higher layer point to, whatever these may be."""
    found: set[int] = set()
    for model in apps.get_models():
        if model._meta.app_label == ScoreSet._meta.app_label:
            continue
        for field in model._meta.concrete_fields:
            if field.related_model is ScoreSet:
                owned: Any = model  # its manager refuses to answer outside an access
                rows = owned.objects.filter(**{f"{field.name}__in": sets})
                found |= set(rows.values_list(field.attname, flat=True))
    return found


def _size(score_set: ScoreSet) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "select coalesce(pg_total_relation_size(to_regclass(%s)), 0)",
            [f"ml_score_{score_set.pk}"],
        )
        return int(cursor.fetchone()[0])


def drop_old(access: Access) -> Iterator[tuple[Holding, bool]]:
    """Take away what is not kept, one set a transaction; whether it went (False: its scores are
    being read just now, the next run tries again)."""
    with entered(access):
        old = [one for one in holdings(access) if not one.why]
    for one in old:
        yield one, _drop(access, one.score_set)


def _drop(access: Access, score_set: ScoreSet) -> bool:
    try:
        with entered(access), transaction.atomic():
            # Who begins to cite the set waits for this row; who cites it by now keeps it.
            locked = ScoreSet.objects.select_for_update().get(pk=score_set.pk)
            current = current_score_set(access)
            if locked.dropped_at or locked == current or _cited([locked]):
                return False
            with connection.cursor() as cursor:
                cursor.execute(f"set local lock_timeout to '{LOCK_TIMEOUT}'")
                cursor.execute("select ml_retire_score_partition(%s)", [score_set.pk])
            ScoreSet.objects.filter(pk=score_set.pk).update(dropped_at=timezone.now())
            audit.record(
                access,
                "scores.dropped",
                f"score_set:{score_set.pk}",
                as_of=str(score_set.as_of),
                customers=score_set.customers,
            )
    except OperationalError as busy:
        if "lock timeout" not in str(busy):
            raise
        return False
    return True

"""Writing a score set aside, and making it the one that pages show in one transaction."""

from datetime import date
from typing import Any

from django.db import connection
from django.utils import timezone

from customers.models import CustomerTag
from ml import champion_changes
from ml.asof import DateRefused
from ml.models import ChampionChange, ModelVersion, ScoreSet, ScoringChunk, TrainingRun
from ml.runs import Lease
from ml.verdict import Gate
from organization import audit
from organization.access import Access, entered


def write_models(lease: Lease, versions: list[dict[str, Any]]) -> dict[tuple[str, str], int]:
    """Store the fitted models of a run; ids by (kind, name)."""
    with entered(lease.access):
        lease.lock()
        rows = [
            ModelVersion(tenant_id=lease.access.tenant_id, run=lease.run, **v) for v in versions
        ]
        ModelVersion.objects.bulk_create(rows)
        return {(row.kind, row.name): row.pk for row in rows}


def create_score_set(lease: Lease, **values: Any) -> ScoreSet:
    """The draft that a run writes into, with its partition."""
    with entered(lease.access):
        lease.lock()
        score_set = ScoreSet.objects.create(
            tenant_id=lease.access.tenant_id, run=lease.run, **values
        )
        with connection.cursor() as cursor:
            cursor.execute("select ml_create_score_partition(%s)", [score_set.pk])
        return score_set


def drop_draft(access: Access, score_set: ScoreSet) -> None:
    """Delete a set that was never published, with its scores; inside an entered access."""
    with connection.cursor() as cursor:
        cursor.execute("select ml_drop_score_partition(%s)", [score_set.pk])
    score_set.delete()


def current_score_set(
    access: Access, as_of: date | None = None, *, without: ScoreSet | None = None
) -> ScoreSet | None:
    """The published set that pages show, or the one of a given date; newest first.

    ``without``: as if that one had been withdrawn.
    """
    found = ScoreSet.objects.visible_to(access).filter(
        status=ScoreSet.Status.PUBLISHED, withdrawn_at=None, dropped_at=None
    )
    if as_of is not None:
        found = found.filter(as_of=as_of)
    if without is not None:
        found = found.exclude(pk=without.pk)
    newest: ScoreSet | None = found.order_by("-as_of", "-published_at").first()
    return newest


def score_set_of(access: Access, as_of: date) -> ScoreSet:
    """The published set of that date.

    Raises:
        DateRefused: there is none; the message names the command that makes it.
    """
    with entered(access):
        found = current_score_set(access, as_of)
    if found is None:
        raise DateRefused(
            f"There is no published score set as of {as_of}:"
            f" run manage.py retrain --as-of {as_of} first."
        )
    return found


def publish(lease: Lease, score_set: ScoreSet, gate: Gate) -> bool:
    """Make the set visible, with its tags, if the gate is passed; else keep it aside.

    Everything happens in one transaction that first makes sure of the lease: a page sees either
    the former set or this one, never a mixture.
    """
    access = lease.access
    with entered(access):
        former = current_score_set(access)
        changes = _changes(access, former, score_set) if gate.passed else []
    with entered(access):
        lease.lock()
        score_set.gate = gate.as_dict()
        if gate.passed:
            score_set.status = ScoreSet.Status.PUBLISHED
            score_set.published_at = timezone.now()
            score_set.published_by = access.label[:80]
        else:
            score_set.status = ScoreSet.Status.HELD
        score_set.save()
        if gate.passed and current_score_set(access) == score_set:
            replace_tags(score_set)
            champion_changes.keep(changes)
        ScoringChunk.objects.filter(run=lease.run).update(inputs=None)
        audit.record(
            access,
            "scores.published" if gate.passed else "scores.held_back",
            f"score_set:{score_set.pk}",
            as_of=str(score_set.as_of),
            refusals=gate.refusals(),
        )
        outcome = TrainingRun.Status.PUBLISHED if gate.passed else TrainingRun.Status.HELD
        lease.end(outcome, *gate.refusals())
    return gate.passed


def _changes(access: Access, former: ScoreSet | None, new: ScoreSet) -> list[ChampionChange]:
    """What will have moved; worked out beforehand, since it reads both sets while a run is locked
    and its lease cannot be renewed."""
    if former is None or not champion_changes.differ(former, new) or new.as_of < former.as_of:
        return []
    return champion_changes.what_moved(access, former, new)


REPLACE_TAGS = """
insert into customers_customertag (tenant_id, store_id, customer_id, code, evidence, as_of)
select c.tenant_id, c.home_store_id, c.id, tag.code, coalesce(s.evidence -> tag.code, '{}'), %s
from ml_score s join customers_customer c on c.id = s.customer_id
cross join lateral unnest(s.tags) as tag (code)
where s.tenant_id = %s and s.score_set_id = %s
"""


def replace_tags(score_set: ScoreSet) -> None:
    """Let customers carry the tags of that set, and no others; inside an entered access."""
    CustomerTag.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(REPLACE_TAGS, [score_set.as_of, score_set.tenant_id, score_set.pk])

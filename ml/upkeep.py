"""What is left to do around runs: what waits, and what ended runs leave behind."""

from django.db.models import Q
from django.utils import timezone

from ml.models import ScoreSet, ScoringChunk, TrainingRun
from ml.publication import drop_draft
from ml.runs import UNDER_WAY
from organization.access import Access, entered

Status = TrainingRun.Status


def is_queued(access: Access, *, score_only: bool) -> bool:
    """Whether such a run waits already: the schedule need not ask for another."""
    with entered(access):
        return TrainingRun.objects.filter(status=Status.QUEUED, score_only=score_only).exists()


def has_free_chunks(access: Access, run_id: int) -> bool:
    """Whether a worker could take a chunk of the run now."""
    lapsed = Q(status=ScoringChunk.Status.RUNNING, lease_until__lt=timezone.now())
    with entered(access):
        return ScoringChunk.objects.filter(
            Q(status=ScoringChunk.Status.WAITING) | lapsed,
            run_id=run_id,
            run__status=Status.RUNNING,
        ).exists()


def tidy(access: Access) -> None:
    """Drop drafts of runs that came to nothing, and chunk inputs of runs that have ended."""
    with entered(access):
        ended = TrainingRun.objects.exclude(status__in=UNDER_WAY)
        ScoringChunk.objects.filter(run__in=ended, inputs__isnull=False).update(inputs=None)
        nothing = ended.filter(status__in=[Status.FAILED, Status.CANCELLED])
        for draft in ScoreSet.objects.filter(status=ScoreSet.Status.DRAFT, run__in=nothing):
            drop_draft(access, draft)

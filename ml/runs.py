"""Training runs: asked for, claimed by one worker, kept alive by a lease, ended once.

One run a group is enforced by a partial unique index, not by a lock that a dead worker would hold.
Every claim moves the run's token on; whoever holds an older token may write no more (fencing).
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from ml.heartbeat import LeaseLost, heartbeat
from ml.models import TrainingRun
from ml.remarks import Remark, stored
from organization import audit
from organization.access import Access, entered

__all__ = ["LEASE", "MAX_ATTEMPTS", "Lease", "LeaseLost", "RunBusy", "claim", "request_run"]

LEASE = timedelta(seconds=settings.TRAINING_LEASE_SECONDS)
MAX_ATTEMPTS = 3
# A worker that was told of a run and has not begun after this long is told again.
TELL_AGAIN = timedelta(seconds=max(60, settings.TRAINING_LEASE_SECONDS))
UNDER_WAY = (TrainingRun.Status.QUEUED, TrainingRun.Status.RUNNING)


class RunBusy(Exception):
    """Another retraining of the group is running."""


class RunOver(Exception):
    """The run has ended already: there is nothing to cancel."""


def config_hash(config: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def request_run(
    access: Access, as_of: date, config: dict[str, Any], *, score_only: bool = False
) -> TrainingRun:
    """Queue a run and say so in the audit trail."""
    with entered(access):
        run = TrainingRun.objects.create(
            tenant_id=access.tenant_id,
            as_of=as_of,
            config=config,
            config_hash=config_hash(config),
            score_only=score_only,
            requested_by=access.label[:80],
        )
        audit.record(access, "training.requested", f"run:{run.pk}", as_of=str(as_of))
    return run


class Lease:
    """The right of one worker to carry out one run."""

    def __init__(self, access: Access, run: TrainingRun) -> None:
        self.access, self.run = access, run
        self.seconds: dict[str, float] = dict(run.seconds)
        self.stage = ""
        self.progress = 0.0
        self._began: datetime | None = None

    def _update(self, **values: Any) -> None:
        with entered(self.access):
            alive = TrainingRun.objects.filter(
                pk=self.run.pk, token=self.run.token, status=TrainingRun.Status.RUNNING
            ).update(**values)
        if not alive:
            raise LeaseLost(f"run {self.run.pk} was taken over or cancelled")

    def renew(self) -> None:
        self._update(lease_until=timezone.now() + LEASE)

    def report(self, stage: str, progress: float) -> None:
        """Say what is being done (``progress`` 0–1) and keep the lease."""
        self.stage, self.progress = stage, progress
        self._update(
            stage=stage,
            progress=progress,
            seconds=self.seconds,
            lease_until=timezone.now() + LEASE,
        )

    @contextmanager
    def timed(self, stage: str, progress: float) -> Iterator[None]:
        """Report the start of a stage and keep its duration."""
        self.report(stage, progress)
        self._began = timezone.now()
        yield
        self._keep_time()
        self._began = None

    def _keep_time(self) -> None:
        """The seconds so far of the stage that is going on, if any."""
        if self._began is not None:
            took = timezone.now() - self._began
            self.seconds[self.stage] = round(took.total_seconds(), 3)

    def lock(self) -> None:
        """Inside the publishing transaction: nobody takes the run over before it commits."""
        held = TrainingRun.objects.select_for_update().filter(
            pk=self.run.pk, token=self.run.token, status=TrainingRun.Status.RUNNING
        )
        if not held.exists():
            raise LeaseLost(f"run {self.run.pk} was taken over or cancelled")

    def end(self, status: TrainingRun.Status, *said: str) -> None:
        """``said``: why nothing was published, remarks where it is for people.

        A run ends inside a stage, publishing or the one that failed: its seconds so far are kept.
        """
        self._keep_time()
        self._update(
            status=status,
            message="; ".join(said),
            remarks=stored(said),
            seconds=self.seconds,
            progress=1.0,
            finished_at=timezone.now(),
            lease_until=None,
        )

    def give_back(self, why: str) -> None:
        """Let another worker go on: this one was stopped or lost its database.

        After the last attempt the run has failed instead.
        """
        if self.run.attempts >= MAX_ATTEMPTS:
            given_up = Remark("given_up", attempts=MAX_ATTEMPTS, why=why)
            self.end(TrainingRun.Status.FAILED, given_up)
            return
        self._update(
            status=TrainingRun.Status.QUEUED,
            lease_until=None,
            sent_at=None,
            message=why,
            remarks=stored([why]),
        )

    def kept_alive(self) -> AbstractContextManager[None]:
        """Renew the lease from a thread while a long computation goes on."""
        return heartbeat(self.renew, LEASE)


def claim(access: Access, run_id: int) -> Lease:
    """Take a queued run, or one whose lease has expired.

    Raises:
        RunBusy: another run of the group is running, or this one is and its worker is alive.
    """
    now = timezone.now()
    free = Q(status=TrainingRun.Status.QUEUED) | Q(
        status=TrainingRun.Status.RUNNING, lease_until__lt=now, attempts__lt=MAX_ATTEMPTS
    )
    try:
        with entered(access), transaction.atomic():
            taken = TrainingRun.objects.filter(free, pk=run_id).update(
                status=TrainingRun.Status.RUNNING,
                token=F("token") + 1,
                attempts=F("attempts") + 1,
                started_at=now,
                lease_until=now + LEASE,
                message="",
                remarks=[],
            )
            if not taken:
                raise RunBusy(f"Run {run_id} is being carried out or has ended.")
            run = TrainingRun.objects.get(pk=run_id)
    except IntegrityError as error:
        raise RunBusy("Another retraining of this group is running; wait for it to end.") from error
    return Lease(access, run)


def cancel(access: Access, run_id: int, by: str) -> None:
    """End a run that waits or runs; its worker is fenced off and stops at its next heartbeat.

    Raises:
        RunOver: it has ended, or is no run of this group.
    """
    why = Remark("cancelled", who=by)
    with entered(access):
        ended = TrainingRun.objects.filter(pk=run_id, status__in=UNDER_WAY).update(
            status=TrainingRun.Status.CANCELLED,
            token=F("token") + 1,
            finished_at=timezone.now(),
            lease_until=None,
            message=why,
            remarks=stored([why]),
        )
        if not ended:
            raise RunOver(f"Run {run_id} has ended already; nothing was cancelled.")
        audit.record(access, "training.cancelled", f"run:{run_id}")


def requeue_expired(access: Access) -> list[int]:
    """Runs of the tenant whose worker died: queue them again, or fail them after three attempts."""
    why = Remark("worker_died", attempts=MAX_ATTEMPTS)
    with entered(access):
        expired = TrainingRun.objects.filter(
            status=TrainingRun.Status.RUNNING, lease_until__lt=timezone.now()
        )
        given_up = expired.filter(attempts__gte=MAX_ATTEMPTS)
        given_up.update(
            status=TrainingRun.Status.FAILED,
            token=F("token") + 1,
            finished_at=timezone.now(),
            lease_until=None,
            message=why,
            remarks=stored([why]),
        )
        again = list(expired.values_list("pk", flat=True))
        expired.update(
            status=TrainingRun.Status.QUEUED, token=F("token") + 1, lease_until=None, sent_at=None
        )
        return again


def release_dead(access: Access, run_id: int) -> None:
    """The process that carried the run out has ended without a word: its lease ends with it."""
    with entered(access):
        TrainingRun.objects.filter(pk=run_id, status=TrainingRun.Status.RUNNING).update(
            lease_until=timezone.now() - timedelta(seconds=1)
        )


def is_waiting(access: Access, run_id: int) -> bool:
    """Whether a worker that was told of the run would find anything to do."""
    now = timezone.now()
    with entered(access):
        return bool(
            TrainingRun.objects.filter(
                Q(status=TrainingRun.Status.QUEUED)
                | Q(status=TrainingRun.Status.RUNNING, lease_until__lt=now),
                pk=run_id,
            ).exists()
        )


def to_be_told(access: Access) -> list[int]:
    """Queued runs that no worker knows of, or took up in time; marked as told from now on."""
    now = timezone.now()
    unknown = Q(sent_at=None) | Q(sent_at__lt=now - TELL_AGAIN)
    with entered(access):
        waiting = TrainingRun.objects.filter(unknown, status=TrainingRun.Status.QUEUED)
        return [
            pk
            for pk in waiting.order_by("pk").values_list("pk", flat=True)
            if TrainingRun.objects.filter(unknown, pk=pk).update(sent_at=now)
        ]

"""Scoring in chunks that any worker on any machine may take.

A chunk is a row: claimed with ``FOR UPDATE SKIP LOCKED`` by whoever is free, held by a lease that
is renewed, fenced by a token. Its inputs and the models come out of the database, its scores go
into the partition of the score set in the one transaction that also marks the chunk as done; so a
chunk is scored once, whoever dies when.
"""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from ml.chunk_inputs import unpack
from ml.heartbeat import LeaseLost, heartbeat
from ml.models import QuarantinedCustomer, ScoreSet, ScoringChunk, TrainingRun
from ml.quarantine import isolated
from ml.registry import Loaded, load_models
from ml.remarks import Remark, as_remark
from ml.score_copy import copy_scores
from ml.scoring import Scored, Terms, score_rows
from organization.access import Access, entered

CHUNK_CUSTOMERS = settings.SCORING_CHUNK_CUSTOMERS
MAX_ATTEMPTS = 3
LEASE = timedelta(seconds=settings.TRAINING_LEASE_SECONDS)
STAGE = "score"


class ChunkFailed(Exception):
    """A chunk was given up; the run cannot be completed."""


@dataclass(frozen=True)
class ChunkLease:
    """The right of one worker to score one chunk."""

    access: Access
    chunk: ScoringChunk

    def _mine(self) -> Any:
        return ScoringChunk.objects.filter(
            pk=self.chunk.pk, token=self.chunk.token, status=ScoringChunk.Status.RUNNING
        )

    def renew(self) -> None:
        with entered(self.access):
            kept = self._mine().filter(run__status=TrainingRun.Status.RUNNING)
            if not kept.update(lease_until=timezone.now() + LEASE):
                raise LeaseLost(f"chunk {self.chunk} was taken over, or its run has ended")

    def finish(self, score_set: ScoreSet, rows: pd.DataFrame, outcome: "Outcome") -> None:
        """Write the scores and mark the chunk as done, in one transaction."""
        with entered(self.access), transaction.atomic():
            if not self._mine().select_for_update().exists():
                raise LeaseLost(f"chunk {self.chunk} was taken over")
            copy_scores(self.access, score_set.pk, rows)
            # Shared, so that chunks do not wait for each other; an end of the run waits for them.
            with connection.cursor() as cursor:
                cursor.execute(
                    "select 1 from ml_trainingrun where id = %s and status = 'running' for share",
                    [self.chunk.run_id],
                )
                if cursor.fetchone() is None:
                    raise LeaseLost(f"run {self.chunk.run_id} has ended")
            note_quarantined(self.access, self.chunk.run_id, STAGE, outcome.stores, outcome.failed)
            self._mine().update(
                status=ScoringChunk.Status.DONE,
                lease_until=None,
                finished_at=timezone.now(),
                summary=outcome.summary,
                inputs=None,
            )


@dataclass
class Outcome:
    """What became of a chunk: whom it failed on, with the reasons, and its summary."""

    failed: dict[int, str] = field(default_factory=dict)
    stores: dict[int, int] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def take(access: Access, run_id: int, *, worker: str = "") -> ChunkLease | None:
    """Claim the first free chunk of a run that is being carried out; None if there is none now.

    Raises :class:`ChunkFailed` where a chunk's workers died too often.
    """
    now = timezone.now()
    lapsed = Q(status=ScoringChunk.Status.RUNNING, lease_until__lt=now)
    with entered(access), transaction.atomic():
        free = ScoringChunk.objects.filter(
            Q(status=ScoringChunk.Status.WAITING) | lapsed,
            run_id=run_id,
            run__status=TrainingRun.Status.RUNNING,
        )
        chunk = (
            free.select_for_update(skip_locked=True, of=("self",))
            .defer("inputs")
            .order_by("number")
            .first()
        )
        if chunk is None:
            return None
        if chunk.attempts >= MAX_ATTEMPTS:
            raise ChunkFailed(
                Remark(
                    "chunk_given_up",
                    chunk=chunk.number + 1,
                    attempts=MAX_ATTEMPTS,
                    worker=chunk.worker,
                )
            )
        ScoringChunk.objects.filter(pk=chunk.pk).update(
            status=ScoringChunk.Status.RUNNING,
            token=F("token") + 1,
            attempts=F("attempts") + 1,
            lease_until=now + LEASE,
            started_at=now,
            worker=worker or worker_name(),
        )
        return ChunkLease(access, ScoringChunk.objects.get(pk=chunk.pk))


def score_one(lease: ChunkLease) -> None:
    """Score a claimed chunk and write its rows. Raises :class:`LeaseLost` if it was taken over."""
    access, chunk = lease.access, lease.chunk
    with heartbeat(lease.renew, LEASE):
        with entered(access):
            run = TrainingRun.objects.get(pk=chunk.run_id)
            score_set = ScoreSet.objects.get(run=run)
        models = load_models(access, score_set.model_run_id or run.pk)
        frames = unpack(bytes(chunk.inputs or b""), chunk.sha256)
        rows, outcome = _scored(frames, models, terms_of(run, score_set))
    lease.finish(score_set, rows, outcome)


def terms_of(run: TrainingRun, score_set: ScoreSet) -> Terms:
    people, organisations = score_set.summary["high_value_from"]
    return Terms(
        run.as_of,
        score_set.horizon_months,
        float(run.config["discount_rate"]),
        (
            float("inf") if people is None else float(people),
            float("inf") if organisations is None else float(organisations),
        ),
    )


def _scored(
    frames: dict[str, pd.DataFrame], models: Loaded, terms: Terms
) -> tuple[pd.DataFrame, Outcome]:
    """Rows with ``fit_id``; customers on whom the models fail are left out and named."""
    facts, features = frames["facts"], frames["features"]

    def score(part: pd.Index) -> Scored:
        found = score_rows(facts.loc[part], features.loc[part], models, terms)
        numbers = found.frame.select_dtypes("number").to_numpy(dtype=float)
        if not np.isfinite(numbers).all():
            raise FloatingPointError("a score is not a finite number")
        return found

    parts, failed = isolated(facts.index, score)
    rows = [part.frame.assign(fit_id=[models.fits[key] for key in part.keys]) for part in parts]
    stores = {customer: int(facts.at[customer, "store"]) for customer in failed}
    outcome = Outcome(failed, stores, add_up([part.summary for part in parts]))
    return (pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()), outcome


def add_up(summaries: list[dict[str, Any]]) -> dict[str, Any]:
    """Sums of equal shape, number by number; lists are added element by element."""
    total: dict[str, Any] = {}
    for summary in summaries:
        for name, value in summary.items():
            if isinstance(value, dict):
                total[name] = add_up([total.get(name, {}), value])
            elif isinstance(value, list):
                former = total.get(name, [0] * len(value))
                total[name] = [a + b for a, b in zip(former, value, strict=True)]
            else:
                total[name] = total.get(name, 0) + value
    return total


def note_quarantined(
    access: Access, run_id: int, stage: str, stores: dict[int, int], failed: dict[int, str]
) -> None:
    """Write down who was left out; inside an entered access."""
    QuarantinedCustomer.objects.bulk_create(
        [
            QuarantinedCustomer(
                tenant_id=access.tenant_id,
                run_id=run_id,
                customer_id=customer,
                store_id=stores[customer],
                stage=stage,
                reason=reason,
                remark=as_remark(reason).as_dict(),
            )
            for customer, reason in failed.items()
        ],
        ignore_conflicts=True,
    )


def score_until_none_is_free(
    access: Access, run_id: int, after_each: Callable[[], object] = lambda: None
) -> int:
    """Score chunk after chunk until no one waits; how many this worker did."""
    name, done = worker_name(), 0
    while (lease := take(access, run_id, worker=name)) is not None:
        try:
            score_one(lease)
        except LeaseLost:
            continue
        done += 1
        after_each()
    return done


def counts(access: Access, run_id: int) -> dict[str, int]:
    """Chunks and customers of a run: ``chunks, done, customers, scored``."""
    with entered(access):
        rows = list(ScoringChunk.objects.filter(run_id=run_id).values_list("status", "customers"))
    done = [n for status, n in rows if status == ScoringChunk.Status.DONE]
    return {
        "chunks": len(rows),
        "done": len(done),
        "customers": sum(n for _, n in rows),
        "scored": sum(done),
    }

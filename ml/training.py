"""Carrying out one training run: prepare, score chunk by chunk, judge, publish."""

import time

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from customers.models import QualityReport
from ml import publication
from ml.chunks import (
    ChunkFailed,
    LeaseLost,
    add_up,
    counts,
    score_until_none_is_free,
)
from ml.churn import NotEnoughData as NotEnoughForModel
from ml.extraction import NotEnoughData
from ml.gate import judge_scores
from ml.models import QuarantinedCustomer, ScoreSet, ScoringChunk, TrainingRun
from ml.preparation import prepare
from ml.publication import current_score_set
from ml.quarantine import TooManyQuarantined
from ml.remarks import Remark, said_by
from ml.runs import Lease
from ml.verdict import Gate
from organization.access import entered

WAIT_SECONDS = 0.3
SCORING_FROM, SCORING_TO = 0.65, 0.93
# How long a worker that lost its database tries to say so before it leaves that to the watchdog.
GOODBYE_SECONDS = 30


class Interrupted(Exception):
    """The database went away or the worker was told to stop; another worker goes on."""


def carry_out(lease: Lease) -> bool:
    """Carry out the run of ``lease``; True if its scores were published.

    A run without enough data, or whose scores fail the gate, ends cleanly with its reason; any
    other error of ours marks the run as failed and is raised on. Where the database goes away or
    the process is told to stop, the run is given back (:class:`Interrupted`). Whatever happens,
    the scores that were current stay current.

    Raises:
        LeaseLost: the run was cancelled or taken over.
    """
    try:
        with lease.kept_alive():
            return _carry_out(lease)
    except LeaseLost:
        raise
    except (OperationalError, InterfaceError) as gone:
        _give_back(lease, Remark("no_database", error=type(gone).__name__))
        raise Interrupted("the connection to the database was lost") from gone
    except (KeyboardInterrupt, SystemExit) as told:
        _give_back(lease, Remark("told_to_stop"))
        raise Interrupted("told to stop") from told
    except NotEnoughForModel as lacking:
        why = Remark("too_little_history", why=said_by(lacking))
        lease.end(TrainingRun.Status.FAILED, why)
        raise NotEnoughData(why) from lacking
    except NotEnoughData as lacking:
        lease.end(TrainingRun.Status.FAILED, said_by(lacking))
        raise NotEnoughData(said_by(lacking)) from lacking
    except (TooManyQuarantined, ChunkFailed) as refusal:
        lease.end(TrainingRun.Status.FAILED, said_by(refusal))
        raise
    except Exception as error:
        lease.end(TrainingRun.Status.FAILED, f"{type(error).__name__}: {error}")
        raise


def _give_back(lease: Lease, why: str) -> None:
    """Queue the run again as soon as the database answers; the watchdog does it otherwise."""
    deadline = time.monotonic() + GOODBYE_SECONDS
    while time.monotonic() < deadline:
        connection.close()
        try:
            lease.give_back(why)
        except DatabaseError:
            time.sleep(0.5)
        except LeaseLost:
            return  # somebody else has it already
        else:
            return


def _carry_out(lease: Lease) -> bool:
    with entered(lease.access):
        score_set = ScoreSet.objects.filter(run=lease.run).first()
    if score_set is None:
        score_set = prepare(lease)
    with lease.timed("score", SCORING_FROM):
        score(lease)
    with lease.timed("publish", 0.95):
        return conclude(lease, score_set)


def score(lease: Lease) -> None:
    """Take part in the scoring until every chunk is done, by whomever.

    Raises :class:`ml.chunks.ChunkFailed` where a chunk was given up.
    """
    access, run_id = lease.access, lease.run.pk
    offer_help(lease)
    while True:
        score_until_none_is_free(access, run_id, after_each=lambda: _say_how_far(lease))
        if _say_how_far(lease):
            return
        time.sleep(WAIT_SECONDS)


def _say_how_far(lease: Lease) -> bool:
    """Report the share of chunks done; whether that is all."""
    found = counts(lease.access, lease.run.pk)
    share = found["done"] / max(found["chunks"], 1)
    lease.report("score", SCORING_FROM + (SCORING_TO - SCORING_FROM) * share)
    return found["done"] == found["chunks"]


def offer_help(lease: Lease) -> None:
    """Tell other workers of the chunks; without a broker this one scores them all."""
    from ml.tasks import send_helpers

    waiting = counts(lease.access, lease.run.pk)
    send_helpers(lease.access.tenant_id, lease.run.pk, waiting["chunks"] - waiting["done"])


NOT_FINITE = """
select count(*), count(*) filter (where {bad}) from ml_score
where tenant_id = %s and score_set_id = %s
"""
_FLOATS = (
    *("p_alive", "churn_12m", "expected_visits_12m", "anchor_first", "anchor_later"),
    *("revenue_per_visit", "margin_per_visit", "accident_revenue", "accident_margin"),
)


def conclude(lease: Lease, score_set: ScoreSet) -> bool:
    """Judge what the chunks have written, and publish it or keep it aside."""
    access = lease.access
    bad = " or ".join(f"{name} in ('NaN', 'Infinity', '-Infinity')" for name in _FLOATS)
    with entered(access):
        with connection.cursor() as cursor:
            cursor.execute(NOT_FINITE.format(bad=bad), [access.tenant_id, score_set.pk])
            scored, not_finite = cursor.fetchone()
        chunks = ScoringChunk.objects.filter(run=lease.run).order_by("number")
        summary = add_up(list(chunks.values_list("summary", flat=True)))
        quarantined = QuarantinedCustomer.objects.filter(run=lease.run)
        in_scoring = quarantined.filter(stage="score").count()
        current = current_score_set(access)
        quality = QualityReport.objects.order_by("-as_of", "-created_at").first()
        former = current.customers if current and current.as_of <= score_set.as_of else None
        everybody = quarantined.count()
    checks = judge_scores(
        expected=score_set.customers,
        scored=scored,
        not_finite=not_finite,
        quarantined=in_scoring,
        former=former,
        quality=quality.score if quality else None,
    )
    score_set.customers = scored
    score_set.summary |= summary | {
        "anchored": summary.get("champion") != summary.get("baseline"),
        "quarantined": everybody,
    }
    gate = Gate((*score_set.gate["checks"], *checks))
    return publication.publish(lease, score_set, gate)

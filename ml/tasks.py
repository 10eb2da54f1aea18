"""Celery tasks of the queue ``training``. Each run is carried out in a process of its own:
scikit-learn's OpenMP pool hangs in a forked child whose parent has used it.

The broker is only a bell: what is to be done stands in the database. A message that is lost is sent
again by the watchdog, one that comes twice finds nothing to do.
"""

import logging
import os
import subprocess
import sys

from celery import current_app, shared_task
from django.conf import settings
from kombu.exceptions import OperationalError as BrokerGone

from customers.as_of import default_as_of
from ml import runs, upkeep
from ml.configuration import DEFAULTS
from ml.retention import drop_old
from organization.access import Access, entered, entered_installation
from organization.models import Tenant

logger = logging.getLogger(__name__)

MOST_HELPERS = 16


def _process(*arguments: str) -> int:
    done = subprocess.run(  # noqa: S603
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "carry_out_training", *arguments],
        check=False,
        env=os.environ | {"OMP_WAIT_POLICY": "passive"},
    )
    return int(getattr(done, "returncode", 0))


@shared_task(name="ml.tasks.train")
def train(tenant_id: int, run_id: int) -> None:
    """Carry out one queued run; its outcome, good or bad, is written on the run."""
    access = Access.system(tenant_id, "training worker")
    if not runs.is_waiting(access, run_id):
        return
    if _process(str(tenant_id), str(run_id)) < 0:  # ended by a signal, without a word
        runs.release_dead(access, run_id)


@shared_task(name="ml.tasks.help_scoring")
def help_scoring(tenant_id: int, run_id: int) -> None:
    """Take part in the scoring of a run that another worker carries out."""
    if upkeep.has_free_chunks(Access.system(tenant_id, "scoring worker"), run_id):
        _process(str(tenant_id), str(run_id), "--chunks")


def a_worker_listens() -> bool:
    """Whether any worker takes what is put into the queue of training; False without a broker."""
    try:
        listening = current_app.control.inspect(timeout=3.0).active_queues() or {}
    except (BrokerGone, OSError):
        return False
    return any(queue["name"] == "training" for queues in listening.values() for queue in queues)


def hand_over(tenant_id: int, run_id: int) -> None:
    """Tell a worker of a queued run; if no broker answers, the watchdog does it later."""
    try:
        train.delay(tenant_id, run_id)
    except BrokerGone:
        logger.warning("no broker to tell of run %s; it stays queued", run_id)


def send_helpers(tenant_id: int, run_id: int, chunks: int) -> None:
    """Tell other workers of chunks that wait; one chunk needs no help."""
    if not settings.REDIS_URL:
        return
    try:
        for _ in range(min(chunks - 1, MOST_HELPERS)):
            help_scoring.apply_async((tenant_id, run_id), expires=600)
    except BrokerGone:
        logger.warning("no broker to ask for help with run %s", run_id)


def _tenants() -> list[int]:
    with entered_installation("schedule"):
        return list(Tenant.objects.values_list("pk", flat=True))


def _for_all_groups(purpose: str, *, score_only: bool) -> None:
    for tenant_id in _tenants():
        access = Access.system(tenant_id, purpose)
        with entered(access):
            as_of = default_as_of(access)
        if as_of is not None and not upkeep.is_queued(access, score_only=score_only):
            run = runs.request_run(access, as_of, DEFAULTS, score_only=score_only)
            hand_over(tenant_id, run.pk)


@shared_task(name="ml.tasks.retrain_all_groups")
def retrain_all_groups() -> None:
    """Weekly: fit and score every group."""
    _for_all_groups("weekly retraining", score_only=False)


@shared_task(name="ml.tasks.backtest")
def backtest(tenant_id: int) -> None:
    """Judge one group's models at earlier days, in a process of its own."""
    subprocess.run(  # noqa: S603
        [
            *(sys.executable, str(settings.BASE_DIR / "manage.py"), "carry_out_backtest"),
            str(tenant_id),
        ],
        check=False,
        env=os.environ | {"OMP_WAIT_POLICY": "passive"},
    )


@shared_task(name="ml.tasks.backtest_all_groups")
def backtest_all_groups() -> None:
    """Weekly: last years' forecasts against what happened, for every group."""
    for tenant_id in _tenants():
        backtest.delay(tenant_id)


@shared_task(name="ml.tasks.score_all_groups")
def score_all_groups() -> None:
    """Nightly: score every group with its published models."""
    _for_all_groups("nightly scoring", score_only=True)


@shared_task(name="ml.tasks.requeue_expired")
def requeue_expired() -> None:
    """The watchdog: take up the runs of workers that died, ring for those that nobody took up,
    and clear away what ended runs left."""
    for tenant_id in _tenants():
        access = Access.system(tenant_id, "watchdog")
        runs.requeue_expired(access)
        for run_id in runs.to_be_told(access):
            hand_over(tenant_id, run_id)
        upkeep.tidy(access)


@shared_task(name="ml.tasks.drop_old_scores")
def drop_old_scores() -> None:
    """Nightly: take away the scores that nobody needs any more."""
    for tenant_id in _tenants():
        for one, went in drop_old(Access.system(tenant_id, "retention of scores")):
            if not went:
                logger.warning("score set %s is being read; it goes later", one.score_set.pk)

"""Celery tasks of the queue ``training``. Each run is carried out in a process of its own:
scikit-learn's OpenMP pool hangs in a forked child whose parent has used it."""

import os
import subprocess
import sys

from celery import shared_task
from django.conf import settings

from customers.as_of import default_as_of
from ml import runs
from ml.configuration import DEFAULTS
from organization.access import Access, entered, entered_installation
from organization.models import Tenant


@shared_task(name="ml.tasks.train")
def train(tenant_id: int, run_id: int) -> None:
    """Carry out one queued run; its outcome, good or bad, is written on the run."""
    subprocess.run(  # noqa: S603
        [
            *(sys.executable, str(settings.BASE_DIR / "manage.py"), "carry_out_training"),
            *(str(tenant_id), str(run_id)),
        ],
        check=False,
        env=os.environ | {"OMP_WAIT_POLICY": "passive"},
    )


def _tenants() -> list[int]:
    with entered_installation("schedule"):
        return list(Tenant.objects.values_list("pk", flat=True))


def _for_all_groups(purpose: str, *, score_only: bool) -> None:
    for tenant_id in _tenants():
        access = Access.system(tenant_id, purpose)
        with entered(access):
            as_of = default_as_of(access)
        if as_of is not None:
            run = runs.request_run(access, as_of, DEFAULTS, score_only=score_only)
            train.delay(tenant_id, run.pk)


@shared_task(name="ml.tasks.retrain_all_groups")
def retrain_all_groups() -> None:
    """Weekly: fit and score every group."""
    _for_all_groups("weekly retraining", score_only=False)


@shared_task(name="ml.tasks.score_all_groups")
def score_all_groups() -> None:
    """Nightly: score every group with its published models."""
    _for_all_groups("nightly scoring", score_only=True)


@shared_task(name="ml.tasks.requeue_expired")
def requeue_expired() -> None:
    """Take up the runs of workers that died."""
    for tenant_id in _tenants():
        for run_id in runs.requeue_expired(Access.system(tenant_id, "watchdog")):
            train.delay(tenant_id, run_id)

"""The generated group in the scratch database, for the measurements that start from one."""

from dataclasses import dataclass
from datetime import date

from django.db import connection

from config.bench.catalogue import Order
from config.bench.measurement import PeakMemory, Stages, postmaster_of
from config.bench.scratch import StepFailed
from customers.importing.running import RunReport, import_path
from ml import runs
from ml.asof import checked_as_of
from ml.configuration import DEFAULTS
from ml.extraction import NotEnoughData
from ml.outcome import outcome_of
from ml.training import carry_out
from organization.access import Access
from organization.tenants import choose_tenant


@dataclass(frozen=True)
class Trained:
    """A run carried out: its access, as-of date, score set, customers and seconds by stage."""

    access: Access
    as_of: date
    score_set: int
    customers: int
    seconds: dict[str, float]


def memory() -> PeakMemory:
    """Watches this process, its children and the scratch server."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        backend = cursor.fetchone()[0]
    return PeakMemory(postmaster_of(backend))


def load(order: Order, stages: Stages) -> RunReport:
    """Import the generated files."""
    with stages.timed("import"):
        return import_path(order.files)


def train() -> Trained:
    """Queue a run, claim it and carry it out here, as ``manage.py retrain`` does.

    Raises :class:`StepFailed` where nothing is published: the figures would be of something else.
    """
    tenant = choose_tenant(None)
    access = Access.system(tenant.pk, "bench")
    as_of = checked_as_of(access, None)
    run = runs.request_run(access, as_of, DEFAULTS)
    lease = runs.claim(access, run.pk)
    try:
        published = carry_out(lease)
    except NotEnoughData as lacking:
        raise StepFailed(str(lacking)) from lacking
    outcome = outcome_of(access, run.pk)
    if not published:
        raise StepFailed(f"The retraining was not published: {outcome['message']}")
    return Trained(access, as_of, outcome["score_set"], outcome["customers"], lease.seconds)


def load_and_train(order: Order, stages: Stages) -> Trained:
    """What the measurements of values and pages start from; counted as two stages."""
    load(order, stages)
    with stages.timed("retrain"):
        return train()

"""Exports of a filled group: tapes of a pool of everybody, report, data room, auditor's pack.

The group is filled and valued in a process of its own, so that its memory is none of the exports';
they run one after another in this one, in the order in which they are told of.
"""

import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import django
from django.db import connections

from config.bench.catalogue import Order
from config.bench.filled import AS_OF, fill
from config.bench.group import memory
from config.bench.measurement import Stages
from customers.quality.report import assess
from organization.access import Access, entered
from organization.models import Unit
from organization.tenants import choose_tenant
from valuation.engine import create_valuation
from valuation.indicators.recording import record
from valuation.models import Approval, Export, Pool, Valuation
from valuation.pools.basis import basis_of
from valuation.pools.cut import cut_pool
from valuation.pools.exports import exported
from valuation.pools.rules import PoolRules
from valuation.reports.building import build
from valuation.reports.subject import Subject

FORMS = ("csv", "parquet", "xlsx")
KINDS = (
    *(Export.Kind.MONTHLY_XLSX, Export.Kind.MONTHLY_PDF),
    *(Export.Kind.DATA_ROOM, Export.Kind.AUDIT_PACK),
)
# One answer to a question for every other visit of the last three years.
_SURVEYS = """
insert into customers_survey (tenant_id, store_id, survey_no, customer_id, source_id, sent_at, day,
    answered_at, score, channel, reason, comment)
select v.tenant_id, v.store_id, 'S' || v.ro_no, v.customer_id, v.source_id, v.opened_at, v.day,
    v.opened_at, v.id %% 11, 'sms', '', 'bench'
from customers_visit v where v.id %% 2 = 0 and v.day >= %(since)s
"""


def measure(order: Order) -> dict[str, Any]:
    """Keys of the report: seconds, bytes and peak memory of each kind of export, and of all."""
    with ProcessPoolExecutor(1, get_context("spawn"), django.setup) as apart:
        seconds = apart.submit(prepare, order).result()
    stages = Stages()
    access = Access.system(choose_tenant(None).pk, "bench")
    peaks, sizes = {}, {}
    with memory() as used:
        for kind in (*FORMS, *map(str, KINDS)):
            with memory() as own, stages.timed(kind):
                sizes[kind] = _size(access, kind, order.seed)
            peaks[kind] = own.own_mb
    whole = {**used.figures(), "peak_mb": max(peaks.values())}
    return {"seconds": {**seconds, **stages.seconds}, **whole, "peaks_mb": peaks, "bytes": sizes}


def prepare(order: Order) -> dict[str, float]:
    """Fill, value, approve and cut; seconds by stage."""
    stages = Stages()
    filled = fill(order.customers, order.seed, stages)
    with connections["owner"].cursor() as cursor:
        cursor.execute(_SURVEYS, {"since": AS_OF.replace(year=AS_OF.year - 3)})
        cursor.execute("analyze customers_survey")
    with stages.timed("prepare_assess"), entered(filled.access) as access:
        assess(access, filled.as_of)
    with stages.timed("prepare_value"):
        valuation, _created = create_valuation(filled.access, filled.as_of)
    with stages.timed("prepare_indicators"):
        record(filled.access, reason="bench", months=1)
    with stages.timed("prepare_pool"), entered(filled.access) as access:
        Approval.objects.create(
            tenant_id=access.tenant_id, valuation=valuation, approved_by="bench"
        )
        cut_pool(access, basis_of(valuation), PoolRules(), Unit.objects.get(parent=None), "all")
    connections.close_all()
    return stages.seconds


def _size(access: Access, kind: str, seed: int) -> int:
    """Bytes of an export, made and thrown away."""
    with entered(access), tempfile.TemporaryDirectory() as folder:
        if kind in FORMS:
            with exported(Pool.objects.get(), kind).source as source:
                return source.seek(0, 2)
        valuation, unit = Valuation.objects.get(), Unit.objects.get(parent=None)
        export = Export(
            tenant_id=access.tenant_id,
            unit=unit,
            kind=kind,
            valuation=valuation,
            language="en",
            parameters={"size": 125, "seed": seed},
            requested_by="bench",
        )
        subject = Subject.of(access, valuation, unit, export.language)
        return build(subject, export, lambda _step, _steps: None, Path(folder)).size

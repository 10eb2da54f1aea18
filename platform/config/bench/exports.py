"""Exports of a filled group: report, data room and auditor's pack of everything."""

from typing import Any

from config.bench.catalogue import Order
from config.bench.filled import fill
from config.bench.group import memory
from config.bench.measurement import Stages
from customers.quality.report import assess
from organization.access import entered
from organization.models import Unit
from valuation.engine import create_valuation
from valuation.indicators.recording import record
from valuation.models import Approval, Export
from valuation.reports.building import build
from valuation.reports.subject import Subject

KINDS = (
    *(Export.Kind.MONTHLY_XLSX, Export.Kind.MONTHLY_PDF),
    *(Export.Kind.DATA_ROOM, Export.Kind.AUDIT_PACK),
)


def measure(order: Order) -> dict[str, Any]:
    """Keys of the report: seconds and bytes of each kind of export; peak memory of all of them."""
    stages = Stages()
    filled = fill(order.customers, order.seed, stages)
    with stages.timed("assess"), entered(filled.access) as access:
        assess(access, filled.as_of)
    with stages.timed("value"):
        valuation, _created = create_valuation(filled.access, filled.as_of)
    with stages.timed("indicators"):
        record(filled.access, reason="bench", months=1)
    sizes = {}
    with memory() as used, entered(filled.access) as access:
        tenant = {"tenant_id": access.tenant_id}
        Approval.objects.create(**tenant, valuation=valuation, approved_by="bench")
        unit = Unit.objects.get(parent=None)
        for kind in KINDS:
            export = Export(
                **tenant,
                unit=unit,
                kind=kind,
                valuation=valuation,
                language="en",
                parameters={"size": 125, "seed": order.seed},
                requested_by="bench",
            )
            with stages.timed(str(kind)):
                subject = Subject.of(access, valuation, unit, export.language)
                built = build(subject, export, lambda _step, _steps: None)
            sizes[str(kind)] = len(built.content)
    return {"seconds": stages.seconds, **used.figures(), "bytes": sizes}

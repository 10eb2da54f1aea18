"""From an export that was asked for to its bytes: what is read, which document, which files."""

import datetime as dt
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from customers.models import Comparable
from organization.access import Access, current_access
from organization.models import Unit
from valuation.models import Approval, Structure, Valuation, ValuedUnit
from valuation.reports import data_room, records
from valuation.reports.audit_pack import Pack, Sampled, drawn, pack_workbook
from valuation.reports.document import Document, Grid, Section
from valuation.reports.forecast import PLAN_LEVEL, compared, forecast_grid
from valuation.reports.models import Export
from valuation.reports.monthly import MonthlyReport, head_facts
from valuation.reports.paper import pdf_of
from valuation.reports.records import Reading, months_before
from valuation.reports.workbook import section_book, workbook_of
from valuation.structure.terms import parse_terms
from valuation.units import Tree

Progress = Callable[[int, int], None]
MIN_DAYS = 28


@dataclass(frozen=True)
class Built:
    """A finished file."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def notice() -> str:
    return _("Management estimate, structuring simulation, not a rated or eligible asset.")


@dataclass(frozen=True)
class Subject:
    """The unit, its approved valuation, its stores and the records of its months."""

    valued: ValuedUnit
    approval: Approval
    stores: list[int]
    units: dict[int, Unit]
    language: str

    @classmethod
    def of(cls, access: Access, valuation: Valuation, unit: Unit, language: str) -> "Subject":
        """Read inside an entered access; raises Approval.DoesNotExist for one not approved."""
        valued = ValuedUnit.objects.visible_to(access).get(valuation=valuation, unit=unit)
        approval = Approval.objects.visible_to(access).get(valuation=valuation)
        tree = Tree.read()
        stores = [one.id for one in tree.stores if unit.pk in one.path]
        units = {one.pk: one for one in Unit.objects.visible_to(access)}
        return cls(valued, approval, stores, units, language)

    @property
    def valuation(self) -> Valuation:
        valuation: Valuation = self.valued.valuation
        return valuation

    @property
    def approved_by(self) -> str:
        return f"{self.approval.approved_by} · {self.approval.approved_at:%Y-%m-%d}"

    @property
    def months(self) -> list[dt.date]:
        return months_before(self.valuation.as_of)

    @property
    def reading(self) -> Reading:
        return Reading(self.stores, self.months, self.valuation.pk)

    def report(self) -> Document:
        facts = self.reading.facts()
        found = MonthlyReport(self.valued, facts, notice(), self.approved_by, self.language)
        document = found.document()
        grid = self.actual_against_forecast()
        held = Section(_("Actual against forecast"), grids=[grid], notes=[grid.note])
        return Document(**{**vars(document), "sections": [*document.sections, held]})

    def actual_against_forecast(self) -> Grid:
        """The oldest valuation of the last year against what its customers paid since."""
        access = current_access()
        earliest = self.valuation.as_of - dt.timedelta(days=366)
        latest = self.valuation.as_of - dt.timedelta(days=MIN_DAYS)
        former = (
            ValuedUnit.objects.visible_to(access)
            .filter(unit=self.valued.unit, valuation__as_of__range=(earliest, latest))
            .select_related("valuation")
            .order_by("valuation__as_of")
            .first()
        )
        level = self._plan_level(access)
        if former is None:
            return forecast_grid([], None, level)
        since = [m for m in self.months if m >= former.valuation.as_of.replace(day=1)]
        if not since:
            return forecast_grid([], former.valuation.as_of, level)
        reading = Reading(self.stores, since, former.valuation_id)
        paid = {month: int(amount) / 100 for month, amount in reading.rows(records.ACTUAL)}
        expected = [value / 100 for value in former.monthly["revenue_fen"][: len(since)]]
        lines = compared(since, expected, [paid.get(month, 0.0) for month in since])
        return forecast_grid(lines, former.valuation.as_of, level)

    def _plan_level(self, access: Access) -> float:
        """Of the unit's newest structure that watches it, else the preset."""
        rows = Structure.objects.visible_to(access).filter(unit=self.valued.unit)
        for one in rows.order_by("-created_at")[:20]:
            level = parse_terms(one.terms).plan
            if level > 0:
                return level
        return PLAN_LEVEL


def build(subject: Subject, export: Export, progress: Progress) -> Built:
    """The file that was asked for, in its language. Call inside an entered access."""
    makers: dict[str, Callable[[Subject, Export, Progress], Built]] = {
        Export.Kind.MONTHLY_XLSX: _monthly_xlsx,
        Export.Kind.MONTHLY_PDF: _monthly_pdf,
        Export.Kind.DATA_ROOM: _data_room,
        Export.Kind.AUDIT_PACK: _audit_pack,
    }
    with translation.override(export.language):
        return makers[export.kind](subject, export, progress)


def _stem(subject: Subject) -> str:
    return f"{subject.valued.unit.code}-{subject.months[-1]:%Y-%m}"


def _monthly_xlsx(subject: Subject, export: Export, progress: Progress) -> Built:
    progress(0, 2)
    document = subject.report()
    progress(1, 2)
    return Built(f"capital-report-{_stem(subject)}.xlsx", workbook_of(document))


def _monthly_pdf(subject: Subject, export: Export, progress: Progress) -> Built:
    progress(0, 2)
    document = subject.report()
    progress(1, 2)
    return Built(f"capital-report-{_stem(subject)}.pdf", pdf_of(document))


def _data_room(subject: Subject, export: Export, progress: Progress) -> Built:
    steps = 8
    progress(0, steps)
    facts, head = subject.reading.facts(), head_facts(subject.valued, subject.approved_by)
    files: dict[str, bytes] = {}

    def add(name: str, title: str, grids: list[Grid]) -> None:
        files[name] = section_book(title, notice(), head, grids)
        progress(len(files), steps)

    add("1-revenue.xlsx", _("Revenue"), data_room.revenue_grids(facts, subject.units))
    costs = [data_room.cost_grid(facts), data_room.operations_grid(facts)]
    add("2-costs-and-operations.xlsx", _("Costs and operations"), costs)
    cohorts = [*data_room.cohort_grids(subject.valued), data_room.acquisition_grid(facts)]
    add("3-cohorts-ltv-cac.xlsx", _("Cohorts, LTV, CAC"), cohorts)
    customers = data_room.customer_grids(subject.reading)
    add("4-customers-de-identified.xlsx", _("Customers, de-identified"), customers)
    comparables = list(Comparable.objects.visible_to(current_access()).order_by("name", "-as_of"))
    add("5-benchmarks.xlsx", _("Benchmarks"), data_room.benchmark_grids(comparables))
    add("6-check-list.xlsx", _("Check-list"), [data_room.check_list()])
    document = subject.report()
    files["0-capital-report.xlsx"] = workbook_of(document)
    files["0-capital-report.pdf"] = pdf_of(document)
    progress(steps, steps)
    return Built(f"data-room-{_stem(subject)}.zip", zipped(files, subject, export))


def _audit_pack(subject: Subject, export: Export, progress: Progress) -> Built:
    progress(0, 3)
    size, seed = int(export.parameters["size"]), int(export.parameters["seed"])
    rows = subject.reading.rows(records.SAMPLE)
    progress(1, 3)
    sample = [
        Sampled(number, pseudonym, store, segment, quarter, int(value), int(whole), scalars)
        for number, (pseudonym, store, segment, quarter, value, whole, scalars) in enumerate(
            (rows[i] for i in drawn(len(rows), size, seed)), start=1
        )
    ]
    values = subject.valuation.assumptions.values
    pack = Pack(
        _("Auditor's pack"),
        notice(),
        head_facts(subject.valued, subject.approved_by),
        len(rows),
        sum(int(row[4]) for row in rows),
        seed,
        values["service_cost_rate"],
        subject.valuation.notes["retention_cost_per_month"],
    )
    files = {"sample.xlsx": pack_workbook(sample, pack)}
    progress(2, 3)
    files["report.pdf"] = pdf_of(subject.report())
    return Built(f"auditor-pack-{_stem(subject)}.zip", zipped(files, subject, export))


def manifest(files: dict[str, bytes], subject: Subject, export: Export) -> dict[str, Any]:
    """What is in a ZIP and where it came from: every file with its size and SHA-256."""
    valuation = subject.valuation
    return {
        "notice": notice(),
        "kind": export.kind,
        "unit": subject.valued.unit.code,
        "as_of": valuation.as_of.isoformat(),
        "months": [f"{subject.months[0]:%Y-%m}", f"{subject.months[-1]:%Y-%m}"],
        "valuation": valuation.pk,
        "approved_by": subject.approved_by,
        "model_version": valuation.model_version,
        "assumptions": valuation.assumptions.version,
        "input_hash": valuation.input_hash,
        "parameters": export.parameters,
        "requested_by": export.requested_by,
        "files": [
            {
                "name": name,
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            for name, content in sorted(files.items())
        ],
    }


def zipped(files: dict[str, bytes], subject: Subject, export: Export) -> bytes:
    """The files and ``manifest.json``; fixed times, so that only contents make a difference."""
    listed = json.dumps(manifest(files, subject, export), ensure_ascii=False, indent=1)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted({**files, "manifest.json": listed.encode()}.items()):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return out.getvalue()

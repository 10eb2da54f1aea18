"""From an export that was asked for to its file: what is read, which document, which files.

Every file is made on disk in a folder of the caller's and goes into its ZIP block by block: what is
held in memory does not grow with the group.
"""

import hashlib
import json
import logging
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from customers.models import Comparable
from organization.access import current_access
from valuation.assumptions import terms_of
from valuation.models import Structure
from valuation.refusals import Refused
from valuation.reports import data_room, records
from valuation.reports.audit_pack import Pack, pack_workbook
from valuation.reports.audit_sample import Terms, drawn, population_of, read_sample
from valuation.reports.contents import notice, report_of
from valuation.reports.deal_page import book_of, file_name
from valuation.reports.deal_workbook import deal_workbook
from valuation.reports.document import Grid
from valuation.reports.models import Export
from valuation.reports.monthly import head_facts
from valuation.reports.paper import pdf_of
from valuation.reports.subject import Subject
from valuation.reports.workbook import section_book, workbook_of
from valuation.structure.sources import collections_of
from valuation.structure.study import Study
from valuation.structure.terms import parse_terms

log = logging.getLogger(__name__)

MOST_STRUCTURES = 5
BLOCK = 1 << 20
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Built:
    """A finished file and the name that it is handed out under."""

    name: str
    path: Path

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    @property
    def sha256(self) -> str:
        return _sha256(self.path)


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def build(subject: Subject, export: Export, progress: Progress, folder: Path) -> Built:
    """The file that was asked for, in its language, made in ``folder``, which is the caller's to
    remove. Call inside an entered access."""
    makers: dict[str, Callable[[Subject, Export, Progress, Path], Built]] = {
        Export.Kind.MONTHLY_XLSX: _monthly_xlsx,
        Export.Kind.MONTHLY_PDF: _monthly_pdf,
        Export.Kind.DATA_ROOM: _data_room,
        Export.Kind.AUDIT_PACK: _audit_pack,
    }
    with translation.override(export.language):
        return makers[export.kind](subject, export, progress, folder)


def _stem(subject: Subject) -> str:
    return f"{subject.valued.unit.code}-{subject.months[-1]:%Y-%m}"


def _monthly_xlsx(subject: Subject, export: Export, progress: Progress, folder: Path) -> Built:
    progress(0, 2)
    document = report_of(subject)
    progress(1, 2)
    name = f"capital-report-{_stem(subject)}.xlsx"
    workbook_of(document, folder / name)
    return Built(name, folder / name)


def _monthly_pdf(subject: Subject, export: Export, progress: Progress, folder: Path) -> Built:
    progress(0, 2)
    document = report_of(subject)
    progress(1, 2)
    name = f"capital-report-{_stem(subject)}.pdf"
    pdf_of(document, folder / name)
    return Built(name, folder / name)


def _data_room(subject: Subject, export: Export, progress: Progress, folder: Path) -> Built:
    steps = 8
    progress(0, steps)
    files = folder / "files"
    files.mkdir()
    facts = subject.reading.facts()
    document = report_of(subject, facts)
    done = 0

    def add(name: str, title: str, grids: list[Grid]) -> None:
        nonlocal done
        done += 1
        section_book(title, document, grids, files / name)
        progress(done, steps)

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
    with (files / "4-nps-answers.csv").open("wb") as target:
        subject.reading.write_csv(records.NPS_ROWS, records.NPS_HEAD, target)
    _structures(subject, files)
    workbook_of(document, files / "0-capital-report.xlsx")
    pdf_of(document, files / "0-capital-report.pdf")
    progress(steps, steps)
    return _zipped(f"data-room-{_stem(subject)}.zip", files, subject, export)


def _structures(subject: Subject, files: Path) -> None:
    """Workbooks of the newest version of each structure over an approved valuation's flows."""
    access = current_access()
    rows = Structure.objects.visible_to(access).filter(unit=subject.unit).select_related("unit")
    for stored in rows.order_by("name", "-version").distinct("name")[:MOST_STRUCTURES]:
        try:
            found = collections_of(access, stored.source)
            study = Study(parse_terms(stored.terms), found)
            if found.as_of is None or found.approved:
                book = deal_workbook(book_of(stored, study))
                (files / f"7-{file_name(stored)}").write_bytes(book)
        except Refused as refused:
            log.warning("structure %s is left out: %s", stored.pk, refused)


def _audit_pack(subject: Subject, export: Export, progress: Progress, folder: Path) -> Built:
    progress(0, 3)
    files = folder / "files"
    files.mkdir()
    size, seed = int(export.parameters["size"]), int(export.parameters["seed"])
    valuation = subject.valuation
    population = population_of(valuation, subject.stores)
    values = terms_of(valuation.assumptions.values)
    terms = Terms(
        valuation.assumptions.version,
        values.service_cost_rate,
        valuation.notes["retention_cost_per_month"],
        values.discount.rate,
    )
    places = drawn(population.customers, size, seed)
    sample = read_sample(valuation, subject.stores, places, terms)
    progress(1, 3)
    pack = Pack(
        _("Auditor's pack"),
        notice(),
        head_facts(subject),
        population.customers,
        population.value_fen,
        seed,
        terms.service_cost_rate,
        terms.retention_cost_per_month,
    )
    pack_workbook(sample, pack, files / "sample.xlsx")
    progress(2, 3)
    pdf_of(report_of(subject), files / "report.pdf")
    return _zipped(f"auditor-pack-{_stem(subject)}.zip", files, subject, export)


def manifest(files: Path, subject: Subject, export: Export) -> dict[str, Any]:
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
            {"name": one.name, "bytes": one.stat().st_size, "sha256": _sha256(one)}
            for one in sorted(files.iterdir())
        ],
    }


def _zipped(name: str, files: Path, subject: Subject, export: Export) -> Built:
    """The files and ``manifest.json``; fixed times, so that only contents make a difference."""
    listed = json.dumps(manifest(files, subject, export), ensure_ascii=False, indent=1)
    (files / "manifest.json").write_text(listed, encoding="utf-8")
    path = files.parent / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in sorted(files.iterdir()):
            entry = zipfile.ZipInfo(one.name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.file_size = one.stat().st_size
            with one.open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target, BLOCK)
    return Built(name, path)

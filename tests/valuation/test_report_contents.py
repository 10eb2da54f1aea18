"""The chapters of the monthly report: value and change, pools and forecasts, tasks, charts."""

from datetime import date

import openpyxl
import pypdf
import pytest
from django.utils import translation

from customers.models import Task, TaskMeasurement
from organization.access import entered
from tests.factories import make_visit
from tests.valuation.test_roll_forward import LATER, next_scores
from valuation.engine import create_valuation
from valuation.indicators.recording import record
from valuation.models import Approval, Structure, ValuedUnit
from valuation.pools.basis import basis_of
from valuation.pools.cut import cut_pool
from valuation.pools.rules import PoolRules
from valuation.reports.contents import report_of
from valuation.reports.document import Document, Figure, Grid
from valuation.reports.outturn import windows
from valuation.reports.paper import pdf_of
from valuation.reports.subject import Subject
from valuation.reports.type_setting import CHINESE, LATIN, LATIN_BOLD, face_runs
from valuation.reports.workbook import workbook_of
from valuation.structure.terms import Terms, as_json


@pytest.fixture
def half_a_year_on(portfolio, valued):
    """A pool cut and a task made at the first valuation; visits since; the second approved."""
    group = portfolio.group
    with entered(group.system) as access:
        unit = group.units[""]
        cut_pool(access, basis_of(valued), PoolRules(), unit, "首池")
        Structure.objects.create(
            tenant=group.tenant,
            unit=unit,
            name="首期",
            version=1,
            source={"kind": "unit", "code": unit.code},
            terms=as_json(Terms(plan=0.9)),
            author="test",
        )
        task = Task.objects.create(
            tenant=group.tenant,
            unit=group.units["-S1"],
            metric="retention",
            title="招揽沉睡客户",
            baseline="0.6",
            due_on=date(2025, 2, 1),
            measure_on=date(2025, 6, 1),
            status=Task.Status.CLOSED,
        )
        TaskMeasurement.objects.create(
            tenant=group.tenant,
            unit=task.unit,
            task=task,
            measured_on=date(2025, 6, 1),
            effect=0.08,
            effect_low=0.02,
            effect_high=0.14,
            verdict="worked",
        )
        make_visit(group, portfolio.steady, date(2025, 1, 1), paid_fen=60_000)
        make_visit(group, portfolio.steady, date(2025, 2, 28), paid_fen=90_000)
        make_visit(group, portfolio.steady, date(2025, 7, 1), paid_fen=70_000)
        next_scores(portfolio)
    newest, _created = create_valuation(group.system, LATER)
    record(group.system, reason="test")
    with entered(group.system):
        Approval.objects.create(tenant=group.tenant, valuation=newest, approved_by="ceo@xq")
    return newest


@pytest.fixture
def report(portfolio, half_a_year_on):
    def made(language: str = "en", suffix: str = "") -> Document:
        group = portfolio.group
        with entered(group.system) as access, translation.override(language):
            subject = Subject.of(access, half_a_year_on, group.units[suffix], language)
            return report_of(subject)

    return made


@pytest.fixture
def approved_books(portfolio, valued) -> Document:
    """The first report of S1, whose one customer came in its last month."""
    group = portfolio.group
    with entered(group.system) as access, translation.override("en"):
        Approval.objects.create(tenant=group.tenant, valuation=valued, approved_by="ceo@xq")
        return report_of(Subject.of(access, valued, group.units["-S1"], "en"))


def grid_of(document: Document, title: str) -> Grid:
    return next(one for s in document.sections for one in s.grids if one.title == title)


def figure_of(document: Document, label: str) -> Figure:
    return next(one for s in document.sections for one in s.figures if one.label == label)


def test_months_of_a_forecast_begin_on_its_day():
    found = windows(date(2026, 11, 21), date(2027, 1, 31), 60)
    assert found == [
        (date(2026, 11, 21), date(2026, 12, 22)),
        (date(2026, 12, 22), date(2027, 1, 21)),
    ]
    assert windows(date(2026, 11, 21), date(2026, 12, 21), 60) == []
    assert len(windows(date(2026, 1, 1), date(2027, 1, 1), 3)) == 3


def test_actual_is_held_against_forecast_for_the_unit_and_its_pool(portfolio, report, valued):
    document = report()
    grid = grid_of(document, "Actual against forecast")
    # 600 yuan on the first day of month 1, 900 in month 2; month 6 has not ended.
    assert [row[2] for row in grid.rows] == [600.0, 900.0, 0.0, 0.0, 0.0]
    assert [row[0] for row in grid.rows][:2] == ["2025-01-01", "2025-02-01"]
    with entered(portfolio.group.system):
        unit = ValuedUnit.objects.get(valuation=valued, unit=portfolio.group.units[""])
    expected = unit.monthly["revenue_fen"][:5]
    assert [round(row[1] * 100) for row in grid.rows] == expected
    assert grid.rows[-1][4] == pytest.approx(1_500.0 / (sum(expected) / 100))
    assert "0.90" in grid.note, "the level is that of the unit's structure"
    pool = grid_of(document, "Cut pools").rows[0]
    assert (pool[0], pool[7], pool[9]) == ("首池", 5, "breached")
    assert pool[8] == pytest.approx(grid.rows[-1][4])
    triggers = {row[1]: row for row in grid_of(document, "Triggers of structures, base case").rows}
    assert triggers["collections against plan"][2] == 0.9
    test = triggers["over-collateralisation"]
    assert test[4] == pytest.approx(test[3] - 1.1)


def test_figures_add_up_and_the_cover_identifies_the_edition(report, half_a_year_on):
    document = report()
    value = figure_of(document, "Value").value
    bridges = ("From 2025-01-01 to 2025-07-01", "From the closed form to the expected value")
    for name in (*bridges, "Value by stream", "Who pays", "Kind of work"):
        assert sum(row[1] for row in grid_of(document, name).rows) == pytest.approx(value), name
    divisions = grid_of(document, "Value by division").rows
    assert sum(row[2] for row in divisions) == pytest.approx(value)
    facts = dict(document.facts)
    assert facts["Input"] == half_a_year_on.input_hash
    assert facts["Approved by"].startswith("ceo@xq")
    assert facts["Assumptions"].startswith("v1; discount rate 8.00%")
    label, text, band = document.headline[0]
    assert (label, bool(text), band[:3]) == ("Value", True, "P5 ")
    assert half_a_year_on.input_hash[:12] in document.stamp
    row = grid_of(document, "Tasks").rows[0]
    assert row[0] == "招揽沉睡客户"
    assert {"+8.0 pp", "+2.0 pp – +14.0 pp"} <= set(row)


def test_the_pdf_has_every_chapter_as_bookmark_and_charts_as_vectors(report, tmp_path):
    document = report()
    with translation.override("en"):
        pdf_of(document, tmp_path / "report.pdf")
    reader = pypdf.PdfReader(tmp_path / "report.pdf")
    pages = [page.extract_text() for page in reader.pages]
    assert len(reader.outline) == len(document.sections) == 14
    for section in document.sections:
        assert section.title in "".join(pages)
    assert all("not a rated or eligible asset" in page for page in pages)
    assert len([one for section in document.sections for one in section.pictures]) >= 6
    assert "Unwinding" in "".join(pages)
    drawn = b"".join(page.get_contents().get_data() for page in reader.pages)
    # Curves and areas are paths; nothing is a bitmap.
    assert drawn.count(b" l ") > 200
    assert not any(page.images for page in reader.pages)


def test_the_workbook_draws_the_charts_and_links_its_sheets(report, tmp_path):
    with translation.override("en"):
        workbook_of(report(), tmp_path / "report.xlsx")
    book = openpyxl.load_workbook(tmp_path / "report.xlsx")
    assert "Value by store" in [sheet.title for sheet in book if sheet._charts]
    cells = [cell for row in book["Report"] for cell in row]
    links = [cell.hyperlink.location for cell in cells if cell.hyperlink]
    assert len(links) == len(book.sheetnames) - 1
    for sheet in book:
        assert "not a rated or eligible asset" in sheet.oddFooter.left.text


def test_the_monthly_active_rate_is_customers_by_customers(portfolio, approved_books):
    """100 times too much while the customers of 24 months were taken for an amount in fen."""
    found = figure_of(approved_books, "Monthly active rate")
    assert found.value == 1.0


def test_each_run_of_text_has_a_face_that_can_set_it():
    assert face_runs("P5 价值") == [("P5 ", LATIN), ("价值", CHINESE)]
    assert face_runs("≥ 80%") == [("≥", CHINESE), (" 80%", LATIN)]
    assert face_runs("Value", bold=True) == [("Value", LATIN_BOLD)]
    assert face_runs("14 依据", bold=True)[0] == ("14 ", LATIN)

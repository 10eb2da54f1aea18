"""Exports: built from approved valuations alone, opened again and recomputed."""

import hashlib
import io
import json
import os
import zipfile
from datetime import date

import openpyxl
import pypdf
import pytest
from django.urls import reverse
from django.utils import translation

from customers.models import MarketingSpend, MonthlyFinancials
from organization.access import entered
from organization.models import AuditEvent
from tests.valuation.recomputed import recompute
from tests.valuation.score_sets import AS_OF
from valuation.models import Approval, Export
from valuation.refusals import Refused
from valuation.reports import exporting
from valuation.reports.audit_pack import check_sample
from valuation.reports.audit_sample import drawn
from valuation.reports.contents import report_of
from valuation.reports.forecast import compared, status
from valuation.reports.records import months_before
from valuation.reports.subject import Subject

NOTICE = "管理层估计，结构化模拟，并非已评级或合格资产。"


@pytest.fixture
def approved(portfolio, valued):
    group = portfolio.group
    with entered(group.system):
        Approval.objects.create(tenant=group.tenant, valuation=valued, approved_by="ceo@xq")
        for month in range(1, 13):
            MonthlyFinancials.objects.create(
                tenant=group.tenant,
                unit=group.units["-S1"],
                month=date(2024, month, 1),
                scope="after_sales",
                revenue_fen=100_000,
                parts_cost_fen=40_000,
                labour_cost_fen=10_000,
                site_cost_fen=5_000,
            )
            MarketingSpend.objects.create(
                tenant=group.tenant,
                store=group.units["-S1"],
                month=date(2024, month, 1),
                channel="online",
                purpose="new_customers",
                amount_fen=5_000,
            )
    return valued


@pytest.fixture
def files(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    return tmp_path


@pytest.fixture
def build(portfolio, approved, files):
    """Ask for an export of the group's whole and build it here; the bytes."""

    def made(kind, language="zh-hans", suffix="", **parameters):
        group = portfolio.group
        with entered(group.system) as access:
            unit = group.units[suffix]
            export = exporting.request_export(access, unit, kind, language, parameters)
        exporting.carry_out(group.tenant.pk, export.pk)
        with entered(group.system):
            export = Export.objects.get(pk=export.pk)
        assert export.status == "done", export.message
        content = exporting.path_of(export).read_bytes()
        assert hashlib.sha256(content).hexdigest() == export.sha256
        assert len(content) == export.size
        return content

    return made


def book_of(content: bytes):
    return openpyxl.load_workbook(io.BytesIO(content))


def pdf_text(content: bytes) -> str:
    return "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)


def figures_of(sheet) -> dict[str, tuple]:
    return {row[0]: row[1:] for row in sheet.iter_rows(values_only=True) if row[0]}


class TestMonthlyReport:
    def test_workbook_has_every_section_and_the_notice(self, build):
        sheet = book_of(build("monthly_xlsx")).worksheets[0]
        words = {cell for row in sheet.iter_rows(values_only=True) for cell in row if cell}
        for section in ("增长概览", "单位经济", "运营效率", "客户健康", "风险"):
            assert section in words
        assert NOTICE in words
        assert {"> 5", "< 18"} <= words

    def test_figures_are_live_formulas_over_the_data_sheet(self, build):
        found = figures_of(book_of(build("monthly_xlsx")).worksheets[0])
        assert found["当月收入"][0].startswith("=(")
        assert "'数据'!" in found["售后毛利率"][0]

    def test_the_page_has_the_same_figures(self, portfolio, approved, client_of):
        client = client_of("auditor")
        response = client.get(reverse("monthly_report", args=["XQ"]))
        assert response.status_code == 200
        page = response.content.decode()
        assert "45.0%" in page
        assert NOTICE in page

    def test_gross_margin_by_hand(self, portfolio, approved):
        with entered(portfolio.group.system) as access, translation.override("en"):
            unit = portfolio.group.units["-S1"]
            document = report_of(Subject.of(access, approved, unit, "en"))
        found = {one.label: one for s in document.sections for one in s.figures}
        # (100,000 - 40,000 - 10,000 - 5,000) / 100,000 in every month.
        assert found["Gross margin, after-sales"].value == pytest.approx(0.45)
        # One visit of each customer on 2024-12-01; S1 has one of the three customers.
        assert found["Visit days"].value == 1
        assert found["New customers"].value == 0
        assert found["CAC"].value is None
        assert found["Retention, 12 months"].value == 1.0

    def test_a_figure_that_is_not_known_stays_in_the_report(self, build):
        found = figures_of(book_of(build("monthly_xlsx")).worksheets[0])
        assert "ROIC（全店）" in found
        assert found["ROIC（全店）"][0] is None

    @pytest.mark.parametrize(
        ("language", "title", "notice"),
        [
            ("zh-hans", "月度资本报告", NOTICE),
            ("en", "Monthly capital report", "not a rated or eligible asset"),
        ],
    )
    def test_pdf_in_both_languages(self, build, language, title, notice):
        text = pdf_text(build("monthly_pdf", language))
        assert title in text
        assert notice in text.replace("\n", "")


class TestDataRoom:
    def test_manifest_names_every_file_with_its_hash(self, build):
        archive = zipfile.ZipFile(io.BytesIO(build("data_room")))
        listed = json.loads(archive.read("manifest.json"))
        assert {one["name"] for one in listed["files"]} | {"manifest.json"} == set(
            archive.namelist()
        )
        for one in listed["files"]:
            content = archive.read(one["name"])
            assert hashlib.sha256(content).hexdigest() == one["sha256"]
        assert listed["notice"] == NOTICE
        assert listed["approved_by"].startswith("ceo@xq")

    def test_covers_three_years_and_names_nobody(self, portfolio, build):
        archive = zipfile.ZipFile(io.BytesIO(build("data_room")))
        texts = []
        for name in archive.namelist():
            if name.endswith(".xlsx"):
                for sheet in book_of(archive.read(name)):
                    texts += [str(v) for row in sheet.iter_rows(values_only=True) for v in row if v]
        assert {"2022-01", "2024-12"} <= set(texts)
        people = ("王芳", "李强", "物流公司", str(portfolio.steady.uid))
        assert not [text for text in texts if any(name in text for name in people)]

    def test_revenue_adds_up_by_channel_and_store(self, build):
        archive = zipfile.ZipFile(io.BytesIO(build("data_room")))
        book = book_of(archive.read("1-revenue.xlsx"))
        sums = {}
        for sheet in book.worksheets[1:]:
            cells = [
                value
                for row in sheet.iter_rows(min_row=5, values_only=True)
                for value in row[1:]
                if isinstance(value, int | float)
            ]
            sums[sheet.title] = sum(cells)
        assert len(sums) == 4
        assert len(set(sums.values())) == 1
        assert next(iter(sums.values())) > 0

    def test_the_check_list_is_complete(self, build):
        archive = zipfile.ZipFile(io.BytesIO(build("data_room")))
        sheet = book_of(archive.read("6-check-list.xlsx")).worksheets[1]
        documents = [row[1] for row in sheet.iter_rows(min_row=5, values_only=True)]
        assert {"公司章程", "股东协议", "诉讼", "股权激励", "市场份额"} <= set(documents)


class TestAuditPack:
    def pack(self, build):
        archive = zipfile.ZipFile(io.BytesIO(build("audit_pack", size=100, seed=7)))
        return book_of(archive.read("sample.xlsx"))

    def test_every_sampled_value_recomputes(self, build):
        sheet = self.pack(build)["样本"]
        service, upkeep = sheet["B2"].value, sheet["B3"].value
        rows = list(sheet.iter_rows(min_row=7, values_only=True))
        assert len(rows) == 3
        for row in rows:
            visits, months, _all, _m, margin, accident, *_rest = row[9:]
            value = (visits * margin + months * accident) * (1 - service) - months * upkeep
            assert value == pytest.approx(row[5], abs=0.01)
            assert row[6].startswith("=ROUND(")

    def test_the_same_seed_draws_the_same_sample(self):
        assert drawn(10_000, 125, 7) == drawn(10_000, 125, 7)
        assert drawn(10_000, 125, 7) != drawn(10_000, 125, 8)
        assert len(set(drawn(10_000, 125, 7))) == 125
        assert drawn(3, 100, 1) == [0, 1, 2]

    @pytest.mark.parametrize(("size", "seed"), [(99, 1), (0, 1), (100, -1), (125, 2**32)])
    def test_sizes_and_seeds_out_of_range(self, size, seed):
        with pytest.raises(Refused):
            check_sample(size, seed)

    def test_every_valued_input_has_its_source_and_differences_are_found(self, build, tmp_path):
        archive = zipfile.ZipFile(io.BytesIO(build("audit_pack", "en", size=100, seed=7)))
        book = book_of(archive.read("sample.xlsx"))
        sheet = book["Comparison"]
        rows = {row[3].value: row for row in sheet.iter_rows(min_row=2) if row[0].value == 1}
        assert len(rows) >= 40
        assert rows["Visit days counted"][4].value == 3
        assert rows["First visit day"][4].value.date() == date(2023, 3, 1)
        assert "RO" in rows["First visit day"][5].value
        assert rows["Revenue from the customer"][4].value == 3_000.0
        for name in ("Parameter alpha", "Expected visits up to node 8", "Discount rate a year"):
            assert rows[name][4].value > 0, name
        parts = [name for name in rows if name.startswith("Value of ")]
        whole = rows["Value, yuan"][4].value
        assert sum(rows[name][4].value for name in parts) == pytest.approx(whole, abs=0.01)
        # The auditor finds four visit days, and the revenue right.
        rows["Visit days counted"][6].value = 4
        rows["Revenue from the customer"][6].value = 3_000.5
        filled = io.BytesIO()
        book.save(filled)
        values = recompute(filled.getvalue(), tmp_path)
        sign_off = book["Sign-off"]
        assert values["Sign-off", _cell_of(sign_off, "Compared so far")] == 2
        assert values["Sign-off", _cell_of(sign_off, "Exceptions")] == 1
        orders = book["Repair orders"]
        assert orders.max_row == 1 + 9

    def test_thresholds_and_sign_off_stand_in_it(self, build):
        book = self.pack(build)
        comparison = book["核对表"]
        by_field = {row[3].value: row for row in comparison.iter_rows(min_row=2)}
        value = by_field["价值（元）"] if "价值（元）" in by_field else by_field["价值，元"]
        row = value[0].row
        assert value[8].value == f"=MAX(1.0,ABS(E{row})*0.001)"
        assert value[7].value == f'=IF(G{row}="","",G{row}-E{row})'
        assert any("PCG64" in str(row[0]) for row in book["签署"].iter_rows(values_only=True))


class TestAsking:
    def ask(self, client, **data):
        sent = {"kind": "monthly_pdf", "unit": "XQ", "language": "en"} | data
        return client.post(reverse("exports"), sent)

    def test_a_chosen_unit_leads_to_its_report(self, portfolio, approved, client_of):
        client = client_of("ceo")
        page = client.get(reverse("exports"), {"of": "XQ-S1"})
        assert page.headers["Location"] == reverse("monthly_report", args=["XQ-S1"])
        assert client.get(reverse("exports"), {"of": "not-ours"}).status_code == 200

    def test_needs_an_approved_valuation(self, portfolio, valued, client_of):
        self.ask(client_of("ceo"))
        with entered(portfolio.group.system):
            assert not Export.objects.exists()

    @pytest.mark.parametrize("person", ["advisor", "store_manager", "steward", "admin"])
    def test_needs_the_capability(self, portfolio, approved, client_of, person):
        assert self.ask(client_of(person)).status_code == 403
        with entered(portfolio.group.system):
            assert not Export.objects.exists()

    def test_is_queued_built_and_downloaded_on_the_record(
        self, portfolio, approved, files, client_of, monkeypatch, django_capture_on_commit_callbacks
    ):
        from valuation import tasks

        monkeypatch.setattr(tasks.build_export, "delay", tasks.build_export)
        client = client_of("auditor")
        with django_capture_on_commit_callbacks(execute=True):
            response = self.ask(client)
        with entered(portfolio.group.system):
            export = Export.objects.get()
            assert export.requested_by == "auditor@xq"
        assert response.url == reverse("export", args=[export.pk])
        page = client.get(response.url)
        assert export.sha256 in page.content.decode()
        answer = client.get(reverse("export_file", args=[export.pk]))
        content = b"".join(answer)
        assert hashlib.sha256(content).hexdigest() == export.sha256
        with entered(portfolio.group.system):
            actions = set(AuditEvent.objects.values_list("action", flat=True))
        assert {"export.requested", "export.downloaded"} <= actions

    def test_built_once_only(self, portfolio, build):
        build("monthly_pdf")
        with entered(portfolio.group.system):
            export = Export.objects.get()
        before = exporting.path_of(export).stat().st_mtime_ns
        exporting.carry_out(portfolio.group.tenant.pk, export.pk)
        assert exporting.path_of(export).stat().st_mtime_ns == before

    def test_what_a_killed_build_left_is_removed_a_day_later(self, portfolio, build):
        build("monthly_pdf")
        with entered(portfolio.group.system) as access:
            folder = exporting.path_of(Export.objects.get()).parent
            old, new = (folder / f".building-{name}" for name in ("old", "new"))
            for one in (old, new):
                one.mkdir()
                (one / "half.zip").write_bytes(b"half")
            os.utime(old, (0, 0))
            exporting.sweep(access)
        assert not old.exists()
        assert new.exists()

    def test_another_group_does_not_find_it(self, portfolio, build, other_group, client_of):
        build("monthly_pdf")
        with entered(portfolio.group.system):
            export = Export.objects.get()
        for name in ("export", "export_progress", "export_file"):
            address = reverse(name, args=[export.pk])
            assert client_of("ceo", other_group).get(address).status_code == 404

    def test_a_seed_out_of_range_is_refused(self, portfolio, approved, client_of):
        self.ask(client_of("ceo"), kind="audit_pack", size="100", seed="-1")
        with entered(portfolio.group.system):
            assert not Export.objects.exists()


class TestForecast:
    def test_running_ratio_and_trigger(self):
        months = [date(2025, 1, 1), date(2025, 2, 1)]
        lines = compared(months, [100.0, 100.0], [100.0, 60.0])
        assert [one.cumulative for one in lines] == [1.0, 0.8]
        with translation.override("en"):
            assert [status(one, 0.85) for one in lines] == ["passes", "breached"]

    def test_months_end_before_the_as_of_date(self):
        months = months_before(AS_OF)
        assert (months[0], months[-1], len(months)) == (date(2022, 1, 1), date(2024, 12, 1), 36)


class TestLiveFormulas:
    """The workbooks, recomputed by a spreadsheet and not by the product."""

    def test_of_the_monthly_report_are_the_figures_of_the_product(
        self, portfolio, approved, build, tmp_path
    ):
        content = build("monthly_xlsx", "en", "-S1")
        values = recompute(content, tmp_path)
        with entered(portfolio.group.system) as access, translation.override("en"):
            unit = portfolio.group.units["-S1"]
            document = report_of(Subject.of(access, approved, unit, "en"))
        figures = {one.label: one for s in document.sections for one in s.figures}
        sheet = book_of(content).worksheets[0]
        checked = 0
        for (name, cell), value in values.items():
            if name == sheet.title and cell.startswith("B"):
                figure = figures[sheet[f"A{cell[1:]}"].value]
                assert float(value) == pytest.approx(figure.value, abs=0.01), figure.label
                checked += 1
        assert checked >= 6

    def test_of_the_sample_are_the_stored_values(self, build, tmp_path):
        archive = zipfile.ZipFile(io.BytesIO(build("audit_pack", "en", size=100, seed=7)))
        content = archive.read("sample.xlsx")
        values = recompute(content, tmp_path)
        sheet = book_of(content)["Sample"]
        for row in range(7, sheet.max_row + 1):
            assert float(values["Sample", f"G{row}"]) == pytest.approx(
                sheet[f"F{row}"].value, abs=0.01
            )
            assert values["Sample", f"I{row}"] == "yes"
        assert values["Sign-off", _cell_of(book_of(content)["Sign-off"], "Exceptions")] == 0


def _cell_of(sheet, label: str) -> str:
    return next(f"B{row[0].row}" for row in sheet.iter_rows() if row[0].value == label)

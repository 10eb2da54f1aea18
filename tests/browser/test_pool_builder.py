"""From a rule to a deal in a browser: build, cut, export, structure, without one complaint."""

import csv
import io
import re
import zipfile
from pathlib import Path

import duckdb
import pytest
from openpyxl import load_workbook
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import SizedPage
from tests.browser.test_main_path import _complaints
from tests.demo_site import DemoSite

pytestmark = [
    pytest.mark.browser,
    pytest.mark.services,
    pytest.mark.slow,
    pytest.mark.xdist_group("demo"),
]

NAME = "浏览器样例"


def whole_number(text: str) -> int:
    return int(text.replace(",", "").replace("−", "-"))


def tiles(page: Page) -> list[str]:
    return page.locator("#pool .tile-value").all_inner_texts()


def picture(place: Locator) -> str:
    return place.locator("svg path, svg polyline").first.get_attribute("d") or place.inner_html()


def approve_as(page: Page, demo_site: DemoSite) -> None:
    """A second person approves the valuation, unless another test had it done."""
    page.goto(demo_site.url + "/value/")
    button = page.get_by_role("button", name="批准", exact=True)
    if button.count():
        button.click()
        expect(page.get_by_role("button", name="批准", exact=True)).to_have_count(0)


def downloaded(page: Page, name: str, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("link", name=name).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_from_a_rule_to_a_deal(signed_in: SizedPage, demo_site: DemoSite, tmp_path: Path) -> None:
    page = signed_in("analyst")
    complaints = _complaints(page)
    _menu_leads_to_the_builder(page)
    everybody = tiles(page)
    before = picture(page.locator("#pool .chart").first)

    page.locator("[name=visits_min]").press_sequentially("2")
    expect(page.locator("#pool .tile-value").first).not_to_have_text(everybody[0])
    fewer = tiles(page)
    # Count, value, margin and visits all follow, and so does the picture of the flows.
    assert all(new != old for new, old in zip(fewer, everybody, strict=True))
    assert picture(page.locator("#pool .chart").first) != before
    expect(page).to_have_url(re.compile("visits_min=2"))
    expect(page.locator("#pool .band")).to_be_visible()

    steps = _waterfall(page)
    assert len(steps) == 3
    assert sum(steps[:-1]) == steps[-1] == whole_number(fewer[0])

    _refusal_beside_the_field(page)

    page.locator("#pool-name").fill(NAME)
    page.get_by_role("button", name="切割资产池").click()
    expect(page.locator("h1")).to_have_text(NAME)
    members = whole_number(fewer[0])
    approve_as(signed_in("ceo"), demo_site)
    page.reload()
    _tapes_open(page, tmp_path, members)
    _structure_follows_the_slider(page)
    assert complaints == []


def _menu_leads_to_the_builder(page: Page) -> None:
    page.get_by_role("navigation").get_by_role("link", name="资产池").click()
    page.get_by_role("link", name="构建资产池").first.click()
    # The band comes by a request of its own: once it is there, the page listens.
    expect(page.locator("#pool .band")).to_be_visible()


def _waterfall(page: Page) -> list[int]:
    table = page.locator("#pool table").filter(has_text="入池")
    cells = table.locator("tbody tr, tfoot tr").locator("td:nth-child(2), th:nth-child(2)")
    return [whole_number(text) for text in cells.all_inner_texts()]


def _refusal_beside_the_field(page: Page) -> None:
    """What no pool can have is said with its range, and taking it back brings the pool again."""
    page.locator("[name=months]").fill("600")
    expect(page.locator("#pool .notice.bad")).to_contain_text("60")
    page.locator("[name=months]").fill("")
    expect(page.locator("#pool .notice.bad")).to_have_count(0)


def _tapes_open(page: Page, folder: Path, members: int) -> None:
    with zipfile.ZipFile(downloaded(page, "（CSV）", folder)) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("tape.csv").decode())))
        assert "not a rated or eligible asset" in archive.read("NOTICE.txt").decode()
    assert len(rows) == members
    with zipfile.ZipFile(downloaded(page, "（Parquet）", folder)) as archive:
        archive.extract("tape.parquet", folder)
    with duckdb.connect() as database:
        query = f"select count(*), sum(value) from '{folder / 'tape.parquet'}'"
        ((count, value),) = database.execute(query).fetchall()
    assert count == members
    assert value == pytest.approx(sum(float(row["value"]) for row in rows), abs=0.01)
    book = load_workbook(downloaded(page, "审计工作簿", folder))
    formulas = [
        cell.value
        for sheet in book
        for row in sheet.iter_rows(max_row=40)
        for cell in row
        if isinstance(cell.value, str) and cell.value.startswith("=")
    ]
    assert formulas


def _structure_follows_the_slider(page: Page) -> None:
    page.get_by_role("link", name="设计交易结构").click()
    expect(page.locator(".page-head")).to_contain_text(NAME)
    expect(page.get_by_role("heading", name="实际对预测")).to_be_visible()
    first_month = page.locator("table").filter(has_text="A 级余额").last.locator("tbody tr").first
    was, drawn = first_month.inner_text(), page.locator("#result .chart").first.inner_html()
    page.locator("#set_a_share").fill("30")
    expect(page.locator("#read_a_share")).to_have_text("30%")
    expect(first_month).not_to_have_text(was)
    assert page.locator("#result .chart").first.inner_html() != drawn
    expect(page).to_have_url(re.compile("a_share=30"))

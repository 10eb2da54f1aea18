"""Upload, mapping, dry run, load, refusals, correction, reload: clicked through as a steward."""

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SizedPage
from tests.demo_site import DemoSite

pytestmark = [
    pytest.mark.browser,
    pytest.mark.services,
    pytest.mark.slow,
    pytest.mark.xdist_group("demo"),
]
LOADED = 60_000  # milliseconds a small run may wait for the worker


def _one_customer(site: DemoSite) -> tuple[str, str]:
    with (site.var / "demo-files" / "customers.csv").open(encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    return row["store_code"], row["customer_no"]


def _finished(page: Page, state: str) -> None:
    expect(page.locator("h1 ~ .badge, .badge").filter(has_text=state).first).to_be_visible(
        timeout=LOADED
    )


def test_a_foreign_file_from_upload_to_reload(
    signed_in: SizedPage, demo_site: DemoSite, tmp_path: Path
) -> None:
    store, number = _one_customer(demo_site)
    foreign = tmp_path / "维修台账.csv"
    foreign.write_text(
        "网点;结算单号;客户号;进厂日期;金额\n"
        f"{store};BROWSER-1;{number};31/03/2025 10:00;226\n"
        f"{store};BROWSER-2;{number};32/03/2025 10:00;226\n",
        encoding="utf-8",
    )
    page = signed_in("steward")
    page.goto(f"{demo_site.url}/data/imports/profiles/")

    page.get_by_label("方案名称").fill("浏览器台账")
    page.get_by_label("文件内容").select_option("visits")
    page.get_by_label("样本文件").set_input_files(foreign)
    page.get_by_role("button", name="建议映射").click()
    expect(page.locator("h1")).to_contain_text("浏览器台账")
    page.get_by_label("store_code", exact=True).select_option("网点")
    page.get_by_label("pay_customer", exact=True).select_option("金额")
    page.get_by_label("日期", exact=True).select_option("dmy")
    page.get_by_role("button", name="保存并预览").click()
    preview = page.get_by_role("region", name="前几行预览")
    expect(preview).to_contain_text("2025-03-31 10:00")
    expect(preview).to_contain_text("不是日期时间")

    page.goto(f"{demo_site.url}/data/imports/")
    page.locator("input[type=file]").set_input_files(foreign)
    page.get_by_label("映射方案").select_option(label="浏览器台账")
    page.get_by_label("试运行").check()
    page.get_by_role("button", name="上传").click()
    load = page.get_by_role("button", name="正式导入")
    expect(load).to_be_visible(timeout=LOADED)
    expect(page.get_by_text("不是日期时间").first).to_be_visible()
    load.click()
    _finished(page, "完成")

    with page.expect_download() as download:
        page.get_by_role("link", name="下载").first.click()
    refused = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert "BROWSER-2" in refused
    assert "BROWSER-1" not in refused
    corrected = tmp_path / "visits.csv"
    corrected.write_text(refused.replace("2025-03-32", "2025-03-30"), encoding="utf-8")

    page.goto(f"{demo_site.url}/data/imports/")
    page.locator("input[type=file]").set_input_files(corrected)
    page.get_by_role("button", name="上传").click()
    _finished(page, "完成")
    row = page.get_by_role("table").first.get_by_role("row").filter(has_text="visits")
    # Read, created, updated, unchanged, refused.
    expect(row).to_have_text(re.compile(r"visits\s*1\s*1\s*0\s*0\s*0"))
    expect(page.get_by_text("不是日期时间")).to_have_count(0)

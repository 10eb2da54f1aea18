"""A bad figure becomes a task, the task is done, and its day says what it brought."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SizedPage
from tests.browser.test_main_path import _complaints
from tests.demo_site import DemoSite

pytestmark = [
    pytest.mark.browser,
    pytest.mark.services,
    pytest.mark.slow,
    pytest.mark.xdist_group("demo"),
]
STORE = "XQ-S05"
TITLE = "三个月未进厂客户逐一回访"
# Three months pass: the baseline is July's, and the day of measuring has come.
THREE_MONTHS_LATER = f"""
from datetime import date
from customers.models import Task
from organization.access import Access, entered, entered_installation
from organization.models import Tenant
from valuation.improvement.measuring import measure_due_tasks
with entered_installation("test"):
    tenant = Tenant.objects.get(code="XQ")
access = Access.system(tenant.pk, "test")
with entered(access):
    task = Task.objects.get(title="{TITLE}")
    Task.objects.filter(pk=task.pk).update(baseline_month=date(2026, 7, 1))
    day = task.measure_on
print(len(measure_due_tasks(access, day)), "measured")
"""


def test_a_bad_number_becomes_a_task_whose_effect_is_measured(
    signed_in: SizedPage, demo_site: DemoSite
) -> None:
    page = signed_in("ceo")
    complaints = _complaints(page)
    page.goto(f"{demo_site.url}/indicators/{STORE}/")
    page.locator("table.indicators").get_by_role("link", name="留存率", exact=True).click()
    expect(page.locator("body")).to_contain_text("可由明细重算")
    page.get_by_role("link", name="新建任务").click()
    page.get_by_label("任务内容").fill(TITLE)
    page.get_by_label("目标").fill("0.8")
    page.get_by_role("button", name="新建任务").click()
    expect(page.locator("h1")).to_have_text(TITLE)
    task_page = page.url
    page.get_by_role("button", name="已完成").click()
    expect(page.locator(".page-head")).to_contain_text("已完成")
    done = demo_site.manage("shell", "-c", THREE_MONTHS_LATER)
    assert "1 measured" in done.stdout, done.stderr
    page.goto(task_page)
    effect = page.locator("section", has=page.get_by_role("heading", name="实测效果"))
    row = effect.get_by_role("row").nth(1)
    expect(row).to_contain_text(re.compile(r"个百分点"))
    expect(row).to_contain_text(re.compile(r"见效|未见效果"))
    expect(page.locator(".page-head")).to_contain_text(re.compile(r"已关闭|重新打开"))
    # The report that an investor reads has the task with what it brought.
    page.goto(f"{demo_site.url}/tasks/?view=measured")
    expect(page.get_by_text(TITLE)).to_be_visible()
    assert complaints == []

"""The two pages that people open every day, clicked through as an advisor and as an executive."""

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
ADVISORS_STORE = "XQ-S05"


def _complaints(page: Page) -> list[str]:
    """Collect what the browser complains of: script errors, blocked styles, missing files."""
    said: list[str] = []
    page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


@pytest.fixture(scope="module")
def plate_of_a_customer(demo_site: DemoSite) -> str:
    """A plate at the advisor's store whose last five characters belong to one vehicle only."""
    with (demo_site.var / "demo-files" / "vehicles.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    tails = [row["plate"][-5:] for row in rows]
    with (demo_site.var / "demo-files" / "visits.csv").open(encoding="utf-8") as file:
        visited = {row["vin"] for row in csv.DictReader(file) if row["status"] == "closed"}
    return next(
        row["plate"]
        for row in rows
        if row["store_code"] == ADVISORS_STORE
        and tails.count(row["plate"][-5:]) == 1
        and row["vin"] in visited
        and not row["owned_to"]
    )


def test_an_advisor_finds_a_customer_by_the_tail_of_the_plate(
    signed_in: SizedPage, plate_of_a_customer: str
) -> None:
    page = signed_in("advisor")
    complaints = _complaints(page)
    expect(page.get_by_role("heading", name=re.compile("今天"))).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type(plate_of_a_customer[-5:])
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(plate_of_a_customer)
    reasons = page.locator("section", has=page.get_by_role("heading", name="行动理由"))
    expect(reasons.first).to_be_in_viewport()
    timeline = page.locator("#timeline")
    timeline.scroll_into_view_if_needed()
    expect(timeline).to_contain_text(re.compile(r"定保|保养|维修|首保|保险|购车|进厂"))
    # An advisor gets words, not probabilities.
    assert "P(" not in page.content()
    assert "概率与价值" not in page.content()
    assert complaints == []


def test_an_executive_follows_the_value_down_to_a_store_and_its_cohorts(
    signed_in: SizedPage, demo_site: DemoSite
) -> None:
    page = signed_in("ceo")
    complaints = _complaints(page)
    expect(page).to_have_url(re.compile(r"/value/"))
    # The first valuation is explained from the closed form, a later one from the one before.
    bridge = page.locator(".chart-title", has_text=re.compile("从公式到期望价值|估值以来"))
    expect(bridge).to_be_in_viewport()
    page.get_by_role("link", name="合资品牌事业部").first.click()
    expect(page.locator("h1")).to_contain_text("合资品牌事业部")
    expect(page.get_by_role("table").filter(has_text="合资品牌事业部").first).to_be_visible()
    page.locator("a[href^='/value/XQ-S']").first.click()
    expect(page.get_by_text("门店").first).to_be_visible()
    page.get_by_role("link", name="客户队列").first.click()
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator("table").first).to_be_visible()
    assert complaints == []


ROLES = {
    "ceo": ("/value/", "/models/", "/customers/", "/audit/"),
    "division_jv": ("/value/", "/customers/"),
    "store_manager": ("/", "/customers/", "/follow-ups/", "/value/"),
    "advisor": ("/", "/customers/", "/follow-ups/"),
    "analyst": ("/value/", "/models/", "/data/quality/"),
    "steward": ("/data/imports/", "/data/quality/"),
    "auditor": ("/value/", "/audit/"),
    "admin": ("/people/", "/organization/"),
}


@pytest.mark.parametrize("username", ROLES)
@pytest.mark.parametrize(
    ("width", "height", "language", "scheme"),
    [(1366, 768, "zh-CN", "light"), (390, 844, "en-US", "dark")],
)
def test_every_role_s_pages_fit_the_screen_and_please_the_browser(
    signed_in: SizedPage,
    demo_site: DemoSite,
    username: str,
    width: int,
    height: int,
    language: str,
    scheme: str,
) -> None:
    page = signed_in(username, width=width, height=height, language=language, scheme=scheme)
    complaints = _complaints(page)
    for path in ROLES[username]:
        answer = page.goto(demo_site.url + path)
        assert answer is not None
        assert answer.status == 200, path
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{path} is {wide} px too wide"
    assert complaints == []


def test_pictures_of_the_readme_are_of_this_product() -> None:
    pictures = Path(__file__).parents[2] / "docs" / "pictures"
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    for name in ("profile.png", "valuation.png"):
        assert (pictures / name).stat().st_size > 20_000
        assert f"docs/pictures/{name}" in readme

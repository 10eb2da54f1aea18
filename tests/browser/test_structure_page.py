"""The structure page in a browser: a slider moves the result, the address keeps the view."""

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


def test_a_slider_moves_the_result_and_the_link_reproduces_it(
    signed_in: SizedPage, demo_site: DemoSite
) -> None:
    page = signed_in("ceo")
    complaints = _complaints(page)
    page.goto(demo_site.url + "/value/structures/of/XQ/")
    tile = page.locator("#result .tile").first
    before = tile.locator(".tile-value").inner_text()
    page.locator("#set_a_share").fill("30")
    expect(page.locator("#read_a_share")).to_have_text("30%")
    expect(tile.locator(".tile-value")).not_to_have_text(before)
    expect(page).to_have_url(re.compile("a_share=30"))
    after = tile.locator(".tile-value").inner_text()
    page.goto(page.url)
    expect(page.locator("#result .tile").first.locator(".tile-value")).to_have_text(after)
    expect(page.locator("#read_a_share")).to_have_text("30%")
    assert complaints == []


def test_what_makes_no_sense_is_said_in_place_of_the_result(
    signed_in: SizedPage, demo_site: DemoSite
) -> None:
    page = signed_in("ceo")
    page.goto(demo_site.url + "/value/structures/of/XQ/")
    page.get_by_text("全部条款").click()
    page.locator("#set_b_coupon").fill("600")
    page.locator("#set_b_coupon").press("Tab")
    notice = page.locator("#result .notice.bad")
    expect(notice).to_contain_text("B 级票息")
    expect(page.locator("#result .tile")).to_have_count(0)


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)])
def test_pages_fit_the_screen(
    signed_in: SizedPage, demo_site: DemoSite, width: int, height: int
) -> None:
    page = signed_in("ceo", width=width, height=height, language="en-US", scheme="dark")
    complaints = _complaints(page)
    for path in (
        *("/value/structures/", "/value/structures/of/XQ/", "/value/calculators/"),
        *("/value/calculators/comparables/", "/value/reports/"),
    ):
        answer = page.goto(demo_site.url + path)
        assert answer is not None
        assert answer.status == 200, path
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{path} is {wide} px too wide"
    assert complaints == []

"""The steward's queue of proposals: decided by click and by key, undone, and asked again."""

import re

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


def _names(page: Page) -> list[str]:
    """The two customers laid side by side, by their addresses."""
    links = page.locator("table.compared thead a")
    return [str(links.nth(place).get_attribute("href")) for place in range(2)]


def _waiting(page: Page) -> int:
    found = re.search(r"\d+", page.locator(".badge", has_text="待").first.inner_text())
    assert found is not None
    return int(found[0])


def test_a_proposal_is_decided_undone_and_decided_otherwise(
    signed_in: SizedPage, demo_site: DemoSite
) -> None:
    page = signed_in("steward")
    queue, history = (f"{demo_site.url}/data/identity/{part}" for part in ("", "history/"))
    page.goto(queue)
    pair, waiting = _names(page), _waiting(page)

    page.get_by_role("button", name="同一客户").click()
    expect(page.locator("table.compared thead a").first).not_to_have_attribute("href", pair[0])
    assert _waiting(page) < waiting
    gone = [page.goto(demo_site.url + address) for address in pair]
    assert sorted(answer.status for answer in gone if answer) == [200, 404]

    page.goto(history)
    row = page.locator("table.decisions tbody tr").first
    row.get_by_role("button", name="撤销").click()
    expect(page.locator("table.decisions tbody tr").first).to_contain_text("撤销")
    for address in pair:
        answer = page.goto(demo_site.url + address)
        assert answer is not None
        assert answer.status == 200

    page.goto(queue)
    assert (_names(page), _waiting(page)) == (pair, waiting)
    page.keyboard.press("n")
    expect(page.locator("table.compared thead a").first).not_to_have_attribute("href", pair[0])
    page.goto(history)
    row = page.locator("table.decisions tbody tr").first
    row.get_by_role("button", name="撤销").click()
    page.goto(queue)
    assert _names(page) == pair

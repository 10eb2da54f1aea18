"""Pages of the running demonstration, signed in, in any size, language and theme."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.demo_site import DemoSite

SizedPage = Callable[..., Page]


@pytest.fixture
def signed_in(browser: Browser, demo_site: DemoSite) -> Iterator[SizedPage]:
    """``signed_in("advisor", width=…, height=…, language=…, scheme=…)``: a page after sign-in."""
    contexts = []

    def open_page(
        username: str,
        *,
        width: int = 1366,
        height: int = 768,
        language: str = "zh-CN",
        scheme: str = "light",
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale=language, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.goto(demo_site.url)
        page.fill("input[name=username]", username)
        page.fill("input[name=password]", demo_site.password)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda url: "sign" not in url)
        return page

    yield open_page
    for context in contexts:
        context.close()

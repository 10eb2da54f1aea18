"""The shell in a real browser: nothing refused, nothing overflows, it works by key and without
script."""

import shutil
import threading
from collections.abc import Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
DESK, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}


class Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """The test's output is not a web log."""


@pytest.fixture
def site(shell_only: Any) -> Iterator[str]:
    shell_only.ALLOWED_HOSTS = ["*"]
    handler = StaticFilesHandler(WSGIHandler())
    server = make_server("127.0.0.1", 0, handler, WSGIServer, Silent)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def visit(browser: Any, site: str) -> Iterator[Any]:
    """``visit(path, viewport, …)`` opens a page; its console errors are in ``page.complaints``."""
    contexts = []

    def open_page(path: str, viewport: dict[str, int] = DESK, language: str = "en", **options: Any):
        context = browser.new_context(viewport=viewport, **options)
        contexts.append(context)
        context.add_cookies([{"name": "django_language", "value": language, "url": site}])
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda m: m.type == "error" and page.complaints.append(m.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(site + path)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_nothing_is_refused_and_nothing_overflows(visit, viewport, language: str) -> None:
    page = visit("/styleguide", viewport, language)
    page.wait_for_load_state("networkidle")
    assert page.complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_a_chart_shows_the_drawing_made_for_its_width(visit) -> None:
    shown = """() => [...new Set([...document.querySelectorAll('.chart-drawings > svg')]
        .filter(e => e.getBoundingClientRect().width > 0)
        .map(e => e.classList[1]))].sort()"""
    assert visit("/styleguide", PHONE).evaluate(shown) == ["narrow"]
    assert visit("/styleguide", DESK).evaluate(shown) == ["medium", "narrow", "wide"]


def test_slash_goes_to_the_search_box(visit) -> None:
    page = visit("/styleguide")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.type("a/b")
    assert page.evaluate("document.activeElement.value") == "a/b"


def test_escape_closes_a_menu_and_gives_the_focus_back(visit) -> None:
    page = visit("/styleguide")
    page.click(".menu > summary")
    assert page.locator(".menu[open]").count() == 1
    page.keyboard.press("Escape")
    assert page.locator(".menu[open]").count() == 0
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_theme_is_chosen_in_the_menu(visit) -> None:
    page = visit("/styleguide")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click(".menu > summary")
    page.click("button[name=theme][value=dark]")
    page.wait_for_selector('html[data-theme="dark"]')
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before


def test_navigation_on_a_phone_needs_no_script(visit) -> None:
    page = visit("/styleguide", PHONE, java_script_enabled=False)
    assert not page.is_visible("#navigation")
    page.click(".nav-open")
    assert page.is_visible("#navigation")
    page.go_back()
    assert not page.is_visible("#navigation")


def test_first_tab_reaches_the_content(visit) -> None:
    page = visit("/styleguide")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_running_work_renews_itself(visit) -> None:
    page = visit("/styleguide/progress?value=80")
    assert page.get_attribute(".progress", "hx-get") == "/styleguide/progress?value=100"
    page = visit("/styleguide")
    page.wait_for_selector('.progress:has-text("60%")', timeout=5000)


def test_failed_update_says_so(visit) -> None:
    page = visit("/styleguide")
    page.route("**/styleguide/progress*", lambda route: route.fulfill(status=500, body="broken"))
    page.wait_for_selector("#toasts .notice", timeout=5000)
    assert "could not be loaded" in page.inner_text("#toasts")
    assert "broken" not in page.inner_text("main")


def test_update_that_is_led_elsewhere_reloads_the_page(visit) -> None:
    page = visit("/styleguide")
    page.evaluate("window.before = true")
    with page.expect_navigation(timeout=5000):
        page.evaluate(
            """() => {
                const part = document.querySelector('.progress');
                part.setAttribute('hx-get', '/fails/redirect');
                htmx.process(part);
                htmx.ajax('GET', '/fails/redirect', part);
            }"""
        )
    assert page.evaluate("window.before") is None
    assert page.url.endswith("/styleguide")


def test_explanation_of_a_figure_stays_in_the_window(visit) -> None:
    page = visit("/styleguide")
    for mark in page.query_selector_all(".lineage > summary"):
        mark.click()
        # The panel is turned by the event that follows its opening.
        page.wait_for_function(
            """width => document.querySelector('.lineage[open] .lineage-panel')
                .getBoundingClientRect().right <= width""",
            arg=DESK["width"],
            timeout=5000,
        )
        page.keyboard.press("Escape")

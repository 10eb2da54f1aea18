"""Navigation, theme, language and the pages that tell of a failure."""

import pytest
from django.test import Client, RequestFactory

from web.shell import Banner, NavEntry, nav_links, shell, theme_of


def current(entries: list[NavEntry], path: str) -> list[str]:
    return [str(link.label) for link in nav_links(entries, path) if link.current]


ENTRIES = [
    NavEntry("Stores", href="/stores/"),
    NavEntry("Lists", href="/stores/lists/today", active_prefix="/stores/lists/"),
    NavEntry("Value", href="/value/"),
]


@pytest.mark.parametrize(
    ("path", "labels"),
    [
        ("/stores/", ["Stores"]),
        ("/stores/7", ["Stores"]),
        ("/stores/lists/old", ["Lists"]),
        ("/elsewhere", []),
    ],
)
def test_the_closest_entry_is_current(path: str, labels: list[str]) -> None:
    assert current(ENTRIES, path) == labels


def test_entry_by_name(shell_only) -> None:
    assert NavEntry("Theme", "theme").address == "/theme"


def test_shell_needs_nothing_of_the_request(shell_only) -> None:
    context = shell(RequestFactory().get("/x?a=1"))["shell"]
    assert context["navigation"] == []
    assert context["theme"] == "auto"
    assert context["here"] == "/x?a=1"


def test_shell_shows_what_middleware_left(shell_only) -> None:
    request = RequestFactory().get("/value/2026")
    request.navigation = ENTRIES
    request.banners = [Banner("Stale", "warn")]
    request.access_label = "All stores"
    context = shell(request)["shell"]
    assert [link.label for link in context["navigation"] if link.current] == ["Value"]
    assert context["banners"][0].text == "Stale"
    assert context["access_label"] == "All stores"


def test_unknown_theme_in_the_cookie_counts_as_none() -> None:
    request = RequestFactory().get("/")
    request.COOKIES["theme"] = '"><script>'
    assert theme_of(request) == "auto"


def test_theme_is_remembered_and_applied(visitor: Client) -> None:
    answer = visitor.post("/theme", {"theme": "dark", "next": "/styleguide?sort=visits"})
    assert answer.status_code == 302
    assert answer["Location"] == "/styleguide?sort=visits"
    assert answer.cookies["theme"]["httponly"]
    assert '<html lang="zh-hans" data-theme="dark">' in visitor.get("/styleguide").text


def test_unknown_theme_is_refused(visitor: Client) -> None:
    answer = visitor.post("/theme", {"theme": "pink"})
    assert answer.status_code == 400
    assert "theme" not in visitor.cookies


def test_theme_does_not_lead_to_another_site(visitor: Client) -> None:
    answer = visitor.post("/theme", {"theme": "dark", "next": "https://evil.example/"})
    assert answer["Location"] == "/"


def test_theme_needs_post_and_a_token(shell_only) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.get("/theme").status_code == 405
    answer = strict.post("/theme", {"theme": "dark"}, headers={"Accept-Language": "en"})
    assert answer.status_code == 403
    assert "The form was open too long" in answer.text
    assert "cookie not set" not in answer.text
    assert "theme" not in strict.cookies


def test_language_is_switched_by_the_form_of_the_menu(visitor: Client) -> None:
    assert "跳到正文" in visitor.get("/styleguide").text
    visitor.post("/language", {"language": "en", "next": "/styleguide"})
    page = visitor.get("/styleguide").text
    assert '<html lang="en"' in page
    assert "Skip to the content" in page


@pytest.mark.parametrize(
    ("status", "zh", "en"),
    [
        (400, "服务器无法读取此请求。", "The server could not read this request."),
        (403, "您的角色无权查看此页面。", "This page is not open to your role."),
        (404, "此地址没有内容", "There is nothing at this address"),
        (
            413,
            "提交的内容超过服务器允许的大小。",
            "What was sent is larger than the server accepts.",
        ),
        (500, "系统出错", "Something failed on our side"),
    ],
)
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_failure_says_what_where_and_what_to_do(
    visitor: Client, status: int, zh: str, en: str, language: str
) -> None:
    answer = visitor.get(f"/fails/{status}", headers={"Accept-Language": language})
    assert answer.status_code == status
    page = answer.text
    assert (zh if language == "zh-hans" else en) in page
    assert ("处理方法" if language == "zh-hans" else "What to do") in page
    assert f"/fails/{status}" in page
    assert "secret" not in page


def test_an_address_for_forms_opened_as_a_page_says_so(visitor: Client) -> None:
    answer = visitor.get("/theme", headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert "This address takes a form" in answer.text


@pytest.mark.parametrize(
    ("status", "reason"),
    [(403, "Only the CFO approves values."), (404, "No valuation of 2026-11.")],
)
def test_failure_gives_the_reason_meant_for_people(
    visitor: Client, status: int, reason: str
) -> None:
    assert reason in visitor.get(f"/fails/{status}").text


def test_unknown_address_shows_no_patterns(visitor: Client) -> None:
    answer = visitor.get("/nowhere")
    assert answer.status_code == 404
    assert "styleguide" not in answer.text

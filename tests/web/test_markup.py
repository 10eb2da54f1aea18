"""Templates of every application obey the content security policy and name existing things."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.test import Client

from tests.web.conftest import ROOT
from web.icons import PATHS
from web.translations import app_folders

# Not a page: a file that a person takes away, which must be readable on its own.
STANDALONE = {"customers/templates/customers/privacy/copy.html"}
TEMPLATES = [
    template
    for app in app_folders(ROOT)
    for template in sorted(app.glob("templates/**/*.html"))
    if template.relative_to(ROOT).as_posix() not in STANDALONE
]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("template", TEMPLATES, ids=name_of)
def test_no_inline_style_or_script(template: Path) -> None:
    source = template.read_text(encoding="utf-8")
    assert not re.findall(r"\sstyle\s*=|<style\b|\son[a-z]+\s*=|javascript:", source)
    assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", source)
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", source)


@pytest.mark.parametrize("template", TEMPLATES, ids=name_of)
def test_icons_exist(template: Path) -> None:
    source = template.read_text(encoding="utf-8")
    named = re.findall(r"""(?:\{% icon|\bicon=)\s*["']([\w-]+)["']""", source)
    assert set(named) <= PATHS.keys()


class Outline(HTMLParser):
    """Ids, what refers to them, and controls without a name."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.controls: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if tag == "label" and found.get("for"):
            self.labelled.add(str(found["for"]))
        if tag in ("input", "select", "textarea") and found.get("type") != "hidden":
            self.controls.append(found)


@pytest.fixture
def outline(visitor: Client) -> Outline:
    parsed = Outline()
    parsed.feed(visitor.get("/styleguide").text)
    return parsed


def test_ids_are_unique(outline: Outline) -> None:
    assert len(outline.ids) == len(set(outline.ids))


def test_every_control_has_a_name(outline: Outline) -> None:
    assert len(outline.controls) > 5
    nameless = [
        c for c in outline.controls if not (c.get("aria-label") or c.get("id") in outline.labelled)
    ]
    assert not nameless


def test_style_guide_obeys_the_policy(visitor: Client) -> None:
    answer = visitor.get("/styleguide")
    assert answer.status_code == 200
    assert "style-src 'self'" in answer["Content-Security-Policy"]
    assert not re.findall(r"\sstyle=", answer.text)

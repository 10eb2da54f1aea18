"""docs/security.md is whole, and what it points to exists."""

import ast
import re
from functools import cache

import pytest

from tests.access.sources import ROOT

TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| (.+?) \| (.+?) \| (.*?) ?\|$", re.M)
ROWS = ROW.findall(TEXT)
NAMED = re.compile(r"`([^`]+)`")
# Requirements of levels 1 and 2 of version 4.0.3: by section, the numbers in it.
SECTIONS = {
    "1.1": "1-7", "1.2": "1-4", "1.4": "1 4 5", "1.5": "1-4", "1.6": "1-4", "1.7": "1-2",
    "1.8": "1-2", "1.9": "1-2", "1.10": "1", "1.11": "1-2", "1.12": "2", "1.14": "1-6",
    "2.1": "1-12", "2.2": "1-3", "2.3": "1-3", "2.4": "1-5", "2.5": "1-7", "2.6": "1-3",
    "2.7": "1-6", "2.8": "1-6", "2.9": "1-3", "2.10": "1-4",
    "3.1": "1", "3.2": "1-4", "3.3": "1-4", "3.4": "1-5", "3.5": "1-3", "3.7": "1",
    "4.1": "1 2 3 5", "4.2": "1-2", "4.3": "1-3",
    "5.1": "1-5", "5.2": "1-8", "5.3": "1-10", "5.4": "1-3", "5.5": "1-4",
    "6.1": "1-3", "6.2": "1-6", "6.3": "1-2", "6.4": "1-2",
    "7.1": "1-4", "7.2": "1-2", "7.3": "1 3 4", "7.4": "1-3",
    "8.1": "1-4", "8.2": "1-3", "8.3": "1-8",
    "9.1": "1-3", "9.2": "1-4", "10.2": "1-2", "10.3": "1-3", "11.1": "1-8",
    "12.1": "1-3", "12.2": "1", "12.3": "1-6", "12.4": "1-2", "12.5": "1-2", "12.6": "1",
    "13.1": "1 3 4 5", "13.2": "1 2 3 5 6", "13.3": "1-2", "13.4": "1-2",
    "14.1": "1-4", "14.2": "1-6", "14.3": "2-3", "14.4": "1-7", "14.5": "1-4",
}  # fmt: skip


def numbers() -> list[str]:
    found = []
    for section, parts in SECTIONS.items():
        for part in parts.split():
            first, _dash, last = part.partition("-")
            found += [f"{section}.{n}" for n in range(int(first), int(last or first) + 1)]
    return found


def test_every_requirement_has_one_line() -> None:
    assert [number for number, *_rest in ROWS] == numbers()


def test_every_state_is_one_of_three() -> None:
    wrong = [n for n, _asks, state, _by in ROWS if not re.fullmatch(r"met|n/a|open(: \w+)?", state)]
    assert wrong == []


def test_what_is_not_asked_of_us_says_why() -> None:
    assert [n for n, _asks, state, by in ROWS if state in ("n/a", "met") and not by.strip()] == []


@cache
def _tests_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)}


def pointers(text: str) -> list[str]:
    """What stands in backticks and is a place in the repository."""
    return [
        one for one in NAMED.findall(text) if re.match(r"[\w.][\w./-]*\.\w+(::|$)|Makefile", one)
    ]


@pytest.mark.parametrize("document", ["security.md", "threat-model.md", "access.md"])
def test_every_file_and_test_that_is_named_exists(document: str) -> None:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    lost = []
    for one in pointers(text):
        path, *parts = one.split("::")
        if "/" not in path and not (ROOT / path).exists():
            continue  # a name in code, such as manage.py's command or a function
        if not (ROOT / path).exists() or (parts and not set(parts) <= _tests_in(path)):
            lost.append(one)
    assert lost == []

"""What is installed is what was locked: every package pinned and hashed, nothing from elsewhere.

Known weaknesses of packages are looked up by ``make audit``, which needs an advisory service; this
needs none.
"""

import re
import tomllib

import pytest

from tests.access.sources import ROOT

FILES = ["requirements.txt", "requirements-dev.txt"]
ENTRY = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.M)


def locked(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return {package.lower(): version for package, version in ENTRY.findall(text)}


def entries(name: str) -> list[str]:
    """One text a package, its hashes included."""
    lines = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("name", FILES)
def test_every_package_is_pinned_and_hashed(name: str) -> None:
    loose = [
        entry.split()[0]
        for entry in entries(name)
        if not ENTRY.match(entry) or "--hash=sha256:" not in entry
    ]
    assert loose == []


@pytest.mark.parametrize("name", FILES)
def test_nothing_comes_from_an_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert re.findall(r"https?://|git\+|file:|--index-url|--extra-index|--find-links", text) == []


def test_the_tests_run_with_what_is_installed() -> None:
    product, tests = (locked(name) for name in FILES)
    assert {p: (v, tests.get(p)) for p, v in product.items() if tests.get(p) != v} == {}


def test_every_dependency_that_is_named_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    known = {re.sub(r"[._]", "-", package) for package in locked(FILES[1])}
    lost = [
        n for n in named if re.split(r"[\[<>=;\s]", n)[0].lower().replace("_", "-") not in known
    ]
    assert lost == []

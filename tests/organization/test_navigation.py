"""Which pages a role's navigation offers."""

from itertools import groupby

import pytest

from organization.access import Access, Capability
from organization.navigation import ENTRIES, navigation_of, resolves, search_of
from organization.roles import CAPABILITIES
from organization.unit_set import UnitSet
from web.icons import PATHS


@pytest.fixture
def all_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every page of the navigation were installed."""
    monkeypatch.setattr("organization.navigation.resolves", lambda name: True)


def offered(capabilities: frozenset[Capability]) -> list[str]:
    access = Access(tenant_id=1, label="x", scopes=dict.fromkeys(capabilities, UnitSet.of(7)))
    return [entry.url_name for entry in navigation_of(access)]


@pytest.mark.parametrize(
    ("role", "pages"),
    [
        ("advisor", ["start", "customers", "follow_ups"]),
        (
            "manager",
            [
                *("start", "customers", "follow_ups", "indicators", "tasks"),
                *("valuation_dashboard", "scenarios", "segments_start", "pools", "structures"),
                *("calculators", "exports", "data_quality", "models", "special_grants"),
            ],
        ),
        (
            "auditor",
            [
                *("start", "indicators", "tasks", "valuation_dashboard", "scenarios", "pools"),
                *("structures", "calculators", "exports", "data_quality", "models", "audit"),
            ],
        ),
        ("administrator", ["start", "people", "special_grants", "units", "audit"]),
        (
            "data_steward",
            [
                *("start", "customers", "imports", "identity_review", "data_quality"),
                *("models", "units", "privacy"),
            ],
        ),
    ],
)
def test_a_role_is_offered_its_pages(all_pages: None, role: str, pages: list[str]) -> None:
    assert offered(CAPABILITIES[role]) == pages


def test_a_person_without_role_is_offered_the_start_page(all_pages: None) -> None:
    assert offered(frozenset()) == ["start"]


def test_pages_that_are_not_installed_are_left_out() -> None:
    assert not resolves("no_such_page")
    assert resolves("people")


def test_search_is_for_those_who_see_customers() -> None:
    assert search_of(Access(tenant_id=1, label="x")) is None


def test_entries_name_each_page_once() -> None:
    names = [entry.url_name for entry, _ in ENTRIES]
    assert len(names) == len(set(names))


def test_each_page_has_an_icon_of_its_own() -> None:
    icons = [entry.icon for entry, _ in ENTRIES]
    assert len(icons) == len(set(icons))
    assert set(icons) <= set(PATHS)


@pytest.mark.parametrize("role", sorted(CAPABILITIES))
def test_the_menu_stays_short(all_pages: None, role: str) -> None:
    """Sections of at most five entries, and each section in one place."""
    access = Access(tenant_id=1, label="x", scopes=dict.fromkeys(CAPABILITIES[role], UnitSet.of(7)))
    sections = [str(entry.section) for entry in navigation_of(access)]
    together = [name for name, _ in groupby(sections)]
    assert len(together) == len(set(together))
    assert max(sections.count(name) for name in together) <= 5


def test_the_page_says_who_looks_and_through_whose_eyes(group, client_of) -> None:
    client = client_of("admin")
    client.cookies["django_language"] = "en"
    shell = client.get("/people/").context["shell"]
    assert shell["account_label"] == "admin"
    assert shell["access_label"] == "group XQ · Administrator"
    assert [link.label for link in shell["navigation"] if link.current] == ["People"]

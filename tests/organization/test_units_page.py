"""The organization tree page."""

from datetime import date, timedelta

import pytest

from organization.access import entered
from organization.models import Unit
from organization.tree import tone
from tests.factories import add_person

TODAY = date(2026, 3, 1)


def codes(client) -> list[str]:
    return [unit.code for unit in client.get("/organization/").context["table"].rows]


def test_every_parent_stands_before_its_children(group, client_of) -> None:
    assert codes(client_of("admin")) == [
        *("XQ", "XQ-JV", "XQ-N", "XQ-S4", "XQ-LUX", "XQ-E", "XQ-S1", "XQ-S2", "XQ-W", "XQ-S3"),
    ]


def test_below_the_group_the_own_branch_and_what_is_above_it(group, client_of) -> None:
    with entered(group.system):
        add_person(group, "steward_w", "data_steward", "-W")
    assert codes(client_of("steward_w")) == ["XQ", "XQ-LUX", "XQ-W", "XQ-S3"]


def test_an_advisor_has_no_such_page(group, client_of) -> None:
    assert client_of("advisor").get("/organization/").status_code == 403


@pytest.mark.parametrize(
    ("days", "expected"), [(None, ""), (-1, "bad"), (0, "warn"), (90, "warn"), (91, "")]
)
def test_an_authorisation_that_ends_is_marked(days: int | None, expected: str) -> None:
    until = None if days is None else TODAY + timedelta(days=days)
    assert tone(Unit(authorised_until=until), TODAY) == expected

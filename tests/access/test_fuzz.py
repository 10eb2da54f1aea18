"""No 5xx and no row from beyond, whatever is sent: a fixed sample here, many more in the soak."""

from typing import Any

import pytest

from tests.access.fuzzing import api_requests, fuzz, page_requests, parameters
from tests.access.requests import CAST, Person
from tests.access.world import World

SOURCES = {"api": api_requests, "pages": page_requests}
SAMPLE, SOAK = 250, 800  # requests of each person into each of the two


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("person", [p for p in CAST if p.where == "store"], ids=str)
def test_a_sample(world: World, db: None, person: Person, source: str) -> None:
    number = CAST.index(person)
    assert fuzz(world, person, SOURCES[source], SAMPLE, number) >= SAMPLE


@pytest.mark.soak
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("person", [p for p in CAST if p.role], ids=str)
def test_at_length(
    world: World, db: None, person: Person, source: str, record_property: Any
) -> None:
    """14 people, two sources, 800 requests each: 22,400 with seeds of their own."""
    number = 1000 + CAST.index(person)
    sent = fuzz(world, person, SOURCES[source], SOAK, number)
    record_property("requests", sent)
    assert sent >= SOAK


def test_the_parameters_are_found() -> None:
    assert {"q", "page", "cohort", "row", "outcome", "next_on", "valid_to", "username"} <= set(
        parameters()
    )

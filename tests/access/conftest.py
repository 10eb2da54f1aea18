"""The world of two groups, committed for the tests of this folder and swept away after them."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tests.access.world import World, build, sweep


@pytest.fixture(scope="package")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock():
        built = build()
    yield built
    with django_db_blocker.unblock():
        sweep()


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    """Thousands of refusals are expected here; writing each down takes longer than asking."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)

"""The world of two groups, committed for the tests of this folder and swept away after them."""

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

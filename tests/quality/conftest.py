"""The data-quality pages alone, in the group of ``tests.quality.world``."""

from pathlib import Path
from typing import Any

import pytest

from customers.models import QualityReport
from customers.quality import report as quality
from organization.access import entered
from tests.factories import Group
from tests.quality.world import AS_OF, two_stores
from web.translations import compile_catalogues


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    compile_catalogues(Path(__file__).resolve().parents[2])


@pytest.fixture
def pages(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.quality.urls"
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def report(group: Group) -> QualityReport:
    """The group of two delivering stores, assessed."""
    with entered(group.system) as system:
        two_stores(group)
        return quality.assess(system, AS_OF)

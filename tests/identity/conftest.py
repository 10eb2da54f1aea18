"""Pages are read in both languages, so the catalogues must be compiled."""

from pathlib import Path
from typing import Any

import pytest

from web.translations import compile_catalogues


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    compile_catalogues(Path(__file__).resolve().parents[2])


@pytest.fixture
def pages(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.identity.urls"
    settings.LANGUAGE_CODE = "en"

"""Pages are read in both languages, so the catalogues must be compiled."""

from pathlib import Path

import pytest

from web.translations import compile_catalogues


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    compile_catalogues(Path(__file__).resolve().parents[2])

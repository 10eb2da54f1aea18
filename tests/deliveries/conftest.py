"""A drop folder of its own for each test, and files as a store's system leaves them."""

import os
from pathlib import Path
from typing import Any

import pytest

from customers.deliveries import loading
from organization.access import entered
from organization.models import Staff
from tests.factories import Group

HEAD = "store_code,customer_no,name\n"


@pytest.fixture(autouse=True)
def quiet(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.VAR_DIR, settings.UPLOAD_DIR = tmp_path / "var", tmp_path / "var/uploads"
    settings.DROP_DIR = tmp_path / "drop"
    monkeypatch.setattr(loading.assess, "apply_async", lambda *a, **k: None)


@pytest.fixture
def drop(group: Group, tmp_path: Path) -> Path:
    """The group's folder; a steward of the whole group has an address."""
    folder = tmp_path / "drop" / group.tenant.code
    folder.mkdir(parents=True)
    with entered(group.system):
        Staff.objects.filter(username="steward").update(email="steward@example.com")
    return folder


def put(path: Path, *numbers: str, store: str = "XQ-S1") -> Path:
    """A file of customers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"{store},{number},王芳\n" for number in numbers)
    path.write_text(HEAD + rows, encoding="utf-8")
    return path


def mark(path: Path) -> None:
    """Say that the delivery is whole."""
    path.write_bytes(b"")


def tree(folder: Path) -> list[str]:
    """Every file below, by its path."""
    found = (Path(where) / name for where, _folders, names in os.walk(folder) for name in names)
    return sorted(str(path.relative_to(folder)) for path in found)

"""System checks of an installation, and what `check --deploy` says of a proper one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from organization import checks
from tests.database import OWNER

ROOT = Path(__file__).resolve().parents[2]
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def ids(found) -> list[str]:
    return [message.id for message in found]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (KEY, []),
        (f"{KEY}, {KEY}", []),
        ("", ["organization.E001"]),
        (" , ", ["organization.E001"]),
        ("short", ["organization.E001"]),
        (f"{KEY},not base64!", ["organization.E001"]),
    ],
)
def test_the_master_key_is_well_formed(settings, keys: str, expected: list[str]) -> None:
    settings.PARCFOLIO_MASTER_KEY = keys
    assert ids(checks.master_key(None)) == expected


@pytest.mark.parametrize("switch", ["DEBUG", "PARCFOLIO_DEMO"])
def test_a_demonstration_is_no_production(settings, switch: str) -> None:
    settings.DEBUG = settings.PARCFOLIO_DEMO = False
    settings.REDIS_URL = "redis://localhost"
    assert ids(checks.production_switches(None)) == []
    setattr(settings, switch, True)
    assert ids(checks.production_switches(None)) == ["organization.E002"]


def test_without_redis_there_is_a_warning(settings) -> None:
    settings.DEBUG = settings.PARCFOLIO_DEMO = False
    settings.REDIS_URL = ""
    assert ids(checks.production_switches(None)) == ["organization.W001"]


def test_the_application_role_has_no_power_over_the_policies(db: None) -> None:
    assert checks.application_role(None) == []


@pytest.mark.parametrize("powerful", ["owner", "superuser"])
def test_a_powerful_role_is_named(db: None, monkeypatch, powerful: str) -> None:
    """The check asked as the owner of the tables, and as a superuser."""
    import psycopg

    class As:
        def __init__(self) -> None:
            dsn = os.environ["PARCFOLIO_TEST_ADMIN_DSN"]
            name = os.environ["PARCFOLIO_TEST_DATABASE"]
            role = {"user": OWNER[0], "password": OWNER[1]} if powerful == "owner" else {}
            self.connection = psycopg.connect(dsn, **{"dbname": name, **role})

        def cursor(self):
            return self.connection.cursor()

    role = As()
    monkeypatch.setattr(checks, "connection", role)
    try:
        found = checks.excess_powers()
    finally:
        role.connection.close()
    assert "owns tables of the application, or may become their owner" in found
    assert ("is a superuser" in found) is (powerful == "superuser")
    assert found


def manage_check(**changed: str) -> "subprocess.CompletedProcess[str]":
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PARCFOLIO_", "DJANGO_"))}
    environment = {
        **clean,
        "SECRET_KEY": "of-production-" + "".join(chr(65 + i * 7 % 57) for i in range(60)),
        "PARCFOLIO_MASTER_KEY": KEY,
        "PARCFOLIO_VAR": os.environ["PARCFOLIO_VAR"],
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "ALLOWED_HOSTS": "parcfolio.example",
        **changed,
    }
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_check_deploy_is_clean_with_production_settings(db: None) -> None:
    done = manage_check()
    assert done.returncode == 0, done.stderr


def test_check_deploy_refuses_the_owner_as_the_application(db: None) -> None:
    done = manage_check(DATABASE_URL=os.environ["DATABASE_OWNER_URL"])
    assert done.returncode == 1
    assert "organization.E003" in done.stderr

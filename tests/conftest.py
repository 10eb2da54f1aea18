"""Fixtures that every area shares: the migrated database, tenants, people, signed-in clients."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis
import psycopg
import pytest
from django.core.management import call_command
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, sync_playwright
from psycopg import sql

from config.services import create_database
from organization.access import Access, entered
from organization.second_factor import mark_passed
from tests.database import APPLICATION, OWNER
from tests.demo_site import DemoSite, running_demo
from tests.factories import Group, make_group

# The browser's driver keeps an event loop in this thread; the tests' queries stay in it as well.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
# Ordinary runs are repeatable and not timed; `--soak` looks further, with fresh examples.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.register_profile("soak", deadline=None, max_examples=1000)
CHROMIUM_ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="also the long runs (make soak)")
    parser.addoption(
        "--write-documents",
        action="store_true",
        help="write the generated parts of docs/ instead of comparing them",
    )


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.load_profile("soak" if config.getoption("--soak") else "repeatable")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--soak"):
        return
    long_runs = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=long_runs)
    items[:] = [item for item in items if item not in set(long_runs)]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """Make this worker's database as the owner; the tests use it as the application role."""
    admin, name = os.environ["PARCFOLIO_TEST_ADMIN_DSN"], os.environ["PARCFOLIO_TEST_DATABASE"]
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        )
    create_database(admin, name, owner=OWNER[0], application=APPLICATION[0])
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)
        connections["owner"].close()
    yield
    with django_db_blocker.unblock():
        for connection in connections.all():
            connection.close()


@pytest.fixture
def group(db: None) -> Group:
    """A group with two divisions, three regions, four stores and one person a role."""
    return make_group("XQ")


@pytest.fixture
def other_group(db: None) -> Group:
    """A second tenant that must never be seen from the first."""
    return make_group("YH")


@pytest.fixture
def system(group: Group) -> Iterator[Access]:
    """The system's own access to ``group``, entered for the length of the test."""
    with entered(Access.system(group.tenant.pk, "test")) as access:
        yield access


@pytest.fixture
def client_of(group: Group) -> Any:
    """``client_of("advisor")``: a browser-less client signed in as that person of ``group``."""

    def sign_in(username: str, of: Group = group) -> Client:
        client = Client()
        client.force_login(of.accounts[username])
        session = client.session
        mark_passed(session)
        session.save()
        return client

    return sign_in


@pytest.fixture(scope="session")
def demo_site() -> Iterator[DemoSite]:
    """A running demonstration of 800 customers; tests that use it carry ``xdist_group("demo")``."""
    # The database server may run as another user, who must reach the folder: pytest's own
    # temporary folders are closed again by every other run of the same user.
    with TemporaryDirectory(prefix="parcfolio-demo-") as folder:
        Path(folder).chmod(0o755)
        with running_demo(Path(folder)) as site:
            yield site

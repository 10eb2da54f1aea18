"""A PostgreSQL for the tests, started before Django reads its settings.

Loaded by ``-p tests.database``. One server serves all workers of a run; each has its own database,
which the owner migrates and the application role uses, as in production. With
``PARCFOLIO_TEST_ADMIN_DSN`` set (a superuser's libpq string) that server is used instead.
"""

import contextlib
import os
import sys
import tempfile
from pathlib import Path

import pytest

# The workers of a run share the cores: threads that spin for each other cost ten times the work.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]

from config.embedded import EmbeddedPostgres  # noqa: E402
from config.services import create_roles  # noqa: E402
from web.translations import compile_catalogues  # noqa: E402

OWNER = ("parcfolio_test_owner", "owner-of-tests")
APPLICATION = ("parcfolio_test_app", "application-of-tests")
_running = contextlib.ExitStack()


def _start() -> str:
    folder = Path(_running.enter_context(tempfile.TemporaryDirectory(prefix="parcfolio-test-")))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder, durable=False)
    _running.enter_context(server.running())
    return server.superuser_dsn()


def _configure() -> None:
    admin = os.environ.get("PARCFOLIO_TEST_ADMIN_DSN")
    if admin is None:
        admin = os.environ["PARCFOLIO_TEST_ADMIN_DSN"] = _start()
        create_roles(admin, owner=OWNER, application=APPLICATION)
        compile_catalogues(ROOT)
    parts = dict(part.split("=", 1) for part in admin.split())
    name = f"test_parcfolio_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    for variable, (role, password) in (
        ("DATABASE_URL", APPLICATION),
        ("DATABASE_OWNER_URL", OWNER),
    ):
        os.environ[variable] = f"postgres://{role}:{password}@/{name}?host={parts['host']}"
    os.environ["PARCFOLIO_TEST_DATABASE"] = name
    os.environ["PARCFOLIO_TEST"] = "1"
    # A heartbeat looks from a connection of its own, which does not see a test's transaction.
    os.environ["TRAINING_LEASE_SECONDS"] = "900"
    os.environ["PARCFOLIO_HTTPS"] = "0"
    os.environ["SECRET_KEY"] = "only-for-tests-" + "k" * 40
    os.environ["PARCFOLIO_MASTER_KEY"] = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    if "PARCFOLIO_TEST_VAR" not in os.environ:
        var = _running.enter_context(tempfile.TemporaryDirectory(prefix="parcfolio-var-"))
        os.environ["PARCFOLIO_TEST_VAR"] = var
    os.environ["PARCFOLIO_VAR"] = os.environ["PARCFOLIO_TEST_VAR"]
    Path(os.environ["PARCFOLIO_VAR"], "static").mkdir(exist_ok=True)


_configure()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    _running.close()

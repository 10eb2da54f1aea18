"""A PostgreSQL of its own for one measurement: same settings, roles and durability as in the
product, in a temporary folder that is gone afterwards, also after Ctrl-C and SIGTERM."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.embedded import EmbeddedPostgres
from config.services import (
    APPLICATION_ROLE,
    OWNER_ROLE,
    ROOT,
    create_database,
    create_roles,
)

# The measuring process refuses to work on a database of any other name.
DATABASE = "parcfolio_bench"
GRACE_SECONDS = 10


class StepFailed(Exception):
    """A command of the measurement ended with an error; its own output says why."""


@dataclass(frozen=True)
class Scratch:
    """``folder`` holds everything; ``environment`` is what commands on its database need."""

    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str) -> str:
        """One command of manage.py in a process of its own; returns its standard output.

        The process is ended if this one is told to stop. Raises :class:`StepFailed`.
        """
        child = subprocess.Popen(  # noqa: S603
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=self.environment,
            start_new_session=True,
        )
        try:
            out, _ = child.communicate()
        finally:
            _end(child)
        if child.returncode:
            raise StepFailed(f"manage.py {arguments[0]} ended with status {child.returncode}.")
        return out


def _end(child: "subprocess.Popen[str]") -> None:
    if child.poll() is not None:
        return
    os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


@contextmanager
def scratch_database() -> Iterator[Scratch]:
    """Start a server with an empty database; take both away on leaving.

    Raises :class:`config.embedded.ServiceUnavailable` where there is no embedded PostgreSQL.
    """
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="parcfolio-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        # As root the server runs as another user, who must reach its data below this folder.
        folder.chmod(0o755)
        server = EmbeddedPostgres(folder / "server")
        stack.callback(_remove_elsewhere, server)
        stack.enter_context(server.running())
        stack.callback(_be_deaf)
        yield Scratch(folder, os.environ | _environment(server, folder))


def _be_deaf() -> None:
    """From here on, clean up undisturbed: a second Ctrl-C must not leave a server behind."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _remove_elsewhere(server: EmbeddedPostgres) -> None:
    """What the server keeps outside its folder: its socket, and its data if the folder is closed
    to its user."""
    for folder in (server.sockets, server.data):
        shutil.rmtree(folder, ignore_errors=True)


def _environment(server: EmbeddedPostgres, folder: Path) -> dict[str, str]:
    owner, application = (
        (role, secrets.token_urlsafe(24)) for role in (OWNER_ROLE, APPLICATION_ROLE)
    )
    create_roles(server.superuser_dsn(), owner=owner, application=application)
    create_database(
        server.superuser_dsn(), DATABASE, owner=OWNER_ROLE, application=APPLICATION_ROLE
    )
    var = folder / "var"
    var.mkdir()
    return {
        "DATABASE_URL": server.url(*application, DATABASE),
        "DATABASE_OWNER_URL": server.url(*owner, DATABASE),
        "PARCFOLIO_VAR": str(var),
        "PARCFOLIO_DEMO": "1",
        "PARCFOLIO_DEBUG": "0",
        "PARCFOLIO_HTTPS": "0",
        "REDIS_URL": "",
        # A refused page is an answer here, not news.
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "ERROR"),
        "OMP_WAIT_POLICY": "passive",
    }

"""How a command ends where the installation is at fault: one message and exit status 2.

A missing variable, a database that does not answer or has not been migrated is for the operator to
mend, who gets what is wrong and what to do. ``--traceback`` shows where it happened instead.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from config.embedded import ServiceUnavailable
from config.services import ensure_database

REFUSED = 2
INTERRUPTED = 130
# SQLSTATE classes of a connection that fails or is lost: connection, authorisation, no such
# database, too many connections, shut down. What fails before the server answers has no state.
LOST = ("08", "28", "3D", "53300", "57P")
# A table, column or function that a migration makes.
NOT_MIGRATED = ("42P01", "42703", "42883")


class InstallationAtFault(Exception):
    """The message says what is wrong with the installation and what to do."""


def run(arguments: Sequence[str]) -> None:
    """Carry out one command of manage.py. Leaves by ``SystemExit`` where it cannot."""
    if "--traceback" in arguments:
        _execute(arguments, nullcontext())
        return
    try:
        _execute(arguments, explained())
    except (InstallationAtFault, ServiceUnavailable) as fault:
        print(fault, file=sys.stderr)  # noqa: T201
        sys.exit(REFUSED)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)  # noqa: T201
        sys.exit(INTERRUPTED)


def _execute(arguments: Sequence[str], watched: AbstractContextManager[None]) -> None:
    # What the database says is looked into while an embedded one still runs.
    with ensure_database(), watched:
        from django.core.management import execute_from_command_line

        _read_settings()
        execute_from_command_line(list(arguments))


def _read_settings() -> None:
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    try:
        _ = settings.DATABASES
    except (ImproperlyConfigured, ValueError) as error:
        raise InstallationAtFault(
            f"The configuration cannot be used: {str(error).rstrip('.')}. docs/operations.md lists"
            " the variables."
        ) from error


@contextmanager
def explained() -> Iterator[None]:
    """Turn what the database says of itself into words; errors of a statement pass unchanged."""
    from django.db.utils import OperationalError, ProgrammingError

    try:
        yield
    except OperationalError as error:
        state = _state(error)
        if state is not None and not state.startswith(LOST):
            raise
        said = str(error).strip().replace("\n", " ")
        raise InstallationAtFault(
            f"The database cannot be used: {said} Check that it runs and that host, name, user and"
            " password in DATABASE_URL (migrate: DATABASE_OWNER_URL) are right."
        ) from error
    except ProgrammingError as error:
        if _state(error) not in NOT_MIGRATED or not _migrations_are_missing():
            raise
        raise InstallationAtFault(
            "The database has not been brought to this version: run manage.py migrate first."
        ) from error


def _state(error: Exception) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)


def _migrations_are_missing() -> bool:
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor

    connection = connections["default"]
    connection.close()  # the failed statement may have left a transaction behind
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))

"""From "nothing is configured" to a database with its two roles.

Order: DATABASE_URL given → used as it is. Not given → the embedded PostgreSQL of this checkout is
started, its roles made, and the URLs put into the environment before Django reads its settings.
"""

import fcntl
import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from config.embedded import (
    DATABASE_NAME,
    EmbeddedPostgres,
    ServiceUnavailable,
    exit_on_sigterm,
)

ROOT = Path(__file__).resolve().parents[2]
OWNER_ROLE = "parcfolio_owner"
APPLICATION_ROLE = "parcfolio_app"


def var_folder() -> Path:
    return Path(os.environ.get("PARCFOLIO_VAR", ROOT / "var"))


def local_secrets(folder: Path) -> dict[str, str]:
    """Secrets of an installation without configuration: made once, readable by its user alone."""
    file = folder / "secrets.json"
    wanted = {
        "SECRET_KEY": lambda: secrets.token_urlsafe(50),
        "PARCFOLIO_MASTER_KEY": lambda: _key(),
        "owner_password": lambda: secrets.token_urlsafe(24),
        "application_password": lambda: secrets.token_urlsafe(24),
        "demo_password": lambda: "Parc-" + secrets.token_hex(4),
    }
    known = _read_secrets(file)
    if not set(wanted) - set(known):
        return known
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "secrets.lock").open("a") as lock:
        # Of two commands that start at once, the second reads what the first has made.
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = _read_secrets(file)
        if set(wanted) - set(known):
            known = {name: known.get(name) or make() for name, make in wanted.items()}
            partial = file.with_suffix(".partial")
            partial.touch(mode=0o600)
            partial.write_text(json.dumps(known, indent=1))
            partial.rename(file)
    return known


def _usable_secrets(folder: Path) -> dict[str, str]:
    try:
        return local_secrets(folder)
    except (OSError, ValueError) as error:
        raise ServiceUnavailable(
            f"The folder {folder}, which holds data and secrets, cannot be used: {error}. Make it"
            " readable and writable, or name another in PARCFOLIO_VAR."
        ) from error


def _read_secrets(file: Path) -> dict[str, str]:
    return dict(json.loads(file.read_text())) if file.exists() else {}


def _key() -> str:
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


def create_roles(dsn: str, *, owner: tuple[str, str], application: tuple[str, str]) -> None:
    """Make (or re-key) the two roles. ``dsn`` signs in as a superuser; neither role is one."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for role, password in (owner, application):
            exists = connection.execute(
                "select 1 from pg_roles where rolname = %s", [role]
            ).fetchone()
            connection.execute(
                sql.SQL(
                    "{verb} role {role} login nosuperuser nobypassrls nocreaterole {db}"
                    " password {password}"
                ).format(
                    verb=sql.SQL("alter" if exists else "create"),
                    role=sql.Identifier(role),
                    db=sql.SQL("createdb" if role == owner[0] else "nocreatedb"),
                    password=sql.Literal(password),
                )
            )


def create_database(dsn: str, name: str, *, owner: str, application: str) -> None:
    """Make the database ``name`` unless it exists; only the two roles may connect to it."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        exists = connection.execute(
            "select 1 from pg_database where datname = %s", [name]
        ).fetchone()
        if not exists:
            connection.execute(
                sql.SQL("create database {} owner {} template template0 encoding 'UTF8'").format(
                    sql.Identifier(name), sql.Identifier(owner)
                )
            )
        for statement in (
            "revoke all on database {name} from public",
            "grant connect, temporary on database {name} to {application}",
        ):
            connection.execute(
                sql.SQL(statement).format(
                    name=sql.Identifier(name), application=sql.Identifier(application)
                )
            )


def _embedded_urls(server: EmbeddedPostgres, known: dict[str, str]) -> dict[str, str]:
    owner = (OWNER_ROLE, known["owner_password"])
    application = (APPLICATION_ROLE, known["application_password"])
    create_roles(server.superuser_dsn(), owner=owner, application=application)
    create_database(
        server.superuser_dsn(), DATABASE_NAME, owner=OWNER_ROLE, application=APPLICATION_ROLE
    )
    return {
        "DATABASE_URL": server.url(*application),
        "DATABASE_OWNER_URL": server.url(*owner),
    }


NEEDS_NO_DATABASE = {"help", "--help", "-h", "--version", "version", "waterfall", "generate_demo"}
NEEDS_NO_DATABASE |= {"compile_translations", "makemessages", "collectstatic", "bench"}


@contextmanager
def ensure_database() -> Iterator[None]:
    """Environment and, where needed, server for one command of manage.py.

    Raises:
        ServiceUnavailable: no database can be had; the message says what to do.
    """
    configured = bool(os.environ.get("DATABASE_URL"))
    if not configured or os.environ.get("PARCFOLIO_DEMO") == "1":
        known = _usable_secrets(var_folder())
        os.environ.setdefault("SECRET_KEY", known["SECRET_KEY"])
        if not os.environ.get("PARCFOLIO_MASTER_KEY_FILE"):
            os.environ.setdefault("PARCFOLIO_MASTER_KEY", known["PARCFOLIO_MASTER_KEY"])
    if configured:
        yield
        return
    os.environ.setdefault("PARCFOLIO_DEMO", "1")
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command in NEEDS_NO_DATABASE or {"--help", "-h"} & set(sys.argv[2:]):
        os.environ["DATABASE_URL"] = "postgres://none@localhost/none"
        yield
        return
    exit_on_sigterm()
    server = EmbeddedPostgres(var_folder())
    with server.running():
        os.environ.update(_embedded_urls(server, known))
        yield

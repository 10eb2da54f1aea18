"""Second connections, signed in as the application role and as the owner, beside Django's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings

from tests.access.world import World


def connect(alias: str) -> "psycopg.Connection[Any]":
    """A connection of ``alias`` ("default": the application role; "owner") of its own."""
    known = settings.DATABASES[alias]
    return psycopg.connect(
        dbname=known["NAME"],
        user=known["USER"],
        password=known["PASSWORD"],
        host=known["HOST"] or known["OPTIONS"]["host"],
    )


@contextmanager
def session(alias: str = "default") -> Iterator["psycopg.Connection[Any]"]:
    """Everything done in it is taken back."""
    connection = connect(alias)
    try:
        yield connection
    finally:
        connection.rollback()
        connection.close()


def enter(
    connection: "psycopg.Connection[Any]", tenant: int | str, units: set[int] | None = None
) -> None:
    """The context of some units of a tenant (None: of all), for this transaction."""
    values = {
        "app.tenant": str(tenant),
        "app.all": "1" if units is None else "0",
        "app.units": ",".join(map(str, sorted(units or ()))),
    }
    for name, value in values.items():
        connection.execute("select set_config(%s, %s, true)", [name, value])


def scalar(connection: "psycopg.Connection[Any]", query: str, *values: Any) -> Any:
    row = connection.execute(query.encode(), values or None).fetchone()
    return row[0] if row else None


def units_of(world: World, *suffixes: str) -> set[int]:
    return {world.mine.units[suffix].pk for suffix in suffixes}

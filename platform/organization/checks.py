"""System checks: what must hold before real data come into an installation."""

from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError, connection


@register(Tags.security)
def master_key(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Personal values are sealed with it: a malformed key must show before the first import."""
    keys = [part.strip() for part in settings.PARCFOLIO_MASTER_KEY.split(",") if part.strip()]
    hint = "One or more comma-separated keys, newest first, each 32 bytes in URL-safe base64."
    if not keys:
        return [Error("PARCFOLIO_MASTER_KEY is empty.", hint=hint, id="organization.E001")]
    for number, key in enumerate(keys, 1):
        try:
            Fernet(key)
        except ValueError:
            text = f"Key {number} of PARCFOLIO_MASTER_KEY is malformed."
            return [Error(text, hint=hint, id="organization.E001")]
    return []


@register(Tags.security, deploy=True)
def production_switches(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for name in ("DEBUG", "PARCFOLIO_DEMO"):
        if getattr(settings, name):
            text = f"{name} is on: it shows internals or shares passwords."
            found.append(Error(text, hint="Unset it.", id="organization.E002"))
    if not settings.SECOND_FACTOR:
        text = "PARCFOLIO_SECOND_FACTOR is off: a password alone opens an executive's session."
        found.append(Warning(text, hint="Unset it.", id="organization.W002"))
    if not settings.REDIS_URL:
        text = "REDIS_URL is not set: API limits count per process, tasks do not run."
        found.append(Warning(text, id="organization.W001"))
    return found


_POWERS = """
select r.rolsuper, r.rolbypassrls, r.rolcreaterole,
       exists (select from pg_tables t
               where t.schemaname = 'public' and pg_has_role(current_user, t.tableowner, 'member'))
from pg_roles r where r.rolname = current_user
"""
_WORDS = (
    "is a superuser",
    "bypasses row-level security",
    "may create roles",
    "owns tables of the application, or may become their owner",
)


def excess_powers() -> list[str]:
    """What the application's database role can do that would undo row-level security."""
    with connection.cursor() as cursor:
        cursor.execute(_POWERS)
        row = cursor.fetchone() or ()
    return [word for has, word in zip(row, _WORDS, strict=True) if has]


@register(Tags.security, deploy=True)
def application_role(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    hint = "DATABASE_URL needs a plain role, DATABASE_OWNER_URL the owner (docs/access.md)."
    try:
        powers = excess_powers()
    except DatabaseError as error:
        text = f"The role of DATABASE_URL could not be checked: {error}"
        return [Error(text, hint=hint, id="organization.E004")]
    return [
        Error(f"The role of DATABASE_URL {power}.", hint=hint, id="organization.E003")
        for power in powers
    ]

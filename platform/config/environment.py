"""Environment variables, refused by name and with what would be right where they cannot be read."""

import os
import warnings
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

YES = {"1", "true", "yes", "y", "on", "ok"}
NO = {"0", "false", "no", "n", "off", ""}
POSTGRES = "django.db.backends.postgresql"


class Environment(environ.Env):
    """As django-environ, but a switch is on, off or refused, and a refusal names the variable.

    django-environ takes every unknown word for "off", which for a switch such as
    ``PARCFOLIO_HTTPS`` would open what its administrator meant to close.
    """

    def get_value(self, var: str, cast: Any = None, *args: Any, **kwargs: Any) -> Any:
        given = os.environ.get(var)
        if cast is bool and given is not None and given.strip().lower() not in YES | NO:
            raise ImproperlyConfigured(f"{var} is {given!r}: write 1 or 0.")
        try:
            return super().get_value(var, cast, *args, **kwargs)
        except ValueError as error:
            what = {int: "a whole number", float: "a number"}.get(cast, "another value")
            raise ImproperlyConfigured(f"{var} is {given!r}: {what} is expected.") from error

    def postgres(self, var: str, *fallback: str) -> dict[str, Any]:
        """Django's settings of the database that ``var``, or else a ``fallback``, names.

        Raises ``ImproperlyConfigured``, without the text itself: it may hold a password.
        """
        var = next((name for name in (var, *fallback) if os.environ.get(name)), var)
        with warnings.catch_warnings():
            # Of an unknown scheme django-environ warns with the whole address.
            warnings.simplefilter("ignore")
            try:
                found: dict[str, Any] = self.db_url(var)
            except ValueError:
                found = {}
        if found.get("ENGINE") != POSTGRES:
            raise ImproperlyConfigured(
                f"{var} names no PostgreSQL database: write postgres://USER:PASSWORD@HOST:PORT/NAME"
                " (a / or # in the password as %2F, %23)."
            )
        return found

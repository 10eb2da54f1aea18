"""Signing in with ``username`` or, where several groups use the same one, ``username@group``."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from organization.models import Account


def find_account(name: str) -> Account | None:
    """The account of a typed login; None where there is none or several groups use the name."""
    name = name.strip()
    if "\0" in name:  # PostgreSQL's text cannot hold one
        return None
    if "@" in name:
        return Account.objects.filter(login__iexact=name).first()
    found = list(Account.objects.filter(username__iexact=name)[:2])
    return found[0] if len(found) == 1 else None


class LoginBackend(BaseBackend):
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **credentials: Any,
    ) -> Account | None:
        if not username or not password:
            return None
        account = find_account(username)
        if account is None:
            # Spend the time of a check all the same: a missing name must not answer faster.
            Account().set_password(password)
            return None
        # The password is checked first, so that a closed account answers no faster either.
        return account if account.check_password(password) and account.is_active else None

    def get_user(self, user_id: int) -> Account | None:
        return Account.objects.filter(pk=user_id, is_active=True).first()

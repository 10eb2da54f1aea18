"""What a password must be: long, not among those that attackers try first, not the person's name.

No rule about kinds of characters and no expiry: both lead to ``Spring2026!``.
"""

import re
from collections.abc import Iterator

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from organization.access import Access, entered
from organization.models import Account, Staff, Tenant

_LEET = str.maketrans("013457@$!", "oleastasi")
_SEQUENCES = (
    *("01234567890", "9876543210", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl"),
    *("zxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p"),
)


class CommonCoreValidator(CommonPasswordValidator):
    """Django's list of 20,000 leaked passwords, seen through what people put around them.

    ``Password2026!``, ``p@ssw0rd-p@ssw0rd`` and ``qwertyuiop123`` are on no list of that length,
    and are the first that a program makes out of one.
    """

    def validate(self, password: str, user: Account | None = None) -> None:
        plain = password.casefold()
        if _few_characters(plain) or any(core in self.passwords for core in _cores(plain)):
            raise ValidationError(
                _("This password is made of what attackers try first."), code="password_too_common"
            )
        if _is_sequences(plain):
            raise ValidationError(
                _("This password is a row of neighbouring keys."), code="password_too_common"
            )

    def get_help_text(self) -> str:
        return _("Not a common password with figures or signs around it.")


def _cores(plain: str) -> Iterator[str]:
    """The password without figures and signs at its ends, its halves, and with l33t undone."""
    for text in (plain, plain.translate(_LEET)):
        yield text
        bare = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", text)
        if len(bare) >= 4:
            yield bare
        for word in re.split(r"[\W_]+", text):
            if len(word) * 2 >= len(plain) - 1 and len(word) >= 6:
                yield word
        unit = re.fullmatch(r"(.{2,}?)\1+", text)
        if unit:
            yield unit[1]


def _few_characters(plain: str) -> bool:
    return len(set(plain)) < 5


def _is_sequences(plain: str) -> bool:
    """Whether runs of at least four neighbours make up all but three characters."""
    left = plain
    for sequence in (*_SEQUENCES, *(s[::-1] for s in _SEQUENCES)):
        for length in range(len(sequence), 3, -1):
            for start in range(len(sequence) - length + 1):
                left = left.replace(sequence[start : start + length], "")
    return len(plain) - len(left) >= 4 and len(left) <= 3


class LengthLimitValidator:
    """At most 128 characters: longer ones only cost the server time to hash."""

    longest = 128

    def validate(self, password: str, user: Account | None = None) -> None:
        if len(password) > self.longest:
            raise ValidationError(
                _("This password has more than %(longest)d characters."),
                code="password_too_long",
                params={"longest": self.longest},
            )

    def get_help_text(self) -> str:
        return _("At most %(longest)d characters.") % {"longest": self.longest}


class NamePartsValidator:
    """No part of the login, the person's name, e-mail, mobile, or the group's name and code."""

    shortest_latin, shortest_other = 4, 2

    def validate(self, password: str, user: Account | None = None) -> None:
        if user is None or user.pk is None:
            return
        plain = password.casefold()
        if any(part in plain for part in self._parts(user)):
            raise ValidationError(
                _("The password holds a part of your login, name, number or group."),
                code="password_too_similar",
            )

    def _parts(self, account: Account) -> Iterator[str]:
        access = Access(tenant_id=account.tenant_id, label=account.login)
        with entered(access):
            person = Staff.objects.filter(account=account).first()
            group = Tenant.objects.get(pk=account.tenant_id)
        sources = [account.login, account.username, group.code, group.name]
        if person:
            sources += [person.name, person.email.partition("@")[0], person.mobile]
        for part in re.split(r"[\W_]+", " ".join(sources).casefold()):
            if len(part) >= (self.shortest_latin if part.isascii() else self.shortest_other):
                yield part

    def get_help_text(self) -> str:
        return _("No part of your login, name, number or group.")

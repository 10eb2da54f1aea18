"""The second factor: codes of an authenticator app (TOTP, RFC 6238) and recovery codes.

Executives, data stewards and administrators need one; everybody may have one. The arithmetic is
that of ``cryptography``. Nothing is remembered on a device: each sign-in asks.
"""

import base64
import hashlib
import hmac
import secrets
import time
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase

from organization.models import Account, Role, SecondFactor
from organization.sealing import seal, unseal

DEMANDING_ROLES: frozenset[str] = frozenset({Role.EXECUTIVE, Role.DATA_STEWARD, Role.ADMINISTRATOR})
STEP_SECONDS, DIGITS = 30, 6
# One step before and one after: clocks of phones are off by less than that.
DRIFT = (0, -1, 1)
RECOVERY_CODES = 10
# Mark of a session that was opened with a second factor.
PASSED = "second_factor"


def demanded(roles: frozenset[str]) -> bool:
    """Whether these roles must sign in with a second factor in this installation."""
    return bool(settings.SECOND_FACTOR and roles & DEMANDING_ROLES)


def passed(session: SessionBase) -> bool:
    return session.get(PASSED) is True


def mark_passed(session: SessionBase) -> None:
    session[PASSED] = True


def factor_of(account: Account) -> SecondFactor | None:
    """Call inside the account's tenant."""
    found: SecondFactor | None = SecondFactor.objects.filter(account=account).first()
    return found


def new_secret() -> str:
    """160 random bits as authenticator apps take them: base32."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def address_of(secret: str, login: str) -> str:
    """The otpauth:// address that a QR code carries to the app."""
    label = quote(f"Parcfolio:{login}", safe=":@")
    return f"otpauth://totp/{label}?" + urlencode({"secret": secret, "issuer": "Parcfolio"})


def _totp(secret: str) -> TOTP:
    return TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303


def code_at(secret: str, now: float) -> str:
    """What the app shows at an instant (seconds since 1970)."""
    return _totp(secret).generate(int(now)).decode()


def step_of(secret: str, typed: str, now: float | None = None) -> int | None:
    """The time step that a typed code belongs to; None where it fits none near now."""
    typed = "".join(typed.split())
    if not (typed.isascii() and typed.isdecimal() and len(typed) == DIGITS):
        return None
    step = int(now if now is not None else time.time()) // STEP_SECONDS
    totp = _totp(secret)
    for drift in DRIFT:
        try:
            totp.verify(typed.encode(), (step + drift) * STEP_SECONDS)
        except InvalidToken:
            continue
        return step + drift
    return None


def _recovery_hash(account_id: int, code: str) -> str:
    plain = code.replace("-", "").replace(" ", "").lower()
    message = f"recovery\0{account_id}\0{plain}".encode(errors="replace")
    return hmac.new(settings.SECRET_KEY.encode(), message, hashlib.sha256).hexdigest()


def _new_recovery_codes() -> list[str]:
    """80 random bits each: no salt or slow hash is needed to keep them."""
    raw = [
        base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)
    ]
    return ["-".join(code[i : i + 4] for i in range(0, 16, 4)) for code in raw]


def set_up(account: Account, secret: str, step: int) -> list[str]:
    """Keep a secret whose code of ``step`` was just shown; returns the recovery codes, once."""
    codes = _new_recovery_codes()
    SecondFactor.objects.update_or_create(
        account=account,
        tenant_id=account.tenant_id,
        defaults={
            "sealed_secret": seal(secret),
            "last_step": step,
            "recovery_hashes": [_recovery_hash(account.pk, code) for code in codes],
        },
    )
    return codes


def renew_recovery_codes(factor: SecondFactor) -> list[str]:
    codes = _new_recovery_codes()
    factor.recovery_hashes = [_recovery_hash(factor.account_id, code) for code in codes]
    factor.save(update_fields=["recovery_hashes"])
    return codes


def accept(account: Account, typed: str, now: float | None = None) -> str | None:
    """Check a code and use it up: ``"app"``, ``"recovery"``, or None where it is not accepted.

    Call inside the account's tenant. A code of the app is good once, and none older than the last
    accepted one; a recovery code is good once.
    """
    factor = SecondFactor.objects.select_for_update().filter(account=account).first()
    if factor is None:
        return None
    step = step_of(unseal(factor.sealed_secret), typed, now)
    if step is not None and step > factor.last_step:
        factor.last_step = step
        factor.save(update_fields=["last_step"])
        return "app"
    wanted = _recovery_hash(account.pk, typed)
    if wanted in factor.recovery_hashes:
        factor.recovery_hashes = [code for code in factor.recovery_hashes if code != wanted]
        factor.save(update_fields=["recovery_hashes"])
        return "recovery"
    return None

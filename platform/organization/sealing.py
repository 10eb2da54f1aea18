"""Personal numbers at rest: sealed for reading, indexed blind for lookup and matching.

``PARCFOLIO_MASTER_KEY`` holds one or more comma-separated Fernet keys, newest first; sealed values
of an older key stay readable. The blind index uses the last (oldest) key, so it survives rotation.
"""

import hashlib
import hmac
from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


@lru_cache(maxsize=4)
def _keys(text: str) -> tuple[MultiFernet, bytes]:
    keys = [part.strip() for part in text.split(",") if part.strip()]
    return MultiFernet([Fernet(k) for k in keys]), hashlib.sha256(
        b"parcfolio blind index\0" + keys[-1].encode()
    ).digest()


def seal(value: str) -> bytes:
    """Encrypt a personal value (Fernet: AES-128-CBC with HMAC-SHA-256)."""
    return _keys(settings.PARCFOLIO_MASTER_KEY)[0].encrypt(value.encode())


def unseal(sealed: bytes) -> str:
    """The value again; raises ``cryptography.fernet.InvalidToken`` if no key fits."""
    return _keys(settings.PARCFOLIO_MASTER_KEY)[0].decrypt(bytes(sealed)).decode()


def blind_index(kind: str, tenant_id: int, value: str) -> bytes:
    """16 bytes that are equal for equal values of one kind and tenant, and say nothing else."""
    key = _keys(settings.PARCFOLIO_MASTER_KEY)[1]
    message = f"{kind}\0{tenant_id}\0{value}".encode()
    return hmac.new(key, message, hashlib.sha256).digest()[:16]

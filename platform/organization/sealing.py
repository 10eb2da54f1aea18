"""Keys: the installation's master keys, what they seal, and the blind index.

Master keys are Fernet keys, newest first, out of ``PARCFOLIO_MASTER_KEY_FILE`` (one a line) or
``PARCFOLIO_MASTER_KEY`` (comma-separated); never out of the database. They wrap the data key of
each person's number (``customers.person_keys``) and seal the little that belongs to nobody.
The blind index has a key of its own, ``PARCFOLIO_INDEX_KEY``, by default the oldest master key:
setting it to that key is what allows the oldest to be retired (docs/privacy.md).
"""

import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


def read_keys(listed: str, file: str) -> str:
    """The comma-separated master keys of the one place that is configured.

    Raises:
        ValueError: both places are configured, neither is, or the file cannot be read.
    """
    if bool(listed) == bool(file):
        raise ValueError("Set either PARCFOLIO_MASTER_KEY or PARCFOLIO_MASTER_KEY_FILE.")
    if listed:
        return listed
    try:
        lines = Path(file).read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"PARCFOLIO_MASTER_KEY_FILE {file} cannot be read: {error}") from error
    return ",".join(line.strip() for line in lines if line.strip() and line.strip()[0] != "#")


@dataclass(frozen=True)
class _Keys:
    masters: MultiFernet
    newest: str
    index: bytes


@lru_cache(maxsize=8)
def _parsed(text: str, index: str) -> _Keys:
    keys = [part.strip() for part in text.split(",") if part.strip()]
    return _Keys(
        masters=MultiFernet([Fernet(k) for k in keys]),
        newest=hashlib.sha256(b"parcfolio master key\0" + keys[0].encode()).hexdigest()[:16],
        index=hashlib.sha256(
            b"parcfolio blind index\0" + (index.strip() or keys[-1]).encode()
        ).digest(),
    )


def _keys() -> _Keys:
    return _parsed(settings.PARCFOLIO_MASTER_KEY, settings.PARCFOLIO_INDEX_KEY)


def newest_master() -> str:
    """A name (fingerprint) of the master key that seals today; says nothing about the key."""
    return _keys().newest


def wrap(key: bytes) -> bytes:
    """A data key under the newest master key (Fernet: AES-128-CBC with HMAC-SHA-256)."""
    return _keys().masters.encrypt(key)


def unwrap(wrapped: bytes) -> bytes:
    """The data key again; raises ``cryptography.fernet.InvalidToken`` if no master key fits."""
    return _keys().masters.decrypt(bytes(wrapped))


def seal(value: str) -> bytes:
    """Encrypt under the newest master key what belongs to no person's number."""
    return wrap(value.encode())


def unseal(sealed: bytes) -> str:
    """The value again; raises ``cryptography.fernet.InvalidToken`` if no key fits."""
    return unwrap(sealed).decode()


def rotated(sealed: bytes) -> bytes:
    """The same value under the newest master key."""
    return _keys().masters.rotate(bytes(sealed))


def blind_index(kind: str, tenant_id: int, value: str) -> bytes:
    """16 bytes that are equal for equal values of one kind and tenant, and say nothing else."""
    message = f"{kind}\0{tenant_id}\0{value}".encode()
    return hmac.new(_keys().index, message, hashlib.sha256).digest()[:16]

"""Sealing under the key of a person's number: AES-256-GCM, one key a number.

Form of a sealed value: version (1 byte), id of the key (8), nonce (12), ciphertext and tag; version
and id are authenticated with it. A value finds its key by that id, so it stays readable when its
row moves to another customer, and is lost for good when the key is destroyed.
"""

import os
import struct
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection

from customers.models import PersonKey
from organization.access import Access
from organization.sealing import newest_master, unwrap, wrap

_HEADER = struct.Struct(">BQ")
_VERSION, _NONCE, _KEY_BYTES = 1, 12, 32
# Random nonces under one key: NIST SP 800-38D allows 2**32 uses; a person has a few hundred.


@dataclass(frozen=True)
class PersonCipher:
    """Seals for one number."""

    header: bytes
    aead: AESGCM

    @classmethod
    def of(cls, key_id: int, key: bytes) -> "PersonCipher":
        return cls(_HEADER.pack(_VERSION, key_id), AESGCM(key))

    def seal(self, value: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return self.header + nonce + self.aead.encrypt(nonce, value.encode(), self.header)


def ciphers(tenant_id: int, sources: Collection[int]) -> dict[int, PersonCipher]:
    """By id of the number; keys that do not exist yet are made. Call inside an entered access."""
    wanted = set(sources)
    found = {
        source: PersonCipher.of(pk, unwrap(wrapped))
        for source, pk, wrapped in PersonKey.objects.filter(
            tenant_id=tenant_id, source_id__in=wanted
        ).values_list("source_id", "pk", "wrapped")
    }
    if missing := sorted(wanted - found.keys()):
        found |= _make(tenant_id, missing)
    return found


def _make(tenant_id: int, sources: list[int]) -> dict[int, PersonCipher]:
    keys = {source: os.urandom(_KEY_BYTES) for source in sources}
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into customers_personkey (tenant_id, store_id, source_id, wrapped, master)"
            " select %s, s.store_id, s.id, k.wrapped, %s"
            " from unnest(%s::bigint[], %s::bytea[]) as k(source, wrapped)"
            " join customers_customersource s on s.id = k.source and s.tenant_id = %s"
            " returning source_id, id",
            [
                *(tenant_id, newest_master(), sources),
                *([wrap(key) for key in keys.values()], tenant_id),
            ],
        )
        return {source: PersonCipher.of(pk, keys[source]) for source, pk in cursor.fetchall()}


def unsealed(access: Access, values: Iterable[bytes | memoryview | None]) -> list[str | None]:
    """What sealed values say, in their order; None for none and where the key has been destroyed.

    One query for all of them. An access that does not cover a number's store finds no key.

    Raises:
        ValueError: a value is not of the form above.
        cryptography.exceptions.InvalidTag: a value was altered.
    """
    sealed = [None if value is None else bytes(value) for value in values]
    ids = {_key_id(value) for value in sealed if value is not None}
    keys = {
        pk: AESGCM(unwrap(wrapped))
        for pk, wrapped in PersonKey.objects.visible_to(access)
        .filter(pk__in=ids)
        .values_list("pk", "wrapped")
    }
    return [None if value is None else _open(value, keys.get(_key_id(value))) for value in sealed]


def _key_id(value: bytes) -> int:
    if len(value) < _HEADER.size + _NONCE or value[0] != _VERSION:
        raise ValueError("This is no value sealed under a person's key.")
    return int(_HEADER.unpack_from(value)[1])


def _open(value: bytes, aead: AESGCM | None) -> str | None:
    if aead is None:
        return None
    header, rest = value[: _HEADER.size], value[_HEADER.size :]
    return aead.decrypt(rest[:_NONCE], rest[_NONCE:], header).decode()

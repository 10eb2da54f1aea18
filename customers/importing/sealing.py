"""Personal values on their way into the tables.

While a file is read nobody knows yet whose a cell is, so it is sealed under a key that lives only
in this process, and the staging table never holds it in clear. Once the row has its number, what is
new or changed is sealed again under that number's key, in blocks; a reload of the same file seals
nothing.
"""

# ruff: noqa: S608 - SQL is put together from this package's declarations, never from cells.

import os
from collections.abc import Callable
from string import Template
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection

from customers.person_keys import ciphers

if TYPE_CHECKING:
    from customers.importing.loading import Loading

_STAGE = AESGCM(AESGCM.generate_key(256))
_NONCE = 12
_BLOCK = 10_000


def staged(value: str) -> bytes:
    """``value`` as the staging table holds it; readable by this process alone."""
    nonce = os.urandom(_NONCE)
    return nonce + _STAGE.encrypt(nonce, value.encode(), None)


def unstaged(sealed: bytes) -> str:
    return _STAGE.decrypt(sealed[:_NONCE], sealed[_NONCE:], None).decode()


def seal_new(
    loading: "Loading", name: str, *, rows: str, table: str, match: str, target: str, lookup: str
) -> None:
    """Make ``import_sealed`` (row, sealed): column ``name`` of ``rows`` under its number's key.

    Args:
        rows: relation ``r`` with row, source_id and the staging columns of ``name``.
        table, match: the table ``t`` that gets the value, and how ``t`` and ``r`` meet.
        target, lookup: its columns of ciphertext and blind index; where the index of the same
            number is unchanged, the ciphertext stays.
    """
    meets = f"t.tenant_id = $tenant and {match}"
    same = f"t.{lookup} = r.{name}_lookup and t.source_id = r.source_id"
    loading.run(
        "create temp table import_sealed (row bigint, sealed bytea)", temporary="import_sealed"
    )
    seal_block(
        Template(
            f"select r.row, r.source_id, r.{name}_sealed from {rows}"
            f" left join {table} t on {meets}"
            f" where r.{name}_lookup is not null and r.source_id is not null"
            f" and ({same}) is not true"
        ).substitute(loading.names.marks()),
        loading.names.tenant_id,
        "import_sealed (row, sealed)",
        lambda cell: unstaged(bytes(cell)),
    )
    loading.run(
        f"insert into import_sealed select r.row, t.{target} from {rows}"
        f" join {table} t on {meets} where {same} and t.{target} is not null"
    )
    loading.run("analyze import_sealed")


def seal_block(query: str, tenant_id: int, target: str, clear: Callable[[Any], str]) -> None:
    """Seal what ``query`` (id, source, value) yields and copy (id, sealed) into ``target``."""
    with connection.chunked_cursor() as reading:
        reading.execute(query)
        while block := reading.fetchmany(_BLOCK):
            keys = ciphers(tenant_id, {source for _id, source, _value in block})
            lines = (
                f"{pk}\t\\\\x{keys[source].seal(clear(value)).hex()}\n"
                for pk, source, value in block
            )
            with (
                connection.cursor() as writing,
                writing.copy(f"copy {target} from stdin") as copy,
            ):
                copy.write("".join(lines))

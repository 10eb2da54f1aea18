"""Scores into PostgreSQL as binary COPY: a million rows without a million numbers as text.

What has a fixed length in all rows (numbers, days, curves) is one NumPy view of the bytes that
PostgreSQL reads; words and JSON follow row by row. COPY into a table under row-level security is
refused, so it fills a table of the transaction's own, and one INSERT moves on from there.
"""

import json
import struct

import numpy as np
import pandas as pd
from django.db import connection, models

from ml.curves import NODES
from ml.models import Score
from organization.access import Access

FIELDS = {
    str(field.column): field
    for field in Score._meta.concrete_fields
    if field.column not in {"tenant_id", "score_set_id"}
}
COLUMNS = list(FIELDS)

_CURVES = ("visits_at_nodes", "alive_at_nodes")
_WORDS = ("segment", "grade", "risk")
_JSON = ("reasons", "evidence")
_TEXTS = (*_WORDS, "tags", *_JSON)
_FIXED = tuple(name for name in COLUMNS if name not in _TEXTS)
_UNKNOWN_DAY = np.iinfo(np.int64).min
_EPOCH = "date '1970-01-01'"

_HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
_TRAILER = struct.pack(">h", -1)
_FLOAT8 = 701
"""Object id of the type of an array's items in PostgreSQL."""

_ARRAY = np.dtype(
    [
        *((name, ">i4") for name in ("size", "dimensions", "nulls", "type", "count", "first")),
        ("items", [("size", ">i4"), ("value", ">f8")], NODES),
    ]
)
BLOCK = 10_000


def _kind(name: str) -> str:
    """How a column of fixed length travels: "day", "flag", "float", "integer" or "curve"."""
    field = FIELDS[name]
    if name in _CURVES:
        return "curve"
    if isinstance(field, models.DateField):
        return "day"
    if isinstance(field, models.BooleanField):
        return "flag"
    return "float" if isinstance(field, models.FloatField) else "integer"


_KINDS = {name: _kind(name) for name in _FIXED}
_STAGED = {
    "curve": "float8[]",
    "float": "float8",
    **dict.fromkeys(("integer", "day", "flag"), "bigint"),
}
_ROW = np.dtype(
    [
        ("fields", ">i2"),
        *(
            part
            for name, kind in _KINDS.items()
            for part in (
                [(name, _ARRAY)]
                if kind == "curve"
                else [(f"#{name}", ">i4"), (name, ">f8" if kind == "float" else ">i8")]
            )
        ),
    ]
)


def copy_scores(access: Access, score_set_id: int, scores: pd.DataFrame) -> None:
    """Add rows to the partition of a score set, inside an entered access and a transaction.

    ``scores`` has the columns of :data:`COLUMNS`: curves as (8,) floats and tags as lists, reasons
    and evidence as what JSON holds, days as datetimes (NaT: unknown). Floats arrive bit by bit.
    """
    if scores.empty:
        return
    staged = [f'"{name}" {_STAGED[_KINDS[name]]}' for name in _FIXED]
    staged += [f'"{name}" {"jsonb" if name in _JSON else "text"}' for name in _TEXTS]
    names = ", ".join(f'"{name}"' for name in (*_FIXED, *_TEXTS))
    with connection.cursor() as cursor:
        cursor.execute(f"create temp table scored ({', '.join(staged)}) on commit drop")
        with cursor.copy(f"copy scored ({names}) from stdin (format binary)") as copy:
            copy.write(_HEADER)
            for start in range(0, len(scores), BLOCK):
                copy.write(rows_in_binary(scores.iloc[start : start + BLOCK]))
            copy.write(_TRAILER)
        values = ", ".join(_value(name) for name in (*_FIXED, *_TEXTS))
        cursor.execute(
            f"insert into ml_score (tenant_id, score_set_id, {names})"  # noqa: S608
            f" select %s, %s, {values} from scored order by customer_id",
            [access.tenant_id, score_set_id],
        )
        cursor.execute("drop table scored")


def _value(name: str) -> str:
    """The staged column as what the table holds."""
    kind = _KINDS.get(name, "")
    if kind == "day":
        return f'case when "{name}" <> {_UNKNOWN_DAY} then {_EPOCH} + "{name}"::int end'
    if kind == "flag":
        return f'"{name}" <> 0'
    return f'"{name}"::text[]' if name == "tags" else f'"{name}"'


def rows_in_binary(scores: pd.DataFrame) -> bytes:
    """The rows in PostgreSQL's binary COPY format, without its header and trailer."""
    table = np.zeros(len(scores), dtype=_ROW)
    table["fields"] = len(_FIXED) + len(_TEXTS)
    for name, kind in _KINDS.items():
        if kind == "curve":
            _fill_curve(table[name], np.stack(list(scores[name])))
            continue
        table[f"#{name}"] = 8
        table[name] = _days(scores[name]) if kind == "day" else scores[name].to_numpy()
    fixed = table.tobytes()
    size = _ROW.itemsize
    texts = zip(*(_texts(scores[name], name) for name in _TEXTS), strict=True)
    return b"".join(
        part
        for row, of_row in enumerate(texts)
        for part in (fixed[row * size : (row + 1) * size], *of_row)
    )


def _fill_curve(array: np.ndarray, nodes: np.ndarray) -> None:
    array["size"] = _ARRAY.itemsize - 4
    array["dimensions"], array["type"] = 1, _FLOAT8
    array["count"], array["first"] = NODES, 1
    array["items"]["size"] = 8
    array["items"]["value"] = nodes


def _days(column: pd.Series) -> np.ndarray:
    return column.to_numpy(dtype="datetime64[D]").astype(np.int64)


def _texts(column: pd.Series, name: str) -> list[bytes]:
    """Each value behind its length; words that repeat are encoded once."""
    if name in _WORDS:
        known = {word: _sized(str(word).encode()) for word in column.unique()}
        return [known[word] for word in column.tolist()]
    if name == "tags":
        return [_sized(("{" + ",".join(tags) + "}").encode()) for tags in column.tolist()]
    # The first byte is the version of jsonb's binary format.
    return [_sized(b"\x01" + json.dumps(value).encode()) for value in column.tolist()]


def _sized(value: bytes) -> bytes:
    return struct.pack(">i", len(value)) + value

"""What the scoring of a chunk of customers needs, as bytes that any worker can fetch and check.

Frames of numbers, flags, days and short words, indexed by customer; NumPy's own format without
pickles, compressed, under a SHA-256 that is recorded with the chunk.
"""

import hashlib
import io
import zlib
from collections.abc import Mapping

import numpy as np
import pandas as pd

LARGEST = 256 * 1024 * 1024
"""Bytes of one chunk's inputs: PostgreSQL moves a value as a whole and ends at a gigabyte."""

_SEPARATOR = "|"


class DamagedInputs(ValueError):
    """The bytes are not those that were recorded."""


def pack(frames: Mapping[str, pd.DataFrame]) -> tuple[bytes, str]:
    """Content and SHA-256 of frames that share one index of customers (int64)."""
    index = next(iter(frames.values())).index
    arrays = {"customer": index.to_numpy(dtype=np.int64)}
    for name, frame in frames.items():
        if not frame.index.equals(index):
            raise ValueError(f"the frame {name} is not of the same customers")
        for column in frame.columns:
            arrays[f"{name}{_SEPARATOR}{column}"] = _plain(frame[column])
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    content = zlib.compress(buffer.getbuffer(), 1)
    if len(content) > LARGEST:
        raise ValueError(f"the inputs of a chunk have {len(content)} bytes; make chunks smaller")
    return content, hashlib.sha256(content).hexdigest()


def _plain(column: pd.Series) -> np.ndarray:
    """The column as an array without objects: words as fixed text, days as datetime64[s]."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.to_numpy(dtype="datetime64[s]")
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
        return column.to_numpy()
    if column.isna().any():
        raise ValueError(f"{column.name} has missing words")
    return column.to_numpy(dtype=object).astype(np.str_)


def unpack(content: bytes, sha256: str) -> dict[str, pd.DataFrame]:
    """The frames that were packed, columns in their order.

    Raises :class:`DamagedInputs` where the bytes are not those recorded.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DamagedInputs(f"the inputs have SHA-256 {found}, the chunk says {sha256}")
    columns: dict[str, dict[str, np.ndarray]] = {}
    with np.load(io.BytesIO(zlib.decompress(content)), allow_pickle=False) as arrays:
        index = pd.Index(arrays["customer"], name="customer")
        for name in arrays.files:
            if name != "customer":
                frame, column = name.split(_SEPARATOR, 1)
                columns.setdefault(frame, {})[column] = arrays[name]
    return {name: pd.DataFrame(parts, index=index) for name, parts in columns.items()}

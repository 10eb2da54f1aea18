"""A digest of what a row says: of its cells, of what they mean, and of the rules they are read by.

Equal digests of two loads mean that converting, checking and comparing the row again would come to
what it came to before, as far as that depends on the row itself and on the references given here.
The digest is keyed, like the blind index, by a key from outside the database: without it, a
telephone number could be found by trying all.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from pathlib import Path

import phonenumbers

from customers.importing.kinds.kind import Kind
from customers.importing.tables import Chunk
from organization.sealing import blind_index

_SEPARATOR = "\x1f"
NONE = ""  # of rows that cannot be recognised


@lru_cache(maxsize=1)
def rules() -> str:
    """A fingerprint of the program that reads and checks rows: with each change of it, every row
    is looked at in full once."""
    digest = hashlib.sha256(phonenumbers.__version__.encode())
    folder = Path(__file__).parent
    for file in sorted(folder.rglob("*.py")):
        digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


class RowDigests:
    """Digests of the rows of one file.

    Args:
        positions: of the kind's columns in the file's rows.
        references: staging column → its cell → what that means beyond the row.
    """

    def __init__(
        self,
        kind: Kind,
        tenant_id: int,
        zone: str,
        positions: Mapping[str, int],
        references: Mapping[str, Mapping[str, str]],
    ) -> None:
        names = [column.name for column in kind.columns if column.name in positions]
        self._positions = [positions[name] for name in names]
        self.references = {name: known for name, known in references.items() if name in positions}
        said = json.dumps([rules(), kind.name, names, sorted(self.references), zone])
        key = blind_index("import row", tenant_id, said)
        self._empty = hashlib.blake2b(digest_size=16, key=key)

    def of(self, chunk: Chunk, converted: Mapping[str, Sequence[str]]) -> list[str]:
        """32 hexadecimal digits a row, or ``NONE``.

        Args:
            converted: COPY forms of the columns that ``references`` names.
        """
        columns: list[Sequence[str]] = [chunk.columns[at] for at in self._positions]
        for name, known in self.references.items():
            columns.append(list(map(known.get, converted[name], repeat(""))))
        texts = list(map(_SEPARATOR.join, zip(*columns, strict=True)))
        if "".join(texts).count(_SEPARATOR) != len(texts) * (len(columns) - 1):
            return [NONE] * len(texts)  # a cell holds a separator: rows could be mistaken
        return [self._digest(text) for text in texts]

    def _digest(self, text: str) -> str:
        digest = self._empty.copy()
        digest.update(text.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

"""The files of a cut pool, made in a folder of their own and handed out as open files."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from valuation.models import Pool
from valuation.pools.tape import package
from valuation.pools.workbook import write_workbook

FORMS = {
    "csv": "application/zip",
    "parquet": "application/zip",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True)
class Exported:
    """``content``: the tape's SHA-256, or how many customers a workbook holds."""

    source: IO[bytes]
    name: str
    content_type: str
    content: str


def exported(pool: Pool, form: str) -> Exported:
    """One of FORMS; the open file outlives its folder."""
    with tempfile.TemporaryDirectory(prefix="parcfolio-tape-") as name:
        folder = Path(name)
        if form == "xlsx":
            path = folder / "pool.xlsx"
            content = f"{write_workbook(pool, path)} customers"
        else:
            path, content = package(pool, form, folder)
        return Exported(
            path.open("rb"), f"pool-{pool.pk}-{form}{path.suffix}", FORMS[form], content
        )

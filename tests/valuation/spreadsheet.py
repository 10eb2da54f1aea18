"""Recomputing a workbook: by LibreOffice where it is installed, else by the `formulas` library."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from openpyxl import load_workbook


def recomputed(path: Path, sheet: str, cells: list[str]) -> dict[str, Any]:
    """Values of cells after every formula of the workbook was computed anew."""
    if shutil.which("soffice"):
        return _by_libreoffice(path, sheet, cells)
    return _by_formulas(path, sheet, cells)


def _by_libreoffice(path: Path, sheet: str, cells: list[str]) -> dict[str, Any]:
    out = path.parent / "recomputed"
    subprocess.run(
        ["soffice", "--headless", "--convert-to", "xlsx", "--outdir", str(out), str(path)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    found = load_workbook(out / path.name, data_only=True)[sheet]
    return {cell: found[cell].value for cell in cells}


def _by_formulas(path: Path, sheet: str, cells: list[str]) -> dict[str, Any]:
    import formulas

    model = formulas.ExcelModel().loads(str(path)).finish()
    solution = model.calculate()
    key = f"'[{path.name}]{sheet.upper()}'!"
    return {cell: solution[key + cell].value[0, 0] for cell in cells}

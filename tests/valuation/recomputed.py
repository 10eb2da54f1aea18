"""A workbook's cells as somebody else computes them: LibreOffice where there is one, else the
evaluator ``formulas``, which shares nothing with the product."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import formulas
import openpyxl


def recompute(content: bytes, folder: Path) -> dict[tuple[str, str], Any]:
    """(sheet, cell) → value of every formula of the workbook."""
    path = folder / "book.xlsx"
    path.write_bytes(content)
    asked = [
        (sheet.title, cell.coordinate)
        for sheet in openpyxl.load_workbook(path)
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "f"
    ]
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if office:
        return _by_office(office, path, asked)
    found = formulas.ExcelModel().loads(str(path)).finish().calculate()
    values = {}
    for sheet, cell in asked:
        key = f"'[{path.name}]{sheet.upper()}'!{cell}"
        values[sheet, cell] = found[key].value[0, 0]
    return values


def _by_office(office: str, path: Path, asked: list[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    out = path.parent / "recomputed"
    subprocess.run(
        [office, "--headless", "--convert-to", "xlsx", "--outdir", str(out), str(path)],
        check=True,
        capture_output=True,
        timeout=180,
    )
    book = openpyxl.load_workbook(out / path.name, data_only=True)
    return {(sheet, cell): book[sheet][cell].value for sheet, cell in asked}

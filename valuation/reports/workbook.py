"""A document as a workbook: figures with live formulas over a data sheet, tables, the notice.

Text that comes from records is made inert (:mod:`web.spreadsheets`); a cell that is a formula is
one because this module wrote it.
"""

import io
from typing import Any

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from valuation.reports.document import Cells, Document, Figure, Grid, Kind, Section
from web.spreadsheets import inert

FORMATS: dict[str, str] = {
    "money": "#,##0.00",
    "integer": "#,##0",
    "percent": "0.0%",
    "ratio": "0.00",
    "points": "0.0",
    "months": "0",
    "text": "@",
}
BOLD, MUTED = Font(bold=True), Font(color="666666", size=9)
HEAD = PatternFill("solid", fgColor="E8ECF4")
FIRST_MONTH = 3
LONGEST_NAME = 31
WIDEST = 60


def workbook_of(document: Document) -> bytes:
    """The document as XLSX."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None  # a new workbook has one
    sheet.title = _("Report")[:LONGEST_NAME]
    data_name = _("Data")
    keys = [key for key, _values in document.data.values()]
    cells = Cells({key: 5 + i for i, key in enumerate(keys)}, FIRST_MONTH, data_name)
    _head(sheet, document)
    _report(sheet, document, cells)
    if document.data:
        _data(book.create_sheet(data_name), document)
    for section in document.sections:
        for grid in section.grids:
            _grid(book.create_sheet(_sheet_name(grid.title, book)), grid, document.notice)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _sheet_name(title: str, book: Workbook) -> str:
    plain = "".join(" " if c in "[]:*?/\\" else c for c in title)[:LONGEST_NAME].strip()
    taken = {name.lower() for name in book.sheetnames}
    number = 1
    name = plain
    while name.lower() in taken:
        number += 1
        name = f"{plain[: LONGEST_NAME - 3]} {number}"
    return name


def _put(sheet: Worksheet, row: int, column: int, value: Any, kind: Kind = "text") -> Any:
    cell = sheet.cell(row, column)
    if kind == "text":
        cell.value = None if value is None else inert(str(value))
        # A text that begins like a formula stays text.
        cell.data_type = "s" if value is not None else "n"
    else:
        cell.value = value
        cell.number_format = FORMATS[kind]
    return cell


def _head(sheet: Worksheet, document: Document) -> None:
    _put(sheet, 1, 1, document.title).font = Font(bold=True, size=14)
    _put(sheet, 2, 1, document.subtitle)
    _put(sheet, 3, 1, document.notice).font = Font(bold=True, color="9C5700")
    for row, (label, value) in enumerate(document.facts, start=4):
        _put(sheet, row, 1, label).font = MUTED
        _put(sheet, row, 2, value)
    footer: Any = sheet.oddFooter
    footer.center.text = document.notice


def heads() -> list[str]:
    """Columns of the figures, in the reader's language."""
    return [
        *(_("Figure"), _("Value"), _("MoM"), _("YoY"), _("Target"), _("Status")),
        *(_("Formula"), _("Counted from")),
    ]


def _report(sheet: Worksheet, document: Document, cells: Cells) -> None:
    row = 5 + len(document.facts)
    places: dict[str, str] = {}
    for section in document.sections:
        if not section.figures and not section.notes:
            continue
        _put(sheet, row, 1, section.title).font = Font(bold=True, size=12)
        row += 1
        if section.figures:
            for column, head in enumerate(heads(), start=1):
                cell = _put(sheet, row, column, head)
                cell.font, cell.fill = BOLD, HEAD
            row += 1
        for figure in section.figures:
            _figure(sheet, row, figure, cells, places)
            places[figure.label] = f"B{row}"
            row += 1
        for note in section.notes:
            _put(sheet, row, 1, note).font = MUTED
            row += 1
        row += 1
    for letter, width in zip("ABCDEFGH", (34, 18, 12, 12, 10, 12, 60, 60), strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "B4"


def _figure(
    sheet: Worksheet, row: int, figure: Figure, cells: Cells, places: dict[str, str]
) -> None:
    value, before, year = figure.excel
    _put(sheet, row, 1, figure.label)
    _put(sheet, row, 2, _live(value, cells, places, figure.value), figure.kind)
    for column, formula, number in ((3, before, figure.before), (4, year, figure.year)):
        differs = figure.kind in ("percent", "points", "months")
        kind: Kind = figure.kind if differs else "percent"
        if figure.value is None or number is None or (not differs and number == 0):
            continue
        if formula is None:
            number = figure.value - number if differs else figure.value / number - 1.0
            _put(sheet, row, column, number, kind)
        else:
            against = formula(cells)
            text = f"=B{row}-({against})" if differs else f"=B{row}/({against})-1"
            _put(sheet, row, column, text, kind)
    _put(sheet, row, 5, figure.target)
    _put(sheet, row, 6, figure.status)
    for column, text in ((7, figure.formula), (8, figure.rows)):
        _put(sheet, row, column, text).alignment = Alignment(wrap_text=True, vertical="top")


def _live(formula: Any, cells: Cells, places: dict[str, str], value: float | None) -> Any:
    """A formula on the data sheet or on figures above by their labels; else the number."""
    if formula is None:
        return value
    text = formula(cells)
    parts = text.split("/")
    if all(part in places for part in parts):
        return "=" + "/".join(places[part] for part in parts)
    return f"={text}"


def _data(sheet: Worksheet, document: Document) -> None:
    """Series in rows, months in columns: what the formulas of the report count."""
    _put(sheet, 1, 1, _("Series by month; money in yuan")).font = BOLD
    _put(sheet, 2, 1, document.notice).font = MUTED
    for column, head in enumerate((_("Series"), _("Key"), *document.months), start=1):
        cell = _put(sheet, 4, column, head)
        cell.font, cell.fill = BOLD, HEAD
    for row, (label, (key, values)) in enumerate(document.data.items(), start=5):
        _put(sheet, row, 1, label)
        _put(sheet, row, 2, key)
        for column, value in enumerate(values, start=FIRST_MONTH):
            _put(sheet, row, column, value, "ratio" if isinstance(value, float) else "integer")
    sheet.column_dimensions["A"].width = 34
    sheet.freeze_panes = "C5"


def _grid(sheet: Worksheet, grid: Grid, notice: str) -> None:
    _put(sheet, 1, 1, grid.title).font = BOLD
    _put(sheet, 2, 1, notice).font = MUTED
    if grid.note:
        _put(sheet, 3, 1, grid.note).font = MUTED
    for column, (head, _kind) in enumerate(grid.heads, start=1):
        cell = _put(sheet, 4, column, head)
        cell.font, cell.fill = BOLD, HEAD
        sheet.column_dimensions[get_column_letter(column)].width = min(max(len(head) + 4, 12), 44)
    for row, line in enumerate(grid.rows, start=5):
        for column, (value, (_head, kind)) in enumerate(
            zip(line, grid.heads, strict=True), start=1
        ):
            _put(sheet, row, column, value, kind)
    if grid.summed and grid.rows:
        last = 4 + len(grid.rows)
        _put(sheet, last + 1, 1, _("Total")).font = BOLD
        for column, (_head, kind) in enumerate(grid.heads, start=1):
            if kind in ("money", "integer") and column > 1:
                letter = get_column_letter(column)
                total = _put(sheet, last + 1, column, f"=SUM({letter}5:{letter}{last})", kind)
                total.font = BOLD
    sheet.freeze_panes = "B5"


def section_book(title: str, notice: str, facts: Any, grids: list[Grid]) -> bytes:
    """A workbook of tables alone."""
    return workbook_of(Document(title, "", notice, facts, [Section(title, grids=grids)]))

"""A document as a workbook: figures with live formulas over a data sheet, tables, the notice.

Text that comes from records is made inert (:mod:`web.spreadsheets`); a cell that is a formula is
one because this module wrote it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.chart import BarChart, LineChart, Reference
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from valuation.reports.document import Cells, Document, Figure, Grid, Kind, Picture, Section
from web.spreadsheets import inert

FORMATS: dict[str, str] = {
    "money": "#,##0.00",
    "integer": "#,##0",
    "percent": "0.0%",
    "ratio": "0.00",
    "points": "0.0",
    "months": "0",
    "text": "@",
    "figure": "@",
}
BOLD, MUTED = Font(bold=True), Font(color="666666", size=9)
HEAD = PatternFill("solid", fgColor="E8ECF4")
FIRST_MONTH = 3
LONGEST_NAME = 31
NARROWEST, WIDEST = 10, 60
SERIES_COLOURS = ("2B50C0", "0F8A84", "B06A00", "8A4BB0", "5D6673", "B8446F")


def workbook_of(document: Document, path: Path) -> None:
    """Write the document as XLSX. Its sheets hold sums by month, unit or model, never a row a
    customer, so that a workbook in memory is small."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None  # a new workbook has one
    sheet.title = _("Report")[:LONGEST_NAME]
    data_name = _("Data")
    keys = [key for key, _values in document.data.values()]
    cells = Cells({key: 5 + i for i, key in enumerate(keys)}, FIRST_MONTH, data_name)
    _head(sheet, document)
    last = _report(sheet, document, cells)
    if document.data:
        _data(book.create_sheet(data_name), document)
    for section in document.sections:
        for picture in section.pictures:
            if picture.shape:
                title = str(picture.chart.title)
                _picture(book.create_sheet(_sheet_name(title, book)), picture, document)
        for grid in section.grids:
            _grid(book.create_sheet(_sheet_name(grid.title, book)), grid, document)
    _contents(sheet, last + 1, book)
    for one in book.worksheets:
        _printed(one, document)
    book.save(path)


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
    elif kind == "figure":
        cell.value = None if value is None else inert(str(value))
        cell.data_type = "s" if value is not None else "n"
        cell.alignment = Alignment(horizontal="right")
    else:
        cell.value = value
        cell.number_format = FORMATS[kind]
    return cell


def _printed(sheet: Worksheet, document: Document) -> None:
    """On paper: one page wide, heads on every page, notice and edition at the foot."""
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToHeight = 0
    properties: Any = sheet.sheet_properties
    properties.pageSetUpPr.fitToPage = True
    foot: Any = sheet.oddFooter
    foot.left.text = document.notice
    foot.center.text = document.stamp
    foot.right.text = "&P / &N"
    for part in (foot.left, foot.center, foot.right):
        part.size = 7
    sheet.sheet_view.showGridLines = False


def _width(texts: Sequence[Any]) -> float:
    """Of a column whose cells hold ``texts``; a Chinese character is two wide."""
    longest = max((sum(2 if ord(c) > 0x2E7F else 1 for c in str(one)) for one in texts), default=0)
    return min(max(longest + 3, NARROWEST), WIDEST)


def _head(sheet: Worksheet, document: Document) -> None:
    _put(sheet, 1, 1, document.title).font = Font(bold=True, size=14)
    _put(sheet, 2, 1, document.subtitle)
    _put(sheet, 3, 1, document.notice).font = Font(bold=True, color="9C5700")
    for row, (label, value) in enumerate(document.facts, start=4):
        _put(sheet, row, 1, label).font = MUTED
        _put(sheet, row, 2, value)


def heads() -> list[str]:
    """Columns of the figures, in the reader's language."""
    return [
        *(_("Indicator"), _("Value"), _("MoM"), _("YoY"), _("Target"), _("Status")),
        *(_("Formula"), _("Counted from")),
    ]


def _report(sheet: Worksheet, document: Document, cells: Cells) -> int:
    """The figures with their formulas, chapter by chapter; the last row written."""
    row = 5 + len(document.facts)
    places: dict[str, str] = {}
    for section in document.sections:
        if not (section.figures or section.notes or section.lead):
            continue
        _put(sheet, row, 1, section.title).font = Font(bold=True, size=12)
        row += 1
        if section.lead:
            _put(sheet, row, 1, section.lead)
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
    return row


def _contents(sheet: Worksheet, row: int, book: Workbook) -> None:
    """Links to every other sheet."""
    if len(book.worksheets) < 2:
        return
    _put(sheet, row, 1, _("Sheets")).font = Font(bold=True, size=12)
    for place, one in enumerate(book.worksheets[1:], start=row + 1):
        cell = _put(sheet, place, 1, one.title)
        name = one.title.replace("'", "''")
        cell.hyperlink = f"#'{name}'!A1"
        cell.font = Font(color="2B50C0", underline="single")


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


def _picture(sheet: Worksheet, picture: Picture, document: Document) -> None:
    """The numbers of a chart, money in yuan, with the chart that a spreadsheet draws of them."""
    chart = picture.chart
    _put(sheet, 1, 1, str(chart.title)).font = BOLD
    _put(sheet, 2, 1, document.notice).font = MUTED
    _put(sheet, 3, 1, str(chart.description)).font = MUTED
    for column, head in enumerate(chart.columns, start=1):
        cell = _put(sheet, 4, column, head)
        cell.font, cell.fill = BOLD, HEAD
        sheet.column_dimensions[get_column_letter(column)].width = _width([head, "0" * 12])
    money = picture.kind == "money"
    for row, (label, *values) in enumerate(chart.data, start=5):
        _put(sheet, row, 1, label)
        for column, value in enumerate(values, start=2):
            shown = value / 100 if money and value is not None else value
            _put(sheet, row, column, shown, picture.kind)
    last, across = 4 + len(chart.data), len(chart.columns)
    drawn: Any = LineChart() if picture.shape == "lines" else BarChart()
    if picture.shape == "bars":
        drawn.type = "bar"
        drawn.y_axis.scaling.orientation = "minMax"
        drawn.x_axis.scaling.orientation = "maxMin"
    drawn.title = None
    drawn.add_data(
        Reference(sheet, min_col=2, max_col=across, min_row=4, max_row=last), titles_from_data=True
    )
    drawn.set_categories(Reference(sheet, min_col=1, min_row=5, max_row=last))
    for number, series in enumerate(drawn.series):
        colour = SERIES_COLOURS[number % len(SERIES_COLOURS)]
        series.smooth = False
        line = series.graphicalProperties
        if picture.shape == "lines":
            line.line.solidFill, line.line.width = colour, 19050
            line.line.dashStyle = ("solid", "dash", "sysDot", "dashDot")[number % 4]
        else:
            line.solidFill = colour
    drawn.x_axis.delete = drawn.y_axis.delete = False
    drawn.y_axis.number_format = FORMATS[picture.kind].replace(".00", "")
    drawn.width, drawn.height = 26, 12
    sheet.add_chart(drawn, f"{get_column_letter(across + 2)}4")
    sheet.freeze_panes = "B5"


def _grid(sheet: Worksheet, grid: Grid, document: Document) -> None:
    _put(sheet, 1, 1, grid.title).font = BOLD
    _put(sheet, 2, 1, document.notice).font = MUTED
    if grid.note:
        _put(sheet, 3, 1, grid.note).font = MUTED
    for column, (head, kind) in enumerate(grid.heads, start=1):
        cell = _put(sheet, 4, column, head)
        cell.font, cell.fill = BOLD, HEAD
        if kind != "text":
            cell.alignment = Alignment(horizontal="right")
        known = [line[column - 1] for line in grid.rows[:200] if line[column - 1] is not None]
        sample = known if kind in ("text", "figure") else ["0" * 14 if kind == "money" else "0" * 8]
        sheet.column_dimensions[get_column_letter(column)].width = _width([head, *sample])
    for row, line in enumerate(grid.rows, start=5):
        for column, (value, (_head, kind)) in enumerate(
            zip(line, grid.heads, strict=True), start=1
        ):
            _put(sheet, row, column, value, kind)
    if grid.summed and grid.rows:
        last = 4 + len(grid.rows)
        _put(sheet, last + 1, 1, _("Total")).font = BOLD
        for column, (_head, kind) in enumerate(grid.heads, start=1):
            if kind in ("money", "integer", "percent") and column > 1:
                letter = get_column_letter(column)
                total = _put(sheet, last + 1, column, f"=SUM({letter}5:{letter}{last})", kind)
                total.font = BOLD
    sheet.freeze_panes = "B5"


def section_book(title: str, like: Document, grids: list[Grid], path: Path) -> None:
    """Write a workbook of tables alone, with the head, notice and edition of the report."""
    sections = [Section(title, grids=grids)]
    workbook_of(
        Document(title, like.subtitle, like.notice, like.facts, sections, stamp=like.stamp), path
    )

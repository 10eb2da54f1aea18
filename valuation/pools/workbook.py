"""The auditor's workbook: any customer of a pool recomputed month by month by live formulas.

Sheets: notice, terms (discount factors and standing by regime), maps (from a curve's numbers to
months, by model), tape, and the recomputation, where an identifier is typed and every step to the
value is a formula. Only functions that every spreadsheet has: INDEX, MATCH, IF, SUMPRODUCT, ROUND.

The sheet of the tape has a row a customer of the pool, so it is written as XML row by row while the
database hands the rows out, and laid into the workbook that openpyxl has made of the other sheets:
neither time a customer nor memory grows with the pool.
"""

import shutil
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter as letter
from openpyxl.worksheet.worksheet import Worksheet

from valuation.models import Pool
from valuation.pools.notice import NOTICE_EN, NOTICE_ZH
from valuation.pools.tape import BYTES, DICTIONARY, LEVEL, rows
from valuation.refusals import Refusal, Refused, gettext_noop

# A sheet of the format has 1,048,576 rows, one of which holds the heads.
MOST_CUSTOMERS = 1_048_575
TOO_MANY = gettext_noop(
    "The pool has %(value)s customers, a sheet of a workbook at most %(most)s: take the tape as CSV"
    " or Parquet, or cut a pool of fewer units."
)
ANCHOR_MONTHS = 12
_COLUMNS = list(DICTIONARY)
_BOLD = Font(bold=True)
_TEXT = {name for name, (kind, _, _) in DICTIONARY.items() if kind in ("text", "boolean")}


def write_workbook(pool: Pool, path: Path) -> int:
    """Write the workbook, with some more files beside it on the way; the number of customers.

    Raises:
        Refused: the pool has more customers than a sheet has rows.
    """
    if pool.customers > MOST_CUSTOMERS:
        facts = {"value": f"{pool.customers:,}", "most": f"{MOST_CUSTOMERS:,}"}
        raise Refused([Refusal("customers", TOO_MANY, facts)])
    tape, others = path.with_suffix(".tape.xml"), path.with_suffix(".others.xlsx")
    count, first = _write_tape(pool, tape)
    book = Workbook()
    book.remove(book.worksheets[0])
    _notice(book.create_sheet("Notice"), pool, count)
    place = len(book.worksheets) + 1
    book.create_sheet("Tape")
    _terms(book.create_sheet("Terms"), pool)
    _maps(book.create_sheet("Maps"), pool)
    _recompute(book.create_sheet("Recompute"), pool, count, first)
    _dictionary(book.create_sheet("Dictionary"))
    book.save(others)
    _laid_in(others, f"xl/worksheets/sheet{place}.xml", tape, path)
    return count


_SHEET = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
)
_END = "</sheetData></worksheet>"


def _write_tape(pool: Pool, path: Path) -> tuple[int, str]:
    """Write the sheet of the tape; customers, and the identifier of the first."""
    texts = [name in _TEXT for name in _COLUMNS]
    count, first = 0, ""
    with path.open("w", encoding="utf-8", buffering=BYTES) as target:
        target.write(_SHEET)
        target.write(f"<row>{''.join(map(_text, _COLUMNS))}</row>")
        for row in rows(pool):
            first = first or row[0]
            count += 1
            cells = [
                _text(cell) if text else f"<c><v>{cell}</v></c>" if cell else "<c/>"
                for cell, text in zip(row, texts, strict=True)
            ]
            target.write(f"<row>{''.join(cells)}</row>")
        target.write(_END)
    return count, first


# What no XML may hold, not even escaped.
_FORBIDDEN = {code: None for code in range(32) if chr(code) not in "\t\n\r"}


def _text(cell: str) -> str:
    return f'<c t="inlineStr"><is><t>{escape(cell.translate(_FORBIDDEN))}</t></is></c>'


def _laid_in(book: Path, name: str, sheet: Path, target: Path) -> None:
    """A copy of a workbook with another sheet in the place of the one named."""
    with (
        zipfile.ZipFile(book) as source,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as made,
    ):
        for entry in source.infolist():
            if entry.filename == name:
                made.write(sheet, name)
            else:
                with source.open(entry) as content, made.open(entry.filename, "w") as copied:
                    shutil.copyfileobj(content, copied, BYTES)


def _notice(sheet: Worksheet, pool: Pool, count: int) -> None:
    for line in (
        [NOTICE_EN],
        [NOTICE_ZH],
        [],
        ["Pool", pool.name],
        ["Cut-off", pool.terms["as_of"]],
        ["Customers of the pool", pool.customers],
        ["Value of the pool, yuan", pool.value_fen / 100],
        ["Customers on the sheet Tape", count],
        ["Model version", pool.terms["model_version"]],
        ["Assumptions, version", pool.terms["assumptions"]],
        ["Input SHA-256", pool.terms["input_hash"]],
        ["Members SHA-256", pool.members_hash],
        [],
        ["Type an identifier of the sheet Tape into Recompute!B1: every line there is a formula."],
        ["在 Recompute!B1 填入 Tape 表中的任一标识：该表各行均为公式。"],
    ):
        sheet.append(line)
    sheet["A1"].font = sheet["A2"].font = _BOLD
    sheet.column_dimensions["A"].width = 34


def _terms(sheet: Worksheet, pool: Pool) -> None:
    """Rows 1-3 costs; from row 6 one a month, factor and standing of regime r at 2 + 2r."""
    terms = pool.terms
    sheet.append(["Service cost, share of margin", terms["service_cost_rate"]])
    sheet.append(["Retention cost, yuan a month alive", terms["retention_cost_per_month"]])
    sheet.append(["Tax rate (within the factors)", terms["tax_rate"]])
    sheet.append([])
    heads: list[str] = ["month"]
    for number, regime in enumerate(terms["regimes"]):
        heads += [f"factor {number}: {regime['rate']:.4f}", f"standing {number}"]
    sheet.append(heads)
    for month in range(terms["months"]):
        line: list[float] = [month + 1]
        for discount, standing in zip(terms["discount"], terms["standing"], strict=True):
            line += [discount[month], standing[month]]
        sheet.append(line)


def _maps(sheet: Worksheet, pool: Pool) -> None:
    """Row 1 + fit·months + k: weights of the 8 visit and the 9 alive numbers in month k."""
    terms = pool.terms
    sheet.append(["fit", "month", *(name for name in _COLUMNS if name in _CURVE)])
    for fit, name in enumerate(terms["fits"]):
        for month in range(terms["months"]):
            weights = [*terms["visits_map"][fit][month], *terms["alive_map"][fit][month]]
            sheet.append([f"{fit} {name}", month + 1, *weights])


_CURVE = [name for name in _COLUMNS if name.startswith(("visits_", "alive_"))]
_CURVE_AT = 5  # row of the customer's curve on the sheet Recompute
_MONTHS_FROM = 9


def _recompute(sheet: Worksheet, pool: Pool, count: int, first: str) -> None:
    months = pool.terms["months"]
    sheet["A1"], sheet["B1"] = "id", first
    sheet["A2"], sheet["B2"] = "row", f"=MATCH(B1,Tape!A2:A{count + 1},0)"
    scalars = [name for name in _COLUMNS if name not in _CURVE and name not in _TEXT]
    for place, name in enumerate(scalars, start=4):
        sheet.cell(1, place, name).font = _BOLD
        sheet.cell(2, place, f"=INDEX({_tape(name, count)},$B$2)")
    at = {name: f"${letter(place)}$2" for place, name in enumerate(scalars, start=4)}
    for place, name in enumerate(_CURVE, start=2):
        sheet.cell(_CURVE_AT - 1, place, name).font = _BOLD
        sheet.cell(_CURVE_AT, place, f"=INDEX({_tape(name, count)},$B$2)")
    heads = ["month", "map row", "factor", "standing", "visits", "alive", "revenue", "margin"]
    for place, name in enumerate([*heads, "cost", "present value"], start=1):
        sheet.cell(_MONTHS_FROM - 1, place, name).font = _BOLD
    for month in range(1, months + 1):
        _month(sheet, _MONTHS_FROM + month - 1, month, pool, at)
    last = _MONTHS_FROM + months - 1
    sheet["A3"] = "value"
    sheet["B3"] = f"=ROUND(SUM(J{_MONTHS_FROM}:J{last}),2)"
    sheet["A6"], sheet["B6"] = "value on the tape", f"={at['value']}"
    sheet["A7"], sheet["B7"] = "difference", "=B3-B6"
    sheet.freeze_panes = f"B{_MONTHS_FROM}"


def _tape(name: str, count: int) -> str:
    column = letter(_COLUMNS.index(name) + 1)
    return f"Tape!${column}$2:${column}${count + 1}"


def _month(sheet: Worksheet, row: int, month: int, pool: Pool, at: dict[str, str]) -> None:
    """The formulas of one month; the weights of the model stand from column L on."""
    months, fits = pool.terms["months"], len(pool.terms["fits"])
    regimes = len(pool.terms["regimes"])
    sheet.cell(row, 1, month)
    sheet.cell(row, 2, f"={at['fit']}*{months}+A{row}")
    for place, offset in ((3, 0), (4, 1)):
        block = f"Terms!$B${5 + month}:${letter(1 + 2 * regimes)}${5 + month}"
        sheet.cell(row, place, f"=INDEX({block},1,2*{at['regime']}+{1 + offset})")
    from_column = 12
    for number in range(len(_CURVE)):
        column = letter(3 + number)
        weights = f"Maps!${column}$2:${column}${fits * months + 1}"
        sheet.cell(row, from_column + number, f"=INDEX({weights},$B{row})")
    visits, alive = (
        (letter(from_column), letter(from_column + 7)),
        (
            letter(from_column + 8),
            letter(from_column + 16),
        ),
    )
    curve_visits = f"$B${_CURVE_AT}:$I${_CURVE_AT}"
    curve_alive = f"$J${_CURVE_AT}:$R${_CURVE_AT}"
    anchor = at["anchor_first"] if month <= ANCHOR_MONTHS else at["anchor_later"]
    flowing = f"IF(A{row}<={at['cap_month']},1,0)"
    sheet.cell(
        row,
        5,
        f"=SUMPRODUCT({curve_visits},{visits[0]}{row}:{visits[1]}{row})*{anchor}*{flowing}*D{row}",
    )
    sheet.cell(
        row,
        6,
        f"=SUMPRODUCT({curve_alive},{alive[0]}{row}:{alive[1]}{row})*{flowing}*D{row}",
    )
    sheet.cell(row, 7, f"=E{row}*{at['revenue_per_visit']}+F{row}*{at['accident_revenue']}")
    sheet.cell(row, 8, f"=E{row}*{at['margin_per_visit']}+F{row}*{at['accident_margin']}")
    sheet.cell(row, 9, f"=H{row}*Terms!$B$1+F{row}*Terms!$B$2")
    sheet.cell(row, 10, f"=(H{row}-I{row})*C{row}")


def _dictionary(sheet: Worksheet) -> None:
    sheet.append(["column", "type", "description", "说明"])
    for name, one in DICTIONARY.items():
        sheet.append([name, *one])

"""The auditor's workbook: any customer of a pool recomputed month by month by live formulas.

Sheets: notice, terms (discount factors and standing by regime), maps (from a curve's numbers to
months, by model), tape, and the recomputation, where an identifier is typed and every step to the
value is a formula. Only functions that every spreadsheet has: INDEX, MATCH, IF, SUMPRODUCT, ROUND.
"""

from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter as letter
from openpyxl.worksheet.worksheet import Worksheet

from valuation.models import Pool
from valuation.pools.notice import NOTICE_EN, NOTICE_ZH
from valuation.pools.tape import DICTIONARY, rows

MOST_CUSTOMERS = 5_000
ANCHOR_MONTHS = 12
_COLUMNS = list(DICTIONARY)
_BOLD = Font(bold=True)
_TEXT = {name for name, (kind, _, _) in DICTIONARY.items() if kind in ("text", "boolean")}


def write_workbook(pool: Pool, path: Path) -> int:
    """Write the workbook; the number of customers in it.

    A pool of more than MOST_CUSTOMERS gives a sample by the first digits of a hash of the
    pseudonym, which nobody chooses.
    """
    book = Workbook()
    book.remove(book.worksheets[0])
    notice = book.create_sheet("Notice")
    narrowed = ""
    if pool.customers > MOST_CUSTOMERS:
        every = -(-pool.customers // MOST_CUSTOMERS)
        narrowed = f"and mod(abs(hashtextextended(m.pseudonym::text, 1) / 8), {every}) = 0"
    tape = book.create_sheet("Tape")
    tape.append(_COLUMNS)
    count = 0
    first = ""
    for row in rows(pool, narrowed):
        first = first or row[0]
        tape.append([_cell(name, text) for name, text in zip(_COLUMNS, row, strict=True)])
        count += 1
    _terms(book.create_sheet("Terms"), pool)
    _maps(book.create_sheet("Maps"), pool)
    _recompute(book.create_sheet("Recompute"), pool, count, first)
    _dictionary(book.create_sheet("Dictionary"))
    _notice(notice, pool, count)
    book.save(path)
    return count


def _cell(name: str, text: str) -> str | float | None:
    if name in _TEXT:
        return text
    return float(text) if text else None


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

"""The auditor's pack: a seeded random sample, its recomputation, a comparison sheet, sign-off.

The auditor writes what the source documents say beside every valued input; the sheet compares by
itself. Counts and days must be equal, amounts agree within 1.00 yuan or 0.1%, whichever is larger.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from valuation.archive import SCALARS
from valuation.refusals import Refusal, Refused, gettext_noop
from valuation.reports.audit_sample import Field, Sampled
from web.spreadsheets import inert

SIZES = (100, 125)
THRESHOLD_YUAN = 1.00
THRESHOLD_SHARE = 0.001
MAX_SEED = 2**32 - 1

BAD_SIZE = gettext_noop("%(field)s must be 100 or 125, not %(value)s.")
BAD_SEED = gettext_noop("%(field)s must be a whole number from 0 to %(high)s, not %(value)s.")


def check_sample(size: object, seed: object) -> None:
    """Raise :class:`valuation.refusals.Refused` for a size or seed out of range."""
    out = []
    if size not in SIZES:
        out.append(Refusal("size", BAD_SIZE, {"value": repr(size)}))
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        out.append(Refusal("seed", BAD_SEED, {"high": MAX_SEED, "value": repr(seed)}))
    if out:
        raise Refused(out)


@dataclass(frozen=True)
class Pack:
    """What the workbook needs besides the sample."""

    title: str
    notice: str
    facts: Sequence[tuple[str, str]]
    population: int
    population_fen: int
    seed: int
    service_cost_rate: float
    retention_cost_per_month: float


def recomputed(one: Sampled, pack: Pack) -> float:
    """The value in yuan by the formula of :data:`valuation.archive.SCALARS`, before rounding."""
    named = dict(zip(SCALARS, one.scalars, strict=True))
    margin = (
        named["discounted_visits"] * named["margin_per_visit"]
        + named["discounted_months"] * named["accident_margin_per_month"]
    )
    kept = margin * (1.0 - pack.service_cost_rate)
    return kept - named["discounted_months"] * pack.retention_cost_per_month


def pack_workbook(sample: Sequence[Sampled], pack: Pack, path: Path) -> None:
    """Write sign-off, sample with live recomputation, comparison, repair orders, exceptions."""
    book = Workbook()
    first = book.active
    assert first is not None  # a new workbook has one
    first.title = _("Sign-off")
    _sample(book, sample, pack)
    compared = _comparison(book, sample)
    _orders(book, sample)
    _exceptions(book, sample, compared)
    _sign_off(first, sample, pack, compared)
    for sheet in book.worksheets:
        _printed(sheet, pack)
    book.save(path)


def _printed(sheet: Any, pack: Pack) -> None:
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.oddFooter.left.text, sheet.oddFooter.left.size = pack.notice, 7
    sheet.oddFooter.right.text, sheet.oddFooter.right.size = "&P / &N", 7


HEAD = PatternFill("solid", fgColor="E8ECF4")
TO_FILL = PatternFill("solid", fgColor="FFF7DC")


def _heads(sheet: Any, row: int, heads: Sequence[str]) -> None:
    for column, head in enumerate(heads, start=1):
        cell = sheet.cell(row, column, head)
        cell.font, cell.fill = Font(bold=True), HEAD
        sheet.column_dimensions[get_column_letter(column)].width = max(14, len(head) + 2)


SAMPLE_ROW = 7


def _sample(book: Workbook, sample: Sequence[Sampled], pack: Pack) -> None:
    sheet = book.create_sheet(_("Sample"))
    sheet["A1"] = pack.notice
    sheet["A2"], sheet["B2"] = _("Service cost, share of margin"), pack.service_cost_rate
    sheet["A3"], sheet["B3"] = _("Retention cost a month, yuan"), pack.retention_cost_per_month
    sheet["A4"] = _(
        "value = (discounted visits × margin + discounted months × accident margin)"
        " × (1 − service cost) − discounted months × retention cost"
    )
    heads = [
        *(_("No."), _("Pseudonym"), _("Store"), _("Kind"), _("First visit")),
        *(_("Value as stored, yuan"), _("Recomputed"), _("Difference"), _("Within 0.01")),
        *SCALARS,
    ]
    _heads(sheet, SAMPLE_ROW - 1, heads)
    first = len(heads) - len(SCALARS) + 1
    place = {name: get_column_letter(first + i) for i, name in enumerate(SCALARS)}
    for row, one in enumerate(sample, start=SAMPLE_ROW):
        known = (one.number, one.pseudonym, one.store, one.segment, one.first_quarter)
        for column, value in enumerate((*known, one.value_fen / 100), start=1):
            sheet.cell(row, column, value)
        months = f"{place['discounted_months']}{row}"
        sheet.cell(
            row,
            7,
            f"=ROUND(({place['discounted_visits']}{row}*{place['margin_per_visit']}{row}"
            f"+{months}*{place['accident_margin_per_month']}{row})*(1-$B$2)-{months}*$B$3,2)",
        )
        sheet.cell(row, 8, f"=G{row}-F{row}")
        sheet.cell(row, 9, f'=IF(ABS(H{row})<=0.01,"{_("yes")}","{_("no")}")')
        for column, scalar in enumerate(one.scalars, start=first):
            sheet.cell(row, column, float(scalar))
    sheet.freeze_panes = f"C{SAMPLE_ROW}"


@dataclass(frozen=True)
class Compared:
    """Where the comparison stands: its first and last row."""

    first: int
    last: int


COMPARISON_HEADS = 11


def _comparison(book: Workbook, sample: Sequence[Sampled]) -> Compared:
    """One row a sampled customer and valued input; the yellow columns are the auditor's."""
    sheet = book.create_sheet(_("Comparison"))
    heads = [
        *(_("No."), _("Pseudonym"), _("Kind of input"), _("Field"), _("By the product")),
        *(_("Source document"), _("By the source document"), _("Difference"), _("Threshold")),
        *(_("Exception"), _("Remark")),
    ]
    _heads(sheet, 1, heads)
    row = 1
    for one in sample:
        for each in one.fields:
            row += 1
            _compared(sheet, row, one, each)
    for letter, width in zip(
        "ABCDEFGHIJK", (6, 38, 26, 38, 18, 48, 22, 14, 12, 10, 30), strict=True
    ):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "E2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(COMPARISON_HEADS)}{max(row, 2)}"
    return Compared(2, max(row, 2))


LOOKS = {"money": "#,##0.00", "count": "#,##0", "date": "yyyy-mm-dd", "figure": "0.000000"}


def _compared(sheet: Any, row: int, one: Sampled, each: Field) -> None:
    values = (one.number, one.pseudonym, each.group, each.label, each.value, inert(each.source))
    for column, value in enumerate(values, start=1):
        sheet.cell(row, column, value)
    for column in (5, 7):
        sheet.cell(row, column).number_format = LOOKS[each.kind]
    sheet.cell(row, 7).fill = TO_FILL
    if each.value is not None:
        sheet.cell(row, 8, f'=IF(G{row}="","",G{row}-E{row})')
        sheet.cell(row, 9, _threshold(each, row))
        sheet.cell(row, 10, f'=IF(G{row}="","",IF(ABS(H{row})>I{row},1,0))')
    sheet.cell(row, 11).fill = TO_FILL


def _threshold(each: Field, row: int) -> Any:
    """Counts and days must be equal; amounts within 1.00 yuan or 0.1%, other figures 0.1%."""
    if each.kind in ("count", "date"):
        return 0
    if each.kind == "money":
        return f"=MAX({THRESHOLD_YUAN},ABS(E{row})*{THRESHOLD_SHARE})"
    return f"=ABS(E{row})*{THRESHOLD_SHARE}"


def _orders(book: Workbook, sample: Sequence[Sampled]) -> None:
    """The repair orders of the sampled customers: what the auditor asks the stores for."""
    sheet = book.create_sheet(_("Repair orders"))
    heads = [
        *(_("No."), _("Pseudonym"), _("Store"), _("Repair order"), _("Day"), _("State")),
        *(_("Customer pays"), _("Insurer pays"), _("Manufacturer pays"), _("Cost")),
        *(_("Credits"), _("Seen (auditor)")),
    ]
    _heads(sheet, 1, heads)
    row = 1
    for one in sample:
        for order in one.orders:
            row += 1
            values = (
                *(order.number, order.pseudonym, order.store, inert(order.ro_no), order.day),
                *(order.status, order.customer, order.insurer, order.manufacturer, order.cost),
                inert(order.credits),
            )
            for column, value in enumerate(values, start=1):
                sheet.cell(row, column, value)
            sheet.cell(row, 5).number_format = LOOKS["date"]
            for column in range(7, 11):
                sheet.cell(row, column).number_format = LOOKS["money"]
            sheet.cell(row, 12).fill = TO_FILL
    sheet.column_dimensions["B"].width = 38
    sheet.freeze_panes = "D2"


NARRATED = 30


def _exceptions(book: Workbook, sample: Sequence[Sampled], compared: Compared) -> None:
    """By field how many were compared and fell out; below, room for the cause of each."""
    sheet = book.create_sheet(_("Exceptions by field"))
    _heads(sheet, 1, [_("Field"), _("Compared"), _("Exceptions"), _("Sum of differences")])
    name = _("Comparison")
    labels = list(dict.fromkeys(each.label for one in sample for each in one.fields))

    def column(letter: str) -> str:
        return f"'{name}'!${letter}${compared.first}:${letter}${compared.last}"

    for row, label in enumerate(labels, start=2):
        sheet.cell(row, 1, label)
        sheet.cell(row, 2, f'=COUNTIFS({column("D")},A{row},{column("J")},">=0")')
        sheet.cell(row, 3, f"=SUMIFS({column('J')},{column('D')},A{row})")
        sheet.cell(row, 4, f"=SUMIFS({column('H')},{column('D')},A{row})")
    start = len(labels) + 4
    _heads(sheet, start, [_("No."), _("Field"), _("Cause"), _("Corrected by, date")])
    for row in range(start + 1, start + 1 + NARRATED):
        for column_number in range(1, 5):
            sheet.cell(row, column_number).fill = TO_FILL
    sheet.column_dimensions["A"].width = 42
    sheet.column_dimensions["C"].width = 40
    sheet.column_dimensions["D"].width = 26


def _sign_off(sheet: Any, sample: Sequence[Sampled], pack: Pack, compared: Compared) -> None:
    comparison = _("Comparison")
    sheet["A1"] = pack.title
    sheet["A1"].font = Font(bold=True, size=14)
    sheet["A2"] = pack.notice
    span = f"{compared.first}:J{compared.last}"
    rows: list[tuple[str, Any]] = [
        *pack.facts,
        (_("Customers in the population"), pack.population),
        (_("Value of the population, yuan"), pack.population_fen / 100),
        (_("Sample size"), len(sample)),
        (_("Value of the sample, yuan"), sum(one.value_fen for one in sample) / 100),
        (_("Seed (NumPy PCG64, choice without replacement)"), pack.seed),
        (_("Order of the population"), _("by pseudonym, ascending")),
        (_("Fingerprint of the sample"), fingerprint(sample)),
        (
            _("Threshold"),
            _("counts and days equal; amounts 1.00 yuan or 0.1%, whichever is larger; other 0.1%"),
        ),
        (_("Fields to compare"), sum(len(one.fields) for one in sample)),
        (_("Compared so far"), f"=COUNT('{comparison}'!J{span})"),
        (_("Exceptions"), f"=SUM('{comparison}'!J{span})"),
        (_("Procedures agreed with"), ""),
        (_("Carried out by, date"), ""),
        (_("Reviewed by, date"), ""),
        (_("Result"), ""),
    ]
    for row, (label, value) in enumerate(rows, start=4):
        sheet.cell(row, 1, label)
        cell = sheet.cell(row, 2, value)
        cell.alignment = Alignment(horizontal="left", wrap_text=True)
        if value == "":
            cell.fill = TO_FILL
    sheet.column_dimensions["A"].width = 48
    sheet.column_dimensions["B"].width = 70


def fingerprint(sample: Sequence[Sampled]) -> str:
    """SHA-256 over the pseudonyms and values, one line each: the same sample, the same print."""
    lines = "\n".join(f"{one.pseudonym},{one.value_fen}" for one in sample)
    return hashlib.sha256(lines.encode()).hexdigest()

"""The auditor's pack: a seeded random sample, its recomputation, a comparison sheet, sign-off.

The auditor writes what the source documents say beside what the product says; the sheet compares
by itself and lists as exceptions what differs by more than 1.00 yuan or 0.1%, whichever is larger.
"""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter

from valuation.archive import SCALARS
from valuation.refusals import Refusal, Refused, gettext_noop

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


def drawn(population: int, size: int, seed: int) -> list[int]:
    """Positions of a simple random sample without replacement, ascending; the same for a seed.

    PCG64 as NumPy defines it, so that an auditor can draw it again without this product.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    chosen = generator.choice(population, size=min(size, population), replace=False)
    return sorted(int(one) for one in chosen)


@dataclass(frozen=True)
class Sampled:
    """One valued customer: pseudonym, store code, segment, cohort, values in fen, scalars."""

    number: int
    pseudonym: str
    store: str
    segment: str
    first_quarter: str
    value_fen: int
    undiscounted_fen: int
    scalars: Sequence[float]


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


def pack_workbook(sample: Sequence[Sampled], pack: Pack) -> bytes:
    """Sheets: sign-off, sample with live recomputation, comparison, exceptions."""
    book = Workbook()
    _sign_off(book, sample, pack)
    _sample(book, sample, pack)
    _comparison(book, sample)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


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


def _comparison(book: Workbook, sample: Sequence[Sampled]) -> None:
    """One row a sampled customer and field; the yellow column is the auditor's."""
    sheet = book.create_sheet(_("Comparison"))
    labels = {
        "value": _("Value, yuan"),
        "undiscounted": _("Undiscounted, yuan"),
    }
    heads = [
        *(_("No."), _("Pseudonym"), _("Field"), _("By the product"), _("By the source document")),
        *(_("Difference"), _("Threshold"), _("Exception"), _("Remark")),
    ]
    _heads(sheet, 1, heads)
    row = 2
    for one in sample:
        for name, amount in (("value", one.value_fen), ("undiscounted", one.undiscounted_fen)):
            values = (one.number, one.pseudonym, labels[name], amount / 100)
            for column, value in enumerate(values, start=1):
                sheet.cell(row, column, value)
            sheet.cell(row, 5).fill = TO_FILL
            sheet.cell(row, 6, f'=IF(E{row}="","",E{row}-D{row})')
            sheet.cell(row, 7, f"=MAX({THRESHOLD_YUAN},ABS(D{row})*{THRESHOLD_SHARE})")
            sheet.cell(row, 8, f'=IF(E{row}="","",IF(ABS(F{row})>G{row},1,0))')
            sheet.cell(row, 9).fill = TO_FILL
            row += 1
    sheet.freeze_panes = "D2"


def _sign_off(book: Workbook, sample: Sequence[Sampled], pack: Pack) -> None:
    sheet = book.active
    assert sheet is not None  # a new workbook has one
    sheet.title = _("Sign-off")
    comparison = _("Comparison")
    sheet["A1"] = pack.title
    sheet["A1"].font = Font(bold=True, size=14)
    sheet["A2"] = pack.notice
    rows: list[tuple[str, Any]] = [
        *pack.facts,
        (_("Customers in the population"), pack.population),
        (_("Value of the population, yuan"), pack.population_fen / 100),
        (_("Sample size"), len(sample)),
        (_("Seed (NumPy PCG64, choice without replacement)"), pack.seed),
        (_("Order of the population"), _("by pseudonym, ascending")),
        (_("Fingerprint of the sample"), fingerprint(sample)),
        (_("Threshold"), _("1.00 yuan or 0.1% of the value, whichever is larger")),
        (_("Compared so far"), f"=COUNT('{comparison}'!E2:E{2 * len(sample) + 1})"),
        (_("Exceptions"), f"=SUM('{comparison}'!H2:H{2 * len(sample) + 1})"),
        (_("Procedures agreed with"), ""),
        (_("Carried out by, date"), ""),
        (_("Reviewed by, date"), ""),
    ]
    for row, (label, value) in enumerate(rows, start=4):
        sheet.cell(row, 1, label)
        cell = sheet.cell(row, 2, value)
        if value == "":
            cell.fill = TO_FILL
    sheet.column_dimensions["A"].width = 48
    sheet.column_dimensions["B"].width = 70


def fingerprint(sample: Sequence[Sampled]) -> str:
    """SHA-256 over the pseudonyms and values, one line each: the same sample, the same print."""
    lines = "\n".join(f"{one.pseudonym},{one.value_fen}" for one in sample)
    return hashlib.sha256(lines.encode()).hexdigest()

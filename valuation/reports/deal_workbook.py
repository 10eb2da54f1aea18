"""A structure as a workbook that an outsider can change: inputs, periods by formulas, checks.

Sheets: summary with checks; inputs (yellow: to be changed); inputs by month; periods, where every
cell is a formula; what the product computed, for comparison while the inputs are as delivered.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.worksheet import Worksheet

from valuation.reports.deal_formulas import SLOTS, Places, Step, columns_of, steps
from valuation.reports.document import column_name
from valuation.structure.deals import Deal
from valuation.structure.waterfall import Waterfall
from web.spreadsheets import inert

BOLD, MUTED = Font(bold=True), Font(color="666666", size=9)
HEAD = PatternFill("solid", fgColor="E8ECF4")
TO_CHANGE = PatternFill("solid", fgColor="FFF7DC")
FIRST = 6
BY_MONTH = ("plan", "scenario", "survival", "a_target", "b_target", "asset_value")
COMPARED = (
    *("received", "fee", "fee_unpaid", "a_int", "a_int_unpaid", "a_prin", "a_bal"),
    *("b_int", "b_int_unpaid", "b_prin", "b_bal", "reserve_release", "reserve_draw"),
    *("reserve_topup", "reserve_end", "residual", "support", "reinvested"),
)
MONEY, FIGURE, SHARE = "#,##0.00", "0.0000", "0.00%"


@dataclass(frozen=True)
class DealBook:
    """``scenario``: the collections that the structure is shown under (the deal's own are the
    plan); ``run``: what the product computes of them, with or without support."""

    title: str
    notice: str
    facts: Sequence[tuple[str, str]]
    deal: Deal
    scenario: Sequence[float]
    run: Waterfall
    supported: bool = False


@dataclass(frozen=True)
class Input:
    key: str
    label: str
    value: float | str
    look: str = MONEY
    derived: bool = False


def deal_workbook(book: DealBook) -> bytes:
    """The workbook as XLSX."""
    out = Workbook()
    summary = out.active
    assert summary is not None  # a new workbook has one
    summary.title = _("Summary")
    names = {key: _(label) for key, label in _SHEETS.items()}
    sheets = {key: out.create_sheet(name) for key, name in names.items()}
    found = steps()
    inputs = _inputs(book.deal, book.supported, names)
    places = Places(
        columns=columns_of(found),
        inputs={
            one.key: f"'{names['inputs']}'!$B${row}" for row, one in enumerate(inputs, start=FIRST)
        },
        by_month={name: column_name(place) for place, name in enumerate(BY_MONTH, start=2)},
        months=names["months"],
        first=FIRST + 1,
        periods=len(book.deal.collections),
    )
    _write_inputs(sheets["inputs"], book, inputs, places)
    _write_months(sheets["months"], book, places)
    _write_periods(sheets["periods"], book, found, places)
    _write_product(sheets["product"], book, places)
    _write_summary(summary, book, names, places)
    for sheet in out.worksheets:
        _printed(sheet, book)
    content = io.BytesIO()
    out.save(content)
    return content.getvalue()


# Names of the sheets: formulas refer to them as they are translated.
_SHEETS = {
    "inputs": gettext_noop("Inputs"),
    "months": gettext_noop("Inputs by month"),
    "periods": gettext_noop("Periods"),
    "product": gettext_noop("By the product"),
}


def _head(sheet: Worksheet, title: str, book: DealBook, line: str = "") -> None:
    _text(sheet, 1, 1, title).font = Font(bold=True, size=13)
    _text(sheet, 2, 1, book.notice).font = Font(bold=True, color="9C5700")
    _text(sheet, 3, 1, line).font = MUTED


def _text(sheet: Worksheet, row: int, column: int, value: str) -> Any:
    cell = sheet.cell(row, column)
    cell.value = inert(value)
    cell.data_type = "s"
    return cell


def _heads(sheet: Worksheet, row: int, heads: Sequence[str]) -> None:
    for column, head in enumerate(heads, start=1):
        cell = _text(sheet, row, column, head)
        cell.font, cell.fill = BOLD, HEAD
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        sheet.column_dimensions[column_name(column)].width = 15


def _inputs(deal: Deal, supported: bool, names: Mapping[str, str]) -> list[Input]:
    """Every figure of the deal that may be changed, then what follows from them."""
    oc, revolving, support = deal.oc, deal.revolving, deal.support
    rate = oc.asset_rate if oc and oc.asset_rate is not None else 0.0
    months = names["months"]
    last = FIRST + len(deal.collections)
    plan = f"'{months}'!$B${FIRST + 1}:$B${last}"
    number = f"'{months}'!$A${FIRST + 1}:$A${last}"
    found = [
        Input("haircut", _("Haircut of the collections"), 0.0, SHARE),
        Input("attrition", _("Attrition multiple m (S becomes S^m)"), 1.0, FIGURE),
        Input("a_balance", _("A: opening balance"), deal.senior.balance),
        Input("a_coupon", _("A: coupon a year"), deal.senior.coupon, SHARE),
        Input("a_scheduled", _("A has a schedule (0: turbo)"), _flag(deal.senior.target), "0"),
        Input("b_balance", _("B: opening balance"), deal.junior.balance),
        Input("b_coupon", _("B: coupon a year"), deal.junior.coupon, SHARE),
        Input("fee_fixed", _("Fees a month, fixed"), deal.fee_fixed),
        Input("fee_pct", _("Fees, share of collections"), deal.fee_pct, SHARE),
        Input(
            "ioi", _("Interest on unpaid interest (1 or 0)"), int(deal.interest_on_interest), "0"
        ),
        Input("reserve_initial", _("Reserve at closing"), deal.reserve.initial),
        Input("reserve_pct", _("Reserve target, share of A"), deal.reserve.pct, SHARE),
        Input("reserve_floor", _("Reserve target, at least"), deal.reserve.floor),
        Input("oc_on", _("OC test (1 or 0)"), _flag(oc), "0"),
        Input("oc_threshold", _("OC threshold"), oc.threshold if oc else 0.0, FIGURE),
        Input("oc_curable", _("OC test can be cured (1 or 0)"), int(bool(oc and oc.curable)), "0"),
        Input("asset_rate", _("Rate of the assets' PV, annual effective"), rate, SHARE),
        Input(
            "given_value",
            _("Asset value as given by month (1 or 0)"),
            int(bool(oc and oc.asset_value is not None)),
            "0",
        ),
        Input("supported", _("With the originator's support (1 or 0)"), int(supported), "0"),
        Input("support_cap", _("Support, at most"), support.cap if support else 0.0),
        Input("revolving", _("Revolving, months"), revolving.periods if revolving else 0, "0"),
        Input(
            "eligible",
            _("Revolving: share that is invested"),
            revolving.eligible if revolving else 0.0,
            SHARE,
        ),
        Input(
            "price_rate",
            _("Revolving: rate of the price"),
            revolving.price_rate if revolving else 0.0,
            SHARE,
        ),
        *_trigger_inputs(deal),
    ]
    at = {one.key: f"$B${row}" for row, one in enumerate(found, start=FIRST)}
    return [
        *found,
        Input("periods", _("Months"), len(deal.collections), "0", derived=True),
        Input(
            "factor",
            _("Discount factor of a month"),
            f"=(1+{at['asset_rate']})^(-1/12)",
            FIGURE,
            True,
        ),
        Input(
            "price",
            _("Price of one plan"),
            f"=IF({at['revolving']}>0,SUMPRODUCT({plan},(1+{at['price_rate']})^(-{number}/12)),0)",
            MONEY,
            derived=True,
        ),
        Input(
            "dust",
            _("Rounding error of the deal"),
            f"=1E-12*({at['a_balance']}+{at['b_balance']}+{at['reserve_initial']}"
            f"+MAX('{months}'!$C${FIRST + 1}:$C${last}))",
            "0.0E+00",
            derived=True,
        ),
    ]


def _flag(present: object) -> int:
    return 0 if present is None else 1


def _trigger_inputs(deal: Deal) -> list[Input]:
    known = {(one.measure, one.consequence): one for one in deal.triggers}
    words = {
        "dscr": _("debt-service cover"),
        "collections": _("collections against plan"),
        "turbo": _("everything to A's principal"),
        "stop_revolving": _("the revolving period ends"),
    }
    found = []
    for number, (measure, then) in enumerate(SLOTS, start=1):
        one = known.get((measure, then))
        name = _("Trigger %(number)s, %(measure)s → %(then)s") % {
            "number": number,
            "measure": words[measure],
            "then": words[then],
        }
        found += [
            Input(f"on_{number}", f"{name}: {_('on (1 or 0)')}", _flag(one), "0"),
            Input(f"level_{number}", f"{name}: {_('level')}", one.level if one else 0.0, FIGURE),
            Input(
                f"after_{number}", f"{name}: {_('months to trip')}", one.after if one else 1, "0"
            ),
            Input(
                f"cure_{number}",
                f"{name}: {_('months to cure, 0 never')}",
                one.cure if one else 0,
                "0",
            ),
        ]
    return found


def _write_inputs(
    sheet: Worksheet, book: DealBook, inputs: Sequence[Input], places: Places
) -> None:
    _head(sheet, _("Inputs"), book, _("Change what is yellow; every other sheet follows."))
    _heads(sheet, FIRST - 1, [_("Input"), _("Value")])
    for row, one in enumerate(inputs, start=FIRST):
        _text(sheet, row, 1, one.label)
        cell = sheet.cell(row, 2, one.value)
        cell.number_format = one.look
        if not one.derived:
            cell.fill = TO_CHANGE
    sheet.column_dimensions["A"].width = 62
    sheet.column_dimensions["B"].width = 20
    sheet.freeze_panes = f"B{FIRST}"


def _write_months(sheet: Worksheet, book: DealBook, places: Places) -> None:
    deal = book.deal
    _head(
        sheet,
        _("Inputs by month"),
        book,
        _("Plan: what triggers and prices refer to; scenario: what comes in before the stress."),
    )
    heads = [
        *(_("Month"), _("Plan"), _("Scenario"), _("Survival S"), _("A target"), _("B target")),
        _("Asset value, if given"),
    ]
    _heads(sheet, FIRST - 1, heads)
    value = deal.oc.asset_value if deal.oc else None
    lists: list[Sequence[float] | None] = [
        *(deal.collections, book.scenario, deal.survival),
        *(deal.senior.target, deal.junior.target, value),
    ]
    for month in range(1, places.periods + 1):
        row = places.first + month - 1
        sheet.cell(row, 1, month)
        for column, line in enumerate(lists, start=2):
            empty = 0.0 if BY_MONTH[column - 2] in ("a_target", "b_target") else None
            cell = sheet.cell(row, column, empty if line is None else line[month - 1])
            cell.number_format = "0.000000" if BY_MONTH[column - 2] == "survival" else MONEY
            cell.fill = TO_CHANGE
    sheet.freeze_panes = f"B{FIRST}"


def _write_periods(sheet: Worksheet, book: DealBook, found: Sequence[Step], places: Places) -> None:
    _head(sheet, _("Periods"), book, _("Every cell is a formula; row 0 is closing."))
    heads = [_("Month"), *(_step_label(one) for one in found)]
    _heads(sheet, FIRST - 1, heads)
    for month in range(places.periods + 1):
        row = places.first + month - 1
        sheet.cell(row, 1, month)
        for column, one in enumerate(found, start=2):
            text = one.formula if month else one.opening
            if not text:
                continue
            formula = places.formula(text, month)
            cell = sheet.cell(row, column, formula if formula.startswith("=") else float(formula))
            cell.number_format = MONEY if one.amount else FIGURE
    sheet.freeze_panes = f"B{places.first}"


def _step_label(one: Step) -> str:
    number = one.key.rpartition("_")[2]
    return _(one.label) % {"number": number} if "%(" in one.label else _(one.label)


def _write_product(sheet: Worksheet, book: DealBook, places: Places) -> None:
    """The product's own amounts, and by column how far the formulas lie from them in all."""
    _head(
        sheet,
        _("By the product"),
        book,
        _("Fixed numbers; the differences mean something while the inputs are as delivered."),
    )
    labels = {one.key: _step_label(one) for one in steps()}
    _heads(sheet, FIRST - 1, [_("Month"), *(labels[key] for key in COMPARED)])
    lines = _lines(book.run)
    last = places.first + places.periods - 1
    _text(sheet, FIRST, 1, _("Difference")).font = BOLD
    for column, key in enumerate(COMPARED, start=2):
        own = column_name(column)
        here = f"{own}{places.first}:{own}{last}"
        other = places.columns[key]
        there = f"'{_(_SHEETS['periods'])}'!{other}{places.first}:{other}{last}"
        cell = sheet.cell(FIRST, column, f"=SUMPRODUCT(ABS({here}-{there}))")
        cell.number_format, cell.font = "0.000000", BOLD
        for month, amount in enumerate(lines[key], start=1):
            row = places.first + month - 1
            sheet.cell(row, 1, month)
            sheet.cell(row, column, amount).number_format = MONEY
    sheet.freeze_panes = f"B{places.first}"


def _lines(run: Waterfall) -> dict[str, Sequence[float]]:
    return {
        **run.amounts,
        "received": run.collections,
        "support": run.support,
        "reinvested": run.reinvested,
    }


def _write_summary(
    sheet: Worksheet, book: DealBook, names: Mapping[str, str], places: Places
) -> None:
    _head(sheet, book.title, book)
    row = 5
    for label, value in book.facts:
        _text(sheet, row, 1, label).font = MUTED
        _text(sheet, row, 2, value)
        row += 1
    row += 1
    for label, formula, look in _results(names, places):
        _text(sheet, row, 1, label)
        sheet.cell(row, 2, formula).number_format = look
        row += 1
    sheet.column_dimensions["A"].width = 52
    sheet.column_dimensions["B"].width = 60
    for cell in sheet["B"]:
        cell.alignment = Alignment(horizontal="left", wrap_text=True)


def _results(names: Mapping[str, str], places: Places) -> list[tuple[str, str, str]]:
    """Totals, lives, lowest tests and checks, all by formulas."""
    last = places.first + places.periods - 1

    def span(key: str) -> str:
        column = places.columns[key]
        return f"'{names['periods']}'!{column}{places.first}:{column}{last}"

    months = f"'{names['periods']}'!A{places.first}:A{last}"
    dust = places.inputs["dust"]

    def end(key: str) -> str:
        return f"'{names['periods']}'!{places.columns[key]}{last}"

    def on_time(tranche: str) -> str:
        late = f"MAX({span(f'{tranche}_int_unpaid')})"
        return f"=IF(AND({late}<={dust},{end(f'{tranche}_bal')}<={dust}),1,0)"

    def life(tranche: str) -> str:
        paid = span(f"{tranche}_prin")
        return f'=IF(SUM({paid})>0,SUMPRODUCT({months},{paid})/SUM({paid})/12,"")'

    compared = f"'{names['product']}'!B{FIRST}:{column_name(len(COMPARED) + 1)}{FIRST}"
    totals = [
        (key, label)
        for key, label in (
            ("received", _("Collections")),
            ("fee", _("Fees")),
            ("a_int", _("A interest")),
            ("a_prin", _("A principal")),
            ("b_int", _("B interest")),
            ("b_prin", _("B principal")),
            ("residual", _("Residual")),
        )
    ]
    return [
        *((f"{_('Total')}: {label}", f"=SUM({span(key)})", MONEY) for key, label in totals),
        (_("A: weighted average life, years"), life("a"), FIGURE),
        (_("B: weighted average life, years"), life("b"), FIGURE),
        (_("A paid on time (1 or 0)"), on_time("a"), "0"),
        (_("B paid on time (1 or 0)"), on_time("b"), "0"),
        (_("Lowest OC"), f"=MIN({span('oc')})", FIGURE),
        (_("Lowest DSCR"), f"=MIN({span('dscr')})", FIGURE),
        (_("Months triggered"), f"=SUM({span('turbo')})", "0"),
        (
            _("Check: money in less money out, all months"),
            f"=SUMPRODUCT(ABS({span('check')}))",
            MONEY,
        ),
        (_("Difference to the product, all cells"), f"=SUM({compared})", "0.000000"),
    ]


def _printed(sheet: Worksheet, book: DealBook) -> None:
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    properties: Any = sheet.sheet_properties
    properties.pageSetUpPr.fitToPage = True
    foot: Any = sheet.oddFooter
    foot.left.text, foot.left.size = book.notice, 7
    foot.right.text, foot.right.size = "&P / &N", 7

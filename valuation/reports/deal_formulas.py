"""The priority of payments as spreadsheet formulas: one column a step, one row a month.

A formula is text with references in brackets, which :class:`Places` turns into addresses:

    [name]      the column in the same month        [<name]  in the month before
    [>name]     in the month after                  [#name]  an input
    [@name]     an input by month                   [:name]  the column over all months
    [^name]     the column over the months before   [~name]  the reversed column, aligned with [^…]
    [2~name]    the reversed column from its second cell, aligned with [^…]

Row 0 stands for closing and holds the opening balances, so that every month has a month before.
The rules are those of :mod:`valuation.structure.waterfall`; rounding errors are treated alike.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext_noop

from valuation.reports.document import column_name
from valuation.structure.deals import CONSEQUENCES, MEASURES

REFERENCE = re.compile(r"\[(2~|[<>#@:^~])?(\w+)\]")
ROUNDING = "(1-1E-12)"
SLOTS = [(measure, consequence) for measure in MEASURES for consequence in CONSEQUENCES]


@dataclass(frozen=True)
class Step:
    """``opening``: formula or number of row 0, "" for none; ``amount``: money, else a figure."""

    key: str
    label: str
    formula: str
    opening: str = ""
    amount: bool = True


def _snapped(left: str, target: str) -> str:
    """The target itself where it is reached but for rounding."""
    return f"=IF(ABS(({left})-({target}))<=[#dust],{target},{left})"


_LAST = "[month]=[#periods]"
_BOUGHT = "SUMPRODUCT([^bought],[~{0}])"
_CASH_AFTER_A = "([after_a]-[a_prin_cash]-[b_int])"

COLLECTED = [
    Step(
        "planned",
        gettext_noop("Collections, stressed"),
        '=[@scenario]*(1-[#haircut])*IF(OR([#attrition]=1,[@survival]=""),1,'
        "[@survival]^([#attrition]-1))",
    ),
    Step(
        "planned_rev",
        gettext_noop("The same, last month first"),
        "=INDEX([:planned],[#periods]+1-[month])",
    ),
    Step("received", gettext_noop("Collections"), "=[planned]+" + _BOUGHT.format("planned_rev")),
    Step(
        "value_after",
        gettext_noop("PV of later collections, own"),
        "=([>value_after]+[>planned])*[#factor]",
    ),
    Step(
        "value_rev",
        gettext_noop("The same, last month first"),
        "=INDEX([:value_after],[#periods]+1-[month])",
    ),
    Step(
        "assets",
        gettext_noop("Asset value for OC"),
        "=IF([#given_value]=1,[@asset_value],[value_after]+"
        + _BOUGHT.format("value_rev")
        + "-[#factor]^([#periods]-[month])*SUMPRODUCT([^bought],[2~value_rev]))",
    ),
]
TESTED = [
    Step(
        "oc",
        gettext_noop("OC"),
        '=IF(AND([#oc_on]=1,[<a_bal]>0),([assets]+[received]+[<reserve_end])/[<a_bal],"")',
        amount=False,
    ),
    Step(
        "oc_tripped",
        gettext_noop("OC breached"),
        '=IF([#oc_on]=0,0,IF(IF([oc]="",0,IF([oc]<[#oc_threshold]*'
        + ROUNDING
        + ",1,0))=1,1,IF([#oc_curable]=1,0,[<oc_tripped])))",
        "0",
        amount=False,
    ),
    Step(
        "quiet",
        gettext_noop("Revolving until the tests"),
        "=IF(AND([month]<=[#revolving],[<stopped]=0),1,0)",
        amount=False,
    ),
    Step("fee_due", gettext_noop("Fees due"), "=[#fee_fixed]+[#fee_pct]*[received]+[<fee_unpaid]"),
    Step(
        "a_due",
        gettext_noop("A interest due"),
        "=[<a_bal]*[#a_coupon]/12+[<a_int_unpaid]*(1+[#ioi]*[#a_coupon]/12)",
    ),
    Step(
        "a_service",
        gettext_noop("A interest due and scheduled principal"),
        "=[a_due]+MAX([<a_bal]-IF([quiet]=1,[<a_bal],[@a_target]),0)",
    ),
    Step(
        "dscr",
        gettext_noop("DSCR"),
        '=IF([a_service]>0,([received]-[fee_due])/[a_service],"")',
        amount=False,
    ),
    Step("cum_planned", gettext_noop("Collections so far"), "=[<cum_planned]+[planned]", "0"),
    Step("cum_plan", gettext_noop("Plan so far"), "=[<cum_plan]+[@plan]", "0"),
    Step(
        "share",
        gettext_noop("Share of plan"),
        '=IF([cum_plan]>0,[cum_planned]/[cum_plan],"")',
        amount=False,
    ),
]


def _slot(number: int, measure: str) -> list[Step]:
    """Months running below and above a trigger's level, and whether it is tripped."""
    value = "[dscr]" if measure == "dscr" else "[share]"
    low = f"{value}<[#level_{number}]*{ROUNDING}"
    name = gettext_noop("Trigger %(number)s: months below")
    return [
        Step(
            f"below_{number}",
            name,
            f'=IF({value}="",[<below_{number}],IF({low},[<below_{number}]+1,0))',
            "0",
            amount=False,
        ),
        Step(
            f"above_{number}",
            gettext_noop("Trigger %(number)s: months above"),
            f'=IF({value}="",[<above_{number}],IF({low},0,[<above_{number}]+1))',
            "0",
            amount=False,
        ),
        Step(
            f"trip_{number}",
            gettext_noop("Trigger %(number)s tripped"),
            f"=IF([#on_{number}]=0,0,IF([below_{number}]>=[#after_{number}],1,"
            f"IF(AND([<trip_{number}]=1,[#cure_{number}]>0,[above_{number}]>=[#cure_{number}]),0,"
            f"[<trip_{number}])))",
            "0",
            amount=False,
        ),
    ]


def _triggered() -> list[Step]:
    numbered = list(enumerate(SLOTS, start=1))
    turbo = "+".join(f"[trip_{i}]" for i, (_m, then) in numbered if then == "turbo")
    every = "+".join(f"[trip_{i}]" for i, _slot in numbered)
    return [
        Step(
            "turbo",
            gettext_noop("Triggered"),
            f"=IF([oc_tripped]+{turbo}>0,1,0)",
            amount=False,
        ),
        Step(
            "stopped",
            gettext_noop("Revolving period ended"),
            f"=IF([<stopped]+[turbo]+{every}>0,1,0)",
            "0",
            amount=False,
        ),
        Step(
            "revolves",
            gettext_noop("Revolving"),
            "=IF(AND([month]<=[#revolving],[stopped]=0),1,0)",
            amount=False,
        ),
    ]


PAID = [
    Step("a_target", gettext_noop("A target"), "=IF([revolves]=1,[<a_bal],[@a_target])"),
    Step("b_target", gettext_noop("B target"), "=IF([revolves]=1,[<b_bal],[@b_target])"),
    Step(
        "reserve_kept",
        gettext_noop("Reserve target before payment"),
        f"=IF(OR({_LAST},[<a_bal]<=0),0,MAX([#reserve_pct]*[<a_bal],[#reserve_floor]))",
    ),
    Step(
        "reserve_release", gettext_noop("Reserve released"), "=MAX([<reserve_end]-[reserve_kept],0)"
    ),
    Step(
        "fee_cash", gettext_noop("Fees from cash"), "=MIN([fee_due],[received]+[reserve_release])"
    ),
    Step(
        "fee_draw",
        gettext_noop("Fees from the reserve"),
        "=MAX(MIN([fee_due]-[fee_cash],[<reserve_end]-[reserve_release]),0)",
    ),
    Step(
        "fee_support",
        gettext_noop("Fees from support"),
        "=MAX(MIN([fee_due]-[fee_cash]-[fee_draw],[<support_left]),0)",
    ),
    Step("fee", gettext_noop("Fees"), "=[fee_cash]+[fee_draw]+[fee_support]"),
    Step(
        "fee_unpaid",
        gettext_noop("Fees unpaid"),
        "=IF([fee_due]-[fee]>[#dust],[fee_due]-[fee],0)",
        "0",
    ),
    Step(
        "a_cash",
        gettext_noop("A interest from cash"),
        "=MIN([a_due],[received]+[reserve_release]-[fee_cash])",
    ),
    Step(
        "a_draw",
        gettext_noop("A interest from the reserve"),
        "=MAX(MIN([a_due]-[a_cash],[<reserve_end]-[reserve_release]-[fee_draw]),0)",
    ),
    Step(
        "a_support",
        gettext_noop("A interest from support"),
        "=MAX(MIN([a_due]-[a_cash]-[a_draw],[<support_left]-[fee_support]),0)",
    ),
    Step("a_int", gettext_noop("A interest"), "=[a_cash]+[a_draw]+[a_support]"),
    Step(
        "a_int_unpaid",
        gettext_noop("A interest unpaid"),
        "=IF([a_due]-[a_int]>[#dust],[a_due]-[a_int],0)",
        "0",
    ),
    Step("reserve_draw", gettext_noop("Reserve drawn"), "=[fee_draw]+[a_draw]"),
    Step(
        "after_a",
        gettext_noop("Cash after A interest"),
        "=[received]+[reserve_release]-[fee_cash]-[a_cash]",
    ),
    Step(
        "b_due",
        gettext_noop("B interest due"),
        "=[<b_bal]*[#b_coupon]/12+[<b_int_unpaid]*(1+[#ioi]*[#b_coupon]/12)",
    ),
    Step(
        "b_first",
        gettext_noop("B interest before A principal"),
        "=IF([turbo]=1,0,MIN([b_due],[after_a]))",
    ),
    Step(
        "a_prin_cash",
        gettext_noop("A principal from cash"),
        "=MIN(MAX([<a_bal]-IF([turbo]=1,0,[a_target]),0),[after_a]-[b_first])",
    ),
    Step(
        "b_int",
        gettext_noop("B interest"),
        "=[b_first]+IF([turbo]=1,MIN([b_due],[after_a]-[a_prin_cash]),0)",
    ),
    Step(
        "b_int_unpaid",
        gettext_noop("B interest unpaid"),
        "=IF([b_due]-[b_int]>[#dust],[b_due]-[b_int],0)",
        "0",
    ),
    Step(
        "a_left",
        gettext_noop("A balance before support"),
        _snapped("[<a_bal]-[a_prin_cash]", "IF([turbo]=1,0,[a_target])"),
    ),
    Step(
        "a_prin_support",
        gettext_noop("A principal from support"),
        f"=IF(AND([#a_scheduled]=0,NOT({_LAST})),0,MAX(MIN([a_left]-[a_target],"
        "[<support_left]-[fee_support]-[a_support]),0))",
    ),
    Step("a_prin", gettext_noop("A principal"), "=[a_prin_cash]+[a_prin_support]"),
    Step(
        "a_bal",
        gettext_noop("A balance"),
        _snapped("[a_left]-[a_prin_support]", "[a_target]"),
        "=[#a_balance]",
    ),
    Step(
        "b_prin",
        gettext_noop("B principal"),
        f"=IF([turbo]=1,IF([a_bal]=0,MIN([<b_bal],{_CASH_AFTER_A}),0),"
        f"IF([a_bal]<=[a_target],MIN(MAX([<b_bal]-[b_target],0),{_CASH_AFTER_A}),0))",
    ),
    Step(
        "b_bal",
        gettext_noop("B balance"),
        _snapped("[<b_bal]-[b_prin]", "IF([turbo]=1,0,[b_target])"),
        "=[#b_balance]",
    ),
    Step(
        "reserve_topup",
        gettext_noop("Reserve topped up"),
        f"=IF(OR([turbo]=1,{_LAST}),0,MIN(MAX(IF([a_bal]>0,MAX([#reserve_pct]*[a_bal],"
        "[#reserve_floor]),0)-([<reserve_end]-[reserve_release]-[reserve_draw]),0),"
        f"{_CASH_AFTER_A}-[b_prin]))",
    ),
    Step(
        "reserve_end",
        gettext_noop("Reserve at the end"),
        "=[<reserve_end]-[reserve_release]-[reserve_draw]+[reserve_topup]",
        "=[#reserve_initial]",
    ),
    Step(
        "left",
        gettext_noop("What is left"),
        f"={_CASH_AFTER_A}-[b_prin]-[reserve_topup]",
    ),
    Step(
        "reinvested",
        gettext_noop("New customers bought"),
        "=IF(AND([revolves]=1,[#price]>0,[left]>0),[left]*[#eligible],0)",
    ),
    Step(
        "bought",
        gettext_noop("Units of the plan bought"),
        "=IF([#price]>0,[reinvested]/[#price],0)",
        amount=False,
    ),
    Step("residual", gettext_noop("Residual"), "=[left]-[reinvested]"),
    Step(
        "support",
        gettext_noop("Originator's support"),
        "=[fee_support]+[a_support]+[a_prin_support]",
    ),
    Step(
        "support_left",
        gettext_noop("Support left"),
        "=[<support_left]-[support]",
        "=[#support_cap]*[#supported]",
    ),
    Step(
        "check",
        gettext_noop("Check: money in less money out"),
        "=ROUND([received]+[support]-[fee]-[a_int]-[a_prin]-[b_int]-[b_prin]-[residual]"
        "-[reinvested]-([reserve_end]-[<reserve_end]),6)",
    ),
]


def steps() -> list[Step]:
    """Every column after the month, in the order in which a month is worked out."""
    slots = [
        one for number, (measure, _then) in enumerate(SLOTS, 1) for one in _slot(number, measure)
    ]
    return [*COLLECTED, *TESTED, *slots, *_triggered(), *PAID]


@dataclass(frozen=True)
class Places:
    """Where things stand: columns of the sheet of periods, inputs and inputs by month.

    ``inputs``: absolute addresses with their sheet; ``by_month``: column letters on ``months``;
    month t stands in row ``first + t - 1`` of both sheets, row 0 above it.
    """

    columns: Mapping[str, str]
    inputs: Mapping[str, str]
    by_month: Mapping[str, str]
    months: str
    first: int
    periods: int

    def formula(self, text: str, month: int) -> str:
        """The formula of month 0 to n; what lies outside the months counts as nothing."""

        def address(found: re.Match[str]) -> str:
            return self._address(found[1] or "", found[2], month)

        return REFERENCE.sub(address, text)

    def _address(self, mark: str, name: str, month: int) -> str:
        row, last = self.first + month - 1, self.first + self.periods - 1
        if mark == "#":
            return self.inputs[name]
        if mark == "@":
            return f"'{self.months}'!${self.by_month[name]}{row}"
        if name == "month":
            return f"$A{row}"
        column = self.columns[name]
        if mark == "<":
            return f"{column}{row - 1}"
        if mark == ">":
            return f"{column}{row + 1}" if month < self.periods else "0"
        if mark == ":":
            return f"${column}${self.first}:${column}${last}"
        if mark == "^":
            # The first month has none before it: the empty cell of row 0 stands for nothing.
            start = self.first if month > 1 else self.first - 1
            return f"${column}${start}:${column}${row - 1}"
        if mark == "~":
            start = last + 2 - month if month > 1 else self.first - 1
            return f"${column}${start}:${column}${last if month > 1 else start}"
        if mark == "2~":
            start = self.first + 1 if month > 1 else self.first - 1
            return f"${column}${start}:${column}${row if month > 1 else start}"
        return f"{column}{row}"


def columns_of(found: list[Step]) -> dict[str, str]:
    """Column letters; the month stands in A."""
    return {one.key: column_name(number) for number, one in enumerate(found, start=2)}

"""The monthly capital report of a unit: growth, unit economics, efficiency, customers, risk.

Every figure is a fraction of sums over months of recorded series, so that the workbook recomputes
it with live formulas from the data sheet; weak figures stand in it as well as strong ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from customers.models.followup import FollowUp
from organization.audit import actor_words
from valuation import indicators
from valuation.assumptions import terms_of
from valuation.discounting import discount_factors
from valuation.models import ValuedUnit
from valuation.reports.document import Cells, Document, Figure, Formula, Grid, Kind, Section
from valuation.reports.records import Facts
from valuation.reports.subject import Subject
from web import formats

TARGET_LTV_CAC = 5.0
TARGET_PAYBACK = 18

# A side of a fraction: series with their sign.
Side = Sequence[tuple[int, str]]


@dataclass(frozen=True)
class Fraction:
    """Σ of some series over ``window`` months, by Σ of others where there are any."""

    above: Side
    below: Side = ()
    window: int = 1
    scale: float = 1.0

    def at(self, facts: dict[str, list[float | None]], month: int) -> float | None:
        """The value for the window that ends with position ``month``; None where not known."""
        top = self._sum(facts, self.above, month)
        if not self.below:
            return None if top is None else top * self.scale
        bottom = self._sum(facts, self.below, month)
        if top is None or bottom is None or bottom <= 0:
            return None
        return self.scale * top / bottom

    def _sum(self, facts: dict[str, list[float | None]], side: Side, month: int) -> float | None:
        if month - self.window + 1 < 0:
            return None
        total = 0.0
        for sign, name in side:
            values = facts[name][month - self.window + 1 : month + 1]
            if any(value is None for value in values):
                return None
            total += sign * sum(value for value in values if value is not None)
        return total

    def excel(self, month: int) -> Formula:
        def side(cells: Cells, parts: Side) -> str:
            text = "".join(
                f"{'+' if sign > 0 else '-'}{cells.span(name, month, self.window)}"
                for sign, name in parts
            )
            return text.removeprefix("+")

        def formula(cells: Cells) -> str:
            scaled = f"{self.scale:g}*" if self.scale != 1.0 else ""
            if not self.below:
                return f"{scaled}({side(cells, self.above)})"
            return f"{scaled}({side(cells, self.above)})/({side(cells, self.below)})"

        return formula


REVENUE: Side = ((1, "from_customers"), (1, "from_insurers"), (1, "from_makers"))
GROSS: Side = (
    (1, "after_sales_revenue"),
    (-1, "after_sales_parts_cost"),
    (-1, "after_sales_labour_cost"),
    (-1, "after_sales_site_cost"),
)
EBITDA: Side = (
    *((1, "store_revenue"), (-1, "store_parts_cost"), (-1, "store_labour_cost")),
    *((-1, "store_site_cost"), (-1, "store_admin_expense"), (-1, "store_selling_expense")),
)
NOPAT: Side = (*EBITDA, (-1, "store_depreciation"), (-1, "store_amortisation"), (-1, "store_tax"))
CAPITAL: Side = ((1, "store_fixed_assets"), (1, "store_working_capital"))


@dataclass(frozen=True)
class MonthlyReport:
    """The report's figures, from facts (fen) of 36 months and the valuation of the unit."""

    subject: Subject
    facts: Facts
    notice: str

    @property
    def valued(self) -> ValuedUnit:
        return self.subject.valued

    @property
    def yuan(self) -> dict[str, list[float | None]]:
        """The series with money in yuan."""
        counts = {"visits", "active", "new", "promoters", "detractors", "answers"}
        counts |= {"base", "complaints", "referrals"}
        return {
            name: [v if v is None or name in counts else v / 100 for v in values]
            for name, values in self.facts.series.items()
        }

    @property
    def last(self) -> int:
        return len(self.facts.months) - 1

    def figure(
        self,
        label: str,
        fraction: Fraction,
        kind: Kind,
        formula: str,
        *,
        target: str = "",
        status: str = "",
    ) -> Figure:
        series, last = self.yuan, self.last
        values = [fraction.at(series, month) for month in (last, last - 1, last - 12)]
        excel = [
            fraction.excel(month) if value is not None else None
            for month, value in zip((last, last - 1, last - 12), values, strict=True)
        ]
        first = self.facts.months[last - fraction.window + 1]
        span = f"{first:%Y-%m}" + (f" – {self.facts.months[last]:%Y-%m}" * (fraction.window > 1))
        rows = f"{span}: {', '.join(name for _sign, name in (*fraction.above, *fraction.below))}"
        return Figure(
            *(label, values[0], kind, formula, rows, values[1], values[2], target, status),
            excel=(excel[0], excel[1], excel[2]),
        )

    def growth(self) -> Section:
        return Section(
            _("Growth overview"),
            [
                self.figure(
                    _("Revenue of the month"),
                    Fraction(REVENUE),
                    "money",
                    _("revenue from customers, insurers and manufacturers, net of VAT"),
                ),
                self.figure(
                    _("Revenue of 12 months"),
                    Fraction(REVENUE, window=12),
                    "money",
                    _("the same, twelve months"),
                ),
                self.figure(
                    _("Visit days"),
                    Fraction(((1, "visits"),)),
                    "integer",
                    _("days on which a customer was served and somebody outside the group paid"),
                ),
                self.figure(
                    _("Active customers"),
                    Fraction(((1, "active"),)),
                    "integer",
                    _("customers with a visit day in the month"),
                ),
                self.figure(
                    _("New customers"),
                    Fraction(((1, "new"),)),
                    "integer",
                    _("customers whose first visit day was in the month"),
                ),
                self.figure(
                    _("Share of new customers"),
                    Fraction(((1, "new"),), ((1, "active"),)),
                    "percent",
                    _("new ÷ active customers of the month; above 60% is an alarm"),
                ),
            ],
        )

    def unit_economics(self) -> Section:
        new = self.valued.counters["new"]
        ltv, before, year = (
            lifetime_value(one)
            for one in (self.valued, self.subject.month_before, self.subject.year_before)
        )
        cac = self.figure(
            _("CAC"),
            Fraction(((1, "marketing_new"),), ((1, "new"),), 12),
            "money",
            _("marketing for new customers ÷ new customers, twelve months"),
        )
        ratio = ltv / cac.value if ltv is not None and cac.value else None
        months = self._payback(cac.value)
        return Section(
            _("Unit economics"),
            [
                Figure(
                    _("LTV"),
                    ltv,
                    "money",
                    _("mean value of customers first seen in the last 12 months"),
                    _("%(count)s new customers") % {"count": formats.integer(new)},
                    before,
                    year,
                ),
                cac,
                Figure(
                    _("LTV/CAC"),
                    ratio,
                    "ratio",
                    _("LTV ÷ CAC"),
                    target=f"> {TARGET_LTV_CAC:g}",
                    status=_met(ratio is not None and ratio > TARGET_LTV_CAC, ratio),
                    excel=(lambda cells: "LTV/CAC", None, None) if ratio is not None else _NONE,
                ),
                Figure(
                    _("Payback, months"),
                    months,
                    "months",
                    _("first month in which the discounted margin of an average customer ≥ CAC"),
                    target=f"< {TARGET_PAYBACK}",
                    status=_payback_status(months, cac.value),
                ),
            ],
            notes=[
                _("The margin of the payback is that of the unit's average customer."),
                lifetime_value_note(self.subject),
            ],
        )

    def _payback(self, cac: float | None) -> float | None:
        customers, monthly = self.valued.customers, self.valued.monthly
        if cac is None or not customers:
            return None
        net = zip(monthly["margin_fen"], monthly["cost_fen"], strict=True)
        each = [(margin - cost) / 100 / customers for margin, cost in net]
        rate = terms_of(self.subject.valuation.assumptions.values).discount.rate
        found = indicators.payback_months(cac, each, list(discount_factors(rate, len(each))))
        return None if found is None else float(found)

    def efficiency(self) -> Section:
        return Section(
            _("Efficiency"),
            [
                self.figure(
                    _("Gross margin, after-sales"),
                    Fraction(GROSS, ((1, "after_sales_revenue"),), 12),
                    "percent",
                    _("(revenue − parts − labour − site) ÷ revenue, books of twelve months"),
                ),
                self.figure(
                    _("EBITDA margin, whole store"),
                    Fraction(EBITDA, ((1, "store_revenue"),), 12),
                    "percent",
                    _("revenue less all cost but depreciation, ÷ revenue, twelve months"),
                ),
                self.figure(
                    _("ROIC, whole store"),
                    # Twelve months of profit by the mean of twelve month-ends of capital.
                    Fraction(NOPAT, CAPITAL, 12, scale=12.0),
                    "percent",
                    _("profit after tax of twelve months ÷ mean fixed and working capital"),
                ),
                self.figure(
                    _("Asset turnover, whole store"),
                    Fraction(((1, "store_revenue"),), ((1, "store_total_assets"),), 12, scale=12.0),
                    "ratio",
                    _("revenue of twelve months ÷ mean total assets"),
                ),
            ],
        )

    def customers(self) -> Section:
        counters = self.valued.counters
        kept = indicators.retention(counters["opening"], counters["retained"])
        before = indicators.retention(counters["opening_before"], counters["retained_before"])
        count = f"{formats.integer(counters['retained'])} / {formats.integer(counters['opening'])}"
        nps = Fraction(((1, "promoters"), (-1, "detractors")), ((1, "answers"),), 12, scale=100.0)
        return Section(
            _("Customer health"),
            [
                Figure(
                    _("Retention, 12 months"),
                    kept,
                    "percent",
                    _("customers of the 12 months before who came again ÷ all of them"),
                    count,
                    year=before,
                ),
                self.figure(
                    _("NPS, 12 months"),
                    nps,
                    "points",
                    _("share of answers 9 and 10 less share of 0 to 6"),
                ),
                self.figure(
                    _("Monthly active rate"),
                    Fraction(((1, "active"),), ((1, "base"),)),
                    "percent",
                    _("active customers of the month ÷ customers seen in 24 months"),
                ),
                self.figure(
                    _("Referral rate"),
                    Fraction(((1, "referrals"),), ((1, "new"),), 12),
                    "percent",
                    _("referrals recorded ÷ new customers, twelve months"),
                ),
            ],
        )

    def risk(self) -> Section:
        words = dict(FollowUp.Outcome.choices)
        reasons = [[str(words.get(key, key)), count] for key, count in self.facts.lost_reasons]
        return Section(
            _("Risk"),
            [
                self.figure(
                    _("Complaints per 1,000 visit days"),
                    Fraction(((1, "complaints"),), ((1, "visits"),), scale=1000.0),
                    "ratio",
                    _("complaints recorded ÷ visit days × 1,000"),
                )
            ],
            [
                Grid(
                    _("Most frequent reasons of loss, as said at follow-up"),
                    [(_("Reason"), "text"), (_("Customers"), "integer")],
                    reasons,
                )
            ],
            [_("Competition: to be added by people; the records hold nothing about it.")],
        )

    def document(self) -> Document:
        month = self.facts.months[-1]
        sections = [
            self.growth(),
            self.unit_economics(),
            self.efficiency(),
            self.customers(),
            self.risk(),
        ]
        series = self.yuan
        labels = series_names()
        return Document(
            _("Monthly capital report"),
            f"{self.valued.unit.name} · {formats.month(month)}",
            self.notice,
            head_facts(self.subject),
            sections,
            [f"{one:%Y-%m}" for one in self.facts.months],
            {labels.get(name, name): (name, values) for name, values in series.items()},
        )


_NONE: tuple[None, None, None] = (None, None, None)


def _payback_status(months: float | None, cac: float | None) -> str:
    if months is None and cac is not None:
        return _("missed: not within the horizon")
    return _met(months is not None and months < TARGET_PAYBACK, cac)


def _met(met: bool, known: Any) -> str:
    if known is None:
        return _("not known")
    return _("met") if met else _("missed")


def lifetime_value(one: ValuedUnit | None) -> float | None:
    """Mean value in yuan of the customers first seen in the year before a valuation."""
    if one is None or not one.counters.get("new"):
        return None
    return float(one.counters["new_value_fen"] / one.counters["new"] / 100)


def lifetime_value_note(subject: Subject) -> str:
    """Of which valuations the changes of the lifetime value are."""
    days = [
        one.valuation.as_of.isoformat()
        for one in (subject.month_before, subject.year_before)
        if one is not None
    ]
    note = _("A lifetime value is known on valuation dates only, not for every month.")
    if not days:
        return note + " " + _("There is none of a month or of a year before.")
    return note + " " + _("Compared with: %(days)s.") % {"days": ", ".join(days)}


def head_facts(subject: Subject) -> list[tuple[str, str]]:
    """As-of, model, assumptions, confidence, approval, input: the head of every export."""
    valued, valuation = subject.valued, subject.valuation
    confidence = valuation.confidence
    discount = terms_of(valuation.assumptions.values).discount
    return [
        (_("Unit"), f"{subject.unit.name} ({subject.unit.code})"),
        (_("As of"), formats.date(valuation.as_of)),
        (_("Months reported"), f"{subject.months[0]:%Y-%m} – {subject.months[-1]:%Y-%m}"),
        (
            _("Made by"),
            f"{actor_words(valuation.author)} · {formats.instant(valuation.created_at)}",
        ),
        (_("Approved by"), subject.approved_by),
        (_("Model version"), valuation.model_version),
        (
            _("Assumptions"),
            _("v%(version)s; discount rate %(rate)s")
            % {
                "version": valuation.assumptions.version,
                "rate": formats.percent(discount.rate, 2),
            },
        ),
        (_("Data confidence"), f"{formats.decimal(confidence, 1)} / 100"),
        (_("Customers"), formats.integer(valued.customers)),
        (_("Value"), formats.money_exact(valued.expected_fen)),
        (
            "P5 – P95",
            f"{formats.money_exact(valued.p5_fen)} – {formats.money_exact(valued.p95_fen)}",
        ),
        (_("Basis"), _("net of VAT, before tax, management view; not a fair value")),
        (_("Input"), valuation.input_hash),
    ]


def series_names() -> dict[str, str]:
    """Names of the series on the data sheet; books keep their scope in front."""
    books = {
        "revenue": _("revenue"),
        "parts_cost": _("parts cost"),
        "labour_cost": _("labour cost"),
        "site_cost": _("site cost"),
        "admin_expense": _("administration"),
        "selling_expense": _("selling"),
        "depreciation": _("depreciation"),
        "amortisation": _("amortisation"),
        "tax": _("tax"),
        "fixed_assets": _("fixed assets"),
        "working_capital": _("working capital"),
        "total_assets": _("total assets"),
        "operating_cash_flow": _("operating cash flow"),
    }
    names = {
        "visits": _("Visit days"),
        "active": _("Active customers"),
        "base": _("Customers seen in 24 months"),
        "from_customers": _("Revenue from customers"),
        "from_insurers": _("Revenue from insurers"),
        "from_makers": _("Revenue from manufacturers"),
        "new": _("New customers"),
        "promoters": _("Promoters"),
        "detractors": _("Detractors"),
        "answers": _("Survey answers"),
        "complaints": _("Complaints"),
        "referrals": _("Referrals"),
        "marketing_new": _("Marketing for new customers"),
        "marketing_kept": _("Marketing for retention"),
        "marketing": _("Marketing, all"),
    }
    for scope, word in (("after_sales", _("After-sales")), ("store", _("Whole store"))):
        names |= {f"{scope}_{key}": f"{word}: {text}" for key, text in books.items()}
    return names

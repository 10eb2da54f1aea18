"""What each indicator is: the one list behind tables, lineage addresses, alarms and methodology.

An indicator is a shape over two sums of integer counters that add up over stores, so that a
parent's figure follows from its children's counters and from the rows that lineage lists. A change
of meaning is a new ``version``: stored months keep the version by which they were made.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.translation import gettext_lazy as _

from valuation.indicators import formulas
from web.shell import Text

Dimension = Literal["operations", "growth", "profit", "capital", "customer", "moat"]
Shape = Literal["sum", "ratio", "growth", "compound", "score", "payback"]
Kind = Literal["percent", "money", "integer", "points", "times", "months", "decimal"]
Evidence = Literal[
    "visit_days", "customers", "books", "surveys", "policies", "marketing", "valued", "inputs"
]
Terms = Mapping[str, int]
Counters = Mapping[str, int]

DIMENSIONS: dict[Dimension, Text] = {
    "operations": _("Operations"),
    "growth": _("Growth"),
    "profit": _("Profit"),
    "capital": _("Capital efficiency"),
    "customer": _("Customers and unit economics"),
    "moat": _("Moat"),
}


@dataclass(frozen=True)
class Definition:
    """``numerator`` and ``denominator``: coefficients of counters.

    ``gaps``: the counter of stores left out because their books have gaps. ``years``: of a compound
    rate. ``benchmark``: a figure to hold it against with its source; ``target``: the metric's name
    in delivered targets.
    """

    key: str
    dimension: Dimension
    label: Text
    formula: Text
    kind: Kind
    shape: Shape
    evidence: Evidence
    numerator: Terms
    denominator: Terms
    window: Text
    version: int = 1
    better: Literal["up", "down", "none"] = "up"
    years: int = 0
    gaps: str = ""
    target: str = ""
    benchmark: tuple[float, Text] | None = None

    @property
    def additive(self) -> bool:
        return self.shape == "sum" and self.evidence != "inputs"

    def parts(self, counters: Counters) -> tuple[int, int]:
        """Numerator and denominator of a unit; a sum has the denominator 1."""
        above = sum(weight * counters.get(name, 0) for name, weight in self.numerator.items())
        below = sum(weight * counters.get(name, 0) for name, weight in self.denominator.items())
        return above, below if self.denominator else 1

    def value(self, counters: Counters) -> float | None:
        """The figure of a unit; None where it is not defined, never 0 in its place."""
        return self.of_parts(*self.parts(counters))

    def of_parts(self, above: float, below: float) -> float | None:
        match self.shape:
            case "sum":
                return float(above)
            case "growth":
                return formulas.growth(above, below)
            case "compound":
                return formulas.cagr(below, above, self.years)
            case "score":
                return None if below <= 0 else 100.0 * above / below
            case _:
                return formulas.ratio(above, below)

    @property
    def digest(self) -> str:
        """Changes with the arithmetic, whether or not somebody raised the version."""
        facts = [
            *(self.key, self.shape, self.years, sorted(self.numerator.items())),
            *(sorted(self.denominator.items()), self.evidence, self.version),
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


MONTH, YEAR = _("the month"), _("twelve months")
BOOKS_YEAR = _("twelve booked months")
COURSE = _("capital-market course")


def _terms(*names: str, minus: tuple[str, ...] = ()) -> Terms:
    return dict.fromkeys(names, 1) | dict.fromkeys(minus, -1)


def _operations() -> list[Definition]:
    return [
        Definition(
            *("visits", "operations", _("Visits")),
            _("Days on which a customer's vehicle was served and someone outside the group paid"),
            *("integer", "sum", "visit_days", _terms("month_visits"), {}, MONTH),
            target="visits",
        ),
        Definition(
            *("output", "operations", _("Output")),
            _("Revenue from customers, insurers and manufacturers, net of VAT, credits netted"),
            *("money", "sum", "visit_days", _terms("month_revenue_fen"), {}, MONTH),
            target="revenue",
        ),
        Definition(
            *("margin", "operations", _("Margin")),
            _("Output less cost of the orders, scaled to the ledger's margin"),
            *("money", "sum", "visit_days", _terms("month_margin_fen"), {}, MONTH),
            target="margin",
        ),
        Definition(
            *("output_per_visit", "operations", _("Output per visit")),
            _("Output ÷ visits of the month"),
            *("money", "ratio", "visit_days", _terms("month_revenue_fen")),
            *(_terms("month_visits"), MONTH),
        ),
        Definition(
            *("return_rate", "operations", _("Return rate")),
            _(
                "Customers who bought or visited in the 24 months before and came in the last 12"
                " ÷ all of them"
            ),
            *("percent", "ratio", "customers", _terms("returned"), _terms("base"), YEAR),
            target="return_rate",
        ),
        Definition(
            *("renewal_rate", "operations", _("Renewal rate")),
            _(
                "Policies of the last 12 months followed by one of the same vehicle within 60 days"
                " ÷ expired policies"
            ),
            *("percent", "ratio", "policies", _terms("renewed"), _terms("expired"), YEAR),
            target="renewal_rate",
        ),
        Definition(
            *("absorption", "operations", _("Absorption")),
            _("After-sales gross profit ÷ running costs of the whole store, last 12 booked months"),
            *("percent", "ratio", "books", _terms("profit_fen"), _terms("fixed_cost_fen")),
            BOOKS_YEAR,
            target="absorption",
        ),
    ]


def _growth() -> list[Definition]:
    return [
        Definition(
            *("revenue_growth", "growth", _("Revenue growth")),
            _("After-sales revenue of 12 booked months ÷ that of the 12 before − 1, all stores"),
            *("percent", "growth", "books", _terms("total_now_fen"), _terms("total_before_fen")),
            BOOKS_YEAR,
            gaps="gap_growth",
            benchmark=(0.15, COURSE),
        ),
        Definition(
            *("organic_growth", "growth", _("Revenue growth, same stores")),
            _(
                "The same, of stores with books in all 24 months: what was opened or acquired"
                " is left out"
            ),
            *("percent", "growth", "books", _terms("same_now_fen"), _terms("same_before_fen")),
            BOOKS_YEAR,
            gaps="gap_growth",
        ),
        *(
            Definition(
                *(f"cagr_{years}", "growth", label),
                _("(Revenue of 12 booked months ÷ that of the 12 months N years before)^(1/N) − 1"),
                *("percent", "compound", "books", _terms(f"cagr_{years}_end_fen")),
                *(_terms(f"cagr_{years}_begin_fen"), window),
                years=years,
                gaps=f"gap_cagr_{years}",
                benchmark=(0.15, COURSE),
            )
            for years, label, window in (
                (3, _("Revenue CAGR, 3 years"), _("twelve booked months, three years apart")),
                (5, _("Revenue CAGR, 5 years"), _("twelve booked months, five years apart")),
            )
        ),
        Definition(
            *("customer_growth", "growth", _("Customer growth")),
            _("Customers who came in 12 months ÷ those who came in the 12 before − 1"),
            *("percent", "growth", "customers", _terms("active"), _terms("active_before"), YEAR),
        ),
        Definition(
            *("retention", "growth", _("Retention")),
            _(
                "Customers who came in the 12 months before and again in the last 12"
                " ÷ all who came in the 12 months before"
            ),
            *("percent", "ratio", "customers", _terms("retained"), _terms("opening"), YEAR),
            benchmark=(0.82, _("average of the industry, capital-market course")),
        ),
        Definition(
            *("ndr", "growth", _("NDR")),
            _(
                "Revenue of the last 12 months from customers of the 12 months before"
                " ÷ their revenue then"
            ),
            *("percent", "ratio", "customers", _terms("ndr_now_fen"), _terms("ndr_opening_fen")),
            YEAR,
        ),
        Definition(
            *("new_share", "growth", _("Share of new customers")),
            _("Customers first seen in 12 months ÷ customers who came in them"),
            *("percent", "ratio", "customers", _terms("new"), _terms("active"), YEAR),
            better="none",
        ),
    ]


def _profit_and_capital() -> list[Definition]:
    profit = [
        Definition(
            *(f"{name}_margin", "profit", label, formula, "percent", "ratio", "books"),
            *(_terms(f"{name}_profit_fen"), _terms(f"{name}_revenue_fen"), BOOKS_YEAR),
            gaps=f"gap_{name}",
        )
        for name, label, formula in (
            (
                *("gross", _("Gross margin")),
                _("(Revenue − parts − labour − site cost) ÷ revenue, after-sales books"),
            ),
            (
                *("ebitda", _("EBITDA margin")),
                _("(Gross profit − administration − selling) ÷ revenue, after-sales books"),
            ),
            (
                *("net", _("Net margin")),
                _("(EBITDA − depreciation − amortisation − tax) ÷ revenue, after-sales books"),
            ),
        )
    ]
    return [
        *profit,
        Definition(
            *("roic", "capital", _("ROIC")),
            _(
                "(EBITDA − depreciation − amortisation − tax) of 12 booked months"
                " ÷ (fixed assets + working capital) at their end"
            ),
            *("percent", "ratio", "books", _terms("return_fen"), _terms("capital_fen"), BOOKS_YEAR),
            gaps="gap_capital",
        ),
        Definition(
            *("asset_turnover", "capital", _("Asset turnover")),
            _("Revenue of 12 booked months ÷ mean of total assets at their opening and end"),
            *("times", "ratio", "books", {"turned_fen": 2}, _terms("assets_ends_fen"), BOOKS_YEAR),
            gaps="gap_assets",
        ),
        Definition(
            *("fixed_asset_turnover", "capital", _("Fixed asset turnover")),
            _("Revenue of 12 booked months ÷ mean of fixed assets at their opening and end"),
            *("times", "ratio", "books", {"fixed_turned_fen": 2}, _terms("fixed_ends_fen")),
            BOOKS_YEAR,
            gaps="gap_fixed",
        ),
    ]


def _customers() -> list[Definition]:
    return [
        Definition(
            *("ltv", "customer", _("LTV of new customers")),
            _("Value of customers first seen in the last 12 months ÷ their number"),
            *("money", "ratio", "valued", _terms("new_value_fen"), _terms("new_valued"), YEAR),
        ),
        Definition(
            *("cac", "customer", _("CAC")),
            _("Marketing for new customers ÷ new after-sales customers"),
            *("money", "ratio", "marketing", _terms("cac_spend_fen"), _terms("new"), YEAR),
            better="down",
        ),
        Definition(
            *("ltv_cac", "customer", _("LTV/CAC")),
            _(
                "Mean value of customers first seen in the last 12 months"
                " ÷ (marketing for new customers ÷ new after-sales customers)"
            ),
            *("times", "ratio", "valued", _terms("new_value_fen"), _terms("spend_of_valued_fen")),
            YEAR,
            benchmark=(5.0, _("target of the capital report")),
        ),
        Definition(
            *("payback", "customer", _("Payback")),
            _(
                "First month in which the discounted margin expected of a mean customer"
                " covers the CAC"
            ),
            *("months", "payback", "valued", {}, {}, YEAR),
            better="down",
            benchmark=(18.0, _("target of the capital report")),
        ),
        Definition(
            *("nps", "customer", _("NPS")),
            _("Share of answers 9 and 10 less share of 0 to 6, last 12 months"),
            *("points", "score", "surveys", _terms("promoters", minus=("detractors",))),
            *(_terms("answers"), YEAR),
            target="nps",
            benchmark=(50.0, COURSE),
        ),
    ]


def _moat() -> list[Definition]:
    latest = _("latest entry")
    return [
        Definition(
            *("price_premium", "moat", _("Price premium")),
            _("Own price ÷ peers' price for the same work − 1"),
            *("percent", "growth", "inputs", _terms("price_own_fen"), _terms("price_peer_fen")),
            latest,
        ),
        Definition(
            *("switching_cost", "moat", _("Switching cost")),
            _("Yuan a year that a customer loses by leaving: the sum of the priced items"),
            *("money", "sum", "inputs", _terms("switching_fen"), {}, latest),
        ),
        Definition(
            *("referral", "moat", _("Referral rate")),
            _("New customers who were referred ÷ new customers asked"),
            *("percent", "ratio", "inputs", _terms("referred"), _terms("referral_asked"), latest),
        ),
        Definition(
            *("network_density", "moat", _("Network density")),
            _("Vehicles in the area ÷ outlets: fewer is more convenient"),
            *("decimal", "ratio", "inputs", _terms("area_vehicles"), _terms("area_outlets")),
            latest,
            better="down",
        ),
    ]


DEFINITIONS: dict[str, Definition] = {
    one.key: one
    for one in (
        *_operations(),
        *_growth(),
        *_profit_and_capital(),
        *_customers(),
        *_moat(),
    )
}


def versions() -> dict[str, str]:
    """``version·digest`` of every definition, as a run writes it down."""
    return {key: f"{one.version}·{one.digest}" for key, one in DEFINITIONS.items()}


def of_dimension(dimension: Dimension) -> list[Definition]:
    return [one for one in DEFINITIONS.values() if one.dimension == dimension]


def figures_of(counters: Counters) -> dict[str, float | None]:
    """Every figure that follows from counters alone; the rest is added by recording."""
    return {
        key: _known(one, counters) for key, one in DEFINITIONS.items() if one.shape != "payback"
    }


def _known(one: Definition, counters: Counters) -> float | None:
    """None for a sum of nothing recorded; other shapes are None by their denominator."""
    if one.shape == "sum" and not any(name in counters for name in one.numerator):
        return None
    return one.value(counters)


def described(definition: Definition) -> dict[str, Any]:
    """The definition in plain words, for methodology and exports."""
    return {
        "key": definition.key,
        "label": str(definition.label),
        "formula": str(definition.formula),
        "window": str(definition.window),
        "version": definition.version,
        "digest": definition.digest,
    }

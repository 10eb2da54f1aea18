"""Calculators of market value: excess earnings, regression, comparables, DCF, market phase."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from valuation import multiples
from valuation.calculators.decision_pages import RATE, money, times
from valuation.calculators.discounted_cash_flow import discounted_cash_flow
from valuation.calculators.excess_earnings import (
    excess_earnings_by_year,
    tax_amortisation_factor,
)
from valuation.calculators.question import Answer, Ask, Calculator, Values
from valuation.refusals import Refusal, Refused, as_number, gettext_noop
from web import charts, formats

FIGURES = ("growth", "gross_margin", "roic", "nps")
BAD_COMPARABLE = gettext_noop(
    "line %(field)s: expected name, growth, gross margin, ROIC, NPS, P/S multiple, not %(value)s."
)
NO_MULTIPLE = gettext_noop("line %(field)s: %(value)s has no positive P/S multiple.")
NO_COMPARABLE = gettext_noop("%(field)s: at least one comparable is needed.")
BAD_FLOW = gettext_noop("%(field)s must be numbers parted by commas, not %(value)s.")
# The course's own worked example: the company and its three comparables.
COURSE_COMPARABLES = (
    "可比A, 38, 35, 22, 68, 8\n可比B, 25, 42, 18, 82, 12\n可比C, 50, 32, 32, 72, 15"
)
REGRESSION_TABLE_GAP = 2.0


def _excess(values: Values) -> Answer:
    years = int(values["years"])
    alive = [values["retention"] ** t for t in range(1, years + 1)]
    sales = [values["revenue"] * (1.0 + values["growth"]) ** t for t in range(years)]
    charges = [values["charge"] * one * kept for one, kept in zip(sales, alive, strict=True)]
    found = excess_earnings_by_year(
        *(sales, alive, charges),
        ebita_margin=values["ebita"],
        tax=values["tax"],
        rate=values["rate"],
    )
    value = sum(year.present_value for year in found)
    factor = tax_amortisation_factor(values["tax"], values["rate"], int(values["write_off"]))
    warnings = [
        _("A post-tax view beside the management value; the two are never added to each other.")
    ]
    if value < 0:
        warnings.append(_("The charges eat up the earnings: the base carries no excess."))
    rows = [
        [
            str(t),
            *(money(one) for one in (y.revenue, y.after_tax, -y.charge, y.excess, y.present_value)),
        ]
        for t, y in enumerate(found, start=1)
    ]
    heads = [
        *(_("Year"), _("Revenue of today's customers"), _("EBITA after tax")),
        *(_("Contributory charges"), _("Excess earnings"), _("Present value")),
    ]
    return Answer(
        (_("Value with the tax benefit"), money(value * factor)),
        [
            (_("Value before the tax benefit"), money(value)),
            (_("Tax-amortisation benefit factor"), formats.decimal(factor, 5)),
            (_("Tax benefit"), money(value * (factor - 1.0))),
        ],
        "",
        warnings,
        (heads, rows),
    )


def _regression(values: Values) -> Answer:
    figures = {name: values[name] for name in FIGURES}
    terms = multiples.regression_terms(**figures)
    multiple = sum(terms.values())
    growth = multiples.growth_multiples(values["growth"] / 100.0)
    labels = {
        "intercept": _("Constant"),
        "growth": _("0.08 × growth"),
        "gross_margin": _("0.15 × gross margin"),
        "roic": _("0.05 × ROIC"),
        "nps": _("0.02 × NPS"),
    }
    warnings = []
    if growth is None:
        warnings.append(_("The course's growth table has no multiple for this growth: a gap."))
    elif multiple > REGRESSION_TABLE_GAP * growth[1]:
        warnings.append(
            _("The course's own growth table gives %(low)s to %(high)s for the same growth.")
            % {"low": times(growth[0]), "high": times(growth[1])}
        )
    rows = []
    for line in _comparables(COURSE_COMPARABLES):
        paid, given = line["multiple"], {name: line[name] for name in FIGURES}
        fitted = multiples.regression_multiple(**given)
        residual = multiples.regression_residual(paid, given)
        signed = formats.signed(formats.decimal(residual, 2))
        rows.append([line["name"], times(paid), times(fitted), signed])
    warnings.append(
        _("It misses the course's own comparables by up to 3.25: see the residuals beside it.")
    )
    heads = [_("Comparable"), _("Paid"), _("By the regression"), _("Residual")]
    return Answer(
        (_("P/S multiple"), times(multiple)),
        [(labels[name], formats.decimal(term, 2)) for name, term in terms.items()]
        + [(_("Value at this revenue"), money(multiple * values["revenue"]))],
        "",
        warnings,
        (heads, rows),
    )


def _comparables(text: str) -> list[dict[str, Any]]:
    """Lines of name, growth, gross margin, ROIC, NPS, P/S; raises Refused naming every bad line."""
    found: list[dict[str, Any]] = []
    out: list[Refusal] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.replace("\t", ",").replace("，", ",").split(",")]
        values = [_number(cell) for cell in cells[1:]]
        if len(cells) != 6 or any(value is None for value in values[:4]):
            out.append(Refusal(str(number), BAD_COMPARABLE, {"value": line[:60]}))
            continue
        multiple = values[4]
        if multiple is None or multiple <= 0:
            out.append(Refusal(str(number), NO_MULTIPLE, {"value": cells[0]}))
            continue
        given = dict(zip((*FIGURES, "multiple"), values, strict=True))
        found.append({"name": cells[0], **given})
    if not out and not found:
        out.append(Refusal("comparables", NO_COMPARABLE))
    if out:
        raise Refused(out)
    return found


def _number(cell: str) -> float | None:
    try:
        value = as_number("", float(cell))
    except ValueError:
        return None
    return None if isinstance(value, Refusal) else value


def _compare(values: Values) -> Answer:
    lines = _comparables(values["comparables"])
    for line in lines:
        # The regression's guard against fractions holds for the comparables too.
        multiples.regression_terms(**{name: line[name] for name in FIGURES})
    own = {name: values[name] for name in FIGURES}
    multiples.regression_terms(**own)
    found = multiples.comparable_range([line["multiple"] for line in lines])
    warnings = [_(one.msgid) % one.params for one in found.warnings()]
    labels = {
        "growth": _("Growth, %"),
        "gross_margin": _("Gross margin, %"),
        "roic": _("ROIC, %"),
        "nps": _("NPS"),
    }
    rows = [
        [
            labels[name],
            formats.decimal(own[name], 1),
            *(formats.decimal(line[name], 1) for line in lines),
            f"{multiples.rank(own[name], [line[name] for line in lines])} / {len(lines) + 1}",
        ]
        for name in FIGURES
    ]
    rows.append([_("P/S"), "", *(times(line["multiple"]) for line in lines), ""])
    growth = multiples.growth_multiples(own["growth"] / 100.0)
    if growth is not None and found.median > REGRESSION_TABLE_GAP * growth[1]:
        warnings.append(
            _("The course's own growth table gives %(low)s to %(high)s for the same growth.")
            % {"low": times(growth[0]), "high": times(growth[1])}
        )
    values_of = multiples.sales_value(values["revenue"], (found.low, found.median, found.high))
    low_fen, median_fen, high_fen = (value * 100 for value in values_of)
    field = charts.football_field(
        _("Range of the comparables"),
        [(_("P/S of the comparables"), low_fen, median_fen, high_fen)],
    )
    return Answer(
        (_("Value at the median"), money(values_of[1])),
        [
            (_("Median P/S"), times(found.median)),
            (_("Mean P/S"), times(found.mean)),
            (_("Range"), f"{times(found.low)} – {times(found.high)}"),
            (_("Value, range"), f"{money(values_of[0])} – {money(values_of[2])}"),
        ],
        "",
        warnings,
        ([_("Indicator"), _("Own"), *(line["name"] for line in lines), _("Rank")], rows),
        field,
    )


def _flows(text: str) -> list[float]:
    found = []
    for cell in filter(None, (part.strip() for part in text.replace("，", ",").split(","))):
        value = _number(cell)
        if value is None:
            raise Refused([Refusal("flows", BAD_FLOW, {"value": cell[:40]})])
        found.append(value)
    return found


def _dcf(values: Values) -> Answer:
    flows = [flow * 1e6 for flow in _flows(values["flows"])]
    found = discounted_cash_flow(flows, values["rate"], values["terminal_growth"])
    warnings = [_(one.msgid) % one.params for one in found.warnings()]
    undiscounted = sum(flows)
    rows = [
        [str(t), money(flow), money(present)]
        for t, (flow, present) in enumerate(zip(flows, found.flows, strict=True), start=1)
    ]
    return Answer(
        (_("Enterprise value"), money(found.value)),
        [
            (_("Present value of the forecast years"), money(found.forecast)),
            (_("Present value of the terminal value"), money(found.terminal)),
            (_("Share of the terminal value"), formats.percent(found.terminal_share)),
            (_("Forecast years, undiscounted"), money(undiscounted)),
        ],
        "",
        warnings,
        ([_("Year"), _("Free cash flow"), _("Present value")], rows),
    )


def _phase(values: Values) -> Answer:
    words = {"bull": _("bull"), "balanced": _("balanced"), "bear": _("bear")}
    rows, found = [], {}
    for phase, word in words.items():
        low, high = multiples.in_market_phase(values["multiple"], phase)
        found[phase] = (low, high)
        worth = f"{money(low * values['revenue'])} – {money(high * values['revenue'])}"
        rows.append([word, f"{times(low)} – {times(high)}", worth])
    low, high = found[values["phase"]]
    return Answer(
        (_("Multiple in this market"), f"{times(low)} – {times(high)}"),
        [
            (_("Value, low"), money(low * values["revenue"])),
            (_("Value, high"), money(high * values["revenue"])),
        ],
        "",
        [_("Between 1.1 and 1.3 the course names no phase; the factors are judgement.")],
        ([_("Phase"), _("Multiple"), _("Value")], rows),
    )


WHOLE = gettext_lazy("a percentage in whole numbers: 30 for 30%")
REVENUE = Ask("revenue", gettext_lazy("Revenue a year, yuan"), "money", 500_000_000)


def _indicators(growth: float, margin: float, roic: float, nps: float) -> tuple[Ask, ...]:
    kind: Any = "whole_percent"
    return (
        Ask("growth", gettext_lazy("Growth"), kind, growth, -100, 1000, WHOLE),
        Ask("gross_margin", gettext_lazy("Gross margin"), kind, margin, -100, 100, WHOLE),
        Ask("roic", gettext_lazy("ROIC"), kind, roic, -1000, 1000, WHOLE),
        Ask("nps", gettext_lazy("NPS"), kind, nps, -100, 100, gettext_lazy("−100 to 100")),
    )


MARKET = (
    Calculator(
        "excess-earnings",
        gettext_lazy("Multi-period excess earnings"),
        gettext_lazy("The post-tax view that auditors know, with the tax-amortisation benefit."),
        gettext_lazy(
            "Σ (revenue × survival × EBITA% × (1 − tax) − charges) ÷ (1 + k)^(t − 0.5),"
            " × 1 ÷ (1 − tax ÷ n × annuity(k, n))"
        ),
        (
            Ask("revenue", gettext_lazy("Revenue of the first year, yuan"), "money", 550_000_000),
            Ask("growth", gettext_lazy("Growth of a kept customer"), "percent", 0, 0, 0.5, RATE),
            Ask("retention", gettext_lazy("Retention a year"), "percent", 75, 0, 1, RATE),
            Ask("years", gettext_lazy("Years"), "count", 10, 1, 50),
            Ask("ebita", gettext_lazy("EBITA margin"), "percent", 20, 0, 0.99, RATE),
            Ask(
                "charge",
                gettext_lazy("Contributory charges, % of revenue"),
                "percent",
                4,
                0,
                0.99,
                RATE,
            ),
            Ask("tax", gettext_lazy("Tax"), "percent", 25, 0, 0.99, RATE),
            Ask("rate", gettext_lazy("Discount rate k"), "percent", 12, 0, 0.99, RATE),
            Ask("write_off", gettext_lazy("Years of the write-off"), "count", 15, 1, 50),
        ),
        _excess,
        gettext_lazy("25% tax, 15 years, 12%: the benefit factor is 1.12805."),
    ),
    Calculator(
        "regression",
        gettext_lazy("P/S by regression"),
        gettext_lazy("The course's regression, with what it makes of its own comparables."),
        gettext_lazy("0.5 + 0.08 × growth + 0.15 × gross margin + 0.05 × ROIC + 0.02 × NPS"),
        (*_indicators(30, 40, 25, 80), REVENUE),
        _regression,
        gettext_lazy("Course: 30, 40, 25, 80 → 11.75×; as fractions it would be 2.1965×."),
    ),
    Calculator(
        "comparables",
        gettext_lazy("Comparables"),
        gettext_lazy("Three to five companies, ranks, median and range of their multiples."),
        gettext_lazy("revenue × median P/S of the comparables"),
        (
            *_indicators(42, 38, 28, 76),
            REVENUE,
            Ask(
                "comparables",
                gettext_lazy("Comparables"),
                "lines",
                COURSE_COMPARABLES,
                help=gettext_lazy("a line each: name, growth, gross margin, ROIC, NPS, P/S"),
            ),
        ),
        _compare,
        gettext_lazy("Course: 8, 12, 15, it chooses 11; the median is 12, the mean 11.67."),
    ),
    Calculator(
        "dcf",
        gettext_lazy("Discounted cash flow"),
        gettext_lazy("Forecast years and terminal value, and how much rests on the latter."),
        gettext_lazy("Σ FCF_t ÷ (1 + k)^t + FCF_n × (1 + g) ÷ (k − g) ÷ (1 + k)^n"),
        (
            Ask(
                "flows",
                gettext_lazy("Free cash flows, million yuan, by year"),
                "lines",
                "500, 650, 800, 950, 1100",
                help=gettext_lazy("parted by commas"),
            ),
            Ask("rate", gettext_lazy("Discount rate k"), "percent", 12, 0, 0.99, RATE),
            Ask("terminal_growth", gettext_lazy("Growth for ever g"), "percent", 2, 0, 0.5, RATE),
        ),
        _dcf,
        gettext_lazy(
            "Course: 3.2 + 2.8 billion; its own revenue and margin do not even reach 1.8 billion"
            " undiscounted, so its flows are not a preset. These are an example."
        ),
    ),
    Calculator(
        "market-phase",
        gettext_lazy("Market phase"),
        gettext_lazy("What a multiple becomes in a bull, balanced or bear market."),
        gettext_lazy("multiple × 1.3–1.5 (bull), 0.9–1.1 (balanced), 0.7–0.9 (bear)"),
        (
            Ask("multiple", gettext_lazy("Multiple (P/S)"), "number", 11, 0.01, 1000),
            REVENUE,
            Ask(
                "phase",
                gettext_lazy("Phase"),
                "choice",
                "balanced",
                choices=(
                    ("bull", gettext_lazy("bull")),
                    ("balanced", gettext_lazy("balanced")),
                    ("bear", gettext_lazy("bear")),
                ),
            ),
        ),
        _phase,
        gettext_lazy("Course: 11× → 14.3–16.5×, 9.9–12.1×, 7.7–9.9×."),
    ),
)

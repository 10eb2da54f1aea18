"""A study as tiles, tables and charts: the words of the structure page."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from valuation.structure.flow_picture import flow_picture
from valuation.structure.study import CONSEQUENCE_NAMES, TRIGGER_NAMES, Outcome, Study
from valuation.structure.waterfall import AMOUNTS
from web import charts, formats
from web.charts import Figure
from web.tables import Column, Table

AMOUNT_NAMES = {
    "reserve_release": gettext_lazy("Reserve released"),
    "reserve_draw": gettext_lazy("Reserve drawn"),
    "reserve_topup": gettext_lazy("Reserve topped up"),
    "reserve_end": gettext_lazy("Reserve at the end"),
    "fee": gettext_lazy("Fees"),
    "fee_unpaid": gettext_lazy("Fees unpaid"),
    "a_int": gettext_lazy("A interest"),
    "a_int_unpaid": gettext_lazy("A interest unpaid"),
    "a_prin": gettext_lazy("A principal"),
    "a_bal": gettext_lazy("A balance"),
    "b_int": gettext_lazy("B interest"),
    "b_int_unpaid": gettext_lazy("B interest unpaid"),
    "b_prin": gettext_lazy("B principal"),
    "b_bal": gettext_lazy("B balance"),
    "residual": gettext_lazy("Residual"),
}


def fen(yuan: float | None) -> int | None:
    return None if yuan is None else round(yuan * 100)


def times(value: float | None, digits: int = 2) -> str:
    return formats.NOT_KNOWN if value is None else f"{formats.decimal(value, digits)}×"


def years(value: float | None) -> str:
    if value is None:
        return formats.NOT_KNOWN
    return _("%(figure)s years") % {"figure": formats.decimal(value, 2)}


def on_time(figures: dict[str, Any], tranche: str) -> str:
    return _("on time") if figures[f"{tranche}_fully_paid_on_time"] else _("not on time")


def tiles(study: Study) -> list[dict[str, Any]]:
    """What a structurer asks first; red never, a warning where a tranche is not paid on time."""
    figures, found = study.figures, []
    tranches = [("a", "A", study.deal.senior)]
    if study.deal.junior.balance > 0:
        tranches.append(("b", "B", study.deal.junior))
    for key, name, terms in tranches:
        late = not figures[f"{key}_fully_paid_on_time"]
        found.append(
            {
                "label": _("%(tranche)s at closing") % {"tranche": name},
                "value": formats.money(fen(terms.balance)),
                "hint": f"{on_time(figures, key)} · "
                + _("yield %(rate)s") % {"rate": formats.percent(figures[f"{key}_yield_annual"])},
                "tone": "warn" if late else "",
            }
        )
        found.append(
            {
                "label": _("%(tranche)s average life") % {"tranche": name},
                "value": years(figures[f"wal_{key}_years"]),
                "hint": _("duration %(figure)s")
                % {"figure": formats.decimal(figures[f"{key}_duration_years"], 2)},
            }
        )
    return [*found, *_coverage_tiles(study)]


def _coverage_tiles(study: Study) -> list[dict[str, Any]]:
    figures, even = study.figures, study.break_evens
    haircut = even["a_breakeven_haircut"]
    return [
        {
            "label": _("Cash-flow cover of A"),
            "value": times(figures["a_coverage_life"]),
            "hint": _("lowest DSCR %(figure)s") % {"figure": times(figures["dscr_min"])},
        },
        {
            "label": _("A's credit enhancement"),
            "value": formats.percent(1.0 - study.deal.senior.balance / study.value),
            "hint": _("advance rate %(rate)s")
            % {"rate": formats.percent(study.deal.senior.balance / study.value)},
        },
        {
            "label": _("A bears a haircut of"),
            "value": formats.percent(haircut),
            "hint": _("cover %(figure)s") % {"figure": times(even["a_breakeven_multiple"])},
        },
        {
            "label": _("Residual to the originator"),
            "value": formats.money(fen(study.run.totals()["residual"])),
            "hint": _("%(rate)s of the pool at closing")
            % {
                "rate": formats.percent(
                    1.0 - (study.deal.senior.balance + study.deal.junior.balance) / study.value
                )
            },
        },
    ]


def break_even_rows(study: Study) -> list[tuple[str, str]]:
    """Label and figure of each break-even of the base case."""
    rows: list[tuple[str, str]] = []
    names = [("a", "A"), *([("b", "B")] if study.deal.junior.balance > 0 else [])]
    for key, name in names:
        even = study.break_evens
        haircut = formats.percent(even[f"{key}_breakeven_haircut"], 2)
        multiple = times(even[f"{key}_breakeven_multiple"])
        rows.append((_("%(tranche)s: largest haircut") % {"tranche": name}, haircut))
        rows.append((_("%(tranche)s: cover at break-even") % {"tranche": name}, multiple))
        if study.pool.survival is not None:
            attrition = times(even[f"{key}_breakeven_attrition_multiple"])
            label = _("%(tranche)s: largest attrition multiple") % {"tranche": name}
            rows.append((label, attrition))
    return rows


def scenario_table(study: Study) -> Table:
    """Every scenario of the library: per tranche on time, average life, yield; cover."""
    junior = study.deal.junior.balance > 0
    columns = [
        Column("name", gettext_lazy("Scenario"), value=_scenario_name, wrap=True),
        Column("a", gettext_lazy("A"), value=lambda o: on_time(o.figures, "a")),
        Column(
            "a_wal",
            gettext_lazy("A life, years"),
            "ratio",
            value=lambda o: o.figures["wal_a_years"],
        ),
        Column("a_irr", gettext_lazy("A yield"), "percent", value=_of("a_yield_annual")),
        Column(
            "a_dur",
            gettext_lazy("A duration, years"),
            "ratio",
            value=_of("a_duration_years"),
            hide_on_phone=True,
        ),
        Column("cover", gettext_lazy("Cover"), "ratio", value=_of("a_coverage_life")),
        Column("dscr", gettext_lazy("Lowest DSCR"), "ratio", value=_of("dscr_min")),
    ]
    if junior:
        columns += [
            Column("b", gettext_lazy("B"), value=lambda o: on_time(o.figures, "b")),
            Column("b_wal", gettext_lazy("B life, years"), "ratio", value=_of("wal_b_years")),
            Column("b_irr", gettext_lazy("B yield"), "percent", value=_of("b_yield_annual")),
            Column(
                "b_dur",
                gettext_lazy("B duration, years"),
                "ratio",
                value=_of("b_duration_years"),
                hide_on_phone=True,
            ),
        ]
    columns.append(
        Column(
            "residual",
            gettext_lazy("Residual"),
            "money",
            value=lambda o: fen(o.run.totals()["residual"]),
        )
    )
    return Table(columns, study.outcomes, _("Scenarios"), tone=_tone, tight=True, css="wide")


def _scenario_name(outcome: Outcome) -> str:
    return _(outcome.scenario.name)


def _of(key: str) -> Any:
    return lambda outcome: outcome.figures[key]


def _tone(outcome: Outcome) -> str:
    late = [t for t in ("a", "b") if not outcome.figures[f"{t}_fully_paid_on_time"]]
    if outcome.run.amounts["b_bal"][0] == 0 and outcome.run.totals()["b_prin"] == 0:
        late = [t for t in late if t == "a"]
    return "warn" if late else ""


def trigger_table(study: Study) -> Table:
    """Each trigger with level, lowest value, headroom, cure and consequence."""
    columns = [
        Column("measure", gettext_lazy("Trigger"), value=lambda t: _(TRIGGER_NAMES[t.measure])),
        Column("level", gettext_lazy("Level"), "ratio"),
        Column("lowest", gettext_lazy("Lowest"), "ratio"),
        Column("headroom", gettext_lazy("Headroom"), "ratio"),
        Column("month", gettext_lazy("In month"), "integer", hide_on_phone=True),
        Column("first", gettext_lazy("Tripped in month"), "integer"),
        Column("cure", gettext_lazy("Cure"), value=_cure, wrap=True, hide_on_phone=True),
        Column(
            "consequence",
            gettext_lazy("Consequence"),
            value=lambda t: _(CONSEQUENCE_NAMES[t.consequence]),
            wrap=True,
        ),
    ]
    return Table(
        columns,
        study.triggers,
        _("Triggers"),
        tone=lambda t: "warn" if t.first is not None else "",
        tight=True,
        css="wide",
        empty=_("This structure has no trigger"),
    )


def _cure(trigger: Any) -> str:
    if trigger.cure == 0:
        return _("irrevocable")
    if trigger.cure == 1:
        return _("cured in the first month above")
    return _("cured after %(count)s months above") % {"count": trigger.cure}


def period_table(study: Study) -> Table:
    """The full trace: one row a month, every amount of the priority of payments."""
    run = study.run
    columns = [
        Column("month", gettext_lazy("Month"), "integer"),
        Column("collections", gettext_lazy("Collections"), "money_exact"),
        *(Column(name, AMOUNT_NAMES[name], "money_exact") for name in AMOUNTS),
        Column("oc", gettext_lazy("OC"), "ratio"),
        Column("dscr", gettext_lazy("DSCR"), "ratio"),
        Column("state", gettext_lazy("State"), value=lambda row: row["state"]),
    ]
    extras = {"reinvested": run.reinvested, "support": run.support}
    names = {
        "reinvested": gettext_lazy("New customers bought"),
        "support": gettext_lazy("Originator's support"),
    }
    shown = [name for name, line in extras.items() if any(line)]
    columns[2:2] = [Column(name, names[name], "money_exact") for name in shown]
    rows = []
    for t, collected in enumerate(run.collections):
        row: dict[str, Any] = {"month": t + 1, "collections": fen(collected)}
        row |= {name: fen(run.amounts[name][t]) for name in AMOUNTS}
        row |= {name: fen(extras[name][t]) for name in shown}
        row |= {"oc": run.oc[t], "dscr": run.dscr[t]}
        row["state"] = _("triggered") if run.triggered[t] else ""
        rows.append(row)
    total: dict[str, Any] = dict.fromkeys([column.key for column in columns])
    totals = run.totals()
    total |= {name: fen(value) for name, value in totals.items()}
    total |= {name: fen(sum(extras[name])) for name in shown}
    total |= {"month": None, "state": _("Total")}
    return Table(
        columns,
        rows,
        _("Payments by month"),
        tone=lambda row: "warn" if row["state"] else "",
        total=total,
        tight=True,
        css="wide tall",
    )


def pictures(study: Study) -> list[Figure]:
    """Where the money goes, and how balances fall."""
    months = [str(t) for t in range(1, len(study.run.collections) + 1)]
    series = [(_("A balance"), [fen(v) for v in study.run.amounts["a_bal"]])]
    if study.deal.junior.balance > 0:
        series.append((_("B balance"), [fen(v) for v in study.run.amounts["b_bal"]]))
    series.append((_("Reserve"), [fen(v) for v in study.run.amounts["reserve_end"]]))
    balances = charts.lines(
        _("Balances by month"),
        months,
        series,
        kind="money",
        description=_("At the end of each month after closing."),
    )
    return [flow_picture(study.run, study.deal.reserve.initial), balances]


def support_rows(study: Study) -> list[tuple[str, str]]:
    """What the support would change; the figures above leave it out."""
    if study.supported is None:
        return []
    drawn = sum(study.supported.support)
    late = _("on time") if study.supported.on_time("a") else _("not on time")
    cap = study.deal.support.cap if study.deal.support else 0.0
    return [
        (_("Drawn in this scenario"), formats.money(fen(drawn))),
        (_("Cap"), formats.money(fen(cap))),
        (_("A with support"), late),
    ]

"""The value in the report: with its band, why it changed, month by month, by whom and for what."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from valuation import pictures
from valuation.bridge import LABELS
from valuation.changes import picture, steps_between
from valuation.contracted import LABELS as CONTRACTED
from valuation.lineage.registry import FIGURES
from valuation.mix import KINDS, PAYERS
from valuation.models import ValuedUnit
from valuation.refusals import Refused
from valuation.reports.document import Figure, Grid, Picture, Section
from valuation.reports.subject import Subject
from valuation.roll_forward import STEPS, Step
from valuation.uncertainty import LAYERS
from web import charts, formats


def value_section(subject: Subject) -> Section:
    """Value, band, its layers, the months it comes in, who pays."""
    valued = subject.valued
    shown = subject.shown
    found = [Picture(pictures.monthly_flows(shown), "lines"), Picture(pictures.stream_lines(shown))]
    history = _history(subject)
    if history is not None:
        found.insert(0, history)
    return Section(
        _("Value of the user base"),
        _figures(subject),
        [_layers(valued), *_mix(valued), _contracted(valued)],
        [
            _(
                "The band holds 90% of what the three layers of uncertainty make likely; the"
                " expected value is the value itself."
            ),
            _("Contracts stand beside the value and are not in it."),
            compared_with(subject),
        ],
        found,
        _lead(subject),
    )


def compared_with(subject: Subject) -> str:
    """Of which valuations MoM and YoY are; those that there are."""
    month, year = subject.month_before, subject.year_before
    if month is None and year is None:
        return _("There is no earlier valuation to compare with.")
    days = [
        formats.date(one.valuation.as_of) if one is not None else _("none yet")
        for one in (month, year)
    ]
    return _("MoM compares with the valuation of %(month)s, YoY with that of %(year)s.") % {
        "month": days[0],
        "year": days[1],
    }


def _lead(subject: Subject) -> str:
    valued = subject.valued
    return _(
        "%(value)s for %(customers)s customers; nine times in ten between %(low)s and %(high)s."
    ) % {
        "value": formats.money(valued.expected_fen),
        "customers": formats.integer(valued.customers),
        "low": formats.money(valued.p5_fen),
        "high": formats.money(valued.p95_fen),
    }


def _figures(subject: Subject) -> list[Figure]:
    valued, month, year = subject.valued, subject.month_before, subject.year_before
    customers = _("%(count)s customers") % {"count": formats.integer(valued.customers)}

    def line(label: str, name: str, formula: str, rows: str = customers) -> Figure:
        def of(one: ValuedUnit | None) -> float | None:
            return None if one is None else getattr(one, name) / 100

        return Figure(label, of(valued), "money", formula, rows, of(month), of(year))

    drawn = valued.uncertainty
    draws = _("%(draws)s draws, seed %(seed)s") % drawn
    return [
        line(_("Value"), "expected_fen", str(FIGURES["value"].formula)),
        line("P5", "p5_fen", _("fifth percentile of the drawn values"), draws),
        line("P50", "p50_fen", _("median of the drawn values"), draws),
        line("P95", "p95_fen", _("95th percentile of the drawn values"), draws),
        line(_("Undiscounted"), "undiscounted_fen", str(FIGURES["undiscounted"].formula)),
        Figure(
            _("Customers"),
            valued.customers,
            "integer",
            str(FIGURES["customers"].formula),
            customers,
            None if month is None else month.customers,
            None if year is None else year.customers,
        ),
        Figure(
            _("Value per customer"),
            _each(valued),
            "money",
            str(FIGURES["value_per_customer"].formula),
            customers,
            _each(month),
            _each(year),
        ),
    ]


def _each(one: ValuedUnit | None) -> float | None:
    return None if one is None or not one.customers else one.expected_fen / one.customers / 100


def _history(subject: Subject) -> Picture | None:
    """The value at each valuation date with its band; None for the first valuation."""
    if not subject.former:
        return None
    rows = [*reversed(subject.former), subject.valued]
    chart = charts.lines(
        _("Value at each valuation date"),
        [one.valuation.as_of.isoformat() for one in rows],
        [(_("Expected"), [one.expected_fen for one in rows])],
        band=("P5–P95", [one.p5_fen for one in rows], [one.p95_fen for one in rows]),
        kind="money",
        description=_("Each as it was made then, not restated."),
    )
    return Picture(chart, "lines")


def _layers(valued: ValuedUnit) -> Grid:
    rows = [
        [
            _(LAYERS[one["name"]]),
            one["deviation_fen"] / 100,
            one["share"],
            one["p5_fen"] / 100,
            one["p95_fen"] / 100,
        ]
        for one in valued.uncertainty["layers"]
    ]
    return Grid(
        _("Where the band comes from"),
        [
            (_("Layer"), "text"),
            (_("Standard deviation"), "money"),
            (_("Share of the variance"), "percent"),
            (_("P5 by it alone"), "money"),
            (_("P95 by it alone"), "money"),
        ],
        rows,
    )


def _mix(valued: ValuedUnit) -> list[Grid]:
    """Value by stream, payer and kind of work; the parts of each sum to the value."""
    whole = valued.expected_fen
    tables: list[tuple[str, str, list[tuple[str, int]]]] = [
        (
            _("Value by stream"),
            _("Stream"),
            [
                (str(label), valued.streams[name]["expected_fen"])
                for name, label in pictures.STREAM_LABELS.items()
            ],
        )
    ]
    for dimension, names, title in (
        ("payer", PAYERS, _("Who pays")),
        ("kind", KINDS, _("Kind of work")),
    ):
        stored = valued.mix.get(dimension)
        if stored:
            parts = [(_(label), stored[name]["value_fen"]) for name, label in names.items()]
            tables.append((title, title, parts))
    return [
        Grid(
            title,
            [(head, "text"), (_("Value"), "money"), (_("of value"), "percent")],
            [[label, fen / 100, fen / whole if whole else None] for label, fen in parts],
            summed=True,
        )
        for title, head, parts in tables
    ]


def _contracted(valued: ValuedUnit) -> Grid:
    stored = valued.contracted
    rows = [[_(label), stored[name] / 100] for name, label in CONTRACTED.items() if name in stored]
    heads = [(_("Contract"), "text"), (_("Value"), "money")]
    return Grid(_("Contracted, beside the value"), heads, rows)  # type: ignore[arg-type]


def change_section(subject: Subject) -> Section:
    """Why the value is what it is: since the former valuation, and from the closed form."""
    found: list[Picture] = []
    grids: list[Grid] = []
    notes: list[str] = []
    lead = ""
    former = subject.former[0] if subject.former else None
    if former is None:
        notes.append(_("This is the first valuation: there is no former one to lead from."))
    else:
        steps = _steps(subject, former)
        if steps:
            title = _("From %(older)s to %(newer)s") % {
                "older": former.valuation.as_of.isoformat(),
                "newer": subject.valuation.as_of.isoformat(),
            }
            found.append(Picture(picture(title, steps)))
            grids.append(_steps_grid(title, steps))
            lead = _change_lead(steps, former)
    shown = subject.shown
    found.append(Picture(pictures.value_bridge(shown)))
    bars = shown.valued.bridge
    labelled = [(_(LABELS[bar["step"]]), bar["amount_fen"]) for bar in bars]
    grids.append(_bars_grid(_("From the closed form to the expected value"), labelled))
    notes.append(
        _(
            "The closed form is customers × annual spend × margin × years × retention × factor, on"
            " the unit's own inputs; each bar changes one assumption, and bars sum exactly."
        )
    )
    return Section(_("Why it changed"), (), grids, notes, found, lead)


def _steps(subject: Subject, former: ValuedUnit) -> list[Step]:
    try:
        return steps_between(former.valuation, subject.valuation, subject.shown)
    except Refused:
        return []


def _change_lead(steps: Sequence[Step], former: ValuedUnit) -> str:
    opening, *changes, closing = steps
    if not opening.amount_fen:
        return ""
    largest = sorted(changes, key=lambda one: -abs(one.amount_fen))[:3]
    named = [
        f"{_(STEPS[one.step])} {formats.signed(formats.money(one.amount_fen))}"
        for one in largest
        if one.amount_fen
    ]
    return _("%(change)s since %(day)s; most by: %(steps)s.") % {
        "change": formats.signed(formats.percent(closing.amount_fen / opening.amount_fen - 1)),
        "day": formats.date(former.valuation.as_of),
        "steps": _("; ").join(named),
    }


def _steps_grid(title: str, steps: Sequence[Step]) -> Grid:
    labelled = [(_(STEPS[one.step]), one.amount_fen) for one in steps[:-1]]
    return _bars_grid(title, labelled)


def _bars_grid(title: str, bars: Sequence[tuple[str, int]]) -> Grid:
    heads = [(_("Step"), "text"), (_("Value"), "money")]
    rows = [[label, fen / 100] for label, fen in bars]
    return Grid(title, heads, rows, summed=True, on_paper=False)  # type: ignore[arg-type]

"""Who the value rests on: concentration by store, division and customer; cohorts by first visit."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from organization.access import current_access
from organization.models import Unit
from valuation.models import ValuedCustomer, ValuedUnit
from valuation.reports.document import Grid, Kind, Picture, Section
from valuation.reports.subject import Subject
from web import charts, formats

LARGEST = 10
DRAWN_COHORTS = 6
TOP = (1, 10, 100)
QUARTERS_SHOWN = 12


def concentration_section(subject: Subject) -> Section:
    """Shares of stores, divisions and the largest customers, with the Herfindahl index."""
    rows = list(
        ValuedUnit.objects.visible_to(current_access())
        .filter(valuation=subject.valuation, unit_id__in=subject.below)
        .only("unit_id", "customers", "expected_fen")
        .order_by("-expected_fen", "unit_id")
    )
    stores = [one for one in rows if _level(subject, one) == Unit.Level.STORE]
    divisions = [one for one in rows if _level(subject, one) == Unit.Level.DIVISION]
    grids = [_largest_customers(subject)]
    found = []
    if len(divisions) > 1:
        grids.insert(0, _shares(subject, _("Value by division"), divisions))
    if len(stores) > 1:
        grids.insert(0, _shares(subject, _("Value by store"), stores[:LARGEST]))
        found.append(_picture(subject, stores))
    return Section(
        _("Concentration"), (), grids, [], found, _lead(subject, stores) if stores else ""
    )


def _level(subject: Subject, one: ValuedUnit) -> str:
    return subject.units[one.unit_id].level if one.unit_id in subject.units else ""


def _share(subject: Subject, one: ValuedUnit) -> float | None:
    whole = subject.valued.expected_fen
    return one.expected_fen / whole if whole > 0 else None


def _lead(subject: Subject, stores: Sequence[ValuedUnit]) -> str:
    shares = [_share(subject, one) or 0.0 for one in stores]
    return _(
        "The largest of %(count)s stores holds %(share)s of the value; Herfindahl index of the"
        " stores %(index)s (1 would be one store)."
    ) % {
        "count": formats.integer(len(stores)),
        "share": formats.percent(shares[0]),
        "index": formats.decimal(sum(one * one for one in shares), 3),
    }


def _shares(subject: Subject, title: str, rows: Sequence[ValuedUnit]) -> Grid:
    running = 0.0
    lines: list[list[Any]] = []
    for one in rows:
        share = _share(subject, one)
        running += share or 0.0
        name = subject.named(one.unit_id)
        lines.append([name, one.customers, one.expected_fen / 100, share, running])
    heads: list[tuple[str, Kind]] = [
        *((_("Unit"), "text"), (_("Customers"), "integer"), (_("Value"), "money")),
        *((_("of value"), "percent"), (_("Together"), "percent")),
    ]
    return Grid(title, heads, lines)


def _picture(subject: Subject, stores: Sequence[ValuedUnit]) -> Picture:
    largest = list(stores[:LARGEST])
    rest = sum(one.expected_fen for one in stores[LARGEST:])
    labels = [subject.named(one.unit_id) for one in largest]
    values = [one.expected_fen for one in largest]
    if len(stores) > LARGEST:
        labels.append(_("%(count)s other stores") % {"count": len(stores) - LARGEST})
        values.append(rest)
    chart = charts.bars(_("Value by store"), labels, values, kind="money", name=_("Value"))
    return Picture(chart, "bars")


def _largest_customers(subject: Subject) -> Grid:
    values = list(
        ValuedCustomer.objects.visible_to(current_access())
        .filter(valuation=subject.valuation, store_id__in=subject.stores)
        .order_by("-value_fen")
        .values_list("value_fen", flat=True)[: TOP[-1]]
    )
    whole = subject.valued.expected_fen
    rows = []
    for count in TOP:
        some = sum(values[:count])
        if len(values) >= count:
            label = _("the largest customer")
            if count > 1:
                label = _("the largest %(count)s customers") % {"count": formats.integer(count)}
            rows.append([label, some / 100, some / whole if whole > 0 else None])
    heads: list[tuple[str, Kind]] = [
        *((_("Customers"), "text"), (_("Value"), "money"), (_("of value"), "percent")),
    ]
    return Grid(_("Largest customers"), heads, rows)


def cohort_section(subject: Subject) -> Section:
    """Retention of quarterly first-visit cohorts, and what each has brought and is worth."""
    stored = subject.valued.cohorts
    if not stored["quarters"]:
        note = _("No customer has a first visit yet.")
        return Section(_("Cohorts"), notes=[note])
    return Section(
        _("Cohorts"),
        (),
        [_cohort_grid(stored)],
        [
            _(
                "A customer belongs to the quarter of the first visit; a quarter that has not"
                " ended is left out of the curves."
            )
        ],
        [_curves(stored)],
    )


def _curves(stored: dict[str, Any]) -> Picture:
    """Shares with a visit by quarters since the first, of cohorts spread over the years."""
    size = len(stored["quarters"])
    usable = [i for i in range(size) if len(stored["active"][i]) > 5 and stored["customers"][i]]
    step = max(-(-len(usable) // DRAWN_COHORTS), 1)
    drawn = usable[::-1][::step][::-1]
    longest = max((len(stored["active"][i]) for i in drawn), default=1)
    series: list[tuple[str, list[float | None]]] = []
    for i in drawn:
        active = stored["active"][i]
        known: list[float | None] = [one / stored["customers"][i] for one in active]
        if not stored["complete"]:
            known[-1] = None
        # Everybody came in the first quarter: the curve begins after it.
        known[0] = None
        series.append((stored["quarters"][i], [*known, *[None] * (longest - len(known))]))
    chart = charts.lines(
        _("Customers with a visit, by quarter since the first"),
        [f"+{quarter}" for quarter in range(longest)],
        series,
        kind="percent",
    )
    return Picture(chart, "lines", "percent")


def _cohort_grid(stored: dict[str, Any]) -> Grid:
    rows: list[list[Any]] = []
    size = len(stored["quarters"])
    for i in range(max(size - QUARTERS_SHOWN, 0), size):
        customers = stored["customers"][i]
        active = [one / customers if customers else None for one in stored["active"][i]]
        if not stored["complete"]:
            active[-1] = None

        def at(quarter: int, known: Sequence[float | None] = tuple(active)) -> float | None:
            return known[quarter] if quarter < len(known) else None

        margin = sum(stored["margin_fen"][i]) / 100
        rows.append(
            [
                stored["quarters"][i],
                customers,
                *(at(quarter) for quarter in (1, 2, 4, 8)),
                margin / customers if customers else None,
                stored["value_fen"][i] / 100 / customers if customers else None,
            ]
        )
    heads: list[tuple[str, Kind]] = [
        *((_("First visit"), "text"), (_("Customers"), "integer")),
        *((f"+{quarter}", "percent") for quarter in (1, 2, 4, 8)),
        (_("Margin so far, each"), "money"),
        (_("Value, each"), "money"),
    ]
    return Grid(_("Cohorts of the last three years"), heads, rows)

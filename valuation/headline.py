"""The first two rows of the executive page: what the business is run by, and how loyal it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from valuation.lineage.registry import FIGURES
from valuation.shown import Shown, lineage_facts
from web import formats
from web.components import Lineage

Text = str | Promise
# Stored series → the figure whose address explains it.
FIGURE_OF = {"revenue_fen": "output", "margin_fen": "margin"}


@dataclass(frozen=True)
class Figure:
    """One tile: everything that ``{% tile %}`` takes."""

    label: Text
    value: str
    lineage: Lineage
    delta: float | None = None
    delta_kind: str = "percent"
    target: str = ""
    hint: str = ""
    tone: str = ""


def _lineage(shown: Shown, name: str, rows: str, *details: tuple[Text, Any]) -> Lineage:
    return Lineage(
        FIGURES[name].formula,
        rows,
        shown.figure_href(name),
        details=details,
        **lineage_facts(shown),
    )


def _change(now: float | None, before: float | None) -> float | None:
    if now is None or before is None or before <= 0:
        return None
    return now / before - 1.0


def _difference(now: float | None, before: float | None) -> float | None:
    return None if now is None or before is None else now - before


def _target(value: float | None, write: Any) -> str:
    return "" if value is None else write(value)


def operating_row(shown: Shown, visit_word: str) -> list[Figure]:
    """Visits, output and margin of the last whole month; rates of the last twelve months."""
    goals: Mapping[str, float] = shown.valued.operations["targets"]
    visits = str(_("Visits")).replace("进厂", visit_word)
    revenue, margin = _fen(goals.get("revenue")), _fen(goals.get("margin"))
    returned, renewed = goals.get("return_rate"), goals.get("renewal_rate")
    return [
        _monthly(shown, visits, "visits", goals.get("visits"), formats.integer),
        _monthly(shown, _("Output"), "revenue_fen", revenue, formats.money),
        _monthly(shown, _("Margin"), "margin_fen", margin, formats.money),
        _rate(shown, _("Return rate"), "return_rate", ("returned", "base"), returned),
        _rate(shown, _("Renewal rate"), "renewal_rate", ("renewed", "expired"), renewed),
        _absorption(shown, goals.get("absorption")),
    ]


def _fen(yuan: float | None) -> int | None:
    return None if yuan is None else round(yuan * 100)


def _monthly(shown: Shown, label: str, name: str, goal: float | None, write: Any) -> Figure:
    stored = shown.valued.operations
    series, months = stored[name], stored["months"]
    now, before = series[-1], series[-13]
    missed = goal is not None and now < 0.9 * goal
    rows = _("%(count)s visit days in %(month)s") % {
        "count": formats.integer(stored["visits"][-1]),
        "month": months[-1],
    }
    return Figure(
        label=label,
        value=write(now),
        delta=_change(now, before),
        target=_target(goal, write),
        tone="warn" if missed else "",
        lineage=_lineage(
            shown,
            FIGURE_OF.get(name, name),
            rows,
            (_("The month a year before"), write(before)),
            (_("Complete through"), stored["complete_through"] or formats.NOT_KNOWN),
        ),
    )


def _rate(
    shown: Shown, label: str, name: str, counted: tuple[str, str], goal: float | None
) -> Figure:
    now, before = shown.ratios[name], shown.ratios[f"{name}_before"]
    counters = shown.valued.counters
    return Figure(
        label=label,
        value=formats.percent(now),
        delta=_difference(now, before),
        delta_kind="points",
        target=_target(goal, lambda v: formats.percent(v, 0)),
        tone="warn" if goal is not None and now is not None and now < 0.9 * goal else "",
        lineage=_lineage(
            shown,
            name,
            " / ".join(formats.integer(counters[one]) for one in counted),
            (_("A year before"), formats.percent(before)),
        ),
    )


def _absorption(shown: Shown, goal: float | None) -> Figure:
    now, before = shown.ratios["absorption"], shown.ratios["absorption_before"]
    counters = shown.valued.counters
    profit, cost = (formats.money(counters[name]) for name in ("profit_fen", "fixed_cost_fen"))
    return Figure(
        label=_("Absorption"),
        value=formats.percent(now),
        delta=_difference(now, before),
        delta_kind="points",
        target=_target(goal, lambda v: formats.percent(v, 0)),
        tone="warn" if goal is not None and now is not None and now < 0.9 * goal else "",
        lineage=_lineage(
            shown,
            "absorption",
            f"{profit} / {cost}",
            (_("A year before"), formats.percent(before)),
        ),
    )


def indicator_tiles(shown: Shown) -> list[Figure]:
    """Retention, NDR, LTV/CAC and NPS with the change of a year and the place among peers."""
    ratios, counters = shown.ratios, shown.valued.counters
    retention = Figure(
        label=_("Retention, 12 m"),
        value=formats.percent(ratios["retention"]),
        delta=_difference(ratios["retention"], ratios["retention_before"]),
        delta_kind="points",
        hint=_peers(shown, "retention"),
        lineage=_lineage(
            shown,
            "retention",
            f"{formats.integer(counters['retained'])} / {formats.integer(counters['opening'])}",
            (
                _("At the peers' rates by age of the car"),
                formats.decimal(shown.valued.peers.get("adjusted_retention"), 3),
            ),
        ),
    )
    ndr = Figure(
        label=_("NDR"),
        value=formats.percent(ratios["ndr"]),
        delta=_difference(ratios["ndr"], ratios["ndr_before"]),
        delta_kind="points",
        hint=_peers(shown, "ndr"),
        lineage=_lineage(
            shown,
            "ndr",
            " / ".join(formats.money(counters[f"ndr_{one}_fen"]) for one in ("now", "opening")),
        ),
    )
    return [retention, ndr, _ltv_cac(shown), _nps(shown)]


def _ltv_cac(shown: Shown) -> Figure:
    ratios, counters = shown.ratios, shown.valued.counters
    value = ratios["ltv_cac"]
    return Figure(
        label=_("LTV/CAC"),
        value=formats.NOT_KNOWN if value is None else f"{formats.decimal(value, 1)}×",
        hint=_peers(shown, "ltv_cac"),
        tone="warn" if value is not None and value < 1 else "",
        lineage=_lineage(
            shown,
            "ltv_cac",
            _("%(count)s new customers") % {"count": formats.integer(counters["new"])},
            (_("Mean value"), formats.money(_whole(ratios["new_ltv_fen"]))),
            (_("Acquisition cost"), formats.money(_whole(ratios["cac_fen"]))),
            (_("Acquisition cost a year before"), formats.money(_whole(ratios["cac_fen_before"]))),
        ),
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _nps(shown: Shown) -> Figure:
    ratios, counters = shown.ratios, shown.valued.counters
    goal = shown.valued.operations["targets"].get("nps")
    return Figure(
        label=_("NPS"),
        value=formats.decimal(ratios["nps"], 0),
        delta=_difference(ratios["nps"], ratios["nps_before"]),
        delta_kind="integer",
        target=_target(goal, formats.integer),
        hint=_peers(shown, "nps"),
        lineage=_lineage(
            shown,
            "nps",
            _("%(count)s answers: %(promoters)s promoters, %(detractors)s detractors")
            % {
                "count": formats.integer(counters["answers"]),
                "promoters": formats.integer(counters["promoters"]),
                "detractors": formats.integer(counters["detractors"]),
            },
        ),
    )


def _peers(shown: Shown, name: str) -> str:
    place = shown.quantile(name)
    if place is None:
        return ""
    return _("peers %(place)s") % {"place": formats.percent(place, 0)}

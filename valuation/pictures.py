"""The charts of the valuation pages, from stored figures alone."""

from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from valuation.bridge import LABELS
from valuation.shown import Shown
from web import charts
from web.charts import Figure, HeatMap
from web.components import Tab

COHORTS_SHOWN = 10
MEASURES = {
    "retention": gettext_lazy("Retention"),
    "revenue": gettext_lazy("Revenue"),
    "value": gettext_lazy("Value"),
}
STREAM_LABELS = {
    "regular": gettext_lazy("Regular work"),
    "accident": gettext_lazy("Accident work"),
    "organisations": gettext_lazy("Fleets and companies"),
}
# P5 and P95 of a normal deviation.
NORMAL_5 = 1.6448536269514722


def value_bridge(shown: Shown) -> Figure:
    """Closed form to model; bars of nothing (tax switched off) are left out."""
    bars = shown.valued.bridge
    changes = [(_(LABELS[bar["step"]]), bar["amount_fen"]) for bar in bars[1:] if bar["amount_fen"]]
    return charts.bridge(
        _("From the closed form to the expected value"),
        (_(LABELS[bars[0]["step"]]), bars[0]["amount_fen"]),
        changes,
        _("Expected value"),
    )


def bridge_tabs(query: QueryDict) -> list[Tab]:
    chosen = query.get("bridge", "")
    return [
        Tab(_("Why it changed"), address(query, bridge=None), chosen != "form"),
        Tab(_("Closed form to model"), address(query, bridge="form"), chosen == "form"),
    ]


def address(query: QueryDict, **changes: str | None) -> str:
    """The page's address with some parameters changed (None: taken away)."""
    changed = query.copy()
    for name, value in changes.items():
        changed.pop(name, None)
        if value is not None:
            changed[name] = value
    return f"?{changed.urlencode()}"


def monthly_flows(shown: Shown) -> Figure:
    """Present value by month with the band of the common shocks."""
    flow = shown.valued.monthly["present_value_fen"]
    deviation = shown.valued.uncertainty["monthly_deviation_fen"]
    low = [f - NORMAL_5 * d for f, d in zip(flow, deviation, strict=True)]
    high = [f + NORMAL_5 * d for f, d in zip(flow, deviation, strict=True)]
    return charts.lines(
        _("Expected margin after cost, discounted, by month"),
        [str(month) for month in range(1, len(flow) + 1)],
        [(_("Expected"), flow)],
        band=("P5–P95", low, high),
        kind="money",
        description=_(
            "Months after the as-of date. The band is that of shocks common to customers."
        ),
    )


def stream_lines(shown: Shown) -> Figure:
    """The same flows by stream; streams add up to the value."""
    streams = shown.valued.streams
    months = len(streams["regular"]["present_value_fen"])
    return charts.stacked_area(
        _("Streams"),
        [str(month) for month in range(1, months + 1)],
        [
            (label, [max(v, 0) for v in streams[name]["present_value_fen"]])
            for name, label in STREAM_LABELS.items()
        ],
    )


def chosen_measure(query: QueryDict) -> str:
    asked = query.get("cohort", "")
    return asked if asked in MEASURES else "retention"


def measure_tabs(query: QueryDict) -> list[Tab]:
    chosen = chosen_measure(query)
    return [
        Tab(label, address(query, cohort=None if name == "retention" else name), name == chosen)
        for name, label in MEASURES.items()
    ]


def cohort_map(shown: Shown, measure: str, shown_quarters: int | None = COHORTS_SHOWN) -> HeatMap:
    """First-visit cohorts by elapsed quarter.

    retention: customers with a visit in the quarter ÷ all of the cohort; revenue: per customer and
    quarter; value: margin so far per customer. A quarter that has not ended is left out.
    """
    stored = shown.valued.cohorts
    size = len(stored["quarters"])
    first = 0 if shown_quarters is None else max(size - shown_quarters, 0)
    columns = max(size - first - (0 if stored["complete"] else 1), 1)
    rows = [_row(stored, number, columns, measure) for number in range(first, size)]
    kind: Any = "percent" if measure == "retention" else "money"
    return HeatMap(
        {
            "retention": _("Customers with a visit, by quarter since the first"),
            "revenue": _("Revenue per customer and quarter"),
            "value": _("Margin so far per customer"),
        }[measure],
        [f"+{elapsed}" for elapsed in range(columns)],
        rows,
        _("First visit"),
        _("Customers"),
        low=0.0,
        high=_top(rows),
        kind=kind,
        href=lambda quarter, elapsed: shown.cell_href(measure, quarter, elapsed),
    )


def _top(rows: list[tuple[str, int | None, list[float | None]]]) -> float | None:
    """The scale ends at the largest later cell: in quarter 0 everybody came."""
    later = [v for _label, _size, cells in rows for v in cells[1:] if v is not None]
    return max(later) if later else None


def _row(
    stored: dict[str, Any], number: int, columns: int, measure: str
) -> tuple[str, int | None, list[float | None]]:
    customers = stored["customers"][number]
    cells: list[float | None] = []
    running = 0
    for elapsed in range(columns):
        known = elapsed < len(stored["active"][number])
        last = known and elapsed == len(stored["active"][number]) - 1
        if not known or not customers or (last and not stored["complete"]):
            cells.append(None)
            continue
        running += stored["margin_fen"][number][elapsed]
        cells.append(
            {
                "retention": stored["active"][number][elapsed] / customers,
                "revenue": stored["revenue_fen"][number][elapsed] / customers,
                "value": running / customers,
            }[measure]
        )
    return stored["quarters"][number], customers, cells

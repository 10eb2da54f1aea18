"""Lines: over time with a band, stacked areas, calibration, sparkline, interval bar."""

from collections.abc import Sequence

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from web import formats
from web.charts import svg
from web.charts.figure import Drawing, Figure
from web.charts.frame import Frame, time_labels, upright
from web.charts.scales import Kind, Unit, axis_unit, text_width
from web.charts.series import Series, known, series_figure
from web.shell import Text

Band = tuple[Text, Sequence[float | None], Sequence[float | None]]


def lines(
    title: Text,
    categories: Sequence[Text],
    series: Sequence[Series],
    *,
    band: Band | None = None,
    kind: Kind = "count",
    noun: Text = "",
    zero: bool = True,
    split: int | None = None,
    description: Text = "",
) -> Figure:
    """Lines over a sequence. ``band`` (name, low, high) is shaded, e.g. P5–P95.

    ``split``: index from which values are forecast, marked by an upright line. ``zero=False`` lets
    the axis start above zero. None in a series is a gap.
    """
    labels = [str(c) for c in categories]
    columns = list(series)
    legend = [(f"s{i + 1}", str(name)) for i, (name, _c) in enumerate(series)]
    if band:
        name, low, high = band
        columns += [(_("%(name)s, low") % {"name": name}, low)]
        columns += [(_("%(name)s, high") % {"name": name}, high)]
        legend.append(("c-band", str(name)))
    values = [v for _n, column in columns for v in known(column)]
    unit = axis_unit(kind, values, str(noun))

    def draw(width: int) -> Drawing:
        frame = upright(width, values, unit, zero=zero)
        marks = [frame.axis(), time_labels(frame, labels, edge=True)]
        if band:
            marks.append(_band(frame, band))
        if split is not None:
            x = frame.along(split, len(labels))
            marks.append(svg.line(x, frame.top, x, frame.height - frame.bottom, "c-split"))
        marks += [_line(frame, labels, str(n), c, s + 1) for s, (n, c) in enumerate(series)]
        return Drawing(width, frame.height, "".join(marks))

    return series_figure(title, labels, columns, unit, draw, description, legend)


def _points(frame: Frame, column: Sequence[float | None]) -> list[svg.Point | None]:
    return [
        None if v is None else (frame.along(i, len(column)), frame.y(v))
        for i, v in enumerate(column)
    ]


def _line(
    frame: Frame, labels: Sequence[str], name: str, column: Sequence[float | None], number: int
) -> str:
    points = _points(frame, column)
    marks = [svg.polyline(run, f"c-line l{number}") for run in svg.runs(points)]
    # Sixty dots are dust; the table below has the values then.
    radius = 2.5 if len(column) <= 24 else 1.2
    for i, point in enumerate(points):
        if point is not None:
            tip = f"{labels[i]} · {name}: {frame.unit.exact(column[i])}"
            marks.append(svg.circle(*point, radius, f"s{number}", tip))
    return "".join(marks)


def _band(frame: Frame, band: Band) -> str:
    _name, low, high = band
    pairs = list(zip(_points(frame, low), _points(frame, high), strict=True))
    both = [None if a is None or b is None else (a, b) for a, b in pairs]
    runs: list[list[tuple[svg.Point, svg.Point]]] = [[]]
    for pair in both:
        if pair is None:
            runs.append([])
        else:
            runs[-1].append(pair)
    return "".join(
        svg.area([b for _a, b in run], [a for a, _b in run], "c-band") for run in runs if run
    )


def stacked_area(
    title: Text,
    categories: Sequence[Text],
    series: Sequence[tuple[Text, Sequence[float]]],
    *,
    kind: Kind = "money",
    noun: Text = "",
    description: Text = "",
) -> Figure:
    """Parts of a whole over time, first series at the bottom; values ≥ 0 (ValueError)."""
    labels = [str(c) for c in categories]
    for name, column in series:
        if any(v < 0 for v in column):
            raise ValueError(f"Series {name} of chart {title} has a negative part; use lines.")
    levels = [[0.0] * len(labels)]
    for _name, column in series:
        levels.append([below + v for below, v in zip(levels[-1], column, strict=True)])
    unit = axis_unit(kind, levels[-1], str(noun))

    def draw(width: int) -> Drawing:
        frame = upright(width, levels[-1], unit)
        marks = [frame.axis(), time_labels(frame, labels, edge=True)]
        for s, (name, _column) in enumerate(series):
            lower, upper = (
                [p for p in _points(frame, level) if p is not None] for level in levels[s : s + 2]
            )
            marks.append(svg.area(upper, lower, f"c-area s{s + 1}", str(name)))
        return Drawing(width, frame.height, "".join(marks))

    return series_figure(title, labels, series, unit, draw, description)


def calibration(
    title: Text,
    points: Sequence[tuple[float, float, int]],
    *,
    description: Text = "",
    predicted_label: Text = "",
    observed_label: Text = "",
) -> Figure:
    """Predicted share against observed share, (predicted, observed, customers) a bin.

    Dots grow with the number behind them; the diagonal is perfect calibration.
    """
    largest = max((n for _p, _o, n in points), default=1) or 1
    unit = Unit("percent", 0.01, str(observed_label or pgettext("chart", "Observed")), "%")
    across = str(predicted_label or pgettext("chart", "Predicted"))

    def draw(width: int) -> Drawing:
        # More than square is waste: the two axes have the same length of range.
        side = min(width, 560)
        frame = upright(side, [p for a, b, _n in points for p in (a, b)] or [1.0], unit, below=36)
        top = frame.ticks[-1]
        step = frame.ticks[1] - frame.ticks[0]

        def x(share: float) -> float:
            return frame.left + (frame.inner - 6) * unit.shown(share) / top

        marks = [frame.axis()]
        base = frame.height - frame.bottom
        for tick in frame.ticks:
            label = unit.tick(tick, step)
            at = min(x(tick / 100), side - text_width(label) / 2)
            marks.append(svg.text(at, base + 15, label, "middle"))
        marks.append(svg.text(side - 8, base + 31, across, "end", "c-unit"))
        marks.append(svg.line(x(0), frame.y(0), x(top / 100), frame.y(top / 100), "c-split"))
        ordered = sorted(points)
        marks.append(svg.polyline([(x(p), frame.y(o)) for p, o, _n in ordered], "c-line l1"))
        for p, o, n in ordered:
            tip = f"{formats.percent(p)} → {formats.percent(o)} ({formats.integer(n)})"
            radius = 2.5 + 4.5 * (n / largest) ** 0.5
            marks.append(svg.circle(x(p), frame.y(o), radius, "c-dot s1", tip))
        return Drawing(side, frame.height, "".join(marks))

    rows = [[formats.percent(p), formats.percent(o), formats.integer(n)] for p, o, n in points]
    heads = [
        str(predicted_label or pgettext("chart", "Predicted")),
        str(observed_label or pgettext("chart", "Observed")),
    ]
    data = [list(p) for p in points]
    return Figure(title, [*heads, pgettext("chart", "Number")], rows, data, draw, "%", description)


def sparkline(values: Sequence[float | None], label: str = "") -> SafeString:
    """A line without axes, 120 × 28 units, the last value marked; empty for fewer than two."""
    shown = known(values)
    if len(shown) < 2:
        return SafeString("")
    low, high = min(shown), max(shown)
    extent = (high - low) or 1.0
    points: list[svg.Point | None] = [
        None if v is None else (2 + 114 * i / (len(values) - 1), 25 - 22 * (v - low) / extent)
        for i, v in enumerate(values)
    ]
    marks = [svg.polyline(run, "c-line l1") for run in svg.runs(points)]
    last = next(p for p in reversed(points) if p is not None)
    marks.append(svg.circle(*last, 2.2, "s1"))
    return _inline("spark", "0 0 120 28", "".join(marks), label, stretch=False)


def interval_bar(low: float, base: float, high: float, label: str = "") -> SafeString:
    """Low to high as a bar with the base as a tick, to scale; 300 × 12 units.

    ValueError unless low ≤ base ≤ high.
    """
    if not low <= base <= high:
        raise ValueError(f"{label}: expected low ≤ base ≤ high, got {low}, {base}, {high}.")
    share = (base - low) / (high - low) if high > low else 0.5
    marks = svg.rect(0, 4, 300, 4, "c-range") + svg.rect(share * 297, 0, 3, 12, "c-base")
    return _inline("interval", "0 0 300 12", marks, label, stretch=True)


def _inline(css: str, box: str, marks: str, label: str, *, stretch: bool) -> SafeString:
    aspect = ' preserveAspectRatio="none"' if stretch else ""
    named = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return mark_safe(  # noqa: S308  (numbers and escaped text only)
        f'<svg class="chart-svg {css}" viewBox="{box}"{aspect} {named}>{marks}</svg>'
    )

"""Bars: plain, grouped, league, range."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import pgettext

from web import formats
from web.charts import svg
from web.charts.figure import Drawing, Figure
from web.charts.frame import LINE, Frame, category_lines, time_labels, under, upright
from web.charts.rows import BAR, bar_rows, bold_width, lying
from web.charts.scales import Kind, Unit, axis_unit
from web.charts.series import Series, known, series_figure
from web.shell import Text


def bars(
    title: Text,
    categories: Sequence[Text],
    values: Sequence[float | None],
    *,
    kind: Kind = "count",
    noun: Text = "",
    name: Text = "",
    description: Text = "",
    time: bool = False,
) -> Figure:
    """One bar a category. ``time``: categories are a sequence, labels may be left out."""
    return grouped_bars(
        title,
        categories,
        [(name or title, values)],
        kind=kind,
        noun=noun,
        description=description,
        time=time,
    )


def grouped_bars(
    title: Text,
    categories: Sequence[Text],
    series: Sequence[Series],
    *,
    kind: Kind = "count",
    noun: Text = "",
    description: Text = "",
    time: bool = False,
) -> Figure:
    """Bars of up to six series side by side in each category.

    Where the labels of nominal categories do not fit under the bars, the chart lies on its side.
    """
    labels = [str(c) for c in categories]
    values = [v for _name, column in series for v in known(column)]
    unit = axis_unit(kind, values, str(noun))

    def draw(width: int) -> Drawing:
        frame = upright(width, values, unit, below=LINE + 8 if time else 2 * LINE + 8)
        lines = None if time else category_lines(labels, frame.slot(len(labels)) - 4)
        if not time and lines is None:
            return _lying_groups(width, labels, series, unit)
        marks = [frame.axis(), _upright_groups(frame, labels, series)]
        marks.append(
            time_labels(frame, labels, edge=False) if lines is None else under(frame, lines)
        )
        return Drawing(width, frame.height, "".join(marks))

    return series_figure(title, labels, series, unit, draw, description)


def _upright_groups(frame: Frame, labels: Sequence[str], series: Sequence[Series]) -> str:
    slot = frame.slot(len(labels))
    thick = min(slot * 0.72 / len(series), 44.0)
    marks = []
    for s, (name, column) in enumerate(series):
        for i, value in enumerate(column):
            if value is None:
                continue
            x = frame.middle(i, len(labels)) + (s - len(series) / 2) * thick
            top, bottom = sorted((frame.y(value), frame.y(0)))
            tip = f"{labels[i]} · {name}: {frame.unit.exact(value)}"
            marks.append(
                svg.rect(x, top, max(thick - 1, 1), max(bottom - top, 1), f"s{s + 1}", tip)
            )
    return "".join(marks)


def _lying_groups(
    width: int, labels: Sequence[str], series: Sequence[Series], unit: Unit
) -> Drawing:
    if len(series) == 1:
        rows, entries = list(labels), [(v, 1) for v in series[0][1]]
    else:
        rows = [f"{label} · {name}" for label in labels for name, _column in series]
        entries = [
            (column[i], s + 1) for i in range(len(labels)) for s, (_n, column) in enumerate(series)
        ]
    return bar_rows(
        width,
        rows,
        [unit.exact(value) for value, _s in entries],
        [(0.0, value or 0.0) for value, _s in entries],
        lambda i: f"s{entries[i][1]}",
        unit,
    )


@dataclass(frozen=True)
class LeagueRow:
    """``quantile`` among peers (0 worst, 1 best) decides the colour, not the value."""

    label: Text
    value: float
    quantile: float | None = None
    href: str = ""


def league(
    title: Text,
    rows: Sequence[LeagueRow],
    *,
    kind: Kind = "percent",
    noun: Text = "",
    description: Text = "",
    lowest: float = 0.1,
) -> Figure:
    """Units in the order given, one bar each; those in the ``lowest`` share of peers stand out."""
    labels = [str(row.label) for row in rows]
    unit = axis_unit(kind, [row.value for row in rows], str(noun))
    figures = [unit.exact(row.value) for row in rows]
    quantiles = [
        formats.NOT_KNOWN if r.quantile is None else formats.percent(r.quantile, 0) for r in rows
    ]

    def css(i: int) -> str:
        quantile = rows[i].quantile
        return "c-fall" if quantile is not None and quantile <= lowest else "s1"

    def draw(width: int) -> Drawing:
        spans = [(0.0, row.value) for row in rows]
        hrefs = [row.href for row in rows]
        return bar_rows(width, labels, figures, spans, css, unit, hrefs)

    return Figure(
        title,
        [
            pgettext("chart", "Unit"),
            unit.label or pgettext("chart", "Value"),
            pgettext("chart", "Quantile among peers"),
        ],
        list(map(list, zip(labels, figures, quantiles, strict=True))),
        [[label, row.value, row.quantile] for label, row in zip(labels, rows, strict=True)],
        draw,
        unit.label,
        description,
    )


def football_field(
    title: Text,
    rows: Sequence[tuple[Text, float, float, float]],
    *,
    kind: Kind = "money",
    noun: Text = "",
    reference: tuple[Text, float] | None = None,
    description: Text = "",
) -> Figure:
    """Ranges (label, low, base, high) of several methods under each other, base as a tick."""
    labels = [str(row[0]) for row in rows]
    values = [v for row in rows for v in row[1:]] + ([reference[1]] if reference else [])
    unit = axis_unit(kind, values, str(noun))
    figures = [f"{unit.exact(low)} – {unit.exact(high)}" for _l, low, _b, high in rows]

    def draw(width: int) -> Drawing:
        frame = lying(width, labels, figures, values, unit, zero=False)
        marks = [frame.axis()]
        for i, (_label, low, base, high) in enumerate(rows):
            top, x1, x2 = frame.bar_top(i), frame.x(low), frame.x(high)
            tip = f"{labels[i]}: {unit.exact(base)} ({figures[i]})"
            marks.append(svg.rect(x1, top, max(x2 - x1, 1.0), BAR, "c-range", tip))
            marks.append(svg.rect(frame.x(base) - 1.5, top - 2, 3, BAR + 4, "c-base", tip))
            if reference:
                # Beside the bars only: a line all through would cross the labels above them.
                x = frame.x(reference[1])
                marks.append(svg.line(x, top - 4, x, top + BAR + 4, "c-reference"))
            marks.append(frame.label(i, labels[i], room=bold_width(figures[i])))
            marks.append(frame.figure(i, figures[i]))
        return Drawing(width, frame.height, "".join(marks))

    legend = [("c-range", pgettext("chart", "Low to high")), ("c-base", pgettext("chart", "Base"))]
    if reference:
        legend.append(("c-reference", f"{reference[0]} {unit.exact(reference[1])}"))
    return Figure(
        title,
        [
            pgettext("chart", "Method"),
            pgettext("chart", "Low"),
            pgettext("chart", "Base"),
            pgettext("chart", "High"),
        ],
        [[str(label), *(unit.exact(v) for v in rest)] for label, *rest in rows],
        [list(row) for row in rows],
        draw,
        unit.label,
        description,
        legend,
    )

"""Charts that lie on their side: one row an item, for long labels and for narrow screens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.html import escape

from web.charts import svg
from web.charts.figure import Drawing
from web.charts.frame import GAP
from web.charts.scales import Unit, nice_ticks, shortened, text_width

BAR = 14.0
# From and to; None: from the edge of the axis, marked by a break.
Span = tuple[float | None, float]


@dataclass(frozen=True)
class RowFrame:
    """Horizontal axis in display units; ``top`` of row i is ``head + i * pitch``."""

    width: float
    left: float
    right: float
    head: float
    pitch: float
    stacked: bool
    ticks: Sequence[float]
    unit: Unit
    rows: int

    def x(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        share = (self.unit.shown(value) - low) / (high - low)
        return self.left + share * (self.width - self.left - self.right)

    def bar_top(self, row: int) -> float:
        return self.head + row * self.pitch + (18.0 if self.stacked else (self.pitch - BAR) / 2)

    @property
    def height(self) -> float:
        return self.head + self.rows * self.pitch + 22.0

    def axis(self) -> str:
        bottom = self.head + self.rows * self.pitch
        step = self.ticks[1] - self.ticks[0]
        marks = [svg.text(0, 11, self.unit.label, "start", "c-unit")]
        free_from = -1.0
        for tick in self.ticks:
            x = self.x(tick * self.unit.divisor)
            css = "c-zero" if abs(tick) < 1e-12 else "c-grid"
            marks.append(svg.line(x, self.head, x, bottom, css))
            label = self.unit.tick(tick, step)
            half = text_width(label) / 2
            at = min(max(x, half), self.width - half)
            # Long labels leave out their neighbours; the grid line stays.
            if at - half >= free_from:
                marks.append(svg.text(at, bottom + 15, label, "middle"))
                free_from = at + half + GAP
        return "".join(marks)

    def label(self, row: int, label: str, href: str = "", room: float = 0.0) -> str:
        """The name of a row; above its bar it shares the line with a figure ``room`` wide."""
        top = self.bar_top(row)
        if self.stacked:
            short = shortened(label, self.width - room - GAP)
            mark = svg.text(0, top - 5, short, "start", "c-label")
        else:
            mark = svg.text(self.left - GAP, top + 11, label, "end", "c-label")
        return f'<a href="{escape(href)}">{mark}</a>' if href else mark

    def figure(self, row: int, figure: str) -> str:
        """The value of a row as text, at the right edge."""
        y = self.bar_top(row) + (-5 if self.stacked else 11)
        return svg.text(self.width, y, figure, "end", "c-figure")


def bold_width(figure: str) -> float:
    return text_width(figure) * 1.08


def lying(
    width: float,
    labels: Sequence[str],
    figures: Sequence[str],
    values: Sequence[float],
    unit: Unit,
    *,
    zero: bool = True,
) -> RowFrame:
    """Labels beside the bars where there is room, above them where there is not."""
    widest = max((text_width(label) for label in labels), default=0.0)
    stacked = widest > width * 0.34
    room = max((bold_width(figure) for figure in figures), default=0.0)
    left, right = (0.0, 4.0) if stacked else (widest + GAP, room + GAP)
    shown = [unit.shown(v) for v in values] or [0.0]
    low, high = min(shown), max(shown)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    plot = width - left - right
    ticks = nice_ticks(low, high, 4 if plot < 360 else 6)
    pitch = 40.0 if stacked else 26.0
    return RowFrame(width, left, right, 22.0, pitch, stacked, ticks, unit, len(labels))


def bar_rows(
    width: float,
    labels: Sequence[str],
    figures: Sequence[str],
    spans: Sequence[Span],
    css: Callable[[int], str],
    unit: Unit,
    hrefs: Sequence[str] = (),
    extent: Sequence[float] = (),
) -> Drawing:
    """Rows of one bar each; the axis encloses ``extent`` (default: zero and the bars)."""
    values = extent or [v for span in spans for v in span if v is not None]
    frame = lying(width, labels, figures, values, unit, zero=not extent)
    marks = [frame.axis()]
    for i, (label, figure, (start, end)) in enumerate(zip(labels, figures, spans, strict=True)):
        foot = frame.left if start is None else frame.x(start)
        x1, x2 = sorted((foot, frame.x(end)))
        tip = f"{label}: {figure}"
        marks.append(svg.rect(x1, frame.bar_top(i), max(x2 - x1, 1.0), BAR, css(i), tip))
        if start is None:
            top = frame.bar_top(i)
            marks.append(svg.line(foot + 6, top + BAR + 3, foot + 12, top - 3, "c-break"))
        marks.append(frame.label(i, label, hrefs[i] if hrefs else "", bold_width(figure)))
        marks.append(frame.figure(i, figure))
    return Drawing(width, frame.height, "".join(marks))

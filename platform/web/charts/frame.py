"""The plot area with its axes, shared by all upright charts."""

from collections.abc import Sequence
from dataclasses import dataclass

from web.charts import svg
from web.charts.scales import Unit, nice_ticks, text_width, thinned, wrapped

GAP = 8.0
LINE = 14.0


@dataclass(frozen=True)
class Frame:
    """User units; ``ticks`` are in display units, values given to :meth:`y` are not."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    ticks: Sequence[float]
    unit: Unit

    @property
    def inner(self) -> float:
        return self.width - self.left - self.right

    def y(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        share = (self.unit.shown(value) - low) / (high - low)
        return self.height - self.bottom - share * (self.height - self.top - self.bottom)

    def slot(self, count: int) -> float:
        return self.inner / max(count, 1)

    def middle(self, index: int, count: int) -> float:
        """Centre of category ``index``."""
        return self.left + self.slot(count) * (index + 0.5)

    def along(self, index: int, count: int) -> float:
        """Point ``index`` of a line that runs from edge to edge."""
        return self.left + self.inner * (index / (count - 1) if count > 1 else 0.5)

    def axis(self) -> str:
        """Grid lines, ticks and the unit above the axis; zero is drawn stronger."""
        step = self.ticks[1] - self.ticks[0]
        marks = [svg.text(self.left, 11, self.unit.label, "start", "c-unit")]
        for tick in self.ticks:
            y = self.y(tick * self.unit.divisor)
            css = "c-zero" if abs(tick) < 1e-12 else "c-grid"
            marks.append(svg.line(self.left, y, self.width - self.right, y, css))
            marks.append(svg.text(self.left - 6, y + 4, self.unit.tick(tick, step), "end"))
        return "".join(marks)


def upright(
    width: float,
    values: Sequence[float],
    unit: Unit,
    *,
    below: float = LINE + GAP,
    above: float = 22.0,
    zero: bool = True,
) -> Frame:
    """A frame whose ticks enclose ``values`` and whose left margin holds the tick labels."""
    height = 220.0 if width < 450 else 260.0 if width < 800 else 280.0
    shown = [unit.shown(v) for v in values] or [0.0]
    low, high = min(shown), max(shown)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    ticks = nice_ticks(low, high, 5)
    step = ticks[1] - ticks[0]
    left = max(text_width(unit.tick(t, step)) for t in ticks) + GAP
    return Frame(width, height, left, GAP, above, below, ticks, unit)


def time_labels(frame: Frame, labels: Sequence[str], *, edge: bool) -> str:
    """As many labels of a sequence as fit. ``edge``: points on the edges, not slot centres."""
    place = frame.along if edge else frame.middle
    marks = []
    for i in thinned(labels, frame.inner):
        x, half = place(i, len(labels)), text_width(labels[i]) / 2
        # The outermost labels are moved inwards rather than cut off.
        x = min(max(x, half), frame.width - half)
        marks.append(svg.text(x, frame.height - frame.bottom + LINE + 2, labels[i], "middle"))
    return "".join(marks)


def category_lines(labels: Sequence[str], room: float) -> list[list[str]] | None:
    """Every label in at most two lines of ``room``; None when one does not fit."""
    lines = [wrapped(label, room) for label in labels]
    return [part for part in lines if part is not None] if None not in lines else None


def under(frame: Frame, lines: Sequence[Sequence[str]]) -> str:
    """Labels of up to two lines below their slots."""
    base = frame.height - frame.bottom + LINE + 2
    return "".join(
        svg.lines_of_text(frame.middle(i, len(lines)), base, part) for i, part in enumerate(lines)
    )

"""Bridge: from one total to another through signed steps."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import pgettext

from web import formats
from web.charts import svg
from web.charts.figure import Drawing, Figure
from web.charts.frame import LINE, Frame, category_lines, under, upright
from web.charts.rows import Span, bar_rows
from web.charts.scales import Kind, Unit, axis_unit, text_width
from web.shell import Text

# Below this share of the larger total the changes would be slivers on an axis from zero.
ENLARGE_BELOW = 0.35


def bridge(
    title: Text,
    start: tuple[Text, float],
    changes: Sequence[tuple[Text, float]],
    end_label: Text,
    *,
    kind: Kind = "money",
    noun: Text = "",
    description: Text = "",
) -> Figure:
    """Start (label, value), changes (label, amount) and the label of the end, which is their sum.

    Changes that are small beside the totals are enlarged: the axis then starts above zero, and
    the two totals carry a break.
    """
    levels = list(itertools.accumulate([float(start[1]), *(float(c) for _l, c in changes)]))
    labels = [str(start[0]), *(str(label) for label, _change in changes), str(end_label)]
    amounts = [levels[0], *(float(change) for _label, change in changes), levels[-1]]
    unit = axis_unit(kind, levels, str(noun))
    bars = _Bridge(labels, levels, amounts, unit, _enlarged(levels))
    return Figure(
        title,
        [pgettext("chart", "Step"), unit.label or pgettext("chart", "Value")],
        [list(row) for row in zip(labels, bars.texts, strict=True)],
        [list(row) for row in zip(labels, amounts, strict=True)],
        bars.draw,
        unit.label,
        description,
    )


def _enlarged(levels: Sequence[float]) -> bool:
    extent = max(levels) - min(levels)
    return min(levels) > 0 and 0 < extent < ENLARGE_BELOW * max(levels)


@dataclass(frozen=True)
class _Bridge:
    labels: Sequence[str]
    levels: Sequence[float]
    amounts: Sequence[float]
    unit: Unit
    enlarged: bool

    @property
    def texts(self) -> list[str]:
        """Totals as they are, changes with their sign; without a currency, which the axis has."""
        written = [self.unit.short(amount) for amount in self.amounts]
        return [written[0], *map(formats.signed, written[1:-1]), written[-1]]

    @property
    def spans(self) -> list[Span]:
        foot = None if self.enlarged else 0.0
        middle = itertools.pairwise(self.levels)
        return [(foot, self.levels[0]), *middle, (foot, self.levels[-1])]

    @property
    def extent(self) -> list[float]:
        """What the axis encloses: half a change's room is left under enlarged changes."""
        low, high = min(self.levels), max(self.levels)
        return [low - (high - low) / 2, high] if self.enlarged else [0.0, *self.levels]

    def css(self, i: int) -> str:
        if i in (0, len(self.labels) - 1):
            return "c-total"
        return "c-rise" if self.amounts[i] >= 0 else "c-fall"

    def draw(self, width: int) -> Drawing:
        zero = not self.enlarged
        # Figures stand above the bars, clear of the unit of the axis.
        frame = upright(width, self.extent, self.unit, below=2 * LINE + 8, above=32, zero=zero)
        slot = frame.slot(len(self.labels))
        lines = category_lines(self.labels, slot - 4)
        if lines is None or max(text_width(t, 13) for t in self.texts) > slot - 6:
            return bar_rows(
                width, self.labels, self.texts, self.spans, self.css, self.unit, extent=self.extent
            )
        bars = "".join(self._bar(frame, i, span) for i, span in enumerate(self.spans))
        return Drawing(width, frame.height, frame.axis() + under(frame, lines) + bars)

    def _bar(self, frame: Frame, i: int, span: Span) -> str:
        count = len(self.labels)
        thick = min(frame.slot(count) * 0.64, 64.0)
        x = frame.middle(i, count) - thick / 2
        foot = frame.height - frame.bottom if span[0] is None else frame.y(span[0])
        level = frame.y(span[1])
        top, height = min(foot, level), max(abs(foot - level), 1.0)
        tip = f"{self.labels[i]}: {self.texts[i]}"
        marks = svg.rect(x, top, thick, height, self.css(i), tip)
        # A fall is written below its bar, so that it does not meet the rise before it.
        below = top + height + 14
        fits_below = below < frame.height - frame.bottom
        y = below if self.css(i) == "c-fall" and fits_below else top - 4
        marks += svg.text(x + thick / 2, y, self.texts[i], "middle", "c-figure")
        if span[0] is None:
            marks += svg.line(x - 3, foot - 8, x + thick + 3, foot - 14, "c-break")
        if i < count - 1:
            marks += svg.line(x + thick, level, x + frame.slot(count), level, "c-join")
        return marks

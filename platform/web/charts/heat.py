"""Cohort heat map: an HTML table whose cells carry one of ten classes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from web import formats
from web.shell import Text

STEPS = 10


def heat_step(share: float, low: float, high: float) -> int:
    """0 to 9 for ``share`` between ``low`` and ``high``; outside counts as the end."""
    if high <= low:
        return 0
    return min(max(int((share - low) / (high - low) * STEPS), 0), STEPS - 1)


@dataclass(frozen=True)
class HeatMap:
    """``rows``: (label, size of the cohort, shares a column); None: not known yet.

    The scale runs from the least to the largest share unless ``low`` and ``high`` are given.
    ``kind``: "percent" for shares of 1, "money" for fen.
    """

    title: Text
    columns: Sequence[Text]
    rows: Sequence[tuple[Text, int | None, Sequence[float | None]]]
    row_label: Text = ""
    size_label: Text = ""
    low: float | None = None
    high: float | None = None
    digits: int = 0
    kind: Literal["percent", "money"] = "percent"
    # Address of a known cell by the row's label and the column's number.
    href: Callable[[str, int], str] | None = None

    @property
    def data(self) -> list[list[object]]:
        return [[str(label), size, *shares] for label, size, shares in self.rows]

    def html(self) -> SafeString:
        shares = [s for _l, _n, row in self.rows for s in row if s is not None]
        low = min(shares, default=0.0) if self.low is None else self.low
        high = max(shares, default=1.0) if self.high is None else self.high
        rows = [
            (
                label,
                formats.integer(size),
                [(*self._cell(s, low, high), self._link(label, i, s)) for i, s in enumerate(row)],
            )
            for label, size, row in self.rows
        ]
        scale = [(f"h{i}", low + (high - low) * i / STEPS) for i in range(STEPS)]
        return render_to_string(
            "web/ui/heat.html",
            {
                "map": self,
                "rows": rows,
                "scale": scale,
                "low": self._text(low),
                "high": self._text(high),
            },
        )

    def _cell(self, share: float | None, low: float, high: float) -> tuple[str, str]:
        if share is None:
            return "h-none", ""
        return f"h{heat_step(share, low, high)}", self._text(share)

    def _link(self, label: Text, column: int, share: float | None) -> str:
        return "" if self.href is None or share is None else self.href(str(label), column)

    def _text(self, value: float) -> str:
        if self.kind == "money":
            return formats.money(round(value))
        return formats.percent(value, self.digits)

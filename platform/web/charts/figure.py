"""A chart with everything that belongs to it: title, legend, data as a table, three drawings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from web.shell import Text

# One drawing for each width of the container (see charts.css), so that text keeps its size and
# labels are laid out for the room there is: phone, half a page, a whole page.
WIDTHS = {"narrow": 340, "medium": 560, "wide": 920}

# Paper colours for a drawing outside a page (reports), where charts.css has no tokens.
_STATIC = Path(__file__).resolve().parent.parent / "static" / "web"


@dataclass(frozen=True)
class Drawing:
    width: float
    height: float
    marks: str


@dataclass(frozen=True)
class Figure:
    """What a chart builder answers with.

    ``columns`` and ``rows`` are the data as text (the table under the chart), ``data`` the same
    rows as numbers for a spreadsheet. ``unit`` is the unit of the axis as text. ``legend`` holds
    (class, label). ``draw`` lays the marks out for a width in user units (about pixels).
    """

    title: Text
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    data: Sequence[Sequence[Any]]
    draw: Callable[[int], Drawing]
    unit: str = ""
    description: Text = ""
    legend: Sequence[tuple[str, str]] = ()

    def svg(self, width: int = 560, variant: str = "") -> SafeString:
        """The drawing as an ``<svg>`` element; give ``variant`` only inside :meth:`html`."""
        drawing = self.draw(width)
        css = f"chart-svg {variant}".strip()
        described = f"<desc>{escape(self.description)}</desc>" if self.description else ""
        return mark_safe(  # noqa: S308  (marks are built by web.charts.svg, which escapes)
            f'<svg class="{css}" role="img" viewBox="0 0 {drawing.width:.0f} {drawing.height:.0f}" '
            f'xmlns="http://www.w3.org/2000/svg"><title>{escape(self.title)}</title>{described}'
            f"{drawing.marks}</svg>"
        )

    def standalone_svg(self, width: int = 560) -> str:
        """The drawing as a file of its own, on paper colours, for PDF and other documents."""
        return str(self.svg(width)).replace("<title>", f"<style>{paper_style()}</style><title>", 1)

    def html(self) -> SafeString:
        """Caption, legend, the drawings (CSS shows the one that fits) and the data as a table."""
        drawings = [self.svg(width, name) for name, width in WIDTHS.items()]
        return render_to_string("web/ui/chart.html", {"figure": self, "drawings": drawings})


@cache
def paper_style() -> str:
    """charts.css with the tokens of the light theme put in, for renderers without variables."""
    tokens = (_STATIC / "tokens.css").read_text(encoding="utf-8")
    light = tokens[tokens.index('[data-theme="light"]') :].split("}", 1)[0]
    style = (_STATIC / "charts.css").read_text(encoding="utf-8")
    style = style[style.index("/* Marks */") : style.index("/* End of marks */")]
    for declaration in light.split("{", 1)[1].split(";"):
        name, _, value = declaration.partition(":")
        style = style.replace(f"var({name.strip()})", value.strip())
    return style

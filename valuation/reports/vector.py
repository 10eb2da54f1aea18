"""The product's charts as vector drawings of a PDF: the same marks, colours and labels as on pages.

A chart is drawn once, by :mod:`web.charts`; here its marks become ReportLab shapes with the paper
colours of ``charts.css``. What a page tells apart by colour alone is told apart by dashes and
hatching as well, so that a grey print can be read.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from xml.etree import ElementTree

from reportlab.graphics.shapes import Circle, Drawing, Group, Line, Path, Rect, String
from reportlab.lib import colors
from reportlab.pdfbase.pdfmetrics import stringWidth

from valuation.reports.type_setting import face_runs, plain
from web.charts import Figure
from web.charts.figure import paper_style

RULE = re.compile(r"\.chart-svg\s+([^{}]+?)\s*\{([^}]*)\}")
NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")
# By the number of a series: dashes of its line, then the slope of the hatching of its areas.
DASHES: dict[str, list[float]] = {
    "2": [6, 3],
    "3": [2, 2],
    "4": [8, 3, 2, 3],
    "5": [4, 2],
    "6": [1, 2],
}
SLOPES: dict[str, float] = {"s2": 1.0, "s3": -1.0, "s4": 0.0, "s6": 1.0, "c-fall": 1.0}
HATCH_STEP = 5.0
LEGEND_LINE = 16.0
SWATCH = 18.0

Style = Mapping[str, str]


@cache
def _rules() -> dict[str, dict[str, str]]:
    """Declarations of the paper style by class; those of every text under "text"."""
    found: dict[str, dict[str, str]] = {}
    for selectors, body in RULE.findall(paper_style()):
        pairs = [one.partition(":") for one in body.split(";") if ":" in one]
        for selector in selectors.split(","):
            if " " in selector.strip():
                continue  # a label inside a link: paper has no links
            name = selector.strip().removeprefix(".")
            found.setdefault(name, {}).update({k.strip(): v.strip() for k, _c, v in pairs})
    return found


def _style(element: ElementTree.Element, base: str = "") -> dict[str, str]:
    found = dict(_rules().get(base, {}))
    for name in element.get("class", "").split():
        found.update(_rules().get(name, {}))
    return found


def _colour(style: Style, name: str) -> Any:
    value = style.get(name, "")
    if not value or value == "none":
        return None
    opacity = float(style.get(f"{name}-opacity", "1"))
    colour = colors.HexColor(value)
    if opacity == 1:
        return colour
    # Mixed with the paper: transparency prints badly on some devices.
    return colors.Color(*(1 - opacity * (1 - part) for part in colour.rgb()))


class _Plot:
    """Shapes of one chart in PDF coordinates, which grow upwards."""

    def __init__(self, height: float) -> None:
        self.height = height
        self.shapes: list[Any] = []

    def up(self, y: str | float | None) -> float:
        return self.height - float(y or 0)

    def add(self, element: ElementTree.Element) -> None:
        makers: dict[str, Callable[[ElementTree.Element], None]] = {
            "rect": self._rect,
            "line": self._line,
            "circle": self._circle,
            "text": self._text,
            "path": self._path,
        }
        maker = makers.get(element.tag)
        if maker is not None:
            maker(element)
            return
        for child in element:
            self.add(child)

    def _rect(self, element: ElementTree.Element) -> None:
        x, y, width, height = (float(element.get(n, "0")) for n in ("x", "y", "width", "height"))
        bottom = self.up(y + height)
        fill = _colour(_style(element), "fill")
        self.shapes.append(
            Rect(x, bottom, width, height, fillColor=fill, strokeColor=None, strokeWidth=0)
        )
        slope = _slope(element)
        if slope is not None and min(width, height) > 2:
            corners = [(x, bottom), (x + width, bottom), (x + width, bottom + height)]
            self._hatch([*corners, (x, bottom + height)], slope)

    def _line(self, element: ElementTree.Element) -> None:
        style = _style(element)
        x1, y1, x2, y2 = (float(element.get(n, "0")) for n in ("x1", "y1", "x2", "y2"))
        self.shapes.append(Line(x1, self.up(y1), x2, self.up(y2), **_stroke(style)))

    def _circle(self, element: ElementTree.Element) -> None:
        fill = _colour(_style(element), "fill")
        x, y, radius = (float(element.get(n, "0")) for n in ("cx", "cy", "r"))
        self.shapes.append(Circle(x, self.up(y), radius, fillColor=fill, strokeColor=None))

    def _text(self, element: ElementTree.Element) -> None:
        style = _style(element, "text")
        size = float(style.get("font-size", "12px").removesuffix("px"))
        content = plain("".join(element.itertext()))
        bold = int(style.get("font-weight", "400")) > 500
        x, y = float(element.get("x", "0")), self.up(element.get("y"))
        self.shapes += set_text(
            content, x, y, size, element.get("text-anchor", "start"), style.get("fill", ""), bold
        )

    def _path(self, element: ElementTree.Element) -> None:
        style = _style(element)
        steps = element.get("d", "")
        flat = [float(one) for one in NUMBERS.findall(steps)]
        points = [(x, self.up(y)) for x, y in zip(flat[::2], flat[1::2], strict=True)]
        closed = steps.endswith("Z")
        options = _stroke(style)
        number = next(
            (one[1] for one in element.get("class", "").split() if re.fullmatch(r"l\d", one)), ""
        )
        if number in DASHES:
            options["strokeDashArray"] = DASHES[number]
        fill = _colour(style, "fill") if closed else None
        self.shapes.append(_outline(points, closed, fillColor=fill, **options))
        slope = _slope(element)
        if closed and slope is not None:
            self._hatch(points, slope)

    def swatch(self, css: str, x: float, base: float, *, as_line: bool) -> None:
        """A piece of a line or a patch of an area, as it stands in the chart."""
        if as_line and re.fullmatch(r"s\d", css):
            options = _stroke({**_rules().get(f"l{css[1]}", {}), "stroke-width": "2.4"})
            if css[1] in DASHES:
                options["strokeDashArray"] = DASHES[css[1]]
            self.shapes.append(Line(x, base + 4, x + SWATCH, base + 4, **options))
            return
        fill = _colour(_rules().get(css, {}), "fill")
        self.shapes.append(Rect(x, base, SWATCH, 8, fillColor=fill, strokeColor=None))
        if css in SLOPES:
            corners = [(x, base), (x + SWATCH, base), (x + SWATCH, base + 8), (x, base + 8)]
            self._hatch(corners, SLOPES[css])

    def _hatch(self, corners: list[tuple[float, float]], slope: float) -> None:
        """White lines over an area, clipped to it."""
        left, right = (end(x for x, _y in corners) for end in (min, max))
        low, high = (end(y for _x, y in corners) for end in (min, max))
        lines = [_outline(corners, closed=True, isClipPath=1, fillColor=None, strokeColor=None)]
        run = high - low if slope else 0.0
        at = left - run if slope else low
        end = right if slope else high
        while at < end:
            ends = {
                1.0: (at, low, at + run, high),
                -1.0: (at, high, at + run, low),
                0.0: (left, at, right, at),
            }[slope]
            lines.append(Line(*ends, strokeColor=colors.white, strokeWidth=0.9))
            at += HATCH_STEP
        self.shapes.append(Group(*lines))


def _slope(element: ElementTree.Element) -> float | None:
    return next((SLOPES[one] for one in element.get("class", "").split() if one in SLOPES), None)


def _outline(points: list[tuple[float, float]], closed: bool, **options: Any) -> Path:
    path = Path(**options)
    path.moveTo(*points[0])
    for point in points[1:]:
        path.lineTo(*point)
    if closed:
        path.closePath()
    return path


def _stroke(style: Style) -> dict[str, Any]:
    options: dict[str, Any] = {
        "strokeColor": _colour(style, "stroke"),
        "strokeWidth": float(style.get("stroke-width", "1")),
    }
    if "stroke-dasharray" in style:
        options["strokeDashArray"] = [float(one) for one in style["stroke-dasharray"].split()]
    return options


def set_text(
    content: str, x: float, y: float, size: float, anchor: str, colour: str, bold: bool = False
) -> list[String]:
    """A line of text in the faces that its characters need."""
    runs = face_runs(content, bold=bold)
    whole = sum(stringWidth(text, face, size) for text, face in runs)
    at = x - {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * whole
    shapes = []
    for text, face in runs:
        fill = colors.HexColor(colour) if colour else colors.black
        shapes.append(String(at, y, text, fontName=face, fontSize=size, fillColor=fill))
        at += stringWidth(text, face, size)
    return shapes


def drawing_of(figure: Figure, width: float, units: int = 720) -> Drawing:
    """The chart ``width`` points wide, with its legend below; drawn for ``units`` user units."""
    drawn = figure.draw(units)
    legend = _legend(figure, units)
    below = LEGEND_LINE * len(legend)
    plot = _Plot(drawn.height + below)
    # Marks are written by web.charts.svg, never by people: there is nothing to fear in them.
    plot.add(ElementTree.fromstring(f"<g>{drawn.marks}</g>"))  # noqa: S314
    for line, entries in enumerate(legend):
        base = below - LEGEND_LINE * (line + 1) + 4
        for x, css, label in entries:
            plot.swatch(css, x, base, as_line="c-line" in drawn.marks)
            plot.shapes += set_text(plain(label), x + SWATCH + 5, base, 11, "start", "#434c59")
    scale = width / units
    whole = Group(*plot.shapes, transform=(scale, 0, 0, scale, 0, 0))
    return Drawing(width, plot.height * scale, whole)


def _legend(figure: Figure, units: int) -> list[list[tuple[float, str, str]]]:
    """Entries by line: where each begins, its class, its label; none for a single series."""
    lines: list[list[tuple[float, str, str]]] = [[]]
    at = 0.0
    for css, label in figure.legend if len(figure.legend) > 1 else ():
        width = (
            SWATCH + 24 + sum(stringWidth(text, face, 11) for text, face in face_runs(plain(label)))
        )
        if at + width > units and lines[-1]:
            lines.append([])
            at = 0.0
        lines[-1].append((at, css, label))
        at += width
    return [line for line in lines if line]

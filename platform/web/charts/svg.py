"""Marks of a chart as SVG text. Colours come from classes only: the page forbids inline style."""

from collections.abc import Iterable, Sequence

from django.utils.html import escape

Point = tuple[float, float]


def number(value: float) -> str:
    """Coordinates to a tenth of a unit, without a trailing zero."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"


def _tip(title: str) -> str:
    return f"<title>{escape(title)}</title>" if title else ""


def rect(x: float, y: float, width: float, height: float, css: str, title: str = "") -> str:
    """A bar; a value that is not zero stays visible as a hair line."""
    return (
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(max(width, 0))}" '
        f'height="{number(max(height, 0))}" class="{css}">{_tip(title)}</rect>'
    )


def line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    return (
        f'<line x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}" '
        f'class="{css}"/>'
    )


def circle(x: float, y: float, radius: float, css: str, title: str = "") -> str:
    return (
        f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}" class="{css}">'
        f"{_tip(title)}</circle>"
    )


def text(x: float, y: float, content: str, anchor: str = "start", css: str = "") -> str:
    classes = f' class="{css}"' if css else ""
    return (
        f'<text x="{number(x)}" y="{number(y)}" text-anchor="{anchor}"{classes}>'
        f"{escape(content)}</text>"
    )


def lines_of_text(
    x: float, y: float, content: Sequence[str], anchor: str = "middle", css: str = ""
) -> str:
    return "".join(text(x, y + 14 * i, part, anchor, css) for i, part in enumerate(content))


def _moves(points: Iterable[Point]) -> str:
    return "L".join(f"{number(x)} {number(y)}" for x, y in points)


def polyline(points: Sequence[Point], css: str) -> str:
    return f'<path d="M{_moves(points)}" class="{css}"/>'


def area(upper: Sequence[Point], lower: Sequence[Point], css: str, title: str = "") -> str:
    """The room between two lines that run from left to right."""
    return f'<path d="M{_moves([*upper, *reversed(lower)])}Z" class="{css}">{_tip(title)}</path>'


def runs(points: Sequence[Point | None]) -> list[list[Point]]:
    """Split at gaps: a missing value interrupts a line instead of being bridged."""
    found: list[list[Point]] = [[]]
    for point in points:
        if point is None:
            found.append([])
        else:
            found[-1].append(point)
    return [run for run in found if run]

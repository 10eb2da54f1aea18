"""A document as PDF, by ReportLab alone: no system package, no font file.

Chinese is set in STSong-Light, one of the fonts that every PDF reader knows by name and supplies
itself (Adobe-GB1); so nothing is embedded and nothing has to be shipped.
"""

import io
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from valuation.reports.document import Document, Figure, Grid, change, written
from valuation.reports.workbook import heads

FONT = "STSong-Light"
MOST_ROWS = 40
_LINE, _HEAD = colors.HexColor("#c9ced8"), colors.HexColor("#e8ecf4")
# Not in Adobe-GB1: the plain sign says the same.
PLAIN = {"\u2212": "-", "²": "2", "–": "-"}


def _style(size: float, **options: Any) -> ParagraphStyle:
    return ParagraphStyle(
        "plain", fontName=FONT, fontSize=size, leading=size * 1.4, wordWrap="CJK", **options
    )


def pdf_of(document: Document) -> bytes:
    """The document on A4, its notice at the foot of every page."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    out = io.BytesIO()
    paper = SimpleDocTemplate(
        out,
        pagesize=A4,
        title=document.title,
        author="Parcfolio",
        subject=document.notice,
        leftMargin=16 * mm,
        rightMargin=16 * mm,
        topMargin=16 * mm,
        bottomMargin=20 * mm,
    )
    story: list[Any] = [
        _text(document.title, 18),
        _text(document.subtitle, 11),
        Spacer(0, 2 * mm),
        _text(document.notice, 9, textColor=colors.HexColor("#9c5700")),
        Spacer(0, 3 * mm),
        _table(
            [[label, value] for label, value in document.facts], [40 * mm, 138 * mm], head=False
        ),
    ]
    for section in document.sections:
        story += [Spacer(0, 5 * mm), _text(section.title, 13)]
        if section.figures:
            story += [Spacer(0, 1.5 * mm), _figures(section.figures)]
        for grid in section.grids:
            story += [Spacer(0, 3 * mm), _text(grid.title, 10), _grid(grid)]
        story += [_text(note, 8) for note in section.notes]
    paper.build(story, onFirstPage=_foot(document), onLaterPages=_foot(document))
    return out.getvalue()


def plain(text: str) -> str:
    for sign, instead in PLAIN.items():
        text = text.replace(sign, instead)
    return text


def _text(content: str, size: float, **options: Any) -> Paragraph:
    return Paragraph(escape(plain(content)), _style(size, **options))


def _table(rows: list[list[str]], widths: list[float], *, head: bool = True) -> Table:
    cells = [[_text(str(cell), 8) for cell in row] for row in rows]
    table = Table(cells, colWidths=widths, repeatRows=1 if head else 0)
    marks: list[Any] = [
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 1.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
    ]
    if head:
        marks.append(("BACKGROUND", (0, 0), (-1, 0), _HEAD))
    table.setStyle(TableStyle(marks))
    return table


def _figures(figures: Any) -> Table:
    rows = [heads()[:7]]
    rows += [_figure_row(figure) for figure in figures]
    return _table(rows, [width * mm for width in (34, 24, 18, 18, 14, 16, 54)])


def _figure_row(figure: Figure) -> list[str]:
    return [
        figure.label,
        written(figure.value, figure.kind),
        change(figure, figure.before),
        change(figure, figure.year),
        figure.target,
        figure.status,
        figure.formula,
    ]


def _grid(grid: Grid) -> Table:
    rows = [[head for head, _kind in grid.heads]]
    for line in grid.rows[:MOST_ROWS]:
        cells = zip(line, grid.heads, strict=True)
        rows.append([written(value, kind) for value, (_head, kind) in cells])
    return _table(rows, [178 * mm / len(grid.heads)] * len(grid.heads))


def _foot(document: Document) -> Any:
    def draw(canvas: Any, paper: Any) -> None:
        canvas.saveState()
        canvas.setFont(FONT, 8)
        canvas.setFillColor(colors.HexColor("#555555"))
        canvas.drawString(16 * mm, 11 * mm, plain(document.notice))
        canvas.drawRightString(194 * mm, 11 * mm, str(canvas.getPageNumber()))
        canvas.restoreState()

    return draw

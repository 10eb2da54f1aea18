"""A document as PDF, by ReportLab alone: no system package, no font file.

A cover with the headline and what identifies the edition, then the chapters; the notice and the
edition at the foot of every page; chapters as bookmarks. Charts are vectors
(:mod:`valuation.reports.vector`), type is set in faces that every reader has
(:mod:`valuation.reports.type_setting`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    CondPageBreak,
    Flowable,
    KeepTogether,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from valuation.reports.document import Document, Figure, Grid, Kind, Section, change, written
from valuation.reports.type_setting import LATIN, LATIN_BOLD, face_runs, markup, plain
from valuation.reports.vector import drawing_of, set_text
from valuation.reports.workbook import heads
from web import formats

MOST_ROWS = 40
MARGIN, WIDTH = 16 * mm, A4[0] - 32 * mm
# A frame pads what stands in it; its margins are narrower by as much.
_FRAME = 6.0
_LINE, _HEAD = colors.HexColor("#c8cdd5"), colors.HexColor("#eff1f4")
_TEXT, _SOFT, _MUTED = (colors.HexColor(one) for one in ("#171c24", "#434c59", "#5d6673"))
_ACCENT, _WARN = colors.HexColor("#2b50c0"), colors.HexColor("#855300")
_WARN_SOFT = colors.HexColor("#fcf0d6")
_PADDING = 6.0
_WIDEST_TEXT = 58 * mm


def _style(size: float, **options: Any) -> ParagraphStyle:
    """Chinese breaks between any two characters, other scripts between words."""
    options.setdefault("textColor", _TEXT)
    return ParagraphStyle(
        "plain",
        fontName=LATIN,
        fontSize=size,
        leading=size * 1.38,
        wordWrap="CJK" if formats.in_chinese() else None,
        **options,
    )


def _text(content: str, size: float, *, bold: bool = False, **options: Any) -> Paragraph:
    style = _style(size, **options)
    if bold:
        style.fontName = LATIN_BOLD
    return Paragraph(markup(content, bold=bold), style)


class _Chapter(Flowable):
    """The mark of a chapter: a bookmark of the document, without a size."""

    def __init__(self, title: str, key: str) -> None:
        super().__init__()
        self.title, self.key = title, key

    def wrap(self, _width: float, _height: float) -> tuple[float, float]:
        return 0.0, 0.0

    def draw(self) -> None:
        self.canv.bookmarkPage(self.key)
        self.canv.addOutlineEntry(self.title, self.key, 0)


def pdf_of(document: Document, path: Path) -> None:
    """Write the document on A4."""
    paper = SimpleDocTemplate(
        str(path),
        pagesize=A4,
        title=f"{document.title} · {document.subtitle}",
        author="Parcfolio",
        subject=document.notice,
        leftMargin=MARGIN - _FRAME,
        rightMargin=MARGIN - _FRAME,
        topMargin=16 * mm,
        bottomMargin=22 * mm,
        invariant=1,
    )
    story = _cover(document)
    for number, section in enumerate(document.sections, start=1):
        story += _section(section, number)

    def sheet(*args: Any, **options: Any) -> Canvas:
        return _Sheets(document, *args, **options)

    paper.build(story, canvasmaker=sheet)


def _cover(document: Document) -> list[Any]:
    story: list[Any] = [
        Spacer(0, 14 * mm),
        _text(document.title, 24, bold=True),
        Spacer(0, 3 * mm),
        _text(document.subtitle, 14, textColor=_SOFT),
        Spacer(0, 8 * mm),
    ]
    if document.headline:
        story += [_headline(document.headline), Spacer(0, 8 * mm)]
    story += [_boxed(document.notice), Spacer(0, 8 * mm)]
    story.append(_facts(document.facts))
    if len(document.sections) > 1:
        names = [f"{i}  {one.title}" for i, one in enumerate(document.sections, start=1)]
        half = -(-len(names) // 2)
        columns = [names[:half], names[half:] + [""] * (2 * half - len(names))]
        pairs = zip(*columns, strict=True)
        cells = [[_text(name, 9, textColor=_SOFT) for name in pair] for pair in pairs]
        story += [Spacer(0, 8 * mm), Table(cells, colWidths=[WIDTH / 2] * 2, style=_bare())]
    story.append(PageBreak())
    return story


def _bare() -> TableStyle:
    return TableStyle([("LEFTPADDING", (0, 0), (-1, -1), 0), ("TOPPADDING", (0, 0), (-1, -1), 1)])


def _headline(figures: Sequence[tuple[str, str, str]]) -> Table:
    rows = [
        [_text(label, 8.5, textColor=_MUTED) for label, _value, _below in figures],
        [_text(value, 17, bold=True) for _label, value, _below in figures],
        [_text(below, 8, textColor=_MUTED) for _label, _value, below in figures],
    ]
    shares = [0.34, *[0.66 / (len(figures) - 1)] * (len(figures) - 1)]
    table = Table(rows, colWidths=[WIDTH * share for share in shares])
    marks = [
        ("LINEABOVE", (0, 0), (-1, 0), 1.2, _ACCENT),
        ("LINEBELOW", (0, -1), (-1, -1), 0.5, _LINE),
        ("TOPPADDING", (0, 0), (-1, -1), 3),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
    table.setStyle(TableStyle(marks))
    return table


def _boxed(notice: str) -> Table:
    table = Table([[_text(notice, 9, textColor=_WARN)]], colWidths=[WIDTH])
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), _WARN_SOFT),
                ("LINEBEFORE", (0, 0), (0, -1), 2.5, _WARN),
                ("TOPPADDING", (0, 0), (-1, -1), 5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
            ]
        )
    )
    return table


def _facts(facts: Sequence[tuple[str, str]]) -> Table:
    rows = [[_text(label, 8.5, textColor=_MUTED), _text(value, 8.5)] for label, value in facts]
    return Table(rows, colWidths=[38 * mm, WIDTH - 38 * mm], style=TableStyle(_rules()))


def _rules() -> list[Any]:
    return [
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ("LEFTPADDING", (0, 0), (-1, -1), _PADDING / 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), _PADDING / 2),
    ]


def _section(section: Section, number: int) -> list[Any]:
    title = f"{number}  {section.title}"
    head: list[Any] = [
        Spacer(0, 6 * mm),
        _Chapter(plain(title), f"chapter-{number}"),
        _text(title, 14, bold=True),
        Spacer(0, 1.5 * mm),
    ]
    if section.lead:
        head += [_text(section.lead, 9.5, textColor=_SOFT), Spacer(0, 2 * mm)]
    blocks: list[list[Any]] = []
    if section.figures:
        blocks.append([_figures(section.figures)])
    for picture in section.pictures:
        blocks.append(
            [
                Spacer(0, 2 * mm),
                _text(str(picture.chart.title), 10, bold=True),
                Spacer(0, 1.5 * mm),
                drawing_of(picture.chart, WIDTH),
                *_described(str(picture.chart.description)),
            ]
        )
    blocks += [_grid(grid) for grid in section.grids if grid.on_paper]
    blocks += [[_text(note, 8, textColor=_MUTED)] for note in section.notes if note]
    if not blocks:
        return head
    # A heading never stands alone at the foot of a page.
    story: list[Any] = [CondPageBreak(45 * mm)]
    first, *rest = blocks
    story += [KeepTogether([*head, *first])] if _is_small(first) else [*head, *first]
    for block in rest:
        story += [KeepTogether(block)] if _is_small(block) else block
    return story


def _is_small(block: list[Any]) -> bool:
    """What fits on a page for certain; a long table breaks where it must."""
    return not any(isinstance(one, Table) and len(one._cellvalues) > 24 for one in block)


def _described(description: str) -> list[Any]:
    return [_text(description, 8, textColor=_MUTED)] if description else []


def _cell(content: str, kind: Kind, *, head: bool = False) -> Paragraph:
    options: dict[str, Any] = {"alignment": 0 if kind == "text" else 2}
    if head:
        options["textColor"] = _SOFT
    return _text(content, 8, bold=head, **options)


def _table(rows: Sequence[Sequence[str]], kinds: Sequence[Kind], *, total: bool = False) -> Table:
    """The first row is the head; numbers stand at the right of columns as wide as they need."""
    cells = [
        [
            _cell(str(cell), kind, head=place == 0 or (total and place == len(rows) - 1))
            for cell, kind in zip(row, kinds, strict=True)
        ]
        for place, row in enumerate(rows)
    ]
    table = Table(cells, colWidths=_widths(rows, kinds), repeatRows=1)
    marks = [*_rules(), ("BACKGROUND", (0, 0), (-1, 0), _HEAD)]
    marks.append(("LINEBELOW", (0, 0), (-1, 0), 0.8, _SOFT))
    table.setStyle(TableStyle(marks))
    return table


def _widths(rows: Sequence[Sequence[str]], kinds: Sequence[Kind]) -> list[float]:
    """As wide as the longest cell; texts give way where all does not fit, and take what is left."""
    wanted = [
        max(_line_width(str(row[i]), bold=n == 0) for n, row in enumerate(rows)) + _PADDING + 1
        for i in range(len(kinds))
    ]
    texts = [i for i, kind in enumerate(kinds) if kind == "text"]
    fixed = sum(width for i, width in enumerate(wanted) if i not in texts)
    room = max(WIDTH - fixed, 0.0)
    needed = sum(wanted[i] for i in texts)
    if not texts or needed + fixed <= WIDTH:
        spare = (WIDTH - fixed - needed) / len(kinds)
        return [width + spare for width in wanted] if spare > 0 else _shrunk(wanted)
    # Short texts keep their line; long ones share the rest by their length.
    short = [i for i in texts if wanted[i] <= room / len(texts)]
    long = [i for i in texts if i not in short]
    rest = room - sum(wanted[i] for i in short)
    whole = sum(wanted[i] ** 0.75 for i in long)
    for i in long:
        wanted[i] = rest * wanted[i] ** 0.75 / whole
    return _shrunk(wanted)


def _shrunk(widths: list[float]) -> list[float]:
    scale = min(WIDTH / sum(widths), 1.0)
    return [width * scale for width in widths]


def _line_width(text: str, *, bold: bool) -> float:
    lines = plain(text).split("\n")
    return float(
        max(
            sum(stringWidth(run, face, 8) for run, face in face_runs(line, bold=bold))
            for line in lines
        )
    )


FIGURE_KINDS: tuple[Kind, ...] = ("text", "money", "money", "money", "text", "text", "text")


def _figures(figures: Sequence[Figure]) -> Table:
    rows = [heads()[:7], *(_figure_row(figure) for figure in figures)]
    empty = [i for i in (4, 5) if not any(row[i] for row in rows[1:])]
    kept = [i for i in range(7) if i not in empty]
    return _table([[row[i] for i in kept] for row in rows], [FIGURE_KINDS[i] for i in kept])


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


def _grid(grid: Grid) -> list[Any]:
    """Title, table, note; a long one says how many rows the workbook has besides."""
    story: list[Any] = [Spacer(0, 3 * mm), _text(grid.title, 10, bold=True), Spacer(0, 1 * mm)]
    if grid.rows:
        rows = [[head for head, _of in grid.heads]]
        for line in grid.rows[:MOST_ROWS]:
            cells = zip(line, grid.heads, strict=True)
            rows.append([written(value, kind) for value, (_name, kind) in cells])
        if grid.summed:
            rows.append(_sums(grid))
        story.append(_table(rows, [kind for _name, kind in grid.heads], total=grid.summed))
    else:
        story.append(_text(_("Nothing recorded"), 8, textColor=_MUTED))
    if len(grid.rows) > MOST_ROWS:
        more = _("%(count)s further rows stand in the workbook.")
        story.append(_text(more % {"count": len(grid.rows) - MOST_ROWS}, 8, textColor=_MUTED))
    if grid.note:
        story.append(_text(grid.note, 8, textColor=_MUTED))
    return story


def _sums(grid: Grid) -> list[str]:
    found = [_("Total")]
    for place, (_name, kind) in enumerate(grid.heads[1:], start=1):
        known = [line[place] for line in grid.rows if line[place] is not None]
        summable = kind in ("money", "integer", "percent") and known
        found.append(written(sum(known), kind) if summable else "")
    return found


class _Sheets(Canvas):
    """Pages that know how many there are: notice, edition and number at the foot of each."""

    def __init__(self, document: Document, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._document = document
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        for number, state in enumerate(self._pages, start=1):
            self.__dict__.update(state)
            self._foot(number, len(self._pages))
            super().showPage()
        super().save()

    def _foot(self, number: int, of: int) -> None:
        self.setStrokeColor(_LINE)
        self.setLineWidth(0.5)
        self.line(MARGIN, 16 * mm, A4[0] - MARGIN, 16 * mm)
        lines = [(self._document.notice, 12 * mm), (self._document.stamp, 8.5 * mm)]
        for content, y in lines:
            for shape in set_text(plain(content), MARGIN, y, 7.5, "start", "#5d6673"):
                self._set(shape)
        page = f"{number} / {of}"
        for shape in set_text(page, A4[0] - MARGIN, 12 * mm, 7.5, "end", "#5d6673"):
            self._set(shape)

    def _set(self, shape: Any) -> None:
        self.setFillColor(shape.fillColor)
        self.setFont(shape.fontName, shape.fontSize)
        self.drawString(shape.x, shape.y, shape.text)

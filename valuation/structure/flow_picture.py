"""Where the money of a deal goes over its life, as one picture drawn by the server.

The pool's collections (and the originator's support, the reserve at closing) stand on the left;
every use of them on the right, with bands as thick as the yuan they carry. Left and right are
equal: what came in is what went out.
"""

from dataclasses import dataclass

from django.utils.html import escape
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from valuation.structure.waterfall import Waterfall
from web import formats
from web.charts import Drawing, Figure, svg

HEIGHT = 250.0
BANDS = 110.0
GAP = 6.0
BAR = 12.0
TOP = 18.0


@dataclass(frozen=True)
class Flow:
    label: str
    yuan: float
    css: str


def sources_of(run: Waterfall, reserve: float) -> list[Flow]:
    """What came in: collections, the reserve at closing, support."""
    return [
        Flow(_("Collections"), sum(run.collections), "s1"),
        Flow(_("Reserve at closing"), reserve, "s4"),
        Flow(_("Originator's support"), sum(run.support), "s3"),
    ]


def uses_of(run: Waterfall) -> list[Flow]:
    """What went out, in the order of the priority of payments."""
    totals = run.totals()
    return [
        Flow(_("Fees"), totals["fee"], "s6"),
        Flow(_("A interest"), totals["a_int"], "s2"),
        Flow(_("A principal"), totals["a_prin"], "s1"),
        Flow(_("B interest"), totals["b_int"], "s4"),
        Flow(_("B principal"), totals["b_prin"], "s4"),
        Flow(_("New customers bought"), sum(run.reinvested), "s3"),
        Flow(_("Residual to the originator"), totals["residual"], "s5"),
    ]


def flow_picture(run: Waterfall, reserve: float) -> Figure:
    """The bands of a run; the table below has the same amounts."""
    left = [one for one in sources_of(run, reserve) if one.yuan > 0]
    right = [one for one in uses_of(run) if one.yuan > 0]
    rows = [(pgettext("chart", "In"), one) for one in left]
    rows += [(pgettext("chart", "Out"), one) for one in right]
    return Figure(
        _("Where the money goes"),
        ["", pgettext("chart", "Flow"), _("Yuan")],
        [[side, one.label, _money(one.yuan)] for side, one in rows],
        [[side, one.label, one.yuan] for side, one in rows],
        lambda width: _draw(width, left, right),
        "",
        _("Over the life of the deal; both sides are equal."),
    )


def _money(yuan: float) -> str:
    return formats.money(round(yuan * 100))


def _spread(flows: list[Flow], scale: float) -> list[tuple[Flow, float, float]]:
    """Each flow with top and thickness; every one stays visible and has room for two lines."""
    found, at = [], TOP
    for one in flows:
        thick = max(one.yuan * scale, 1.0)
        found.append((one, at, thick))
        at += max(thick, 26.0) + GAP
    return found


def _draw(width: int, left: list[Flow], right: list[Flow]) -> Drawing:
    total = max(sum(one.yuan for one in left), sum(one.yuan for one in right), 1e-9)
    scale = BANDS / total
    narrow = width < 450
    side = 4.0 if narrow else 150.0
    start, end = side + BAR, width - 165.0
    lefts, rights = _spread(left, scale), _spread(right, scale)
    marks = [*_bands(lefts, rights, start, end, scale)]
    for one, top, thick in lefts:
        marks.append(svg.rect(start - BAR, top, BAR, thick, one.css, _tip(one)))
        if not narrow:
            marks.append(svg.text(start - BAR - 6, top + 11, one.label, "end", "c-label"))
            marks.append(svg.text(start - BAR - 6, top + 25, _money(one.yuan), "end"))
    for one, top, thick in rights:
        marks.append(svg.rect(end, top, BAR, thick, one.css, _tip(one)))
        marks.append(svg.text(end + BAR + 6, top + 11, one.label, "start", "c-label"))
        marks.append(svg.text(end + BAR + 6, top + 25, _money(one.yuan), "start", "c-figure"))
    bottom = max(top + max(thick, 26.0) for _one, top, thick in [*lefts, *rights])
    return Drawing(width, max(bottom + 8, HEIGHT), "".join(marks))


def _tip(one: Flow) -> str:
    return f"{one.label}: {_money(one.yuan)}"


def _bands(
    lefts: list[tuple[Flow, float, float]],
    rights: list[tuple[Flow, float, float]],
    start: float,
    end: float,
    scale: float,
) -> list[str]:
    """From the joined left side to each use: uses take from the top in the order of payment."""
    # The left bars as one column, cut where the uses cut it.
    cuts = [(top, one.yuan) for one, top, _thick in lefts]
    marks, at, spent = [], 0, 0.0
    middle = (start + end) / 2
    for one, top, _thick in rights:
        wanted, target = one.yuan, top
        while wanted > 1e-9 and at < len(cuts):
            source_top, held = cuts[at]
            part = min(wanted, held - spent)
            thick = part * scale
            y = source_top + spent * scale
            marks.append(
                f'<path d="M{svg.number(start)} {svg.number(y)}C{svg.number(middle)} '
                f"{svg.number(y)} {svg.number(middle)} {svg.number(target)} {svg.number(end)} "
                f"{svg.number(target)}V{svg.number(target + thick)}C{svg.number(middle)} "
                f"{svg.number(target + thick)} {svg.number(middle)} {svg.number(y + thick)} "
                f'{svg.number(start)} {svg.number(y + thick)}Z" class="c-flow {one.css}">'
                f"<title>{escape(_tip(one))}</title></path>"
            )
            wanted -= part
            target += thick
            spent += part
            if held - spent <= 1e-9:
                at, spent = at + 1, 0.0
    return marks

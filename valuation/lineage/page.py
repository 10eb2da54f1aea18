"""The address of a figure: definition, formula with its numbers, parts, rows, history, basis."""

import csv
import datetime as dt
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from organization import audit
from organization.access import Access, Capability, entered
from organization.models import Unit
from organization.requests import SignedInRequest
from valuation.assumption_page import confidence_text
from valuation.assumptions import terms_of
from valuation.indicators import wording
from valuation.indicators.definition import Definition
from valuation.indicators.definitions import DEFINITIONS
from valuation.indicators.records import UnitIndicators
from valuation.indicators.unit_months import recorded_months, unit_months
from valuation.lineage.anchors import Anchor, month_anchor, valuation_anchor
from valuation.lineage.evidence import evidence_of
from valuation.lineage.listing import Evidence
from valuation.lineage.parts_evidence import share_facts
from valuation.lineage.registry import AT_VALUATION, COHORTS, FIGURES
from valuation.lineage.rows import columns_of, names_of, plain, shown_listing
from valuation.lineage.value_parts import DRAWN
from valuation.models import Valuation, ValuedUnit
from valuation.shown import access_of, chosen_unit, crumbs_of, newest_valuation, visible_units
from valuation.uncertainty import LAYERS
from web import charts, formats
from web.paging import page_number
from web.spreadsheets import inert

QUARTER = re.compile(r"^\d{4}-Q[1-4]$")
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Explained:
    """Everything that the address of one figure is about."""

    access: Access
    definition: Definition
    unit: Unit
    units: dict[int, Unit]
    anchor: Anchor
    cohort: tuple[str, int] | None

    @property
    def query(self) -> str:
        cell = f"&cohort={self.cohort[0]}&elapsed={self.cohort[1]}" if self.cohort else ""
        return f"at={self.anchor.at}{cell}"

    def evidence(self) -> Evidence:
        """Counted over the group's records, whatever part of them the reader may see by name."""
        with entered(Access.system(self.access.tenant_id, "rows behind a figure")):
            return evidence_of(
                self.definition,
                self.anchor,
                self.cohort,
                self.access.units_for(Capability.SEE_VALUE),
            )


def explained(request: SignedInRequest, code: str, key: str) -> Explained:
    """Read the address; 404 for a unit, figure, month or cohort that there is not."""
    access = access_of(request)
    units = visible_units(access)
    unit = chosen_unit(access, units, code)
    definition = FIGURES.get(key)
    if definition is None:
        raise Http404(_("There is no figure of that name."))
    cohort = _cohort(request.GET) if key in COHORTS else None
    anchor = _anchor(access, unit, units, definition, request.GET.get("at", ""), cohort)
    if anchor is None:
        raise Http404(_("This figure was not recorded for that unit and time."))
    return Explained(access, definition, unit, units, anchor, cohort)


def _cohort(query: Mapping[str, str]) -> tuple[str, int]:
    quarter, elapsed = query.get("cohort", ""), query.get("elapsed", "0")
    if not QUARTER.match(quarter) or not elapsed.isdecimal() or len(elapsed) > 3:
        raise Http404(_("There is no such cohort."))
    return quarter, int(elapsed)


def _anchor(
    access: Access,
    unit: Unit,
    units: dict[int, Unit],
    definition: Definition,
    at: str,
    cohort: tuple[str, int] | None,
) -> Anchor | None:
    """``at``: "valuation", a month, or nothing for whichever the figure has."""
    if at == "valuation" or definition.key not in DEFINITIONS:
        return _at_valuation(access, unit, units, definition, cohort)
    months = recorded_months(access, unit)
    month = next((one for one in months if at in ("", f"{one:%Y-%m}")), None)
    found = None if month is None else month_anchor(access, unit, units, definition, month)
    if found is None and not at and definition.key in AT_VALUATION:
        return _at_valuation(access, unit, units, definition, cohort)
    return found


def _at_valuation(
    access: Access,
    unit: Unit,
    units: dict[int, Unit],
    definition: Definition,
    cohort: tuple[str, int] | None,
) -> Anchor | None:
    valuation = newest_valuation(access)
    if valuation is None:
        return None
    return valuation_anchor(access, unit, units, definition, valuation, cohort)


@require_safe
def figure(request: SignedInRequest, code: str, key: str) -> HttpResponse:
    """One figure of one unit at one time, down to the rows that it recomputes from."""
    one = explained(request, code, key)
    found = one.evidence()
    page = page_number(request.GET.get("page"))
    shown = [
        shown_listing(one.access, one.definition, listing, one.anchor, one.units, one.query, page)
        for listing in found.listings
    ]
    recomputed, stored = found.figure(one.definition), one.anchor.figure
    context = {
        "one": one,
        "definition": one.definition,
        "unit": one.unit,
        "crumbs": crumbs_of(one.unit, one.units, "unit_indicators"),
        "value": wording.exactly(one.definition, stored),
        "recomputed": wording.exactly(one.definition, recomputed),
        "recomputes": agree(recomputed, stored, found.within),
        "within": wording.exactly(one.definition, found.within) if found.within else "",
        "arithmetic": arithmetic(one.definition, one.anchor.counters),
        "facts": facts(one),
        "details": [*details(one), *_of_shares(one, found)],
        "listings": shown,
        "more": any(each.last < each.rows for each in shown),
        "page": page,
        "trend": trend(one),
        "former": former_recordings(one),
        "versions": definition_history(one),
        "may_create_task": one.definition.key in DEFINITIONS
        and one.access.may(Capability.CREATE_TASK, one.unit.pk),
        "parts_href": part_hrefs(one),
    }
    return render(request, "valuation/lineage/figure.html", context)


def agree(one: float | None, other: float | None, within: float = 0.0) -> bool:
    """Whether the rows give the stored figure; nothing and a sum over no rows are one.

    ``within``: how far a figure that was drawn may lie from the one that its layers imply.
    """
    if one is None or other is None:
        return (one or 0.0) == (other or 0.0)
    return abs(one - other) <= max(TOLERANCE * max(1.0, abs(other)), within)


def arithmetic(definition: Definition, counters: Mapping[str, int]) -> str:
    """The formula with the unit's numbers in it."""
    if not definition.denominator:
        return ""
    above, below = definition.parts(counters)
    top = wording.part_written(definition, above, counters=definition.numerator)
    bottom = wording.part_written(definition, below, counters=definition.denominator)
    match definition.shape:
        case "growth":
            return f"{top} ÷ {bottom} − 1"
        case "compound":
            return f"({top} ÷ {bottom})^(1/{definition.years}) − 1"
        case "score":
            return f"100 × {top} ÷ {bottom}"
        case _:
            return f"{top} ÷ {bottom}"


def facts(one: Explained) -> list[tuple[str, Any]]:
    """As of when, by which definition and model, on which records."""
    anchor, valuation = one.anchor, one.anchor.valuation
    version, _dot, digest = anchor.definition.partition("·")
    return [
        (_("Window"), f"{one.definition.window} · {_('until')} {formats.date(_last_day(anchor))}"),
        (_("Definition"), f"v{version or one.definition.version} · {digest}"),
        (_("Recorded"), formats.instant(anchor.recorded)),
        (_("Valuation as of"), formats.date(valuation.as_of)),
        (_("Model version"), valuation.model_version),
        (_("Data confidence"), confidence_text(valuation)),
        (_("Input"), valuation.input_hash[:12]),
    ]


def _last_day(anchor: Anchor) -> dt.date:
    return anchor.end - dt.timedelta(days=1)


def details(one: Explained) -> list[tuple[str, Any]]:
    """What stands beside some figures: the WACC beside the ROIC, the band beside the value."""
    valuation = one.anchor.valuation
    found: list[tuple[str, Any]] = []
    if one.definition.key == "roic":
        wacc = terms_of(valuation.assumptions.values).discount.wacc
        found.append((_("Cost of capital (WACC)"), formats.percent(wacc)))
        if wacc is not None and one.anchor.figure is not None:
            found.append((_("ROIC less WACC"), formats.points(one.anchor.figure - wacc)))
    if one.definition.key in ("value", "undiscounted", *DRAWN):
        found += _band(one, valuation)
    if one.definition.benchmark is not None:
        value, source = one.definition.benchmark
        found.append((_("Benchmark"), f"{wording.written(one.definition, value)} · {source}"))
    left = one.anchor.left_out.get(one.definition.gaps, []) if one.definition.gaps else []
    if left:
        found.append((_("Left out: gaps in the books"), wording.code_list(left)))
    for name, label in (("months", _("Months without books")), ("partial", _("A cost is missing"))):
        if one.definition.gaps and one.anchor.left_out.get(name):
            found.append((label, wording.code_list(one.anchor.left_out[name])))
    return found


def _of_shares(one: Explained, found: Evidence) -> list[tuple[str, Any]]:
    days = next((each.frame for each in found.listings if each.kind == "shares"), None)
    return [] if days is None else share_facts(days)


def _band(one: Explained, valuation: Valuation) -> list[tuple[str, Any]]:
    valued = ValuedUnit.objects.visible_to(one.access).get(valuation=valuation, unit=one.unit)
    drawn = valued.uncertainty
    return [
        ("P5", formats.money_exact(valued.p5_fen)),
        ("P95", formats.money_exact(valued.p95_fen)),
        (_("Drawn"), _("%(draws)s draws, seed %(seed)s") % drawn),
        *(
            (str(_(LAYERS[each["name"]])), f"±{formats.money(each['deviation_fen'])}")
            for each in drawn["layers"]
        ),
    ]


def trend(one: Explained) -> Any:
    """The figure's recorded months as a chart; None for a figure of valuations alone."""
    if one.anchor.month is None:
        return None
    found = unit_months(one.access, one.unit, one.anchor.month)
    series = found.series(one.definition.key) if found else []
    if sum(value is not None for value in series) < 2 or found is None:
        return None
    months = found.rows[-1].month
    number = months.year * 12 + months.month - 1
    labels = [
        f"{(number - back) // 12}-{(number - back) % 12 + 1:02d}"
        for back in range(len(series) - 1, -1, -1)
    ]
    kinds: dict[str, Any] = {"percent": "percent", "money": "money"}
    return charts.lines(
        str(one.definition.label),
        labels,
        [(one.definition.label, series)],
        kind=kinds.get(one.definition.kind, "count"),
        zero=False,
    )


def former_recordings(one: Explained) -> list[tuple[UnitIndicators, str]]:
    """Earlier rows of the same month, with the figures as they were, the newest first."""
    if one.anchor.month is None:
        return []
    rows = (
        UnitIndicators.objects.visible_to(one.access)
        .filter(unit=one.unit, month=one.anchor.month)
        .select_related("run")
        .order_by("-run_id")[:12]
    )
    key = one.definition.key
    return [(row, wording.exactly(one.definition, row.figures.get(key))) for row in rows]


def definition_history(one: Explained) -> list[tuple[str, str]]:
    """When the definition changed among the recordings of this unit: (month, version·digest)."""
    if one.anchor.month is None:
        return []
    rows = (
        UnitIndicators.objects.visible_to(one.access)
        .filter(unit=one.unit)
        .order_by("month", "-run_id")
        .distinct("month")
        .values_list("month", "run__definitions")
    )
    found: list[tuple[str, str]] = []
    for month, definitions in rows:
        version = definitions.get(one.definition.key, "")
        if not found or found[-1][1] != version:
            found.append((f"{month:%Y-%m}", version))
    return found if len(found) > 1 else []


def part_hrefs(one: Explained) -> dict[str, str]:
    above = one.units.get(one.unit.parent_id) if one.unit.parent_id else None
    rows = reverse("figure_rows", args=[one.unit.code, one.definition.key])
    found = {"csv": f"{rows}?{one.query}"}
    if above is not None:
        up = reverse("figure", args=[above.code, one.definition.key])
        found["above"] = f"{up}?{one.query}"
    return found


@require_safe
def figure_rows(request: SignedInRequest, code: str, key: str) -> HttpResponse:
    """The rows behind a figure as CSV, masked as on the page; recorded in the audit trail."""
    one = explained(request, code, key)
    found = one.evidence()
    out = io.StringIO()
    # The mark that makes spreadsheets read UTF-8.
    out.write("\ufeff")
    writer = csv.writer(out)
    for listing in found.listings:
        names = names_of(one.access, listing, listing.frame, one.anchor)
        columns = columns_of(one.definition, listing, names, one.units, one.query)
        writer.writerow([inert(str(column.label)) for column in columns])
        for row in listing.frame.to_dict("records"):
            writer.writerow([_cell(column.raw(plain(row)), column.format) for column in columns])
    rows = sum(len(listing.frame) for listing in found.listings)
    audit.record(
        one.access,
        "figure.exported",
        f"figure:{key}",
        unit=one.unit.code,
        at=one.anchor.at,
        rows=rows,
    )
    response = HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8")
    name = f"{one.unit.code}-{key}-{one.anchor.at}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _cell(value: Any, kind: str) -> Any:
    """Money in yuan, everything else as it is; texts cannot act as formulas."""
    if value is None:
        return ""
    if kind in ("money", "money_exact"):
        return f"{value / 100:.2f}"
    return inert(value) if isinstance(value, str) else value

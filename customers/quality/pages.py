"""The data-quality pages: what figures rest on, store by store, and renewing the report."""

from datetime import date
from typing import Any

import pandas as pd
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views.decorators.http import require_POST, require_safe

from customers.models import QualityReport, Visit
from customers.quality import report as quality
from customers.quality import tables as quality_tables
from customers.quality import tasks as quality_tasks
from customers.quality.rules import FIELDS, GAP_ALLOWED, KIND_BY_CODE, PARTS
from customers.quality.scoring import Confidence, field_shares
from organization.access import Access, Capability, acting
from organization.models import Unit
from organization.requests import SignedInRequest
from web import charts, formats
from web.components import Lineage

REPORTS_SHOWN = 12
# Counting on the page up to here; beyond, or where the last count took longer, by a worker.
SYNCHRONOUS_SECONDS = 2.0
SYNCHRONOUS_VISITS = 150_000
FORMULA = gettext_lazy("Σ weight × part reached, out of 100; the parts are explained below")


def _units(access: Access, part: quality.Assessment) -> dict[int, Unit]:
    return Unit.objects.visible_to(access).in_bulk(part.stores)


def _part_tiles(found: Confidence) -> list[dict[str, Any]]:
    return [
        {
            "label": part.label,
            "value": formats.percent(found.parts[part.code]),
            "hint": _("weight %(weight)s") % {"weight": formats.integer(part.weight)},
        }
        for part in PARTS
    ]


def _lineage(report: QualityReport, part: quality.Assessment) -> Lineage:
    basis = (
        _("Outside payers and internal work")
        if part.basis == "with_internal"
        else _("Outside payers")
    )
    return Lineage(
        formula=FORMULA,
        rows=_("Records of %(count)s stores") % {"count": formats.integer(len(part.stores))},
        as_of=report.as_of,
        details=[
            (_("Assessed"), formats.instant(report.created_at)),
            (_("Revenue compared with the books"), basis),
        ],
    )


def _names(codes: tuple[str, ...]) -> str:
    return pgettext("between names", ", ").join(str(KIND_BY_CODE[code].label) for code in codes)


def _empty_fields(part: quality.Assessment) -> str:
    shares = field_shares(part.fields)
    never = shares[(shares["records"] > 0) & (shares["filled"] == 0)].index
    return pgettext("between names", ", ").join(
        str(field.label) for field in FIELDS if field.code in never
    )


def _change(points: list[tuple[date, float]]) -> dict[str, Any]:
    """Change of the score since the report before, in points of 100."""
    if len(points) < 2:
        return {"change": None, "since": ""}
    (day, former), (_day, latest) = points[-2:]
    return {
        "change": latest - former,
        "since": pgettext("compared with", "since %(day)s") % {"day": formats.date(day)},
    }


def _trend(points: list[tuple[date, float]]) -> charts.Figure | None:
    if len(points) < 2:
        return None
    return charts.lines(
        _("Data confidence by as-of date"),
        [formats.date(day) for day, _score in points],
        [(pgettext("data quality", "Confidence"), [score for _day, score in points])],
        kind="decimal",
        noun=pgettext("data quality", "points"),
    )


@require_safe
def overview(request: SignedInRequest) -> HttpResponse:
    """All stores of the person's access, out of the latest report."""
    access = acting(request.access, Capability.SEE_DATA_QUALITY)
    report = quality.latest_report(access)
    context: dict[str, Any] = {
        "report": report,
        "may_assess": access.may_everywhere(Capability.IMPORT_DATA),
        "may_import": access.may_everywhere(Capability.IMPORT_DATA),
        "has_visits": report is not None or Visit.objects.visible_to(access).exists(),
    }
    if report is not None:
        part = quality.visible_part(access, report)
        many = len(part.stores) > quality_tables.STORES_LISTED and "all" not in request.GET
        most = quality_tables.STORES_LISTED if many else None
        context |= _overview(access, report, part, most) | {"listed": most}
    return render(request, "customers/quality/overview.html", context)


def _overview(
    access: Access, report: QualityReport, part: quality.Assessment, most: int | None
) -> dict[str, Any]:
    units = _units(access, part)
    found = part.confidence
    points = quality.trend(access, REPORTS_SHOWN)
    beyond = part.gaps_beyond
    return {
        "is_stale": quality.imported_since(access, report),
        "found": found,
        "score_tone": quality_tables.score_tone(found.score),
        "lineage": _lineage(report, part),
        "tiles": _part_tiles(found),
        **_change(points),
        "trend": _trend(points),
        "missing": _names(found.missing_kinds),
        "empty_fields": _empty_fields(part),
        "stores": quality_tables.store_table(part, units, most),
        "store_count": len(part.stores),
        "fields": quality_tables.field_table(part),
        "gaps": quality_tables.gap_table(part, units),
        "gap_count": len(beyond),
        "gap_stores": beyond["store"].nunique(),
        "gaps_shown": quality_tables.GAPS_SHOWN,
        "gap_allowed": GAP_ALLOWED,
        "balances": quality_tables.balance_table(part, units, most),
        "parts": quality_tables.part_table(found),
        "rules": [(part.label, part.rule) for part in PARTS],
    }


@require_safe
def store(request: SignedInRequest, code: str) -> HttpResponse:
    """One store: kinds, fields, months against the books. Stores out of sight answer 404."""
    access = acting(request.access, Capability.SEE_DATA_QUALITY)
    stores = Unit.objects.visible_to(access).filter(level=Unit.Level.STORE)
    unit = stores.filter(code=code).first()
    if unit is None or not access.covers(unit.pk):
        raise Http404(_("There is no store %(code)s in your view.") % {"code": code})
    report = quality.latest_report(access)
    if report is None:
        return redirect("data_quality")
    part = quality.Assessment.from_json(report.as_of, report.report, unit.pk.__eq__)
    context: dict[str, Any] = {
        "unit": unit,
        "report": report,
        "known": bool(part.stores),
        "crumbs": [(_("Data quality"), reverse("data_quality"))],
    }
    if part.stores:
        context |= _store(access, report, part)
    return render(request, "customers/quality/store.html", context)


def _store(access: Access, report: QualityReport, part: quality.Assessment) -> dict[str, Any]:
    rows = quality_tables.month_rows(part)
    found = part.confidence
    visits = quality_tables.reached(part)[part.stores[0]]["visits"]
    factor = part.months["factor"].median()
    return {
        "is_stale": quality.imported_since(access, report),
        "found": found,
        "score_tone": quality_tables.score_tone(found.score),
        "lineage": _lineage(report, part),
        "tiles": _part_tiles(found),
        "visits": visits,
        "kinds": quality_tables.kind_table(part, part.stores[0]),
        "fields": quality_tables.field_table(part),
        "chart": quality_tables.month_chart(rows) if rows else None,
        "months": quality_tables.month_table(rows),
        "has_books": part.months["ledger_fen"].notna().any(),
        "factor": formats.percent(None if pd.isna(factor) else float(factor)),
        "parts": quality_tables.part_table(found),
        "rules": [(part.label, part.rule) for part in PARTS],
    }


def _takes_long(access: Access) -> bool:
    """Whether an assessment would keep the page waiting."""
    last = quality.latest_report(access)
    if last is not None:
        return bool(last.report["seconds"] >= SYNCHRONOUS_SECONDS)
    return Visit.objects.visible_to(access)[SYNCHRONOUS_VISITS:].exists()


@require_POST
def renew(request: SignedInRequest) -> HttpResponse:
    """Assess again as of the day after the latest visit: now if that is quick, else by a worker."""
    access = request.access
    access.require_everywhere(Capability.IMPORT_DATA)
    access.require(Capability.SEE_DATA_QUALITY)
    if _takes_long(access):
        if not settings.REDIS_URL:
            messages.error(
                request,
                _("No worker is connected (REDIS_URL is not set): run manage.py assess_quality."),
            )
            return redirect("data_quality")
        tenant_id, label = access.tenant_id, access.label
        transaction.on_commit(lambda: quality_tasks.assess.delay(tenant_id, label))
        messages.info(
            request, _("The data are being assessed; the report appears here when it is ready.")
        )
        return redirect("data_quality")
    try:
        quality.assess_latest(access)
    except quality.NothingToAssess as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("The data were assessed anew."))
    return redirect("data_quality")

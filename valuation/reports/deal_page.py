"""A stored structure as a workbook with live formulas, under the what-if view of the address."""

import io

from django.contrib import messages
from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from organization import audit
from organization.access import Capability, acting
from organization.requests import SignedInRequest
from valuation.models import Structure
from valuation.refusals import Refused
from valuation.reports.contents import notice
from valuation.reports.deal_workbook import DealBook, deal_workbook
from valuation.shown import access_of
from valuation.structure.collections import Collections
from valuation.structure.form import StructureForm
from valuation.structure.sources import collections_of
from valuation.structure.stresses import stressed
from valuation.structure.study import Study
from valuation.structure.terms import parse_terms, stress_of
from web import formats


@require_safe
def structure_workbook(request: SignedInRequest, pk: int) -> HttpResponse | FileResponse:
    """The workbook of a structure; each download is on the trail."""
    access = acting(access_of(request), Capability.EXPORT_VALUE)
    rows = Structure.objects.visible_to(access).select_related("unit")
    stored = get_object_or_404(rows, pk=pk)
    access.require(Capability.EXPORT_VALUE, stored.unit_id)
    form = StructureForm(parse_terms(stored.terms), request.GET)
    try:
        found = collections_of(access, stored.source)
        if found.as_of is not None and not found.approved:
            messages.error(request, _("Only an approved valuation may be exported."))
            return redirect("structure", pk)
        if not form.is_valid():
            raise Refused([])
        study = Study(form.terms, found, stress_of(form.stresses))
        content = deal_workbook(book_of(stored, study))
    except Refused:
        messages.error(request, _("These terms make no sense together."))
        return redirect("structure", pk)
    audit.record(access, "structure.exported", f"structure:{stored.pk}", unit=stored.unit.code)
    return FileResponse(io.BytesIO(content), as_attachment=True, filename=file_name(stored))


def file_name(stored: Structure) -> str:
    name = slugify(stored.name, allow_unicode=True) or str(stored.pk)
    return f"structure-{name}-v{stored.version}.xlsx"


def book_of(stored: Structure, study: Study) -> DealBook:
    """The deal as it is shown; what comes in is the scenario of the study's stress."""
    found = study.pool
    scenario = stressed(found.amounts, found.survival, study.stress)
    title = f"{stored.name} v{stored.version}"
    facts = facts_of(stored, study.collections, study)
    return DealBook(title, notice(), facts, study.deal, scenario, study.run)


def facts_of(stored: Structure, found: Collections, study: Study) -> list[tuple[str, str]]:
    """What identifies the workbook: structure, valuation, stress."""
    stress = _("base case") if study.stress.is_base else _("under a stress set on the page")
    facts = [
        (_("Unit"), stored.unit.name),
        (_("Structure"), f"{stored.name} v{stored.version}"),
        (_("Author"), f"{stored.author} · {formats.instant(stored.created_at)}"),
        (_("Collections"), found.label),
        (_("Scenario"), stress),
    ]
    if found.as_of is not None:
        facts += [
            (_("Valuation as of"), formats.date(found.as_of)),
            (_("Model version"), found.model_version),
            (_("Input"), found.input_hash),
        ]
    return facts
